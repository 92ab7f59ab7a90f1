package processors

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"

	"deskstream/schemas"
)

// shelfLoad is how many identities a shelf holds on average. The stream's work is by the row: with a row for each identity, two of the three
// rows that a new user makes would be identities.
const shelfLoad = 16

// catalogue tells on which shelf of an account an identity is, by the hash of its name. There is a shelf more for each shelfLoad identities that
// come, which takes what belongs on it from one other (linear hashing), so that a change costs the same however many people there are.
type catalogue struct{ shelves, identities int64 }

func (c *catalogue) empty() bool { return c.shelves <= 1 && c.identities == 0 }

func (c *catalogue) encode(w *writer) {
	w.int(c.shelves)
	w.int(c.identities)
}

func (c *catalogue) decode(r *reader) { c.shelves, c.identities = r.int(), r.int() }

// count is how many shelves there are: one before there is any.
func (c *catalogue) count() uint64 { return uint64(max(c.shelves, 1)) }

// of gives the number of the shelf for a hash.
func (c *catalogue) of(hash uint64) uint64 {
	n := c.count()
	depth := bits.Len64(n - 1)
	if at := lastBits(hash, depth); at < n {
		return at
	}
	return lastBits(hash, depth-1)
}

// crowded says whether there ought to be more than n shelves for so many identities.
func crowded(n uint64, identities int64) bool { return identities > shelfLoad*int64(n) }

// lender gives the shelf that a new one takes its identities from: the one they were on when there were half as many.
func lender(shelf uint64) uint64 { return lastBits(shelf, bits.Len64(shelf)-1) }

func lastBits(hash uint64, n int) uint64 { return hash & (1<<n - 1) }

// shelf holds the identities whose hash ends as its number does. Most of them are passed on as they are stored.
type shelf struct {
	depth int            // in how many bits; so a shelf tells by itself what has been taken from it
	data  []byte         // identities as they are stored, by name
	had   int            // how many these are
	list  []*identityRow // those that somebody looked at, by name; they count instead of the stored ones
}

// lent gives the shelf that took what has a hash from this one, which is number at; itself if none did.
func (s *shelf) lent(hash, at uint64) uint64 {
	for depth := range s.depth + 1 {
		if to := lastBits(hash, depth); to > at {
			return to
		}
	}
	return at
}

// identityKinds number the kinds of identities in state: append only.
var identityKinds = [...]string{byExternal, byEmail, byPhone}

func kindNumber(kind string) byte { return byte(slices.Index(identityKinds[:], kind)) }

// identityHash is the hash by which the shelf of an identity is found: that of its name, which is the number of its kind and its value.
func identityHash(i schemas.Identity) uint64 {
	var room [128]byte
	return hashOf(append(append(room[:0], kindNumber(i.Kind)), i.Value...))
}

// empty is a shelf that nobody would miss. One that was split is kept, because it tells that it was.
func (s *shelf) empty() bool { return s.depth == 0 && s.size() == 0 }

// size is the number of identities on it.
func (s *shelf) size() int {
	n := s.had
	for _, i := range s.list {
		switch {
		case i.stored && i.empty():
			n--
		case !i.stored && !i.empty():
			n++
		}
	}
	return n
}

func (s *shelf) encode(w *writer) {
	w.uint(uint64(s.depth))
	w.uint(uint64(s.size()))
	s.merged(w)
}

// merged writes all identities by name, those that somebody looked at as they are now.
func (s *shelf) merged(w *writer) {
	list := s.list
	for data := s.data; len(data) > 0; {
		e, rest := nextShelved(data)
		for len(list) > 0 && list[0].compare(e.name) < 0 {
			list[0].shelve(w)
			list = list[1:]
		}
		if len(list) > 0 && list[0].compare(e.name) == 0 {
			list[0].shelve(w)
			list = list[1:]
		} else {
			w.b = append(w.b, data[:len(data)-len(rest)]...)
		}
		data = rest
	}
	for _, i := range list {
		i.shelve(w)
	}
}

// shelve writes an identity as it is stored; nothing if there is nothing to keep of it.
func (i *identityRow) shelve(w *writer) {
	if i.empty() {
		return
	}
	w.uint(uint64(1 + len(i.value)))
	w.byte(i.number)
	w.b = append(w.b, i.value...)
	w.sized(i.encode)
}

// compare orders an identity and the name of one.
func (i *identityRow) compare(name []byte) int {
	if i.number != name[0] {
		return int(i.number) - int(name[0])
	}
	switch { // comparisons, for which no string is made
	case i.value < string(name[1:]):
		return -1
	case i.value > string(name[1:]):
		return 1
	}
	return 0
}

func (s *shelf) decode(r *reader) {
	if s.depth = int(r.uint()); s.depth > 63 {
		r.fail()
	}
	s.had, s.data = r.count(), r.b
	for range s.had {
		if name, _ := r.bytes(), r.bytes(); len(name) == 0 || int(name[0]) >= len(identityKinds) {
			r.fail()
		}
	}
	s.data = s.data[:len(s.data)-len(r.b)]
}

// shelved is an identity as it is stored.
type shelved struct{ name, rest []byte }

// nextShelved gives the first of some identities, and the others. That they are whole is seen when they are decoded.
func nextShelved(data []byte) (e shelved, others []byte) {
	e.name, others = nextBytes(data)
	e.rest, others = nextBytes(others)
	return e, others
}

func nextBytes(data []byte) (b, others []byte) {
	n, at := uint64(data[0]), 1
	if n >= 0x80 {
		n, at = binary.Uvarint(data)
	}
	end := at + int(n)
	return data[at:end:end], data[end:]
}

