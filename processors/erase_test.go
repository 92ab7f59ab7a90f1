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

// erasure makes the events that erase a user: the tombstone, then the tickets.
func erasure(user int64, tickets ...int64) []schemas.Event {
	var out []schemas.Event
	for i, p := range []schemas.PersonErasure{{ID: schemas.ZID(user)}, {ID: schemas.ZID(user), Tickets: tickets}} {
		data, _ := json.Marshal(p)
		out = append(out, schemas.Event{
			ID: fmt.Sprintf("erase:%d:%d", user, i), Kind: schemas.KindErasure, Source: testSource, Account: testAccount, Via: "api",
			ReceivedAt: replayStart.AddDate(0, 0, 30), Seq: uint64(1_000_000 + i), Data: data,
		})
	}
	return out
}

// texts are the columns that an erasure may blank; counted is what is left of a dump without them, and without people and their names.
var textColumns = []string{
	"subject", "subject_tokens", "description", "custom_fields", "external_id", "csat_comment", "message", "text", "attributes", "body", "tokens", "comment",
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
		return strings.Contains(row, `"contact-`) || strings.HasPrefix(row, schemas.TablePersonAliases+"|") && strings.Contains(row, "|p_")
	})
}

// requested lists the tickets of a user, written those of others in which the user wrote.
func requested(s *store, user int64) (own, others []int64) {
	for _, row := range s.tables[schemas.TableTickets] {
		if id := int64(row["ticket_id"].(float64)); row["requester_id"] == float64(user) {
			own = append(own, id)
		} else {
			others = append(others, id)
		}
	}
	return own, others
}

// checkErased looks for words of the user in rows and in state.
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
		if text := string(data); mine && (strings.Contains(text, "words") || strings.Contains(text, "Help") || strings.Contains(text, "Subject ") || strings.Contains(text, "User Nr") || strings.Contains(text, "@x.test")) {
			t.Fatalf("state %s still says %q", key, data)
		}
	}
}

// TestErasureKeepsFigures: an erasure removes every word and moves no figure; what arrives again changes nothing.
func TestErasureKeepsFigures(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		user := 201 + int64(w.draw(4, "erased"))
		s := newStore()
		s.batches(fataler{t}, w.out, 1+w.draw(20, "batch"))
		own, others := requested(s, user)
		before := counted(s)
		erase := erasure(user, append(own, others...)...)
		if len(own)+len(others) == 0 {
			erase = erase[:1]
		}
		s.batches(fataler{t}, erase, 1)
		compareDumps(t, before, counted(s))
		checkErased(fataler{t}, s, user, own)

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
		user := 201 + int64(w.draw(4, "erased"))
		plain := newStore()
		plain.batches(fataler{t}, w.out, 1)
		own, others := requested(plain, user)
		erase := erasure(user, append(own, others...)...)
		if len(own)+len(others) == 0 {
			erase = erase[:1]
		}
		plain.batches(fataler{t}, erase, 1)
		want := withoutContacts(plain.dump())

		events := slices.Clone(w.out)
		if rapid.Bool().Draw(t, "redacted") {
			events = redacted(t, w.out, user, own)
		}
		rnd := rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed")))
		tail := events[2:]
		rnd.Shuffle(len(tail), func(i, j int) { tail[i], tail[j] = tail[j], tail[i] })
		at := 2
		for _, e := range erase { // the tombstone comes before the tickets
			at += rnd.Intn(len(events) - at + 1)
			events = slices.Insert(events, at, e)
			at++
		}
		s := newStore()
		s.batches(fataler{t}, events, 1+rnd.Intn(20))
		compareDumps(t, want, withoutContacts(s.dump()))
		checkErased(fataler{t}, s, user, own)
		if len(s.dead) > 0 {
			t.Fatalf("dead letter: %s", s.dead[0].Reason)
		}
	})
}

// redacted gives what may be kept of events and checks that doing it again changes nothing.
func redacted(t *rapid.T, events []schemas.Event, user int64, tickets []int64) []schemas.Event {
	x := &Redactor{Account: testAccount, Users: map[int64]bool{user: true}, Tickets: map[int64]bool{}}
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
