package processors

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"deskstream/schemas"
)

// scene tells what happens in one account, one event a batch.
type scene struct {
	t *testing.T
	*store
	feed
	now    time.Time
	ids    int64
	events []schemas.Event // so far
}

func newScene(t *testing.T, change ...func(*schemas.Settings)) *scene {
	t.Helper()
	s := &scene{t: t, store: newStore(), now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), ids: 1000}
	s.connect(s.now, change...)
	s.play()
	return s
}

// play runs the events told since the last time.
func (s *scene) play() {
	s.t.Helper()
	s.batches(s.t, s.out, 1)
	s.events, s.out = append(s.events, s.out...), nil
}

func (s *scene) say(kind schemas.Kind, body string, args ...any) {
	s.t.Helper()
	if len(args) > 0 {
		body = fmt.Sprintf(body, args...)
	}
	via := "poll"
	if kind == schemas.KindWebhook {
		via = "webhook"
	}
	s.add(kind, via, s.now, []byte(body))
	s.play()
}

func (s *scene) at(clock string) string { return "2026-03-" + clock + ":00Z" }

func (s *scene) people() {
	for id, role := range map[int]string{1: "agent", 2: "agent", 3: "agent", 9: "end-user"} {
		s.say(schemas.KindUser, `{"id":%d,"name":"N %d","role":%q,"email":"n%d@x.test","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}`, id, id, role, id)
	}
}

func (s *scene) audit(clock string, author int, events ...string) {
	s.t.Helper()
	s.ids++
	s.say(schemas.KindAudit, `{"id":%d,"ticket_id":5,"created_at":%q,"author_id":%d,"events":[%s],"via":{"channel":"web"}}`, s.ids, s.at(clock), author, strings.Join(events, ","))
}

func created(field, value string) string {
	return fmt.Sprintf(`{"type":"Create","field_name":%q,"value":%s}`, field, value)
}

func changed(field, before, after string) string {
	return fmt.Sprintf(`{"type":"Change","field_name":%q,"previous_value":%s,"value":%s}`, field, before, after)
}

func said(id, author int, public bool, body string) string {
	return fmt.Sprintf(`{"id":%d,"type":"Comment","author_id":%d,"public":%t,"body":%q}`, id, author, public, body)
}

// record tells the ticket record as of a time.
func (s *scene) record(clock, status string, more string) {
	s.t.Helper()
	at := mustTime(s.t, s.at(clock))
	s.say(schemas.KindTicket, `{"id":5,"subject":"Help","description":"hi","status":%q,"requester_id":9,"submitter_id":9,"created_at":%q,"updated_at":%q,"generated_timestamp":%d,"tags":[]%s}`,
		status, s.at("02T09:00"), s.at(clock), at.Unix(), more)
}

// hook tells a ticket webhook.
func (s *scene) hook(name, clock, event, detail string) {
	s.t.Helper()
	s.ids++
	s.say(schemas.KindWebhook, `{"type":"zen:event-type:ticket.%s","account_id":1,"id":"w%d","time":%q,"subject":"zen:ticket:5","event":%s,`+
		`"detail":{"id":"5","actor_id":"1","created_at":%q,"requester_id":"9","assignee_id":"","group_id":"0","status":"OPEN","subject":"Help",`+
		`"tags":null,"updated_at":%q%s}}`,
		name, s.ids, s.at(clock), event, s.at("02T09:00"), s.at(clock), detail)
}

func (s *scene) row() map[string]any {
	s.t.Helper()
	for _, r := range s.tables[schemas.TableTickets] {
		if r["ticket_id"] == float64(5) {
			return r
		}
	}
	return nil
}

// slugs lists the activities in order of time and name.
func (s *scene) slugs() string {
	var out []string
	for _, r := range s.tables[schemas.TableActivities] {
		if r["ticket_id"] == float64(5) || r["ticket_id"] == float64(0) && r["user_id"] == float64(0) {
			out = append(out, r["occurred_at"].(string)[8:16]+" "+r["activity"].(string))
		}
	}
	return strings.Join(sorted(out), "\n")
}

