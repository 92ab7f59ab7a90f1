package ingest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
	"deskstream/local/localtest"
	"deskstream/schemas"
)

// TestSchedulesThatBecomeWhatTheyWere: what was stored last counts as known, not all that ever was: a holiday that is taken away again, and a schedule
// that is not in the list any more, are told each time.
func TestSchedulesThatBecomeWhatTheyWere(t *testing.T) {
	t.Parallel()
	source := schemas.Source{Settings: schemas.Settings{ID: testSource, Account: "acme"}}
	row := func(id int, holidays string) json.RawMessage {
		return json.RawMessage(fmt.Sprintf(`{"id":%d,"updated_at":"2026-01-01T00:00:00Z","holidays":[%s]}`, id, holidays))
	}
	var table timetable
	ids, now := map[string]bool{}, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, step := range []struct {
		what   string
		rows   []json.RawMessage
		events int // schedules
		lists  int
	}{
		{"two schedules", []json.RawMessage{row(1, ""), row(2, "")}, 2, 1},
		{"as before", []json.RawMessage{row(1, ""), row(2, "")}, 0, 0},
		{"a holiday", []json.RawMessage{row(1, `{"id":5}`), row(2, "")}, 1, 0},
		{"none again", []json.RawMessage{row(1, ""), row(2, "")}, 1, 0},
		{"one deleted", []json.RawMessage{row(2, "")}, 0, 1},
		{"there again", []json.RawMessage{row(1, ""), row(2, "")}, 0, 1},
		{"none", nil, 0, 1},
		{"one that cannot be read", []json.RawMessage{json.RawMessage(`{"name":"x"}`)}, 1, 0},
	} {
		now = now.Add(10 * time.Minute)
		events, lists := table.changed(source, step.rows, now), table.list(source, step.rows, now)
		if len(events) != step.events || len(lists) != step.lists {
			t.Errorf("%s: %d schedules and %d lists are told, want %d and %d", step.what, len(events), len(lists), step.events, step.lists)
		}
		for _, e := range append(events, lists...) {
			if ids[e.ID] {
				t.Errorf("%s: the id %s was there before, so that it would be dropped as a repeat", step.what, e.ID)
			}
			ids[e.ID] = true
			table.stored(&e)
		}
	}
	// A new process knows nothing, and tells what is there under the ids by which repeats are known.
	var anew timetable
	for _, e := range append(anew.changed(source, []json.RawMessage{row(1, ""), row(2, "")}, now), anew.list(source, []json.RawMessage{row(1, ""), row(2, "")}, now)...) {
		if !ids[e.ID] {
			t.Errorf("%s is new, though it says what was said at first", e.ID)
		}
	}
}

// TestSchedulesOfTheAccountChange: a holiday that is taken away in Zendesk, where nothing else of the schedule changes, and a schedule that is deleted
// come with the next poll.
func TestSchedulesOfTheAccountChange(t *testing.T) {
	t.Parallel()
	d := newDesk(t, zendesktest.Options{})
	made := time.Now().Add(-time.Hour)
	hours := []zendesktest.Interval{{StartTime: 1980, EndTime: 2460}}
	day := d.Account.CreateSchedule(made, "Day", "London", hours, zendesktest.Holiday{Name: "Fair", StartDate: "2026-05-04", EndDate: "2026-05-04"})
	night := d.Account.CreateSchedule(made, "Night", "London", hours)
	r := newRig(t, d, nil)
	r.start(t)
	localtest.Eventually(t, "first sync", r.done)
	newest := func() (holidays map[schemas.ZID]int, listed int) {
		holidays = map[schemas.ZID]int{}
		for _, e := range r.store.all() {
			var s schemas.ZSchedule
			var list schemas.ScheduleList
			switch {
			case e.Kind == schemas.KindSchedule && json.Unmarshal(e.Data, &s) == nil:
				holidays[s.ID] = len(s.Holidays)
			case e.Kind == schemas.KindSchedules && json.Unmarshal(e.Data, &list) == nil:
				listed = len(list.IDs)
			}
		}
		return holidays, listed
	}
	before, listed := newest()
	if before[schemas.ZID(day.ID)] != 1 || listed < 2 {
		t.Fatalf("holidays %v of %d schedules", before, listed)
	}
	d.Account.SetHolidays(day.ID)
	d.Account.DeleteSchedule(night.ID)
	r.poller.Kick(testSource, schemas.ResourceSchedules)
	localtest.Eventually(t, "a day without its holiday, and no night", func() bool {
		now, left := newest()
		return now[schemas.ZID(day.ID)] == 0 && left == listed-1
	})
}

// TestNoSchedulesOnThePlan: an account whose plan has no business hours tells once that it has no schedules, so that one that is made later is not taken
// for one that there was all the time. Of schedules that are out of sight it tells nothing.
func TestNoSchedulesOnThePlan(t *testing.T) {
	t.Parallel()
	d := newDesk(t, zendesktest.Options{})
	d.Inject(zendesktest.Fault{Path: "/api/v2/business_hours/schedules", Status: 403, Times: -1})
	r := newRig(t, d, func(r *rig) { r.poller.Intervals = quick() })
	told := func() (out []string) {
		for _, e := range r.store.all() {
			if e.Kind == schemas.KindSchedules {
				out = append(out, string(e.Data))
			}
		}
		return out
	}
	want := func(when string, lists ...string) {
		t.Helper()
		localtest.Eventually(t, when, func() bool { return len(told()) >= len(lists) })
		localtest.Eventually(t, "more polls", r.polls(3))
		if !slices.Equal(told(), lists) {
			t.Errorf("%s: the lists %q are told, want %q", when, told(), lists)
		}
	}
	r.start(t)
	want("refused", `{"ids":[]}`)
	if cur := r.store.cursor(testSource, schemas.ResourceSchedules); cur.State != "idle" || !strings.Contains(cur.LastError, "not available") {
		t.Errorf("%+v", cur)
	}
	d.ClearFaults()
	z := d.Account.CreateSchedule(time.Now(), "Hours", "London", []zendesktest.Interval{{StartTime: 0, EndTime: 60}})
	made := fmt.Sprintf(`{"ids":[%d]}`, z.ID)
	want("made", `{"ids":[]}`, made)
	d.Inject(zendesktest.Fault{Path: "/api/v2/business_hours/schedules", Status: 403, Times: -1})
	want("refused again", `{"ids":[]}`, made)
}
