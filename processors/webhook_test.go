package processors

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"deskstream/schemas"
)

// TestProvisional: a webhook shows at once, the audit confirms it without a second activity, and what history does not confirm is withdrawn.
func TestProvisional(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.people()
	s.record("02T09:00", "new", "")
	s.audit("02T09:00", 9, said(1, 9, true, "hi"), created("status", `"new"`))
	s.hook("status_changed", "02T10:00", `{"previous":"NEW","current":"SOLVED"}`, "")
	s.hook("comment_added", "02T10:00", `{"comment":{"id":"2","body":"by hook","is_public":true,"author":{"id":"1"}}}`, "")
	s.hook("agent_assignment_changed", "02T11:00", `{"previous":null,"current":"2"}`, "")
	s.wantRow(map[string]any{"provisional": 1, "status": "solved", "solves": 1, "replies": 1, "assignee_id": 2, "full_resolution_s": 3600})
	before := activityIDs(s.store)
	emitted := len(s.sent)

	s.audit("02T10:00", 1, said(2, 1, true, "by hook"), changed("status", `"new"`, `"solved"`))
	s.wantRow(map[string]any{"provisional": 1, "solves": 1, "replies": 1})
	if len(s.sent) != emitted {
		t.Errorf("the audit that confirms a webhook emitted %d activities", len(s.sent)-emitted)
	}
	s.want("via", activityOf(s, "ticket-solved")["via"], "webhook")

	s.audit("02T12:00", 1, changed("status", `"solved"`, `"open"`)) // history has caught up, and knows nothing of the assignment
	s.wantRow(map[string]any{"provisional": 0, "assignee_id": 0, "assignee_stations": 0, "status": "open", "reopens": 1})
	after := activityIDs(s.store)
	for id, row := range before {
		if gone := after[id] == nil; gone != (row["activity"] == "ticket-assigned") {
			t.Errorf("%v: gone %v", row["activity"], gone)
		}
	}
	// The withdrawn fact turns out to be true after all.
	s.audit("02T11:00", 1, changed("assignee_id", "null", `"2"`))
	s.wantRow(map[string]any{"assignee_id": 2, "assignee_stations": 1})
	if activityOf(s, "ticket-assigned") == nil {
		t.Error("the assignment is not there")
	}
	if n := s.tables[schemas.TablePersonActivities]["person_activities|example|9|ticket-assigned"]["count"]; n != float64(1) {
		t.Errorf("%v assignments counted", n)
	}
	// A late webhook of a moment that history covers says nothing.
	n := s.outputs
	s.hook("priority_changed", "02T11:30", `{"previous":null,"current":"URGENT"}`, "")
	if s.outputs != n {
		t.Error("a webhook older than the history changed something")
	}
}

func activityOf(s *scene, slug string) map[string]any {
	for _, r := range s.tables[schemas.TableActivities] {
		if r["activity"] == slug {
			return r
		}
	}
	return nil
}

