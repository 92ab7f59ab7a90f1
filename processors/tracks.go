package processors

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"deskstream/schemas"
)

// personFields is what the stream told about fields of people. Version 0: it never told anything.
type personFields struct{ schemas.PersonFields }

func (p *personFields) empty() bool { return p.Version == 0 }

func (p *personFields) encode(w *writer) {
	b, err := json.Marshal(p.PersonFields)
	if err != nil { // a time beyond year 9999; then nothing is known
		b = []byte("{}")
	}
	w.b = append(w.b, b...)
}

func (p *personFields) decode(r *reader) {
	if json.Unmarshal(r.b, &p.PersonFields) != nil {
		r.fail()
	}
}

func (it *item) loadFields() {
	it.loaded = true
	if it.fields = new(schemas.PersonFields); !it.unmarshal(it.ev.Data, it.fields) {
		return
	}
	for _, t := range it.fields.Tracked {
		if t.ID == "" || !it.sound(t.Since, "since") {
			it.die("invalid", "a tracked field has no id or no possible time")
			return
		}
	}
	for _, k := range it.fields.Kept {
		if k.ID == "" || !schemas.CustomKey.MatchString(k.Key) || k.Activity == "" || k.Attribute == "" {
			it.die("invalid", "a kept field has no id, no possible name, no activity or no attribute")
			return
		}
	}
	it.domain = domainFields
}

func (r *run) takeFields(a *accountWork, it *item) {
	if it.fields.Version <= a.fields.Version {
		r.result.Duplicates++
		return
	}
	a.fields.PersonFields = *it.fields
	r.touch(fieldsKey(a.prefix))
}

// tracks are the tracked fields of a user, by id. What was said of them is kept with its times, so that the changes follow from it in
// whatever order it arrives.
type tracks []track

// track is what was said of a tracked field.
type track struct {
	field, label string
	since        int64 // when the tracking began, nanoseconds; what changed before is no change
	floor        int64 // what was said up to here is forgotten: the changes told of it stay
	points       []fieldPoint
}

// fieldPoint is a value that was said of a field.
type fieldPoint struct {
	at    int64 // nanoseconds
	rank  byte  // of two words of one second the larger rank counts
	known bool  // it was known when the tracking began
	value string
}

// Who said a value.
const (
	rankWebhook byte = iota
	rankRecord
	rankTold // through our API
)

const (
	// maxPoints bounds what is kept of one field; beyond it go points that change nothing, then the oldest.
	maxPoints = 32
	// maxTracked is the longest value that is kept, in bytes.
	maxTracked = 1000
	// fieldPrefix stands before the field in the identity of a change.
	fieldPrefix = ":"
)

func (p *fieldPoint) second() int64 { return p.at / int64(time.Second) }

func (p *fieldPoint) compare(o *fieldPoint) int {
	for _, d := range [...]int64{p.second() - o.second(), int64(p.rank) - int64(o.rank), p.at - o.at} {
		if d < 0 {
			return -1
		} else if d > 0 {
			return 1
		}
	}
	return 0
}

// add notes a point and reports whether it was news. Of two values that were said at once the larger one counts.
func (t *track) add(p fieldPoint) bool {
	p.value = cut(p.value, maxTracked)
	i, found := slices.BinarySearchFunc(t.points, p, func(a, b fieldPoint) int { return a.compare(&b) })
	if found {
		if p.value <= t.points[i].value {
			return false
		}
		t.points[i].value = p.value
		return true
	}
	if p.second() <= t.floor {
		return false
	}
	t.points = slices.Insert(t.points, i, p)
	t.shorten()
	return true
}

// shorten keeps the points within their bound.
func (t *track) shorten() {
	for i := 1; len(t.points) > maxPoints && i < len(t.points)-1; {
		if a, b, c := &t.points[i-1], &t.points[i], &t.points[i+1]; a.value == b.value && b.value == c.value && a.told() == b.told() && b.told() == c.told() {
			t.points = slices.Delete(t.points, i, i+1)
			continue
		}
		i++
	}
	if len(t.points) > maxPoints {
		t.points = slices.Delete(t.points, 0, 1)
		t.floor = t.points[0].second()
	}
}

func (p *fieldPoint) told() bool { return p.rank == rankTold }

// track begins to track the fields that are tracked now, with what is known of them, and ends with the others. It is for when something is
// about to be said of the user.
func (u *user) track(fields *personFields) {
	if len(fields.Tracked) == 0 && len(u.tracks) == 0 {
		return
	}
	next := make(tracks, 0, len(fields.Tracked))
	for _, f := range fields.Tracked {
		t := track{field: f.ID, since: f.Since.UnixNano()}
		if old := u.tracks.find(f.ID); old != nil && old.since == t.since {
			t = *old
		} else {
			t.points = u.knownPoints(f.ID)
		}
		t.label = orElse(f.Label, f.ID)
		next = append(next, t)
	}
	u.tracks = next
}

