package processors

import (
	"slices"
	"strings"
	"time"

	"deskstream/schemas"
)

// apiValues is what somebody said of a user through our API: values of a person's fields, each with its time in nanoseconds.
type apiValues struct {
	systemFields
	external patch[string]
	custom   []customValue // by key
}

// customValue is a field of the customer's own; value is JSON, "" once it was taken away.
type customValue struct {
	key string
	patch[string]
}

const (
	// maxCustom bounds the custom fields of one user, and maxCustomBytes these together: twice what our API lets a person have, for those that were
	// taken away, and for calls that did not know of each other. What goes beyond is not kept.
	maxCustom      = 2 * schemas.MaxOwnFields
	maxCustomBytes = 2 * schemas.MaxOwnBytes
)

func (t *apiValues) all() []*patch[string] { return append(t.systemFields.all(), &t.external) }

func (t *apiValues) empty() bool {
	s := &t.systemFields
	return s.first.at|s.last.at|s.email.at|s.phone.at|s.language.at|s.zone.at|t.external.at == 0 && len(t.custom) == 0
}

// identities adds those somebody told us: they are trusted.
func (t *apiValues) identities(list []hashedIdentity) []hashedIdentity {
	if t.empty() {
		return list
	}
	list = add(list, schemas.IdentifierExternalID, strings.ToLower(strings.TrimSpace(t.external.value)), true)
	list = add(list, schemas.IdentifierEmail, foldEmail(t.email.value), true)
	return add(list, schemas.IdentifierPhone, schemas.PhoneNumber(t.phone.value), true)
}

// take keeps the newer of what is known and what n tells.
func (t *apiValues) take(n *apiValues) bool {
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

// takeCustom keeps a custom field, unless that takes the user over a bound. That a field was taken away is known until the place is needed.
func (t *apiValues) takeCustom(c customValue) bool {
	i, known := t.findCustom(c.key)
	grows := len(c.value)
	if known {
		grows -= len(t.custom[i].value)
	}
	if grows > 0 && t.customBytes()+grows > maxCustomBytes {
		return false
	}
	if known {
		return take(&t.custom[i].patch, c.at, c.value)
	}
	if len(t.custom) >= maxCustom {
		oldest := t.oldestRemoved()
		if oldest < 0 || c.value == "" && c.at <= t.custom[oldest].at {
			return false
		}
		t.custom = slices.Delete(t.custom, oldest, oldest+1)
		i, _ = t.findCustom(c.key)
	}
	t.custom = slices.Insert(t.custom, i, c)
	return true
}

func (t *apiValues) customBytes() (n int) {
	for i := range t.custom {
		n += schemas.OwnFieldBytes(t.custom[i].key, t.custom[i].value)
	}
	return n
}

// oldestRemoved gives the place of the custom field that was taken away first, -1 for none.
func (t *apiValues) oldestRemoved() int {
	oldest := -1
	for i := range t.custom {
		if c := &t.custom[i]; c.value == "" && (oldest < 0 || c.at < t.custom[oldest].at) {
			oldest = i
		}
	}
	return oldest
}

// findCustom gives the place of a custom field, and whether it was told of.
func (t *apiValues) findCustom(key string) (int, bool) {
	return slices.BinarySearchFunc(t.custom, key, func(c customValue, key string) int { return strings.Compare(c.key, key) })
}

// newAPIValues reads what a change says.
func newAPIValues(z *schemas.PersonChange) apiValues {
	var t apiValues
	at := z.At.UnixNano()
	to := t.all()
	for i, s := range z.Values.All() {
		if s != nil {
			*to[i] = patch[string]{at, cut(strings.TrimSpace(*s), maxSubject)}
		}
	}
	t.email.value = foldEmail(t.email.value)
	for _, key := range sortedKeys(z.Custom) {
		value, _ := schemas.Compact(z.Custom[key])
		if string(value) == "null" {
			value = nil
		}
		t.takeCustom(customValue{cut(key, 256), patch[string]{at, string(value)}})
	}
	return t
}

// at is the time of the newest word in seconds, 0 = nothing was told.
func (t *apiValues) at() int64 {
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

func (t *apiValues) encode(w *writer) {
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

func (t *apiValues) decode(r *reader) {
	if !r.bool() {
		return
	}
	for _, p := range t.all() {
		p.at, p.value = r.int(), r.str()
	}
	t.custom = readList(r, func(r *reader, c *customValue) { c.key, c.at, c.value = r.str(), r.int(), r.str() })
}
