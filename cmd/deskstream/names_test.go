package main

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
)

// TestFormsAndStatusesHaveTheirNames: the names that agents see of ticket forms and custom statuses come from the account into the table, those of
// forms into the labels of reports.
func TestFormsAndStatusesHaveTheirNames(t *testing.T) {
	t.Parallel()
	base := time.Now().Add(-10 * 24 * time.Hour)
	account := zendesktest.NewAccount("acme")
	_, err := account.CreateUser(base, zendesktest.NewUser{Name: "Ada", Email: "ada@x.test", Role: "admin"})
	jo, failed := account.CreateUser(base, zendesktest.NewUser{Name: "Jo", Email: "jo@x.test"})
	account.CreateTicketForm(base, "Default Ticket Form", "Ask us")
	returns := account.CreateTicketForm(base, "Returns", "Send it back").ID
	status := int64(0)
	for _, form := range []int64{0, returns} {
		made, refused := account.CreateTicket(base.Add(time.Hour), zendesktest.NewTicket{Requester: jo.ID, Subject: "Help", Body: "Please", Status: "hold", Form: form})
		if err = errors.Join(err, failed, refused); err != nil {
			t.Fatal(err)
		}
		status = *made.CustomStatusID
	}
	app, api := startApp(t, serveAccount(t, account, "ada@x.test").URL())
	waitSynced(t, api, connect(t, api, "acme", "ada@x.test", 30))
	query := url.Values{"group_by": {"form"}, "from": {base.Format(time.DateOnly)}, "to": {time.Now().Format(time.DateOnly)}}
	eventually(t, time.Minute, func() error {
		var a struct {
			Rows []struct{ Key, Label []string }
		}
		if err := api.call(t.Context(), "GET", "/v1/reports/tickets_created?"+query.Encode(), nil, &a); err != nil {
			return err
		}
		labels := map[string]bool{}
		for _, r := range a.Rows {
			labels[r.Label[0]] = true
		}
		if got := strings.Join(slices.Sorted(maps.Keys(labels)), ", "); got != "Default Ticket Form, Returns" {
			return fmt.Errorf("forms %s", got)
		}
		return nil
	})
	drained(t, app)
	var name string
	if err := openDatabase(t, app).QueryRow(t.Context(), "SELECT name FROM current_names WHERE kind = 'custom_status' AND id = "+fmt.Sprint(status)).Scan(&name); err != nil {
		t.Fatal(err)
	}
	if name != "On-hold" {
		t.Errorf("the status of the tickets is called %q", name)
	}
}
