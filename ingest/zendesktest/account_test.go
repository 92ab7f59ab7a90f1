package zendesktest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

// short names every event of an audit: Change status new>open.
func short(a Audit) []string {
	var out []string
	for _, e := range a.Events {
		switch e.Type {
		case "Change":
			out = append(out, fmt.Sprintf("Change %s %v>%v", e.FieldName, e.PreviousValue, e.Value))
		case "Create":
			out = append(out, fmt.Sprintf("Create %s %v", e.FieldName, e.Value))
		default:
			out = append(out, e.Type)
		}
	}
	return out
}

func lastAudit(t *testing.T, a *Account, id int64) []string {
	t.Helper()
	audits, err := a.Audits(id)
	if err != nil || len(audits) == 0 {
		t.Fatalf("audits of %d: %v", id, err)
	}
	return short(audits[len(audits)-1])
}

func types(hooks []Webhook) string {
	var out []string
	for _, h := range hooks {
		out = append(out, strings.TrimPrefix(h.Type, "zen:event-type:"))
	}
	return strings.Join(out, " ")
}

func TestChangesLeaveAuditsAndWebhooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	id := w.ticket(t, testStart, "one")
	agent := fmt.Sprint(w.agent)
	w.TakeWebhooks()
	for i, c := range []struct {
		what   string
		do     func(at time.Time) error
		audit  []string
		events string
	}{
		{
			"assign", func(at time.Time) error { return w.Assign(at, id, w.admin, w.agent, 0) },
			[]string{"Change status new>open", "Change assignee_id <nil>>" + agent},
			"ticket.status_changed ticket.agent_assignment_changed",
		},
		{
			"solve", func(at time.Time) error {
				_, err := w.Update(at, id, Change{Actor: w.agent, Comment: "Done", Status: "solved"})
				return err
			},
			[]string{"Comment", "Change status open>solved"},
			"ticket.comment_added ticket.status_changed",
		},
		{
			"reopen by answering", func(at time.Time) error { return w.Comment(at, id, w.customer, "No", true) },
			[]string{"Comment", "Change status solved>open"},
			"ticket.comment_added ticket.status_changed",
		},
		{
			"tags", func(at time.Time) error { return w.SetTags(at, id, w.agent, "VIP", "a", "a") },
			[]string{"Change tags []>[a vip]"},
			"ticket.tags_changed",
		},
		{
			"offer", func(at time.Time) error { return w.OfferRating(at, id) },
			[]string{"Change satisfaction_score unoffered>offered", "SatisfactionRating"},
			"ticket.csat_requested",
		},
		{
			"rate", func(at time.Time) error { return w.Rate(at, id, "bad", "Slow") },
			[]string{"Change satisfaction_score offered>bad", "SatisfactionRating"},
			"ticket.csat_received",
		},
		{
			"delete", func(at time.Time) error { return w.SoftDelete(at, id, w.agent) },
			[]string{"Change status open>deleted"},
			"ticket.soft_deleted",
		},
		{
			"restore", func(at time.Time) error { return w.Restore(at, id, w.admin) },
			[]string{"Change status deleted>open"},
			"ticket.undeleted",
		},
	} {
		at := testStart.Add(time.Duration(i+1) * time.Minute)
		if err := c.do(at); err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		if got := lastAudit(t, w.Account, id); !reflect.DeepEqual(got, c.audit) {
			t.Errorf("%s: audit %q, want %q", c.what, got, c.audit)
		}
		if got := types(w.TakeWebhooks()); got != c.events {
			t.Errorf("%s: webhooks %s, want %s", c.what, got, c.events)
		}
		if x, _ := w.Ticket(id); !x.UpdatedAt.Equal(at) || x.GeneratedTimestamp != at.Unix() {
			t.Errorf("%s: updated %s, generated %d", c.what, x.UpdatedAt, x.GeneratedTimestamp)
		}
	}
	if n := len(w.Ratings()); n != 1 {
		t.Errorf("%d ratings, want one that changed", n)
	}
	if err := w.AppendRating(testStart.Add(time.Hour), id, "good", ""); err != nil || len(w.Ratings()) != 2 {
		t.Errorf("appended rating: %v, %d ratings", err, len(w.Ratings()))
	}
}

func TestWhatIsNotAllowedIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	id, gone, shut := w.ticket(t, testStart, "one"), w.ticket(t, testStart, "two"), w.ticket(t, testStart, "three")
	if err := errors.Join(w.SoftDelete(testStart, gone, w.agent), w.SetStatus(testStart, shut, System, "closed")); err != nil {
		t.Fatal(err)
	}
	_, noUser := w.CreateTicket(testStart, NewTicket{Requester: 5})
	_, noGroup := w.CreateTicket(testStart, NewTicket{Requester: w.customer, Group: 5})
	_, noRole := w.CreateUser(testStart, NewUser{Role: "boss"})
	for what, c := range map[string]struct{ got, want error }{
		"unknown ticket":   {w.SetStatus(testStart, 99, w.agent, "open"), ErrNotFound},
		"unknown status":   {w.SetStatus(testStart, id, w.agent, "on-hold"), ErrInvalid},
		"unknown priority": {w.SetPriority(testStart, id, w.agent, "huge"), ErrInvalid},
		"unknown score":    {w.Rate(testStart, id, "fine", ""), ErrInvalid},
		"deleted":          {w.Comment(testStart, gone, w.agent, "x", true), ErrDeleted},
		"closed":           {w.Comment(testStart, shut, w.agent, "x", true), ErrClosed},
		"unknown actor":    {w.SetStatus(testStart, id, 5, "open"), ErrNotFound},
		"unknown user":     {noUser, ErrNotFound},
		"unknown group":    {noGroup, ErrNotFound},
		"unknown role":     {noRole, ErrInvalid},
		"merge with self":  {w.MergeUsers(testStart, w.customer, w.customer), ErrInvalid},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v, want %v", what, c.got, c.want)
		}
	}
	if err := w.SetTags(testStart, shut, w.agent, "late"); err != nil {
		t.Errorf("tags of a closed ticket: %v", err)
	}
}

func TestPermanentDeletionLeavesAScrubbedRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	id := w.ticket(t, testStart.Add(-time.Hour), "secret")
	if err := w.DeletePermanently(testStart.Add(-30*time.Minute), id, w.admin); err != nil {
		t.Fatal(err)
	}
	_, _, body := w.get(t, "/api/v2/incremental/tickets/cursor?start_time=0")
	row := rows(body, "tickets")[0]
	if row["subject"] != "SCRUBBED" || row["description"] != "X" || row["status"] != "deleted" || row["satisfaction_rating"] != nil {
		t.Errorf("row %v", row)
	}
	_, _, body = w.get(t, "/api/v2/incremental/ticket_events?start_time=0&include=comment_events")
	if n := len(rows(body, "ticket_events")); n != 0 {
		t.Errorf("%d ticket events are left", n)
	}
	for _, path := range []string{"", "/audits", "/comments"} {
		if status, _, _ := w.get(t, fmt.Sprintf("/api/v2/tickets/%d%s", id, path)); status != 404 {
			t.Errorf("ticket%s: %d, want 404", path, status)
		}
	}
	_, _, body = w.get(t, "/api/v2/incremental/tickets/cursor?start_time=0&exclude_deleted=true")
	if n := len(rows(body, "tickets")); n != 0 {
		t.Errorf("%d tickets with exclude_deleted", n)
	}
}

func TestAIAgentTicketsNeedTheirScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	if _, err := w.CreateTicket(testStart.Add(-time.Hour), NewTicket{Requester: w.customer, Body: "x", AIAgent: true}); err != nil {
		t.Fatal(err)
	}
	w.ticket(t, testStart.Add(-time.Hour), "human")
	for scope, want := range map[string]int{"": 1, "agent": 1, "ai_agent": 1, "all": 2} {
		_, _, body := w.get(t, "/api/v2/incremental/tickets/cursor?start_time=0&support_type_scope="+scope)
		if n := len(rows(body, "tickets")); n != want {
			t.Errorf("scope %q: %d tickets, want %d", scope, n, want)
		}
	}
}

func TestRedactionReachesEveryPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	made, err := w.CreateTicket(testStart.Add(-time.Hour), NewTicket{Requester: w.customer, Body: "card 4111111111111111"})
	if err != nil {
		t.Fatal(err)
	}
	id := made.ID
	audits, _ := w.Audits(id)
	before := audits[0].Events[0].Comment
	if err := w.Redact(testStart.Add(-50*time.Minute), id, w.admin, before.ID); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(before.Body, "4111") {
		t.Error("a copy taken before was changed")
	}
	x, _ := w.Ticket(id)
	data, _ := json.Marshal(w.TicketEvents())
	if strings.Contains(string(data), "4111") || strings.Contains(x.Description, "4111") {
		t.Errorf("still there: %s", x.Description)
	}
	if got := lastAudit(t, w.Account, id); !reflect.DeepEqual(got, []string{"CommentRedactionEvent"}) {
		t.Errorf("audit %q", got)
	}
	if err := w.Redact(testStart, id, w.admin, 1); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown comment: %v", err)
	}
}

func TestMergesMoveWhatBelongs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	other, err := w.CreateUser(testStart, NewUser{Name: "Cid again", Email: "cid2@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	id, second := w.ticket(t, testStart, "one"), w.ticket(t, testStart, "two")
	w.TakeWebhooks()
	if err := w.MergeTickets(testStart.Add(time.Minute), w.agent, second, id); err != nil {
		t.Fatal(err)
	}
	x, _ := w.Ticket(second)
	if x.Status != "closed" || !reflect.DeepEqual(x.Tags, []string{"closed_by_merge"}) {
		t.Errorf("source %s %v", x.Status, x.Tags)
	}
	want := "ticket.comment_added ticket.status_changed ticket.tags_changed ticket.merged ticket.comment_added"
	if got := types(w.TakeWebhooks()); got != want {
		t.Errorf("webhooks %s, want %s", got, want)
	}
	audits, _ := w.Audits(id)
	n := len(audits)
	if err := w.MergeUsers(testStart.Add(2*time.Minute), w.customer, other.ID); err != nil {
		t.Fatal(err)
	}
	x, _ = w.Ticket(id)
	audits, _ = w.Audits(id)
	if x.RequesterID != other.ID || len(audits) != n || x.GeneratedTimestamp <= x.UpdatedAt.Unix() {
		t.Errorf("ticket of the loser: requester %d, %d audits, generated %d, updated %s", x.RequesterID, len(audits), x.GeneratedTimestamp, x.UpdatedAt)
	}
	loser, _ := w.User(w.customer)
	if loser.Active || len(w.Identities(w.customer)) != 0 || len(w.Identities(other.ID)) != 3 {
		t.Errorf("loser active %v, identities %v", loser.Active, w.Identities(other.ID))
	}
	primary := 0
	for _, i := range w.Identities(other.ID) {
		if i.Primary {
			primary++
		}
	}
	if primary != 2 {
		t.Errorf("%d primary identities, want one of each type", primary)
	}
	if got := types(w.TakeWebhooks()); got != "user.merged" {
		t.Errorf("webhooks %s", got)
	}
}

func TestSLABreachIsWithdrawnByALaxerPriority(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{IncrementalPerMinute: -1})
	w.SetSLA(map[string]int64{"urgent": 10, "low": 600})
	at := testStart.Add(-time.Hour)
	made, err := w.CreateTicket(at, NewTicket{Requester: w.customer, Body: "x", Priority: "urgent"})
	if err != nil {
		t.Fatal(err)
	}
	kinds := func(path string) string {
		_, _, body := w.get(t, path)
		var out []string
		for _, e := range rows(body, "ticket_metric_events") {
			out = append(out, fmt.Sprint(e["type"], e["deleted"]))
		}
		return strings.Join(out, " ")
	}
	all := "/api/v2/incremental/ticket_metric_events?start_time=0"
	if got := kinds(all); got != "activate<nil> apply_sla<nil> breachfalse" {
		t.Errorf("events %s", got)
	}
	if err := w.SetPriority(testStart.Add(-20*time.Minute), made.ID, w.agent, "low"); err != nil {
		t.Fatal(err)
	}
	if err := w.Comment(testStart.Add(-10*time.Minute), made.ID, w.agent, "Hi", true); err != nil {
		t.Fatal(err)
	}
	if got := kinds(all); got != "activate<nil> apply_sla<nil> breachtrue apply_sla<nil> fulfill<nil>" {
		t.Errorf("events %s", got)
	}
	late := fmt.Sprintf("%s&include_changes=true", strings.Replace(all, "start_time=0", fmt.Sprint("start_time=", testStart.Add(-20*time.Minute).Unix()), 1))
	if got := kinds(late); got != "breachtrue apply_sla<nil> fulfill<nil>" {
		t.Errorf("changes %s", got)
	}
}

