package reports

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"deskstream/local/localtest"
	"deskstream/schemas"
)

// TestDataThrough: what a poller has read counts from when all that was stored then is in the tables.
func TestDataThrough(t *testing.T) {
	t.Parallel()
	now := testNow
	s := newTestServer(t, filledDatabase(t), func(o *Options) { o.Now = func() time.Time { return now } })
	for _, c := range []struct {
		what, read                         string
		stored, processed, output, written uint64
		want                               string // "" = null
	}{
		{"not processed", "15 00:00", 10, 9, 100, 100, ""},
		{"processed, and read on", "16 00:00", 20, 10, 110, 109, ""},
		{"in the tables", "16 00:00", 20, 19, 120, 110, "15 00:00"},
		{"all processed", "17 00:00", 30, 30, 130, 129, "15 00:00"},
		{"all in the tables", "17 00:00", 30, 30, 130, 130, "17 00:00"},
		{"read anew", "12 00:00", 40, 30, 130, 130, "12 00:00"},
	} {
		read := at(c.read)
		s.store.mu.Lock()
		s.store.cursors[testSource] = []schemas.Cursor{{Resource: "tickets", Through: &read}, {Resource: "ticket_events", Through: &testNow}}
		s.store.stored, s.store.processed, s.store.output, s.store.written = c.stored, c.processed, c.output, c.written
		s.store.mu.Unlock()
		now = now.Add(landedLook)
		got := s.answerOf("tickets_created", "from=2026-03-02&to=2026-03-02").DataThrough
		if c.want == "" && got != nil || c.want != "" && (got == nil || !got.Equal(at(c.want))) {
			t.Errorf("%s: %v, want %q", c.what, got, c.want)
		}
	}
}

// TestDataThroughGoesOnUnasked: what was read and written while nobody asked counts at the first question.
func TestDataThroughGoesOnUnasked(t *testing.T) {
	t.Parallel()
	var later atomic.Int64
	s := newTestServer(t, filledDatabase(t), func(o *Options) { o.Now = func() time.Time { return testNow.Add(time.Duration(later.Load())) } })
	put := func(read string, stored, processed, written uint64) {
		day := at(read)
		s.store.mu.Lock()
		defer s.store.mu.Unlock()
		s.store.cursors[testSource] = []schemas.Cursor{{Resource: "tickets", Through: &day}, {Resource: "ticket_events", Through: &testNow}}
		s.store.stored, s.store.processed, s.store.output, s.store.written = stored, processed, processed, written
	}
	follow, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.keepLanded(follow, time.Millisecond) }()
	put("15 00:00", 10, 9, 9)
	waiting := func() (n int) {
		s.landed.mu.Lock()
		defer s.landed.mu.Unlock()
		if l := s.landed.sources[testSource]; l != nil {
			n = len(l.waiting)
		}
		return n
	}
	localtest.Eventually(t, "mark that waits", func() bool { return waiting() > 0 })
	stop()
	<-done
	put("16 00:00", 20, 10, 10) // the next mark is not in the tables, but the one that was noted meanwhile is
	later.Store(int64(landedLook))
	if got := s.answerOf("tickets_created", "from=2026-03-02&to=2026-03-02").DataThrough; got == nil || !got.Equal(at("15 00:00")) {
		t.Errorf("%v, want the instant that was read while nobody asked", got)
	}
}
