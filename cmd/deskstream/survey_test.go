package main

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
)

// TestSurveys: answers to CSAT surveys count beside ratings, for the agent who held the ticket, and move when they are changed.
func TestSurveys(t *testing.T) {
	t.Parallel()
	base := time.Now().Add(-10 * 24 * time.Hour)
	account := zendesktest.NewAccount("acme")
	user := func(name, role string) int64 {
		u, err := account.CreateUser(base, zendesktest.NewUser{Name: name, Email: name + "@x.test", Role: role})
		if err != nil {
			t.Fatal(err)
		}
		return u.ID
	}
	user("ada", "admin")
	ben, eve, jo := user("ben", "agent"), user("eve", "agent"), user("jo", "")
	var tickets []int64
	for i := range 4 {
		ticket, err := account.CreateTicket(base.Add(time.Hour), zendesktest.NewTicket{Requester: jo, Subject: "Help", Body: "Please"})
		if err == nil {
			err = errors.Join(account.Assign(base.Add(2*time.Hour), ticket.ID, ben, ben, 0), account.SetStatus(base.Add(3*time.Hour), ticket.ID, ben, "solved"))
		}
		if err == nil && i < 3 {
			err = account.AnswerSurvey(base.Add(4*time.Hour), ticket.ID, []string{"good", "bad", "neutral"}[i], "")
		}
		if err == nil && i == 3 {
			err = account.Rate(base.Add(4*time.Hour), ticket.ID, "good", "")
		}
		if err == nil {
			err = account.Assign(base.Add(5*time.Hour), ticket.ID, ben, eve, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
		tickets = append(tickets, ticket.ID)
	}
	_, api := startApp(t, serveAccount(t, account, "ada@x.test").URL())
	waitSynced(t, api, connect(t, api, "acme", "ada@x.test", 30))
	want := func(when string, byAgent map[string]values) {
		t.Helper()
		eventually(t, 2*time.Minute, func() error {
			got := report(t, api, "csat", url.Values{"group_by": {"assignee"}, "from": {base.Format(time.DateOnly)}, "to": {time.Now().Format(time.DateOnly)}}).table()
			for agent, v := range byAgent {
				for name, n := range v {
					if got[agent][name] != n {
						return fmt.Errorf("%s: %s of %s is %v, want %v; all: %v", when, name, agent, got[agent][name], n, got)
					}
				}
			}
			if len(got) != len(byAgent) {
				return fmt.Errorf("%s: agents %v", when, maps.Keys(got))
			}
			return nil
		})
	}
	want("at first", map[string]values{fmt.Sprint(ben): {"surveyed": 3, "good": 2, "bad": 1}})
	if err := account.AnswerSurvey(time.Now(), tickets[0], "bad", "not good after all"); err != nil {
		t.Fatal(err)
	}
	want("changed", map[string]values{fmt.Sprint(ben): {"surveyed": 2, "good": 1, "bad": 1}, fmt.Sprint(eve): {"surveyed": 1, "bad": 1}})
}
