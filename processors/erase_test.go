package processors

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"deskstream/schemas"
)

// erasure makes the events that erase the users of a person, with what stays of each.
func (s *store) erasure(t tb, users, tickets []int64) []schemas.Event {
	t.Helper()
	erase := erasure(users, tickets)
	for i, id := range users {
		erase[i].Data, _ = json.Marshal(schemas.PersonErasure{ID: schemas.ZID(id), Remains: s.remains(t, id)})
	}
	return erase
}

// erasure makes the events that erase the users of a person: the tombstones, then the tickets.
func erasure(users []int64, tickets []int64) []schemas.Event {
	var out []schemas.Event
	var parts []schemas.PersonErasure
	for _, id := range users {
		parts = append(parts, schemas.PersonErasure{ID: schemas.ZID(id)})
	}
	if len(tickets) > 0 {
		parts = append(parts, schemas.PersonErasure{ID: schemas.ZID(users[0]), Tickets: tickets})
	}
	for i, p := range parts {
		data, _ := json.Marshal(p)
		out = append(out, schemas.Event{
			ID: fmt.Sprintf("erase:%d", i), Kind: schemas.KindErasure, Source: testSource, Account: testAccount, Via: "api",
			ReceivedAt: replayStart.AddDate(0, 0, 30), Seq: uint64(1_000_000 + i), Data: data,
		})
	}
	return out
}

// textColumns are the columns that an erasure may blank; counted is what is left without them, and without people and their names.
var textColumns = []string{
	"subject", "subject_tokens", "description", "custom_fields", "details", "external_id", "csat_comment", "message", "text", "attributes", "body", "tokens", "comment",
	"last_ticket_subject",
}

func counted(s *store) []string {
	var out []string
	for _, table := range []string{
		schemas.TableActivities, schemas.TableTickets, schemas.TableTicketEvents, schemas.TableMessages, schemas.TableRatings, schemas.TablePersonStats,
		schemas.TablePersonActivities, schemas.TableActivityCounts, schemas.TableMetricEvents,
	} {
		for key, row := range s.tables[table] {
			if row["count"] == float64(0) || row["tickets_total"] == float64(0) {
				continue
			}
			c := map[string]any{}
			for k, v := range row {
				if k != "via" && !slices.Contains(textColumns, k) {
					c[k] = v
				}
			}
			out = append(out, key+" "+string(jsonObject(c)))
		}
	}
	slices.Sort(out)
	return out
}

// withoutContacts leaves out what happened to contacts: of somebody erased it is known only if it was before.
func withoutContacts(rows []string) []string {
	return slices.DeleteFunc(slices.Clone(rows), func(row string) bool {
		return strings.Contains(row, `"contact-`) || strings.Contains(row, `"field-changed"`) || strings.HasPrefix(row, schemas.TablePersonAliases+"|") && strings.Contains(row, "|p_")
	})
}

// personOf lists the users of Zendesk that are one person with a user, the user included.
func personOf(s *store, user int64) (users []int64) {
	for _, row := range s.tables[schemas.TablePeople] {
		users = users[:0]
		for _, id := range row["user_ids"].([]any) {
			if n := int64(id.(float64)); !schemas.IsOwnUser(schemas.ZID(n)) {
				users = append(users, n)
			}
		}
		if slices.Contains(users, user) {
			return users
		}
	}
	return []int64{user}
}

// requested lists the tickets of users, and those of others.
func requested(s *store, users []int64) (own, others []int64) {
	for _, row := range s.tables[schemas.TableTickets] {
		if id := int64(row["ticket_id"].(float64)); slices.Contains(users, int64(row["requester_id"].(float64))) {
			own = append(own, id)
		} else {
			others = append(others, id)
		}
	}
	return own, others
}