// TestWebhookTypes plays each type of webhook on a ticket whose history is known.
func TestWebhookTypes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, event, detail string
		row                 map[string]any
		activity            string
		attributes          string
	}{
		{"status_changed", `{"previous":"OPEN","current":"PENDING"}`, "", map[string]any{"status": "pending"}, "ticket-status-changed", `{"previous-status":"open"}`},
		{"status_changed", `{"previous":"OPEN","current":"HOLD"}`, "", map[string]any{"status": "hold"}, "ticket-status-changed", ""},
		{"status_changed", `{"previous":"OPEN","current":"CLOSED"}`, "", map[string]any{"status": "closed", "solves": 1}, "ticket-closed", `{"previous-status":"open","resolution-minutes":60,"reopens":0}`},
		{"status_changed", `{"previous":"CLOSED","current":"ARCHIVED"}`, "", map[string]any{"status": "open"}, "", ""},
		{"status_changed", `{"previous":"NEW","current":"OPEN"}`, "", map[string]any{"status": "open", "provisional": 0}, "", ""},
		{"agent_assignment_changed", `{"previous":"1","current":"2"}`, "", map[string]any{"assignee_id": 2, "reassignments": 1}, "ticket-assigned", `{"previous-assignee-id":"1"}`},
		{"agent_assignment_changed", `{"previous":"1","current":null}`, "", map[string]any{"assignee_id": 0}, "ticket-updated", `{"changed-fields":["assignee-id"]}`},
		{"agent_assignment_changed", `{"previous":"1","current":"0"}`, "", map[string]any{"assignee_id": 0}, "ticket-updated", ""},
		{"group_assignment_changed", `{"previous":null,"current":"7"}`, "", map[string]any{"group_id": 7}, "ticket-group-changed", `{}`},
		{
			"comment_added", `{"comment":{"id":"2","body":"text","is_public":true,"author":{"id":"9","is_staff":false}}}`, "", nil,
			"ticket-message-received", `{"message-id":"2","author-id":"9","author-role":"end_user"}`,
		},
		{"comment_added", `{"comment":{"id":"2","body":{"body":"text"},"is_public":true,"author":{"id":"1","is_staff":true}}}`, "", map[string]any{"replies": 1}, "ticket-message-sent", ""},
		{"comment_added", `{"comment":{"id":"2","body":"text","is_public":false,"author":{"id":"1"}}}`, "", map[string]any{"replies": 0}, "ticket-note-added", ""},
		{"comment_made_private", `{"comment":{"id":"1"}}`, "", nil, "ticket-note-added", ""},
		{"comment_redacted", `{"comment":{"id":"1"}}`, "", nil, "ticket-message-redacted", `{"message-id":"1"}`},
		{"tags_changed", `{"tags_added":["b"],"tags_removed":["a"]}`, `,"tags":["b"]`, map[string]any{"tags": []string{"b"}}, "ticket-tagged", `{"tags-added":["b"],"tagged-by":"1"}`},
		{"tags_changed", `{}`, "", map[string]any{"tags": []string{}}, "ticket-untagged", `{"tags-removed":["a"],"tagged-by":"1"}`},
		{"priority_changed", `{"previous":null,"current":"URGENT"}`, "", map[string]any{"priority": "urgent"}, "ticket-priority-changed", `{"previous-priority":""}`},
		{"subject_changed", `{"previous":"Help","current":"New \"title\""}`, "", map[string]any{
			"subject":        `New "title"`,
			"subject_tokens": "new title",
		}, "ticket-subject-changed", `{"previous-subject":"Help"}`},
		{"type_changed", `{"previous":null,"current":"TASK"}`, "", map[string]any{"type": "task"}, "ticket-updated", `{"changed-fields":["type"]}`},
		{"requester_changed", `{"previous":"9","current":"8"}`, "", map[string]any{"requester_id": 8}, "ticket-updated", `{"changed-fields":["requester-id"]}`},
		{"organization_changed", `{"previous":"0","current":"70"}`, "", map[string]any{"organization_id": 70}, "ticket-updated", `{"changed-fields":["organization-id"]}`},
		{"brand_changed", `{"previous":"","current":"60"}`, "", map[string]any{"brand_id": 60}, "ticket-updated", `{"changed-fields":["brand-id"]}`},
		{"form_changed", `{"previous":"","current":"61"}`, "", map[string]any{"form_id": 61}, "ticket-updated", `{"changed-fields":["form-id"]}`},
		{"soft_deleted", `{}`, `,"status":"DELETED"`, map[string]any{"status": "deleted", "deleted": 1}, "ticket-deleted", `{"previous-status":"open"}`},
		{"permanently_deleted", `{}`, `,"status":"SCRUBBED"`, map[string]any{"deleted": 1, "subject": ""}, "ticket-deleted", ""},
		{"marked_as_spam", `{}`, "", map[string]any{"status": "open"}, "ticket-marked-as-spam", `{}`},
		{"merged", `{"target_ticket_id":"35"}`, "", map[string]any{"merged": 1, "merged_into": 35}, "ticket-merged", `{"into-ticket-id":"35"}`},
		{"merged", `{"ticket":{"id":"36"}}`, "", map[string]any{"merged": 1, "merged_into": 36}, "ticket-merged", ""},
		{"csat_received", `{"satisfaction_score":{"score":"GOOD"}}`, "", map[string]any{"csat": "", "provisional": 0}, "", ""},
		{"csat_requested", `null`, "", map[string]any{"csat": ""}, "", ""},
	} {
		t.Run(c.name+" "+c.activity, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.people()
			s.record("02T09:00", "open", `,"assignee_id":1,"tags":["a"]`)
			s.audit("02T09:00", 9, said(1, 9, true, "hi"), created("status", `"open"`), created("assignee_id", `"1"`), created("tags", `["a"]`), created("subject", `"Help"`))
			before := activityIDs(s.store)
			s.hook(c.name, "02T10:00", c.event, c.detail)
			if len(s.dead) > 0 {
				t.Fatal(s.dead[0].Reason)
			}
			s.wantRow(c.row)
			var news []string
			found := false
			for id, r := range activityIDs(s.store) {
				if before[id] != nil {
					continue
				}
				news = append(news, fmt.Sprint(r["activity"], " ", r["attributes"]))
				if r["activity"] == c.activity {
					found = true
					if c.attributes != "" {
						s.want("attributes", r["attributes"], c.attributes)
					}
				}
			}
			if c.activity == "" && len(news) > 0 || c.activity != "" && !found {
				t.Errorf("activities %q, want %q", news, c.activity)
			}
		})
	}
}

