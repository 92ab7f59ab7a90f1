package schemas

import (
	"encoding/json"
	"math"
	"time"
	"unicode/utf8"
)

// value reads what a condition compares with.
func (p *filterParser) value(c *Condition, raw json.RawMessage, at string) {
	switch c.Op {
	case OpHasValue, OpHasNoValue:
		if raw != nil {
			p.refuse(at, "has no meaning with %s", c.Op)
		}
		return
	case OpLessDaysAgo, OpMoreDaysAgo, OpExactDaysAgo:
		if json.Unmarshal(raw, &c.Days) != nil || c.Days < 0 || c.Days > maxFilterDays {
			p.refuse(at, "must be a whole number of days from 0 to %d", maxFilterDays)
		}
		return
	}
	if raw == nil {
		p.refuse(at, "is missing")
		return
	}
	items := []json.RawMessage{raw}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil && list != nil {
		items = list
	}
	if !p.countFits(c, len(items), at) {
		return
	}
	for _, item := range items {
		v, accepted := readValue(c, item)
		if v == nil {
			p.refuse(at, "must be %s", accepted)
			return
		}
		c.Values = append(c.Values, v)
	}
	if c.Op == OpBetween && reversed(c.Values[0], c.Values[1]) {
		p.refuse(at, "must have the lowest that matches first, then the highest: nothing is between these")
	}
}

// reversed says whether a value is certainly higher than another. Of a date and an instant that depends on the zone.
func reversed(lowest, highest any) bool {
	switch low := lowest.(type) {
	case float64:
		high, ok := highest.(float64)
		return ok && low > high
	case time.Time:
		high, ok := highest.(time.Time)
		return ok && low.After(high)
	case day:
		high, ok := highest.(day)
		return ok && low.start(time.UTC).After(high.start(time.UTC))
	}
	return false
}

// countFits checks how many values there are: two with between, one or more where any of them may match, else one.
func (p *filterParser) countFits(c *Condition, n int, at string) bool {
	several := c.Type == TypeText || c.Type == TypeList || c.Type == TypeNumber && (c.Op == OpIs || c.Op == OpIsNot)
	switch {
	case c.Op == OpBetween && n != 2:
		p.refuse(at, "must be a list of two: the lowest and the highest that match")
	case c.Op != OpBetween && n != 1 && !several:
		p.refuse(at, "must be one value")
	case n == 0 || n > maxFilterNodes:
		p.refuse(at, "must be one value or a list of 1 to %d", maxFilterNodes)
	default:
		return true
	}
	return false
}

// readValue reads one value; nil when it is of another type.
func readValue(c *Condition, raw json.RawMessage) (v any, accepted string) {
	switch c.Type {
	case TypeNumber:
		var n float64
		if json.Unmarshal(raw, &n) == nil && !math.IsInf(n, 0) && string(raw) != "null" {
			return n, ""
		}
		return nil, "a number"
	case TypeBoolean:
		var b bool
		if json.Unmarshal(raw, &b) == nil && string(raw) != "null" {
			return b, ""
		}
		return nil, "true or false"
	case TypeTime:
		return readTime(c.Op, raw)
	case TypeText, TypeList, TypeAny:
	}
	var s string
	if json.Unmarshal(raw, &s) != nil || string(raw) == "null" || utf8.RuneCountInString(s) > 1000 {
		return nil, "a text of up to 1000 letters"
	}
	if c.Op == OpContainsPhrase {
		if s = Tokens(s); s == "" {
			return nil, "a phrase with at least one letter or digit"
		}
		return s, ""
	}
	return Lower(s), ""
}

// day is a date without a zone; it becomes an instant with the account's zone.
type day struct {
	y int
	m time.Month
	d int
}

// start gives the beginning of the day.
func (d day) start(zone *time.Location) time.Time { return StartOfDay(d.y, d.m, d.d, zone) }

// readTime reads a date, or an instant where that makes sense.
func readTime(op string, raw json.RawMessage) (v any, accepted string) {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		if t, err := time.Parse(time.DateOnly, s); err == nil {
			return day{t.Year(), t.Month(), t.Day()}, ""
		}
		if t, err := time.Parse(time.RFC3339, s); err == nil && op != OpOn {
			return t, ""
		}
	}
	if op == OpOn {
		return nil, "a date as 2026-01-31"
	}
	return nil, "a date as 2026-01-31 or an instant as 2026-01-31T08:00:00Z"
}

// ReadTime reads a time that a field of the customer's own holds as a text: an instant, or a date, which is its day's beginning in the zone.
func ReadTime(s string, zone *time.Location) (at time.Time, ok bool) {
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		return at, true
	}
	date, err := time.Parse(time.DateOnly, s)
	return StartOfDay(date.Year(), date.Month(), date.Day(), zone), err == nil
}

// Span is a stretch of time: From and everything up to, not including, To. A zero time is no bound.
type Span struct{ From, To time.Time }

// Contains says whether an instant is in the span.
func (s Span) Contains(t time.Time) bool {
	return (s.From.IsZero() || !t.Before(s.From)) && (s.To.IsZero() || t.Before(s.To))
}

// Span gives the stretch of time that a condition on a time means. Days are those of the zone: "1 day ago" is all of yesterday. A date
// stands for its whole day: before it begins, after it ends.
func (c *Condition) Span(now time.Time, zone *time.Location) Span {
	now = now.In(zone)
	start := func(ago int) time.Time { return StartOfDay(now.Year(), now.Month(), now.Day()-ago, zone) }
	switch c.Op {
	case OpLessDaysAgo:
		return Span{start(c.Days - 1), start(-1)}
	case OpMoreDaysAgo:
		return Span{time.Time{}, start(c.Days)}
	case OpExactDaysAgo:
		return Span{start(c.Days), start(c.Days - 1)}
	case OpBefore:
		from, _ := bounds(c.Values[0], zone)
		return Span{time.Time{}, from}
	case OpAfter:
		_, to := bounds(c.Values[0], zone)
		return Span{to, time.Time{}}
	case OpOn:
		from, to := bounds(c.Values[0], zone)
		return Span{from, to}
	case OpBetween:
		from, _ := bounds(c.Values[0], zone)
		_, to := bounds(c.Values[1], zone)
		return Span{from, to}
	}
	return Span{}
}

// bounds gives the beginning and the end of a date or instant; an instant is as long as a second, the grain of what is stored.
func bounds(v any, zone *time.Location) (from, to time.Time) {
	switch v := v.(type) {
	case day:
		return v.start(zone), StartOfDay(v.y, v.m, v.d+1, zone)
	case time.Time:
		return v, v.Add(time.Second)
	}
	return from, to
}

// FilterPerson is a person as a filter looks at one.
type FilterPerson struct {
	// Field gives the value of a field: nil for none, else a string, float64, bool, time.Time or []string.
	Field      func(path string) any
	Activities []FilterActivity // those within retention
	// Ever has the first and last occurrence and the number of each activity, kept past retention.
	Ever map[string]Occurrence
	// News is an activity that has just occurred: occurs is about it alone. Without one occurs counts as has_occurred.
	News *FilterActivity
}

// FilterActivity is an activity as a filter looks at one.
type FilterActivity struct {
	Activity  string
	At        time.Time
	Attribute func(name string) any // as FilterPerson.Field
	// Judged says how a condition on an attribute that is not kept turned out; nil = all are kept.
	Judged func(c *Condition) (holds, known bool)
}

// Occurrence says when an activity happened first and last, and how often.
type Occurrence struct {
	First, Last time.Time
	Count       int64
}
