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
	renamed := p.audience("renamed", `{"activity":"field-changed","op":"occurs","where":[{"attribute":"field","op":"is","value":"zendesk.name"},{"attribute":"new_value","op":"ends_with","value":"ley"}]}`)
	rename(time.Now().Add(2*time.Second), "Ann Oakley") // Zendesk's times are whole seconds: not the one in which it was called otherwise
	p.wantEntries(renamed, 1)
	p.call("PATCH", "/v1/people/"+person, map[string]any{"custom": map[string]any{"plan": "gold"}}, nil)
	drained(t, p.app)
	rows := p.feed(person, "field-changed")
	if len(rows) != 2 || !slices.ContainsFunc(rows, func(r fieldRow) bool {
		return r.Text == "Name changed: Before Tracking → Ann Oakley" && r.Attributes["field"] == "zendesk.name" && r.Attributes["old-value"] == "Before Tracking" && r.Attributes["new-value"] == "Ann Oakley"
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
		if a := report(t, p.api, "activities", url.Values{"activity": {"field-changed"}}); a.Totals["activities"] == nil || *a.Totals["activities"] != 2 {
			t.Errorf("%s: %+v", when, a.Totals)
		}
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
