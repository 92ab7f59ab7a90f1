package ingest

import (
	"strings"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
	"deskstream/local/localtest"
	"deskstream/schemas"
)

// lateTicket gives a ticket of the account that was made in the last days and is not deleted.
func lateTicket(t *testing.T, d *desk) zendesktest.Ticket {
	t.Helper()
	for _, ticket := range d.Account.Tickets() {
		if age := time.Since(ticket.CreatedAt); ticket.Status != "deleted" && age > 2*day && age < 10*day {
			return ticket
		}
	}
	t.Fatal("no ticket of the last days")
	return zendesktest.Ticket{}
}

// TestTicketCounts compares what the check recorded with what the account has, and reads a ticket again that the exports left out.
func TestTicketCounts(t *testing.T) {
	t.Parallel()
	d := pastDesk(t, 120, 4, zendesktest.Options{})
	gap := lateTicket(t, d)
	if err := d.Account.Withhold(gap.ID, true); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, d, func(r *rig) { r.store.putSource(t, func(s *schemas.Source) { s.Retention.Days = 90 }) })
	r.start(t)
	localtest.Eventually(t, "initial sync", r.done)
	counts := r.store.cursor(testSource, schemas.ResourceTicketCounts).Counts
	if counts == nil || len(counts.Periods) < 20 || len(counts.Periods) > countPeriods || time.Since(counts.To) > 15*time.Minute {
		t.Fatalf("%+v", counts)
	}
	for i, p := range counts.Periods {
		to := counts.To
		if i+1 < len(counts.Periods) {
			to = counts.Periods[i+1].From
		}
		want := int64(0)
		for _, ticket := range d.Account.Tickets() {
			if ticket.Status != "deleted" && !ticket.CreatedAt.Before(p.From) && ticket.CreatedAt.Before(to) {
				want++
			}
		}
		if p.Tickets != want {
			t.Errorf("period from %s: %d, want %d", p.From, p.Tickets, want)
		}
	}

	if r.store.ids(schemas.KindTicket)[gap.ID] {
		t.Fatal("the ticket is not missing: the test proves nothing")
	}
	if err := d.Account.Withhold(gap.ID, false); err != nil {
		t.Fatal(err)
	}
	from := gap.CreatedAt.Truncate(day)
	if err := r.conn.Reread(t.Context(), testSource, from); err != nil {
		t.Fatal(err)
	}
	localtest.Eventually(t, "the missing ticket and its audits", func() bool {
		list, _ := d.Account.Audits(gap.ID)
		audits := r.store.ids(schemas.KindAudit)
		for _, a := range list {
			if !audits[a.ID] {
				return false
			}
		}
		return r.store.ids(schemas.KindTicket)[gap.ID] && r.done()
	})
	if again := r.store.cursor(testSource, schemas.ResourceTicketCounts).Counts; again.RereadAt == nil {
		t.Error("the reading is not recorded")
	}
	before := r.store.cursor(testSource, schemas.ResourceTickets).Revision
	if err := r.conn.Reread(t.Context(), testSource, from); err != nil {
		t.Fatal(err)
	}
	if after := r.store.cursor(testSource, schemas.ResourceTickets).Revision; after != before {
		t.Error("a second reading within a day")
	}
}

// TestTicketCountsFail shows what is recorded when Zendesk does not count, and that there is nothing to count before tickets were read.
func TestTicketCountsFail(t *testing.T) {
	t.Parallel()
	d := newDesk(t, zendesktest.Options{})
	newTicket(t, d, time.Now().Add(-5*day), newCustomer(t, d, time.Now().Add(-6*day), "Carla"))
	d.Inject(zendesktest.Fault{Path: "/api/v2/search/count", Status: 422, Times: -1})
	r := newRig(t, d, nil)
	r.start(t)
	localtest.Eventually(t, "failure", func() bool { return r.store.cursor(testSource, schemas.ResourceTicketCounts).State == "failing" })
	if cur := r.store.cursor(testSource, schemas.ResourceTicketCounts); cur.Counts != nil || !strings.Contains(cur.LastError, "422") {
		t.Errorf("%+v", cur)
	}
	d.ClearFaults()
	localtest.Eventually(t, "count", func() bool { return r.store.cursor(testSource, schemas.ResourceTicketCounts).Counts != nil })

	broken := newDesk(t, zendesktest.Options{})
	broken.Inject(zendesktest.Fault{Path: "/api/v2/incremental/tickets", Status: 422, Times: -1})
	r = newRig(t, broken, nil)
	r.start(t)
	localtest.Eventually(t, "end of the first round", func() bool { return r.store.cursor(testSource, schemas.ResourceTicketCounts).NextRunAt != nil })
	for _, q := range broken.Requests() {
		if strings.Contains(q.Path, "search") {
			t.Errorf("%s before the tickets were read", q.Path)
		}
	}
}

func TestPeriods(t *testing.T) {
	t.Parallel()
	to := time.Date(2026, 3, 20, 11, 50, 0, 0, time.UTC)
	for days, want := range map[int]struct {
		first  string
		length time.Duration
		n      int
	}{
		1: {"2026-03-20", day, 1}, 2: {"2026-03-19", day, 2}, 32: {"2026-02-17", day, 32}, 33: {"2026-02-16", 2 * day, 17},
		90: {"2025-12-21", 3 * day, 30}, 3650: {"2016-03-23", 115 * day, 32},
	} {
		got := periods(to.Add(-time.Duration(days)*day), to)
		if len(got) != want.n || got[0].Format(time.DateOnly) != want.first || len(got) > 1 && got[1].Sub(got[0]) != want.length || !got[len(got)-1].Before(to) {
			t.Errorf("%d days: %d from %s", days, len(got), got[0])
		}
	}
	if got := periods(to, to.Add(-time.Hour)); len(got) != 0 {
		t.Errorf("%v", got)
	}
}
