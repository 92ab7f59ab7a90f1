package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"deskstream/ingest/zendesktest"
	"deskstream/schemas"
)

// audienceEntry is what the tests read of an entry.
type audienceEntry struct {
	ID         string `json:"id"`
	Event      string `json:"event"`
	ActivityID string `json:"activity_id"`
	Person     struct {
		ID string `json:"id"`
	} `json:"person"`
}

func (p *peopleTest) entries(audience string) []audienceEntry {
	p.t.Helper()
	var list struct {
		Items []audienceEntry `json:"items"`
	}
	p.call("GET", "/v1/audiences/"+audience+"/entries", nil, &list)
	return list.Items
}

func (p *peopleTest) audience(name, filter string) (id string) { return p.posted(name, filter, "") }

// posted makes an audience whose entries are posted to a URL.
func (p *peopleTest) posted(name, filter, url string) (id string) {
	p.t.Helper()
	body := map[string]any{"name": name, "filter": json.RawMessage(filter)}
	if url != "" {
		body["deliver"] = map[string]any{"url": url, "secret": testSecret + testSecret}
	}
	var a struct {
		ID string `json:"id"`
	}
	p.call("POST", "/v1/audiences", body, &a)
	return a.ID
}

// wantEntries waits until an audience has so many entries.
func (p *peopleTest) wantEntries(audience string, n int) {
	p.t.Helper()
	eventually(p.t, time.Minute, func() error {
		if got := p.entries(audience); len(got) != n {
			return fmt.Errorf("%d entries, want %d: %+v", len(got), n, got)
		}
		return nil
	})
}

// restart ends the program and starts it again on the same stores; between does something to them in between.
func (p *peopleTest) restart(zendesk string, between ...func(Config)) {
	p.t.Helper()
	old := p.app.Config
	p.app.Stop()
	for _, do := range between {
		do(old)
	}
	p.app, p.api = startApp(p.t, zendesk, func(a *App) {
		a.Config.Data, a.Config.ClickHouseDSN, a.Config.Private = old.Data, old.ClickHouseDSN, old.Private
	})
}

// replay rebuilds everything from the raw events while the program is down.
func (p *peopleTest) replay(zendesk string) {
	p.t.Helper()
	p.restart(zendesk, func(c Config) {
		var out, errs bytes.Buffer
		if status := Main(p.t.Context(), []string{"replay", "--data", c.Data, "--clickhouse-dsn", c.ClickHouseDSN, "--listen", "127.0.0.1:0", "--log-level", "error"}, &out, &errs); status != 0 {
			p.t.Fatalf("replay: status %d: %s", status, errs.String())
		}
	})
}

// closing are the tickets that the test closes: unsolved ones of different customers.
func closing(t *testing.T, account *zendesktest.Account) (tickets []zendesktest.Ticket) {
	t.Helper()
	seen := map[int64]bool{}
	for _, ticket := range account.Tickets() {
		if user, err := account.User(ticket.RequesterID); err == nil && !user.Staff() && !seen[ticket.RequesterID] && (ticket.Status == "open" || ticket.Status == "pending") {
			seen[ticket.RequesterID] = true
			tickets = append(tickets, ticket)
		}
	}
	if len(tickets) < 3 {
		t.Fatalf("%d unsolved tickets", len(tickets))
	}
	return tickets
}

// told collects the ids of entries as others are told of them: on NATS and by posts, each with how often.
type told struct {
	mu              sync.Mutex
	messages, posts map[string]int
}

func newTold() *told { return &told{messages: map[string]int{}, posts: map[string]int{}} }

func (d *told) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.posts[r.Header.Get("Deskstream-Delivery")]++
}

// listen hears what a program puts on NATS from now on.
func (d *told) listen(t *testing.T, app *App) {
	t.Helper()
	if _, err := app.conn.Subscribe("deskstream.audience.>", func(m *nats.Msg) {
		d.mu.Lock()
		defer d.mu.Unlock()
		var e schemas.AudienceEntry
		if json.Unmarshal(m.Data, &e) != nil || m.Header.Get("Nats-Msg-Id") != e.EntryID || !strings.HasSuffix(m.Subject, e.AudienceID+"."+e.Event) {
			t.Errorf("%s: %s", m.Subject, m.Data)
		}
		d.messages[e.EntryID]++
	}); err != nil {
		t.Fatal(err)
	}
}

