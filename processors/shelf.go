package processors

import (
	"bytes"
	"math/bits"
	"slices"
	"strconv"

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

// shelf holds the identities whose hash ends as its number does.
type shelf struct {
	depth int       // in how many bits; so a shelf tells by itself what has been taken from it
	list  []shelved // by name
	had   int       // identities it is stored with
}

// shelved is an identity on its shelf. Most of a shelf is passed on as it is stored.
type shelved struct {
	name []byte
	rest []byte
	row  *identityRow // once somebody looked at it
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

// appendName appends the name under which an identity is on its shelf.
func appendName(b []byte, i schemas.Identity) []byte {
	return append(append(b, byte(slices.Index(identityKinds[:], i.Kind))), i.Value...)
}

// identityHash is the hash by which the shelf of an identity is found.
func identityHash(i schemas.Identity) uint64 {
	var room [128]byte
	return hashOf(appendName(room[:0], i))
}

// empty is a shelf that nobody would miss. One that was split is kept, because it tells that it was.
func (s *shelf) empty() bool { return s.depth == 0 && s.size() == 0 }

// size is the number of identities on it.
func (s *shelf) size() (n int) {
	for i := range s.list {
		if !s.list[i].gone() {
			n++
		}
	}
	return n
}

// gone says that there is nothing to keep of an identity.
func (x *shelved) gone() bool { return x.row != nil && x.row.empty() }

func (s *shelf) encode(w *writer) {
	w.uint(uint64(s.depth))
	w.uint(uint64(s.size()))
	var rest writer
	for i := range s.list {
		x := &s.list[i]
		if x.gone() {
			continue
		}
		w.bytes(x.name)
		if x.row == nil {
			w.bytes(x.rest)
			continue
		}
		rest.b = rest.b[:0]
		x.row.encode(&rest)
		w.bytes(rest.b)
	}
}

func (s *shelf) decode(r *reader) {
	if s.depth = int(r.uint()); s.depth > 63 {
		r.fail()
	}
	s.had = r.count()
	s.list = make([]shelved, s.had, s.had+2) // most are read because something comes
	for i := range s.list {
		x := &s.list[i]
		if x.name, x.rest = r.bytes(), r.bytes(); len(x.name) == 0 || int(x.name[0]) >= len(identityKinds) {
			r.fail()
		}
	}
}

// find gives the place of an identity and whether it is there.
func (s *shelf) find(i schemas.Identity) (at int, there bool) {
	var room [128]byte
	name := appendName(room[:0], i)
	return slices.BinarySearchFunc(s.list, name, func(x shelved, name []byte) int { return bytes.Compare(x.name, name) })
}

// identity gives an identity on the shelf; nil when it is not there.
func (s *shelf) identity(i schemas.Identity) (*identityRow, error) {
	at, there := s.find(i)
	if !there {
		return nil, nil
	}
	x := &s.list[at]
	if x.row == nil {
		r := &reader{b: x.rest}
		row := &identityRow{kind: i.Kind, value: i.Value}
		if row.decode(r); r.err != nil {
			return nil, r.err
		}
		x.row = row
	}
	return x.row, nil
}

// add gives an identity that is not there a place.
func (s *shelf) add(i schemas.Identity) *identityRow {
	at, _ := s.find(i)
	x := shelved{name: appendName(nil, i), row: &identityRow{kind: i.Kind, value: i.Value}}
	s.list = slices.Insert(s.list, at, x)
	return x.row
}

// split takes from a shelf what belongs on a new one.
func (s *shelf) split(to *shelf, depth int) {
	s.depth, to.depth = depth, depth
	stay := s.list[:0]
	for _, x := range s.list {
		if hashOf(x.name)>>(depth-1)&1 == 1 {
			to.list = append(to.list, x)
		} else {
			stay = append(stay, x)
		}
	}
	clear(s.list[len(stay):])
	s.list = stay
}

func catalogueKey(prefix string) string { return prefix + "i.all" }

func shelfKey(prefix string, n uint64) string { return string(appendShelfKey(nil, prefix, n)) }

func appendShelfKey(b []byte, prefix string, n uint64) []byte {
	return strconv.AppendUint(append(append(b, prefix...), "i."...), n, 10)
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
	var row *identityRow
	if s != nil {
		row, _ = s.identity(i.Identity)
	}
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
		open[shelf](r, string(key))
		at = r.slots[string(key)]
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
		row.shelf, row.name, row.round = at, 0, 0
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
