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
		w.to = schemas.NextDay(asOf, loc)
	}
	if w.from, err = parseEdge("query.from", from, loc, false); err != nil {
		return w, err
	}
	if from == "" {
		last := w.to.Add(-time.Second).In(loc)
		w.from = schemas.StartOfDay(last.Year(), last.Month(), last.Day()-defaultDays+1, loc)
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
		return parseDay(location, s, loc, end)
	}
	if !countable(t) {
		return t, outOfYears(location)
	}
	// What is counted happened at whole seconds: the first one that is not before an instant is the end that means the same.
	return t.Add(time.Second - time.Nanosecond).Truncate(time.Second), nil
}

// parseDay reads a date, which as an end is part of the range.
func parseDay(location, s string, loc *time.Location, end bool) (time.Time, error) {
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return d, schemas.Invalid(location, "must be a date as 2026-11-01, or an instant as 2026-11-01T13:00:00Z")
	}
	if !countable(d) {
		return d, outOfYears(location)
	}
	day := d.Day()
	if end {
		day++
	}
	return schemas.StartOfDay(d.Year(), d.Month(), day, loc), nil
}

// countable says whether the tables have room for the time: their last one is in February 2106.
func countable(t time.Time) bool { return t.Year() >= 1970 && t.Year() <= 2105 }

func outOfYears(location string) error {
	return schemas.Invalid(location, "must lie within 1970 to 2105")
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
		return schemas.StartOfDay(l.Year(), l.Month(), l.Day()-(int(l.Weekday())+6)%7, w.loc)
	case intervalMonth:
		return schemas.StartOfDay(l.Year(), l.Month(), 1, w.loc)
	default:
		return schemas.StartOfDay(l.Year(), l.Month(), l.Day(), w.loc)
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
		return schemas.StartOfDay(l.Year(), l.Month(), l.Day()+7, w.loc)
	case intervalMonth:
		return schemas.StartOfDay(l.Year(), l.Month()+1, 1, w.loc)
	default:
		return schemas.NextDay(start, w.loc)
	}
}
