package processors

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"deskstream/schemas"
)

// history gives the tables that tell who was one person and in which audience when, with what ended, and as whom users count.
func (s *store) history(t tb) []string {
	t.Helper()
	out := s.countedAs(t)
	for _, table := range []string{schemas.TablePersonMerges, schemas.TableAudienceEntries, schemas.TableAudienceMembers} {
		for key, row := range s.tables[table] {
			out = append(out, fmt.Sprint(key, " ", row))
		}
	}
	slices.Sort(out)
	return out
}

// TestCuts: which merges there were, who entered an audience when and under which entry does not depend on where batches are cut: all in one
// batch, each event twice, and a batch whose commit is lost end as one event after the other does.
func TestCuts(t *testing.T) {
	t.Parallel()
	a, b := int64(1), int64(2)
	both := func(s *scene) {
		s.user(1, 1, `,"name":"A","email":"a@x.test","verified":true`)
		s.user(2, 2, `,"name":"B","email":"b@x.test","verified":true`)
	}
	member := func(s *scene) {
		both(s)
		s.finds(a, 1, isOut)
		s.finds(b, 1, isIn)
	}
	for _, c := range []struct {
		name    string
		happens func(s *scene)
		merges  []string
		entries []string
		inside  []int64
	}{
		{"absorbed", func(s *scene) {
			member(s)
			s.linked(a, 1, false, b)
		}, []string{"2>1 manual"}, []string{"00:01 entered 2"}, []int64{a}},
		{"absorbed and left", func(s *scene) {
			member(s)
			s.linked(a, 1, false, b)
			s.finds(a, 9, isOut)
		}, []string{"2>1 manual"}, []string{"00:01 entered 2", "00:09 left 1"}, nil},
		{"absorbed before", func(s *scene) {
			both(s)
			s.linked(a, 1, false, b)
			s.finds(b, 1, isIn)
			s.linked(a, 2, true, b)
			s.finds(a, 9, isOut)
		}, []string{"2>1 manual ended undone"}, []string{"00:01 entered 1", "00:09 left 1"}, []int64{b}},
		{"undone", func(s *scene) {
			member(s)
			s.linked(a, 1, false, b)
			s.linked(a, 2, true, b)
		}, []string{"2>1 manual ended undone"}, []string{"00:01 entered 2"}, []int64{a, b}},
		{"one address for a while", func(s *scene) {
			member(s)
			s.user(1, 3, `,"name":"A","email":"b@x.test","verified":true`)
			s.user(1, 4, `,"name":"A","email":"a@x.test","verified":true`)
		}, []string{"2>1 email ended"}, []string{"00:01 entered 2"}, []int64{a, b}},
		{"other identifiers meanwhile", func(s *scene) {
			member(s)
			s.connect(s.now, func(set *schemas.Settings) {
				set.Identifiers, set.UpdatedAt = []string{"external-id"}, s.now.Add(time.Hour)
			})
			s.play()
			s.user(1, 3, `,"name":"A","email":"b@x.test","verified":true`)
			s.connect(s.now, func(set *schemas.Settings) { set.UpdatedAt = s.now.Add(2 * time.Hour) })
			s.play()
			s.finds(b, 9, isOut)
		}, []string{"2>1 email"}, []string{"00:01 entered 2", "00:09 left 1"}, nil},
		{"an agent for a while", func(s *scene) {
			member(s)
			s.user(2, 3, `,"name":"B","email":"b@x.test","role":"agent"`)
			s.user(2, 4, `,"name":"B","email":"b@x.test"`)
		}, []string{}, []string{"00:01 entered 2", "05:00 left 2"}, nil},
		{"merged by Zendesk", func(s *scene) {
			member(s)
			s.say(schemas.KindWebhook, `{"type":"zen:event-type:user.merged","account_id":1,"id":"w1","time":"2026-03-03T10:00:00Z","subject":"zen:user:2",
				"detail":{"id":"2","role":"end-user","created_at":"2026-01-03T00:00:00Z","updated_at":"2026-03-03T10:00:00Z"},"event":{"user":{"id":"1"}}}`)
			s.finds(b, 3, isOut)
		}, []string{"2>1 zendesk"}, []string{"00:01 entered 2", "00:03 left 1"}, nil},
		{"told by a webhook and then by history", func(s *scene) {
			s.people()
			s.audit("02T09:00", 9, created("status", `"open"`), created("requester_id", `"9"`), said(1, 9, true, "hi"))
			s.hook("status_changed", "02T10:00", `{"current":"SOLVED","previous":"OPEN"}`, "")
			s.fires(1, "ticket-solved", "02T10:00")
			s.audit("02T10:01", 1, changed("status", `"open"`, `"solved"`))
			s.record("02T10:01", "solved", "")
			s.fires(2, "ticket-solved", "02T10:01")
			s.fires(3, "ticket-solved", "02T10:02")
		}, []string{}, []string{}, nil},
		{"told by history before a webhook's verdict", func(s *scene) {
			s.people()
			s.hook("status_changed", "02T10:00", `{"current":"SOLVED","previous":"OPEN"}`, "")
			s.audit("02T09:00", 9, created("status", `"open"`), created("requester_id", `"9"`), said(1, 9, true, "hi"))
			s.audit("02T10:01", 1, changed("status", `"open"`, `"solved"`))
			s.record("02T10:01", "solved", "")
			s.fires(1, "ticket-solved", "02T10:00")
			s.fires(2, "ticket-solved", "02T10:01")
		}, []string{}, []string{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, events := recorded(t, c.happens)
			s.want("merges", s.merges(a, b), c.merges)
			s.want("entries", s.entries(a, b), c.entries)
			s.want("inside", s.inside(a, b), c.inside)
			twice := []schemas.Event{}
			for _, e := range events {
				twice = append(twice, e, e)
			}
			for _, again := range [][]schemas.Event{events, twice} {
				for size := range len(again) {
					cut := newStore()
					cut.lose(t, again[:size+1])
					cut.batches(t, again, size+1)
					s.want(fmt.Sprint("cut after ", size+1), strings.Join(cut.history(t), "\n"), strings.Join(s.history(t), "\n"))
				}
			}
		})
	}
}

