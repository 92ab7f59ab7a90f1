package main

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
)

// TestMissingTicketsAreKnownAndReadAgain leaves a ticket out of Zendesk's exports: every report says that one is missing, and once the
// exports have it, it is read again within a day.
func TestMissingTicketsAreKnownAndReadAgain(t *testing.T) {
	t.Parallel()
	account, err := zendesktest.History(6, 12, 3, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	withheld := int64(0)
	for _, ticket := range account.Tickets() {
		if age := time.Since(ticket.CreatedAt); ticket.Status != "deleted" && age > 48*time.Hour && age < 200*time.Hour {
			withheld = ticket.ID
		}
	}
	if err := account.Withhold(withheld, true); err != nil {
		t.Fatal(err)
	}
	var ahead atomic.Int64
	app, api := startApp(t, serveAccount(t, account, zendesktest.AdminEmail).URL(), func(a *App) {
		a.Tuning.reread = 100 * time.Millisecond
		a.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	source := connect(t, api, account.Subdomain, zendesktest.AdminEmail, 30)
	waitSynced(t, api, source)
	drained(t, app)
	missing := func(want int64) func() error {
		return func() error {
			var report, sync struct {
				Completeness *struct {
					Zendesk int64 `json:"zendesk_tickets"`
					Stored  int64 `json:"stored_tickets"`
					Missing int64 `json:"missing_tickets"`
				} `json:"completeness"`
			}
			if err := api.call(t.Context(), "GET", "/v1/reports/tickets_created", nil, &report); err != nil {
				return err
			}
			if err := api.call(t.Context(), "GET", "/v1/sources/"+source+"/sync", nil, &sync); err != nil {
				return err
			}
			c := report.Completeness
			if c == nil || c.Missing != want || c.Zendesk < 20 || c.Zendesk != c.Stored+want || sync.Completeness == nil || sync.Completeness.Missing != want {
				return fmt.Errorf("%+v, %+v, want %d missing", c, sync.Completeness, want)
			}
			return nil
		}
	}
	eventually(t, time.Minute, missing(1))
	if err := account.Withhold(withheld, false); err != nil {
		t.Fatal(err)
	}
	ahead.Store(int64(25 * time.Hour))
	eventually(t, 60*time.Second, missing(0))
	var facts struct {
		Full bool `json:"history_full"`
	}
	eventually(t, time.Minute, func() error {
		err := api.call(t.Context(), "GET", fmt.Sprintf("/v1/tickets/%d/facts", withheld), nil, &facts)
		if err == nil && !facts.Full {
			err = errors.New("the ticket is back without its history")
		}
		return err
	})
}
