package processors

import (
	"encoding/json"
	"sort"
	"strings"
	"time"

	"deskstream/schemas"
)

// told is what somebody said of a user through our API: values of a person's fields, each with its time in nanoseconds.
type told struct {
	systemFields
	external patch[string]
	custom   []customValue // by key
}

// customValue is a field of the customer's own; value is JSON, "" once it was taken away.
type customValue struct {
	key string
	patch[string]
}

// maxCustom bounds the custom fields of one user; keys beyond it are not kept.
const maxCustom = 200

func (t *told) all() []*patch[string] { return append(t.systemFields.all(), &t.external) }

func (t *told) empty() bool {
	s := &t.systemFields
	return s.first.at|s.last.at|s.email.at|s.phone.at|s.language.at|s.zone.at|t.external.at == 0 && len(t.custom) == 0
}

// identities adds those somebody told us: they are trusted.
func (t *told) identities(list []carried) []carried {
	if t.empty() {
		return list
	}
	list = add(list, byExternal, strings.ToLower(strings.TrimSpace(t.external.value)), true)
	list = add(list, byEmail, foldEmail(t.email.value), true)
	return add(list, byPhone, schemas.PhoneNumber(t.phone.value), true)
}

// take keeps the newer of what is known and what n tells.
func (t *told) take(n *told) bool {
	news := false
	have := t.all()
	for i, p := range n.all() {
		if p.at != 0 {
			news = take(have[i], p.at, p.value) || news
		}
	}
	for _, c := range n.custom {
		news = t.takeCustom(c) || news
	}
	return news
}

func (t *told) takeCustom(c customValue) bool {
	i := sort.Search(len(t.custom), func(i int) bool { return t.custom[i].key >= c.key })
	if i < len(t.custom) && t.custom[i].key == c.key {
		return take(&t.custom[i].patch, c.at, c.value)
	}
	if len(t.custom) >= maxCustom {
		return false
	}
	t.custom = append(t.custom, customValue{})
	copy(t.custom[i+1:], t.custom[i:])
	t.custom[i] = c
	return true
}

// newTold reads what a change says.
func newTold(z *schemas.PersonChange) told {
	var t told
	at := z.At.UnixNano()
	to := t.all()
	for i, s := range z.Values.All() {
		if s != nil {
			*to[i] = patch[string]{at, cut(strings.TrimSpace(*s), maxSubject)}
		}
	}
	t.email.value = foldEmail(t.email.value)
	for _, key := range sortedKeys(z.Custom) {
		value := string(z.Custom[key])
		if value == "null" || !json.Valid(z.Custom[key]) {
			value = ""
		}
		t.takeCustom(customValue{cut(key, 256), patch[string]{at, value}})
	}
	return t
}

// newest gives a field of a person, told's by its place in all: what was told is the person's unless a source gave another value later,
// or gave one where what was told is no longer.
func newest(users []*user, facts []*userFacts, order []int, field int) string {
	var t patch[string]
	said := int64(0)
	value := ""
	for _, i := range order {
		s := users[i].said(facts[i], field)
		fill(&value, s.value)
		if s.value != "" {
			said = max(said, s.at)
		}
		if users[i].told.empty() {
			continue
		}
		if p := users[i].told.all()[field]; p.at > t.at || p.at == t.at && p.value > t.value {
			t = *p
		}
	}
	if t.at != 0 && t.at/int64(time.Second) >= said {
		return t.value
	}
	fill(&value, t.value)
	return value
}

// kept gives a field of the survivor of a merge by hand, told's by its place in all: its value is the person's, whatever the others said
// before the merge. It is "" when the survivor has none, or another one was told of since.
func kept(users []*user, f *userFacts, led int64, field int) string {
	if led == 0 {
		return ""
	}
	for _, o := range users[1:] {
		if s := o.said(o.now(), field); s.value != "" && s.at > led/int64(time.Second) || o.told.all()[field].at > led {
			return ""
		}
	}
	return newest(users[:1], []*userFacts{f}, []int{0}, field)
}

// said gives what sources say about a field, with its time in seconds.
func (u *user) said(f *userFacts, field int) patch[string] {
	if p := u.system.field(field); p != nil {
		return patch[string]{p.at / 2, p.value}
	}
	return patch[string]{f.at, f.external}
}

// customOf joins the custom fields of a person's users: of each the newest value, but for those that keep values of activities.
func customOf(users []*user, kept []customValue) string {
	var all told
	for _, c := range kept {
		all.takeCustom(c)
	}
	for _, u := range users {
		for _, c := range u.told.custom {
			all.takeCustom(c)
		}
	}
	if len(all.custom) == 0 {
		return "{}"
	}
	o := newObject(make([]byte, 0, 256))
	for _, c := range all.custom {
		if c.value != "" {
			o.raw(c.key, c.value)
		}
	}
	return string(o.end())
}

// at is the time of the newest word in seconds, 0 = nothing was told.
func (t *told) at() int64 {
	at := int64(0)
	if t.empty() {
		return at
	}
	for _, p := range t.all() {
		at = max(at, p.at)
	}
	for i := range t.custom {
		at = max(at, t.custom[i].at)
	}
	return at / int64(time.Second)
}

func (t *told) encode(w *writer) {
	w.bool(!t.empty())
	if t.empty() {
		return
	}
	for _, p := range t.all() {
		w.int(p.at)
		w.str(p.value)
	}
	list(w, t.custom, func(w *writer, c *customValue) { w.str(c.key); w.int(c.at); w.str(c.value) })
}

func (t *told) decode(r *reader) {
	if !r.bool() {
		return
	}
	for _, p := range t.all() {
		p.at, p.value = r.int(), r.str()
	}
	t.custom = readList(r, func(r *reader, c *customValue) { c.key, c.at, c.value = r.str(), r.int(), r.str() })
}