// TestWebhookAlone: without record and history a webhook's detail is enough for a ticket.
func TestWebhookAlone(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.people()
	s.hook("created", "02T09:00", `{"meta":{"sequence":{"id":"S"}}}`, `,"priority":"HIGH","description":"hi","via":{"channel":"web_service"}`)
	s.hook("comment_added", "02T09:00", `{"comment":{"id":"1","body":"hi","is_public":true,"author":{"id":"9"}},`+
		`"meta":{"sequence":{"id":"S"}}}`, `,"priority":"HIGH","description":"hi","via":{"channel":"web_service"}`)
	s.wantRow(map[string]any{"status": "open", "priority": "high", "channel": "web_service", "requester_id": 9, "history_full": 0, "provisional": 1, "created_at": "2026-03-02T09:00:00Z"})
	s.want("activities", s.slugs(), "02T09:00 ticket-created\n02T09:00 ticket-message-received")
	s.hook("undeleted", "02T10:00", `{}`, "")
	s.say(schemas.KindWebhook, `{"type":"zen:event-type/ticket/status_changed","id":"x","time":"2026-03-02T11:00:00.123456789Z",`+
		`"subject":"zen:ticket:5","detail":null,"event":{"current":"SOLVED","previous":"OPEN"}}`)
	s.wantRow(map[string]any{"status": "solved", "solves": 1})
	s.record("02T09:00", "open", `,"organization_id":70`)
	s.wantRow(map[string]any{"status": "solved", "organization_id": 70})
}

func TestIgnored(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, body := range []string{
		`{"type":"zen:event-type:article.published","id":"1","time":"2026-03-02T11:00:00Z","subject":"zen:article:5","detail":{},"event":{}}`,
		`{"type":"zen:event-type:ticket.sla_policy_changed","id":"2","time":"2026-03-02T11:00:00Z","subject":"zen:ticket:5","detail":{"id":"5"},"event":{}}`,
		`{"type":"zen:event-type:user.password_changed","id":"3","time":"2026-03-02T11:00:00Z","subject":"zen:user:5","detail":{"id":"5"},"event":{}}`,
	} {
		s.say(schemas.KindWebhook, body)
	}
	s.say(schemas.KindTrigger, `{"ticket_id":"5"}`)
	s.say(schemas.KindTrigger, `<ticket><id>5</id></ticket>`)
	s.say(schemas.KindTrigger, `ticket_id=5&status=open`)
	s.say(schemas.KindTrigger, `Ticket #5 was solved`)
	s.play()
	s.want("ignored", s.ignored, 7)
	s.want("dead", len(s.dead), 0)
	s.want("state", len(s.state), 1)
}

func TestTriggersThatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, body := range []string{
		`{"ticket_id":"5","title":"broken "quote"}`, `{"type":"zen:event-type:ticket.created",`, `[1,2,3]`, `"5"`, "", "\xff\xfe",
		strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65),
	} {
		s.add(schemas.KindTrigger, "webhook", s.now, []byte(body))
	}
	s.play()
	s.want("dead", len(s.dead), 7)
	s.want("ignored", s.ignored, 0)
}

func TestR53_Disconnected(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, status := range []schemas.SourceStatus{schemas.SourceDisconnected, schemas.SourceArchived} {
		s.now = s.now.Add(1e9)
		s.connect(s.now, func(set *schemas.Settings) { set.Status = status })
		s.play()
		s.record("02T09:00", "open", "")
	}
	s.want("ignored", s.ignored, 2)
	s.want("rows", s.outputs, 0)
	s.now = s.now.Add(1e9)
	s.connect(s.now)
	s.play()
	s.record("02T09:00", "open", "")
	s.wantRow(map[string]any{"status": "open"})
}

// TestSettingsOfClocksApart: of the settings of a source those hold that came last in the stream, whatever the clocks of who wrote them say, and older
// ones that come again change nothing.
func TestSettingsOfClocksApart(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.people()
	s.connect(s.now.Add(10*time.Minute), func(set *schemas.Settings) { set.Status = schemas.SourceDisconnected })
	s.play()
	s.record("02T09:00", "open", "")
	s.want("ignored", s.ignored, 1)
	s.connect(s.now.Add(time.Second))
	s.play()
	s.record("02T09:00", "open", "")
	s.wantRow(map[string]any{"status": "open"})
	s.batches(t, s.events, 1)
	s.record("02T09:01", "pending", "")
	s.wantRow(map[string]any{"status": "pending"})
}

// TestR41_R53_PausesAreNotCounted: what happened while the source was disconnected is merged once a reconnect has read it, but is no part of what
// the overview counts; it stays so when it changes or goes.
func TestR41_R53_PausesAreNotCounted(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.people()
	from, until := mustTime(t, "2026-03-02T10:00:00Z"), mustTime(t, "2026-03-02T12:00:00Z")
	s.now = until
	s.connect(s.now, func(set *schemas.Settings) { set.Pauses = []schemas.Pause{{From: from, Until: &until}} })
	s.play()
	counts := func() string {
		var out []string
		for _, row := range s.tables[schemas.TableActivityCounts] {
			if slug := row["activity"].(string); strings.HasPrefix(slug, "ticket-message") || slug == "ticket-tagged" {
				out = append(out, fmt.Sprint(row["at"].(string)[11:16], " ", slug, " ", row["count"], " ", row["connected"]))
			}
		}
		return strings.Join(sorted(out), ", ")
	}
	s.record("02T09:00", "new", "")
	s.audit("02T09:00", 9, created("status", `"new"`), said(1, 9, true, "hello"))
	s.audit("02T09:59", 9, said(2, 9, true, "before"))
	s.audit("02T10:00", 9, said(3, 9, true, "in it"))
	s.audit("02T11:59", 9, said(4, 9, true, "in it too"))
	s.audit("02T12:00", 9, said(5, 9, true, "behind it"))
	s.want("after the reconnect", counts(), "09:00 ticket-message-received 1 1, 09:45 ticket-message-received 1 1, 10:00 ticket-message-received 1 0, 11:45 ticket-message-received 1 0, "+
		"12:00 ticket-message-received 1 1")
	s.connect(s.now.Add(time.Second)) // forgotten pauses change nothing of what was counted
	s.play()
	s.record("02T12:30", "open", `,"requester_id":9,"priority":"high"`)
	s.want("as it changes", counts(), "09:00 ticket-message-received 1 1, 09:45 ticket-message-received 1 1, 10:00 ticket-message-received 1 0, 11:45 ticket-message-received 1 0, "+
		"12:00 ticket-message-received 1 1")
}