// want waits until others were told of each of some entries, and expects that they were told of no others; once says that a second time is
// one too many.
func (d *told) want(t *testing.T, once bool, posted []audienceEntry, logged ...[]audienceEntry) {
	t.Helper()
	known := map[string]bool{}
	for _, e := range slices.Concat(logged...) {
		known[e.ID] = true
	}
	eventually(t, 2*time.Minute, func() error {
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, e := range posted {
			if d.posts[e.ID] == 0 || d.messages[posted[0].ID] == 0 {
				return fmt.Errorf("posts %v, messages %v, entries %+v", d.posts, d.messages, posted)
			}
		}
		return nil
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, counts := range []map[string]int{d.posts, d.messages} {
		for id, n := range counts {
			if !known[id] || once && n > 1 {
				t.Errorf("told %d times of %q, which is in the log: %v", n, id, known[id])
			}
		}
	}
}

// TestR50_JourneyAfterClosing: a contact enters once when their ticket is closed, whatever is delivered again: webhooks three times and out
// of order, the same by the poller, after a restart, by a resync, by a replay; a merge and its undoing are no entries either, neither in the
// log nor on NATS nor at the target. The entry's activity renders.
func TestR50_JourneyAfterClosing(t *testing.T) {
	t.Parallel()
	account, err := zendesktest.History(12, 3, 18, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	others := newTold()
	target := httptest.NewServer(others)
	t.Cleanup(target.Close)
	zendesk := serveAccount(t, account, zendesktest.AdminEmail).URL()
	app, api := startApp(t, zendesk, func(a *App) { a.Config.Private = true })
	source := connect(t, api, account.Subdomain, zendesktest.AdminEmail, 60)
	waitSynced(t, api, source)
	drained(t, app)
	p := &peopleTest{t, app, api, source}
	others.listen(t, app)
	tickets := closing(t, account)
	survey := p.posted("survey", `{"activity":"ticket-closed","op":"occurs"}`, target.URL)
	everybody := p.audience("everybody", `{"field":"created_at","op":"has_value"}`)
	total := p.total()
	p.wantEntries(everybody, total)

	close := func(ticket zendesktest.Ticket) {
		t.Helper()
		for _, status := range []string{"solved", "closed"} {
			if err := account.SetStatus(time.Now(), ticket.ID, zendesktest.System, status); err != nil {
				t.Fatal(err)
			}
		}
		sender := &zendesktest.Sender{
			Account: account, URL: p.api.base + "/webhooks/zendesk/" + source, Secret: testSecret, Copies: 3, Shuffle: 6, RetryWait: 50 * time.Millisecond,
		}
		if _, err := sender.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	close(tickets[0])
	p.wantEntries(survey, 1)
	first := p.entries(survey)[0]
	others.want(t, true, p.entries(survey), p.entries(survey), p.entries(everybody))
	p.restart(zendesk)
	others.listen(t, p.app)

	p.call("POST", "/v1/sources/"+source+"/resync", map[string]any{"mode": "backfill"}, nil)
	waitSynced(t, p.api, source)
	other := p.person(fmt.Sprintf("zendesk:%d", tickets[1].RequesterID))
	p.call("POST", "/v1/people/merge", map[string]any{"survivor": other.ID, "others": []string{first.Person.ID}}, nil)
	var log struct {
		Items []struct {
			ID string `json:"id"`
		} `json:"items"`
	}
	p.call("GET", "/v1/people/"+other.ID+"/merges", nil, &log)
	p.call("POST", "/v1/merges/"+log.Items[0].ID+"/undo", nil, nil)
	close(tickets[1]) // what was evaluated before it is in the log when it is
	p.wantEntries(survey, 2)
	p.wantEntries(everybody, total)
	others.want(t, true, p.entries(survey), p.entries(survey), p.entries(everybody))

	before := slices.Concat(p.entries(survey), p.entries(everybody))
	p.replay(zendesk)
	others.listen(t, p.app)
	close(tickets[2])
	p.wantEntries(survey, 3)
	p.wantEntries(everybody, total)
	// Those of the last minutes may be told again, under the same ids.
	others.want(t, false, p.entries(survey), p.entries(survey), p.entries(everybody))
	after := slices.Concat(p.entries(survey), p.entries(everybody))
	for _, e := range before {
		if !slices.Contains(after, e) {
			t.Errorf("%+v is another entry after the replay: %+v", e, after)
		}
	}
	var text struct {
		Parts map[string]string `json:"parts"`
	}
	p.call("POST", "/v1/liquid/render", map[string]any{
		"person": first.Person.ID, "activity_id": first.ActivityID, "parts": map[string]string{"text": "{{ activity.zendesk.ticket-closed.subject }}"},
	}, &text)
	if !strings.EqualFold(text.Parts["text"], tickets[0].Subject) {
		t.Errorf("%q, want %q", text.Parts["text"], tickets[0].Subject)
	}
}

// TestEntriesArePosted: a ticket closes and the target of the audience gets one signed post.
func TestEntriesArePosted(t *testing.T) {
	t.Parallel()
	account, err := zendesktest.History(12, 3, 18, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	posts := make(chan *http.Request, 10)
	target := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { posts <- r }))
	t.Cleanup(target.Close)
	app, api := startApp(t, serveAccount(t, account, zendesktest.AdminEmail).URL(), func(a *App) { a.Config.Private = true })
	source := connect(t, api, account.Subdomain, zendesktest.AdminEmail, 60)
	waitSynced(t, api, source)
	drained(t, app)
	p := &peopleTest{t, app, api, source}
	survey := p.posted("survey", `{"activity":"ticket-closed","op":"occurs"}`, target.URL)
	ticket := closing(t, account)[0]
	for _, status := range []string{"solved", "closed"} {
		if err := account.SetStatus(time.Now(), ticket.ID, zendesktest.System, status); err != nil {
			t.Fatal(err)
		}
	}
	p.wantEntries(survey, 1)
	entry := p.entries(survey)[0]
	select {
	case r := <-posts:
		if r.Header.Get("Deskstream-Delivery") != entry.ID || len(r.Header.Get("Deskstream-Signature")) != 64 {
			t.Errorf("%v, want entry %s", r.Header, entry.ID)
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("no post")
	}
	eventually(t, 2*time.Minute, func() error {
		var state struct {
			Delivered int `json:"delivered"`
		}
		p.call("GET", "/v1/audiences/"+survey+"/deliveries", nil, &state)
		if state.Delivered != 1 {
			return fmt.Errorf("%d delivered", state.Delivered)
		}
		return nil
	})
	if len(posts) != 0 {
		t.Errorf("%d posts too many", len(posts))
	}
}
