package processors

import (
	"fmt"
	"testing"
	"time"

	"deskstream/schemas"
)

// chose tells a decision of a minute of March 10th about a user; more are its fields.
func (s *scene) chose(id, minute int, more string) {
	s.t.Helper()
	s.say(schemas.KindPerson, `{"id":%d,"at":"2026-03-10T10:%02d:00.5Z"%s}`, id, minute, more)
}

func (s *scene) allows(id int64) []any {
	p := s.person(id)
	return []any{p["email_permission"], p["sms_permission"], p["archived"]}
}

// TestDecisionsOutliveSources: what somebody decided about a person holds whatever a source says later, in whatever order it arrives.
func TestDecisionsOutliveSources(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(set *schemas.Settings) { set.OptIn.Email, set.OptIn.SMS, set.ArchiveOnDelete = true, true, true })
	s.user(1, 1, `,"name":"A"`)
	s.want("as created", s.allows(1), []any{flag(true), flag(true), flag(false)})
	s.chose(1, 5, `,"email":false`)
	s.want("unsubscribed", s.allows(1), []any{flag(false), flag(true), flag(false)})
	s.chose(1, 3, `,"email":true,"sms":false`) // arrives late
	s.want("an older word", s.allows(1), []any{flag(false), flag(false), flag(false)})
	s.user(1, 20, `,"name":"A again"`)
	s.want("after a sync", s.allows(1), []any{flag(false), flag(false), flag(false)})

	duplicates := len(s.dead)
	s.chose(1, 5, `,"email":false`)
	s.want("repeated", s.allows(1), []any{flag(false), flag(false), flag(false)})
	s.want("dead letters", len(s.dead), duplicates)

	s.chose(1, 6, `,"archived":true`)
	s.want("archived", s.allows(1), []any{flag(false), flag(false), flag(true)})
	s.chose(1, 7, `,"archived":false,"email":true`)
	s.want("restored", s.allows(1), []any{flag(true), flag(false), flag(false)})
}

// TestP1_UnsubscribedByAnotherClock: who unsubscribes last in the stream is unsubscribed though the clock of who said yes before was ahead, as is who has
// the same address, until somebody subscribes them later by every clock; a yes that comes again changes nothing.
func TestP1_UnsubscribedByAnotherClock(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(set *schemas.Settings) { set.OptIn.SMS = true })
	s.user(1, 1, `,"name":"A","email":"a@x.test"`)
	s.user(2, 2, `,"name":"B","email":"a@x.test"`)
	allows := func(when string, mail bool) {
		t.Helper()
		for id := range int64(2) {
			s.want(fmt.Sprintf("%s, %d", when, id+1), s.allows(id+1), []any{flag(mail), flag(true), flag(false)})
			s.want(when+", as told", s.look(t, "zendesk:"+decimal(id+1)).Person.EmailPermission, flag(mail))
		}
	}
	s.chose(1, 9, `,"email":true`)
	s.chose(2, 9, `,"email":true`)
	subscribed := len(s.events)
	allows("subscribed ten minutes ahead", true)
	s.chose(1, 1, `,"email":false`)
	allows("unsubscribed", false)
	s.batches(t, s.events[subscribed-2:], 1)
	allows("told again", false)
	s.chose(2, 0, `,"email":true`)
	allows("an older word", false)
	s.chose(1, 2, `,"email":true`)
	s.chose(2, 2, `,"email":true`)
	allows("subscribed again", true)
	s.batches(t, s.events[subscribed:], 2)
	allows("told again", true)
}

// TestDecisionsMerge: of the people that turn out to be one the newest decision counts; one who is not known yet keeps theirs.
func TestDecisionsMerge(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(set *schemas.Settings) { set.OptIn.Email, set.OptIn.SMS = true, true })
	s.chose(2, 1, `,"sms":false`) // before the user
	s.user(1, 1, `,"name":"A","email":"a@x.test","verified":true`)
	s.user(2, 1, `,"name":"B","email":"b@x.test","verified":true`)
	s.want("before the user", s.allows(2), []any{flag(true), flag(false), flag(false)})
	s.chose(1, 2, `,"email":true`)
	s.chose(2, 3, `,"email":false`)
	s.user(2, 5, `,"name":"B","email":"a@x.test","verified":true`)
	if p := s.person(2); p != nil && p["is_deleted"] != flag(true) {
		t.Fatalf("the people did not merge: %v", p)
	}
	s.want("merged", s.allows(1), []any{flag(false), flag(false), flag(false)})
}