// TestPausesCountFromTheirPlace: what was told before a disconnect is no part of the pause, and what was told after the reconnect is, though clocks say
// otherwise of the first, wherever batches are cut.
func TestPausesCountFromTheirPlace(t *testing.T) {
	t.Parallel()
	from, until := mustTime(t, "2026-03-02T10:00:00Z"), mustTime(t, "2026-03-02T12:00:00Z")
	_, events := recorded(t, func(s *scene) {
		s.people()
		s.record("02T09:00", "new", "")
		s.audit("02T09:00", 9, created("status", `"new"`), said(1, 9, true, "hello"))
		s.audit("02T10:00", 9, said(2, 9, true, "told before"))
		s.audit("02T10:20", 7, said(3, 7, true, "told before its author"))
		s.user(7, 1, `,"name":"Late"`)
		s.user(9, 2, `,"name":"Other"`)
		s.user(9, 3, `,"name":"Another"`)
		s.connect(from, func(set *schemas.Settings) {
			set.Status, set.Pauses = schemas.SourceDisconnected, []schemas.Pause{{From: from}}
		})
		s.play()
		s.connect(until, func(set *schemas.Settings) { set.Pauses = []schemas.Pause{{From: from, Until: &until}} })
		s.play()
		s.audit("02T11:00", 9, said(4, 9, true, "told behind"))
	})
	for size := 1; size <= len(events); size++ {
		cut := &scene{t: t, store: newStore()}
		cut.batches(t, events, size)
		var out []string
		for _, row := range cut.tables[schemas.TableActivityCounts] {
			if row["activity"] == "ticket-message-received" || row["activity"] == "contact-updated" {
				out = append(out, fmt.Sprint(row["at"].(string)[11:16], " ", row["count"], " ", row["connected"]))
			}
		}
		cut.want(fmt.Sprint("batches of ", size), strings.Join(sorted(out), ", "), "00:00 1 1, 00:00 1 1, 09:00 1 1, 10:00 1 1, 10:15 1 1, 11:00 1 0")
	}
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind  schemas.Kind
		body  string
		class string
	}{
		{schemas.KindTicket, ``, "parse"},
		{schemas.KindTicket, `nonsense`, "parse"},
		{schemas.KindTicket, `null`, "parse"},
		{schemas.KindTicket, `[]`, "parse"},
		{schemas.KindTicket, `{"id":5,"subject":"jo@x.test","created_at":`, "parse"},
		{schemas.KindTicket, `{"id":5,"created_at":"2026-03-02T09:00:00Z"`, "parse"},
		{schemas.KindTicket, `{"id":5}`, "invalid"},
		{schemas.KindTicket, `{"id":null,"created_at":"2026-03-02T09:00:00Z"}`, "invalid"},
		{schemas.KindTicket, `{"id":-5,"created_at":"2026-03-02T09:00:00Z"}`, "invalid"},
		{schemas.KindTicket, `{"id":5,"created_at":"2226-03-02T09:00:00Z"}`, "invalid"},
		{schemas.KindTicket, `{"id":5,"created_at":"1026-03-02T09:00:00Z"}`, "invalid"},
		{schemas.KindTicket, `{"id":5,"created_at":"jo@x.test"}`, "invalid"},
		{schemas.KindTicket, `{"id":5,"tags":7,"created_at":"2026-03-02T09:00:00Z"}`, "invalid"},
		{schemas.KindAudit, `{"id":5}`, "invalid"},
		{schemas.KindAudit, `{"id":5,"ticket_id":6}`, "invalid"},
		{schemas.KindAudit, `{"id":5,"ticket_id":6,"created_at":"2226-03-02T09:00:00Z"}`, "invalid"},
		{schemas.KindAudit, `{"id":5,"ticket_id":6,"created_at":"2026-03-02T09:00:00Z","events":[7]}`, "invalid"},
		{schemas.KindAudit, `{"id":5,"ticket_id":6,"created_at":"2026-03-02T09:00:00Z","events":[`, "parse"},
		{schemas.KindRating, `{"id":5,"ticket_id":6,"score":"good"}`, "invalid"},
		{schemas.KindMetricEvent, `{"id":5,"ticket_id":6}`, "invalid"},
		{schemas.KindUser, `{"id":null,"name":"Anonymous user"}`, "invalid"},
		{schemas.KindUser, `{"id":5,"name":"jo"}`, "invalid"},
		{schemas.KindUser, `{"id":5,"name":{},"created_at":"2026-03-02T09:00:00Z"}`, "invalid"},
		{schemas.KindOrganization, `{"id":5}`, "invalid"},
		{schemas.KindSchedule, `{"id":5}`, "invalid"},
		{schemas.KindGroup, `{"id":0}`, "invalid"},
		{schemas.KindWebhook, `{`, "parse"},
		{schemas.KindWebhook, `{}`, "invalid"},
		{schemas.KindWebhook, `{"type":"zen:event-type:ticket.created","subject":"zen:ticket:x","time":"2026-03-02T09:00:00Z"}`, "invalid"},
		{schemas.KindWebhook, `{"type":"zen:event-type:ticket.created","subject":"zen:ticket:5"}`, "invalid"},
		{schemas.KindWebhook, `{"type":"zen:event-type:ticket.created","subject":"zen:ticket:5","time":"2026-03-02T09:00:00Z","detail":{"id":"x"}}`, "invalid"},
		{schemas.KindWebhook, `{"type":"zen:event-type:user.created","subject":"zen:user:","time":"2026-03-02T09:00:00Z"}`, "invalid"},
		{schemas.KindWebhook, `{"type":"zen:event-type:user.created","subject":"zen:user:5"}`, "invalid"},
		{schemas.KindWebhook, `{"type":"zen:event-type:organization.created","subject":"zen:organization:5"}`, "invalid"},
		{schemas.KindWebhook, `{"type":"zen:event-type:ticket.created","subject":null,"time":"2026-03-02T09:00:00Z","detail":{"id":"5"}}`, "invalid"},
		{schemas.KindWebhook, `{"type":"zen:event-type:ticket.created","subject":"zen:ticket:5","time":"2026-03-02T09:00:00Z","detail":{"id":"5","status":"BLURB"}}`, "invalid"},
		{schemas.KindWebhook, `{"type":"zen:event-type:ticket.status_changed","subject":"zen:ticket:5","time":"2026-03-02T09:00:00Z","event":{"current":5}}`, "invalid"},
		{schemas.KindWebhook, `{"type":"zen:event-type:ticket.status_changed","subject":"zen:ticket:5","time":"2026-03-02T09:00:00Z","event":{"current":"OPEN","previous":"BLURB"}}`, "invalid"},
		{schemas.KindTrigger, `{"hello":"world"}`, "invalid"},
		{schemas.KindTrigger, `the ticket printer burns`, "invalid"},
		{schemas.KindTrigger, `<order><id>7</id></order>`, "invalid"},
		{schemas.KindSource, `{`, "parse"},
		{"strange", `{"id":5}`, "invalid"},
	} {
		s := newScene(t)
		// In one batch with a good event before and behind: they are not affected.
		s.add(schemas.KindGroup, "poll", s.now, []byte(`{"id":1,"name":"A","updated_at":"2026-03-02T09:00:00Z"}`))
		s.add(c.kind, "poll", s.now, []byte(c.body))
		s.add(schemas.KindGroup, "poll", s.now, []byte(`{"id":2,"name":"B","updated_at":"2026-03-02T09:00:00Z"}`))
		s.run(t, s.out)
		if len(s.dead) != 1 || s.dead[0].Class != c.class || string(s.dead[0].Event.Data) != c.body {
			t.Errorf("%s %s: dead letters %+v, want one of class %s", c.kind, c.body, s.dead, c.class)
			continue
		}
		if strings.Contains(s.dead[0].Reason, "x.test") || s.dead[0].Reason == "" {
			t.Errorf("%s: reason %q", c.body, s.dead[0].Reason)
		}
		if len(s.tables[schemas.TableNames]) != 2 {
			t.Errorf("%s: the other events of the batch were lost", c.body)
		}
	}
	s := newStore()
	s.run(t, []schemas.Event{{Kind: schemas.KindTicket, Data: []byte(`{"id":5}`)}})
	if len(s.dead) != 1 || s.dead[0].Class != "invalid" {
		t.Errorf("an event without an account: %+v", s.dead)
	}
}

