package reports

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"deskstream/schemas"
)

func TestTicketFacts(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	for id, want := range map[string]string{
		"1": `{"id":"1","status":"solved","first_reply_s":3600,"first_reply_business_s":1800,"first_resolution_s":86400,"full_resolution_s":266400,"requester_wait_s":180000,
			"agent_wait_s":0,"on_hold_s":0,"agent_work_s":180000,"requester_wait_business_s":64800,"agent_wait_business_s":0,"on_hold_business_s":0,
			"agent_work_business_s":64800,"first_assigned_business_s":300,"replies":2,"reopens":1,"solves":2,"assignee_stations":2,"group_stations":1,"reassignments":1,
			"csat":"good","csat_agent_id":"1001","csat_at":"2026-03-06T09:00:00Z","touch":"two","next_reply_s":[93600],"deleted":false,"merged":false,"group_id":"500"}`,
		"2": `{"status":"open","first_reply_s":null,"full_resolution_s":null,"requester_wait_s":3600,"csat":"offered","touch":null,"next_reply_s":[],"priority":null,
			"organization_id":null,"live":{"requester_wait_s":1513800,"agent_wait_s":0,"on_hold_s":0,"agent_work_s":1513800}}`,
		"3": `{"requester_wait_s":null,"agent_wait_s":null,"on_hold_s":0,"requester_wait_business_s":null,"on_hold_business_s":0,"csat":null,"csat_agent_id":null,"assignee_id":null,"first_assigned_s":null}`,
		"5": `{"merged":true,"merged_into":"1","touch":"one","closed_at":"2026-03-04T09:00:00Z","first_assigned_s":0}`,
		"4": `{"deleted":true,"status":"deleted"}`,
	} {
		var got, expected map[string]any
		s.get("/v1/tickets/"+id+"/facts", &got)
		if err := json.Unmarshal([]byte(want), &expected); err != nil {
			t.Fatal(err)
		}
		for name, v := range expected {
			have, there := got[name]
			a, _ := json.Marshal(have)
			b, _ := json.Marshal(v)
			if !there || string(a) != string(b) {
				t.Errorf("ticket %s: %s is %s, want %s", id, name, a, b)
			}
		}
	}
	var f ticketFacts
	s.get("/v1/tickets/2/facts?as_of=2026-03-03T01:30:00Z", &f)
	if *f.Live.RequesterWait != 7200 || !f.AsOf.Equal(at("03 01:30")) {
		t.Errorf("%+v", f.Live)
	}
	s.get("/v1/tickets/2/facts?as_of=2099-01-01T00:00:00Z", &f)
	if *f.Live.RequesterWait != 1513800 || !f.AsOf.Equal(testNow) {
		t.Errorf("in future: %v as of %v", *f.Live.RequesterWait, f.AsOf)
	}
	s.wantProblem(s.call("GET", "/v1/tickets/1/facts?as_of=2026-03-02T09:59:59Z", "reports-key", nil), 422, "invalid-input", "query.as_of", "2026-03-02T10:00:00Z")
	s.wantProblem(s.call("GET", "/v1/tickets/1/facts?as_of=yesterday", "reports-key", nil), 422, "invalid-input", "query.as_of")
	s.wantProblem(s.call("GET", "/v1/tickets/99/facts", "reports-key", nil), 404, "no-such-ticket")
	s.wantProblem(s.call("GET", "/v1/tickets/x/facts", "reports-key", nil), 404, "no-such-ticket")
}