// identity gives an identity on the shelf; nil when it is not there.
func (s *shelf) identity(i schemas.Identity) (*identityRow, error) {
	if s == nil {
		return nil, nil
	}
	for _, x := range s.list {
		if x.value == i.Value && x.kind == i.Kind {
			return x, nil
		}
	}
	number := kindNumber(i.Kind)
	for data := s.data; len(data) > 0; {
		e, rest := nextShelved(data)
		if e.name[0] == number && string(e.name[1:]) == i.Value {
			return s.open(i, e.rest)
		}
		data = rest
	}
	return nil, nil
}

// open reads an identity that is stored.
func (s *shelf) open(i schemas.Identity, data []byte) (*identityRow, error) {
	row := s.add(i)
	row.stored = true
	r := &reader{b: data}
	row.decode(r)
	return row, r.err
}

// add gives an identity that is not on the list a place there.
func (s *shelf) add(i schemas.Identity) *identityRow {
	row := &identityRow{kind: i.Kind, number: kindNumber(i.Kind), value: strings.Clone(i.Value)} // it may stay when the user is gone
	at, _ := slices.BinarySearchFunc(s.list, row, func(x, y *identityRow) int {
		return cmp.Or(int(x.number)-int(y.number), strings.Compare(x.value, y.value))
	})
	s.list = slices.Insert(s.list, at, row)
	return row
}

// split takes from a shelf what belongs on a new one.
func (s *shelf) split(to *shelf, depth int) {
	var all writer
	all.b = make([]byte, 0, len(s.data)+64*len(s.list))
	s.merged(&all)
	stay := make([]byte, 0, len(all.b))
	*s, *to = shelf{depth: depth}, shelf{depth: depth}
	for data := all.b; len(data) > 0; {
		e, rest := nextShelved(data)
		if one := data[:len(data)-len(rest)]; hashOf(e.name)>>(depth-1)&1 == 1 {
			to.data, to.had = append(to.data, one...), to.had+1
		} else {
			stay, s.had = append(stay, one...), s.had+1
		}
		data = rest
	}
	s.data = stay
}

// identity asks for the shelf of an identity and gives the identity; nil while that is not there, or when there is none.
func (k *keyer) identity(prefix string, i *carried) *identityRow {
	c := k.common.shelves
	if c == nil {
		return nil
	}
	var room [64]byte
	key := appendShelfKey(room[:0], prefix, c.of(i.hash))
	at, ok := k.state[string(key)]
	if !ok || at.Missing() {
		k.lack(string(key))
		return nil
	}
	s, _ := value[shelf](at) // Apply reports damage
	row, _ := s.identity(i.Identity)
	if row == nil || row.empty() {
		k.fresh[prefix]++
	}
	return row
}

// splits asks for the shelves that lend to new ones if all identities of the batch that are not known come.
func (k *keyer) splits() {
	for _, prefix := range sortedKeys(k.fresh) {
		c, loaded := look[catalogue](k, catalogueKey(prefix))
		if !loaded {
			continue
		}
		if c == nil {
			c = &catalogue{}
		}
		for n := c.count(); crowded(n, c.identities+k.fresh[prefix]); n++ {
			if from := lender(n); from < c.count() {
				k.need(shelfKey(prefix, from))
			}
		}
	}
}

// cat opens the account's catalogue on first use.
func (r *run) cat(a *accountWork) *catalogue {
	if a.catalogue == nil {
		a.catalogue = open[catalogue](r, catalogueKey(a.prefix))
	}
	return a.catalogue
}

// identity opens an identity for reading and, after change, for changing.
func (r *run) identity(a *accountWork, i *carried) *identityRow {
	if i.row != nil {
		return i.row
	}
	var room [64]byte
	key := appendShelfKey(room[:0], a.prefix, r.cat(a).of(i.hash))
	at := r.slots[string(key)]
	if at == nil {
		at = load[shelf](r, string(key))
		r.slots[at.key] = at
	}
	s := at.value.(*shelf)
	row, err := s.identity(i.Identity)
	if err != nil && r.err == nil {
		r.err = err
	}
	if row == nil {
		row = s.add(i.Identity)
	}
	if row.shelf != at {
		row.shelf, row.name, row.round, row.claimed = at, 0, 0, false
	}
	i.row = row
	return row
}

// change marks an identity as changed.
func (r *run) change(a *accountWork, i *identityRow) {
	if !i.shelf.dirty {
		i.shelf.dirty = true
		a.shelves = append(a.shelves, i.shelf.value.(*shelf))
	}
}

// arrange counts the identities that came and went, and adds the shelves they need. A shelf that is not loaded is split another time.
func (r *run) arrange(a *accountWork) {
	if len(a.shelves) == 0 {
		return
	}
	c, before := a.catalogue, *a.catalogue
	for _, s := range a.shelves {
		c.identities += int64(s.size() - s.had)
	}
	for n := c.count(); crowded(n, c.identities); n++ {
		from, to := shelfKey(a.prefix, lender(n)), shelfKey(a.prefix, n)
		if row, loaded := r.state[from]; r.slots[from] == nil && (!loaded || row.Missing()) {
			break
		}
		added := &shelf{}
		open[shelf](r, from).split(added, bits.Len64(n))
		r.touch(from)
		r.fresh(to, added)
		c.shelves = int64(n) + 1
	}
	if *c != before {
		r.touch(catalogueKey(a.prefix))
	}
}
