package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// TestFactsAreToldAsStored: the facts of tickets of a random history, deleted, merged and scrubbed ones and those of erased people among them,
// are the same whether the processors tell of them or, when they do not run, the table.
func TestFactsAreToldAsStored(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	g, err := generate(seed, "facts", 120)
	if err != nil {
		t.Fatal(err)
	}
	secretLife(t, g.Account)
	app, api := startApp(t, serveAccount(t, g.Account, *g.admin.Email).URL())
	source := connect(t, api, g.Subdomain, *g.admin.Email, 120)
	for _, w := range g.TakeWebhooks() {
		if status, err := postSigned(http.DefaultClient, api.base+"/webhooks/zendesk/"+source, testSecret, w.Body); err != nil || status != http.StatusOK {
			t.Fatalf("webhook %s: status %d, %v", w.Type, status, err)
		}
	}
	waitSynced(t, api, source)
	eraseSecret(t, api)
	drained(t, app)
	ids := storedTickets(t, app)
	if len(ids) < 100 {
		t.Fatalf("only %d tickets", len(ids))
	}
	asOf := url.QueryEscape(time.Now().UTC().Format(time.RFC3339))
	ask := func(id int64) string {
		t.Helper()
		var answer json.RawMessage
		if err := api.call(t.Context(), "GET", fmt.Sprintf("/v1/tickets/%d/facts?as_of=%s", id, asOf), nil, &answer); err != nil {
			t.Fatal(err)
		}
		return string(answer)
	}
	told := make(map[int64]string, len(ids))
	for _, id := range ids {
		if row, err := app.stream.Ticket(t.Context(), g.Subdomain, id); row == nil || err != nil {
			t.Errorf("ticket %d: the processors told %v, %v", id, row, err)
		}
		told[id] = ask(id)
	}
	if row, err := app.stream.Ticket(t.Context(), g.Subdomain, 1<<40); row != nil || err != nil {
		t.Errorf("no ticket: the processors told %v, %v", row, err)
	}
	app.working.stop()
	for id, before := range told {
		if answer := ask(id); answer != before {
			t.Errorf("ticket %d: the processors told %s\nthe table has %s", id, before, answer)
		}
	}
}

// eraseSecret erases the person of secretLife.
func eraseSecret(t *testing.T, api *client) {
	t.Helper()
	var receipt struct{ ID, State string }
	if err := api.call(t.Context(), "DELETE", "/v1/people/email:"+secretEmail, nil, &receipt); err != nil {
		t.Fatal(err)
	}
	eventually(t, 2*time.Minute, func() error {
		if err := api.call(t.Context(), "GET", "/v1/erasures/"+receipt.ID, nil, &receipt); err != nil || receipt.State == "done" {
			return err
		}
		return errors.New(receipt.State)
	})
}

// storedTickets lists the tickets in the table.
func storedTickets(t *testing.T, app *App) (ids []int64) {
	t.Helper()
	db, err := openQueries(app.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.Query(t.Context(), "SELECT ticket_id FROM tickets FINAL")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return ids
}
