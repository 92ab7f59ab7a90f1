package reports

import (
	"bytes"
	"math/rand"
	"testing"
)

// TestArenaKeepsRecords: over random records put, replaced, given up and moved, each is what was put last; what is in use is counted.
func TestArenaKeepsRecords(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewSource(1))
	var a arena
	numbers, want := make([]uint32, 200), make([][]byte, 200)
	for step := range 20_000 {
		i := r.Intn(len(numbers))
		record := make([]byte, r.Intn(300)*r.Intn(2))
		if step%5000 == 7 {
			record = make([]byte, arenaChunk+r.Intn(100))
		}
		_, _ = r.Read(record)
		numbers[i], want[i] = a.put(numbers[i], record), record
		if step%3000 == 0 {
			old := a
			a = arena{}
			for i := range numbers {
				a.move(&old, &numbers[i])
			}
		}
	}
	used := 0
	for i := range numbers {
		if got := a.get(numbers[i]); !bytes.Equal([]byte(got), want[i]) {
			t.Fatalf("record %d has %d bytes, want %d", i, len(got), len(want[i]))
		}
		if len(want[i]) > 0 {
			used += recordSize(len(want[i]))
		}
	}
	if a.live != used {
		t.Errorf("%d bytes in use, want %d", a.live, used)
	}
}
