package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	dto "github.com/prometheus/client_model/go"
	"github.com/rs/zerolog"

	"deskstream/ingest/zendesktest"
	"deskstream/local/localtest"
	"deskstream/schemas"
)

// rig is a poller on a simulated account.
type rig struct {
	*desk
	store   *memory
	clients *Clients
	poller  *Poller
	conn    *Connections
	stop    func()
}

// quick makes every resource run often, but for those named.
func quick(but ...string) map[string]time.Duration {
	out := map[string]time.Duration{}
	for name := range Intervals() {
		out[name] = 100 * time.Millisecond
		if slices.Contains(but, name) {
			out[name] = time.Hour
		}
	}
	return out
}

func never() map[string]time.Duration { return quick(slices.Collect(maps.Keys(Intervals()))...) }

// newRig makes a connected source of the account; nothing runs before start.
func newRig(t testing.TB, d *desk, edit func(r *rig)) *rig {
	t.Helper()
	store := newMemory()
	r := &rig{desk: d, store: store, clients: newClients(t, store, d.URL())}
	r.poller = &Poller{
		Store: store, Clients: r.clients, Metrics: r.clients.Metrics, Now: time.Now, Log: testLog(t), Intervals: never(),
		PageSize: 100, Retry: 50 * time.Millisecond,
	}
	r.conn = &Connections{Store: store, Sealer: r.clients.Sealer, Clients: r.clients, Now: time.Now, Log: testLog(t)}
	store.putSource(t, func(s *schemas.Source) {
		s.Auth = schemas.Auth{Method: MethodAPIToken, Email: testEmail, Token: r.clients.Sealer.Seal(testSource, fieldToken, testToken)}
	})
	if edit != nil {
		edit(r)
	}
	return r
}

func (r *rig) start(t testing.TB) {
	t.Helper()
	r.poller.Sources = NewDirectory(r.store, r.clients.Sealer, testLog(t))
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = r.poller.Sources.Run(ctx) })
	wg.Go(func() { _ = r.poller.Run(ctx) })
	r.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
	})
	t.Cleanup(r.stop)
}

// restart gives the rig a new poller, as a new process has, on the same store.
func (r *rig) restart(t testing.TB) {
	t.Helper()
	r.stop()
	r.store.mu.Lock()
	r.store.watchers = nil
	r.store.mu.Unlock()
	p := r.poller
	r.poller = &Poller{
		Store: p.Store, Clients: p.Clients, Metrics: p.Metrics, Now: p.Now, Log: p.Log, Intervals: p.Intervals, PageSize: p.PageSize,
		Retry: p.Retry, Clock: p.Clock,
	}
	r.start(t)
}

// done says whether every resource was read to its end and its run has ended.
func (r *rig) done() bool {
	for _, res := range resources {
		if cur := r.store.cursor(testSource, res.name); !cur.Done || cur.NextRunAt == nil || cur.State == "failing" {
			return false
		}
	}
	return true
}