// checkErased looks for words of a user in rows and in state.
func checkErased(t tb, s *store, user int64, own []int64) {
	t.Helper()
	for _, row := range s.tables[schemas.TableMessages] {
		if body := row["body"].(string); body != "" && (row["author_id"] == float64(user) || slices.Contains(own, int64(row["ticket_id"].(float64)))) {
			t.Fatalf("a message still says %q", body)
		}
	}
	for _, row := range s.tables[schemas.TableActivities] {
		about := string(jsonObject(row))
		if slices.Contains(own, int64(row["ticket_id"].(float64))) && (strings.Contains(about, "words") || strings.Contains(about, "Help") || strings.Contains(about, "Subject ")) {
			t.Fatalf("an activity still says %s", about)
		}
	}
	if p := s.tables[schemas.TablePeople][schemas.TablePeople+"|"+testAccount+"|"+schemas.OwnPersonID(testAccount, schemas.ZID(user))]; p != nil {
		t.Fatalf("the person is there: %v", p)
	}
	prefix := testAccount + "."
	for key, data := range s.state {
		mine := key == userKey(prefix, user)
		for _, id := range own {
			mine = mine || key == ticketKey(prefix, id) || strings.HasPrefix(key, strings.TrimSuffix(textsKey(prefix, id, 1), "1"))
		}
		if text := string(data); mine && (strings.Contains(text, "words") || strings.Contains(text, "Help") || strings.Contains(text,
			"Subject ") || strings.Contains(text, "User Nr") || strings.Contains(text, "@x.test")) {
			t.Fatalf("state %s still says %q", key, data)
		}
	}
}

// TestErasureKeepsFigures: an erasure removes every word and moves no figure; what arrives again changes nothing.
func TestErasureKeepsFigures(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		s := newStore()
		s.batches(fataler{t}, w.out, 1+w.draw(20, "batch"))
		users := personOf(s, 201+int64(w.draw(4, "erased")))
		own, others := requested(s, users)
		before := counted(s)
		erase := erasure(users, slices.Concat(own, others))
		s.batches(fataler{t}, erase, 1)
		compareDumps(t, before, counted(s))
		s.checkHits(fataler{t}, phrasesOf(1, "words", "words of comment", "help", "of comment"))
		for _, user := range users {
			checkErased(fataler{t}, s, user, own)
		}

		outputs := s.outputs
		s.batches(fataler{t}, append(w.out, erase...), 7)
		if s.outputs != outputs || len(s.dead) > 0 {
			t.Fatalf("delivering everything again emitted %d rows, last %s", s.outputs-outputs, s.newest)
		}
	})
}

// TestErasureInAnyOrder: whenever the erasure comes, and however late events about the erased user are, the tables end up the same; so
// they do when the events were redacted first.
func TestErasureInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		plain := newStore()
		plain.batches(fataler{t}, w.out, 1)
		users := []int64{201 + int64(w.draw(4, "erased"))}
		if rapid.Bool().Draw(t, "whole") {
			users = personOf(plain, users[0])
		}
		own, others := requested(plain, users)
		erase := erasure(users, slices.Concat(own, others))
		plain.batches(fataler{t}, erase, 1)
		want := withoutContacts(plain.dump())

		events := slices.Clone(w.out)
		if rapid.Bool().Draw(t, "redacted") {
			events = redacted(t, w.out, users, own)
		}
		rnd := rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed")))
		tail := events[w.told:]
		rnd.Shuffle(len(tail), func(i, j int) { tail[i], tail[j] = tail[j], tail[i] })
		at := w.told
		for _, e := range erase { // the tombstone comes before the tickets
			at += rnd.Intn(len(events) - at + 1)
			events = slices.Insert(events, at, e)
			at++
		}
		s := newStore()
		s.batches(fataler{t}, events, 1+rnd.Intn(20))
		compareDumps(t, want, withoutContacts(s.dump()))
		s.checkPeople(fataler{t}, 201, 202, 203, 204)
		if n := s.checkTickets(fataler{t}); n > 0 {
			t.Fatalf("%d tickets are told otherwise than they were put out", n)
		}
		for _, user := range users {
			checkErased(fataler{t}, s, user, own)
		}
		if len(s.dead) > 0 {
			t.Fatalf("dead letter: %s", s.dead[0].Reason)
		}
	})
}

// redacted gives what may be kept of events and checks that doing it again changes nothing.
func redacted(t *rapid.T, events []schemas.Event, users, tickets []int64) []schemas.Event {
	x := &Redactor{Account: testAccount, Users: map[int64]bool{}, Tickets: map[int64]bool{}}
	for _, id := range users {
		x.Users[id] = true
	}
	for _, id := range tickets {
		x.Tickets[id] = true
	}
	var out []schemas.Event
	for _, e := range events {
		kept := x.Redact(&e)
		if kept == nil {
			continue
		}
		e.Data = kept
		if again := x.Redact(&e); string(again) != string(kept) {
			t.Fatalf("redacted again:\n%s\n%s", kept, again)
		}
		out = append(out, e)
	}
	return out
}

// erases tells that users are erased.
func (s *scene) erases(users ...int64) {
	s.t.Helper()
	for _, id := range users {
		s.say(schemas.KindErasure, `{"id":%d}`, id)
	}
}