// TestRecordedPayloads feeds what Zendesk really sent (and what its documentation shows) through the processor: nothing of it is refused.
func TestRecordedPayloads(t *testing.T) {
	t.Parallel()
	dir := shared(t, "zendesk")
	s := newScene(t)
	hooks, err := filepath.Glob(filepath.Join(dir, "webhooks", "user_*"))
	if err != nil || len(hooks) == 0 {
		t.Fatalf("no recorded webhooks (%v)", err)
	}
	for _, file := range append(hooks, filepath.Join(dir, "webhooks", "ticket_created.docs.json")) {
		s.say(schemas.KindWebhook, string(readFile(t, file)))
	}
	kinds := map[string]schemas.Kind{
		"tickets": schemas.KindTicket, "users": schemas.KindUser, "organizations": schemas.KindOrganization, "audits": schemas.KindAudit,
		"satisfaction_ratings": schemas.KindRating, "ticket_metric_events": schemas.KindMetricEvent, "groups": schemas.KindGroup,
		"brands": schemas.KindBrand, "custom_statuses": schemas.KindCustomStatus, "ticket_fields": schemas.KindTicketField, "ticket_events": schemas.KindAudit, "deleted_users": schemas.KindUser,
	}
	counts := map[schemas.Kind]int{}
	files, err := filepath.Glob(filepath.Join(dir, "api", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob(filepath.Join(dir, "api", "*", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, more...) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for key, raw := range lists(b) {
			if kind, ok := kinds[key]; ok {
				for _, r := range raw {
					counts[kind]++
					s.add(kind, "poll", s.now, r)
				}
			}
		}
	}
	s.play()
	for _, kind := range []schemas.Kind{schemas.KindTicket, schemas.KindUser, schemas.KindAudit, schemas.KindRating, schemas.KindMetricEvent} {
		if counts[kind] == 0 {
			t.Errorf("no %s among the recordings", kind)
		}
	}
	for _, d := range s.dead {
		t.Errorf("%s: %s: %.200s", d.Event.Kind, d.Reason, d.Event.Data)
	}
	for _, row := range s.tables[schemas.TableTickets] {
		if row["status"] == "deleted" && row["subject"] == "SCRUBBED" {
			t.Errorf("ticket %v keeps the mark of an erased subject", row["ticket_id"])
		}
	}
}

// lists finds the lists of objects in an API answer, bare or in a recording.
func lists(b []byte) map[string][]json.RawMessage {
	var top map[string]json.RawMessage
	if json.Unmarshal(b, &top) != nil {
		return nil
	}
	if inner, ok := top["response"]; ok {
		var r struct{ Body map[string]json.RawMessage }
		if json.Unmarshal(inner, &r) != nil {
			return nil
		}
		top = r.Body
	}
	out := map[string][]json.RawMessage{}
	for k, v := range top {
		var list []json.RawMessage
		if json.Unmarshal(v, &list) == nil {
			out[k] = list
		}
	}
	return out
}

// TestWebhooksOfOneSecond checks that the last of several webhooks of a second gives the current values, in whatever order they arrive.
func TestWebhooksOfOneSecond(t *testing.T) {
	t.Parallel()
	base := record{at: 100, nanos: 100e9 + 1, id: "b", hash: 9}
	for name, later := range map[string]record{
		"second":     {at: 101, nanos: 101e9, id: "a", hash: 1},
		"nanosecond": {at: 100, nanos: 100e9 + 2, id: "a", hash: 1},
		"envelope":   {at: 100, nanos: 100e9 + 1, id: "c", hash: 1},
		"content":    {at: 100, nanos: 100e9 + 1, id: "b", hash: 10},
	} {
		for order, both := range map[string][2]record{"in order": {base, later}, "reversed": {later, base}} {
			tk := &ticket{}
			tk.takeSnapshot(&both[0], nil)
			tk.takeSnapshot(&both[1], nil)
			if *tk.snap.key() != *later.key() {
				t.Errorf("%s, %s: kept %+v", name, order, tk.snap)
			}
		}
	}
}

func (r *record) key() *[4]any { return &[4]any{r.at, r.nanos, r.id, r.hash} }

// TestWebhooksOfNoTicketThereIs: values that no ticket can have make a dead letter that says so, and nothing else.
func TestWebhooksOfNoTicketThereIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, event, detail, reason string }{
		{"created", `{}`, `,"priority":"solved"`, "unknown priority"},
		{"created", `{}`, `,"type":"{}"`, "unknown type"},
		{"priority_changed", `{"current":{"a":1},"previous":"LOW"}`, "", "unknown priority"},
		{"type_changed", `{"current":"CAR","previous":null}`, "", "unknown type"},
		{"created", `{}`, `,"created_at":"2099-01-01T00:00:00Z"`, "more than a day ahead"},
	} {
		s := newScene(t)
		s.hook(c.name, "02T09:00", c.event, c.detail)
		if len(s.dead) != 1 || !strings.Contains(s.dead[0].Reason, c.reason) {
			t.Errorf("%s %s: dead letters %+v, want one that says %q", c.name, c.event, s.dead, c.reason)
		}
		s.want("ticket", s.row(), map[string]any(nil))
	}
	s := newScene(t)
	s.hook("created", "02T09:00", `{}`, `,"priority":"URGENT","type":"TASK"`)
	s.hook("priority_changed", "02T09:01", `{"current":null,"previous":"URGENT"}`, `,"type":"TASK"`)
	s.want("ticket", []any{s.row()["priority"], s.row()["type"], len(s.dead)}, []any{"", "task", 0})
}

