package ingest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/rs/zerolog"

	"deskstream/ingest/zendesktest"
	"deskstream/local/localtest"
	"deskstream/schemas"
)

// TestPauseIsTold: a run that waits for Zendesk's limit says so and until when, and then goes on with the page it was at; the log has one line.
func TestPauseIsTold(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{
		"first page": "/api/v2/incremental/users", "between histories": "/api/v2/tickets", "count": "/api/v2/search/count",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := pastDesk(t, 40, 10, zendesktest.Options{})
			var log bytes.Buffer
			r := newRig(t, d, func(r *rig) {
				r.store.putSource(t, func(s *schemas.Source) { s.Retention.Days = 10 })
				r.clients.Log = zerolog.New(zerolog.SyncWriter(&log))
			})
			// Twice, so that what one pause left in the store is there for the next; skipped ones have stored a part of the page before.
			skip := map[bool]int{true: auditChunk + 2}[strings.HasSuffix(path, "/tickets")]
			d.Inject(zendesktest.Fault{Path: path, Status: 429, RetryAfter: 6, Times: 2, Skip: skip})
			r.start(t)
			waiting := func() (told schemas.Cursor) {
				for _, res := range resources {
					if cur := r.store.cursor(testSource, res.name); strings.HasPrefix(cur.LastError, "Zendesk limits the rate: waiting until 2") {
						told = cur
					}
				}
				return told
			}
			localtest.Eventually(t, "pause told", func() bool { return waiting().Resource != "" })
			cur := waiting()
			if wait := time.Until(*cur.NextRunAt); cur.State != "running" || wait < longPause || wait > 9*time.Second {
				t.Errorf("%s: %s, next run in %s", cur.Resource, cur.State, wait)
			}
			localtest.Eventually(t, "initial sync", r.done)
			r.stop()
			if cur = r.store.cursor(testSource, cur.Resource); cur.State != "idle" || cur.LastError != "" {
				t.Errorf("afterwards %s, %q", cur.State, cur.LastError)
			}
			if n := strings.Count(log.String(), "Zendesk limits the rate"); n != 2 {
				t.Errorf("%d lines in the log, want one for each pause: %s", n, log.String())
			}
			pages := map[string]int{}
			for _, q := range d.Requests() {
				if q.Status == 200 {
					pages[q.Path+"?"+q.Query]++
				}
			}
			for page, n := range pages {
				if n > 1 {
					t.Errorf("%s was read %d times", page, n)
				}
			}
		})
	}
}

// TestHiddenMinute makes a ticket while polls run: it must come once the minute is over, not be skipped.
func TestHiddenMinute(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	d := newDesk(t, zendesktest.Options{Now: now})
	customer := newCustomer(t, d, time.Now().Add(-time.Hour), "Carla")
	r := newRig(t, d, func(r *rig) {
		r.clients.Now, r.poller.Now = now, now
		r.poller.Intervals = quick()
	})
	r.start(t)
	localtest.Eventually(t, "first sync", r.done)
	ticket := newTicket(t, d, now(), customer)
	runs := r.store.cursor(testSource, schemas.ResourceTickets).LastRunAt
	localtest.Eventually(t, "polls within the minute", func() bool {
		return r.store.cursor(testSource, schemas.ResourceTickets).LastRunAt.Sub(*runs) > 300*time.Millisecond
	})
	if r.store.ids(schemas.KindTicket)[ticket] {
		t.Fatal("the export did not hide the ticket: the test proves nothing")
	}
	ahead.Store(int64(70 * time.Second))
	localtest.Eventually(t, "ticket behind the minute", func() bool {
		return r.store.ids(schemas.KindTicket)[ticket] && len(r.store.of(schemas.KindAudit)) == 1
	})
}

