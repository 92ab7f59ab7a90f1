package processors

import (
	"time"

	"deskstream/schemas"
)

// choice is what somebody decided about a person, as one event tells it.
type choice struct {
	at                  int64 // nanoseconds
	mail, sms, archived *bool
}

// choices are the newest decisions about a user: values are 0 and 1, a time of 0 means none. They outlive what any source says.
type choices struct{ mail, sms, archived patch[int64] }

func (c *choices) all() []*patch[int64] { return []*patch[int64]{&c.mail, &c.sms, &c.archived} }

func (it *item) loadChoice() {
	var z schemas.PersonChange
	if !it.unmarshal(it.ev.Data, &z) || !it.sound(z.At, "at") {
		return
	}
	it.decodedID = int64(z.ID)
	it.choice = &choice{at: z.At.UnixNano(), mail: z.Email, sms: z.SMS, archived: z.Archived}
}

// takeChoice keeps the newest decision of each kind. It is kept for a user that is not known yet too.
func (r *run) takeChoice(a *accountWork, it *item) {
	if it.load(); it.domain == domainDead {
		r.dead(it)
		return
	}
	w := r.user(a, it.id)
	w.u.id = it.id
	c, news := it.choice, false
	for _, d := range []struct {
		have *patch[int64]
		told *bool
	}{{&w.u.chosen.mail, c.mail}, {&w.u.chosen.sms, c.sms}, {&w.u.chosen.archived, c.archived}} {
		if d.told != nil {
			news = take(d.have, c.at, int64(flag(*d.told))) || news
		}
	}
	if !news {
		r.result.Duplicates++
		return
	}
	w.see(it)
	r.touch(userKey(a.prefix, it.id))
}

// choose writes the newest decisions about any of a person's users over what the sources say.
func choose(row *schemas.PersonRow, users []*user) {
	var newest choices
	for _, u := range users {
		have := newest.all()
		for i, p := range u.chosen.all() {
			if p.at > have[i].at {
				*have[i] = *p
			}
		}
	}
	to := []*uint8{&row.EmailPermission, &row.SMSPermission, &row.Archived}
	for i, p := range newest.all() {
		if p.at != 0 {
			*to[i] = uint8(p.value)
			row.UpdatedAt = unix(max(row.UpdatedAt.Unix(), p.at/int64(time.Second)))
		}
	}
}
