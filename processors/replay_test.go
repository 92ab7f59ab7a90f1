package processors

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"sort"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"deskstream/schemas"
)

var replayStart = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// world makes the events of a small account in which everything that can happen to a ticket or a user happens now and then.
type world struct {
	t *rapid.T
	feed
	clock  time.Time
	nextID int64
	told   int // events that come first
}

type simTicket struct {
	id                      int64
	status, priority        string
	subject                 string
	tags                    []string
	assignee, group, sender int64
	created                 time.Time
	comments                []int64
	polled                  bool
	hooks                   int
}

func (w *world) draw(n int, label string) int { return rapid.IntRange(0, n-1).Draw(w.t, label) }

func (w *world) chance(percent int, label string) bool { return w.draw(100, label) < percent }

func (w *world) id() int64 {
	w.nextID++
	return w.nextID
}

func (w *world) tick() time.Time {
	w.clock = w.clock.Add(time.Duration(1+w.draw(5000, "seconds")) * time.Second)
	return w.clock
}

func jsonObject(v map[string]any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func (w *world) emit(kind schemas.Kind, v map[string]any) {
	via := "poll"
	if kind == schemas.KindWebhook {
		via = "webhook"
	}
	w.add(kind, via, replayStart.Add(30*24*time.Hour), jsonObject(v))
}

func (w *world) users() {
	for i := int64(1); i <= 2; i++ {
		w.emit(schemas.KindUser, map[string]any{
			"id": 100 + i, "name": fmt.Sprintf("Agent %d", i), "role": "agent", "email": fmt.Sprintf("a%d@x.test", i), "active": true,
			"created_at": replayStart.Add(-time.Hour), "updated_at": replayStart.Add(-time.Hour),
		})
	}
	for i := int64(1); i <= 4; i++ {
		v := map[string]any{
			"id": 200 + i, "name": fmt.Sprintf("User Nr %d", i), "role": "end-user", "email": fmt.Sprintf("u%d@x.test", w.draw(3, "email")),
			"active": true, "verified": w.chance(70, "verified"), "created_at": replayStart.Add(-time.Duration(i) * time.Hour),
			"updated_at": replayStart.Add(-time.Duration(i) * time.Minute), "user_fields": map[string]any{"tier": i},
		}
		if w.chance(50, "external") {
			v["external_id"] = fmt.Sprintf("E%d", w.draw(3, "ext"))
		}
		if w.chance(30, "fetched") {
			v["identities"] = []any{map[string]any{"type": "email", "value": fmt.Sprintf("u%d@x.test", w.draw(4, "second")), "verified": w.chance(50, "proven")}}
		}
		w.emit(schemas.KindUser, v)
		for w.chance(40, "again") {
			v["updated_at"] = w.tick()
			switch w.draw(5, "what") {
			case 0:
				v["name"] = "Renamed Person"
			case 1:
				v["email"] = fmt.Sprintf("U%d@x.test", w.draw(3, "email"))
			case 2:
				v["external_id"] = fmt.Sprintf("e%d", w.draw(3, "ext"))
			case 3:
				v["active"] = false
			case 4:
				v["active"] = true
			}
			w.emit(schemas.KindUser, v)
		}
		if w.chance(20, "merged") {
			w.userHook("merged", 200+i, map[string]any{"user": map[string]any{"id": fmt.Sprint(201 + w.draw(4, "other"))}})
		}
		if w.chance(20, "named") {
			w.userHook("name_changed", 200+i, map[string]any{"current": "Hook Name"})
		}
	}
	at := w.tick()
	org := map[string]any{"id": 700, "name": "Org", "created_at": replayStart, "updated_at": at}
	w.emit(schemas.KindOrganization, org)
	org["name"], org["updated_at"] = "Org 2", w.tick()
	w.emit(schemas.KindOrganization, org)
}

func (w *world) userHook(name string, id int64, event map[string]any) {
	at := w.tick()
	w.emit(schemas.KindWebhook, map[string]any{
		"type": "zen:event-type:user." + name, "account_id": 1, "id": fmt.Sprintf("h%d", w.id()), "time": at, "subject": fmt.Sprintf("zen:user:%d", id),
		"detail": map[string]any{
			"id": fmt.Sprint(id), "email": "u1@x.test", "external_id": "", "role": "end-user", "organization_id": "0",
			"created_at": replayStart.Add(-time.Duration(id-200) * time.Hour), "updated_at": at,
		},
		"event": event,
	})
}

func (w *world) record(s *simTicket, at time.Time) {
	w.emit(schemas.KindTicket, map[string]any{
		"id": s.id, "subject": s.subject, "description": "first words", "status": s.status, "priority": nullable(s.priority), "tags": s.tags,
		"requester_id": s.sender, "submitter_id": s.sender, "assignee_id": idOrNull(s.assignee), "group_id": idOrNull(s.group),
		"organization_id": 700, "created_at": s.created, "updated_at": at, "generated_timestamp": at.Unix(), "via": map[string]any{"channel": "email"},
	})
}

func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func idOrNull(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}

// hook adds a ticket webhook; some are lost.
func (w *world) hook(s *simTicket, name string, at time.Time, actor int64, event map[string]any) {
	if w.chance(30, "lost") {
		return
	}
	s.hooks++
	w.emit(schemas.KindWebhook, map[string]any{
		"type": "zen:event-type:ticket." + name, "account_id": 1, "id": fmt.Sprintf("h%d", w.id()), "time": at.Add(time.Duration(s.hooks) * time.Microsecond),
		"subject": fmt.Sprintf("zen:ticket:%d", s.id), "event": event,
		"detail": map[string]any{
			"id": fmt.Sprint(s.id), "actor_id": fmt.Sprint(actor), "assignee_id": fmt.Sprint(s.assignee), "group_id": fmt.Sprint(s.group),
			"created_at": s.created, "updated_at": at, "description": "first words", "status": strings.ToUpper(s.status), "subject": s.subject,
			"priority": strings.ToUpper(s.priority), "requester_id": fmt.Sprint(s.sender), "submitter_id": fmt.Sprint(s.sender), "tags": s.tags,
			"organization_id": "700", "via": map[string]any{"channel": "email"},
		},
	})
}

// step changes a ticket in some ways at once and tells it by audit, webhooks or both.
func (w *world) step(s *simTicket, told bool) {
	at := w.tick()
	author := []int64{101, 102, s.sender, 999, -1}[w.draw(5, "author")]
	var events []any
	change := func(field string, before, after any) {
		events = append(events, map[string]any{"id": w.id(), "type": "Change", "field_name": field, "previous_value": before, "value": after})
	}
	if w.chance(50, "comment") {
		c := w.id()
		s.comments = append(s.comments, c)
		public := w.chance(70, "public")
		body := fmt.Sprintf("words of comment %d", c)
		events = append(events, map[string]any{"id": c, "type": "Comment", "author_id": author, "body": body, "public": public})
		w.hook(s, "comment_added", at, author, map[string]any{"comment": map[string]any{
			"id": fmt.Sprint(c), "body": body, "is_public": public, "author": map[string]any{"id": fmt.Sprint(author)},
		}})
	}
	if w.chance(50, "status") {
		before := s.status
		s.status = []string{"open", "pending", "hold", "solved", "closed", "deleted"}[w.draw(6, "to")]
		if s.status != before {
			change("status", before, s.status)
			w.hook(s, "status_changed", at, author, map[string]any{"previous": strings.ToUpper(before), "current": strings.ToUpper(s.status)})
		}
	}
	if w.chance(30, "assign") {
		before := s.assignee
		s.assignee = []int64{0, 101, 102}[w.draw(3, "agent")]
		if s.assignee != before {
			change("assignee_id", idText(before), idText(s.assignee))
			w.hook(s, "agent_assignment_changed", at, author, map[string]any{"previous": idText(before), "current": idText(s.assignee)})
		}
	}
	if w.chance(20, "tags") {
		before := s.tags
		s.tags = []string{fmt.Sprintf("t%d", w.draw(3, "tag"))}
		if before[0] != s.tags[0] {
			change("tags", before, s.tags)
			w.hook(s, "tags_changed", at, author, map[string]any{})
		}
	}
	if w.chance(15, "subject") {
		before := s.subject
		s.subject = fmt.Sprintf("Subject %d", w.id())
		change("subject", before, s.subject)
		w.hook(s, "subject_changed", at, author, map[string]any{"previous": before, "current": s.subject})
	}
	if w.chance(10, "redact") && len(s.comments) > 0 {
		c := s.comments[w.draw(len(s.comments), "which")]
		events = append(events, map[string]any{"id": w.id(), "type": "CommentRedactionEvent", "comment_id": c})
		w.hook(s, "comment_redacted", at, author, map[string]any{"comment": map[string]any{"id": fmt.Sprint(c)}})
	}
	if told && len(events) > 0 {
		w.audit(s, at, author, events)
	}
	if w.chance(40, "record") {
		s.polled = true
		w.record(s, at)
	}
	if w.chance(15, "rating") {
		w.emit(schemas.KindRating, map[string]any{
			"id": s.id*10 + int64(w.draw(2, "nr")), "ticket_id": s.id, "requester_id": s.sender, "assignee_id": idOrNull(s.assignee),
			"score": []string{"offered", "good", "bad_with_comment"}[w.draw(3, "score")], "created_at": s.created, "updated_at": at,
		})
	}
}

func idText(n int64) any {
	if n == 0 {
		return nil
	}
	return fmt.Sprint(n)
}

func (w *world) audit(s *simTicket, at time.Time, author int64, events []any) {
	w.emit(schemas.KindAudit, map[string]any{
		"id": w.id(), "ticket_id": s.id, "created_at": at, "author_id": author, "events": events, "via": map[string]any{"channel": "web"},
	})
}

func (w *world) ticket(n int64) {
	s := &simTicket{id: n, status: "new", subject: "Help", tags: []string{"t0"}, sender: 201 + int64(w.draw(4, "sender")), created: w.tick()}
	c := w.id()
	s.comments = append(s.comments, c)
	told := w.chance(80, "history")
	if told {
		w.audit(s, s.created, s.sender, []any{
			map[string]any{"id": c, "type": "Comment", "author_id": s.sender, "body": "first words", "public": true},
			map[string]any{"type": "Create", "field_name": "status", "value": "new"},
			map[string]any{"type": "Create", "field_name": "subject", "value": s.subject},
			map[string]any{"type": "Create", "field_name": "tags", "value": s.tags},
			map[string]any{"type": "Create", "field_name": "requester_id", "value": fmt.Sprint(s.sender)},
		})
	}
	w.hook(s, "created", s.created, s.sender, map[string]any{})
	steps := w.draw(6, "steps")
	for i := range steps {
		w.step(s, told && i < steps-w.draw(2, "untold"))
	}
	switch w.draw(12, "end") {
	case 0:
		w.hook(s, "permanently_deleted", w.tick(), 101, map[string]any{})
	case 1:
		w.hook(s, "marked_as_spam", w.tick(), 101, map[string]any{})
	case 2:
		w.hook(s, "merged", w.tick(), 101, map[string]any{"target_ticket_id": "77"})
	case 3:
		s.status, s.subject = "deleted", "SCRUBBED"
		w.record(s, w.tick())
	}
	w.emit(schemas.KindMetricEvent, map[string]any{"id": n * 100, "ticket_id": n, "metric": "reply_time", "instance_id": 1, "type": "breach", "time": w.clock})
	w.emit(schemas.KindMetricEvent, map[string]any{"id": n * 100, "ticket_id": n, "metric": "reply_time", "instance_id": 1, "type": "breach", "time": w.clock, "deleted": true})
}

func newWorld(t *rapid.T) *world {
	w := &world{t: t, clock: replayStart}
	w.connect(replayStart)
	z, err := json.Marshal(weekdays("Berlin"))
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(z, &v); err != nil {
		t.Fatal(err)
	}
	w.emit(schemas.KindSchedule, v)
	told := trackedOf(1, replayStart, "first_name", "last_name", "email", "external_id", "zendesk.name", "zendesk.email", "zendesk.fields.tier", "custom.plan", "custom.seats")
	told["kept"] = keptOf("1 plan ticket-created subject", "2 score satisfaction-rating-received score", "3 assigned ticket-assigned assignee_id", "4 renamed field-changed new_value")
	w.emit(schemas.KindFields, told)
	w.emit(schemas.KindPhrases, phrasesOf(1, "words", "words of comment", "help", "of comment"))
	w.told = len(w.out)
	w.users()
	for n := int64(1); n <= 2; n++ {
		w.ticket(n)
	}
	for range w.draw(6, "said") {
		w.said()
	}
	return w
}

// said is what somebody says through our API about the users, one that Zendesk does not know among them.
func (w *world) said() {
	ours := int64(schemas.OwnUserID(testAccount, schemas.IdentifierEmail, "u1@x.test"))
	who := []int64{201, 202, 203, 204, ours}[w.draw(5, "who")]
	at := w.tick().Add(time.Duration(w.draw(1000, "ms")) * time.Millisecond)
	switch w.draw(5, "what") {
	case 0:
		w.emit(schemas.KindPerson, map[string]any{"id": who, "at": at, "values": map[string]any{
			"email": fmt.Sprintf("u%d@x.test", w.draw(4, "address")), "first_name": fmt.Sprintf("Told %d", w.draw(9, "name")),
		}})
	case 1:
		w.emit(schemas.KindPerson, map[string]any{"id": who, "at": at, "values": map[string]any{"external_id": []string{"", "A1", "b2"}[w.draw(3, "external")]}})
	case 2:
		w.emit(schemas.KindPerson, map[string]any{
			"id": who, "at": at, "email": w.chance(50, "permission"), "custom": map[string]any{[]string{"plan", "seats"}[w.draw(2, "key")]: w.draw(3, "value")},
		})
	default:
		other := []int64{201, 202, 203, 204}[w.draw(4, "other")]
		if other != who {
			w.emit(schemas.KindLink, map[string]any{"id": who, "at": at, "others": []int64{other}, "apart": w.chance(40, "apart")})
		}
	}
}

// TestReplay: whatever the batches, repeats, lost commits and order, the tables end up the same.
func TestReplay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		rnd := rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed")))
		plain := newStore()
		plain.batches(fataler{t}, w.out, 1)
		want := plain.dump()
		if len(plain.dead) > 0 {
			t.Fatalf("dead letter: %s", plain.dead[0].Reason)
		}
		plain.checkHits(fataler{t}, phrasesOf(1, "words", "words of comment", "help", "of comment"))

		events := append([]schemas.Event(nil), w.out...)
		for range rnd.Intn(len(events)) {
			events = append(events, events[rnd.Intn(len(events))])
		}
		if rapid.Bool().Draw(t, "shuffled") {
			// Settings and schedules come first, as ingest sends them: they say how later events are read.
			tail := events[w.told:]
			rnd.Shuffle(len(tail), func(i, j int) { tail[i], tail[j] = tail[j], tail[i] })
		}
		s := newStore()
		if rapid.Bool().Draw(t, "cached") {
			s.cache = map[string]*schemas.StateRow{}
		}
		for i := 0; i < len(events); {
			n := 1 + rnd.Intn(20)
			batch := events[i:min(i+n, len(events))]
			if rnd.Intn(3) == 0 {
				s.lose(fataler{t}, batch)
			}
			s.run(fataler{t}, batch)
			i += len(batch)
		}
		compareDumps(t, want, s.dump())
		s.checkPeople(fataler{t}, 201, 202, 203, 204)
		if n := s.checkTickets(fataler{t}); n > 0 {
			t.Fatalf("%d tickets are told otherwise than they were put out", n)
		}

		before := s.outputs
		s.cache = nil
		s.batches(fataler{t}, w.out, 7)
		if s.outputs != before {
			t.Fatalf("delivering everything again emitted %d rows, last %s", s.outputs-before, s.newest)
		}
	})
}

func compareDumps(t interface{ Fatalf(string, ...any) }, want, got []string) {
	inWant, inGot := map[string]bool{}, map[string]bool{}
	for _, l := range want {
		inWant[l] = true
	}
	for _, l := range got {
		inGot[l] = true
	}
	var diff []string
	for _, l := range want {
		if !inGot[l] {
			diff = append(diff, "- "+l[:min(len(l), 700)])
		}
	}
	for _, l := range got {
		if !inWant[l] {
			diff = append(diff, "+ "+l[:min(len(l), 700)])
		}
	}
	if len(diff) > 0 {
		sort.Slice(diff, func(i, j int) bool { return diff[i][2:] < diff[j][2:] })
		t.Fatalf("tables differ in %d rows:\n%s", len(diff), strings.Join(diff[:min(len(diff), 6)], "\n"))
	}
}

// fataler lets helpers for testing.TB serve rapid.
type fataler struct{ *rapid.T }

type tb interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

var _ tb = fataler{}