// TestTicketOfTomorrow: a ticket that was created more than a day ahead is a dead letter in an export too, and what follows it is processed.
func TestTicketOfTomorrow(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, created := range []string{"2099-01-01T00:00:00Z", "2026-03-03T09:00:01Z"} {
		s.dead = nil
		s.say(schemas.KindTicket, `{"id":5,"subject":"Help","status":"open","requester_id":9,"created_at":%q,"updated_at":%q}`, created, created)
		if len(s.dead) != 1 || !strings.Contains(s.dead[0].Reason, "more than a day ahead") {
			t.Errorf("%s: dead letters %+v", created, s.dead)
		}
		s.want("ticket", s.row(), map[string]any(nil))
	}
	s.dead = nil
	s.say(schemas.KindTicket, `{"id":5,"subject":"Help","status":"open","requester_id":9,"created_at":"2026-03-03T09:00:00Z","updated_at":"2026-03-03T09:00:00Z"}`)
	s.want("status and dead letters", []any{s.row()["status"], len(s.dead)}, []any{"open", 0})
}

// TestTicketOfTheSystem: a ticket whose requester is no user counts for nobody.
func TestTicketOfTheSystem(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.hook("created", "02T09:00", `{}`, `,"requester_id":"-1"`)
	s.want("dead letters", len(s.dead), 0)
	s.want("ticket", s.row()["requester_id"], -1)
	s.want("figures", len(s.tables[schemas.TablePersonStats]), 0)
}
