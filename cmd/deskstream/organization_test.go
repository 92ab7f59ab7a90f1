package main

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
)

// company is an organization of the API.
type company struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Archived   bool     `json:"archived"`
	MergedFrom []string `json:"merged_from"`
	Zendesk    struct {
		People  int64    `json:"people_total"`
		Tickets int64    `json:"tickets_total"`
		Open    int64    `json:"tickets_open"`
		Percent *float64 `json:"satisfaction_percent"`
	} `json:"zendesk"`
}

// TestOrganizationsFollowZendesk renames one organization, moves a member, ends a membership, and merges the organization into another.
func TestOrganizationsFollowZendesk(t *testing.T) {
	t.Parallel()
	base := time.Now().Add(-10 * 24 * time.Hour)
	account := zendesktest.NewAccount("acme")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	user := func(name, role string, organization int64) int64 {
		u, err := account.CreateUser(base, zendesktest.NewUser{Name: name, Email: name + "@x.test", Role: role, Organization: organization})
		must(err)
		return u.ID
	}
	user("ada", "admin", 0)
	agent := user("ben", "agent", 0)
	small := account.CreateOrganization(base, "Small", "s").ID
	large := account.CreateOrganization(base, "Large", "l").ID
	jo, zed := user("jo", "", small), user("zed", "", large)
	user("kim", "", large)
	for i, requester := range []int64{jo, jo, zed} {
		ticket, err := account.CreateTicket(base.Add(time.Hour), zendesktest.NewTicket{Requester: requester, Subject: "Help", Body: "Please"})
		must(err)
		if i != 1 {
			must(account.SetStatus(base.Add(2*time.Hour), ticket.ID, agent, "solved"))
			must(account.Rate(base.Add(3*time.Hour), ticket.ID, map[int]string{0: "good", 2: "bad"}[i], ""))
		}
	}
	_, api := startApp(t, serveAccount(t, account, "ada@x.test").URL())
	waitSynced(t, api, connect(t, api, "acme", "ada@x.test", 30))
	want := func(what string, id int64, text string) {
		t.Helper()
		eventually(t, 2*time.Minute, func() error {
			var c company
			if err := api.call(t.Context(), "GET", "/v1/organizations/"+strconv.FormatInt(id, 10), nil, &c); err != nil {
				return err
			}
			percent := -1.0
			if c.Zendesk.Percent != nil {
				percent = *c.Zendesk.Percent
			}
			got := fmt.Sprintf("%s: %d people, %d tickets, %d open, %.0f %%, from %d", c.Name, c.Zendesk.People, c.Zendesk.Tickets, c.Zendesk.Open, percent, len(c.MergedFrom))
			if got != text {
				return fmt.Errorf("%s: %s, want %s", what, got, text)
			}
			return nil
		})
	}
	want("at first", small, "Small: 1 people, 2 tickets, 1 open, 100 %, from 0")
	want("at first", large, "Large: 2 people, 1 tickets, 0 open, 0 %, from 0")

	must(account.RenameOrganization(time.Now(), small, "Tiny"))
	must(account.UpdateUser(time.Now(), zed, zendesktest.UserChange{Organization: &small}))
	want("a new member", small, "Tiny: 2 people, 2 tickets, 1 open, 100 %, from 0")
	want("a member still", large, "Large: 2 people, 1 tickets, 0 open, 0 %, from 0") // another default organization ends no membership
	eventually(t, 2*time.Minute, func() error {
		var p struct {
			Organization  *company  `json:"organization"`
			Organizations []company `json:"organizations"`
		}
		err := api.call(t.Context(), "GET", fmt.Sprintf("/v1/people/zendesk:%d", zed), nil, &p)
		if err == nil && (p.Organization == nil || p.Organization.Name != "Tiny" || len(p.Organizations) != 2 || p.Organizations[1].Name != "Large") {
			err = fmt.Errorf("the person is in %+v, of %+v", p.Organization, p.Organizations)
		}
		return err
	})

	// No webhook tells that a membership ended: the next whole list does not show it any more.
	must(account.Leave(time.Now(), zed, large))
	want("a member no longer", large, "Large: 1 people, 1 tickets, 0 open, 0 %, from 0")

	must(account.MergeOrganizations(time.Now(), small, large))
	want("the survivor", large, "Large: 3 people, 3 tickets, 1 open, 50 %, from 0")
	want("the absorbed one", small, "Large: 3 people, 3 tickets, 1 open, 50 %, from 1")
}