// TestR17_InitialSync reads an account whose past is longer than the retention and compares what arrived with what there is.
func TestR17_InitialSync(t *testing.T) {
	t.Parallel()
	d := pastDesk(t, 120, 4, zendesktest.Options{PageSize: 90})
	r := newRig(t, d, func(r *rig) {
		r.store.putSource(t, func(s *schemas.Source) { s.Retention.Days = 40 })
	})
	began := time.Now()
	r.start(t)
	localtest.Eventually(t, "initial sync", r.done)
	start := began.Add(-40 * 24 * time.Hour)

	users := map[int64]bool{}
	for _, u := range d.Account.Users() {
		users[u.ID] = true
	}
	orgs := map[int64]bool{}
	for _, o := range d.Account.Organizations() {
		orgs[o.ID] = true
	}
	tickets, audits, ratings := map[int64]bool{}, map[int64]bool{}, map[int64]bool{}
	old := 0
	for _, ticket := range d.Account.Tickets() {
		if ticket.GeneratedTimestamp < start.Unix() {
			continue
		}
		tickets[ticket.ID] = true
		whole := ticket.CreatedAt.Before(start) && ticket.Status != "deleted"
		if whole {
			old++
		}
		list, err := d.Account.Audits(ticket.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range list {
			if whole || !a.CreatedAt.Before(start) {
				audits[a.ID] = true
			}
		}
	}
	for _, x := range d.Account.Ratings() {
		if x.UpdatedAt.After(start) {
			ratings[x.ID] = true
		}
	}
	for kind, want := range map[schemas.Kind]map[int64]bool{
		schemas.KindUser: users, schemas.KindOrganization: orgs, schemas.KindTicket: tickets, schemas.KindAudit: audits,
		schemas.KindRating: ratings,
	} {
		if got := r.store.ids(kind); !maps.Equal(got, want) {
			t.Errorf("%s: %d different ids, want %d", kind, len(got), len(want))
		}
	}
	histories := map[string]bool{}
	for _, q := range d.Requests() {
		if strings.HasSuffix(q.Path, "/audits.json") {
			histories[q.Path] = true
		}
	}
	if len(histories) != old {
		t.Errorf("%d whole histories read, want those of the %d old tickets", len(histories), old)
	}
	if old == 0 || len(tickets) < 50 || len(ratings) == 0 {
		t.Fatalf("the account proves nothing: %d old tickets of %d, %d ratings", old, len(tickets), len(ratings))
	}
	for kind, want := range map[schemas.Kind]int{
		schemas.KindGroup: 3, schemas.KindBrand: 2, schemas.KindSchedule: 1, schemas.KindTicketField: 1, schemas.KindUserField: 1,
		schemas.KindOrganizationField: 1, schemas.KindTicketForm: 2, schemas.KindCustomStatus: 5,
	} {
		if got := len(r.store.of(kind)); got != want {
			t.Errorf("%d of %s, want %d", got, kind, want)
		}
	}
	if len(r.store.of(schemas.KindMetricEvent)) == 0 {
		t.Error("no metric events")
	}
	checkOrder(t, r.store.all())
	checkSchedule(t, r.store.of(schemas.KindSchedule)[0])
	checkIDs(t, r.store.all())
	for _, res := range resources {
		cur := r.store.cursor(testSource, res.name)
		if res.name == schemas.ResourceSurveys && cur.State == "idle" && cur.Done && cur.LastError == "" {
			continue // An account with ratings has none.
		}
		if cur.Through == nil || time.Since(*cur.Through) > 2*time.Minute || cur.LastRunAt == nil || cur.State != "idle" || cur.LastError != "" || cur.Rows == 0 ||
			cur.BeganAt == nil || cur.BeganAt.Before(began) || (cur.First == nil) != (res.walk == walkCount) {
			t.Errorf("cursor of %s: %+v", res.name, cur)
		}
	}

	// A new process reads nothing again that it need not, and nothing of it is a new fact.
	before := r.store.all()
	d.ForgetRequests()
	r.restart(t)
	if err := r.conn.Resync(t.Context(), testSource, ResyncDelta); err != nil {
		t.Fatal(err)
	}
	localtest.Eventually(t, "second run", func() bool {
		for _, res := range resources {
			if !r.store.cursor(testSource, res.name).LastRunAt.After(began.Add(time.Millisecond)) || !r.done() {
				return false
			}
		}
		return len(d.Requests()) >= len(resources)
	})
	r.stop()
	known := map[string]bool{}
	for _, e := range before {
		known[e.ID] = true
	}
	again := 0
	for _, e := range r.store.all()[len(before):] {
		// Time alone breaches SLAs, and what a list showed is told as of its time.
		if !known[e.ID] && e.Kind != schemas.KindMetricEvent && e.Kind != schemas.KindMembers {
			t.Errorf("new event %s in an unchanged account", e.ID)
		}
		if e.Kind == schemas.KindTicket || e.Kind == schemas.KindAudit {
			again++
		}
	}
	if again > 20 {
		t.Errorf("%d tickets and audits read again", again)
	}
}

// checkOrder demands that people come before their tickets and organizations before people.
func checkOrder(t *testing.T, events []schemas.Event) {
	t.Helper()
	users := map[schemas.ZID]bool{}
	for _, e := range events {
		switch e.Kind {
		case schemas.KindUser:
			users[headOf(e.Data).ID] = true
		case schemas.KindTicket:
			var ticket schemas.ZTicket
			if err := json.Unmarshal(e.Data, &ticket); err != nil {
				t.Fatal(err)
			}
			if !users[ticket.RequesterID] {
				t.Fatalf("ticket %d before its requester", ticket.ID)
			}
		case schemas.KindAudit:
			a, err := schemas.DecodeAudit(e.Data)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range a.Comments {
				if c.AuthorID > 0 && !users[c.AuthorID] {
					t.Fatalf("audit %d before the author of its comment", a.ID)
				}
			}
		}
	}
}

func checkSchedule(t *testing.T, e schemas.Event) {
	t.Helper()
	var s schemas.ZSchedule
	if err := json.Unmarshal(e.Data, &s); err != nil || len(s.Holidays) == 0 || len(s.Intervals) == 0 {
		t.Errorf("schedule %s: %v", e.Data, err)
	}
}

func checkIDs(t *testing.T, events []schemas.Event) {
	t.Helper()
	for _, e := range events {
		parts := strings.SplitN(e.ID, ":", 4)
		if parts[0] != "zd" || parts[1] != "acme" || parts[2] != string(e.Kind) || e.Via != "poll" || e.Source != testSource || e.Account != "acme" {
			t.Fatalf("event %+v", e)
		}
		if e.Kind == schemas.KindMembers || e.Kind == schemas.KindSchedules {
			continue // It is about no object.
		}
		id := headOf(e.Data).ID.String()
		if e.Kind == schemas.KindAudit && parts[3] != id || e.Kind != schemas.KindAudit && !strings.HasPrefix(parts[3], id+":") {
			t.Fatalf("event id %s of object %s", e.ID, id)
		}
	}
}

// pastDesk serves a generated history whose admin holds the token of the tests.
func pastDesk(t testing.TB, days, perDay int, o zendesktest.Options) *desk {
	t.Helper()
	a, err := zendesktest.History(7, days, perDay, time.Now().Add(-5*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.CreateUser(time.Now().Add(-200*24*time.Hour), zendesktest.NewUser{Name: "Ada Admin", Email: testEmail, Role: "admin"}); err != nil {
		t.Fatal(err)
	}
	return serveAccount(t, a, o)
}

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

// TestPagesGoRound: a run whose pages come back to where they were fails instead of reading them for ever, and so does a list.
func TestPagesGoRound(t *testing.T) {
	t.Parallel()
	for _, length := range []int{2, 3, 50} {
		asked := 0
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			asked++
			at, _ := strconv.Atoi(q.URL.Query().Get("page[after]"))
			_, _ = fmt.Fprintf(w, `{"groups":[{"id":%d,"name":"x","updated_at":"2026-01-01T00:00:00Z"}],"meta":{"has_more":true,"after_cursor":"%d"}}`, at+1, at%length+1)
		}))
		defer srv.Close()
		store := newMemory()
		clients := newClients(t, store, srv.URL)
		store.putSource(t, func(s *schemas.Source) {
			s.Auth = schemas.Auth{Method: MethodAPIToken, Email: testEmail, Token: clients.Sealer.Seal(testSource, fieldToken, testToken)}
		})
		p := &Poller{Store: store, Clients: clients, Metrics: clients.Metrics, Now: time.Now, Log: testLog(t)}
		p.once.Do(p.defaults)
		s, _ := store.Source(t.Context(), testSource)
		res, _ := findResource(schemas.ResourceGroups)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		newRunner(p, s).poll(ctx, res, true)
		if cur := store.cursor(testSource, schemas.ResourceGroups); cur.State != "failing" || !strings.Contains(cur.LastError, "pages do not advance") || asked > 4*length {
			t.Errorf("round of %d: %s after %d pages, %q", length, cur.State, asked, cur.LastError)
		}
		asked = 0
		if _, err := adminClient(t, srv.URL).list(ctx, "/api/v2/groups.json", "groups"); !errors.Is(err, errCycle) || asked > 4*length {
			t.Errorf("list with a round of %d: %v after %d pages", length, err, asked)
		}
	}
}