func sorted(list []string) []string {
	out := append([]string(nil), list...)
	for i := range out {
		for j := i + 1; j < len(out); j++ {
			if out[j] < out[i] {
				out[i], out[j] = out[j], out[i]
			}
		}
	}
	return out
}

func (s *scene) want(what string, got, want any) {
	s.t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

func (s *scene) wantRow(want map[string]any) {
	s.t.Helper()
	row := s.row()
	for k, v := range want {
		s.want(k, row[k], v)
	}
}

// TestWorkedTicket is a ticket of which every figure was worked out by hand.
func TestWorkedTicket(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.people()
	s.record("08T11:00", "closed", `,"assignee_id":2`)
	s.audit("02T09:00", 9, said(1, 9, true, "help"), created("status", `"new"`), created("requester_id", `"9"`))
	s.audit("02T09:10", 1, said(2, 1, false, "note"), changed("assignee_id", "null", `"1"`), changed("status", `"new"`, `"open"`))
	s.audit("02T09:30", 1, said(3, 1, true, "reply"), changed("status", `"open"`, `"pending"`))
	s.audit("02T11:00", 9, said(4, 9, true, "more"), changed("status", `"pending"`, `"open"`))
	s.audit("02T11:20", 1, said(5, 1, true, "reply"), changed("status", `"open"`, `"solved"`))
	s.audit("03T10:00", -1, changed("satisfaction_score", `"unoffered"`, `"offered"`))
	s.audit("03T11:00", 9, said(6, 9, true, "again"), changed("status", `"solved"`, `"open"`))
	s.audit("03T11:30", 3, changed("assignee_id", `"1"`, `"2"`))
	s.audit("03T12:00", 2, said(7, 2, true, "done"), changed("status", `"open"`, `"solved"`))
	s.audit("07T12:00", -1, changed("status", `"solved"`, `"closed"`))
	for _, r := range []string{
		`"score":"offered","assignee_id":1,"updated_at":"2026-03-03T10:00:00Z"`, `"score":"good","assignee_id":1,"updated_at":"2026-03-03T10:30:00Z"`,
		`"score":"bad_with_comment","assignee_id":2,"updated_at":"2026-03-03T13:00:00Z"`,
	} {
		s.say(schemas.KindRating, `{"id":70,"ticket_id":5,"requester_id":9,"created_at":"2026-03-03T10:00:00Z",`+r+`}`)
	}
	s.wantRow(map[string]any{
		"first_reply_s": 1800, "replies": 3, "next_reply_s": []any{1200, 3600}, "first_resolution_s": 8400, "full_resolution_s": 97200, "solves": 2,
		"reopens": 1, "new_s": 600, "open_s": 1200 + 1200 + 3600, "pending_s": 5400, "hold_s": 0, "reassignments": 1, "assignee_stations": 2,
		"csat": "bad", "csat_agent_id": 2, "status": "closed", "closed_at": "2026-03-07T12:00:00Z", "handoffs": 2, "history_full": 1, "provisional": 0,
	})
	var solved []string
	for _, r := range s.tables[schemas.TableTicketEvents] {
		if r["kind"] == schemas.EventSolve {
			solved = append(solved, fmt.Sprint(r["at"], " ", r["assignee_id"], " ", r["last"]))
		}
	}
	s.want("ratings", s.ratings(), []string{
		"2026-03-03T10:00:00Z to 2026-03-03T10:30:00Z offered 1 0", "2026-03-03T10:30:00Z to 2026-03-03T13:00:00Z good 1 0",
		"2026-03-03T13:00:00Z to 2106-02-07T06:28:15Z bad 2 1",
	})
	s.want("solves", sorted(solved), []string{"2026-03-02T11:20:00Z 1 0", "2026-03-03T12:00:00Z 2 1"})
	stats := s.tables[schemas.TablePersonStats]["person_stats|example|9"]
	s.want("stats", []any{stats["tickets_total"], stats["tickets_closed"], stats["bad_ratings"], stats["good_ratings"], stats["last_satisfaction_score"]}, []any{1, 1, 1, 0, "bad"})
	s.want("activities", s.slugs(), strings.Join(sorted([]string{
		"02T09:00 ticket-created", "02T09:00 ticket-message-received", "02T09:10 ticket-note-added", "02T09:10 ticket-assigned",
		"02T09:10 ticket-status-changed", "02T09:30 ticket-message-sent", "02T09:30 ticket-status-changed", "02T11:00 ticket-message-received",
		"02T11:00 ticket-status-changed", "02T11:20 ticket-message-sent", "02T11:20 ticket-status-changed", "02T11:20 ticket-solved",
		"03T10:00 satisfaction-requested", "03T10:30 satisfaction-rating-received", "03T11:00 ticket-message-received", "03T11:00 ticket-status-changed",
		"03T11:00 ticket-reopened", "03T11:30 ticket-assigned", "03T12:00 ticket-message-sent", "03T12:00 ticket-status-changed", "03T12:00 ticket-solved",
		"03T13:00 satisfaction-rating-received", "07T12:00 ticket-status-changed", "07T12:00 ticket-closed",
	}), "\n"))
}

// ratings lists the scores that counted, in order.
func (s *scene) ratings() (out []string) {
	for _, r := range s.tables[schemas.TableTicketEvents] {
		if r["kind"] == schemas.EventRating {
			out = append(out, fmt.Sprint(r["at"], " to ", r["until"], " ", r["score"], " ", r["assignee_id"], " ", r["last"]))
		}
	}
	return sorted(out)
}

// TestScoresOfAudits: what the records do not tell any more the history does, up to the latest record; a score that is taken back ends the
// one before.
func TestScoresOfAudits(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.people()
	s.record("03T13:00", "solved", `,"assignee_id":2`)
	s.audit("02T09:00", 9, said(1, 9, true, "help"), created("status", `"new"`), created("assignee_id", `"1"`))
	s.audit("03T10:00", -1, changed("satisfaction_score", `"unoffered"`, `"offered"`))
	s.audit("03T10:30", 9, changed("satisfaction_score", `"offered"`, `"good"`), `{"type":"SatisfactionRating","score":"good","assignee_id":3}`)
	s.audit("03T11:00", 1, changed("assignee_id", `"1"`, `"2"`))
	never := "2106-02-07T06:28:15Z"
	offered := "2026-03-03T10:00:00Z to 2026-03-03T10:30:00Z offered 1 0"
	s.want("without a record", s.ratings(), []string{offered, "2026-03-03T10:30:00Z to " + never + " good 3 1"})
	s.say(schemas.KindRating, `{"id":70,"ticket_id":5,"requester_id":9,"score":"bad","assignee_id":2,"created_at":"2026-03-03T10:00:00Z","updated_at":"2026-03-03T12:00:00Z"}`)
	s.audit("03T12:00", 9, changed("satisfaction_score", `"good"`, `"bad"`), `{"type":"SatisfactionRating","score":"bad","assignee_id":1}`)
	s.audit("03T12:30", 9, changed("satisfaction_score", `"bad"`, `"good"`))
	good := "2026-03-03T10:30:00Z to 2026-03-03T12:00:00Z good 3 0"
	s.want("with a record", s.ratings(), []string{offered, good, "2026-03-03T12:00:00Z to " + never + " bad 2 1"})
	s.wantRow(map[string]any{"csat": "bad", "csat_agent_id": 2, "csat_at": "2026-03-03T12:00:00Z"})
	s.say(schemas.KindRating, `{"id":70,"ticket_id":5,"requester_id":9,"score":"unoffered","assignee_id":2,"created_at":"2026-03-03T10:00:00Z","updated_at":"2026-03-03T13:00:00Z"}`)
	s.want("taken back", s.ratings(), []string{
		offered, good, "2026-03-03T12:00:00Z to 2026-03-03T12:30:00Z bad 2 0", "2026-03-03T12:30:00Z to 2026-03-03T13:00:00Z good 2 0",
	})
	s.wantRow(map[string]any{"csat": "", "csat_at": nil})
}

func TestTicketEdges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		tell func(*scene)
		want map[string]any
	}{
		{"created as solved is one solve", func(s *scene) {
			s.record("03T09:00", "solved", "")
			s.audit("02T09:00", 1, created("status", `"solved"`))
		}, map[string]any{"solves": 1, "first_resolution_s": 0, "full_resolution_s": 0, "reopens": 0}},
		{"closed without being solved is a solve", func(s *scene) {
			s.record("03T09:00", "closed", "")
			s.audit("02T09:00", 9, created("status", `"new"`))
			s.audit("02T10:00", 1, changed("status", `"new"`, `"closed"`))
		}, map[string]any{"solves": 1, "full_resolution_s": 3600, "closed_at": "2026-03-02T10:00:00Z"}},
		{"a restore is nothing", func(s *scene) {
			s.record("03T09:00", "solved", "")
			s.audit("02T09:00", 9, created("status", `"new"`))
			s.audit("02T10:00", 1, changed("status", `"new"`, `"solved"`))
			s.audit("02T11:00", 1, changed("status", `"solved"`, `"deleted"`))
			s.audit("02T12:00", 1, changed("status", `"deleted"`, `"solved"`))
		}, map[string]any{"solves": 1, "reopens": 0, "full_resolution_s": 3600, "new_s": 3600, "deleted": 0, "status": "solved"}},
		{"time spent deleted counts nowhere", func(s *scene) {
			s.record("03T09:00", "open", "")
			s.audit("02T09:00", 9, created("status", `"new"`))
			s.audit("02T10:00", 1, changed("status", `"new"`, `"deleted"`))
			s.audit("02T12:00", 1, changed("status", `"deleted"`, `"new"`))
			s.audit("02T13:00", 1, changed("status", `"new"`, `"open"`))
		}, map[string]any{"new_s": 7200, "status_changes": 2}},
		{"a reopened ticket has no full resolution", func(s *scene) {
			s.record("03T09:00", "open", "")
			s.audit("02T09:00", 9, created("status", `"new"`))
			s.audit("02T10:00", 1, changed("status", `"new"`, `"solved"`))
			s.audit("02T11:00", 9, changed("status", `"solved"`, `"open"`))
		}, map[string]any{"reopens": 1, "first_resolution_s": 3600, "full_resolution_s": nil}},
		{"the creation's own comment is no reply", func(s *scene) {
			s.record("03T09:00", "open", "")
			s.audit("02T09:00", 1, said(1, 1, true, "we wrote first"), created("status", `"open"`))
			s.audit("02T10:00", 1, said(2, 1, true, "again"))
		}, map[string]any{"replies": 1, "public_agent_comments": 2, "first_reply_s": 3600}},
		{"notes, the system and unknown authors do not reply", func(s *scene) {
			s.record("03T09:00", "open", "")
			s.audit("02T09:00", 9, said(1, 9, true, "hi"), created("status", `"new"`))
			s.audit("02T10:00", 1, said(2, 1, false, "note"))
			s.audit("02T11:00", -1, said(3, -1, true, "beep"))
			s.audit("02T12:00", 77, said(4, 77, true, "who"))
		}, map[string]any{"replies": 0, "first_reply_s": nil, "handoffs": 1}},
		{"unassigned and assigned again", func(s *scene) {
			s.record("03T09:00", "open", "")
			s.audit("02T09:00", 9, created("status", `"open"`), created("assignee_id", `"1"`), created("group_id", `"4"`))
			s.audit("02T10:00", 1, changed("assignee_id", `"1"`, "null"))
			s.audit("02T11:00", 1, changed("assignee_id", "null", `"1"`))
			s.audit("02T12:00", 1, changed("assignee_id", `"1"`, `"2"`), changed("group_id", `"4"`, `"6"`))
		}, map[string]any{"assignee_stations": 3, "unique_assignees": 2, "reassignments": 1, "group_stations": 2, "first_assigned_s": 0}},
		{"a reply that assigns and solves credits the new assignee", func(s *scene) {
			s.record("03T09:00", "solved", `,"assignee_id":2`)
			s.audit("02T09:00", 9, created("status", `"new"`))
			s.audit("02T10:00", 2, changed("status", `"new"`, `"solved"`), said(2, 2, true, "done"), changed("assignee_id", "null", `"2"`))
		}, map[string]any{"solves": 1, "assignee_id": 2}},
		{"a record newer than the history", func(s *scene) {
			s.audit("02T09:00", 9, created("status", `"new"`))
			s.record("03T09:00", "solved", `,"assignee_id":2,"priority":"high"`)
		}, map[string]any{"status": "solved", "assignee_id": 2, "priority": "high", "solves": 0, "assignee_stations": 0, "full_resolution_s": nil, "status_since": "2026-03-03T09:00:00Z"}},
		{"history newer than the record", func(s *scene) {
			s.record("02T09:00", "new", "")
			s.audit("02T09:00", 9, created("status", `"new"`))
			s.audit("02T10:00", 2, changed("status", `"new"`, `"open"`), changed("priority", "null", `"high"`), changed("tags", "[]", `["x"]`))
		}, map[string]any{"status": "open", "priority": "high", "tags": []string{"x"}, "status_since": "2026-03-02T10:00:00Z"}},
		{"an older record does not undo a newer one", func(s *scene) {
			s.record("03T09:00", "open", "")
			s.record("02T09:30", "new", "")
		}, map[string]any{"status": "open"}},
		{"done without history is in totals and on no day", func(s *scene) {
			s.record("03T09:00", "closed", "")
		}, map[string]any{"status": "closed", "solves": 0, "closed_at": nil, "history_full": 0}},
		{"the score of an audit counts while there is no rating record", func(s *scene) {
			s.record("03T09:00", "solved", "")
			s.audit("02T09:00", 9, created("status", `"new"`), created("assignee_id", `"1"`))
			s.audit("02T10:00", 9, `{"type":"SatisfactionRating","score":"good_with_comment","assignee_id":2,"body":"nice"}`)
		}, map[string]any{"csat": "good", "csat_agent_id": 2, "csat_at": "2026-03-02T10:00:00Z"}},
		{"unoffered never counts", func(s *scene) {
			s.record("03T09:00", "solved", "")
			s.say(schemas.KindRating, `{"id":70,"ticket_id":5,"score":"unoffered","created_at":"2026-03-03T10:00:00Z","updated_at":"2026-03-03T10:00:00Z"}`)
		}, map[string]any{"csat": "", "csat_at": nil}},
		{"merged by tag", func(s *scene) {
			s.record("03T09:00", "closed", `,"tags":["closed_by_merge"]`)
			s.audit("02T09:00", 9, created("status", `"new"`), created("tags", "[]"))
			s.audit("02T10:00", 1, said(3, 1, false, "This request was closed and merged into request #12."), changed("status", `"new"`, `"closed"`), changed("tags", "[]", `["closed_by_merge"]`))
		}, map[string]any{"merged": 1, "merged_into": 12, "solves": 1, "replies": 0}},
		{"the ticket that absorbs is not merged", func(s *scene) {
			s.record("03T09:00", "open", "")
			s.ids++
			s.say(schemas.KindAudit, `{"id":%d,"ticket_id":5,"created_at":"2026-03-02T10:00:00Z","author_id":1,"events":[],"via":{"channel":"web","source":{"rel":"merge"}}}`, s.ids)
		}, map[string]any{"merged": 0}},
		{"rows of incremental ticket_events are audits too", func(s *scene) {
			s.record("03T09:00", "solved", "")
			s.say(schemas.KindAudit, `{"id":2001,"ticket_id":5,"timestamp":%d,"updater_id":9,"event_type":"Audit","via":"Web",`+
				`"child_events":[{"id":1,"event_type":"Create","status":"new"}]}`, mustTime(t, s.at("02T09:00")).Unix())
			s.say(schemas.KindAudit, `{"id":2002,"ticket_id":5,"timestamp":%d,"updater_id":1,"event_type":"Audit","via":{"channel":"web"},`+
				`"child_events":[{"id":2,"event_type":"Change","status":"solved","previous_value":"new"},{"id":3,"type":"Comment",`+
				`"event_type":"Comment","author_id":1,"body":"b","public":true,"created_at":"2026-03-02T10:00:00Z"}]}`, mustTime(t,
				s.at("02T10:00")).Unix())
		}, map[string]any{"solves": 1, "replies": 1, "first_reply_s": 3600}},
		{"history may precede the creation", func(s *scene) {
			s.record("03T09:00", "open", `,"assignee_id":1`)
			s.audit("02T08:59", 9, created("status", `"open"`), created("assignee_id", `"1"`))
		}, map[string]any{"first_assigned_s": -60, "created_at": "2026-03-02T09:00:00Z"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.people()
			c.tell(s)
			s.wantRow(c.want)
		})
	}
}

