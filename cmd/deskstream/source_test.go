package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
)

// importedPerson is a person of the API.
type importedPerson struct {
	ID          string `json:"id"`
	FirstName   string `json:"first_name"`
	Permissions struct {
		Email bool `json:"email"`
		SMS   bool `json:"sms"`
	} `json:"permissions"`
	Organization *struct {
		ID string `json:"id"`
	} `json:"organization"`
	FirstLast json.RawMessage `json:"first_last"`
}

// people gives the people of a list.
func people(t *testing.T, api *client, query string) []importedPerson {
	t.Helper()
	var page struct {
		Items []importedPerson `json:"items"`
	}
	if err := api.call(t.Context(), "GET", "/v1/people?limit=500&sort=created_at&"+query, nil, &page); err != nil {
		t.Fatal(err)
	}
	return page.Items
}

// everything writes what is known of people, tickets, ratings and activities as one text.
func everything(t *testing.T, api *client) string {
	t.Helper()
	all := struct {
		People                       []importedPerson
		Tickets, Ratings, Activities map[string]*float64
	}{People: people(t, api, "")}
	all.Tickets = report(t, api, "tickets", nil).Totals
	all.Ratings = report(t, api, "csat", map[string][]string{"from": {"2000-01-01"}}).Totals
	all.Activities = report(t, api, "activities", map[string][]string{"from": {"2000-01-01"}}).Totals
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestR29_R37_R48_ResyncAndDelete reads an account whole, reads it again twice, and deletes the source: nothing that was there changes, and
// all of it can be asked for and rendered at the end. The account connected anew shows all of it too, and nothing is doubled.
func TestR29_R37_R48_ResyncAndDelete(t *testing.T) {
	t.Parallel()
	account, err := zendesktest.History(5, 8, 4, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	server := serveAccount(t, account, zendesktest.AdminEmail)
	app, api := startApp(t, server.URL())
	source := connect(t, api, account.Subdomain, zendesktest.AdminEmail, 60)
	waitSynced(t, api, source)
	drained(t, app)
	checkImported(t, api, account)
	before := everything(t, api)
	get := func() (text string) {
		t.Helper()
		if err := api.call(t.Context(), "GET", "/v1/sources/"+source+"/overview", nil, &text); err != nil {
			t.Fatal(err)
		}
		return text
	}
	overview := get()
	step := func(method, path string, body any) {
		t.Helper()
		if err := api.call(t.Context(), method, "/v1/sources/"+source+path, body, nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		step("POST", "/resync", map[string]string{"mode": "backfill"})
		waitSynced(t, api, source)
		drained(t, app)
		if after := everything(t, api); after != before || get() != overview {
			t.Fatalf("a resync changed\n%s\nto\n%s", before, after)
		}
	}
	step("POST", "/disconnect", nil)
	step("POST", "/archive", nil)
	step("DELETE", "", nil)
	if err := api.call(t.Context(), "GET", "/v1/sources/"+source, nil, nil); err == nil || !strings.Contains(err.Error(), "no-such-source") {
		t.Errorf("the source is still there: %v", err)
	}
	if after := everything(t, api); after != before {
		t.Errorf("the deletion changed\n%s\nto\n%s", before, after)
	}
	checkRendered(t, api, people(t, api, "")[0])
	source = connect(t, api, account.Subdomain, zendesktest.AdminEmail, 60)
	waitSynced(t, api, source)
	drained(t, app)
	if after := everything(t, api); after != before || get() != overview {
		t.Errorf("connecting anew changed\n%s\nto\n%s\nand\n%s\nto\n%s", before, after, overview, get())
	}
	if v := server.Violations(); len(v) > 0 {
		t.Errorf("requests that change Zendesk: %v", v)
	}
}

// checkImported holds people and tickets against the account: each end user is a person, each ticket has a requester that can be asked for.
func checkImported(t *testing.T, api *client, account *zendesktest.Account) {
	t.Helper()
	customers, tickets := map[int64]bool{}, 0.0
	for _, u := range account.Users() {
		if u.Role == "end-user" && u.Active {
			customers[u.ID] = true
		}
	}
	for _, ticket := range account.Tickets() {
		if ticket.Status == "deleted" {
			continue
		}
		tickets++
		if !customers[ticket.RequesterID] {
			continue
		}
		var p importedPerson
		if err := api.call(t.Context(), "GET", "/v1/people/zendesk:"+strconv.FormatInt(ticket.RequesterID, 10), nil, &p); err != nil {
			t.Errorf("requester of ticket %d: %v", ticket.ID, err)
		}
	}
	if n := *report(t, api, "tickets", nil).Totals["tickets"]; n != tickets || n == 0 {
		t.Errorf("%v tickets, want %v", n, tickets)
	}
	if n := len(people(t, api, "")); n == 0 || n > len(customers) {
		t.Errorf("%d people of %d end users", n, len(customers))
	}
	if n := report(t, api, "csat", nil).Totals["surveyed"]; n == nil || *n == 0 {
		t.Error("no ratings")
	}
}

func checkRendered(t *testing.T, api *client, p importedPerson) {
	t.Helper()
	var out struct {
		Parts map[string]string `json:"parts"`
	}
	body := map[string]any{"person": p.ID, "format": "text", "parts": map[string]string{"text": "Hello {{ people.first-name }}"}}
	if err := api.call(t.Context(), "POST", "/v1/liquid/render", body, &out); err != nil || out.Parts["text"] != "Hello "+p.FirstName {
		t.Errorf("%q, %v", out.Parts, err)
	}
}

// webhookBound is how soon what a webhook tells has to be seen (R18).
const webhookBound = 5 * time.Second

// TestR18_R20_R21_R22_TicketsOfNewContacts tells of the ticket of an unknown contact a hundred times at once: it is there soon, once, with
// one person who has the source's permissions and the organization. First nothing but webhooks tells of it, then polls run as well.
func TestR18_R20_R21_R22_TicketsOfNewContacts(t *testing.T) {
	t.Parallel()
	account, err := zendesktest.History(9, 2, 2, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	app, api := startApp(t, serveAccount(t, account, zendesktest.AdminEmail).URL(), func(a *App) {
		a.Config.PollInterval, a.Config.ContactSync = time.Hour, time.Hour
	})
	source := connect(t, api, account.Subdomain, zendesktest.AdminEmail, 60)
	optIn := map[string]any{"opt_in": map[string]any{"email": true, "confirmed_by": "owner@acme.test"}}
	if err := api.call(t.Context(), "PATCH", "/v1/sources/"+source, optIn, nil); err != nil {
		t.Fatal(err)
	}
	waitSynced(t, api, source)
	drained(t, app)
	sender := &zendesktest.Sender{
		Account: account, URL: api.base + "/webhooks/zendesk/" + source, Secret: testSecret, Copies: 100, Parallel: 50, RetryWait: 50 * time.Millisecond,
	}
	for _, name := range []string{"nova", "rhea"} {
		user, ticket, company := newContact(t, account, name)
		if name == "rhea" {
			if err := api.call(t.Context(), "POST", "/v1/sources/"+source+"/resync", map[string]string{"mode": "delta"}, nil); err != nil {
				t.Fatal(err)
			}
		}
		if counts, err := sender.Flush(t.Context()); err != nil || counts.Accepted < 100 {
			t.Fatalf("%+v, %v", counts, err)
		}
		eventually(t, webhookBound, func() error { return seen(t, api, user, ticket, company) })
		drained(t, app)
		found := people(t, api, "q="+name+"@x.test")
		if len(found) != 1 || !found[0].Permissions.Email || found[0].Permissions.SMS {
			t.Errorf("%s: %+v", name, found)
		}
	}
	if letters := deadLetters(t, app); letters != 0 {
		t.Errorf("%d dead letters", letters)
	}
}

// newContact makes a contact of a new organization, of whom no webhook tells, and a ticket, of which one does.
func newContact(t *testing.T, account *zendesktest.Account, name string) (user, ticket, organization int64) {
	t.Helper()
	account.SetWebhooks(false)
	company := account.CreateOrganization(time.Now(), "Company of "+name, "")
	u, err := account.CreateUser(time.Now(), zendesktest.NewUser{Name: name, Email: name + "@x.test", Organization: company.ID})
	if err != nil {
		t.Fatal(err)
	}
	account.SetWebhooks(true)
	made, err := account.CreateTicket(time.Now(), zendesktest.NewTicket{Requester: u.ID, Subject: "New here", Body: "Hello"})
	if err != nil {
		t.Fatal(err)
	}
	return u.ID, made.ID, company.ID
}

// seen says what is still missing of a ticket, its requester and its organization.
func seen(t *testing.T, api *client, user, ticket, organization int64) error {
	var p importedPerson
	path := "/v1/people/zendesk:" + strconv.FormatInt(user, 10)
	if err := api.call(t.Context(), "GET", path, nil, &p); err != nil {
		return err
	}
	if p.Organization == nil || p.Organization.ID != strconv.FormatInt(organization, 10) {
		return fmt.Errorf("organization %+v", p.Organization)
	}
	var activities struct {
		Items []struct {
			Ticket string `json:"ticket_id"`
		} `json:"items"`
	}
	if err := api.call(t.Context(), "GET", path+"/activities?activity=ticket-created", nil, &activities); err != nil {
		return err
	}
	if len(activities.Items) != 1 || activities.Items[0].Ticket != strconv.FormatInt(ticket, 10) {
		return fmt.Errorf("activities %+v", activities.Items)
	}
	var facts struct {
		Requester    string `json:"requester_id"`
		Organization string `json:"organization_id"`
	}
	if err := api.call(t.Context(), "GET", fmt.Sprintf("/v1/tickets/%d/facts", ticket), nil, &facts); err != nil {
		return err
	}
	if facts.Requester != strconv.FormatInt(user, 10) || facts.Organization != strconv.FormatInt(organization, 10) {
		return fmt.Errorf("facts %+v", facts)
	}
	return nil
}