// TestR24_R25_DailyContacts is R24 and R25 on a fake clock: a contact made a minute after the sync comes with the next one, a day later.
func TestR24_R25_DailyContacts(t *testing.T) {
	t.Parallel()
	clock := clockwork.NewFakeClockAt(time.Now())
	d := newDesk(t, zendesktest.Options{Now: clock.Now})
	newCustomer(t, d, clock.Now().Add(-time.Hour), "Early")
	r := newRig(t, d, func(r *rig) {
		r.poller.Intervals = map[string]time.Duration{}
		for name := range Intervals() {
			r.poller.Intervals[name] = 1000 * time.Hour
		}
		delete(r.poller.Intervals, schemas.ResourceUsers)
		r.poller.Intervals[schemas.ResourceGroups] = 22 * time.Hour
		r.poller.Clock, r.poller.Now, r.clients.Now = clock, clock.Now, clock.Now
		r.poller.Retry = time.Hour
	})
	r.start(t)
	localtest.Eventually(t, "first sync", r.done)
	first := *r.store.cursor(testSource, schemas.ResourceUsers).LastRunAt
	if next := *r.store.cursor(testSource, schemas.ResourceUsers).NextRunAt; next.Sub(first) != 24*time.Hour {
		t.Fatalf("next contact sync after %s", next.Sub(first))
	}
	// The ticker of the runner and the scheduler's timers wait on the clock.
	if err := clock.BlockUntilContext(t.Context(), 1+len(resources)); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Minute)
	late := newCustomer(t, d, clock.Now(), "Late")
	d.ForgetRequests()
	clock.Advance(22*time.Hour + 59*time.Minute)
	localtest.Eventually(t, "poll of the groups after 22 hours", func() bool { return r.store.cursor(testSource, schemas.ResourceGroups).LastRunAt.After(first) })
	for _, q := range d.Requests() {
		if strings.Contains(q.Path, "users/cursor") {
			t.Fatalf("contact sync after 23 hours: %+v", q)
		}
	}
	if r.store.ids(schemas.KindUser)[late] {
		t.Fatal("contact there after 23 hours")
	}
	clock.Advance(time.Hour + time.Second)
	localtest.Eventually(t, "contact after 24 hours", func() bool { return r.store.ids(schemas.KindUser)[late] })
}

// TestR11_R12_R27_R28_FromDraftToReconnect is R11, R27 and R28: nothing is asked before the authorization and after a disconnect, and the reconnect reads
// from where the cursors stand.
func TestR11_R12_R27_R28_FromDraftToReconnect(t *testing.T) {
	t.Parallel()
	d := newDesk(t, zendesktest.Options{})
	customer := newCustomer(t, d, time.Now().Add(-time.Hour), "Carla")
	newTicket(t, d, time.Now().Add(-time.Hour), customer)
	r := newRig(t, d, func(r *rig) {
		r.store.putSource(t, func(s *schemas.Source) { s.Status, s.Auth = schemas.SourceDraft, schemas.Auth{} })
	})
	r.start(t)
	localtest.Eventually(t, "directory with the draft", func() bool { return len(r.poller.Sources.Sources()) == 1 })
	r.poller.reconcile(t.Context())
	if n := len(d.Requests()); n != 0 || r.poller.runner(testSource) != nil {
		t.Fatalf("%d requests while draft, or they are to come", n)
	}
	if _, err := r.conn.Authorize(t.Context(), testSource, schemas.AuthorizeRequest{Method: MethodAPIToken, Email: testEmail, Token: testToken}); err != nil {
		t.Fatal(err)
	}
	localtest.Eventually(t, "first sync after the authorization", r.done)
	run := r.poller.runner(testSource)
	if _, err := r.conn.Disconnect(t.Context(), testSource); err != nil {
		t.Fatal(err)
	}
	localtest.Eventually(t, "poller stopped", func() bool { return r.poller.runner(testSource) == nil })
	run.work.Wait()
	missed := newTicket(t, d, time.Now().Add(-2*time.Minute), customer)
	cursor := r.store.cursor(testSource, schemas.ResourceTickets).Cursor
	d.ForgetRequests()
	r.poller.Kick(testSource)
	if n := len(d.Requests()); n != 0 {
		t.Fatalf("%d requests while disconnected", n)
	}
	if _, err := r.conn.Reconnect(t.Context(), testSource); err != nil {
		t.Fatal(err)
	}
	localtest.Eventually(t, "ticket made while disconnected", func() bool { return r.store.ids(schemas.KindTicket)[missed] })
	for _, q := range d.Requests() {
		v, _ := url.ParseQuery(q.Query)
		if strings.Contains(q.Path, "tickets/cursor") && v.Get("per_page") != "1" && v.Get("cursor") != cursor && v.Get("start_time") != "" {
			t.Errorf("reconnect read from the beginning: %s", q.Query)
		}
	}
	// R27: an edit of the record is no resync.
	localtest.Eventually(t, "second sync", func() bool {
		cur := r.store.cursor(testSource, schemas.ResourceTicketCounts)
		return r.done() && cur.NextRunAt.After(time.Now())
	})
	d.ForgetRequests()
	var looked atomic.Bool
	r.store.mu.Lock()
	r.store.before = func(op string) {
		if op == "cursors" {
			looked.Store(true)
		}
	}
	r.store.mu.Unlock()
	r.store.putSource(t, func(s *schemas.Source) { s.Name = "renamed" })
	localtest.Eventually(t, "look at what is due now", looked.Load)
	r.poller.Kick(testSource, schemas.ResourceGroups)
	localtest.Eventually(t, "poll of the groups", func() bool { return len(d.Requests()) > 0 })
	for _, q := range d.Requests() {
		if !strings.Contains(q.Path, "groups") {
			t.Errorf("a request because of a new name: %s", q.Path)
		}
	}
	if err := r.conn.Resync(t.Context(), testSource, ResyncDelta); err != nil {
		t.Fatal(err)
	}
	localtest.Eventually(t, "resync asks for every resource", func() bool {
		asked := map[string]bool{}
		for _, q := range d.Requests() {
			asked[q.Path] = true
		}
		return len(asked) >= len(resources)
	})
}

