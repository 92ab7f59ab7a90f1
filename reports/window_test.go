package reports

import (
	"errors"
	"strings"
	"testing"
	"time"

	"deskstream/schemas"
)

func zone(tb testing.TB, name string) *time.Location {
	tb.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		tb.Fatal(err)
	}
	return loc
}

func hours(w window) string {
	var out []string
	for i := range w.bounds {
		out = append(out, strings.TrimSuffix(w.end(i).Sub(w.bounds[i]).String(), "0m0s"))
	}
	return strings.Join(out, " ")
}

func TestWindows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, from, to, interval, zone, hours, first, last string }{
		{"a day of 23 hours", "2026-03-07", "2026-03-09", "day", "America/New_York", "24h 23h 24h", "2026-03-07", "2026-03-09"},
		{"a day of 25 hours", "2026-10-31", "2026-11-02", "day", "America/New_York", "24h 25h 24h", "2026-10-31", "2026-11-02"},
		{"a day that begins at one", "2018-11-03", "2018-11-05", "day", "America/Sao_Paulo", "24h 23h 24h", "2018-11-03", "2018-11-05"},
		{"a date that does not exist", "2011-12-29", "2011-12-31", "day", "Pacific/Apia", "24h 24h", "2011-12-29", "2011-12-31"},
		{"weeks", "2026-03-02", "2026-03-15", "week", "Europe/Berlin", "168h 168h", "2026-03-02", "2026-03-09"},
		{"a week with a clock change", "2026-03-23", "2026-03-29", "week", "Europe/Berlin", "167h", "2026-03-23", "2026-03-23"},
		{"part of a week keeps its name", "2026-03-25", "2026-03-27", "week", "UTC", "72h", "2026-03-23", "2026-03-23"},
		{"months", "2026-01-01", "2026-03-31", "month", "UTC", "744h 672h 744h", "2026-01-01", "2026-03-01"},
		{"hours skip one", "2026-03-08T05:00:00Z", "2026-03-08T08:00:00Z", "hour", "America/New_York", "1h 1h 1h", "2026-03-08T00:00:00-05:00", "2026-03-08T03:00:00-04:00"},
		{"hours come twice", "2026-11-01T05:00:00Z", "2026-11-01T07:00:00Z", "hour", "America/New_York", "1h 1h", "2026-11-01T01:00:00-04:00", "2026-11-01T01:00:00-05:00"},
		{"hours of a zone with a half", "2026-03-08T00:00:00+05:30", "2026-03-08T02:00:00+05:30", "hour", "Asia/Kolkata", "1h 1h", "2026-03-08T00:00:00+05:30", "2026-03-08T01:00:00+05:30"},
		{"the first day there is", "1970-01-01", "1970-01-01", "day", "Asia/Tokyo", "24h", "1970-01-01", "1970-01-01"},
		{"the last day there is", "2105-12-31", "2105-12-31", "day", "Pacific/Pago_Pago", "24h", "2105-12-31", "2105-12-31"},
		{"instants between seconds", "2026-03-08T00:00:00.001Z", "2026-03-08T00:59:59.5Z", "", "UTC", "59m59s", "", ""},
		{"instants between seconds mean the next ones", "2026-03-07T23:59:59.001Z", "2026-03-08T23:59:59.999Z", "day", "UTC", "24h", "2026-03-08", "2026-03-08"},
		{"a second half of an hour and a half", "2026-04-05T01:45:00+10:30", "2026-04-05T03:00:00+10:30", "hour", "Australia/Lord_Howe", "15m0s 1h", "2026-04-05T01:00:00+11:00", "2026-04-05T02:00:00+10:30"},
		{"the one that skips half an hour", "2026-10-04T02:45:00+11:00", "2026-10-04T04:00:00+11:00", "hour", "Australia/Lord_Howe", "15m0s 1h", "2026-10-04T01:00:00+10:30", "2026-10-04T03:00:00+11:00"},
	} {
		w, err := newWindow(c.from, c.to, c.interval, zone(t, c.zone), testNow)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if hours(w) != c.hours || w.labels[0] != c.first || w.labels[len(w.labels)-1] != c.last {
			t.Errorf("%s: %s, labels %v", c.name, hours(w), w.labels)
		}
	}
}

func TestWindowDefaults(t *testing.T) {
	t.Parallel()
	w, err := newWindow("", "", "day", zone(t, "America/New_York"), testNow)
	if err != nil {
		t.Fatal(err)
	}
	if len(w.bounds) != 30 || w.labels[0] != "2026-02-19" || w.labels[29] != "2026-03-20" {
		t.Errorf("%d days, %s to %s", len(w.bounds), w.labels[0], w.labels[len(w.labels)-1])
	}
}

func TestWindowRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, to, interval, field string }{
		{"yesterday", "", "", "query.from"},
		{"2026-02-30", "", "", "query.from"},
		{"", "2026-03-01T00:00", "", "query.to"},
		{"2026-03-02", "2026-03-01", "", "query.from"},
		{"2026-03-02T00:00:00Z", "2026-03-02T00:00:00Z", "", "query.from"},
		{"1969-12-31", "2026-03-01", "", "query.from"},
		{"2026-03-01", "2106-01-01", "", "query.to"},
		{"2020-01-01", "2026-01-01", "hour", "query.interval"},
	} {
		_, err := newWindow(c.from, c.to, c.interval, time.UTC, testNow)
		p, ok := errors.AsType[*schemas.Problem](err)
		if !ok || p.Fields[0].Location != c.field {
			t.Errorf("%s to %s by %s: %v, want a fault of %s", c.from, c.to, c.interval, err, c.field)
		}
	}
}

// FuzzWindow holds that every window is cut without gaps and overlaps, in every zone.
func FuzzWindow(f *testing.F) {
	f.Add("2026-03-01", "2026-04-01", "day", uint8(0))
	f.Add("2011-12-01", "2012-01-05", "week", uint8(3))
	f.Add("2024-11-01T00:30:00+02:00", "2024-11-05", "hour", uint8(2))
	zones := []string{"UTC", "America/New_York", "America/Havana", "Pacific/Apia", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Cairo"}
	f.Fuzz(func(t *testing.T, from, to, interval string, z uint8) {
		if interval != "" && interval != "hour" && interval != "day" && interval != "week" && interval != "month" {
			return
		}
		w, err := newWindow(from, to, interval, zone(t, zones[int(z)%len(zones)]), testNow)
		if err != nil {
			return
		}
		if len(w.bounds) == 0 || len(w.bounds) != len(w.labels) || !w.bounds[0].Equal(w.from) {
			t.Fatalf("%d bounds, %d labels", len(w.bounds), len(w.labels))
		}
		for i := range w.bounds {
			if !w.end(i).After(w.bounds[i]) {
				t.Fatalf("bucket %d of %s: %s to %s", i, w.labels[i], w.bounds[i], w.end(i))
			}
			if i > 0 && w.labels[i] == w.labels[i-1] {
				t.Fatalf("two buckets are called %s", w.labels[i])
			}
		}
	})
}
