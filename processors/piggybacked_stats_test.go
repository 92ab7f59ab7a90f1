package processors

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"deskstream/schemas"
)

// TestCarry: figures come out the same whether they ride along in a ticket or are moved in one batch, and no text of an erased ticket
// stays behind in another row.
func TestCarry(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		w.out = w.out[:0]
		w.connect(replayStart)
		w.users()
		for n := int64(1); n <= 3; n++ {
			w.ticket(n)
		}
		changes := len(w.out)
		for n := int64(1); n <= 3; n++ { // some change hands
			s := &simTicket{id: n, status: "open", subject: "Help", tags: []string{"t0"}, created: replayStart}
			for range w.draw(4, "hands") {
				s.sender = 201 + int64(w.draw(2, "next sender"))
				w.record(s, w.tick())
			}
		}
		rnd := rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed")))
		tail := w.out[changes-rnd.Intn(changes/2):]
		rnd.Shuffle(len(tail), func(i, j int) { tail[i], tail[j] = tail[j], tail[i] })

		whole, single := newStore(), newStore()
		whole.batches(fataler{t}, w.out, len(w.out))
		if rapid.Bool().Draw(t, "cached") {
			single.cache = map[string]*schemas.StateRow{}
		}
		for i := range w.out {
			if rnd.Intn(4) == 0 {
				single.lose(fataler{t}, w.out[i:i+1])
			}
			single.run(fataler{t}, w.out[i:i+1])
		}
		compareDumps(t, whole.dump(), single.dump())
		single.checkPeople(fataler{t}, 201, 202, 203, 204)
		if n := single.checkTickets(fataler{t}); n > 0 {
			t.Fatalf("%d tickets are told otherwise than they were put out", n)
		}

		w.out = w.out[:0]
		for n := int64(1); n <= 3; n++ {
			w.record(&simTicket{id: n, status: "deleted", subject: "SCRUBBED", sender: 201, created: replayStart}, w.tick())
		}
		single.batches(fataler{t}, w.out, 1)
		for k, v := range single.state {
			for _, word := range []string{"Help", "Subject ", "words"} {
				if strings.Contains(string(v), word) {
					t.Fatalf("state row %s still holds %q", k, word)
				}
			}
		}
	})
}

// TestCarryRows: from the second change by one ticket on, its requester's figures need no row of their own.
func TestCarryRows(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.people()
	s.record("02T09:00", "open", "")
	var own []bool
	status := []string{"open", "solved"}
	before := string(s.state["example.s.9"])
	for i := range 6 {
		s.hook("status_changed", fmt.Sprintf("02T1%d:00", i), fmt.Sprintf(`{"current":%q,"previous":%q}`, strings.ToUpper(status[(i+1)%2]), strings.ToUpper(status[i%2])), "")
		now := string(s.state["example.s.9"])
		own = append(own, now != before)
		before = now
	}
	s.want("writes of the own row", own[1:], []bool{false, false, false, false, false})
	s.want("open tickets", s.tables[schemas.TablePersonStats]["person_stats|example|9"]["tickets_open"], 1)
}

// TestCarryErased: a ticket that carries figures holds no text of the requester's other tickets.
func TestCarryErased(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.people()
	other := func(subject, status string, hour int) {
		at := s.at(fmt.Sprintf("02T%02d:00", hour))
		s.say(schemas.KindTicket, `{"id":6,"subject":%q,"status":%q,"requester_id":9,"created_at":%q,"updated_at":%q,"generated_timestamp":%d}`,
			subject, status, s.at("02T08:00"), at, mustTime(t, at).Unix())
	}
	other("secretword", "open", 8)
	s.record("02T09:00", "open", "")
	for i, status := range []string{"pending", "solved", "open", "solved"} {
		s.record(fmt.Sprintf("02T1%d:00", i), status, "")
	}
	if k, v := ticketKey("example.", 5), s.state["example.t.5"]; strings.Contains(string(v), "secretword") {
		t.Errorf("state row %s holds a text of ticket 6", k)
	}
	if !strings.Contains(string(s.state["example.s.9"]), "secretword") {
		t.Error("the figures hold no subject of ticket 6: the test looks for nothing")
	}
	other("SCRUBBED", "deleted", 20)
	for k, v := range s.state {
		if strings.Contains(string(v), "secretword") {
			t.Errorf("state row %s still holds the text", k)
		}
	}
}
