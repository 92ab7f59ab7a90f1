package processors

import "time"

// changeTimes tell of the fields of a person since when a user has had what it has, in Unix seconds: those of apiValues in their order, and the
// organization.
type changeTimes [len(systemNames) + 1]int64

// organizationField is the place of the organization among the fields.
const organizationField = len(systemNames)

// markPlaces are the places of these fields in a versionMark.
var markPlaces = [...]int{0, 16, 1, 2, 5, 6, 3, 7}

// said gives what sources say about a field, with the time in nanoseconds since when they say it: a record that says it once more is no newer
// word about it.
func (u *user) said(f *userFacts, field int) patch[string] {
	at := u.unchangedSince(f, field) * int64(time.Second)
	switch p := u.system.field(field); {
	case p != nil:
		return patch[string]{at, p.value}
	case field == organizationField && f.org == 0:
		return patch[string]{at: at}
	case field == organizationField:
		return patch[string]{at, decimal(f.org)}
	}
	return patch[string]{at, f.external}
}

// unchangedSince is since when sources say what they say about a field: the time of the first of the versions in a row, up to the one that counts, that
// all say the same. So it is the same in whatever order they came.
func (u *user) unchangedSince(f *userFacts, field int) int64 {
	newest, last := f.at, int64(1<<62)
	if p := u.system.field(field); p != nil {
		newest, last = p.at/2, p.at/2 // a later version was not allowed to write it
	}
	if at, first := u.same(markPlaces[field], last); at != 0 {
		newest = at
		if !first {
			return newest
		}
	}
	if u.oldest != nil && u.oldest[field] != 0 {
		return min(u.oldest[field], newest)
	}
	return newest
}

// remember keeps since when fields stand before the oldest version is forgotten, which may tell it alone.
func (u *user) remember() {
	if len(u.marks) < maxVersions || u.id == 0 {
		return
	}
	var long changeTimes
	f := u.now()
	for n := range long {
		long[n] = u.unchangedSince(f, n)
	}
	u.oldest = &long
}

// blankMark is the hash of no value.
var blankMark = uint16(hashText(""))

// same gives the time of the first of the versions in a row, up to the last one not after a time, that agree about a field; 0 when none tells of
// it. first says that there is none before it that tells of the field. A deletion blanks fields, which says nothing of them.
func (v *versions) same(field int, last int64) (at int64, first bool) {
	var value uint16
	for i := len(v.marks) - 1; i >= 0; i-- {
		m := &v.marks[i]
		gone := m.told && !m.active
		switch {
		case m.at > last, m.known&(1<<field) == 0, gone && m.hashes[field] == blankMark:
		case at != 0 && m.hashes[field] != value:
			return at, false
		default:
			at, value = m.at, m.hashes[field]
		}
	}
	return at, true
}