// recorded gives the events of a scene, received a minute after the other, and the scene as they make it one by one.
func recorded(t *testing.T, happens func(s *scene)) (*scene, []schemas.Event) {
	t.Helper()
	s := newScene(t)
	happens(s)
	for i := range s.events {
		s.events[i].ReceivedAt = s.now.Add(time.Duration(i) * time.Minute)
	}
	one := &scene{t: t, store: newStore()}
	one.batches(t, s.events, 1)
	return one, s.events
}

// judged is what an evaluation finds about somebody.
func (w *world) judged() {
	at := w.tick()
	v := map[string]any{"id": []int64{201, 202, 203, 204}[w.draw(4, "who")], "at": at, "settle": w.chance(30, "settle")}
	audience := []string{"vip", "new"}[w.draw(2, "audience")]
	switch w.draw(3, "found") {
	case 0:
		v["in"] = []any{map[string]any{"id": audience, "generation": 1}}
	case 1:
		v["out"] = []any{map[string]any{"id": audience, "generation": 1}}
	case 2:
		v["fired"] = []any{map[string]any{"audience": audience, "since": replayStart, "activity": map[string]any{
			"account": testAccount, "activity_id": fmt.Sprintf("a%d", w.draw(4, "activity")), "activity": "contact-updated", "occurred_at": at,
		}}}
	}
	w.emit(schemas.KindAudience, v)
}

// fired has activities of tickets make their people enter, in the order of what happens so far at any place.
func (w *world) fired() {
	s := newStore()
	for i := 0; i < len(w.out); i++ {
		s.run(fataler{w.t}, w.out[i:i+1])
		if !w.chance(15, "fires") {
			continue
		}
		rows := s.tables[schemas.TableActivities]
		keys := slices.DeleteFunc(sortedKeys(rows), func(key string) bool { return rows[key]["ticket_id"] == float64(0) })
		if len(keys) == 0 {
			continue
		}
		row := rows[keys[w.draw(len(keys), "which")]]
		w.emit(schemas.KindAudience, map[string]any{"id": row["user_id"], "at": w.tick(), "fired": []any{map[string]any{
			"audience": "fire", "since": replayStart.AddDate(0, -1, 0), "activity": map[string]any{
				"account": testAccount, "activity_id": row["activity_id"], "activity": row["activity"], "ticket_id": row["ticket_id"], "occurred_at": row["occurred_at"],
			},
		}}})
		last := len(w.out) - 1
		w.out = slices.Insert(w.out[:last], i+1, w.out[last])
		i++
	}
}

