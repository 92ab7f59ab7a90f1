package schemas_test

import (
	"testing"
	"time"

	"deskstream/schemas"
)

func TestStartOfDay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		zone  string
		year  int
		month time.Month
		day   int
		want  string
	}{
		{"UTC", 2026, 3, 8, "2026-03-08T00:00:00Z"},
		{"UTC", 2026, 1, 32, "2026-02-01T00:00:00Z"},
		{"UTC", 2026, 3, 0, "2026-02-28T00:00:00Z"},
		{"America/New_York", 2026, 3, 9, "2026-03-09T04:00:00Z"},
		{"Asia/Kolkata", 2026, 3, 8, "2026-03-07T18:30:00Z"},
		{"America/Sao_Paulo", 2018, 11, 4, "2018-11-04T03:00:00Z"}, // no midnight: the day begins at 01:00
		{"Africa/Cairo", 2024, 4, 26, "2024-04-25T22:00:00Z"},      // the same
		{"America/Havana", 2024, 11, 3, "2024-11-03T04:00:00Z"},    // midnight twice: the first
		{"Pacific/Apia", 2011, 12, 30, "2011-12-30T10:00:00Z"},     // a date that was skipped begins with the next
		{"Pacific/Apia", 2011, 12, 31, "2011-12-30T10:00:00Z"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := schemas.StartOfDay(c.year, c.month, c.day, zone).UTC().Format(time.RFC3339); got != c.want {
			t.Errorf("%s %d-%d-%d: %s, want %s", c.zone, c.year, c.month, c.day, got, c.want)
		}
	}
}
