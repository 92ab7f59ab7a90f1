package reports

import (
	"testing"
	"time"

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