func (t tracks) find(field string) *track {
	for i := range t {
		if t[i].field == field {
			return &t[i]
		}
	}
	return nil
}

// knownPoints gives what is known of a field already.
func (u *user) knownPoints(field string) []fieldPoint {
	var t track
	add := func(at int64, rank byte, value string) {
		t.add(fieldPoint{at: at, rank: rank, known: true, value: value})
	}
	if n := systemField(field); n >= 0 {
		f := u.now()
		if s := u.said(f, n); s.at != 0 && (s.value != "" || f.active) {
			add(s.at, rankRecord, s.value)
		}
		if p := u.apiValues.all()[n]; p.at != 0 {
			add(p.at, rankTold, p.value)
		}
		return t.points
	}
	if key, ok := strings.CutPrefix(field, customPrefix); ok {
		for i := range u.apiValues.custom {
			if c := &u.apiValues.custom[i]; c.key == key {
				if value, single := singleText(c.value); single {
					add(c.at, rankTold, value)
				}
			}
		}
	}
	for _, f := range u.knownFacts() {
		if value, said := f.says(field); said {
			add(f.at*int64(time.Second), flag(f.full), value)
		}
	}
	return t.points
}

// knownFacts are the record of a user and what webhooks told later, as if each told one thing.
func (u *user) knownFacts() []*userFacts {
	var list []*userFacts
	if u.rec != nil {
		list = append(list, u.rec)
	}
	if u.name.at != 0 {
		list = append(list, &userFacts{at: u.name.at, named: true, name: u.name.value, deletion: true})
	}
	if at := u.email.at; at != 0 && at == u.ext.at { // webhooks tell both
		list = append(list, &userFacts{at: at, email: u.email.value, external: u.ext.value})
	}
	return list
}

const (
	customPrefix     = "custom."
	zendeskPrefix    = "zendesk."
	userFieldsPrefix = zendeskPrefix + "fields."
)

// systemField gives the place of a system field in apiValues, -1 for others.
func systemField(id string) int {
	for n := range systemNames {
		if systemNames[n].id == id {
			return n
		}
	}
	return -1
}

// says gives what a record or webhook says of a field that Zendesk alone decides. A deletion blanks fields, which says nothing of them.
func (f *userFacts) says(field string) (value string, said bool) {
	defer func() { said = said && (value != "" || !f.hasState || f.active) }()
	switch field {
	case "external_id":
		return f.external, f.full || !f.deletion
	case zendeskPrefix + "name":
		return f.name, f.full || f.named
	case zendeskPrefix + "email":
		return f.email, f.full || !f.deletion
	}
	if !f.full {
		return "", false
	}
	if key, ok := strings.CutPrefix(field, userFieldsPrefix); ok {
		var all map[string]json.RawMessage
		if json.Unmarshal([]byte(f.fields), &all) != nil {
			return "", false
		}
		return singleText(string(all[key]))
	}
	switch field {
	case zendeskPrefix + "phone":
		return f.phone, true
	case zendeskPrefix + "alias":
		return f.alias, true
	case zendeskPrefix + "locale":
		return f.locale, true
	case zendeskPrefix + "time_zone":
		return f.zone, true
	case zendeskPrefix + "verified":
		return strconv.FormatBool(f.verified), true
	case zendeskPrefix + "suspended":
		return strconv.FormatBool(f.suspend), true
	case zendeskPrefix + "shared_phone_number":
		return strconv.FormatBool(f.shared), true
	}
	return "", false
}

// singleText gives a JSON value as text, null and nothing as none. single is false for a list or an object, which are not tracked.
func singleText(value string) (text string, single bool) {
	value = strings.TrimSpace(value)
	switch {
	case value == "" || value == "null":
		return "", true
	case value[0] == '[' || value[0] == '{':
		return "", false
	case value[0] == '"':
		return schemas.Text(json.RawMessage(value)), true
	}
	return value, true
}

// notePoint notes a value of a field, if that is tracked, and reports whether it was news.
func (u *user) notePoint(field string, p fieldPoint) bool {
	t := u.tracks.find(field)
	return t != nil && t.add(p)
}

// noteFacts notes what a record or webhook says of fields that Zendesk alone decides.
func (u *user) noteFacts(f *userFacts) {
	for i := range u.tracks {
		if value, said := f.says(u.tracks[i].field); said {
			u.tracks[i].add(fieldPoint{at: f.at * int64(time.Second), rank: flag(f.full), value: value})
		}
	}
}

