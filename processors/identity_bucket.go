package processors

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"

	"deskstream/schemas"
)

// bucketLoad is how many identities a bucket holds on average. The stream's work is by the row: with a row for each identity, two of the three
// rows that a new user makes would be identities.
const bucketLoad = 16

// bucketDirectory tells in which bucket of an account an identity is, by the hash of its name. There is a bucket more for each bucketLoad
// identities that come, which takes what belongs in it from one other (linear hashing), so that a change costs the same however many people
// there are.
type bucketDirectory struct{ buckets, identities int64 }

func (c *bucketDirectory) empty() bool { return c.buckets <= 1 && c.identities == 0 }

func (c *bucketDirectory) encode(w *writer) {
	w.int(c.buckets)
	w.int(c.identities)
}

func (c *bucketDirectory) decode(r *reader) { c.buckets, c.identities = r.int(), r.int() }

// count is how many buckets there are: one before there is any.
func (c *bucketDirectory) count() uint64 { return uint64(max(c.buckets, 1)) }

// of gives the number of the bucket for a hash.
func (c *bucketDirectory) of(hash uint64) uint64 {
	n := c.count()
	depth := bits.Len64(n - 1)
	if at := lastBits(hash, depth); at < n {
		return at
	}
	return lastBits(hash, depth-1)
}

// crowded says whether there ought to be more than n buckets for so many identities.
func crowded(n uint64, identities int64) bool { return identities > bucketLoad*int64(n) }

// splitSource gives the bucket that a new one takes its identities from: the one they were in when there were half as many.
func splitSource(bucket uint64) uint64 { return lastBits(bucket, bits.Len64(bucket)-1) }

func lastBits(hash uint64, n int) uint64 { return hash & (1<<n - 1) }

// identityBucket holds the identities whose hash ends as its number does. Most of them are passed on as they are stored.
type identityBucket struct {
	depth int            // in how many bits; so a bucket tells by itself what has been taken from it
	data  []byte         // identities as they are stored, by name
	had   int            // how many these are
	list  []*identityRow // those that somebody looked at, by name; they count instead of the stored ones
}

// movedTo gives the bucket that took what has a hash from this one, which is number at; itself if none did.
func (s *identityBucket) movedTo(hash, at uint64) uint64 {
	for depth := range s.depth + 1 {
		if to := lastBits(hash, depth); to > at {
			return to
		}
	}
	return at
}

// identityKinds number the kinds of identities in state: append only.
var identityKinds = [...]string{schemas.IdentifierExternalID, schemas.IdentifierEmail, schemas.IdentifierPhone}

func kindNumber(kind string) byte { return byte(slices.Index(identityKinds[:], kind)) }

// identityHash is the hash by which the bucket of an identity is found: that of its name, which is the number of its kind and its value.
func identityHash(i schemas.Identity) uint64 {
	var room [128]byte
	return hashOf(append(append(room[:0], kindNumber(i.Kind)), i.Value...))
}

// empty is a bucket that nobody would miss. One that was split is kept, because it tells that it was.
func (s *identityBucket) empty() bool { return s.depth == 0 && s.size() == 0 }