func TestMetricSetsFollowTheAudits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	// Monday 2026-03-02, 09:00 to 17:00 in London, which is UTC then.
	w.CreateSchedule(testStart.Add(-time.Hour), "Day", "London", weekdays(9*60, 17*60))
	at := testStart.Add(-30 * time.Minute)
	id := w.ticket(t, at, "one")
	w.clock.Add(5 * time.Hour)
	steps := []error{
		w.Assign(at.Add(20*time.Minute), id, w.agent, w.agent, 0),
		w.Comment(at.Add(90*time.Minute), id, w.agent, "Hi", true),
		w.SetStatus(at.Add(2*time.Hour), id, w.agent, "solved"),
		w.Comment(at.Add(3*time.Hour), id, w.customer, "No", true),
		w.SetStatus(at.Add(4*time.Hour), id, w.agent, "solved"),
	}
	if err := errors.Join(steps...); err != nil {
		t.Fatal(err)
	}
	_, _, body := w.get(t, "/api/v2/incremental/tickets/cursor?start_time=0&include=metric_sets,users")
	m, _ := rows(body, "tickets")[0]["metric_set"].(map[string]any)
	for key, want := range map[string]any{
		"reopens": 1.0, "replies": 1.0, "assignee_stations": 1.0,
		"reply_time_in_minutes":            map[string]any{"calendar": 90.0, "business": 60.0},
		"first_resolution_time_in_minutes": map[string]any{"calendar": 120.0, "business": 90.0},
		"full_resolution_time_in_minutes":  map[string]any{"calendar": 240.0, "business": 210.0},
		"requester_wait_time_in_minutes":   map[string]any{"calendar": 180.0, "business": 150.0},
		"solved_at":                        stamp(at.Add(4 * time.Hour)),
	} {
		if !reflect.DeepEqual(m[key], want) {
			t.Errorf("%s: %v, want %v", key, m[key], want)
		}
	}
	if n := len(rows(body, "users")); n != 2 {
		t.Errorf("%d users sideloaded, want requester and assignee", n)
	}
}

func TestWebhooksHaveTheKeysOfRecordedOnes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	w.TakeWebhooks()
	w.ticket(t, testStart, "one")
	if err := w.DeleteUser(testStart, w.customer); err != nil {
		t.Fatal(err)
	}
	byType := map[string]map[string]any{}
	for _, h := range w.TakeWebhooks() {
		var e map[string]any
		if err := json.Unmarshal(h.Body, &e); err != nil || h.Body[len(h.Body)-1] != '\n' {
			t.Fatalf("%s: %v", h.Body, err)
		}
		byType[h.Type] = e
	}
	for _, file := range []string{"ticket_created.docs.json", "user_deleted.recorded.body"} {
		data, err := os.ReadFile(shared(t, "zendesk", "webhooks", file))
		if err != nil {
			t.Fatal(err)
		}
		var want map[string]any
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatal(err)
		}
		sameTypes(t, file, want, byType[want["type"].(string)])
	}
}

func TestUnknownAuditEventsAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	id := w.ticket(t, testStart.Add(-time.Hour), "one")
	raw := []byte(`{"subject":"x"}`)
	if err := w.AddAuditEvent(testStart.Add(-50*time.Minute), id, w.agent, "Notification", raw); err != nil {
		t.Fatal(err)
	}
	_, _, body := w.get(t, fmt.Sprintf("/api/v2/tickets/%d/audits", id))
	list := rows(body, "audits")
	if got := first(list[1]["events"]); got["type"] != "Notification" || got["subject"] != "x" || got["id"] == nil {
		t.Errorf("event %v", got)
	}
	last := w.TicketEvents()[1].ChildEvents[0]
	if last["event_type"] != "Notification" || last["subject"] != "x" {
		t.Errorf("child %v", last)
	}
	if err := w.AddAuditEvent(testStart, id, w.agent, "X", []byte("{")); !errors.Is(err, ErrInvalid) {
		t.Errorf("broken JSON: %v", err)
	}
}
