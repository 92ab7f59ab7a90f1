package processors

import (
	"cmp"
	"math"
	"slices"

	"deskstream/schemas"
)

// byHand is how a user came to its person by merges by hand.
type byHand struct {
	at    int64 // of the newest one, nanoseconds; 0 = it belongs to the survivor
	steps int   // from the survivor
}

// handOf follows why a user belongs to the person.
func (m *material) handOf(i int) (j byHand) {
	m.follow(i, func(u *user) {
		if u.merge.byHand() {
			j.steps++
			j.at = max(j.at, u.joinedAt(u.merge.via))
		}
	})
	return j
}

// follow goes from a user to the survivor, and calls fn with each user on the way that was merged into another.
func (m *material) follow(i int, fn func(u *user)) {
	for range m.users { // a longer way would be a circle
		u := m.users[i]
		via := slices.Index(m.row.UserIDs, u.merge.via)
		if i == 0 || via < 0 || u.merge.head == 0 || u.merge.ended {
			return
		}
		fn(u)
		i = via
	}
}

func (m *sentMerge) byHand() bool { return mergeReasons[m.reason] == schemas.MergedByHand }

// absorb takes users for merged into the person by hand just now.
func (m *material) absorb(users []int64) {
	for i, id := range m.row.UserIDs {
		if contains(users, id) {
			m.hand[i] = byHand{at: math.MaxInt64, steps: m.hand[i].steps + 1}
		}
	}
	m.sort()
}

// word is what a source or somebody through our API says about a field of one of a person's users.
type word struct {
	user  int   // its place in the person
	at    int64 // nanoseconds
	byAPI bool  // through our API
	value string
}

// beats tells which of two words counts: the newer one, of two of one instant what was told.
func (w *word) beats(o *word) bool {
	switch {
	case w.at != o.at:
		return w.at > o.at
	case w.byAPI && o.byAPI:
		return w.value > o.value
	}
	return w.byAPI
}

// field gives a field of the person, apiValues' by its place in all.
func (m *material) field(n int) string {
	if u := m.users[0]; len(m.users) == 1 && u.apiValues.empty() {
		if p := u.system.field(n); p != nil {
			return p.value
		}
		return m.facts[0].external
	}
	m.words = m.words[:0]
	for _, i := range m.order {
		u := m.users[i]
		if s := u.said(m.facts[i], n); s.value != "" {
			m.words = append(m.words, word{user: i, at: s.at, value: s.value})
		}
		if u.apiValues.empty() {
			continue
		}
		if p := u.apiValues.all()[n]; p.at != 0 {
			m.words = append(m.words, word{user: i, at: p.at, byAPI: true, value: p.value})
		}
	}
	return m.outcome().value
}

// organization gives the default organization of the person, 0 = none.
func (m *material) organization() int64 {
	if len(m.users) == 1 {
		return m.facts[0].org
	}
	m.words = m.words[:0]
	for _, i := range m.order {
		if s := m.users[i].said(m.facts[i], organizationField); s.value != "" {
			m.words = append(m.words, word{user: i, at: s.at, value: s.value})
		}
	}
	if w := m.outcome(); w.value != "" {
		return m.facts[w.user].org
	}
	return 0
}

// custom joins the custom fields of the person's users; those that keep values of activities are given.
func (m *material) custom(kept []customValue) string {
	var all apiValues
	for _, c := range kept {
		if i, known := all.findCustom(c.key); !known {
			all.custom = slices.Insert(all.custom, i, c)
		}
	}
	for _, u := range m.users {
		for _, c := range u.apiValues.custom {
			i, known := all.findCustom(c.key)
			if known {
				continue
			}
			if len(m.users) > 1 {
				w := m.customWord(c.key)
				c.patch = patch[string]{w.at, w.value}
			}
			all.custom = slices.Insert(all.custom, i, c)
		}
	}
	if len(all.custom) == 0 {
		return "{}"
	}
	all.shorten()
	o := newObject(make([]byte, 0, 256))
	for _, c := range all.custom {
		if c.value != "" {
			o.raw(c.key, c.value)
		}
	}
	return string(o.end())
}

// maxRowText bounds the custom fields in the row of a person, and what Zendesk says of it: a row that does not fit into one output would be lost with
// all that the event says beside. It is counted as it stands in the row, where JSON is within a text. Both leave some 120 kB for the rest.
const maxRowText = 960 << 10

// shorten empties the custom fields that were told first until the others fit in a row. People that turned out to be one may have more than one may be given.
func (t *apiValues) shorten() {
	if 2*t.customBytes() <= maxRowText { // a byte of JSON is two in a text at most
		return
	}
	size, order := len(`{}`), make([]int, len(t.custom))
	for i := range t.custom {
		order[i] = i
		size += rowBytes(&t.custom[i])
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(t.custom[i].at, t.custom[j].at) })
	for _, i := range order {
		if size <= maxRowText {
			return
		}
		size -= rowBytes(&t.custom[i])
		t.custom[i].value = ""
	}
}

// rowBytes is what a custom field takes in the row of a person.
func rowBytes(c *customValue) int {
	if c.value == "" {
		return 0
	}
	return len(c.key) + lenWithin(c.value) + len(`\"\":,`)
}

// lenWithin is how many bytes a text takes within another one.
func lenWithin(s string) int { return len(appendText(nil, s)) - len(`""`) }

func (m *material) customWord(key string) word {
	m.words = m.words[:0]
	for _, i := range m.order {
		t := &m.users[i].apiValues
		if at, known := t.findCustom(key); known {
			m.words = append(m.words, word{user: i, at: t.custom[at].at, byAPI: true, value: t.custom[at].value})
		}
	}
	return m.outcome()
}

// outcome decides about a field by what was said of it: the newest word counts, among the survivor's and what was said of others since
// they were merged into it by hand. What was said of those before only fills what is empty, unless it was emptied since: of who came first, and
// of the nearest.
func (m *material) outcome() word {
	w := m.newest(byHand{}, 0)
	emptied, last := w.at, byHand{}
	for _, i := range m.order {
		if h := m.hand[i]; h != last && w.value == "" {
			w, last = m.newest(h, emptied), h
		}
	}
	return w
}

// newest gives the newest of the words of those who came to the person in a way, after a time. What sources say of users that are gone counts
// only where they say nothing of others.
func (m *material) newest(way byHand, after int64) (newest word) {
	counts := func(w *word) bool { return m.way(w) == way && (way.at == 0 || way.at > after) }
	active := slices.ContainsFunc(m.words, func(w word) bool { return counts(&w) && !w.byAPI && m.facts[w.user].active })
	for i := range m.words {
		w := &m.words[i]
		if counts(w) && (w.byAPI || m.facts[w.user].active || !active) && (newest.at == 0 || w.beats(&newest)) {
			newest = *w
		}
	}
	return newest
}

// way tells how a word came to the person: what is said after a merge is said of the survivor.
func (m *material) way(w *word) byHand {
	if h := m.hand[w.user]; w.at <= h.at {
		return h
	}
	return byHand{}
}