func newTicket(t testing.TB, d *desk, at time.Time, requester int64) int64 {
	t.Helper()
	ticket, err := d.Account.CreateTicket(at, zendesktest.NewTicket{Requester: requester, Subject: "Help", Body: "Please"})
	if err != nil {
		t.Fatal(err)
	}
	return ticket.ID
}

func newCustomer(t testing.TB, d *desk, at time.Time, name string) int64 {
	t.Helper()
	u, err := d.Account.CreateUser(at, zendesktest.NewUser{Name: name, Email: strings.ToLower(name) + "@customer.test"})
	if err != nil {
		t.Fatal(err)
	}
	return u.ID
}

// TestHostilePages walks small pages with ties on a second, through refusals, errors, cut and doubled answers, and must miss nothing.
func TestHostilePages(t *testing.T) {
	t.Parallel()
	d := newDesk(t, zendesktest.Options{PageSize: 7})
	base := time.Now().Add(-30 * 24 * time.Hour).Truncate(time.Second)
	customer := newCustomer(t, d, base, "Carla")
	for i := range 120 {
		// Eleven on each second: more than a page.
		newTicket(t, d, base.Add(time.Duration(i/11)*time.Second), customer)
	}
	for i := range 10 {
		p := []string{"/api/v2/incremental/tickets", "/api/v2/incremental/ticket_events", "/api/v2/incremental/users"}[i%3]
		for j, f := range []zendesktest.Fault{
			{Status: 429}, {Status: 500}, {Cut: true}, {Duplicate: true}, {Status: 503, RetryAfter: 1}, {Status: 200, Body: `{"tickets":[{"id`},
		} {
			if j == 4 && i > 2 {
				continue // A second each is enough.
			}
			f.Path, f.Skip = p, i*2+j
			d.Inject(f)
		}
	}
	hidden := newTicket(t, d, time.Now(), customer)
	r := newRig(t, d, func(r *rig) { r.poller.PageSize = 7; r.poller.Intervals = quick() })
	r.start(t)
	want := map[int64]bool{}
	for _, ticket := range d.Account.Tickets() {
		if ticket.ID != hidden {
			want[ticket.ID] = true
		}
	}
	localtest.Eventually(t, "all tickets through all faults", func() bool { return maps.Equal(r.store.ids(schemas.KindTicket), want) && r.done() })
	if got := len(r.store.of(schemas.KindAudit)); got != 120 {
		t.Errorf("%d audits, want 120 without the hidden minute", got)
	}
	if cur := r.store.cursor(testSource, schemas.ResourceTickets); time.Since(*cur.Through) < time.Minute {
		t.Errorf("data called complete within the hidden minute: %s", cur.Through)
	}
	for _, q := range d.Requests() {
		v, _ := url.ParseQuery(q.Query)
		if at, err := strconv.ParseInt(v.Get("start_time"), 10, 64); err == nil && strings.Contains(q.Path, "incremental") && q.At.Unix()-at < 60 {
			t.Errorf("%s asked for start_time %d seconds ago", q.Path, q.At.Unix()-at)
		}
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

// polls gives what says whether every export was asked for so many times more.
func (r *rig) polls(times int) func() bool {
	r.ForgetRequests()
	return func() bool {
		asked := map[string]int{}
		for _, q := range r.Requests() {
			asked[strings.TrimSuffix(q.Path, ".json")]++
		}
		for _, res := range resources {
			if strings.Contains(res.path, "/incremental/") && asked[strings.TrimSuffix(res.path, ".json")] < times {
				return false
			}
		}
		return true
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

// TestAnswersWithoutTheirList: Zendesk answers once with 200 and no list for what is asked about a ticket, its people and its schedule. That does not pass
// for an empty list: the poll fails, and the next one has it all.
func TestAnswersWithoutTheirList(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ path, resource, list string }{
		"history":    {"/api/v2/tickets/", schemas.ResourceTickets, "audits"},
		"identities": {"/api/v2/users/", schemas.ResourceTickets, "identities"},
		"authors":    {"/api/v2/users/show_many", schemas.ResourceTicketEvents, "users"},
		"holidays":   {"/api/v2/business_hours/schedules/", schemas.ResourceSchedules, "holidays"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, zendesktest.Options{})
			now := time.Now()
			for _, agent := range []string{"Gus", "Ann"} {
				u, err := d.Account.CreateUser(now.AddDate(0, 0, -30), zendesktest.NewUser{Name: agent, Email: agent + "@acme.test", Role: "agent"})
				if err != nil {
					t.Fatal(err)
				}
				id := newTicket(t, d, now.AddDate(0, 0, -20), newCustomer(t, d, now.Add(-time.Hour), agent+"s"))
				if _, err := d.Account.Update(now.Add(-time.Hour), id, zendesktest.Change{Actor: u.ID, Comment: "Hello"}); err != nil {
					t.Fatal(err)
				}
			}
			d.Account.CreateSchedule(now.Add(-time.Hour), "Day", "London", []zendesktest.Interval{{StartTime: 0, EndTime: 600}},
				zendesktest.Holiday{Name: "Off", StartDate: "2026-03-10", EndDate: "2026-03-11"})
			r := newRig(t, d, func(r *rig) { r.store.putSource(t, func(s *schemas.Source) { s.Retention.Days = 10 }) })
			d.Inject(zendesktest.Fault{Path: "/api/v2/incremental/users", Status: 403, Times: -1}) // people are asked for one by one
			d.Inject(zendesktest.Fault{Path: c.path, Status: 200, Body: `{"count":2}`, Times: -1})
			r.start(t)
			localtest.Eventually(t, "failure told", func() bool {
				cur := r.store.cursor(testSource, c.resource)
				return cur.State == "failing" && strings.Contains(cur.LastError, fmt.Sprintf("no %q in it", c.list))
			})
			d.ClearFaults()
			localtest.Eventually(t, "sync", r.done)
			ids := r.store.ids(schemas.KindUser)
			for _, u := range d.Account.Users() {
				if !ids[u.ID] {
					t.Errorf("user %d is missing", u.ID)
				}
			}
			if got := len(r.store.of(schemas.KindAudit)); got != 4 {
				t.Errorf("%d audits, want 4", got)
			}
			for _, e := range append(r.store.of(schemas.KindUser), r.store.of(schemas.KindSchedule)...) {
				if !strings.Contains(string(e.Data), `"identities":[{`) && !strings.Contains(string(e.Data), `"holidays":[{`) {
					t.Errorf("%s without its list: %.200s", e.Kind, e.Data)
				}
			}
		})
	}
}

// TestLongListIsNotCut: a list that does not come to an end is an error, not what was read of it.
func TestLongListIsNotCut(t *testing.T) {
	t.Parallel()
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = fmt.Fprintf(w, `{"groups":[],"meta":{"has_more":true,"after_cursor":"%d"}}`, asked)
	}))
	defer srv.Close()
	if rows, err := adminClient(t, srv.URL).list(t.Context(), "/api/v2/groups.json", "groups"); !errors.Is(err, schemas.ErrUnavailable) {
		t.Errorf("%d rows after %d pages, %v", len(rows), asked, err)
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

// withoutOne waits for the first sync of an account without one resource, which another one does not follow.
func withoutOne(t *testing.T, r *rig, missing, there string) {
	t.Helper()
	localtest.Eventually(t, "sync without "+missing, r.done)
	if cur := r.store.cursor(testSource, missing); cur.State != "idle" || !strings.Contains(cur.LastError, "not available") || cur.Rows != 0 {
		t.Errorf("%s: %+v", missing, cur)
	}
	if cur := r.store.cursor(testSource, there); cur.State != "idle" || cur.LastError != "" {
		t.Errorf("%s: %+v", there, cur)
	}
}

func TestPollFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault zendesktest.Fault
		check func(t *testing.T, r *rig)
	}{
		"optional resource is missing": {
			zendesktest.Fault{Path: "/api/v2/business_hours", Status: 404, Times: -1},
			func(t *testing.T, r *rig) {
				localtest.Eventually(t, "sync without schedules", r.done)
				if cur := r.store.cursor(testSource, schemas.ResourceSchedules); cur.LastError == "" || cur.State != "idle" {
					t.Errorf("%+v", cur)
				}
			},
		},
		"no ticket forms on the plan": {
			zendesktest.Fault{Path: "/api/v2/ticket_forms", Status: 404, Times: -1},
			func(t *testing.T, r *rig) {
				withoutOne(t, r, schemas.ResourceTicketForms, schemas.ResourceCustomStatuses)
			},
		},
		"no custom statuses on the plan": {
			zendesktest.Fault{Path: "/api/v2/custom_statuses", Status: 403, Times: -1},
			func(t *testing.T, r *rig) {
				withoutOne(t, r, schemas.ResourceCustomStatuses, schemas.ResourceTicketForms)
			},
		},
		"needed resource fails for a while": {
			zendesktest.Fault{Path: "/api/v2/incremental/tickets", Status: 403, Times: 3},
			func(t *testing.T, r *rig) {
				localtest.Eventually(t, "failure told", func() bool {
					cur := r.store.cursor(testSource, schemas.ResourceTickets)
					return cur.State == "failing" && strings.Contains(cur.LastError, "403")
				})
				localtest.Eventually(t, "sync", r.done)
				if cur := r.store.cursor(testSource, schemas.ResourceTickets); cur.LastError != "" {
					t.Errorf("error stays: %+v", cur)
				}
			},
		},
		"slow pages": {
			zendesktest.Fault{Path: "/api/v2/incremental/tickets", Delay: 2 * time.Second, Times: 3},
			func(t *testing.T, r *rig) {
				localtest.Eventually(t, "sync", r.done)
				sizes := map[string]bool{}
				for _, q := range r.Requests() {
					if v, _ := url.ParseQuery(q.Query); strings.Contains(q.Path, "tickets/cursor") {
						sizes[v.Get("per_page")] = true
					}
				}
				if !sizes["100"] || !sizes["50"] || !sizes["25"] || !sizes["12"] {
					t.Errorf("page sizes %v", sizes)
				}
			},
		},
		"credentials die": {
			zendesktest.Fault{Path: "/api/v2/incremental/organizations", Status: 401, Times: -1},
			func(t *testing.T, r *rig) {
				localtest.Eventually(t, "source marked", func() bool {
					s, _ := r.store.Source(t.Context(), testSource)
					return s.Error == schemas.Reauthorize
				})
				localtest.Eventually(t, "poller stopped", func() bool { return r.poller.runner(testSource) == nil })
				r.ClearFaults()
				if _, err := r.conn.Authorize(t.Context(), testSource, schemas.AuthorizeRequest{Method: MethodAPIToken, Email: testEmail, Token: testToken}); err != nil {
					t.Fatal(err)
				}
				localtest.Eventually(t, "sync after a new authorization", r.done)
			},
		},
		"credentials are refused for a moment": {
			zendesktest.Fault{Path: "/api/v2/incremental/organizations", Status: 401, Times: maxRefusals},
			func(t *testing.T, r *rig) {
				localtest.Eventually(t, "sync", r.done)
				if s, _ := r.store.Source(t.Context(), testSource); s.Error != "" {
					t.Errorf("error %q", s.Error)
				}
			},
		},
		"cursor refused": {
			zendesktest.Fault{Path: "/api/v2/incremental/tickets", Status: 400, Skip: 1},
			func(t *testing.T, r *rig) {
				localtest.Eventually(t, "sync", r.done)
				if len(r.store.of(schemas.KindTicket)) != len(r.Account.Tickets()) {
					t.Error("tickets are missing")
				}
			},
		},
		"store fails for a while": {
			zendesktest.Fault{Path: "/nothing"},
			func(t *testing.T, r *rig) {
				r.store.fail(errBroken)
				localtest.Eventually(t, "failure told", func() bool { return r.store.cursor(testSource, schemas.ResourceTickets).State == "failing" })
				r.store.fail(nil)
				localtest.Eventually(t, "sync", r.done)
				if len(r.store.of(schemas.KindTicket)) != len(r.Account.Tickets()) {
					t.Error("tickets are missing")
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := pastDesk(t, 10, 3, zendesktest.Options{PageSize: 10})
			d.Inject(c.fault)
			r := newRig(t, d, func(r *rig) {
				r.clients.Timeout = 500 * time.Millisecond
				if name == "store fails for a while" {
					r.store.fail(errBroken)
				}
			})
			r.start(t)
			c.check(t, r)
		})
	}
}

