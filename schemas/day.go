package schemas

import "time"

// NextDay gives the start of the local day after the one that t is in.
func NextDay(t time.Time, loc *time.Location) time.Time {
	l := t.In(loc)
	for d := 1; ; d++ {
		n := StartOfDay(l.Year(), l.Month(), l.Day()+d, loc)
		if n.After(t) { // a zone that crosses the date line skips a whole date
			return n
		}
	}
}

// StartOfDay gives the first instant of a local date. Midnight may not exist, or exist twice, where clocks change at it; time.Date
// leaves open what it gives then.
func StartOfDay(year int, month time.Month, day int, loc *time.Location) time.Time {
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
