package stream

import "time"

// sentIDs remembers the Msg-Ids of the batches that were committed of late. The server refuses a batch with an id that it still knows, so that a
// row that replaces one of a moment ago comes without.
type sentIDs []sentBatch

type sentBatch struct {
	ids map[string]bool
	at  time.Time // when its commit ended, which is after the server has stored it
}

// idsKept is how long ids are remembered: longer than the server may know them.
const idsKept = 2 * txnDuplicates

// has says whether the server may still know an id.
func (s sentIDs) has(id string, now time.Time) bool {
	for _, b := range s {
		if b.ids[id] && now.Sub(b.at) < idsKept {
			return true
		}
	}
	return false
}

// add notes the ids of a batch that is committed, and forgets those of old ones.
func (s *sentIDs) add(ids map[string]bool, at time.Time) {
	kept := (*s)[:0]
	for _, b := range *s {
		if at.Sub(b.at) < idsKept {
			kept = append(kept, b)
		}
	}
	clear((*s)[len(kept):])
	if len(ids) > 0 {
		kept = append(kept, sentBatch{ids, at})
	}
	*s = kept
}
