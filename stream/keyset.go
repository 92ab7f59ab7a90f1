package stream

const (
	// blockKeys is how many keys a block of a set holds, 16 bits each; of keys that are not in it, one in four hundred seems to be.
	blockKeys = 1 << 19
	// blocksMost bounds the blocks of a set.
	blocksMost = 16
	// keyProbes is how many bits stand for a key.
	keyProbes = 4
)

// keySet is a set of hashes of keys that takes two bytes for each: a Bloom filter. has may be wrong for a key that was not added.
type keySet struct {
	blocks [][]uint64
	keys   int // in the last block
}

// add adds a key and reports whether there was room for it.
func (s *keySet) add(key uint64) bool {
	if s.has(key) {
		return true
	}
	if len(s.blocks) == 0 || s.keys == blockKeys {
		if len(s.blocks) == blocksMost {
			return false
		}
		s.blocks, s.keys = append(s.blocks, make([]uint64, 16*blockKeys/64)), 0
	}
	block := s.blocks[len(s.blocks)-1]
	for n := range keyProbes {
		word, bit := probe(key, n)
		block[word] |= bit
	}
	s.keys++
	return true
}

func (s *keySet) has(key uint64) bool {
	for _, block := range s.blocks {
		if covers(block, key) {
			return true
		}
	}
	return false
}

func covers(block []uint64, key uint64) bool {
	for n := range keyProbes {
		if word, bit := probe(key, n); block[word]&bit == 0 {
			return false
		}
	}
	return true
}

// probe gives the place of one of a key's bits: two halves of the hash make as many as are needed.
func probe(key uint64, n int) (word int, bit uint64) {
	at := (uint32(key) + uint32(n)*(uint32(key>>32)|1)) % (16 * blockKeys)
	return int(at / 64), 1 << (at % 64)
}