// noteAPIValues notes what somebody said through our API and reports whether it was news.
func (u *user) noteAPIValues(told *apiValues) bool {
	if len(u.tracks) == 0 {
		return false
	}
	news := false
	for n, p := range told.all() {
		if p.at != 0 {
			news = u.notePoint(systemNames[n].id, fieldPoint{at: p.at, rank: rankTold, value: p.value}) || news
		}
	}
	for i := range told.custom {
		c := &told.custom[i]
		if value, single := singleText(c.value); single {
			news = u.notePoint(customPrefix+c.key, fieldPoint{at: c.at, rank: rankTold, value: value}) || news
		}
	}
	return news
}

// fieldChange is a change of a tracked field; "" is no value.
type fieldChange struct {
	at            int64 // seconds
	field, label  string
	before, after string
}

// fieldChanges tells what changed of the tracked fields of a user that there is since created.
func (u *user) fieldChanges(created int64) []*fieldChange {
	var out []*fieldChange
	for i := range u.tracks {
		t := &u.tracks[i]
		// What only we decide had no value before somebody said one; what Zendesk had before its first word is not known.
		told := strings.HasPrefix(t.field, customPrefix) || schemas.IsOwnUser(schemas.ZID(u.id))
		for _, c := range t.changes(told, created) {
			if u.roleAt(c.at) == roleEndUser {
				out = append(out, c)
			}
		}
	}
	return out
}

// changes walks through what was said, a second at a time, and tells what changed. The first value is no change; with empty the field had
// none at the time begun.
func (t *track) changes(empty bool, begun int64) []*fieldChange {
	var out []*fieldChange
	var said, told *fieldPoint
	value := ""
	begin := empty && len(t.points) > 0 && t.points[0].second() > begun
	for i := 0; i < len(t.points); {
		at, news := t.points[i].second(), false
		var word *fieldPoint
		for ; i < len(t.points) && t.points[i].second() == at; i++ {
			p := &t.points[i]
			if news = news || !p.known && p.at > t.since; p.told() {
				told = p
			} else {
				word = p
			}
		}
		if word != nil && (said == nil || word.value != said.value) { // what a source says again it said before
			said = word
		}
		now := valueOf(said, told)
		if begin && now != value && news && at > t.floor {
			out = append(out, &fieldChange{at: at, field: t.field, label: t.label, before: value, after: now})
		}
		value, begin = now, true
	}
	return out
}

// valueOf gives a field's value by what a source said last and what was told last, by the rule of material.outcome.
func valueOf(said, told *fieldPoint) string {
	switch {
	case told == nil:
		return said.value
	case said == nil || said.value == "" || told.second() >= said.second():
		return told.value
	}
	return said.value
}

// past says whether a change that was told of stays although it does not follow any more: what it follows from is forgotten, or its field is
// no longer tracked. What must not be kept of the user is in it, too.
func (u *user) past(s *sentActivity) bool {
	if u.rec != nil && u.rec.erased {
		return false
	}
	t := u.tracks.find(strings.TrimPrefix(s.what, fieldPrefix))
	return t == nil || s.at*int64(time.Second) < t.since || s.at <= t.floor
}

func (c *fieldChange) sentence() string {
	before, after := cut(c.before, 200), cut(c.after, 200)
	switch { // what stands behind the colon goes when the person is erased
	case before == "":
		return c.label + " set: " + after
	case after == "":
		return c.label + " removed: " + before
	}
	return c.label + " changed: " + before + " → " + after
}

func (c *fieldChange) attributes(o *object) {
	o.str("field", c.field)
	o.str("label", c.label)
	for _, v := range [][2]string{{"old-value", c.before}, {"new-value", c.after}} {
		if v[1] != "" {
			o.str(v[0], v[1])
		}
	}
}

func (t tracks) encode(w *writer) {
	list(w, t, func(w *writer, t *track) {
		w.str(t.field)
		w.str(t.label)
		w.int(t.since)
		w.int(t.floor)
		list(w, t.points, func(w *writer, p *fieldPoint) {
			w.int(p.at)
			w.byte(p.rank | flag(p.known)<<4)
			w.str(p.value)
		})
	})
}

func readTracks(r *reader) tracks {
	return readList(r, func(r *reader, t *track) {
		t.field, t.label, t.since, t.floor = r.str(), r.str(), r.int(), r.int()
		t.points = readList(r, func(r *reader, p *fieldPoint) {
			p.at = r.int()
			bits := r.byte()
			p.rank, p.known, p.value = bits&0xf, bits>>4 == 1, r.str()
		})
	})
}
