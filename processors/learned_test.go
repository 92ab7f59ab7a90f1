package processors

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"deskstream/schemas"
)

// learned gives how each activity of a ticket was first learned.
func (s *store) learned() []string {
	out := []string{}
	for key, row := range s.tables[schemas.TableActivities] {
		if row["ticket_id"] != float64(0) {
			out = append(out, fmt.Sprint(key, " ", row["via"]))
		}
	}
	slices.Sort(out)
	return out
}

// TestFirstLearnedWhateverTheCuts: how an activity of a ticket was first learned does not depend on where batches are cut, nor on lost commits: a replay
// has a webhook and the history that confirms it in one batch.
func TestFirstLearnedWhateverTheCuts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		rnd := rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed")))
		one, cut := newStore(), newStore()
		one.batches(fataler{t}, w.out, 1)
		for i := 0; i < len(w.out); {
			n := min(1+rnd.Intn(60), len(w.out)-i)
			if rnd.Intn(4) == 0 {
				cut.lose(fataler{t}, w.out[i:i+n])
			}
			cut.run(fataler{t}, w.out[i:i+n])
			i += n
		}
		compareDumps(t, one.learned(), cut.learned())
	})
}
