package processors

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"deskstream/schemas"
)

// keptValues are the newest values of attributes of a user's activities that fields keep, by field and time. They outlive the activities.
// Of each field as many are kept as may be withdrawn before nothing is known.
type keptValues struct{ list []keptValue }

type keptValue struct {
	field string // id of the decision
	at    int64  // of the activity
	fact  string // the activity's id
	value string // JSON
}

// maxKept is the longest value that is kept, in bytes of JSON.
const maxKept = 4096

func (k *keptValues) empty() bool { return len(k.list) == 0 }

func (k *keptValues) encode(w *writer) {
	list(w, k.list, func(w *writer, v *keptValue) { w.str(v.field); w.int(v.at); w.str(v.fact); w.str(v.value) })
}

func (k *keptValues) decode(r *reader) {
	k.list = readList(r, func(r *reader, v *keptValue) { v.field, v.at, v.fact, v.value = r.str(), r.int(), r.str(), r.str() })
}

func (v keptValue) compare(o keptValue) int {
	return cmp.Or(strings.Compare(v.field, o.field), cmp.Compare(v.at, o.at), strings.Compare(v.fact, o.fact))
}

// set keeps a value in the place of the one of its activity, "" takes that away; it reports whether anything changed.
func (k *keptValues) set(v keptValue) bool {
	i, found := slices.BinarySearchFunc(k.list, v, keptValue.compare)
	switch {
	case found && v.value == "":
		k.list = slices.Delete(k.list, i, i+1)
		return true
	case found:
		changed := k.list[i].value != v.value
		k.list[i].value = v.value
		return changed
	case v.value == "":
		return false
	}
	first, n := k.of(v.field)
	if n >= edgeSize && i == first {
		return false // older than all that are kept
	}
	k.list = slices.Insert(k.list, i, v)
	if n >= edgeSize {
		k.list = slices.Delete(k.list, first, first+1)
	}
	return true
}

// of gives where the values of a field begin, and their number.
func (k *keptValues) of(field string) (first, n int) {
	first = slices.IndexFunc(k.list, func(v keptValue) bool { return v.field == field })
	if first < 0 {
		return len(k.list), 0
	}
	for n = first; n < len(k.list) && k.list[n].field == field; n++ {
	}
	return first, n - first
}

// newest gives the newest value of a field; nil for none.
func (k *keptValues) newest(field string) *keptValue {
	first, n := k.of(field)
	if n == 0 {
		return nil
	}
	return &k.list[first+n-1]
}

// keptOwner is a user of whom a kept value changed.
type keptOwner struct {
	account *accountWork
	user    int64
}

// keepValue keeps what fields keep of an activity, as it is emitted now.
func (r *run) keepValue(c *carrier, a *activity, s *sentActivity) {
	var row schemas.Activity
	for i := range c.account.fields.Kept {
		f := &c.account.fields.Kept[i]
		if f.Activity != s.slug.String() || s.user <= 0 || c.account.erased.has(s.user) {
			continue
		}
		if row.OccurredAt.IsZero() {
			row = c.row(a)
			row.OccurredAt, row.UserID = unix(s.at), s.user
		}
		r.setKept(c.account, s.user, keptValue{f.ID, s.at, c.id(s), attributeOf(&row, f.Attribute)})
	}
}

// dropValue takes away what is kept of an activity.
func (r *run) dropValue(c *carrier, s *sentActivity) {
	for i := range c.account.fields.Kept {
		if f := &c.account.fields.Kept[i]; f.Activity == s.slug.String() && s.user > 0 {
			r.setKept(c.account, s.user, keptValue{field: f.ID, at: s.at, fact: c.id(s)})
		}
	}
}

func (r *run) setKept(a *accountWork, id int64, v keptValue) {
	key := keptKey(a.prefix, id)
	if !open[keptValues](r, key).set(v) {
		return
	}
	r.touch(key)
	if r.kept == nil {
		r.kept = map[string]keptOwner{}
	}
	r.kept[key] = keptOwner{a, id}
}

