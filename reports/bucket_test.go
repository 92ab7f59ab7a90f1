package reports

import (
	"testing"
	"time"
)

// TestBucketsByDividing: a bucket that is found by dividing is the one that a search finds, in every window whose buckets are of one length.
func TestBucketsByDividing(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	for _, c := range []struct {
		name, from, to, interval, zone, asOf string
		bounds, ends                         bool // found by dividing
	}{
		{"days", "2026-01-01", "2026-03-19", "day", "UTC", "2026-03-20T12:00:00Z", true, true},
		{"a first day that is short, and as_of within the last", "2026-01-01T17:31:07Z", "2026-03-20", "day", "UTC", "2026-03-20T12:00:00Z", true, true},
		{"as_of at the end of a day", "2026-03-01", "2026-03-20", "day", "UTC", "2026-03-18T00:00:00Z", true, true},
		{"as_of a second before", "2026-03-01", "2026-03-20", "day", "UTC", "2026-03-17T23:59:59Z", true, true},
		{"weeks from within one", "2026-01-07", "2026-03-20", "week", "Asia/Kolkata", "2026-03-20T12:00:00Z", true, true},
		{"hours", "2026-03-19T00:30:00Z", "2026-03-19T23:30:00Z", "hour", "UTC", "2026-03-20T12:00:00Z", true, true},
		{"the first days there are", "1970-01-01", "1970-01-09", "day", "UTC", "1970-01-07T12:00:00Z", true, true},
		{"a first week that would begin before all time", "1970-01-01", "1970-02-09", "week", "UTC", "1970-01-20T12:00:00Z", false, true},
		{"a day of 23 hours among them", "2026-03-01", "2026-03-19", "day", "America/New_York", "2026-03-20T12:00:00Z", false, false},
		{"a day of 25 hours", "2025-10-20", "2025-11-09", "day", "America/New_York", "2026-03-20T12:00:00Z", false, false},
		{"a last day of 25 hours", "2026-10-29", "2026-11-01", "day", "America/New_York", "2026-11-20T12:00:00Z", false, false},
		{"a last day of 25 hours that as_of cuts", "2026-10-29", "2026-11-01", "day", "America/New_York", "2026-11-01T20:00:00Z", false, true},
		{"a last week of 169 hours", "2026-09-28", "2026-10-25", "week", "Europe/Berlin", "2026-11-20T12:00:00Z", false, false},
		{"a last hour of an hour and a half", "2026-04-04T11:00:00Z", "2026-04-04T15:30:00Z", "hour", "Australia/Lord_Howe", "2026-11-20T12:00:00Z", false, false},
		{"a last day of 23 hours", "2026-03-05", "2026-03-08", "day", "America/New_York", "2026-11-20T12:00:00Z", true, true},
		{"months", "2025-01-01", "2026-03-19", "month", "UTC", "2026-03-20T12:00:00Z", false, false},
		{"two days", "2026-03-01", "2026-03-02", "day", "UTC", "2026-03-20T12:00:00Z", false, false},
		{"four days of which as_of leaves two", "2026-03-01", "2026-03-04", "day", "UTC", "2026-03-02T12:00:00Z", true, false},
		{"one bucket", "2026-03-01", "2026-03-04", "", "UTC", "2026-03-20T12:00:00Z", false, false},
		{"only buckets after as_of", "2026-03-10", "2026-03-14", "day", "UTC", "2026-03-02T12:00:00Z", true, false},
	} {
		asOf, err := time.Parse(time.RFC3339, c.asOf)
		if err != nil {
			t.Fatal(err)
		}
		w, err := newWindow(c.from, c.to, c.interval, zone(t, c.zone), asOf)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		q := &question{metric: &metric{}, window: w, asOf: asOf, p: params{}}
		q.bindBounds()
		q.bindEnds(w.ends(asOf))
		if q.evenBounds != c.bounds || q.evenEnds != c.ends {
			t.Errorf("%s: bounds by dividing %t, ends %t", c.name, q.evenBounds, q.evenEnds)
		}
		for list, lowest := range map[string]int64{"bounds": unix32(w.from), "ends": 0} {
			s.sameBuckets(t, c.name, q, list, lowest)
		}
	}
}

// sameBuckets compares what a statement says with dividing and without, around each of the instants that matter and at others between.
func (s *testServer) sameBuckets(t *testing.T, name string, q *question, list string, lowest int64) {
	t.Helper()
	search, divided := (&reportPieces{}).Bucket("at"), q.pieces(nil).Bucket("at")
	if list == "ends" {
		search, divided = (&reportPieces{}).End("at"), q.pieces(nil).End("at")
	}
	q.p.int("lowest", lowest)
	q.p.int("highest", unix32(q.to)-1)
	if list == "ends" {
		q.p.int("highest", 1<<32-1) // of what holds still
	}
	found, ok, err := one[struct {
		Looked    uint64 `ch:"looked"`
		Different uint64 `ch:"different"`
	}](t.Context(), s.server, "buckets", `SELECT count() AS looked, countIf(`+search+` != `+divided+`) AS different
		FROM
		(
			SELECT DISTINCT toDateTime(least({highest:UInt32}, greatest({lowest:UInt32}, second)), 'UTC') AS at
			FROM
			(
				SELECT arrayJoin(arrayConcat({bounds:Array(UInt32)}, {ends:Array(UInt32)}, [{lowest:UInt32}, {highest:UInt32}])) + arrayJoin([-1, 0, 1, 1799, 40000]) AS second
				UNION ALL SELECT {lowest:UInt32} + number * intDiv({highest:UInt32} - {lowest:UInt32}, 5000) FROM numbers(5000)
			)
		)`, q.p)
	if err != nil || !ok || found.Looked < 100 || found.Different > 0 {
		t.Errorf("%s, %s: %+v of %s, %v", name, list, found, divided, err)
	}
}
