package zendesktest

import (
	"testing"
	"time"
)

func TestBusinessHours(t *testing.T) {
	t.Parallel()
	a := NewAccount("acme")
	week := weekdays(9*60, 12*60)
	for day := 1; day <= 5; day++ {
		week = append(week, Interval{StartTime: day*1440 + 13*60, EndTime: day*1440 + 17*60})
	}
	a.CreateSchedule(testStart, "Split day", "Eastern Time (US & Canada)", week, Holiday{Name: "Off", StartDate: "2026-03-10", EndDate: "2026-03-11"})
	h := a.openHours()
	at := func(s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", s, h.zone)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		from  string
		hours float64
		to    string
	}{
		{"2026-03-02 09:00", 2, "2026-03-02 11:00"},
		{"2026-03-02 11:00", 2, "2026-03-02 14:00"},
		{"2026-03-02 16:00", 2, "2026-03-03 10:00"},
		{"2026-03-02 20:00", 1, "2026-03-03 10:00"},
		// Over the week-end in which the clocks go forward.
		{"2026-03-06 16:30", 1, "2026-03-09 09:30"},
		// Over the holidays.
		{"2026-03-09 16:00", 3, "2026-03-12 11:00"},
	} {
		d := time.Duration(c.hours * float64(time.Hour))
		if got := h.add(at(c.from), d); !got.Equal(at(c.to)) {
			t.Errorf("%s plus %v open hours = %s, want %s", c.from, c.hours, got, c.to)
		}
		if got := h.between(at(c.from), at(c.to)); got != d {
			t.Errorf("from %s to %s = %v, want %v", c.from, c.to, got, d)
		}
	}
	var none *hours
	if none.between(at("2026-03-02 09:00"), at("2026-03-02 11:00")) != 0 || !none.add(testStart, time.Hour).Equal(testStart.Add(time.Hour)) {
		t.Error("no schedule measures something")
	}
}
