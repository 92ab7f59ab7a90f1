package processors

import (
	"testing"
	"time"

	"deskstream/schemas"
)

func weekdays(zone string, holidays ...[2]string) schemas.ZSchedule {
	z := schemas.ZSchedule{ID: 1, TimeZone: zone, CreatedAt: time.Unix(1, 0), UpdatedAt: time.Unix(1, 0)}
	for _, iv := range [][2]int{{1980, 2460}, {3420, 3900}, {4860, 5340}, {6300, 6780}, {7830, 8310}} {
		z.Intervals = append(z.Intervals, struct {
			Start int `json:"start_time"`
			End   int `json:"end_time"`
		}{iv[0], iv[1]})
	}
	for _, h := range holidays {
		z.Holidays = append(z.Holidays, struct {
			ID    schemas.ZID `json:"id"`
			Name  string      `json:"name"`
			Start string      `json:"start_date"`
			End   string      `json:"end_date"`
		}{Start: h[0], End: h[1]})
	}
	return z
}

// The vectors are figures that Zendesk itself computed; calendar minutes are Zendesk's, rounded.
func TestBusinessVectors(t *testing.T) {
	t.Parallel()
	var c calendar
	c.add(newSchedule(weekdays("New Caledonia"), time.Unix(1, 0)))
	for _, v := range []struct {
		start              string
		calendar, business int64
	}{
		{"2024-04-12T13:39:05Z", 97667, 23040},
		{"2024-04-12T13:39:05Z", 7292, 1440},
		{"2024-04-12T13:39:05Z", 185916, 43680},
		{"2023-10-20T10:57:49Z", 252154, 60000},
		{"2023-10-20T10:57:49Z", 32, 0},
		{"2020-12-11T18:34:09Z", 1261650, 300000},
	} {
		start := mustTime(t, v.start).Unix()
		end := start + v.calendar*60
		got := c.seconds(start, end, end)
		if got == nil || *got/60 != v.business {
			t.Errorf("%s + %d min: got %v business seconds, want %d min", v.start, v.calendar, got, v.business)
		}
	}
}

// hoursOf is a schedule that is open once a week, for minutes from Sunday.
func hoursOf(zone string, from, to int) schemas.ZSchedule {
	z := schemas.ZSchedule{ID: 2, TimeZone: zone}
	z.Intervals = append(z.Intervals, struct {
		Start int `json:"start_time"`
		End   int `json:"end_time"`
	}{from, to})
	return z
}

func TestBusinessAwkwardDays(t *testing.T) {
	t.Parallel()
	always := schemas.ZSchedule{ID: 2, TimeZone: "Eastern Time (US & Canada)"}
	always.Intervals = append(always.Intervals, struct {
		Start int `json:"start_time"`
		End   int `json:"end_time"`
	}{0, weekMinutes})
	for _, v := range []struct {
		name       string
		schedule   schemas.ZSchedule
		start, end string
		want       int64
	}{
		{"spring forward day has 23 h", always, "2024-03-10T05:00:00Z", "2024-03-11T04:00:00Z", 23 * 3600},
		{"autumn day has 25 h", always, "2024-11-03T04:00:00Z", "2024-11-04T05:00:00Z", 25 * 3600},
		{"office hours keep their wall clock in summer", weekdays("Eastern Time (US & Canada)"), "2024-07-01T00:00:00Z", "2024-07-01T13:30:00Z", 1800},
		{"office hours keep their wall clock in winter", weekdays("Eastern Time (US & Canada)"), "2024-01-08T00:00:00Z", "2024-01-08T14:30:00Z", 1800},
		{"holidays are inclusive local dates", weekdays("Eastern Time (US & Canada)", [2]string{"2024-03-28", "2024-03-29"}), "2024-03-28T00:00:00Z", "2024-04-01T12:00:00Z", 0},
		{"the day before a holiday counts", weekdays("Eastern Time (US & Canada)", [2]string{"2024-03-28", "2024-03-29"}), "2024-03-27T12:00:00Z", "2024-04-01T12:00:00Z", 8 * 3600},
		{"nothing backwards", always, "2024-03-11T00:00:00Z", "2024-03-10T00:00:00Z", 0},
		{"a zone without midnight", func() schemas.ZSchedule { z := always; z.TimeZone = "Brasilia"; return z }(), "2018-11-04T00:00:00Z", "2018-11-05T00:00:00Z", 24 * 3600},
		{"an hour shown twice, east of Greenwich", hoursOf("Europe/Berlin", 0, 120), "2026-10-24T00:00:00Z", "2026-10-26T00:00:00Z", 7200},
		{"both passes of it are open", hoursOf("Europe/Berlin", 120, 360), "2026-10-24T00:00:00Z", "2026-10-26T00:00:00Z", 5 * 3600},
		{"and west of it", hoursOf("America/New_York", 60, 360), "2026-10-31T00:00:00Z", "2026-11-02T00:00:00Z", 6 * 3600},
		{"half an hour shown twice", hoursOf("Australia/Lord_Howe", 0, 105), "2026-04-03T00:00:00Z", "2026-04-06T00:00:00Z", 105*60 + 15*60},
		{"hours that begin in one left out", hoursOf("Europe/Berlin", 150, 240), "2026-03-28T00:00:00Z", "2026-03-30T00:00:00Z", 3600},
		{"a clock put back over midnight", hoursOf("America/St_Johns", 0, 60), "2010-11-06T00:00:00Z", "2010-11-08T12:00:00Z", 3600 + 60},
		{"a date that is left out", hoursOf("Pacific/Apia", 5*dayMinutes, 6*dayMinutes), "2011-12-26T00:00:00Z", "2012-01-02T00:00:00Z", 0},
		{"an unknown zone is UTC", weekdays("Nowhere"), "2024-01-08T00:00:00Z", "2024-01-08T09:30:00Z", 1800},
	} {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			var c calendar
			c.add(newSchedule(v.schedule, time.Unix(1, 0)))
			got := c.seconds(mustTime(t, v.start).Unix(), mustTime(t, v.end).Unix(), 0)
			if got == nil || *got != v.want {
				t.Errorf("got %v, want %d", show(got), v.want)
			}
		})
	}
}