// TestP1_UnsubscribedAddress: who has an address that is unsubscribed does not get mail under another name, in whatever order they became
// known and also when it is not proven that they are one, until one of them subscribes again.
func TestP1_UnsubscribedAddress(t *testing.T) {
	t.Parallel()
	ours := schemas.OwnUserID(testAccount, schemas.IdentifierEmail, "uns@x.test")
	unsubscribe := func(s *scene) {
		s.say(schemas.KindPerson, `{"id":%d,"at":"2026-03-10T10:01:00Z","values":{"email":"uns@x.test"},"email":false}`, ours)
	}
	twin := func(s *scene) { s.user(1, 1, `,"name":"A","email":"Uns@x.test"`) }
	for order, steps := range [][]func(*scene){{unsubscribe, twin}, {twin, unsubscribe}} {
		s := newScene(t, func(set *schemas.Settings) { set.OptIn.Email, set.OptIn.SMS = true, true })
		for _, step := range steps {
			step(s)
		}
		allows := func(when string, mail bool) {
			t.Helper()
			s.want(fmt.Sprintf("%s, order %d", when, order), s.allows(1), []any{flag(mail), flag(true), flag(false)})
			facts := s.look(t, "zendesk:1")
			s.want("as told", facts.Person.EmailPermission, flag(mail))
			s.want("users", facts.Person.UserIDs, []int64{1})
		}
		allows("unsubscribed", false)
		s.chose(1, 0, `,"email":true`)
		allows("an older word about the twin", false)
		s.user(1, 12, `,"name":"A again","email":"uns@x.test"`)
		allows("after a sync", false)
		s.say(schemas.KindPerson, `{"id":%d,"at":"2026-03-10T10:02:00Z","email":true}`, ours)
		allows("subscribed again", true)
		s.say(schemas.KindPerson, `{"id":%d,"at":"2026-03-10T10:03:00Z","email":false}`, ours)
		allows("unsubscribed again", false)
		s.chose(1, 4, `,"email":true`)
		allows("the twin is subscribed", true)
	}
}

// TestDecisionsWhileDisconnected: a source that is disconnected keeps nobody from unsubscribing.
func TestDecisionsWhileDisconnected(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(set *schemas.Settings) { set.OptIn.Email = true })
	s.user(1, 1, `,"name":"A"`)
	s.now = s.now.Add(time.Hour)
	s.connect(s.now, func(set *schemas.Settings) { set.Status = schemas.SourceDisconnected })
	s.play()
	s.user(1, 2, `,"name":"Z"`)
	s.chose(1, 1, `,"email":false`)
	s.want("permissions", s.allows(1), []any{flag(false), flag(false), flag(false)})
	s.want("name", s.person(1)["first_name"], "A")
}

func TestDecisionsThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for i, body := range []string{`{"id":1,"email":true}`, `{"id":1,"at":"2026-03-01T00:00:00Z","email":"no"}`, `{"id":0,"at":"2026-03-01T00:00:00Z"}`, `[1]`} {
		s.say(schemas.KindPerson, `%s`, body)
		s.want("dead letters of "+body, len(s.dead), i+1)
	}
}