// TestPollPanics: a panic ends one poll alone, in the first round too, which is told and tried again like any that failed; the others go on.
func TestPollPanics(t *testing.T) {
	t.Parallel()
	d := pastDesk(t, 10, 3, zendesktest.Options{PageSize: 10})
	r := newRig(t, d, nil)
	var mended atomic.Bool
	// Behind the first page: the position that it stored is the one to go on from.
	r.store.before = func(op string) {
		if cur := r.store.cursor(testSource, schemas.ResourceTickets); op == "page" && cur.Rows > 0 && !cur.Done && !mended.Load() {
			panic("unforeseen")
		}
	}
	var log bytes.Buffer
	r.poller.Log = zerolog.New(zerolog.SyncWriter(&log))
	r.start(t)
	localtest.Eventually(t, "failure told", func() bool {
		cur := r.store.cursor(testSource, schemas.ResourceTickets)
		return cur.State == "failing" && strings.Contains(cur.LastError, "unforeseen") && cur.Rows > 0 && cur.NextRunAt != nil
	})
	mended.Store(true)
	localtest.Eventually(t, "sync", r.done)
	if len(r.store.of(schemas.KindTicket)) != len(d.Account.Tickets()) {
		t.Error("tickets are missing")
	}
	r.stop()
	if !strings.Contains(log.String(), "poller_test.go") {
		t.Errorf("no stack in the log: %s", log.String())
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