// TestErasedStayErased: whatever is told of an erased user later is ignored and counted; who shares an address gets it.
func TestErasedStayErased(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.user(1, 1, `,"name":"Jo Doe","email":"jo@x.test","verified":true,"external_id":"E1","phone":"+4930901820"`)
	s.user(2, 2, `,"name":"Al","email":"jo@x.test"`)
	alias := func(name string) any {
		return s.tables[schemas.TablePersonAliases][schemas.TablePersonAliases+"|"+testAccount+"|"+name]["person_id"]
	}
	s.want("the address before", alias("email:jo@x.test"), schemas.OwnPersonID(testAccount, 1))
	s.erases(1)
	check := func(when string) {
		t.Helper()
		if p := s.person(1); p != nil {
			t.Errorf("%s: the person is there: %v", when, p)
		}
		s.want(when+": the address", alias("email:jo@x.test"), schemas.OwnPersonID(testAccount, 2))
		s.want(when+": the external id", alias("external:e1"), nil)
		s.want(when+": the number", alias("zendesk:1"), nil)
		for key, row := range s.tables[schemas.TablePersonIdentities] {
			if row["user_id"] == float64(1) {
				t.Errorf("%s: %s", when, key)
			}
		}
		for key, data := range s.state {
			if key != bucketKey(testAccount+".", 0) && key != userKey(testAccount+".", 2) && (strings.Contains(string(data), "jo@x") || strings.Contains(string(data), "Jo Doe")) {
				t.Errorf("%s: state %s is %q", when, key, data)
			}
		}
	}
	check("erased")
	ignored := s.ignored
	s.user(1, 20, `,"name":"Jo Doe","email":"jo@x.test","verified":true,"external_id":"E1"`)
	s.say(schemas.KindWebhook, `{"type":"zen:event-type:user.name_changed","account_id":1,"id":"w1","time":"2026-03-21T10:00:00Z",`+
		`"subject":"zen:user:1","event":{"current":"Jo Doe"},"detail":{"id":"1","email":"jo@x.test","role":"end-user",`+
		`"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-03-20T00:00:00Z"}}`)
	s.chose(1, 5, `,"email":true,"values":{"first_name":"Jo Doe"}`)
	check("told of again")
	if got := s.ignored - ignored; got != 2 { // the record tells a role at another time
		t.Errorf("%d events were ignored", got)
	}
	duplicates := s.duplicates
	s.erases(1)
	if s.duplicates != duplicates+1 {
		t.Error("the second erasure is not seen as a repeat")
	}
	s.say(schemas.KindErasure, `{"id":0}`)
	s.say(schemas.KindErasure, `{"id":1,"tickets":[0]}`)
	s.want("dead letters", len(s.dead), 2)
}

// TestErasedWereOnePerson: of users that were one person it stays told that they were, by numbers alone: reports count them once.
func TestErasedWereOnePerson(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for id := range 4 {
		s.user(id+1, id+1, fmt.Sprintf(`,"name":"Jo Doe","email":"jo%d@x.test","verified":true`, id/3)) // the first three are one, the last is another
	}
	for n, want := range [][]string{{"2>1", "3>1"}, {"1>3", "2>3"}, {"2>1", "3>1"}, {"2>1", "3>1"}} { // the first of those who stayed, or of all
		s.erases([]int64{2, 1, 3, 4}[n])
		s.want(fmt.Sprint("erasure ", n), s.countedAs(t), want)
	}
	for key, row := range s.withdrawn {
		if text := fmt.Sprint(row); strings.HasPrefix(key, schemas.TablePeople+"|") && (strings.Contains(text, "@x.test") || strings.Contains(text, "Doe")) {
			t.Errorf("a withdrawn row tells of the person: %v", row)
		}
	}
}

// TestErasedOwnUser: a person Zendesk does not know leaves no tombstone: whoever is told of by the same address later is somebody new.
func TestErasedOwnUser(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	own := schemas.OwnUserID(testAccount, schemas.IdentifierEmail, "jo@x.test")
	tell := func(minute int, name string) {
		t.Helper()
		s.say(schemas.KindPerson, `{"id":%d,"at":"2026-03-10T10:%02d:00Z","values":{"email":"jo@x.test","first_name":%q}}`, own, minute, name)
	}
	tell(1, "Jo")
	s.want("told", s.person(int64(own))["first_name"], "Jo")
	s.erases(int64(own))
	if p := s.person(int64(own)); p != nil {
		t.Errorf("the person is there: %v", p)
	}
	tell(2, "Josephine")
	s.want("told anew", s.person(int64(own))["first_name"], "Josephine")
}

