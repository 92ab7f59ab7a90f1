package zendesktest

import "time"

// zoneNames are the IANA zones behind the names Zendesk's schedules use most.
var zoneNames = map[string]string{
	"Eastern Time (US & Canada)": "America/New_York", "Central Time (US & Canada)": "America/Chicago",
	"Mountain Time (US & Canada)": "America/Denver", "Pacific Time (US & Canada)": "America/Los_Angeles",
	"London": "Europe/London", "Berlin": "Europe/Berlin", "Paris": "Europe/Paris", "Kolkata": "Asia/Kolkata",
	"Tokyo": "Asia/Tokyo", "Sydney": "Australia/Sydney",
}

// hours is a schedule ready to measure with. A nil one measures nothing.
type hours struct {
	zone   *time.Location
	week   []Interval
	closed map[string]bool
}

// openHours returns the account's first schedule, or nil when there is none or its zone is unknown here.
func (a *Account) openHours() *hours {
	if len(a.schedule) == 0 {
		return nil
	}
	s := a.schedule[0]
	name := s.TimeZone
	if iana, ok := zoneNames[name]; ok {
		name = iana
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	h := &hours{zone: zone, week: s.Intervals, closed: map[string]bool{}}
	for _, holiday := range a.holidays[s.ID] {
		day, err := time.Parse(time.DateOnly, holiday.StartDate)
		for err == nil && day.Format(time.DateOnly) <= holiday.EndDate {
			h.closed[day.Format(time.DateOnly)] = true
			day = day.AddDate(0, 0, 1)
		}
	}
	return h
}

// between measures the open time from one moment to another.
func (h *hours) between(from, to time.Time) time.Duration {
	if h == nil || !to.After(from) {
		return 0
	}
	var total time.Duration
	local := from.In(h.zone)
	for day := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, h.zone); day.Before(to); day = day.AddDate(0, 0, 1) {
		if h.closed[day.Format(time.DateOnly)] {
			continue
		}
		base := int(day.Weekday()) * 24 * 60
		for _, i := range h.week {
			begin, end := max(i.StartTime, base), min(i.EndTime, base+24*60)
			if begin >= end {
				continue
			}
			total += overlap(from, to, wall(day, begin-base), wall(day, end-base))
		}
	}
	return total
}

// add returns the moment at which d of open time has gone by since a moment. After a year without enough open time, and
// for a nil schedule, it is plain addition.
func (h *hours) add(from time.Time, d time.Duration) time.Time {
	if h == nil {
		return from.Add(d)
	}
	local := from.In(h.zone)
	day := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, h.zone)
	left := d
	for range 366 {
		next := day.AddDate(0, 0, 1)
		if open := h.between(later(from, day), next); open >= left {
			return h.within(day, from, left)
		} else {
			left -= open
		}
		day = next
	}
	return from.Add(d)
}

// within finds the moment of a day at which left of its open time after from is used up.
func (h *hours) within(day, from time.Time, left time.Duration) time.Time {
	base := int(day.Weekday()) * 24 * 60
	for _, i := range h.week {
		if i.EndTime <= base || i.StartTime >= base+24*60 {
			continue
		}
		begin, end := later(wall(day, max(i.StartTime-base, 0)), from), wall(day, min(i.EndTime-base, 24*60))
		if open := end.Sub(begin); open >= left {
			return begin.Add(left)
		} else if open > 0 {
			left -= open
		}
	}
	return later(from, day)
}

func later(x, y time.Time) time.Time {
	if x.After(y) {
		return x
	}
	return y
}

// wall is the moment a number of minutes of wall clock after midnight, whatever the clocks do that day.
func wall(day time.Time, minutes int) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), 0, minutes, 0, 0, day.Location())
}

func overlap(from, to, begin, end time.Time) time.Duration {
	if begin.After(from) {
		from = begin
	}
	if end.Before(to) {
		to = end
	}
	return max(0, to.Sub(from))
}
