package stream

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"deskstream/schemas"
)

// TestUnwritableStoreIsNamed: while the server is known not to write, what fails says so and what to do, whichever way it was published; other failures
// do not.
func TestUnwritableStoreIsNamed(t *testing.T) {
	t.Parallel()
	n, o := testOptions(t)
	var down atomic.Bool
	o.Unwritable = down.Load
	s := open(t, o)
	n.Close()
	events := []schemas.Event{click("acme", "c", 1, 1), click("acme", "c", 2, 1)}
	if err := s.Publish(t.Context(), events[0]); err == nil || strings.Contains(err.Error(), "make room") {
		t.Errorf("of another failure: %v", err)
	}
	down.Store(true)
	check := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, schemas.ErrUnavailable) || !strings.Contains(err.Error(), UnwritableHint) {
			t.Errorf("%s: %v", what, err)
		}
	}
	check("one", s.Publish(t.Context(), events[0]))
	check("a batch", s.Publish(t.Context(), events...))
	_, err := s.PublishPage(t.Context(), source("src_1"), schemas.Cursor{Resource: "tickets"}, events)
	check("a page", err)
	var all sync.WaitGroup
	for range 4 * groupFrom {
		all.Go(func() { check("one of many", s.Publish(t.Context(), events[0])) })
	}
	all.Wait()
}
