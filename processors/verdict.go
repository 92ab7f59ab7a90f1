package processors

import (
	"encoding/json"
	"regexp"
	"slices"
	"time"

	"deskstream/schemas"
)

// verdict is what an evaluation of audiences found about a person.
type verdict struct {
	at      int64 // Unix seconds
	settle  bool
	in, out []schemas.AudienceRef
	fired   []firing
}

// firing is an activity that makes its person enter an audience.
type firing struct {
	audience string
	since    int64
	activity schemas.Activity
}

// audienceID is the form of an audience's id: it is part of subjects.
var audienceID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (it *item) loadVerdict() {
	var z schemas.AudienceVerdict
	if !it.unmarshal(it.ev.Data, &z) || !it.sound(z.At, "at") {
		return
	}
	it.decodedID = int64(z.ID)
	v := &verdict{at: z.At.Unix(), settle: z.Settle, in: z.In, out: z.Out}
	for i := range z.Fired {
		f := &z.Fired[i]
		if !it.sound(f.Activity.OccurredAt, "occurred_at") || !it.plain(f) {
			return
		}
		v.fired = append(v.fired, firing{f.Audience, f.Since.Unix(), f.Activity})
	}
	for _, ref := range slices.Concat(z.In, z.Out) {
		if !audienceID.MatchString(ref.ID) {
			it.die("invalid", "the verdict names an audience by something that is no id")
			return
		}
	}
	it.verdict = v
}

// plain refuses a firing whose activity cannot be written as a row.
func (it *item) plain(f *schemas.AudienceFiring) bool {
	attributes := f.Activity.Attributes
	if !audienceID.MatchString(f.Audience) || f.Activity.ActivityID == "" || attributes != "" && !json.Valid([]byte(attributes)) {
		it.die("invalid", "the verdict has an activity that cannot be used, or no audience for it")
		return false
	}
	if attributes == "" {
		f.Activity.Attributes = "{}"
	}
	return true
}

// takeVerdict has a verdict weighed, for who is one person now.
func (r *run) takeVerdict(a *accountWork, it *item) {
	if it.load(); it.domain == domainDead {
		r.dead(it)
		return
	}
	w := r.user(a, it.id)
	if w.u.id == 0 {
		r.result.Ignored++ // erased meanwhile
		return
	}
	w.see(it)
	w.verdict = it.verdict
}

// reentry is how long somebody who left an audience stays out of it, unless everybody is evaluated.
const reentry = int64(time.Minute / time.Second)