// TestLiveWaitsAreThoseOfReports: at any instant the live waits of a ticket are what the reports of waits give for it.
func TestLiveWaitsAreThoseOfReports(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	f := &fixture{}
	f.build()
	for _, ticket := range f.tickets {
		created := ticket.CreatedAt.Format(time.RFC3339)
		for _, asOf := range []string{
			created, ticket.CreatedAt.Add(10 * time.Minute).Format(time.RFC3339), "2026-03-03T12:00:00Z", "2026-03-04T08:30:00Z", "2026-03-04T23:00:00Z",
			"2026-03-09T00:00:00Z", "2026-03-10T09:00:00Z", "2026-03-19T00:00:00Z", "2099-01-01T00:00:00Z",
		} {
			if asOf < created {
				continue
			}
			var got ticketFacts
			s.get(fmt.Sprintf("/v1/tickets/%d/facts?as_of=%s", ticket.TicketID, asOf), &got)
			for metric, figure := range map[string]*int64{
				"requester_wait_time": got.Live.RequesterWait, "agent_wait_time": got.Live.AgentWait, "on_hold_time": got.Live.OnHold, "agent_work_time": got.Live.AgentWork,
			} {
				to := ticket.CreatedAt.Add(time.Second).Format(time.RFC3339)
				a := s.answerOf(metric, "include_deleted=true&from="+created+"&to="+to+"&as_of="+asOf)
				want := a.Totals["sum_s"]
				if figure == nil || want == nil || *figure != int64(*want) || *a.Totals["count"] != 1 {
					live, _ := json.Marshal(got.Live)
					t.Errorf("ticket %d as of %s: %s, %s has%s", ticket.TicketID, asOf, live, metric, figures(a.Totals, []string{"count", "sum_s"}))
				}
			}
		}
	}
}

// TestReportsOfAnAccount: a report is of all accounts or of the one it is asked for, whose assignees may have the numbers of another's.
func TestReportsOfAnAccount(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	beta := s.store.sources[testSource]
	beta.ID, beta.Account = "src_beta", "beta"
	s.store.sources[beta.ID] = beta
	for i, account := range []string{testAccount, "beta", "beta"} {
		insertInto(t, s.db, schemas.TableTickets, schemas.TicketRow{
			Account: account, TicketID: int64(5 + i), AssigneeID: 2, Status: "open", CreatedAt: at("03 01:30"), UpdatedAt: at("03 01:30"), StatusSince: at("03 01:30"),
		})
	}
	for account, want := range map[string]float64{"": 3, "&account=" + testAccount: 1, "&account=beta": 2, "&account=BETA": 2} {
		asked := "from=2026-03-01&to=2026-03-31&group_by=assignee" + account
		a := s.answerOf("tickets_created", asked)
		if len(a.Rows) != 1 || *a.Rows[0].Values["tickets"] != want || *a.Totals["tickets"] != want {
			t.Errorf("%q: rows %+v, want %v tickets of one assignee", account, a.Rows, want)
		}
		if text := string(s.call("GET", "/v1/reports/tickets_created/sql?"+asked, "reports-key", nil).body); strings.Contains(text, testAccount) != (want != 2) {
			t.Errorf("%q: the statement asks other accounts: %s", account, text)
		}
	}
	for _, path := range []string{"/v1/reports/closures?account=nobody", "/v1/reports/closures/sql?account=nobody"} {
		s.wantProblem(s.call("GET", path, "reports-key", nil), 422, "invalid-input", "query.account", "beta")
	}
}

// TestFactsOfAnAccount: tickets of two accounts that have the same id are asked for by account.
func TestFactsOfAnAccount(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	beta := s.store.sources[testSource]
	beta.ID, beta.Account = "src_beta", "beta"
	s.store.sources[beta.ID] = beta
	for account, created := range map[string]time.Time{testAccount: at("03 01:30"), "beta": at("02 01:30")} {
		insertInto(t, s.db, schemas.TableTickets, schemas.TicketRow{Account: account, TicketID: 5, Subject: account, Status: "open", CreatedAt: created, UpdatedAt: created, StatusSince: created})
	}
	for account, want := range map[string]string{"": testAccount, testAccount: testAccount, "beta": "beta", "BETA": "beta"} {
		var f ticketFacts
		s.get("/v1/tickets/5/facts?account="+account, &f)
		if f.Account != want || f.Subject != want {
			t.Errorf("account %q: %s of %s, want that of %s", account, f.Subject, f.Account, want)
		}
	}
	s.wantProblem(s.call("GET", "/v1/tickets/5/facts?account=nobody", "reports-key", nil), 422, "invalid-input", "query.account", "beta")
}
