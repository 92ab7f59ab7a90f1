package main

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
)

// fieldRow is a row of a person's feed as the tests read it.
type fieldRow struct {
	ID         string         `json:"id"`
	Activity   string         `json:"activity"`
	TicketID   string         `json:"ticket_id"`
	Text       string         `json:"text"`
	Attributes map[string]any `json:"attributes"`
}

func (p *peopleTest) feed(person, activity string) []fieldRow {
	p.t.Helper()
	var list struct {
		Items []fieldRow `json:"items"`
	}
	p.call("GET", "/v1/people/"+person+"/activities?activity="+activity, nil, &list)
	return list.Items
}

// customers are the end users of an account.
func customers(account *zendesktest.Account) (out []zendesktest.User) {
	for _, u := range account.Users() {
		if !u.Staff() && u.Active {
			out = append(out, u)
		}
	}
	return out
}

// TestFieldChangesEndToEnd: the changes of tracked fields are activities, once each, whatever is delivered, read or replayed again: in feeds,
// reports, filters, as an audience's entry, and in templates.
func TestFieldChangesEndToEnd(t *testing.T) {
	t.Parallel()
	account, err := zendesktest.History(21, 3, 4, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	zendesk := serveAccount(t, account, zendesktest.AdminEmail).URL()
	app, api := startApp(t, zendesk)
	source := connect(t, api, account.Subdomain, zendesktest.AdminEmail, 30)
	waitSynced(t, api, source)
	drained(t, app)
	p := &peopleTest{t, app, api, source}
	who := customers(account)[0]
	person := fmt.Sprintf("zendesk:%d", who.ID)
	rename := func(at time.Time, name string) {
		t.Helper()
		if err := account.UpdateUser(at, who.ID, zendesktest.UserChange{Name: &name}); err != nil {
			t.Fatal(err)
		}
		sender := &zendesktest.Sender{Account: account, URL: p.api.base + "/webhooks/zendesk/" + source, Secret: testSecret, Copies: 3, Shuffle: 6, RetryWait: 50 * time.Millisecond}
		if _, err := sender.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		eventually(t, 2*time.Minute, func() error {
			var list struct{ Items []map[string]any }
			p.call("GET", "/v1/people?columns=zendesk.name&filter="+url.QueryEscape(`{"field":"zendesk.name","op":"is","value":"`+name+`"}`), nil, &list)
			if len(list.Items) != 1 {
				return fmt.Errorf("%d people are called %s", len(list.Items), name)
			}
			return nil
		})
	}
	rename(time.Now(), "Before Tracking")
	for _, id := range []string{"zendesk.name", "custom.plan"} {
		var f struct{ Tracked bool }
		if p.call("PATCH", "/v1/fields/"+id, map[string]any{"tracked": true}, &f); !f.Tracked {
			t.Errorf("%s is not tracked", id)
		}
	}
	renamed := p.audience("renamed", `{"activity":"field-changed","op":"occurs","where":[`+
		`{"attribute":"field","op":"is","value":"zendesk.name"},{"attribute":"new_value","op":"ends_with","value":"ley"}]}`)
	rename(time.Now().Add(2*time.Second), "Ann Oakley") // Zendesk's times are whole seconds: not the one in which it was called otherwise
	p.wantEntries(renamed, 1)
	p.call("PATCH", "/v1/people/"+person, map[string]any{"custom": map[string]any{"plan": "gold"}}, nil)
	drained(t, p.app)
	rows := p.feed(person, "field-changed")
	if len(rows) != 2 || !slices.ContainsFunc(rows, func(r fieldRow) bool {
		return r.Text == "Name changed: Before Tracking → Ann Oakley" && r.Attributes["field"] == "zendesk.name" &&
			r.Attributes["old-value"] == "Before Tracking" && r.Attributes["new-value"] == "Ann Oakley"
	}) || !slices.ContainsFunc(rows, func(r fieldRow) bool { return r.Text == "Plan set: gold" && r.Attributes["new-value"] == "gold" }) {
		t.Fatalf("%+v", rows)
	}

	var rendered struct{ Parts map[string]string }
	p.call("POST", "/v1/liquid/render", map[string]any{"person": person, "activity_id": p.entries(renamed)[0].ActivityID, "parts": map[string]string{
		"text": "{% assign c = activity.zendesk.field-changed %}{{ c.label }}: {{ c.old_value }}, {{ c.new_value }}",
	}}, &rendered)
	if rendered.Parts["text"] != "Name: Before Tracking, Ann Oakley" {
		t.Errorf("%+v", rendered)
	}
	p.call(http.MethodPatch, "/v1/activities/field-changed", map[string]any{"text": map[string]any{"show": "template", "template": "{{ attribute.label }} is now {{ attribute.new_value }}"}}, nil)
	if rows := p.feed(person, "field-changed"); !slices.ContainsFunc(rows, func(r fieldRow) bool { return r.Text == "Plan is now gold" }) {
		t.Errorf("%+v", rows)
	}
	same := func(when string) {
		t.Helper()
		if now := p.feed(person, "field-changed"); len(now) != 2 || now[0].ID != rows[0].ID || now[1].ID != rows[1].ID {
			t.Errorf("%s: %+v", when, now)
		}
		eventually(t, time.Minute, func() error { // a report leaves out what is dated after it was asked, as these may be for seconds
			a := report(t, p.api, "activities", url.Values{"activity": {"field-changed"}})
			if n := a.Totals["activities"]; n == nil || *n != 2 {
				return fmt.Errorf("%s: %s activities", when, shown(n))
			}
			return nil
		})
		p.wantEntries(renamed, 1)
	}
	p.call("POST", "/v1/sources/"+source+"/resync", map[string]any{"mode": "backfill"}, nil)
	waitSynced(t, p.api, source)
	drained(t, p.app)
	same("after a resync")
	if status, v := verify(t, p.app); status != 0 || !v.Clean {
		t.Errorf("verify: %+v", v)
	}
	p.replay(zendesk)
	same("after a replay")
}

// TestKeptFieldsEndToEnd: a field keeps the newest value of an attribute: of what was stored before, of what comes, for people that are merged,
// in lists, filters and templates, the same after a replay; and it goes when it is ended.
func TestKeptFieldsEndToEnd(t *testing.T) {
	t.Parallel()
	account, err := zendesktest.History(22, 3, 4, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	who := customers(account)
	for i, subject := range []string{"The older one", "The newer one"} {
		if _, err := account.CreateTicket(time.Now().Add(time.Duration(i-9)*time.Hour), zendesktest.NewTicket{Subject: subject, Body: "x", Requester: who[0].ID}); err != nil {
			t.Fatal(err)
		}
	}
	zendesk := serveAccount(t, account, zendesktest.AdminEmail).URL()
	app, api := startApp(t, zendesk)
	source := connect(t, api, account.Subdomain, zendesktest.AdminEmail, 30)
	waitSynced(t, api, source)
	drained(t, app)
	p := &peopleTest{t, app, api, source}
	first, second := fmt.Sprintf("zendesk:%d", who[0].ID), fmt.Sprintf("zendesk:%d", who[1].ID)
	want := func(person, subject string) {
		t.Helper()
		eventually(t, 2*time.Minute, func() error {
			if got := p.person(person).Custom["last_subject"]; got != subject {
				return fmt.Errorf("%s has %v, want %s", person, got, subject)
			}
			var list struct{ Items []map[string]any }
			p.call("GET", "/v1/people?columns=custom.last_subject&filter="+url.QueryEscape(`{"field":"custom.last_subject","op":"is","value":"`+subject+`"}`), nil, &list)
			if len(list.Items) != 1 || list.Items[0]["custom.last_subject"] != subject {
				return fmt.Errorf("the list has %v", list.Items)
			}
			return nil
		})
	}
	p.call("POST", "/v1/fields", map[string]any{"key": "last_subject", "activity": "ticket-created", "attribute": "subject"}, nil)
	want(first, "The newer one")
	if _, err := account.CreateTicket(time.Now().Add(-time.Hour), zendesktest.NewTicket{Subject: "The newest one", Body: "x", Requester: who[1].ID}); err != nil {
		t.Fatal(err)
	}
	sender := &zendesktest.Sender{Account: account, URL: p.api.base + "/webhooks/zendesk/" + source, Secret: testSecret, Copies: 3, Shuffle: 6, RetryWait: 50 * time.Millisecond}
	if _, err := sender.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(second, "The newest one")
	p.call("POST", "/v1/people/merge", map[string]any{"survivor": p.person(first).ID, "others": []string{p.person(second).ID}}, nil)
	want(first, "The newest one")
	var rendered struct{ Parts map[string]string }
	p.call("POST", "/v1/liquid/render", map[string]any{"person": first, "parts": map[string]string{"text": "{{ people.custom.last-subject }}"}}, &rendered)
	if rendered.Parts["text"] != "The newest one" {
		t.Errorf("%+v", rendered)
	}
	drained(t, p.app)
	if status, v := verify(t, p.app); status != 0 || !v.Clean {
		t.Errorf("verify: %+v", v)
	}
	p.replay(zendesk)
	want(first, "The newest one")
	p.call("DELETE", "/v1/fields/custom.last_subject", nil, nil)
	eventually(t, 2*time.Minute, func() error {
		if got, there := p.person(first).Custom["last_subject"]; there {
			return fmt.Errorf("it is still %v", got)
		}
		return nil
	})
}