// TestStretchesOfEveryZone lays every zone out as far as opening hours are: one stretch after the other, each as its clock goes throughout.
func TestStretchesOfEveryZone(t *testing.T) {
	t.Parallel()
	begin, end := time.Date(firstLaidOut, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(lastLaidOut+1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	for name, zone := range railsZones {
		loc, at := location(zone), begin-daySeconds
		for _, st := range stretches(loc, begin, end) {
			if st.from != at || st.to <= st.from {
				t.Fatalf("%s: a stretch from %d to %d behind one to %d", name, st.from, st.to, at)
			}
			for at = st.from; at < st.to; at = max(at+1, min(at+5*daySeconds, st.to-1)) {
				if _, offset := time.Unix(at, 0).In(loc).Zone(); int64(offset) != st.offset {
					t.Fatalf("%s at %d: %d s from UTC, want %d", name, at, st.offset, offset)
				}
			}
		}
		if at != end+daySeconds {
			t.Errorf("%s is laid out to %d", name, at)
		}
	}
}

func TestScheduleInForce(t *testing.T) {
	t.Parallel()
	version := func(id, created, updated, received, end int) schedule {
		z := weekdays("UTC")
		z.ID, z.CreatedAt, z.UpdatedAt = schemas.ZID(id), time.Unix(int64(created), 0), time.Unix(int64(updated), 0)
		z.Intervals = z.Intervals[:1]
		z.Intervals[0].End = end
		return newSchedule(z, time.Unix(int64(received), 0))
	}
	versions := []schedule{
		version(7, 100, 1000, 1100, 2000), version(7, 100, 5000, 5100, 2100), version(7, 100, 5000, 9000, 2200), version(8, 50, 50, 60, 2300), version(9, 200, 200, 210, 2400),
	}
	deleted := version(8, 50, 3000, 3100, 2300)
	deleted.deleted = 3000
	deleted.hash = deleted.digest()
	versions = append(versions, deleted)
	for _, order := range [][]int{{0, 1, 2, 3, 4, 5}, {5, 4, 3, 2, 1, 0}, {2, 0, 5, 1, 4, 3}} {
		var c calendar
		for _, i := range order {
			c.add(versions[i])
			if c.add(versions[i]) {
				t.Fatal("a repeated version must change nothing")
			}
		}
		for at, end := range map[int64]int64{60: 2300, 3099: 2300, 3100: 2000, 5099: 2000, 5100: 2100, 8999: 2100, 9000: 2200} {
			if s := c.at(at); s == nil || s.intervals[0].to != end {
				t.Errorf("order %v: at %d: got %+v, want the version that ends at %d", order, at, s, end)
			}
		}
		var w writer
		c.encode(&w)
		var back calendar
		back.decode(&reader{b: w.b})
		if got, want := len(back.versions), len(c.versions); got != want {
			t.Errorf("decoded %d versions, want %d", got, want)
		}
	}
	var none calendar
	if none.seconds(1, 2, 2) != nil {
		t.Error("without a schedule there are no business seconds")
	}
}

func TestRailsZonesExist(t *testing.T) {
	t.Parallel()
	for rails, iana := range railsZones {
		if _, err := time.LoadLocation(iana); err != nil {
			t.Errorf("%s: %v", rails, err)
		}
	}
	if len(railsZones) < 150 {
		t.Errorf("%d zone names, want all of ActiveSupport (over 150)", len(railsZones))
	}
	for in, want := range map[string]string{"": "", "Local": "", "Europe/Berlin": "Europe/Berlin", "New Caledonia": "Pacific/Noumea", "x/../y": ""} {
		if got := zoneName(in); got != want {
			t.Errorf("zoneName(%q) = %q, want %q", in, got, want)
		}
	}
}

func mustTime(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func show(p *int64) any {
	if p == nil {
		return nil
	}
	return *p
}