func TestOrphansWait(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.people()
	s.audit("02T09:00", 9, said(1, 9, true, "hi"), created("status", `"new"`))
	s.say(schemas.KindRating, `{"id":70,"ticket_id":5,"score":"good","created_at":"2026-03-03T10:00:00Z","updated_at":"2026-03-03T10:00:00Z"}`)
	if n := len(s.tables[schemas.TableTickets]) + len(s.tables[schemas.TableTicketEvents]) + len(s.tables[schemas.TableMessages]) + len(s.tables[schemas.TableRatings]); n != 0 {
		t.Errorf("%d rows of a ticket without a record", n)
	}
	s.record("03T09:00", "open", "")
	s.wantRow(map[string]any{"csat": "good", "history_full": 1})
	s.want("message", s.tables[schemas.TableMessages]["messages|example|2026-03-02T09:00:00Z|5|1"]["body"], "hi")
}

func TestUnknownAuthorArrives(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.record("03T09:00", "open", "")
	s.audit("02T09:00", 9, said(1, 9, true, "hi"), created("status", `"new"`))
	s.audit("02T10:00", 1, said(2, 1, true, "reply"))
	s.wantRow(map[string]any{"replies": 0, "first_reply_s": nil})
	s.want("role", s.tables[schemas.TableMessages]["messages|example|2026-03-02T10:00:00Z|5|2"]["author_role"], "unknown")
	s.people()
	s.wantRow(map[string]any{"replies": 1, "first_reply_s": 3600})
	row := s.tables[schemas.TableMessages]["messages|example|2026-03-02T10:00:00Z|5|2"]
	s.want("role and text", []any{row["author_role"], row["body"]}, []any{"agent", "reply"})
	for k, data := range s.state {
		if !strings.HasPrefix(k, "example.u.") {
			continue
		}
		if u, err := value[user](&schemas.StateRow{Data: data}); err != nil || len(u.waiting) > 0 {
			t.Errorf("%s is still waited for (%v)", k, err)
		}
	}
}

