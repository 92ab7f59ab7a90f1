package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
)

// TestAttributesEndToEnd: what the processors say of each activity of an account is in the catalogue of merge tags, and templates have of tickets what
// Zendesk has.
func TestAttributesEndToEnd(t *testing.T) {
	t.Parallel()
	account, err := zendesktest.History(35, 3, 10, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	app, api := startApp(t, serveAccount(t, account, zendesktest.AdminEmail).URL())
	source := connect(t, api, account.Subdomain, zendesktest.AdminEmail, 30)
	waitSynced(t, api, source)
	drained(t, app)
	p := &peopleTest{t, app, api, source}
	var tags struct{ Items []struct{ Path string } }
	p.call("GET", "/v1/liquid/merge-tags", nil, &tags)
	known := map[string]bool{}
	for _, tag := range tags.Items {
		known[tag.Path] = true
	}
	var feed struct{ Items []fieldRow }
	p.call("GET", "/v1/sources/"+source+"/activity?limit=500", nil, &feed)
	kinds := map[string]bool{}
	for _, row := range feed.Items {
		kinds[row.Activity] = true
		for name := range row.Attributes {
			if path := "activity.zendesk." + row.Activity + "." + strings.ReplaceAll(name, "-", "_"); !known[path] {
				t.Errorf("%s is no merge tag", path)
			}
		}
	}
	if len(kinds) < 10 {
		t.Errorf("only these kinds of activities happened: %v", kinds)
	}
	names := organizationNames(account)
	rendered := 0
	for _, ticket := range account.Tickets() {
		i := slices.IndexFunc(feed.Items, func(r fieldRow) bool { return r.TicketID == fmt.Sprint(ticket.ID) && r.Activity == "ticket-created" })
		if ticket.Status == "deleted" || i < 0 {
			continue
		}
		area := ""
		for _, f := range ticket.CustomFields {
			area = fmt.Sprint(f.Value)
		}
		want := []string{
			ticket.Description, newestPublic(t, account, ticket.ID), ticket.URL, fmt.Sprint(ticket.RequesterID), fmt.Sprint(ticket.SubmitterID),
			ticket.CreatedAt.UTC().Format(time.DateTime), ticket.UpdatedAt.UTC().Format(time.DateTime), names[ticket.ID], fmt.Sprint(ticket.IsPublic), area,
		}
		var got struct{ Parts map[string]string }
		p.call("POST", "/v1/liquid/render", map[string]any{
			"person": fmt.Sprintf("zendesk:%d", ticket.RequesterID), "activity_id": feed.Items[i].ID, "time_zone": "UTC", "parts": map[string]string{
				"text": `{% assign t = activity.zendesk.ticket-created %}{{ t.description }}~{{ t.message }}~{{ t.url }}~{{ t.requester-id }}~{{ t.submitter-id }}~` +
					`{{ t.created-at | date: "%F %T" }}~{{ t.updated-at | date: "%F %T" }}~{{ t.organization-name }}~{{ t.is-public }}~{{ t.custom-fields.product-area }}`,
			},
		}, &got)
		if text := got.Parts["text"]; text != strings.Join(want, "~") {
			t.Errorf("ticket %d:\n got %q\nwant %q", ticket.ID, text, strings.Join(want, "~"))
		}
		if rendered++; rendered == 12 {
			return
		}
	}
	t.Errorf("%d tickets rendered", rendered)
}

// organizationNames gives the names of the tickets' organizations by ticket.
func organizationNames(account *zendesktest.Account) map[int64]string {
	names, out := map[int64]string{}, map[int64]string{}
	for _, o := range account.Organizations() {
		names[o.ID] = o.Name
	}
	for _, ticket := range account.Tickets() {
		if ticket.OrganizationID != nil {
			out[ticket.ID] = names[*ticket.OrganizationID]
		}
	}
	return out
}

// newestPublic gives the newest comment of a ticket that its requester sees.
func newestPublic(t *testing.T, account *zendesktest.Account, ticket int64) (body string) {
	t.Helper()
	audits, err := account.Audits(ticket)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range audits {
		for _, e := range a.Events {
			if e.Comment != nil && e.Comment.Public {
				body = e.Comment.Body
			}
		}
	}
	return body
}
