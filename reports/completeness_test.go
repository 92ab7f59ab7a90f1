package reports

import (
	"slices"
	"strings"
	"testing"
	"time"

	"deskstream/schemas"
)

// checked stores what Zendesk counted at a time: of the fixture's six tickets one is created on the 2nd at 10:00, one at 23:30, one on the
// 3rd (deleted on the 10th), one on the 4th, the 8th and the 9th.
func (s *testServer) checked(when string, tickets ...int64) {
	counts := &schemas.TicketCounts{CheckedAt: at(when), To: at("10 00:00")}
	for i, n := range tickets {
		counts.Periods = append(counts.Periods, schemas.TicketCount{From: at("01 00:00").AddDate(0, 0, 2*i), Tickets: n})
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.store.cursors[testSource] = []schemas.Cursor{{Resource: schemas.ResourceTicketCounts, Done: true, Counts: counts}}
}

func TestCompleteness(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, filledDatabase(t), nil)
	if a := s.answerOf("tickets_created", "from=2026-03-02"); a.Complete != nil {
		t.Errorf("before the first check: %+v", a.Complete)
	}
	for _, c := range []struct {
		when                   string
		zendesk                []int64
		total, stored, missing int64
		since                  string
	}{
		{"19 00:00", []int64{2, 1, 0, 1, 1}, 5, 5, 0, ""},
		{"19 01:00", []int64{2, 1, 0, 3, 2}, 8, 5, 3, "07"},
		{"19 02:00", []int64{3, 0, 0, 1, 1}, 5, 5, 1, "01"}, // one too many elsewhere hides none
		{"10 00:05", []int64{2, 2, 0, 1, 1}, 6, 6, 0, ""},   // the ticket that was deleted at 00:00 may have been counted
		{"19 03:00", nil, 0, 0, 0, ""},
	} {
		s.checked(c.when, c.zendesk...)
		got := s.answerOf("csat", "from=2026-03-02").Complete
		if got == nil || !got.CheckedAt.Equal(at(c.when)) || got.ZendeskTickets != c.total || got.StoredTickets != c.stored || got.MissingTickets != c.missing {
			t.Errorf("%s: %+v", c.when, got)
			continue
		}
		var sync syncAnswer
		s.get("/v1/sources/"+testSource+"/sync", &sync)
		if sync.Completeness == nil || sync.Completeness.MissingTickets != c.missing {
			t.Errorf("%s: sync says %+v", c.when, sync.Completeness)
		}
		s.steps.calls = nil
		if err := s.reconcile(t.Context()); err != nil {
			t.Fatal(err)
		}
		var want []string
		if c.since != "" {
			want = []string{"reread 2026-03-" + c.since + " of " + testSource}
		}
		if !slices.Equal(s.steps.calls, want) {
			t.Errorf("%s: %v, want %v", c.when, s.steps.calls, want)
		}
	}
	s.checked("19 04:00", 9)
	if err := s.reconcile(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := s.call("GET", "/metrics", "", nil); !strings.Contains(string(r.body), `deskstream_missing_tickets{account="acme"} 4`) {
		t.Errorf("%s", r.body)
	}
}

// TestCompletenessOfTheMoment follows one check: what is stored late is no longer missing a minute later, and nothing is read again
// before the pipeline had time to store it.
func TestCompletenessOfTheMoment(t *testing.T) {
	t.Parallel()
	now := at("19 00:00")
	s := newTestServer(t, openDatabase(t), func(o *Options) { o.Now = func() time.Time { return now } })
	s.checked("19 00:00", 1)
	missing := func() int64 { return s.answerOf("tickets_created", "from=2026-03-02").Complete.MissingTickets }
	if n := missing(); n != 1 {
		t.Errorf("%d missing", n)
	}
	now = now.Add(defaultReread - time.Second)
	if err := s.reconcile(t.Context()); err != nil || len(s.steps.calls) != 0 {
		t.Errorf("read again too early: %v, %v", s.steps.calls, err)
	}
	f := &fixture{}
	f.build()
	insertInto(t, s.db, schemas.TableTickets, f.tickets[0])
	if n := missing(); n != 1 {
		t.Errorf("%d missing: every report counts tickets", n)
	}
	now = now.Add(completeFresh)
	if n := missing(); n != 0 {
		t.Errorf("%d missing after it was stored", n)
	}
}

// TestCompletenessOfSeveralAccounts adds up, and says nothing as long as one was not checked; one that was not and is not read any more is left out.
func TestCompletenessOfSeveralAccounts(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, filledDatabase(t), nil)
	s.checked("19 04:00", 6)
	second := s.store.sources[testSource]
	second.ID, second.Account, second.Status = "src_other", "other", schemas.SourceConnected
	s.store.set(second)
	if got := s.answerOf("tickets", "").Complete; got != nil {
		t.Errorf("%+v", got)
	}
	for _, second.Status = range []schemas.SourceStatus{schemas.SourceArchived, schemas.SourceDisconnected} {
		s.store.set(second)
		if got := s.answerOf("tickets", "").Complete; got == nil || got.ZendeskTickets != 6 || !got.CheckedAt.Equal(at("19 04:00")) {
			t.Errorf("%s before its first check: %+v", second.Status, got)
		}
	}
	cur := s.store.cursors[testSource][0]
	counts := *cur.Counts
	counts.CheckedAt = at("18 00:00")
	cur.Counts = &counts
	s.store.cursors["src_other"] = []schemas.Cursor{cur}
	if got := s.answerOf("tickets", "").Complete; got == nil || got.ZendeskTickets != 12 || got.StoredTickets != 10 || got.MissingTickets != 2 || !got.CheckedAt.Equal(at("18 00:00")) {
		t.Errorf("%+v", got)
	}
}