func TestRoleThen(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	user := func(role, at string) {
		s.say(schemas.KindUser, `{"id":4,"name":"Jo","role":%q,"created_at":"2026-01-01T00:00:00Z","updated_at":%q}`, role, s.at(at))
	}
	user("end-user", "01T00:00")
	user("agent", "02T12:00")
	s.record("03T09:00", "open", "")
	s.audit("02T09:00", 4, said(1, 4, true, "as a customer"), created("status", `"new"`))
	s.audit("02T13:00", 4, said(2, 4, true, "as an agent"))
	s.wantRow(map[string]any{"replies": 1, "first_reply_s": 4 * 3600})
	s.want("people", len(s.tables[schemas.TablePeople]), 0)
	s.want("agents", len(s.tables[schemas.TableAgents]), 1)
}

func TestRedaction(t *testing.T) {
	t.Parallel()
	for _, first := range []string{"webhook", "audit", "webhook long", "audit long"} {
		t.Run(first, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			how, size, _ := strings.Cut(first, " ")
			more := beside(size)
			s.people()
			s.record("02T09:00", "open", "")
			s.audit("02T09:00", 9, said(1, 9, true, "my card is 4111"+more), created("status", `"open"`))
			if how == "webhook" {
				s.hook("comment_redacted", "02T10:00", `{"comment":{"id":"1"}}`, "")
			} else {
				s.audit("02T10:00", 1, `{"type":"CommentRedactionEvent","comment_id":1}`)
			}
			row := s.tables[schemas.TableMessages]["messages|example|2026-03-02T09:00:00Z|5|1"]
			s.want("message", []any{row["body"], row["tokens"], row["redacted"]}, []any{"", "", 1})
			s.wantRow(map[string]any{"description": ""})
			for _, r := range s.tables[schemas.TableActivities] {
				s.want(fmt.Sprint(r["activity"]), r["message"], "")
			}
			if !strings.Contains(s.slugs(), "02T10:00 ticket-message-redacted") {
				t.Errorf("no redaction among\n%s", s.slugs())
			}
			// The page polled before comes again: the text stays away. What Zendesk shows in its place is taken.
			s.ids = 1000
			s.audit("02T09:00", 9, said(1, 9, true, "my card is 4111 "+more), created("status", `"open"`))
			s.want("old page", s.tables[schemas.TableMessages]["messages|example|2026-03-02T09:00:00Z|5|1"]["body"], "")
			s.ids = 1000
			s.audit("02T09:00", 9, said(1, 9, true, "my card is ▇▇▇▇"), created("status", `"open"`))
			s.want("redacted page", s.tables[schemas.TableMessages]["messages|example|2026-03-02T09:00:00Z|5|1"]["body"], "my card is ▇▇▇▇")
			for k, v := range s.state {
				if strings.Contains(string(v), "4111") {
					t.Errorf("state row %s still holds the text", k)
				}
			}
		})
	}
}