// rescheduled has schedules edited, made and deleted. That is read after all that it could count for, wherever in the stream, and says of itself that it
// was done earlier.
func (w *world) rescheduled() {
	w.emit(schemas.KindSchedules, map[string]any{"ids": []int64{1}})
	for range 1 + w.draw(4, "edits") {
		if w.chance(30, "listed") {
			w.emit(schemas.KindSchedules, map[string]any{"ids": [][]int64{{}, {1}, {2}, {1, 2}}[w.draw(4, "list")]})
		} else {
			z := scheduleOf(1+w.draw(2, "id"), 1, int(replayStart.Unix())+w.draw(int(w.clock.Sub(replayStart)/time.Second)+1, "updated"), 10+w.draw(9, "closes"), nil)
			body, err := json.Marshal(z)
			if err != nil {
				w.t.Fatal(err)
			}
			w.add(schemas.KindSchedule, "poll", replayStart.Add(30*24*time.Hour), body)
		}
		last := len(w.out) - 1
		w.out = slices.Insert(w.out[:last], w.told+w.draw(last-w.told+1, "where"), w.out[last])
	}
}

// paused has the source disconnected and reconnected for times that say nothing of where in the stream that is told, as if clocks went wrong.
func (w *world) paused() {
	var pauses []schemas.Pause
	status, at := schemas.SourceConnected, w.told
	for range w.draw(7, "moves") {
		moment := replayStart.Add(time.Duration(w.draw(int(w.clock.Sub(replayStart)/time.Second)+1, "moment")) * time.Second)
		set := schemas.Settings{Status: status, Pauses: pauses}
		if set.Status = schemas.SourceDisconnected; status == schemas.SourceDisconnected {
			set.Status = schemas.SourceConnected
		}
		set.Moved(status, moment)
		status, pauses = set.Status, set.Pauses
		w.connect(moment, func(s *schemas.Settings) { s.Status, s.Pauses = status, pauses })
		last := len(w.out) - 1
		at += w.draw(last-at+1, "where")
		w.out = slices.Insert(w.out[:last], at, w.out[last])
		at++
	}
}

// TestCutsAnywhere: whatever happens in whatever order, all tables and what ended too are the same wherever batches are cut, with events that
// come twice and commits that are lost, with schedules that change, and where they come in order with a source that is disconnected and reconnected
// meanwhile.
func TestCutsAnywhere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		for range w.draw(12, "judged") {
			w.judged()
		}
		for range w.draw(8, "more") {
			w.said()
		}
		erased := w.chance(40, "erased")
		if erased {
			w.emit(schemas.KindErasure, map[string]any{"id": 201 + w.draw(4, "erased")})
		}
		w.fired()
		if w.chance(50, "rescheduled") {
			w.rescheduled()
		}
		rnd := rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed")))
		if tail := w.out[w.told:]; rapid.Bool().Draw(t, "shuffled") {
			rnd.Shuffle(len(tail), func(i, j int) { tail[i], tail[j] = tail[j], tail[i] })
		} else if w.chance(50, "paused") {
			w.paused()
		}
		for i := range w.out {
			w.out[i].ReceivedAt = w.out[i].ReceivedAt.Add(time.Duration(i) * time.Minute)
		}
		one, cut := newStore(), newStore()
		one.batches(fataler{t}, w.out, 1)
		var events []schemas.Event
		for _, e := range w.out {
			for range 1 + rnd.Intn(2) {
				events = append(events, e)
			}
		}
		for i := 0; i < len(events); {
			n := min(1+rnd.Intn(60), len(events)-i)
			if rnd.Intn(3) == 0 {
				cut.lose(fataler{t}, events[i:i+n])
			}
			cut.run(fataler{t}, events[i:i+n])
			i += n
		}
		if !erased { // what an erased user had done before is not told any more if it was erased in the batch that told it first
			compareDumps(t, one.dump(), cut.dump())
		}
		compareDumps(t, one.history(fataler{t}), cut.history(fataler{t}))
	})
}

// TestVersionsOfOneBatch: changes of contacts and organizations are told also when more versions of one come in a batch than are kept.
func TestVersionsOfOneBatch(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	f := &feed{}
	f.connect(start)
	for i := range 3 * maxVersions {
		at := start.Add(time.Duration(i) * time.Minute).Format(time.RFC3339)
		for n, kind := range []schemas.Kind{schemas.KindUser, schemas.KindOrganization} {
			body := fmt.Sprintf(`{"id":%d,"created_at":"2026-01-01T00:00:00Z","updated_at":%q,"role":"end-user","active":%v,"name":"Name %d"}`, n+1, at, i%7 != 5, i)
			f.add(kind, "poll", start.Add(time.Duration(i)*time.Hour), []byte(body))
		}
	}
	one, all := newStore(), newStore()
	one.batches(t, f.out, 1)
	all.batches(t, f.out, len(f.out))
	compareDumps(t, one.dump(), all.dump())
}
