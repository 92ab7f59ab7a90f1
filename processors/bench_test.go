//go:build unix

package processors

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"deskstream/schemas"
)

// benchFeed makes tickets with ten audits each: comments, assignments, status changes.
func benchFeed(tickets int) (setup, history, hooks, people []schemas.Event) {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	received := at.Add(48 * time.Hour)
	var s, h, w, p feed
	s.connect(at)
	s.add(schemas.KindSchedule, "poll", received, jsonObject(map[string]any{
		"id": 1, "name": "Default", "time_zone": "Berlin", "created_at": at, "updated_at": at,
		"intervals": []any{map[string]any{"start_time": 1980, "end_time": 2460}, map[string]any{"start_time": 3420, "end_time": 3900}},
	}))
	for i := range 20 {
		s.add(schemas.KindUser, "poll", received, jsonObject(map[string]any{"id": 100 + i, "name": "Agent A", "role": "agent", "created_at": at, "updated_at": at}))
	}
	for i := range tickets {
		id, user := i+1, 1000+i/3
		begin := at.Add(time.Duration(i) * time.Minute)
		if i%3 == 0 {
			p.add(schemas.KindUser, "poll", received, jsonObject(map[string]any{
				"id": user, "url": "https://x.zendesk.com/api/v2/users/1.json", "name": "Jo Doe", "email": fmt.Sprintf("u%d@x.test", user), "verified": true, "external_id": fmt.Sprint("ext-", user),
				"role": "end-user", "created_at": at, "updated_at": begin, "time_zone": "Berlin", "iana_time_zone": "Europe/Berlin", "locale": "en-US",
				"active": true, "tags": []string{"vip"}, "user_fields": map[string]any{"tier": "gold", "seats": 5}, "notes": "", "details": "",
				"phone": fmt.Sprintf("+4930%06d", user), "organization_id": 700, "suspended": false, "photo": map[string]any{"url": "https://x.test/p.png", "size": 2532},
			}))
		}
		h.add(schemas.KindTicket, "poll", received, jsonObject(map[string]any{
			"id": id, "subject": "Help with my order", "description": "words words words", "status": "solved", "priority": "normal", "tags": []string{"a", "b"},
			"requester_id": user, "submitter_id": user, "assignee_id": 101, "group_id": 5, "organization_id": 700, "created_at": begin, "brand_id": 9,
			"updated_at": begin.Add(9 * time.Hour), "generated_timestamp": begin.Add(9 * time.Hour).Unix(), "via": map[string]any{"channel": "email"},
			"custom_fields": []any{map[string]any{"id": 1, "value": "x"}, map[string]any{"id": 2, "value": nil}},
		}))
		for n := range 10 {
			when := begin.Add(time.Duration(n) * time.Hour)
			author := user
			if n%2 == 1 {
				author = 101 + n%3
			}
			c := id*100 + n
			events := []any{map[string]any{
				"id": c, "type": "Comment", "author_id": author, "public": n%3 != 2, "attachments": []any{}, "audit_id": id*1000 + n,
				"body":       "Thank you for your message. We have looked into your order and will come back to you as soon as we know more.",
				"html_body":  "<div class=\"zd-comment\"><p>Thank you for your message. We have looked into your order and will come back to you as soon as we know more.</p></div>",
				"plain_body": "Thank you for your message. We have looked into your order and will come back to you as soon as we know more.",
			}}
			if n == 0 {
				for f, v := range map[string]any{"subject": "Help with my order", "status": "new", "priority": "normal", "requester_id": fmt.Sprint(user), "tags": []string{"a"}} {
					events = append(events, map[string]any{"id": c*10 + 1, "type": "Create", "field_name": f, "value": v})
				}
			} else {
				from, to := []string{"open", "pending"}[n%2], []string{"pending", "open"}[n%2]
				if n == 1 {
					from = "new"
				}
				events = append(events,
					map[string]any{"id": c*10 + 1, "type": "Change", "field_name": "status", "previous_value": from, "value": to},
					map[string]any{"id": c*10 + 2, "type": "Notification", "via": map[string]any{"channel": "rule"}, "subject": "x", "body": "y"})
			}
			h.add(schemas.KindAudit, "poll", received, jsonObject(map[string]any{
				"id": id*1000 + n, "ticket_id": id, "created_at": when, "author_id": author, "metadata": map[string]any{"system": map[string]any{}, "custom": map[string]any{}},
				"events": events, "via": map[string]any{"channel": "web", "source": map[string]any{"from": map[string]any{}, "to": map[string]any{}}},
			}))
		}
		detail := map[string]any{
			"id": fmt.Sprint(id), "actor_id": "101", "assignee_id": "101", "group_id": "5", "brand_id": "9", "created_at": begin, "updated_at": begin.Add(20 * time.Hour),
			"description": "words words words", "status": "OPEN", "subject": "Help with my order", "priority": "NORMAL", "requester_id": fmt.Sprint(user),
			"submitter_id": fmt.Sprint(user), "tags": []string{"a", "b"}, "organization_id": "700", "via": map[string]any{"channel": "email"},
		}
		for n, e := range []map[string]any{
			{"type": "zen:event-type:ticket.status_changed", "event": map[string]any{"current": "OPEN", "previous": "SOLVED"}},
			{"type": "zen:event-type:ticket.comment_added", "event": map[string]any{"comment": map[string]any{
				"id":   fmt.Sprint(id*100 + 50),
				"body": "a new message", "is_public": true, "author": map[string]any{"id": "101"},
			}}},
			{"type": "zen:event-type:ticket.agent_assignment_changed", "event": map[string]any{"current": "105", "previous": "101"}},
		} {
			e["id"], e["subject"], e["time"], e["detail"] = fmt.Sprintf("%d-%d", id, n), fmt.Sprintf("zen:ticket:%d", id), begin.Add(20*time.Hour+time.Duration(n)*time.Minute), detail
			w.add(schemas.KindWebhook, "webhook", received, jsonObject(e))
		}
	}
	return s.out, h.out, w.out, p.out
}

// cpuTime is the processor time of this process: unlike the clock, it does not depend on what else the machine does.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkApply measures Keys and Apply together with the state in memory, per event.
func BenchmarkApply(b *testing.B) {
	const tickets = 600
	setup, history, hooks, people := benchFeed(tickets)
	cycle := func(b *testing.B, events []schemas.Event, size int, prepare ...[]schemas.Event) {
		b.Helper()
		b.ReportAllocs()
		var spent time.Duration
		defer func() { b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "cpu-ns/op") }()
		for n := 0; n < b.N; {
			b.StopTimer()
			s := newStore()
			s.cache = map[string]*schemas.StateRow{}
			s.quiet = true
			for _, p := range append([][]schemas.Event{setup}, prepare...) {
				s.batches(b, p, 200)
			}
			s.p.memo = [memoSize]*batch{}
			todo := events[:min(len(events), b.N-n)]
			began := cpuTime()
			b.StartTimer()
			s.batches(b, todo, size)
			spent += cpuTime() - began
			n += len(todo)
		}
	}
	b.Run("history", func(b *testing.B) { cycle(b, history, 256, people) })
	b.Run("webhooks in batches", func(b *testing.B) { cycle(b, hooks, 64, people, history) })
	b.Run("webhooks one by one", func(b *testing.B) { cycle(b, hooks, 1, people, history) })
	b.Run("new users", func(b *testing.B) { cycle(b, people, 256) })
	b.Run("unchanged users", func(b *testing.B) { cycle(b, people, 256, people) })
}