func TestScrubbed(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"record", "webhook", "status", "record long", "webhook long", "status long"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			how, size, _ := strings.Cut(name, " ")
			s.people()
			s.record("02T09:00", "open", "")
			s.audit("02T09:00", 9, said(1, 9, true, "secretword"+beside(size)), created("status", `"open"`), created("subject", `"secretword"`))
			s.audit("02T09:30", 9, changed("subject", `"secretword"`, `"Help"`))
			switch how {
			case "record":
				s.say(schemas.KindTicket, `{"id":5,"subject":"SCRUBBED","description":"X","status":"deleted","requester_id":9,"created_at":%q,"updated_at":%q,"generated_timestamp":%d}`,
					s.at("02T09:00"), s.at("03T09:00"), mustTime(t, s.at("03T09:00")).Unix())
			case "webhook":
				s.hook("permanently_deleted", "03T09:00", `{}`, "")
			case "status":
				s.hook("status_changed", "03T09:00", `{"current":"SCRUBBED","previous":"DELETED"}`, "")
			}
			s.wantRow(map[string]any{"subject": "", "description": "", "deleted": 1})
			b, err := json.Marshal(s.tables)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(b), "secretword") {
				t.Error("a row still holds the text")
			}
			for k, v := range s.state {
				if strings.Contains(string(v), "secretword") {
					t.Errorf("state row %s still holds the text", k)
				}
			}
			if !strings.Contains(s.slugs(), "03T09:00 ticket-deleted") {
				t.Errorf("no deletion among\n%s", s.slugs())
			}
		})
	}
}

