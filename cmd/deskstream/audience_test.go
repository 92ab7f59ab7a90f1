package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
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

func (p *peopleTest) audience(name, filter string) (id string) {
	p.t.Helper()
	var a struct {
		ID string `json:"id"`
	}
	p.call("POST", "/v1/audiences", map[string]any{"name": name, "filter": json.RawMessage(filter)}, &a)
	return a.ID
}

// wantEntries waits until an audience has so many entries.
func (p *peopleTest) wantEntries(audience string, n int) {
	p.t.Helper()
	eventually(p.t, 30*time.Second, func() error {
		if got := p.entries(audience); len(got) != n {
			return fmt.Errorf("%d entries, want %d: %+v", len(got), n, got)
		}
		return nil
	})
}

// restart ends the program and starts it again on the same stores.
func (p *peopleTest) restart(zendesk string) {
	p.t.Helper()
	old := p.app.Config
	p.app.Stop()
	p.app, p.api = startApp(p.t, zendesk, func(a *App) { a.Config.Data, a.Config.ClickHouseDSN = old.Data, old.ClickHouseDSN })
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
	if len(tickets) < 2 {
		t.Fatalf("%d unsolved tickets", len(tickets))
	}
	return tickets
}

// TestR50_JourneyAfterClosing: a contact enters once when their ticket is closed, whatever is delivered again: webhooks three times and out
// of order, the same by the poller, after a restart, by a resync; a merge and its undoing are no entries either. The entry's activity renders.
func TestR50_JourneyAfterClosing(t *testing.T) {
	t.Parallel()
	account, err := zendesktest.History(11, 3, 6, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	zendesk := serveAccount(t, account, zendesktest.AdminEmail).URL()
	app, api := startApp(t, zendesk)
	source := connect(t, api, account.Subdomain, zendesktest.AdminEmail, 60)
	waitSynced(t, api, source)
	drained(t, app)
	p := &peopleTest{t, app, api, source}
	tickets := closing(t, account)
	survey := p.audience("survey", `{"activity":"ticket-closed","op":"occurs"}`)
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
	p.restart(zendesk)

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

	heard := make(chan schemas.AudienceEntry, 100)
	if _, err := p.app.conn.Subscribe("deskstream.audience."+survey+".entered", func(m *nats.Msg) {
		var e schemas.AudienceEntry
		if json.Unmarshal(m.Data, &e) == nil && m.Header.Get("Nats-Msg-Id") == e.EntryID {
			heard <- e
		}
	}); err != nil {
		t.Fatal(err)
	}
	close(tickets[1]) // what was evaluated before it is in the log when it is
	p.wantEntries(survey, 2)
	select {
	case e := <-heard:
		if e.Activity != "ticket-closed" || e.AudienceID != survey {
			t.Errorf("%+v", e)
		}
	case <-time.After(10 * time.Second):
		t.Error("no message")
	}
	p.wantEntries(everybody, total)
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
	account, err := zendesktest.History(12, 3, 6, time.Now())
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
	var survey struct {
		ID string `json:"id"`
	}
	p.call("POST", "/v1/audiences", map[string]any{
		"name": "survey", "filter": json.RawMessage(`{"activity":"ticket-closed","op":"occurs"}`), "deliver": map[string]any{"url": target.URL, "secret": testSecret + testSecret},
	}, &survey)
	ticket := closing(t, account)[0]
	for _, status := range []string{"solved", "closed"} {
		if err := account.SetStatus(time.Now(), ticket.ID, zendesktest.System, status); err != nil {
			t.Fatal(err)
		}
	}
	p.wantEntries(survey.ID, 1)
	entry := p.entries(survey.ID)[0]
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
		p.call("GET", "/v1/audiences/"+survey.ID+"/deliveries", nil, &state)
		if state.Delivered != 1 {
			return fmt.Errorf("%d delivered", state.Delivered)
		}
		return nil
	})
	if len(posts) != 0 {
		t.Errorf("%d posts too many", len(posts))
	}
}
