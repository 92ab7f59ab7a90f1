package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"deskstream/ingest/zendesktest"
	"deskstream/local/localtest"
	"deskstream/schemas"
)

// edge is a rig with a webhook endpoint that the account's events are sent to.
type edge struct {
	*rig
	webhook *Webhook
	sender  *zendesktest.Sender
}

func newEdge(t *testing.T, edit func(r *rig)) *edge {
	t.Helper()
	d := newDesk(t, zendesktest.Options{})
	r := newRig(t, d, func(r *rig) {
		r.store.putSource(t, func(s *schemas.Source) {
			s.Webhook.Secret = r.clients.Sealer.Seal(testSource, fieldWebhookSecret, testSecret)
		})
		if edit != nil {
			edit(r)
		}
	})
	r.start(t)
	localtest.Eventually(t, "first sync", r.done)
	e := &edge{rig: r}
	e.webhook = &Webhook{
		Publisher: r.store, Sources: r.poller.Sources, Metrics: r.clients.Metrics, Now: time.Now, Log: testLog(t), Nudges: NewNudges(0),
		Recovered: func(id string) { r.poller.Kick(id) },
	}
	mux := http.NewServeMux()
	mux.Handle("POST /webhooks/zendesk/{source_id}", e.webhook)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	e.sender = &zendesktest.Sender{Account: d.Account, URL: srv.URL + "/webhooks/zendesk/" + testSource, Secret: testSecret, Copies: 3}
	f := &Fetcher{Nudges: e.webhook.Nudges, Poller: r.poller, Debounce: 20 * time.Millisecond}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = f.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return e
}

