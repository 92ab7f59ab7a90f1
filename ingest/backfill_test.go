package ingest

import (
	"strconv"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"deskstream/ingest/zendesktest"
	"deskstream/local/localtest"
	"deskstream/schemas"
)

// TestBackfillResync sends all cursors back and must read, and store again, the whole window.
func TestBackfillResync(t *testing.T) {
	t.Parallel()
	d := pastDesk(t, 20, 3, zendesktest.Options{})
	r := newRig(t, d, nil)
	r.start(t)
	localtest.Eventually(t, "first sync", r.done)
	before := len(r.store.all())
	facts := len(r.store.of(schemas.KindAudit))
	d.ForgetRequests()
	if err := r.conn.Resync(t.Context(), testSource, ResyncBackfill); err != nil {
		t.Fatal(err)
	}
	localtest.Eventually(t, "back-fill", func() bool { return r.done() && len(r.store.all()) >= before+facts })
	if got := len(r.store.of(schemas.KindAudit)); got != facts {
		t.Errorf("%d audits, want %d: a back-fill makes no new facts", got, facts)
	}
}

// TestEmptyStreamsAreNoBackfill: an account has no organizations and no metric events, so that these streams never have a position. What the others
// read again with each poll is left out all the same.
func TestEmptyStreamsAreNoBackfill(t *testing.T) {
	t.Parallel()
	for name, metric := range map[string]zendesktest.Fault{
		"empty":           {Path: "/api/v2/incremental/ticket_metric_events", Status: 200, Body: `{"ticket_metric_events":[],"end_time":null}`, Times: -1},
		"not on the plan": {Path: "/api/v2/incremental/ticket_metric_events", Status: 403, Times: -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, zendesktest.Options{})
			d.Inject(metric)
			newTicket(t, d, time.Now().Add(-time.Hour), newCustomer(t, d, time.Now().Add(-2*time.Hour), "Carla"))
			r := newRig(t, d, func(r *rig) { r.poller.Intervals = quick() })
			r.start(t)
			localtest.Eventually(t, "first sync", r.done)
			localtest.Eventually(t, "a poll behind it", r.polls(6))
			stored := len(r.store.all())
			localtest.Eventually(t, "more polls", r.polls(6))
			if again := r.store.all()[stored:]; len(again) > 0 {
				t.Errorf("%d events stored again, the first one %s", len(again), again[0].ID)
			}
			for _, resource := range []string{schemas.ResourceOrganizations, schemas.ResourceMetricEvents} {
				if cur := r.store.cursor(testSource, resource); cur.Cursor != "" || !cur.Done {
					t.Errorf("%s: %+v", resource, cur)
				}
			}
		})
	}
}

// TestBackfillDuringARun: a back-fill that is asked for while the stream is read stores all of it again.
func TestBackfillDuringARun(t *testing.T) {
	t.Parallel()
	d := newDesk(t, zendesktest.Options{})
	customer := newCustomer(t, d, time.Now().Add(-2*time.Hour), "Carla")
	first := newTicket(t, d, time.Now().Add(-time.Hour), customer)
	r := newRig(t, d, nil)
	r.start(t)
	localtest.Eventually(t, "first sync", r.done)
	times := func() (n int) {
		for _, e := range r.store.all() {
			if e.Kind == schemas.KindTicket && int64(headOf(e.Data).ID) == first {
				n++
			}
		}
		return n
	}
	for round := 2; round < 4; round++ { // in the first one what was stored is not known any more: later streams of the first sync began behind it
		var once sync.Once
		r.store.mu.Lock()
		r.store.before = func(op string) {
			if op != "page" {
				return
			}
			once.Do(func() {
				now := time.Now()
				err := r.conn.cursors(t.Context(), testSource, []string{schemas.ResourceTickets}, func(cur *schemas.Cursor) { cur.Cursor, cur.Done, cur.BeganAt = "", false, &now })
				if err != nil {
					t.Error(err)
				}
			})
		}
		r.store.mu.Unlock()
		newTicket(t, d, time.Now().Add(time.Duration(round-10)*time.Minute), customer)
		r.poller.Kick(testSource, schemas.ResourceTickets)
		localtest.Eventually(t, "all tickets again", func() bool { return r.done() && len(r.store.ids(schemas.KindTicket)) == round })
		if got := times(); got != round {
			t.Errorf("the first ticket was stored %d times, want %d", got, round)
		}
	}
}

// TestRowsCountOldTickets: of a page with so many old tickets that it is stored in parts every ticket counts, in a back-fill anew.
func TestRowsCountOldTickets(t *testing.T) {
	t.Parallel()
	d := newDesk(t, zendesktest.Options{})
	now := time.Now()
	customer := newCustomer(t, d, now.AddDate(0, 0, -30), "Carla")
	const tickets = 2*auditChunk + 7
	for i := range tickets {
		id := newTicket(t, d, now.AddDate(0, 0, -20).Add(time.Duration(i)*time.Second), customer)
		if err := d.Account.Touch(now.Add(-time.Hour), id); err != nil {
			t.Fatal(err)
		}
	}
	r := newRig(t, d, func(r *rig) { r.store.putSource(t, func(s *schemas.Source) { s.Retention.Days = 10 }) })
	r.start(t)
	counted := r.clients.Metrics.rows.WithLabelValues("acme", schemas.ResourceTickets)
	for round := range 2 {
		localtest.Eventually(t, "sync", r.done)
		if got := r.store.cursor(testSource, schemas.ResourceTickets).Rows; got != tickets {
			t.Errorf("round %d: %d rows, want %d", round, got, tickets)
		}
		var metric dto.Metric
		if err := counted.Write(&metric); err != nil || metric.GetCounter().GetValue() != float64((round+1)*tickets) {
			t.Errorf("round %d: the metric says %v, %v", round, &metric, err)
		}
		if err := r.conn.Resync(t.Context(), testSource, ResyncBackfill); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHistoriesOfAFailedPage: of a page of old tickets one history cannot be read for a while; those that were read before it are read again.
func TestHistoriesOfAFailedPage(t *testing.T) {
	t.Parallel()
	d := newDesk(t, zendesktest.Options{})
	now := time.Now()
	customer := newCustomer(t, d, now.AddDate(0, 0, -30), "Carla")
	want, last := 0, int64(0)
	for i := range 8 {
		last = newTicket(t, d, now.AddDate(0, 0, -20).Add(time.Duration(i)*time.Second), customer)
		if err := d.Account.Touch(now.Add(-time.Hour), last); err != nil {
			t.Fatal(err)
		}
		audits, err := d.Account.Audits(last)
		if err != nil {
			t.Fatal(err)
		}
		want += len(audits)
	}
	d.Inject(zendesktest.Fault{Path: "/api/v2/tickets/" + strconv.FormatInt(last, 10) + "/audits", Times: 20, Cut: true})
	r := newRig(t, d, func(r *rig) {
		r.poller.PageSize = 5 // the first page is another one: a run without a cursor reads everything anew
		r.store.putSource(t, func(s *schemas.Source) { s.Retention.Days = 10 })
	})
	r.start(t)
	localtest.Eventually(t, "sync", r.done)
	if got := len(r.store.of(schemas.KindAudit)); got != want {
		t.Errorf("%d audits, want %d", got, want)
	}
}