// beside lengthens a comment so that its text does not stay in the ticket's own row.
func beside(size string) string {
	if size != "long" {
		return ""
	}
	return strings.Repeat(" and more", maxInlineText/8)
}

// TestTexts: short texts stay in the ticket's row, long ones and those beyond its bound go to a row beside it, and every text is still
// there when its message goes out again.
func TestTexts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		sizes []int
		rows  int
	}{
		{"short", []int{1, 10, 100}, 0},
		{"long", []int{maxInlineText}, 0},
		{"too long", []int{maxInlineText + 1}, 1},
		{"full", []int{maxInlineText, maxInlineText}, 0},
		{"over", []int{maxInlineText, maxInlineText, 1, 2}, 1},
		{"far over", []int{10, maxChunk, 20, maxInlineText + 1}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.record("02T09:00", "open", "")
			tell := func(more int) {
				s.ids = 1000
				for i, n := range c.sizes {
					s.audit("02T09:00", 9, said(1+i, 9, true, strings.Repeat("x", n+more)))
				}
			}
			tell(0)
			rows := 0
			for k := range s.state {
				if strings.HasPrefix(k, "example.m.") {
					rows++
				}
			}
			s.want("rows of texts", rows, c.rows)
			s.people() // the author arrives: the messages go out again
			for i, n := range c.sizes {
				s.want("text", len(s.tables[schemas.TableMessages][fmt.Sprintf("messages|example|2026-03-02T09:00:00Z|5|%d", 1+i)]["body"].(string)), n)
			}
			tell(7) // a longer form of each text replaces it
			for i, n := range c.sizes {
				s.want("longer text", len(s.tables[schemas.TableMessages][fmt.Sprintf("messages|example|2026-03-02T09:00:00Z|5|%d", 1+i)]["body"].(string)), min(n+7, maxText))
			}
			s.hook("permanently_deleted", "03T09:00", `{}`, "")
			s.want("dead letters", len(s.dead), 0)
			for k, v := range s.state {
				if strings.Contains(string(v), "xx") || strings.HasPrefix(k, "example.m.") {
					t.Errorf("state row %s is still there", k)
				}
			}
		})
	}
}

