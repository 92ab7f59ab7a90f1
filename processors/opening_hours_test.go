package processors

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"deskstream/schemas"
)

// scheduleOf is what Zendesk says of a schedule that is open on Mondays from 9 to an hour, UTC.
func scheduleOf(id, created, updated, closes int, deleted *time.Time) schemas.ZSchedule {
	z := schemas.ZSchedule{
		ID: schemas.ZID(id), TimeZone: "UTC", CreatedAt: time.Unix(int64(created), 0).UTC(), UpdatedAt: time.Unix(int64(updated), 0).UTC(), DeletedAt: deleted,
	}
	z.Intervals = append(z.Intervals, struct {
		Start int `json:"start_time"`
		End   int `json:"end_time"`
	}{dayMinutes + 9*60, dayMinutes + closes*60})
	return z
}

// TestOpeningHoursFollowTheCalendar: whatever the order in which versions become known, the rows say at every instant what business seconds
// are counted by.
func TestOpeningHoursFollowTheCalendar(t *testing.T) {
	t.Parallel()
	monday := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	when := func(day int) int { return int(monday.AddDate(0, 0, day).Unix()) }
	gone := monday.AddDate(0, 0, 60)
	versions := []schemas.ZSchedule{
		scheduleOf(7, when(0), when(0), 12, nil), scheduleOf(7, when(0), when(10), 17, nil), scheduleOf(8, when(-5), when(-5), 10, nil),
		scheduleOf(8, when(-5), when(20), 10, new(monday.AddDate(0, 0, 20))), scheduleOf(7, when(0), when(60), 17, &gone),
	}
	var first map[string]map[string]any
	for _, order := range [][]int{{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {2, 0, 4, 1, 3}} {
		s := newScene(t)
		for _, i := range order {
			body, err := json.Marshal(versions[i])
			if err != nil {
				t.Fatal(err)
			}
			s.say(schemas.KindSchedule, string(body))
			told := s.outputs
			if s.say(schemas.KindSchedule, string(body)); s.outputs != told {
				t.Fatal("a repeated version goes out again")
			}
		}
		rows := s.tables[schemas.TableOpeningHours]
		if first == nil {
			first = rows
		}
		if !reflect.DeepEqual(first, rows) {
			t.Errorf("order %v gives other rows", order)
		}
		var c calendar
		for _, z := range versions {
			c.add(newSchedule(z, s.now))
		}
		for _, at := range []int{when(-30), when(-1), when(0), when(9), when(10), when(19), when(20), when(45), when(59), when(60), when(200)} {
			from := int64(when(-40)) + 3600*9 + 900
			want, got := c.seconds(from, int64(at), int64(at)), openFrom(t, rows, from, int64(at))
			if show(want) != show(got) {
				t.Errorf("order %v, %v: rows say %v, the calendar %v", order, time.Unix(int64(at), 0).UTC(), show(got), show(want))
			}
		}
	}
}

// openFrom reads the rows as a report does.
func openFrom(t *testing.T, rows map[string]map[string]any, from, to int64) *int64 {
	t.Helper()
	when := func(row map[string]any, column string) int64 { return mustTime(t, row[column].(string)).Unix() }
	inForce := int64(-1)
	for _, r := range rows {
		if at := when(r, "in_force_from"); at <= to {
			inForce = max(inForce, at)
		}
	}
	schedule := 0.0
	until := func(at int64) (n int64) {
		last := int64(-1)
		for _, r := range rows {
			if when(r, "in_force_from") != inForce {
				continue
			}
			open := int64(r["open_before_s"].(float64))
			for i, o := range r["opens"].([]any) {
				opens, closes := int64(o.(float64)), int64(r["closes"].([]any)[i].(float64))
				if opens <= at && opens > last {
					last, schedule, n = opens, r["schedule_id"].(float64), open+min(closes, at)-opens
				}
				open += closes - opens
			}
		}
		return n
	}
	if n := until(to) - until(from); schedule != 0 {
		return &n
	}
	return nil
}

// TestWaitsByTheScheduleAtEachChange: business seconds of waits are counted spell by spell, by the schedule in force when the status ended,
// those of single events by the one at the event; a later edit restates nothing.
func TestWaitsByTheScheduleAtEachChange(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.people()
	schedule := func(updated, closes int) {
		t.Helper()
		z := scheduleOf(7, 1, updated, closes, nil)
		z.Intervals[0].Start = 9 * 60 // from Sunday 9 o'clock, open day and night up to the hour on Monday
		body, err := json.Marshal(z)
		if err != nil {
			t.Fatal(err)
		}
		s.say(schemas.KindSchedule, string(body))
	}
	// Monday is the 2nd. Up to the 2nd 12:00 the account closes at 11 on Mondays, from then on at 20.
	schedule(1, 11)
	schedule(int(mustTime(t, s.at("02T12:00")).Unix()), 20)
	s.audit("02T09:00", 9, created("status", `"new"`), said(50, 9, true, "hi"))
	s.audit("02T10:00", 1, changed("status", `"new"`, `"open"`), changed("assignee_id", "null", `"1"`), said(51, 1, true, "hello"))
	s.audit("02T10:30", 9, said(52, 9, true, "and?"))
	s.audit("02T13:00", 2, changed("assignee_id", `"1"`, `"2"`))
	s.audit("02T15:00", 2, changed("status", `"open"`, `"pending"`), said(53, 2, true, "so"))
	s.record("02T15:00", "pending", "")
	row := s.row()
	for column, want := range map[string]any{
		"new_business_s": 3600, "open_business_s": 5 * 3600, "pending_business_s": 0, "hold_business_s": 0, "first_assigned_business_s": 3600,
		"first_reply_business_s": 3600, "open_s": 5 * 3600,
	} {
		s.want(column, row[column], want)
	}
	spells := map[string]any{}
	for _, e := range s.tables[schemas.TableTicketEvents] {
		if kind := e["kind"].(string); kind == schemas.EventState || kind == schemas.EventNext {
			spells[kind+" "+e["at"].(string)[11:16]] = e["business_seconds"]
		}
	}
	// The spell of agent 1 ended at 13:00, but the status went on until 15:00.
	s.want("spells", spells, map[string]any{"state 09:00": 3600, "state 10:00": 3 * 3600, "state 13:00": 2 * 3600, "state 15:00": nil, "next 10:30": 4.5 * 3600})
	schedule(int(mustTime(t, s.at("02T16:00")).Unix()), 10)
	s.audit("02T17:00", 2, changed("status", `"pending"`, `"solved"`))
	row = s.row()
	s.want("new", row["new_business_s"], 3600)
	s.want("open", row["open_business_s"], 5*3600)
	s.want("pending by the newest hours", row["pending_business_s"], 0)
}

// read has what is told next read at a time.
func (s *scene) read(clock string) { s.now = mustTime(s.t, s.at(clock)) }

// hours tells a schedule that is open on Mondays from 9 to an hour, as edited at a time.
func (s *scene) hours(updated string, closes int) {
	s.t.Helper()
	body, err := json.Marshal(scheduleOf(7, 1, int(mustTime(s.t, s.at(updated)).Unix()), closes, nil))
	if err != nil {
		s.t.Fatal(err)
	}
	s.say(schemas.KindSchedule, string(body))
}

// solvedThenNoted tells a ticket that was solved at 10:00 by one who answered then, a change of the schedule and a note, and wants the figures to be the
// same before the change and behind it, in whatever batches all that comes.
func solvedThenNoted(t *testing.T, first, then func(s *scene), want map[string]any) *scene {
	t.Helper()
	s := newScene(t)
	s.read("02T08:00")
	first(s)
	s.people()
	s.read("02T10:01")
	s.audit("02T09:00", 9, created("status", `"new"`), said(50, 9, true, "hi"))
	s.audit("02T10:00", 1, changed("status", `"new"`, `"solved"`), changed("assignee_id", "null", `"1"`), said(51, 1, true, "so"))
	s.record("02T10:00", "solved", "")
	figures := func(when string) {
		t.Helper()
		s.wantRow(want)
		for size := 1; size <= len(s.events); size++ {
			cut := newStore()
			cut.batches(t, s.events, size)
			compareDumps(t, s.dump(), cut.dump())
		}
		for _, e := range s.tables[schemas.TableTicketEvents] {
			if kind := e["kind"].(string); kind == schemas.EventSolve || kind == schemas.EventState && e["status"] == "new" {
				s.want(kind+" "+when, e["business_seconds"], want["full_resolution_business_s"])
			}
		}
	}
	figures("at first")
	s.read("02T10:05")
	then(s)
	figures("after the change")
	s.read("02T11:00")
	s.audit("02T10:59", 1, said(52, 1, false, "a note"))
	s.record("02T10:59", "solved", "")
	want["hold_business_s"] = 0 // there are business hours by now
	figures("after the note")
	return s
}

// TestEditsOfSchedulesRestateNothing: a schedule edited before a solve that was taken in, as an edit that is read some minutes later is, counts for what
// happens after it was read, whatever is told of the ticket then and wherever batches are cut.
func TestEditsOfSchedulesRestateNothing(t *testing.T) {
	t.Parallel()
	solvedThenNoted(t, func(s *scene) { s.hours("01T00:00", 17) }, func(s *scene) { s.hours("02T09:55", 9) }, map[string]any{
		"first_reply_business_s": 3600, "first_resolution_business_s": 3600, "full_resolution_business_s": 3600, "first_assigned_business_s": 3600,
		"new_business_s": 3600, "hold_business_s": 0,
	})
}

// TestSchedulesMadeLaterRestateNothing: a schedule that was not among those read first counts for what happens after it was read; an account that had
// none until then had no business hours.
func TestSchedulesMadeLaterRestateNothing(t *testing.T) {
	t.Parallel()
	s := solvedThenNoted(t, func(s *scene) { s.say(schemas.KindSchedules, `{"ids":[]}`) }, func(s *scene) {
		s.hours("02T09:55", 17)
		s.say(schemas.KindSchedules, `{"ids":[7]}`)
	}, map[string]any{
		"first_reply_business_s": nil, "first_resolution_business_s": nil, "full_resolution_business_s": nil, "first_assigned_business_s": nil,
		"new_business_s": nil, "hold_business_s": nil,
	})
	created := mustTime(t, s.at("02T09:00")).Unix()
	for clock, want := range map[string]any{"02T10:04": nil, "02T10:05": 3900} {
		s.want("open by the rows at "+clock, show(openFrom(t, s.tables[schemas.TableOpeningHours], created, mustTime(t, s.at(clock)).Unix())), want)
	}
}

// TestTicketsToldBeforeTheSchedules: the schedules of the first reading count for tickets that webhooks told before it, though nothing more is told of
// these, wherever batches are cut; tickets that come later are not kept waiting.
func TestTicketsToldBeforeTheSchedules(t *testing.T) {
	t.Parallel()
	for how, listed := range map[string]string{"a schedule": `{"ids":[7]}`, "none any more": `{"ids":[]}`} {
		s := newScene(t)
		s.people()
		s.read("02T10:01")
		s.audit("02T09:00", 9, created("status", `"new"`), said(50, 9, true, "hi"))
		s.audit("02T10:00", 1, changed("status", `"new"`, `"solved"`), said(51, 1, true, "so"))
		s.record("02T10:00", "solved", "")
		s.wantRow(map[string]any{"full_resolution_business_s": nil, "new_business_s": nil})
		s.read("02T10:05")
		want := map[string]any{"full_resolution_business_s": nil, "new_business_s": nil}
		if how == "a schedule" {
			s.hours("01T00:00", 17)
			want = map[string]any{"first_reply_business_s": 3600, "full_resolution_business_s": 3600, "new_business_s": 3600}
		}
		s.say(schemas.KindSchedules, listed)
		s.wantRow(want)
		for size := 1; size <= len(s.events); size++ {
			cut := newStore()
			cut.batches(t, s.events, size)
			compareDumps(t, s.dump(), cut.dump())
		}
		if c, err := value[calendar](&schemas.StateRow{Data: s.state[testAccount+".cal"]}); err != nil || len(c.waiting) > 0 {
			t.Errorf("%s: still waiting: %v, %v", how, c, err)
		}
	}
}

// TestStatusOfNoLengthEnds: a status that ended in the second in which it began has ended all the same, so that the spells of its neighbours are two.
func TestStatusOfNoLengthEnds(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.people()
	s.audit("02T09:00", 9, created("status", `"open"`), said(50, 9, true, "hi"))
	s.audit("02T10:00", 1, changed("status", `"open"`, `"pending"`))
	s.audit("02T10:00", 1, changed("status", `"pending"`, `"open"`))
	s.record("02T10:00", "open", "")
	var got []string
	for _, e := range s.tables[schemas.TableTicketEvents] {
		if e["kind"] == schemas.EventState {
			got = append(got, e["at"].(string)[11:16]+" "+e["until"].(string)[11:16]+" "+e["status"].(string))
		}
	}
	s.want("spells", sorted(got), []string{"09:00 10:00 open", "10:00 06:28 open", "10:00 10:00 pending"})
	s.want("changes", s.row()["status_changes"], 2)
}

// TestSchedulesGoAndComeBack: a holiday that is taken away again leaves the hours as they were before it, and a schedule that the list has not got any
// more is none.
func TestSchedulesGoAndComeBack(t *testing.T) {
	t.Parallel()
	monday := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	day := func(n int) time.Time { return monday.AddDate(0, 0, n) }
	plain, holiday := scheduleOf(7, int(day(-9).Unix()), int(day(-9).Unix()), 17, nil), scheduleOf(7, int(day(-9).Unix()), int(day(-9).Unix()), 17, nil)
	holiday.Holidays = append(holiday.Holidays, struct {
		ID    schemas.ZID `json:"id"`
		Name  string      `json:"name"`
		Start string      `json:"start_date"`
		End   string      `json:"end_date"`
	}{1, "x", "2026-03-02", "2026-03-02"})
	later := scheduleOf(8, int(day(-8).Unix()), int(day(-8).Unix()), 12, nil)
	told := []struct {
		kind schemas.Kind
		at   time.Time
		data any
	}{
		{schemas.KindSchedule, day(1), plain},
		{schemas.KindSchedule, day(1), later},
		{schemas.KindSchedules, day(1), schemas.ScheduleList{IDs: []schemas.ZID{7, 8}}},
		{schemas.KindSchedule, day(2), holiday},
		{schemas.KindSchedule, day(3), plain},
		{schemas.KindSchedules, day(4), schemas.ScheduleList{IDs: []schemas.ZID{8}}},
		{schemas.KindSchedules, day(5), schemas.ScheduleList{IDs: []schemas.ZID{7, 8}}},
		{schemas.KindSchedules, day(6), schemas.ScheduleList{IDs: []schemas.ZID{}}},
	}
	for _, order := range [][]int{{0, 1, 2, 3, 4, 5, 6, 7}, {7, 6, 5, 4, 3, 2, 1, 0}} {
		s := newScene(t)
		for _, i := range order {
			body, err := json.Marshal(told[i].data)
			if err != nil {
				t.Fatal(err)
			}
			s.now = told[i].at
			s.say(told[i].kind, string(body))
			outputs := s.outputs
			if s.say(told[i].kind, string(body)); s.outputs != outputs {
				t.Errorf("order %v: number %d said twice goes out again", order, i)
			}
		}
		rows := s.tables[schemas.TableOpeningHours]
		for at, want := range map[int]any{1: 8 * 3600, 2: 0, 3: 8 * 3600, 4: 3 * 3600, 5: 8 * 3600, 6: nil} { // of the Monday, by the hours in force then
			if got := openFrom(t, rows, monday.Unix(), day(at).Unix()); fmt.Sprint(show(got)) != fmt.Sprint(want) {
				t.Errorf("order %v: on day %d the Monday has %v open seconds, want %v", order, at, show(got), want)
			}
		}
	}
}