// size is the number of identities in it.
func (s *identityBucket) size() int {
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

func (s *identityBucket) encode(w *writer) {
	w.uint(uint64(s.depth))
	w.uint(uint64(s.size()))
	s.writeAll(w)
}

// writeAll writes all identities by name, those that somebody looked at as they are now.
func (s *identityBucket) writeAll(w *writer) {
	list := s.list
	for data := s.data; len(data) > 0; {
		e, rest := nextStored(data)
		for len(list) > 0 && list[0].compare(e.name) < 0 {
			list[0].writeStored(w)
			list = list[1:]
		}
		if len(list) > 0 && list[0].compare(e.name) == 0 {
			list[0].writeStored(w)
			list = list[1:]
		} else {
			w.b = append(w.b, data[:len(data)-len(rest)]...)
		}
		data = rest
	}
	for _, i := range list {
		i.writeStored(w)
	}
}

// writeStored writes an identity as it is stored; nothing if there is nothing to keep of it.
func (i *identityRow) writeStored(w *writer) {
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

func (s *identityBucket) decode(r *reader) {
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

// storedIdentity is an identity as it is stored.
type storedIdentity struct{ name, rest []byte }

// nextStored gives the first of some identities, and the others. That they are whole is seen when they are decoded.
func nextStored(data []byte) (e storedIdentity, others []byte) {
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

// identity gives an identity in the bucket; nil when it is not there.
func (s *identityBucket) identity(i schemas.Identity) (*identityRow, error) {
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
		e, rest := nextStored(data)
		if e.name[0] == number && string(e.name[1:]) == i.Value {
			return s.open(i, e.rest)
		}
		data = rest
	}
	return nil, nil
}

// open reads an identity that is stored.
func (s *identityBucket) open(i schemas.Identity, data []byte) (*identityRow, error) {
	row := s.add(i)
	row.stored = true
	r := &reader{b: data}
	row.decode(r)
	return row, r.err
}

// add gives an identity that is not on the list a place there.
func (s *identityBucket) add(i schemas.Identity) *identityRow {
	row := &identityRow{kind: i.Kind, number: kindNumber(i.Kind), value: strings.Clone(i.Value)} // it may stay when the user is gone
	at, _ := slices.BinarySearchFunc(s.list, row, func(x, y *identityRow) int {
		return cmp.Or(int(x.number)-int(y.number), strings.Compare(x.value, y.value))
	})
	s.list = slices.Insert(s.list, at, row)
	return row
}

// split takes from a bucket what belongs in a new one.
func (s *identityBucket) split(to *identityBucket, depth int) {
	var all writer
	all.b = make([]byte, 0, len(s.data)+64*len(s.list))
	s.writeAll(&all)
	stay := make([]byte, 0, len(all.b))
	*s, *to = identityBucket{depth: depth}, identityBucket{depth: depth}
	for data := all.b; len(data) > 0; {
		e, rest := nextStored(data)
		if one := data[:len(data)-len(rest)]; hashOf(e.name)>>(depth-1)&1 == 1 {
			to.data, to.had = append(to.data, one...), to.had+1
		} else {
			stay, s.had = append(stay, one...), s.had+1
		}
		data = rest
	}
	s.data = stay
}

// identity asks for the bucket of an identity and gives the identity; nil while that is not there, or when there is none.
func (k *keyCollector) identity(prefix string, i *hashedIdentity) *identityRow {
	c := k.common.directory
	if c == nil {
		return nil
	}
	var room [64]byte
	key := appendBucketKey(room[:0], prefix, c.of(i.hash))
	at, ok := k.state[string(key)]
	if !ok || at.Missing() {
		k.lack(string(key))
		return nil
	}
	s, _ := value[identityBucket](at) // Apply reports damage
	row, _ := s.identity(i.Identity)
	if row == nil || row.empty() {
		k.fresh[prefix]++
	}
	return row
}

// bucketSplits asks for the buckets that lend to new ones if all identities of the batch that are not known come.
func (k *keyCollector) bucketSplits() {
	for _, prefix := range sortedKeys(k.fresh) {
		c, loaded := look[bucketDirectory](k, directoryKey(prefix))
		if !loaded {
			continue
		}
		if c == nil {
			c = &bucketDirectory{}
		}
		for n := c.count(); crowded(n, c.identities+k.fresh[prefix]); n++ {
			if from := splitSource(n); from < c.count() {
				k.need(bucketKey(prefix, from))
			}
		}
	}
}

// directory opens the account's directory on first use.
func (r *run) directory(a *accountWork) *bucketDirectory {
	if a.directory == nil {
		a.directory = open[bucketDirectory](r, directoryKey(a.prefix))
	}
	return a.directory
}

// identity opens an identity for reading and, after change, for changing.
func (r *run) identity(a *accountWork, i *hashedIdentity) *identityRow {
	if i.row != nil {
		return i.row
	}
	var room [64]byte
	key := appendBucketKey(room[:0], a.prefix, r.directory(a).of(i.hash))
	at := r.slots[string(key)]
	if at == nil {
		at = load[identityBucket](r, string(key))
		r.slots[at.key] = at
	}
	s := at.value.(*identityBucket)
	row, err := s.identity(i.Identity)
	if err != nil && r.err == nil {
		r.err = err
	}
	if row == nil {
		row = s.add(i.Identity)
	}
	if row.bucket != at {
		row.bucket, row.name, row.round, row.claimed = at, 0, 0, false
	}
	i.row = row
	return row
}

// change marks an identity as changed.
func (r *run) change(a *accountWork, i *identityRow) {
	if !i.bucket.dirty {
		i.bucket.dirty = true
		a.buckets = append(a.buckets, i.bucket.value.(*identityBucket))
	}
}

// resizeDirectory counts the identities that came and went, and adds the buckets they need. A bucket that is not loaded is split another time.
func (r *run) resizeDirectory(a *accountWork) {
	if len(a.buckets) == 0 {
		return
	}
	c, before := a.directory, *a.directory
	for _, s := range a.buckets {
		c.identities += int64(s.size() - s.had)
	}
	for n := c.count(); crowded(n, c.identities); n++ {
		from, to := bucketKey(a.prefix, splitSource(n)), bucketKey(a.prefix, n)
		if row, loaded := r.state[from]; r.slots[from] == nil && (!loaded || row.Missing()) {
			break
		}
		added := &identityBucket{}
		open[identityBucket](r, from).split(added, bits.Len64(n))
		r.touch(from)
		r.fresh(to, added)
		c.buckets = int64(n) + 1
	}
	if *c != before {
		r.touch(directoryKey(a.prefix))
	}
}