// TestTwoPollers runs two processes on one store: together they read everything, and a page that comes second is discarded.
func TestTwoPollers(t *testing.T) {
	t.Parallel()
	d := pastDesk(t, 30, 6, zendesktest.Options{PageSize: 10})
	first := newRig(t, d, func(r *rig) { r.poller.PageSize = 10; r.poller.Intervals = quick() })
	second := &rig{desk: d, store: first.store, clients: newClients(t, first.store, d.URL())}
	second.poller = &Poller{
		Store: second.store, Clients: second.clients, Metrics: second.clients.Metrics, Now: time.Now, Log: testLog(t),
		Intervals: quick(), PageSize: 10, Retry: 50 * time.Millisecond,
	}
	first.start(t)
	second.start(t)
	want := map[int64]bool{}
	for _, ticket := range d.Account.Tickets() {
		want[ticket.ID] = true
	}
	localtest.Eventually(t, "everything read by two", func() bool { return maps.Equal(first.store.ids(schemas.KindTicket), want) && first.done() })
	audits := 0
	for id := range want {
		list, err := d.Account.Audits(id)
		if err != nil {
			t.Fatal(err)
		}
		audits += len(list)
	}
	localtest.Eventually(t, "all audits", func() bool { return len(first.store.of(schemas.KindAudit)) == audits })
}

// TestFencedPage changes the cursor behind the poller's back: the page must be discarded and the new cursor be followed.
func TestFencedPage(t *testing.T) {
	t.Parallel()
	d := pastDesk(t, 10, 5, zendesktest.Options{PageSize: 10})
	r := newRig(t, d, func(r *rig) { r.poller.PageSize = 10 })
	var once sync.Once
	stolen := 0
	r.store.before = func(op string) {
		if op != "page" {
			return
		}
		cur := r.store.cursor(testSource, schemas.ResourceTicketEvents)
		if cur.Revision == 0 {
			return
		}
		once.Do(func() {
			cur.LastError = "written by another"
			if _, err := r.store.PutCursor(context.Background(), testSource, cur); err == nil {
				stolen++
			}
		})
	}
	r.start(t)
	localtest.Eventually(t, "sync in spite of the other", r.done)
	if stolen != 1 {
		t.Fatal("nothing was stolen: the test proves nothing")
	}
	want := 0
	for _, ticket := range d.Account.Tickets() {
		list, _ := d.Account.Audits(ticket.ID)
		want += len(list)
	}
	if got := len(r.store.of(schemas.KindAudit)); got != want {
		t.Errorf("%d audits, want %d", got, want)
	}
}

// TestExportBudget reads with the real limits of the exports, on a server that enforces them, and may never be refused more than a few
// times at the edge of its minute.
func TestExportBudget(t *testing.T) {
	t.Parallel()
	d := pastDesk(t, 10, 3, zendesktest.Options{IncrementalPerMinute: 10})
	r := newRig(t, d, func(r *rig) { r.clients.IncrementalPerMinute = 10 })
	r.start(t)
	localtest.Eventually(t, "first sync within the budget of a minute", r.done)
	for _, q := range d.Requests() {
		if q.Status == 429 {
			t.Errorf("refused: %+v", q)
		}
	}
}

// TestFencedForLongIsTold: that another writer was faster is normal once, and told when it is so poll after poll.
func TestFencedForLongIsTold(t *testing.T) {
	t.Parallel()
	d := pastDesk(t, 1, 1, zendesktest.Options{})
	r := newRig(t, d, nil)
	var log bytes.Buffer
	r.poller.Log = zerolog.New(&log)
	run := newRunner(r.poller, schemas.Source{Settings: schemas.Settings{ID: testSource, Account: "acme"}})
	i := slices.IndexFunc(resources, func(res resource) bool { return res.name == schemas.ResourceTickets })
	fenced := fmt.Errorf("page: %w", schemas.ErrFenced)
	for _, failure := range []error{fenced, fenced, fenced, nil, fenced, fenced, fenced, fenced} {
		run.finish(t.Context(), resources[i], run.states[schemas.ResourceTickets], schemas.Cursor{Resource: schemas.ResourceTickets}, time.Now(), failure)
	}
	if log.Len() > 0 {
		t.Errorf("told too early: %s", log.String())
	}
	for range 10 {
		run.finish(t.Context(), resources[i], run.states[schemas.ResourceTickets], schemas.Cursor{Resource: schemas.ResourceTickets}, time.Now(), fenced)
	}
	if told := strings.Count(log.String(), "\n"); told != 1 || !strings.Contains(log.String(), schemas.ResourceTickets) {
		t.Errorf("told %d times: %s", told, log.String())
	}
}
