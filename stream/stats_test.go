package stream

import "testing"

// TestIdleTables: what was looked through is not looked through again, unless the table has more or less than it had then.
func TestIdleTables(t *testing.T) {
	t.Parallel()
	var i idleTables
	for _, step := range []struct {
		what       string
		done, from uint64
		note       uint64 // 0: nothing was noted
	}{
		{"never looked at", 10, 11, 500},
		{"looked through", 10, 501, 0},
		{"a row came and is in the table", 502, 503, 600},
		{"looked through again", 502, 601, 0},
		{"the table is filled anew", 0, 1, 0},
		{"a row behind what was looked through", 700, 701, 0},
	} {
		if got := i.from("names", step.done); got != step.from {
			t.Errorf("%s: from %d, want %d", step.what, got, step.from)
		}
		if step.note != 0 {
			i.note("names", step.done, step.note)
		}
	}
}
