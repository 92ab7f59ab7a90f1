package stream

const (
	// sumWays is how many places a sum may have.
	sumWays = 8
	// sumsLeast and sumsMost bound the places of a table of sums, 16 bytes each.
	sumsLeast, sumsMost = 1 << 10, 1 << 21
)

// sums keeps sums of rows by the hash of their key. It grows up to a bound; then a new sum takes the place of another one. What it gives
// for a key is always what was put last.
type sums struct {
	places []keySum // groups of sumWays
	most   int      // places
	next   int      // which one of a full group goes
}

type keySum struct{ key, sum uint64 }

// get gives the sum of a key, 0 when it is not known.
func (s *sums) get(key uint64) uint64 {
	for _, p := range s.group(key) {
		if p.key == key {
			return p.sum
		}
	}
	return 0
}

// put keeps a sum; 0 forgets the one there is.
func (s *sums) put(key, sum uint64) {
	group := s.group(key)
	for i := range group {
		if group[i].key == key {
			group[i].sum = sum
			return
		}
	}
	if sum == 0 {
		return
	}
	for i := range group {
		if group[i].sum == 0 {
			group[i] = keySum{key, sum}
			return
		}
	}
	if len(s.places) < s.most {
		s.grow()
		s.put(key, sum)
		return
	}
	s.next = (s.next + 1) % sumWays
	group[s.next] = keySum{key, sum}
}

func (s *sums) group(key uint64) []keySum {
	if len(s.places) == 0 {
		return nil
	}
	at := int(key%uint64(len(s.places)/sumWays)) * sumWays
	return s.places[at : at+sumWays]
}

func (s *sums) grow() {
	old := s.places
	s.places = make([]keySum, max(sumsLeast, 2*len(old)))
	for _, p := range old {
		if p.sum != 0 {
			s.put(p.key, p.sum)
		}
	}
}
