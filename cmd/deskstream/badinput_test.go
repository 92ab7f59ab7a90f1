package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"deskstream/ingest/zendesktest"
)

// TestBadWebhooksAreAnsweredAndKeptApart sends what should never come, between events that should, and looks at the answers, the dead
// letters, and that the good events are all there.
func TestBadWebhooksAreAnsweredAndKeptApart(t *testing.T) {
	t.Parallel()
	account, err := zendesktest.History(3, 1, 1, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	app, api := startApp(t, serveAccount(t, account, zendesktest.AdminEmail).URL())
	source := connect(t, api, account.Subdomain, zendesktest.AdminEmail, 90)
	waitSynced(t, api, source)
	hook := api.base + "/webhooks/zendesk/" + source

	now := time.Now().UTC().Format(time.RFC3339)
	envelope := func(id, kind, subject, at, event string) []byte {
		return fmt.Appendf(nil, `{"type":"zen:event-type:%s","account_id":1,"id":%q,"time":%q,"zendesk_event_version":"2022-11-06","subject":%q,`+
			`"detail":{"id":"990001","created_at":%q,"requester_id":"1","status":"NEW","subject":"good one","tags":null,"via":{"channel":"web"},`+
			`"assignee_id":null,"group_id":"0","updated_at":%q},"event":%s}`,
			kind, id, at, subject, now, at, event)
	}
	comment := func(id, at, number, body string) []byte {
		return envelope(id, "ticket.comment_added", "zen:ticket:990001", at,
			`{"comment":{"id":"`+number+`","body":"`+body+`","is_public":true,"author":{"id":"1","is_staff":false}}}`)
	}
	big := comment("big", now, "77001", strings.Repeat("x", 900<<10))
	ahead := comment("y4", time.Now().Add(time.Hour).UTC().Format(time.RFC3339), "77005", "soon")
	for _, c := range []struct {
		name   string
		body   []byte
		status int
		dead   bool
	}{
		{"created", envelope("g1", "ticket.created", "zen:ticket:990001", now, `{}`), 200, false},
		{"malformed JSON", []byte(`{"type":"zen:event-type:ticket.created",`), 200, true},
		{"not an object", []byte(`[1,2,3]`), 200, true},
		{"empty", nil, 200, true},
		{"a trigger of no ticket", []byte(`{"hello":"world"}`), 200, true},
		{"no subject", bytes.Replace(envelope("s1", "ticket.created", "", now, `{}`), []byte(`"subject":""`), []byte(`"subject":null`), 1), 200, true},
		{"unknown status", bytes.Replace(envelope("s2", "ticket.created", "zen:ticket:990001", now, `{}`), []byte(`"NEW"`), []byte(`"BLURB"`), 1), 200, true},
		{"unknown event type", envelope("u1", "ticket.levitated", "zen:ticket:990001", now, `{}`), 200, false},
		{"unknown domain", envelope("u2", "weather.changed", "zen:weather:1", now, `{}`), 200, false},
		{"unknown ticket", bytes.ReplaceAll(envelope("u3", "ticket.status_changed", "zen:ticket:990001", now, `{"current":"SOLVED","previous":"OPEN"}`), []byte("990001"), []byte("999999999")), 200, false},
		{"unknown user", envelope("u4", "user.deleted", "zen:user:999999999", now, `{}`), 200, false},
		{"900 KiB", big, 200, false},
		{"over 1 MiB", bytes.Repeat([]byte("x"), 1<<20+1), 413, false},
		{"10,000 deep", []byte(strings.Repeat(`{"a":`, 10000) + "1" + strings.Repeat("}", 10000)), 200, true},
		{"invalid UTF-8", []byte("{\"type\":\"zen:event-type:ticket.created\",\"subject\":\"zen:ticket:5\",\"id\":\"\xff\xfe\"}"), 200, true},
		{"1970", comment("y1", "1970-01-01T00:00:00Z", "77002", "old"), 200, true},
		{"2099", comment("y2", "2099-12-31T23:59:59Z", "77003", "future"), 200, true},
		{"1971", comment("y3", "1971-05-05T00:00:00Z", "77004", "old"), 200, false},
		{"an hour ahead", bytes.ReplaceAll(ahead, []byte("990001"), []byte("990002")), 200, false},
		{"solved", bytes.Replace(envelope("g2", "ticket.status_changed", "zen:ticket:990001", now, `{"current":"SOLVED","previous":"NEW"}`), []byte(`"NEW"`), []byte(`"SOLVED"`), 1), 200, false},
	} {
		before := deadLetters(t, app)
		status, err := postSigned(http.DefaultClient, hook, testSecret, c.body)
		if err != nil || status != c.status {
			t.Errorf("%s: status %d (%v), want %d", c.name, status, err, c.status)
		}
		drained(t, app)
		if died := deadLetters(t, app) - before; died > 1 || (died == 1) != c.dead {
			t.Errorf("%s: %d dead letters, want dead %v", c.name, died, c.dead)
		}
	}
	if status, err := postSigned(http.DefaultClient, hook, "wrong-secret", envelope("w", "ticket.created", "zen:ticket:5", now, `{}`)); err != nil || status != 401 {
		t.Errorf("wrong signature: status %d (%v), want 401", status, err)
	}
	if status, err := postSigned(http.DefaultClient, api.base+"/webhooks/zendesk/nobody", testSecret, nil); err != nil || status != 404 {
		t.Errorf("unknown source: status %d (%v), want 404", status, err)
	}
	checkGoodTicket(t, api)
	letters, _, err := app.stream.DeadList(t.Context(), 50, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range letters {
		if l.Reason == "" || l.Class == "" {
			t.Errorf("dead letter %d has no reason", l.Seq)
		}
	}
	first, last := strconv.FormatUint(letters[0].Seq, 10), strconv.FormatUint(letters[len(letters)-1].Seq, 10)
	wantTool(t, app.Config, 0, "go on with --after "+first, "dead", "list", "--limit", "1")
	wantTool(t, app.Config, 0, "\n"+last+" ", "dead", "list", "--after", first)
	wantTool(t, app.Config, 1, "deskstream: dead letter 1: not found", "dead", "show", "1")
	wantTool(t, app.Config, 1, "deskstream: dead letter 1: not found", "dead", "drop", "1")
}

// TestLongFiltersAreAnswered asks over the listener of the program: a filter as long as the document allows is answered, a longer one refused by name
// as everything is, and what webhooks bring before their body stays short.
func TestLongFiltersAreAnswered(t *testing.T) {
	t.Parallel()
	_, api := startApp(t, "http://127.0.0.1:1")
	values := make([]string, 40)
	for i := range values {
		values[i] = `"` + strings.Repeat("é", 480) + `"` // six bytes each in the address
	}
	longest := `{"field":"email","op":"is","value":[` + strings.Join(values, ",") + `]}`
	conditions := `{"any":[` + strings.TrimSuffix(strings.Repeat(`{"field":"email","op":"has_value"},`, 1000), ",") + `]}`
	people := func(filter string) string {
		path := "/v1/people?" + url.Values{"filter": {filter}}.Encode()
		if err := api.call(t.Context(), "GET", path, nil, nil); err != nil {
			return strings.TrimPrefix(err.Error(), "GET "+path+": ")
		}
		return "200"
	}
	if answer := people(longest); answer != "200" {
		t.Errorf("a filter of %d letters: %.300s", utf8.RuneCountInString(longest), answer)
	}
	for name, filter := range map[string]string{"too long": longest + strings.Repeat(" ", 5000), "of 1,000 conditions": conditions} {
		if answer := people(filter); !strings.HasPrefix(answer, "422 ") || !strings.Contains(answer, `"location":"query.filter"`) {
			t.Errorf("a filter %s: %.300s", name, answer)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, api.base+"/webhooks/zendesk/nobody", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Long", strings.Repeat("x", 17<<10))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if _ = answer.Body.Close(); answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a webhook with a long header: %s", answer.Status)
	}
}

func deadLetters(t *testing.T, app *App) int {
	t.Helper()
	letters, _, err := app.stream.DeadList(t.Context(), 500, 0)
	if err != nil {
		t.Fatal(err)
	}
	return len(letters)
}

func checkGoodTicket(t *testing.T, api *client) {
	t.Helper()
	var facts struct {
		Status string `json:"status"`
		Solves int    `json:"solves"`
	}
	eventually(t, time.Minute, func() error {
		return api.call(t.Context(), "GET", "/v1/tickets/990001/facts", nil, &facts)
	})
	if facts.Status != "solved" || facts.Solves != 1 {
		t.Errorf("the good ticket: %+v, want solved once", facts)
	}
	got := report(t, api, "activities", url.Values{"activity": {"ticket-solved"}})
	if n := got.Totals["activities"]; n == nil || *n < 1 {
		t.Errorf("solved activities: %v", shown(n))
	}
}