// TestErasureRemains: what is made again from the events that an erasure leaves, redacted and behind it, is what it left, the user's own activities,
// counts and aliases included, wherever batches are cut.
func TestErasureRemains(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		live := newStore()
		live.batches(fataler{t}, w.out, 1+w.draw(20, "batch"))
		users := personOf(live, 201+int64(w.draw(4, "erased")))
		own, others := requested(live, users)
		erase := live.erasure(fataler{t}, users, slices.Concat(own, others))
		kept, late := leftOf(w.out, users, own)
		live.batches(fataler{t}, erase, 1+w.draw(4, "batch of the erasure"))
		live.batches(fataler{t}, late, 1+w.draw(20, "batch"))
		again := newStore()
		again.batches(fataler{t}, slices.Concat(kept, erase, late), 1+w.draw(20, "batch"))
		compareDumps(t, ofUsers(live, users), ofUsers(again, users))
	})
}

// remains asks the processor what stays of a user.
func (s *store) remains(t tb, id int64) *schemas.Remains {
	t.Helper()
	state := schemas.State{}
	for {
		left, missing, err := (&Processor{}).Remains(testAccount, id, state)
		if err != nil {
			t.Fatalf("remains: %v", err)
		}
		if len(missing) == 0 {
			return left
		}
		for _, key := range missing {
			state[key] = &schemas.StateRow{Data: s.state[key]}
		}
	}
}

// leftOf gives the events that an erasure leaves as they are, and those that it redacts, which come to stand behind it.
func leftOf(events []schemas.Event, users, tickets []int64) (kept, late []schemas.Event) {
	x := &Redactor{Account: testAccount, Users: map[int64]bool{}, Tickets: map[int64]bool{}}
	for _, id := range users {
		x.Users[id] = true
	}
	for _, id := range tickets {
		x.Tickets[id] = true
	}
	for _, e := range events {
		data := x.Redact(&e)
		switch {
		case data == nil:
		case string(data) == string(e.Data):
			kept = append(kept, e)
		default:
			e.Data, e.Seq = data, e.Seq+2_000_000
			late = append(late, e)
		}
	}
	return kept, late
}

// countedContacts says whether counts are of activities of contacts that follow from the user alone. Whether somebody who stays was merged or deleted, and
// when, also follows from the user that Zendesk merged them with: where that one is erased, what stays of it does not tell.
func countedContacts(key string) bool {
	return strings.Contains(key, "|contact-") && !strings.Contains(key, "|contact-merged|") && !strings.Contains(key, "|contact-deleted|")
}

// ofUsers lists the rows in force that are about users themselves.
func ofUsers(s *store, users []int64) (out []string) {
	ids := map[string]bool{}
	for _, id := range users {
		ids[schemas.OwnPersonID(testAccount, schemas.ZID(id))] = true
	}
	for _, table := range []string{schemas.TableActivities, schemas.TablePersonActivities, schemas.TableActivityCounts, schemas.TablePersonAliases, schemas.TableAgents} {
		for key, row := range s.tables[table] {
			n, _ := row["user_id"].(float64)
			of := slices.Contains(users, int64(n)) && (row["ticket_id"] == nil || row["ticket_id"] == float64(0))
			alias, _ := row["alias"].(string)
			if table == schemas.TableActivityCounts && countedContacts(key) && row["count"] != float64(0) || of && row["count"] != float64(0) || ids[alias] {
				delete(row, "via")
				out = append(out, key+" "+string(jsonObject(row)))
			}
		}
	}
	for key, row := range s.withdrawn {
		if same, _ := row["user_ids"].([]any); len(same) > 1 && ids[fmt.Sprint(row["person_id"])] {
			out = append(out, key+" "+fmt.Sprint(same, row["own_ids"]))
		}
	}
	slices.Sort(out)
	return out
}

// TestBlankLeavesTheEvent: what is removed from a ticket stays in the event that told it, which is taken again when a batch turns out too large.
func TestBlankLeavesTheEvent(t *testing.T) {
	t.Parallel()
	told := step{changes: []change{{field: fieldSubject, old: "before", new: "after"}}, scores: []score{{comment: "said"}}}
	kept := told
	kept.blank(&marks{scrubbed: 1})
	if kept.changes[0].new != "" || kept.scores[0].comment != "" {
		t.Errorf("%+v is not blank", kept)
	}
	if told.changes[0].new != "after" || told.scores[0].comment != "said" {
		t.Errorf("the event tells %+v now", told)
	}
}