// TestRecordBetweenTwoChanges: a record that was read between two changes of one second does not hide the second one.
func TestRecordBetweenTwoChanges(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.people()
	s.audit("02T09:00", 9, created("status", `"new"`), said(1, 9, true, "hi"))
	s.audit("02T10:00", 1, changed("priority", "null", `"high"`))
	s.audit("02T10:00", 1, changed("status", `"new"`, `"solved"`), changed("assignee_id", "null", `"2"`))
	s.record("02T10:00", "new", `,"priority":"high"`)
	s.wantRow(map[string]any{"status": "solved", "assignee_id": 2.0, "priority": "high"})
}

// TestSurveyRatings: a survey response does not say who held the ticket when it was answered; the history does, also when it comes later.
func TestSurveyRatings(t *testing.T) {
	t.Parallel()
	id := schemas.SurveyRatingID("example", "01M4FMXHBW5WHJ6D7BEMA0RZC5")
	say := func(s *scene, score, at string) {
		s.say(schemas.KindRating, `{"id":%d,"ticket_id":5,"requester_id":9,"score":%q,"comment":"words","created_at":"2026-03-02T12:00:00Z",`+
			`"updated_at":"2026-03-%s:00Z","survey_response":{}}`, id, score, at)
	}
	story := []func(s *scene){
		func(s *scene) { s.record("05T12:00", "solved", `,"assignee_id":2`) },
		func(s *scene) {
			s.audit("02T10:00", 9, said(1, 9, true, "help"), created("status", `"new"`), created("requester_id", `"9"`))
		},
		func(s *scene) { s.audit("02T11:00", 1, changed("assignee_id", `null`, `"1"`)) },
		func(s *scene) { s.audit("03T11:00", 1, changed("assignee_id", `"1"`, `"2"`)) },
		func(s *scene) { say(s, "good", "02T13:00") },
	}
	for i := range story {
		s := newScene(t)
		s.people()
		for n := range story {
			story[(n+i)%len(story)](s)
		}
		s.wantRow(map[string]any{"csat": "good", "csat_agent_id": 1, "csat_comment": "words"})
		rating := s.rating()
		s.want("rating", []any{rating["assignee_id"], rating["score"]}, []any{1, "good"})
		say(s, "bad", "04T10:00") // changed, when another agent held it
		s.wantRow(map[string]any{"csat": "bad", "csat_agent_id": 2})
		say(s, "neutral", "04T11:00") // neither: it does not count
		s.wantRow(map[string]any{"csat": "", "csat_agent_id": 0})
		s.want("rating", s.rating()["score"], "neutral")
	}
}

// rating is the row of the only rating.
func (s *scene) rating() map[string]any {
	s.t.Helper()
	if len(s.tables[schemas.TableRatings]) != 1 {
		s.t.Fatalf("%d ratings", len(s.tables[schemas.TableRatings]))
	}
	for _, row := range s.tables[schemas.TableRatings] {
		return row
	}
	return nil
}