// purgeKept forgets what no field keeps any more of a user.
func (r *run) purgeKept(a *accountWork, id int64) {
	k, n := open[keptValues](r, keptKey(a.prefix, id)), 0
	k.list = slices.DeleteFunc(k.list, func(v keptValue) bool {
		gone := !slices.ContainsFunc(a.fields.Kept, func(f schemas.KeptField) bool { return f.ID == v.field })
		if gone {
			n++
		}
		return gone
	})
	if n > 0 {
		r.touch(keptKey(a.prefix, id))
	}
}

// forgetKept forgets all that is kept of a user.
func (r *run) forgetKept(a *accountWork, id int64) {
	if k := open[keptValues](r, keptKey(a.prefix, id)); len(k.list) > 0 {
		k.list = nil
		r.touch(keptKey(a.prefix, id))
	}
}

// keptValues gives the fields of a person that keep values of activities: of all its users' the newest.
func (r *run) keptValues(a *accountWork, members []int64) []customValue {
	var out []customValue
	for i := range a.fields.Kept {
		f := &a.fields.Kept[i]
		var newest *keptValue
		for _, id := range members {
			v := open[keptValues](r, keptKey(a.prefix, id)).newest(f.ID)
			if v != nil && (newest == nil || v.compare(*newest) > 0) {
				newest = v
			}
		}
		if newest != nil {
			out = append(out, customValue{f.Key, patch[string]{math.MaxInt64, newest.value}})
		}
	}
	return out
}

// emitKept emits the people of the users of whom a kept value changed.
func (r *run) emitKept() {
	for _, key := range sortedKeys(r.kept) {
		o := r.kept[key]
		id := r.userOf(o.account, o.user).u.head
		if id == 0 {
			continue // it comes with the person
		}
		head := r.userOf(o.account, id)
		members := head.u.party
		if members == nil {
			members = []int64{id}
		}
		r.emitPersonRow(head, members)
	}
}

// attributeOf gives an attribute of an activity, as filters name it, as JSON; "" for none.
func attributeOf(a *schemas.Activity, name string) string {
	text := func(s string) string {
		if s == "" {
			return ""
		}
		return string(appendText(nil, cut(s, maxTracked)))
	}
	id := func(n int64) string {
		if n == 0 {
			return ""
		}
		return text(decimal(n))
	}
	switch name {
	case "subject":
		return text(a.Subject)
	case "message":
		return text(a.Message)
	case "status":
		return text(a.Status)
	case "previous_status":
		return text(a.PreviousStatus)
	case "priority":
		return text(a.Priority)
	case "type":
		return text(a.Type)
	case "channel":
		return text(a.Channel)
	case "ticket_id":
		return id(a.TicketID)
	case "assignee_id":
		return id(a.AssigneeID)
	case "group_id":
		return id(a.GroupID)
	case "brand_id":
		return id(a.BrandID)
	case "organization_id":
		return id(a.OrganizationID)
	case "form_id":
		return id(a.FormID)
	case "requester_id":
		if a.TicketID == 0 {
			return ""
		}
		return id(a.UserID)
	case "ticket_number":
		if a.TicketID == 0 {
			return ""
		}
		return decimal(a.TicketID)
	case "occurred_at":
		return text(a.OccurredAt.Format(time.RFC3339))
	case "tags":
		return listed(a.Tags)
	}
	var all map[string]json.RawMessage
	if json.Unmarshal([]byte(a.Attributes), &all) != nil {
		return ""
	}
	value := all[strings.ReplaceAll(name, "_", "-")]
	if len(value) > maxKept || string(value) == `""` || string(value) == "null" {
		return ""
	}
	return string(value)
}

// listed writes a list of texts, as many as there is room for.
func listed(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	b := []byte{'['}
	for i, s := range texts {
		n := len(b)
		if i > 0 {
			b = append(b, ',')
		}
		if b = appendText(b, s); len(b) >= maxKept {
			b = b[:n]
			break
		}
	}
	return string(append(b, ']'))
}
