package stream

import (
	"context"
	"errors"
	"testing"
	"time"

	"deskstream/schemas"
)

// TestReflected: who waits for what they published finds it in the table afterwards; while nothing works on it, the wait ends with the caller's
// patience.
func TestReflected(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	if err := s.Reflected(t.Context(), "acme", schemas.TableActivityCounts); err != nil {
		t.Fatalf("nothing to wait for: %v", err)
	}
	if err := s.Publish(t.Context(), click("acme", "c", 1, 5)); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Reflected(short, "acme", schemas.TableActivityCounts); !errors.Is(err, schemas.ErrUnavailable) {
		t.Fatalf("nobody works: %v", err)
	}
	if n, err := s.Written(t.Context()); err != nil || n != 0 {
		t.Fatalf("written up to %d: %v", n, err)
	}
	counts := newTable(schemas.TableActivityCounts)
	run(t, s, counters, newTable(schemas.TableActivities), counts)
	for i := range 5 {
		if err := s.Publish(t.Context(), click("acme", "c", 2+i, 1)); err != nil {
			t.Fatal(err)
		}
		if err := s.Reflected(t.Context(), "acme", schemas.TableActivityCounts); err != nil {
			t.Fatal(err)
		}
		if n, err := s.Written(t.Context()); err != nil || n == 0 {
			t.Fatalf("written up to %d: %v", n, err)
		}
		newest, err := s.Newest(t.Context())
		if last, _, lastErr := s.last(t.Context(), s.txn, s.outputs(schemas.TableActivityCounts)); err != nil || lastErr != nil || newest[schemas.TableActivityCounts] != last.seq {
			t.Fatalf("newest rows %v (%v), want %d (%v) of the counts", newest, err, last.seq, lastErr)
		}
		if _, ok := newest[schemas.TablePeople]; ok {
			t.Fatalf("people: %v", newest)
		}
		if got := counts.newest(t)["c"]; got != uint64(6+i) {
			t.Fatalf("%d is in the table, want %d", got, 6+i)
		}
	}
}
