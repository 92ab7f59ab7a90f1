package stream

import (
	"errors"
	"sync"
	"testing"
	"time"
)

// TestOneTurn has many programs take the turn at once: one gets it, the others are told who has it, and the next one gets it when it is given
// back or its holder is gone.
func TestOneTurn(t *testing.T) {
	t.Parallel()
	n, o := testOptions(t)
	open(t, o)
	var all sync.WaitGroup
	var mu sync.Mutex
	var held []*Turn
	for range 8 {
		mine := o
		mine.Conn = connect(t, n)
		all.Go(func() {
			turn, err := TakeTurn(t.Context(), mine, "verify")
			mu.Lock()
			defer mu.Unlock()
			if busy, ok := errors.AsType[*BusyError](err); err == nil {
				held = append(held, turn)
			} else if !ok || busy.What != "verify" {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(held) != 1 {
		t.Fatalf("%d have the turn", len(held))
	}
	if err := held[0].Held(t.Context()); err != nil {
		t.Fatal(err)
	}
	held[0].End()
	begin := time.Now()
	second, err := TakeTurn(t.Context(), o, "erasure")
	if err != nil || time.Since(begin) > turnPatience {
		t.Fatalf("given back, taken after %s: %v", time.Since(begin), err)
	}
	if err := held[0].Held(t.Context()); err == nil {
		t.Fatal("the turn that was given back is held")
	}
	o.Conn.Close() // as a kill does
	o.Conn = connect(t, n)
	third, err := TakeTurn(t.Context(), o, "verify")
	if err != nil {
		t.Fatal(err)
	}
	third.End()
	second.End() // harmless
}
