package liquid

import (
	"strconv"
	"strings"
	"time"
)

var dateFilters = []filter{
	{name: "date", least: 1, most: 2, run: dateFilter, zone: 2},
	{name: "in_time_zone", least: 1, most: 1, run: inTimeZone, zone: 1},
}

// dateFilter formats a date by strftime: nil gives "", what is no date comes back as it is. The second argument is the zone.
func dateFilter(st *state, in any, a arguments) (any, error) {
	format, err := a.text(st, 0, "")
	if err != nil {
		return nil, err
	}
	if in == nil || in == "" {
		return "", nil
	}
	zone, err := st.zoneArgument(a, 1)
	if err != nil {
		return nil, err
	}
	if format == "" {
		return in, nil
	}
	t, ok, err := st.instant(in, zone)
	if err != nil || !ok {
		return in, err
	}
	return strftime(st, format, t)
}

// inTimeZone gives the instant as a time in the zone.
func inTimeZone(st *state, in any, a arguments) (any, error) {
	zone, err := st.zoneArgument(a, 0)
	if err != nil {
		return nil, err
	}
	t, ok, err := st.instant(in, zone)
	if err != nil || !ok {
		return in, err
	}
	return t, nil
}

// zoneArgument gives the zone of argument i, or the one of the render, which may be nil.
func (st *state) zoneArgument(a arguments, i int) (*time.Location, error) {
	if i >= len(a.list) || a.list[i] == nil || a.list[i] == "" {
		return st.zone, nil
	}
	name, _ := a.list[i].(string)
	zone, ok, err := st.namedZone(name)
	if err != nil {
		return nil, err
	}
	if !ok {
		s, err := toText(st, a.list[i])
		if err != nil {
			return nil, err
		}
		return nil, typef("time zone %q is not known", cutText(s, 40))
	}
	return zone, nil
}

// instant reads a date and shows it in zone, or in its own where zone is nil.
func (st *state) instant(v any, zone *time.Location) (time.Time, bool, error) {
	if err := st.step(20); err != nil {
		return time.Time{}, false, err
	}
	if s, ok := v.(string); ok && (strings.EqualFold(s, "now") || strings.EqualFold(s, "today")) {
		if st.now.IsZero() {
			return time.Time{}, false, nil
		}
		v = st.now
	}
	t, ok := readInstant(v, zone)
	if ok && zone != nil {
		t = t.In(zone)
	}
	return t, ok, nil
}

// asInstant is readInstant in UTC.
func asInstant(v any) (time.Time, bool) { return readInstant(v, nil) }

// asInstantBeside reads v as a date when it is one, or when it is text that is compared with one.
func asInstantBeside(v, other any) (time.Time, bool) {
	if t, ok := v.(time.Time); ok {
		return t, true
	}
	if _, ok := other.(time.Time); !ok {
		return time.Time{}, false
	}
	return asInstant(v)
}

// largestEpoch bounds epoch seconds to years that can be written.
const largestEpoch = 1 << 37

// readInstant reads a time, epoch seconds (a number, or a text of digits) or a written date. Text without a zone is meant in zone, UTC when
// that is nil.
func readInstant(v any, zone *time.Location) (time.Time, bool) {
	if zone == nil {
		zone = time.UTC
	}
	switch v := v.(type) {
	case time.Time:
		return v, true
	case int64:
		return fromEpoch(v, zone)
	case float64:
		if v > -largestEpoch && v < largestEpoch {
			return fromEpoch(int64(v), zone)
		}
	case string:
		return fromText(strings.Trim(v, space), zone)
	}
	return time.Time{}, false
}

func fromEpoch(seconds int64, zone *time.Location) (time.Time, bool) {
	if seconds <= -largestEpoch || seconds >= largestEpoch {
		return time.Time{}, false
	}
	return time.Unix(seconds, 0).In(zone), true
}

// longestDate is more than any written date has.
const longestDate = 60

func fromText(s string, zone *time.Location) (time.Time, bool) {
	if s == "" || len(s) > longestDate {
		return time.Time{}, false
	}
	if allDigits(s) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return time.Time{}, false
		}
		return fromEpoch(n, zone)
	}
	layouts := wordLayouts
	if isDigit(s[0]) {
		layouts = digitLayouts
	}
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

var digitLayouts = []string{
	time.RFC3339, // with and without fractions of a second
	"2006-01-02",
	"2006-01-02 15:04:05",
	"2006-01-02T15:04:05",
	"2006-01-02 15:04:05 -0700",
	"2006-01-02 15:04:05 -07:00",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02T15:04:05-0700",
	"2006-01-02 15:04:05 MST",
	"2006-01-02 15:04",
	"2006-01-02T15:04",
	"2006-01-02T15:04Z07:00",
	"20060102T150405Z",
	"2006/01/02",
	"2006/01/02 15:04:05",
	"2 January 2006",
	"2 Jan 2006",
	"2 January 2006 15:04",
	"2 Jan 2006 15:04",
	"02 Jan 06 15:04 MST",
	"02 Jan 06 15:04 -0700",
}

var wordLayouts = []string{
	"January 2, 2006",
	"January 2 2006",
	"Jan 2, 2006",
	"Jan 2 2006",
	"January 2, 2006 15:04",
	"Jan 2, 2006 15:04",
	"January 2006",
	"Monday, January 2, 2006",
	"Monday, 2 January 2006",
	"Mon, 02 Jan 2006",
	time.RFC1123,
	time.RFC1123Z,
	time.RFC850,
	time.ANSIC,
	time.UnixDate,
	time.RubyDate,
}
