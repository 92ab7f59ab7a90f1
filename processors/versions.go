package processors

import (
	"slices"
	"sort"
	"strings"
	"unicode"
)

// versionFields is the room for fields whose changes "contact updated" and "organization updated" name.
const versionFields = 17

// versionMark is what the fields of a contact or organization looked like at one time, as short hashes: enough to name the fields that
// changed from one version to the next, whatever order the versions arrive in.
type versionMark struct {
	at     int64
	full   bool   // of a record; a webhook knows only some fields
	hinted bool   // a webhook told of it first
	known  uint32 // bit n: field n is told
	hashes [versionFields]uint16
	told   bool // active is told
	active bool
}

// versions are the marks of one contact or organization.
type versions struct {
	marks []versionMark // by at
	floor int64         // versions up to here were forgotten: what was told of them stays
	// passed are the first two marks as they were when the first was forgotten. What changed between them is told, though both came in one batch.
	passed [][2]versionMark
}

// maxVersions bounds the marks of one contact.
const maxVersions = 32

func (m *versionMark) set(n int, value string) {
	m.known |= 1 << n
	m.hashes[n] = uint16(hashText(value))
}

func (m *versionMark) setFlag(n int, value bool) { m.set(n, string([]byte{'0' + flag(value)})) }

// addMark adds a version and reports whether it was news. Two accounts of one second are joined: the record's word counts, between
// equals the larger hash.
func (v *versions) addMark(m versionMark) bool {
	i := sort.Search(len(v.marks), func(i int) bool { return v.marks[i].at >= m.at })
	if i < len(v.marks) && v.marks[i].at == m.at {
		before := v.marks[i]
		v.marks[i].join(&m)
		return v.marks[i] != before
	}
	if m.at <= v.floor {
		return false
	}
	if len(v.marks) == maxVersions && i > 1 {
		v.passed = append(v.passed, [2]versionMark{v.marks[0], v.marks[1]})
	}
	v.marks = append(v.marks, versionMark{})
	copy(v.marks[i+1:], v.marks[i:])
	v.marks[i] = m
	if len(v.marks) > maxVersions {
		v.marks = append(v.marks[:0], v.marks[1:]...)
		v.floor = v.marks[0].at
	}
	return true
}

func (m *versionMark) join(o *versionMark) {
	for n := range m.hashes {
		if o.known&(1<<n) == 0 {
			continue
		}
		both := m.known&(1<<n) != 0
		if !both || o.full && !m.full || o.full == m.full && o.hashes[n] > m.hashes[n] {
			m.hashes[n] = o.hashes[n]
		}
		m.known |= 1 << n
	}
	if o.told && (!m.told || o.full && !m.full || o.full == m.full && !o.active) {
		m.told, m.active = true, o.active
	}
	m.full = m.full || o.full
}

// versionChange is what changed at one time.
type versionChange struct {
	at      int64
	hinted  bool
	fields  []string
	gone    bool // became inactive
	renewed bool // became active again
}

// hinted says whether a webhook told first of the version of a time.
func (v *versions) hinted(at int64) bool {
	i := sort.Search(len(v.marks), func(i int) bool { return v.marks[i].at >= at })
	return i < len(v.marks) && v.marks[i].at == at && v.marks[i].hinted
}

// changes walks through the versions and tells what changed from one to the next.
func (v *versions) changes(names []string) []versionChange {
	var out []versionChange
	for i := range v.passed {
		out = appendChanges(out, v.passed[i][:], names)
	}
	out = slices.DeleteFunc(out, func(c versionChange) bool { return c.gone }) // which is told of versions that are there
	return appendChanges(out, v.marks, names)
}

func appendChanges(out []versionChange, marks []versionMark, names []string) []versionChange {
	var now versionMark
	for i := range marks {
		m := &marks[i]
		c := versionChange{at: m.at, hinted: m.hinted}
		for n, name := range names {
			if m.known&now.known&(1<<n) != 0 && m.hashes[n] != now.hashes[n] {
				c.fields = append(c.fields, name)
			}
			if m.known&(1<<n) != 0 {
				now.hashes[n] = m.hashes[n]
			}
		}
		now.known |= m.known
		if m.told {
			c.gone = !m.active && (!now.told || now.active)
			c.renewed = m.active && now.told && !now.active
			now.told, now.active = true, m.active
		}
		if len(c.fields) > 0 || c.gone || c.renewed {
			out = append(out, c)
		}
	}
	return out
}

// encode writes the versions as they stay behind a batch.
func (v *versions) encode(w *writer) {
	v.passed = nil
	w.int(v.floor)
	list(w, v.marks, func(w *writer, m *versionMark) {
		w.int(m.at)
		w.uint(uint64(m.known))
		w.byte(flag(m.full) | flag(m.told)<<1 | flag(m.active)<<2 | flag(m.hinted)<<3)
		for n := range m.hashes {
			if m.known&(1<<n) != 0 {
				w.byte(byte(m.hashes[n]))
				w.byte(byte(m.hashes[n] >> 8))
			}
		}
	})
}

func (v *versions) decode(r *reader) {
	v.floor = r.int()
	v.marks = readList(r, func(r *reader, m *versionMark) {
		m.at, m.known = r.int(), uint32(r.uint())
		bits := r.byte()
		m.full, m.told, m.active, m.hinted = bits&1 != 0, bits&2 != 0, bits&4 != 0, bits&8 != 0
		for n := range m.hashes {
			if m.known&(1<<n) != 0 {
				low, high := r.byte(), r.byte()
				m.hashes[n] = uint16(low) | uint16(high)<<8
			}
		}
	})
}

// contactFields name the fields of versionMark for users.
var contactFields = []string{
	"name", "email", "phone", "external-id", "role", "locale", "time-zone", "organization-id", "tags", "details", "notes", "alias",
	"suspended", "fields", "verified", "shared-phone-number", "name",
}

func (f *userFacts) versionMark() versionMark {
	m := versionMark{at: f.at, full: f.full, hinted: !f.full, told: f.hasState, active: f.active}
	if f.full || f.named {
		first := firstWord(f.name)
		m.set(0, first)
		m.set(16, f.name[len(first):])
	}
	if f.full || !f.deletion {
		m.set(1, foldEmail(f.email))
		m.set(3, f.external)
		m.set(7, decimal(f.org))
	}
	if f.role != "" {
		m.set(4, f.role)
	}
	if !f.full {
		return m
	}
	m.set(2, f.phone)
	m.set(5, f.locale)
	m.set(6, f.zone)
	m.set(8, tagText(f.tags))
	m.set(9, f.details)
	m.set(10, f.notes)
	m.set(11, f.alias)
	m.setFlag(12, f.suspend)
	m.set(13, f.fields)
	m.setFlag(14, f.verified)
	m.setFlag(15, f.shared)
	return m
}

// firstWord gives a name up to where its first word ends: the two parts of a name are told apart, because each is a field of the person.
func firstWord(name string) string {
	word := strings.TrimLeftFunc(name, unicode.IsSpace)
	if end := strings.IndexFunc(word, unicode.IsSpace); end >= 0 {
		return name[:len(name)-len(word)+end]
	}
	return name
}

func tagText(tags []string) string {
	var w writer
	w.strs(tags)
	return string(w.b)
}