func (e *edge) flush(t *testing.T) {
	t.Helper()
	if _, err := e.sender.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestR26_TicketOfUnknownPerson is R26: the webhook of a ticket brings its requester at once, although no poll runs.
func TestR26_TicketOfUnknownPerson(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	e.Account.SetWebhooks(false)
	customer := newCustomer(t, e.desk, time.Now(), "Nova")
	agent, err := e.Account.CreateUser(time.Now(), zendesktest.NewUser{Name: "Gus", Email: "gus@acme.test", Role: "agent"})
	if err != nil {
		t.Fatal(err)
	}
	e.Account.SetWebhooks(true)
	ticket := newTicket(t, e.desk, time.Now(), customer)
	if _, err := e.Account.Update(time.Now(), ticket, zendesktest.Change{Actor: agent.ID, Comment: "Hello"}); err != nil {
		t.Fatal(err)
	}
	e.flush(t)
	localtest.Eventually(t, "ticket, its history, its requester and the agent who wrote", func() bool {
		users := e.store.ids(schemas.KindUser)
		return e.store.ids(schemas.KindTicket)[ticket] && len(e.store.of(schemas.KindAudit)) == 2 && users[customer] && users[agent.ID]
	})
	checkOrder(t, e.store.all())
	if got := len(e.store.of(schemas.KindWebhook)); got == 0 {
		t.Error("no webhook stored")
	}
}

func TestUserNudge(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	customer := newCustomer(t, e.desk, time.Now(), "Nova")
	e.flush(t)
	localtest.Eventually(t, "user with the name that webhooks lack", func() bool {
		for _, x := range e.store.of(schemas.KindUser) {
			if int64(headOf(x.Data).ID) == customer {
				return strings.Contains(string(x.Data), `"Nova"`)
			}
		}
		return false
	})
}

func TestRatingNudge(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	customer := newCustomer(t, e.desk, time.Now().Add(-time.Hour), "Carla")
	ticket := newTicket(t, e.desk, time.Now().Add(-time.Hour), customer)
	for _, score := range []string{"good", "bad"} {
		if err := e.Account.Rate(time.Now(), ticket, score, "because"); err != nil {
			t.Fatal(err)
		}
		e.flush(t)
		localtest.Eventually(t, "rating "+score, func() bool {
			for _, x := range e.store.of(schemas.KindRating) {
				var r schemas.ZRating
				if json.Unmarshal(x.Data, &r) == nil && r.Score == score {
					return true
				}
			}
			return false
		})
	}
}

// TestOutageStartsPoll loses an event for good while the store is away: as soon as it is back, a poll brings what was lost.
func TestOutageStartsPoll(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	customer := newCustomer(t, e.desk, time.Now().Add(-time.Hour), "Carla")
	e.Account.TakeWebhooks()
	e.store.fail(errBroken)
	lost := newTicket(t, e.desk, time.Now().Add(-10*time.Minute), customer)
	body := e.Account.TakeWebhooks()[0].Body
	post := func() int {
		now := time.Now().UTC().Format(time.RFC3339)
		r := httptest.NewRequest(http.MethodPost, "/webhooks/zendesk/"+testSource, strings.NewReader(string(body)))
		r.SetPathValue("source_id", testSource)
		r.Header.Set(headerTimestamp, now)
		r.Header.Set(headerSignature, zendesktest.Sign(testSecret, now, body))
		w := httptest.NewRecorder()
		e.webhook.ServeHTTP(w, r)
		return w.Code
	}
	if code := post(); code != 503 {
		t.Fatal(code)
	}
	e.store.fail(nil)
	newCustomer(t, e.desk, time.Now(), "Other")
	body = e.Account.TakeWebhooks()[0].Body
	if code := post(); code != 200 {
		t.Fatal(code)
	}
	localtest.Eventually(t, "the ticket of the lost event", func() bool { return e.store.ids(schemas.KindTicket)[lost] })
}

func TestFetchOfGoneTicket(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	e.webhook.Nudges.Add(Nudge{testSource, NudgeTicket, 424242})
	e.webhook.Nudges.Add(Nudge{"src_other", NudgeTicket, 1})
	customer := newCustomer(t, e.desk, time.Now(), "Carla")
	ticket := newTicket(t, e.desk, time.Now(), customer)
	e.flush(t)
	localtest.Eventually(t, "the next ticket in spite of the gone one", func() bool { return e.store.ids(schemas.KindTicket)[ticket] })
}

// TestDeletedSourceLeavesNothing: what the parts keep of a source from one request to the next goes with it.
func TestDeletedSourceLeavesNothing(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	e.clients.Follow(e.poller.Sources)
	if _, err := e.conn.Authorize(t.Context(), testSource, schemas.AuthorizeRequest{Method: MethodAPIToken, Email: testEmail, Token: testToken}); err != nil {
		t.Fatal(err)
	}
	newCustomer(t, e.desk, time.Now(), "Carla")
	e.flush(t)
	kept := func() map[string]int {
		gates := 0
		e.webhook.gates.Range(func(any, any) bool { gates++; return true })
		e.clients.mu.Lock()
		defer e.clients.mu.Unlock()
		m := e.clients.Metrics
		figures := 0
		for _, c := range []prometheus.Collector{m.runs, m.requests, m.through, m.remains} {
			found := make(chan prometheus.Metric, 1000)
			c.Collect(found)
			figures += len(found)
		}
		return map[string]int{"gates": gates, "budgets": len(e.clients.budgets), "tokens": len(e.clients.tokens), "figures": figures}
	}
	for what, n := range kept() {
		if n == 0 {
			t.Errorf("no %s of the source", what)
		}
	}
	run := e.poller.runner(testSource)
	for _, step := range []func(context.Context, string) (schemas.Source, error){e.conn.Disconnect, e.conn.Archive} {
		if _, err := step(t.Context(), testSource); err != nil {
			t.Fatal(err)
		}
	}
	localtest.Eventually(t, "poller stopped", func() bool { return e.poller.runner(testSource) == nil })
	run.work.Wait() // its polls and its early fetches have ended
	if err := e.conn.Delete(t.Context(), testSource); err != nil {
		t.Fatal(err)
	}
	for what, n := range kept() {
		if n != 0 {
			t.Errorf("%d %s of no source", n, what)
		}
	}
}

func TestNudgesBound(t *testing.T) {
	t.Parallel()
	n := NewNudges(3)
	for i := range int64(10) {
		if got := n.Add(Nudge{"s", NudgeTicket, i}); got != (i < 3) {
			t.Errorf("nudge %d: %t", i, got)
		}
	}
	if !n.Add(Nudge{"s", NudgeTicket, 1}) || n.Len() != 3 {
		t.Error("a nudge that waits already is not a new one")
	}
	if got := n.take(); len(got) != 3 || n.Len() != 0 || !n.Add(Nudge{"s", NudgeTicket, 9}) {
		t.Errorf("%v", got)
	}
}

func TestFitted(t *testing.T) {
	t.Parallel()
	limit := 2 << 20
	var got []schemas.Event
	store := func(events []schemas.Event) error {
		for _, e := range events {
			if len(e.Data) > limit {
				return fmt.Errorf("event: %w", schemas.ErrTooLarge)
			}
		}
		got = events
		return nil
	}
	big := strings.Repeat("x", limit)
	events := []schemas.Event{
		{ID: "small", Data: []byte(`{"id":1}`)},
		{ID: "html", Data: fmt.Appendf(nil, `{"id":12345678901234567,"child_events":[{"html_body":%q,"body":"x"}]}`, big)},
		{ID: "huge", Data: fmt.Appendf(nil, `{"id":3,"body":%q}`, big)},
	}
	if err := fitted(testLog(t), NewMetrics(nil), events, store); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || string(got[0].Data) != `{"id":1}` || string(got[1].Data) != `{"child_events":[{"body":"x"}],"id":12345678901234567}` {
		t.Errorf("%d events, second %.100s", len(got), got[1].Data)
	}
}

// TestPeopleHaveOneForm finds a user by a ticket and then by the contact export: both must give the same event.
func TestPeopleHaveOneForm(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	e.Account.SetWebhooks(false)
	customer := newCustomer(t, e.desk, time.Now().Add(-time.Second), "Nova")
	e.Account.SetWebhooks(true)
	ticket := newTicket(t, e.desk, time.Now(), customer)
	e.flush(t)
	localtest.Eventually(t, "ticket and requester", func() bool {
		return e.store.ids(schemas.KindTicket)[ticket] && e.store.ids(schemas.KindUser)[customer]
	})
	before := e.store.cursor(testSource, schemas.ResourceUsers)
	localtest.Eventually(t, "contact export with the user", func() bool {
		if err := e.conn.Resync(t.Context(), testSource, ResyncDelta); err != nil {
			t.Fatal(err)
		}
		return e.store.cursor(testSource, schemas.ResourceUsers).Cursor != before.Cursor
	})
	forms := 0
	for _, x := range e.store.of(schemas.KindUser) {
		if int64(headOf(x.Data).ID) == customer {
			forms++
			if !strings.Contains(string(x.Data), `"identities":[{`) {
				t.Errorf("no identities: %s", x.Data)
			}
		}
	}
	if forms != 1 {
		t.Errorf("one version of a user came in %d forms", forms)
	}
}

// TestManyStrangers reads a page of tickets of more unknown people than may be asked for one by one.
func TestManyStrangers(t *testing.T) {
	t.Parallel()
	e := newEdge(t, func(r *rig) { r.poller.PageSize = 1000 })
	e.Account.SetWebhooks(false)
	now := time.Now()
	for i := range maxStrangers + 20 {
		newTicket(t, e.desk, now.Add(-5*time.Minute), newCustomer(t, e.desk, now, fmt.Sprintf("Customer%d", i)))
	}
	localtest.Eventually(t, "export that shows the second of their creation", func() bool { return time.Since(now) > 2*time.Second })
	want := len(e.Account.Users())
	e.ForgetRequests()
	e.poller.Kick(testSource, schemas.ResourceTickets)
	localtest.Eventually(t, "all people", func() bool { return len(e.store.ids(schemas.KindUser)) == want })
	localtest.Eventually(t, "all tickets", func() bool { return len(e.store.ids(schemas.KindTicket)) == maxStrangers+20 })
	exports := 0
	for _, q := range e.Requests() {
		switch {
		case strings.HasSuffix(q.Path, "/identities.json"):
			t.Fatalf("asked for one: %s", q.Path)
		case strings.Contains(q.Path, "users/cursor"):
			exports++
		}
	}
	if exports != 1 {
		t.Errorf("%d pages of the contact export, want 1", exports)
	}
	checkOrder(t, e.store.all())
}
