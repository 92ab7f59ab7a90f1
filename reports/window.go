package reports

import (
	"fmt"
	"time"

	"deskstream/schemas"
)

// maxBuckets bounds the rows of a report over time.
const maxBuckets = 10_000

// defaultDays is the range of a report that is asked without from.
const defaultDays = 30

// The intervals of a report.
const (
	intervalNone  = ""
	intervalHour  = "hour"
	intervalDay   = "day"
	intervalWeek  = "week"
	intervalMonth = "month"
)

var intervals = []string{intervalHour, intervalDay, intervalWeek, intervalMonth}

// window is the time that a report covers: [from, to) in UTC, cut into buckets by the wall clock of a zone. bounds[i] is where bucket
// i begins; the last one ends at to. Without an interval there is one bucket. labels are what the answer calls the buckets.
type window struct {
	from, to time.Time
	loc      *time.Location
	interval string
	bounds   []time.Time
	labels   []string
}

// end gives where bucket i ends.
func (w *window) end(i int) time.Time {
	if i+1 < len(w.bounds) {
		return w.bounds[i+1]
	}
	return w.to
}

// newWindow reads from and to, each a date of the zone (to inclusive) or an instant (to exclusive), and cuts the range.
func newWindow(from, to, interval string, loc *time.Location, asOf time.Time) (window, error) {
	w := window{loc: loc, interval: interval}
	var err error
	if w.to, err = parseEdge("query.to", to, loc, true); err != nil {
		return w, err
	}
	if to == "" {
		w.to = nextDay(asOf, loc)
	}
	if w.from, err = parseEdge("query.from", from, loc, false); err != nil {
		return w, err
	}
	if from == "" {
		last := w.to.Add(-time.Second).In(loc)
		w.from = startOfDay(last.Year(), last.Month(), last.Day()-defaultDays+1, loc)
	}
	if !w.from.Before(w.to) {
		return w, schemas.Invalid("query.from", "must be before to")
	}
	w.from, w.to = w.from.UTC(), w.to.UTC()
	return w, w.cut()
}

// parseEdge reads one end of the range; "" gives the zero time.
func parseEdge(location, s string, loc *time.Location, end bool) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		d, dateErr := time.Parse(time.DateOnly, s)
		if dateErr != nil {
			return t, schemas.Invalid(location, "must be a date as 2026-11-01, or an instant as 2026-11-01T13:00:00Z")
		}
		day := d.Day()
		if end {
			day++
		}
		t = startOfDay(d.Year(), d.Month(), day, loc)
	}
	if t.Year() < 1970 || t.Year() > 2105 {
		return t, schemas.Invalid(location, "must lie within 1970 to 2105")
	}
	// What is counted happened at whole seconds: the first one that is not before an instant is the end that means the same.
	return t.Add(time.Second - time.Nanosecond).Truncate(time.Second), nil
}

// cut fills in bounds and labels.
func (w *window) cut() error {
	if w.interval == intervalNone {
		w.bounds, w.labels = []time.Time{w.from}, []string{""}
		return nil
	}
	for start := w.floor(w.from); start.Before(w.to); {
		if len(w.bounds) == maxBuckets {
			return schemas.Invalid("query.interval", fmt.Sprintf("gives more than %d rows for this range; ask for a longer interval or a shorter range", maxBuckets))
		}
		bound := start
		if bound.Before(w.from) {
			bound = w.from
		}
		w.bounds = append(w.bounds, bound.UTC())
		w.labels = append(w.labels, w.label(start))
		start = w.next(start)
	}
	return nil
}

func (w *window) label(start time.Time) string {
	if w.interval == intervalHour {
		return start.In(w.loc).Format(time.RFC3339)
	}
	// A day that begins late (a clock change at midnight) is still named by its date.
	return start.In(w.loc).Format(time.DateOnly)
}

// floor gives the start of the bucket that t is in.
func (w *window) floor(t time.Time) time.Time {
	l := t.In(w.loc)
	switch w.interval {
	case intervalHour:
		for l.Minute() != 0 || l.Second() != 0 { // twice where the clock was put by half an hour in this bucket
			l = l.Add(-time.Duration(l.Minute())*time.Minute - time.Duration(l.Second())*time.Second)
		}
		return l
	case intervalWeek:
		return startOfDay(l.Year(), l.Month(), l.Day()-(int(l.Weekday())+6)%7, w.loc)
	case intervalMonth:
		return startOfDay(l.Year(), l.Month(), 1, w.loc)
	default:
		return startOfDay(l.Year(), l.Month(), l.Day(), w.loc)
	}
}

// next gives the start of the bucket after the one that begins at start.
func (w *window) next(start time.Time) time.Time {
	l := start.In(w.loc)
	switch w.interval {
	case intervalHour:
		n := l.Add(time.Hour)
		if m := n.Minute(); m != 0 { // the clock was put by half an hour
			n = n.Add(time.Duration(60-m) * time.Minute)
		}
		return n
	case intervalWeek:
		return startOfDay(l.Year(), l.Month(), l.Day()+7, w.loc)
	case intervalMonth:
		return startOfDay(l.Year(), l.Month()+1, 1, w.loc)
	default:
		return nextDay(start, w.loc)
	}
}

// nextDay gives the start of the local day after the one that t is in.
func nextDay(t time.Time, loc *time.Location) time.Time {
	l := t.In(loc)
	for d := 1; ; d++ {
		n := startOfDay(l.Year(), l.Month(), l.Day()+d, loc)
		if n.After(t) { // a zone that crosses the date line skips a whole date
			return n
		}
	}
}

// startOfDay gives the first instant of a local date. Midnight may not exist, or exist twice, where clocks change at it; time.Date
// leaves open what it gives then.
func startOfDay(year int, month time.Month, day int, loc *time.Location) time.Time {
	date := time.Date(year, month, day, 0, 0, 0, 0, time.UTC) // normalises day 0 or 32
	t := time.Date(date.Year(), date.Month(), date.Day(), 0, 0, 0, 0, loc)
	start, end := t.ZoneBounds()
	switch {
	case t.Day() != date.Day() && !end.IsZero(): // in the gap, taken as before it
		return end
	case t.Hour() != 0 || t.Minute() != 0: // in the gap, taken as after it
		return start
	}
	if start.IsZero() {
		return t
	}
	_, offset := t.Zone()
	_, before := start.Add(-time.Second).In(loc).Zone()
	if first := t.Add(time.Duration(offset-before) * time.Second); before > offset && first.Before(start) {
		return first // midnight comes twice, this is the first
	}
	return t
}