// TestArchivedSince: the time counts from which somebody is archived, not what is said of them since; who writes again under the address
// of an archived person makes no second one, comes back if it was Zendesk that deleted them, and stays unsubscribed in any case.
func TestArchivedSince(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(set *schemas.Settings) { set.OptIn.Email, set.ArchiveOnDelete = true, true })
	since := func(id int64) any { return s.person(id)["archived_at"] }
	s.user(1, 1, `,"name":"A","email":"a@x.test","verified":true`)
	s.want("not archived", since(1), nil)
	s.chose(1, 5, `,"archived":true,"email":false`)
	s.user(1, 20, `,"name":"A again","email":"a@x.test","verified":true`)
	s.want("by hand", since(1), "2026-03-10T10:05:00Z")
	s.say(schemas.KindUser, `{"id":2,"created_at":"2026-03-21T00:00:00Z","updated_at":"2026-03-21T00:00:00Z","role":"end-user","active":true,"name":"A too","email":"a@x.test","verified":true}`)
	s.want("writes again", append(s.allows(1), since(1), s.alias("zendesk:2")), []any{flag(false), flag(false), flag(true), "2026-03-10T10:05:00Z", int64(1)})
	s.chose(1, 6, `,"archived":false`)
	s.want("restored", append(s.allows(1), since(1)), []any{flag(false), flag(false), flag(false), nil})

	s.user(3, 1, `,"name":"B","email":"b@x.test","verified":true`)
	s.chose(3, 1, `,"email":false`)
	s.user(3, 12, `,"name":"B","email":null,"verified":true,"active":false`)
	s.want("by Zendesk", append(s.allows(3), since(3)), []any{flag(false), flag(false), flag(true), "2026-03-12T00:00:00Z"})
	s.user(4, 14, `,"name":"B","email":"b@x.test","verified":true`)
	s.want("comes back", append(s.allows(3), since(3), s.alias("zendesk:4"), s.alias("email:b@x.test")), []any{flag(false), flag(false), flag(false), nil, int64(3), int64(3)})
}

// TestDeletedAfterRestored: whoever was brought back by hand is archived by a later deletion in Zendesk, not by what is said of an earlier one since; who
// was archived by hand stays so whatever Zendesk says (R10).
func TestDeletedAfterRestored(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(set *schemas.Settings) { set.ArchiveOnDelete = true })
	archived := func(when string, id int64, want bool) {
		t.Helper()
		s.want(when, s.person(id)["archived"], flag(want))
		s.want(when+", as told", s.look(t, "zendesk:"+decimal(id)).Person.Archived, flag(want))
	}
	gone := `,"name":"A","active":false`
	s.user(1, 1, `,"name":"A"`)
	s.user(1, 5, gone)
	archived("deleted", 1, true)
	s.chose(1, 1, `,"archived":false`)
	archived("restored", 1, false)
	s.user(1, 12, gone+`,"notes":"x"`)
	archived("said again of who is deleted", 1, false)
	s.user(1, 14, `,"name":"A"`)
	archived("active again", 1, false)
	s.user(1, 16, gone)
	archived("deleted later", 1, true)
	s.say(schemas.KindPerson, `{"id":1,"at":"2026-03-17T00:00:00Z","archived":false}`)
	archived("restored again", 1, false)

	s.user(2, 1, `,"name":"B"`)
	s.chose(2, 1, `,"archived":false`)
	s.user(2, 9, gone) // before that, told later
	archived("an earlier deletion", 2, false)
	s.user(3, 1, `,"name":"C"`)
	s.chose(3, 1, `,"archived":true`)
	s.user(3, 12, gone)
	s.user(3, 14, `,"name":"C"`)
	archived("by hand", 3, true)
}

// TestMergedDecisions: who unsubscribed stays so, and who is not archived too, when they turn out to be one person with somebody of whom the opposite
// was said later, in either direction and whatever merged them; what is said of the person they are now counts for all of it.
func TestMergedDecisions(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"hand", "email"} {
		for survivor := range int64(2) {
			t.Run(fmt.Sprint(way, survivor), func(t *testing.T) {
				t.Parallel()
				s := newScene(t, func(set *schemas.Settings) { set.OptIn.Email, set.OptIn.SMS = true, true })
				head, other := 1+survivor, 2-survivor
				s.user(1, 1, `,"name":"A","email":"a@x.test","verified":true`)
				s.user(2, 1, `,"name":"B","email":"b@x.test","verified":true`)
				s.chose(1, 2, `,"email":false`)
				s.chose(2, 3, `,"email":true,"archived":true`)
				s.want("apart", append(s.allows(1), s.allows(2)...), []any{flag(false), flag(true), flag(false), flag(true), flag(true), flag(true)})
				if way == "hand" {
					s.linked(head, 4, false, other)
				} else {
					head, s.now = 1, mustTime(t, "2026-03-11T00:00:00Z") // who came first survives
					s.user(2, 5, `,"name":"B","email":"a@x.test","verified":true`)
				}
				s.want("merged", s.allows(head), []any{flag(false), flag(true), flag(false)})
				s.say(schemas.KindPerson, `{"id":%d,"at":"2026-03-12T00:00:00Z","email":true,"archived":true}`, other)
				s.want("said of both", s.allows(head), []any{flag(true), flag(true), flag(true)})
			})
		}
	}
}
