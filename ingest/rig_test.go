package ingest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
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
