package processors

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"deskstream/schemas"
)

// retain sets another retention at a time.
func (f *feed) retain(at time.Time, days, least int) {
	f.connect(at, func(set *schemas.Settings) {
		set.Retention = schemas.Retention{Days: days}
		set.RetentionChange = &schemas.RetentionChange{At: at, Least: schemas.Retention{Days: least}}
	})
}

// expire drops the activities that are older than a number of days.
func (s *store) expire(t tb, now time.Time, days int) {
	t.Helper()
	for key, row := range s.tables[schemas.TableActivities] {
		at, err := time.Parse(time.RFC3339, row["occurred_at"].(string))
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		if !at.AddDate(0, 0, days).After(now) {
			delete(s.tables[schemas.TableActivities], key)
		}
	}
}

// TestErasureThenRetention: what happened to erased people comes back with a longer retention, as it was left and with its counts, and is the same when it is
// made again from the events.
func TestErasureThenRetention(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		live := newStore()
		live.batches(fataler{t}, w.out, 1+w.draw(20, "batch"))
		users := personOf(live, 201+int64(w.draw(4, "erased")))
		own, others := requested(live, users)
		erase := live.erasure(fataler{t}, users, slices.Concat(own, others))
		kept, late := leftOf(w.out, users, own)
		live.batches(fataler{t}, slices.Concat(erase, late), 1+w.draw(20, "batch of the erasure"))
		left := ofUsers(live, users)

		f, day := feed{n: 5_000_000}, erase[0].ReceivedAt
		f.retain(day.AddDate(0, 0, 1), 3, 4000)
		short := len(f.out)
		f.retain(day.AddDate(0, 0, 2), 4000, 3)
		for _, e := range late {
			if e.Kind == schemas.KindUser {
				f.add(e.Kind, e.Via, day.AddDate(0, 0, 3), e.Data)
			}
		}
		live.batches(fataler{t}, f.out[:short], 1)
		live.expire(fataler{t}, day.AddDate(0, 0, 1), 3)
		live.batches(fataler{t}, f.out[short:], 1+w.draw(4, "batch of the second reading"))
		compareDumps(t, left, ofUsers(live, users))
		outputs := live.outputs
		live.batches(fataler{t}, f.out[short+1:], 1)
		if live.outputs != outputs {
			t.Fatalf("reading once more emitted %d rows, last %s", live.outputs-outputs, live.newest)
		}

		again := newStore()
		again.batches(fataler{t}, slices.Concat(kept, erase, late), 1+w.draw(20, "batch of the replay"))
		again.batches(fataler{t}, f.out, 1+w.draw(4, "batch of the second reading's replay"))
		compareDumps(t, left, ofUsers(again, users))
	})
}

// TestForgottenChangesOutlastARetention: what changed before the versions that are kept comes back with a longer retention too, once and counted once.
func TestForgottenChangesOutlastARetention(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.now = mustTime(t, "2026-06-20T00:00:00Z")
	version := func(n int) {
		at := mustTime(t, "2026-03-01T00:00:00Z").Add(time.Duration(n) * time.Hour).Format(time.RFC3339)
		s.say(schemas.KindUser, `{"id":1,"created_at":"2026-01-02T00:00:00Z","updated_at":%q,"role":"end-user","name":"Ann","notes":"%d"}`, at, n)
		s.say(schemas.KindOrganization, `{"id":1,"created_at":"2026-01-02T00:00:00Z","updated_at":%q,"name":"Ann","notes":"%d"}`, at, n)
	}
	figures := func() (activities, counted int) {
		for _, row := range s.tables[schemas.TableActivityCounts] {
			counted += int(row["count"].(float64))
		}
		return len(s.tables[schemas.TableActivities]), counted
	}
	const newest = maxVersions + 20
	for n := range newest + 1 {
		version(n)
	}
	all, counted := figures()
	s.want("before", all, 2*(newest+1))
	s.retain(s.now, 3, 4000)
	s.play()
	s.expire(t, s.now, 3)
	s.now = s.now.Add(time.Hour)
	s.retain(s.now, 4000, 3)
	s.play()
	outputs := 0
	for _, when := range []string{"read again", "read once more"} {
		outputs = s.outputs
		version(newest)
		now, total := figures()
		s.want(when, []int{now, total}, []int{all, counted})
	}
	s.want("rows of the last reading", s.outputs-outputs, 0)
}

// TestErasedUnderAShortRetention: a person who is erased while the retention is short has with a longer one what anybody has: what was put out before, and
// that it was created, though that never was.
func TestErasedUnderAShortRetention(t *testing.T) {
	t.Parallel()
	for _, first := range []int{4000, 3} {
		s := newScene(t, func(set *schemas.Settings) { set.Retention.Days = first })
		s.now = mustTime(t, "2026-03-20T00:00:00Z")
		record := func(id, day int, more string) { s.user(id, day, `,"organization_id":7`+more) }
		const name, agent = `,"name":"Jo Roe","notes":"a"`, `,"role":"agent"`
		for _, id := range []int{1, 2} {
			record(id, 1, `,"name":"Jo Doe","notes":"a"`)
			record(id, 5, name)
		}
		record(3, 1, agent)
		happened := func(id int64) (out []string) {
			for _, table := range []string{schemas.TableActivities, schemas.TablePersonActivities} {
				for _, row := range s.tables[table] {
					if row["user_id"] == float64(id) {
						out = append(out, fmt.Sprint(row["activity"], " ", []any{row["occurred_at"], row["expires_at"], row["organization_id"], row["count"], row["first_at"]}))
					}
				}
			}
			slices.Sort(out)
			return out
		}
		change := func(days, least int) {
			s.retain(s.now, days, least)
			s.play()
			s.expire(t, s.now, days)
			s.now = s.now.Add(time.Hour)
		}
		change(3, first)
		for _, id := range []int64{1, 3} {
			data, _ := json.Marshal(schemas.PersonErasure{ID: schemas.ZID(id), Remains: s.remains(t, id)})
			s.say(schemas.KindErasure, "%s", data)
		}
		s.want("activities of the short retention", len(s.tables[schemas.TableActivities]), 0)
		change(300, 3)
		record(1, 5, "") // redacted
		record(2, 5, name)
		record(3, 5, agent)
		want := happened(2)
		for i := range want { // users are created on the day of their id
			want[i] = strings.ReplaceAll(want[i], "2026-01-03", "2026-01-02")
			want[i] = strings.ReplaceAll(want[i], "2026-10-30", "2026-10-29")
		}
		if first == 3 { // nothing tells any more that it was updated
			want = slices.DeleteFunc(want, func(line string) bool { return strings.Contains(line, "updated") })
		}
		s.want(fmt.Sprint("first ", first, " days: what happened"), strings.Join(happened(1), "\n"), strings.Join(want, "\n"))
		s.want("an agent", happened(3), []string{})
		total := 0.
		for key, row := range s.tables[schemas.TableActivityCounts] {
			if strings.Contains(key, "|contact-created|") {
				total += row["count"].(float64)
			}
		}
		s.want("counted", total, 2)
		for _, row := range s.tables[schemas.TableActivities] {
			if text := string(jsonObject(row)); strings.Contains(text, "Jo") {
				t.Errorf("an activity tells of the person: %s", text)
			}
		}
	}
}
