package processors

import (
	"slices"
	"strings"
	"time"

	"deskstream/schemas"
)

// Match says whether a person matches a filter at a time; days are those of the zone. What a person does not have matches no comparison
// but those that say "not". occurs looks at the person's news only, if there is one, else it counts as has_occurred.
func Match(f *schemas.Filter, p *schemas.FilterPerson, now time.Time, zone *time.Location) bool {
	switch {
	case f.Not != nil:
		return !Match(f.Not, p, now, zone)
	case f.Field != nil:
		return holds(f.Field, p.Field(f.Field.Name), now, zone)
	case f.Activity != nil:
		return occurred(f.Activity, p, now, zone)
	}
	one := f.Any != nil // decides
	list := f.All
	if one {
		list = f.Any
	}
	for i := range list {
		if Match(&list[i], p, now, zone) == one {
			return one
		}
	}
	return !one
}

// holds compares one value.
func holds(c *schemas.Condition, v any, now time.Time, zone *time.Location) bool {
	if positive, ok := c.Opposite(); ok {
		return !holds(&positive, v, now, zone)
	}
	if c.Op == schemas.OpHasValue {
		return v != nil
	}
	switch v := v.(type) {
	case string:
		if c.Type == schemas.TypeTime {
			at, ok := schemas.ReadTime(v, zone)
			return ok && c.Span(now, zone).Contains(at)
		}
		return c.Type == schemas.TypeText && textHolds(c, c.Op, v)
	case []string:
		for _, s := range v {
			if listHolds(c, s) {
				return true
			}
		}
	case float64:
		return c.Type == schemas.TypeNumber && numberHolds(c, v)
	case bool:
		return c.Type == schemas.TypeBoolean && slices.Contains(c.Values, any(v))
	case time.Time:
		return c.Type == schemas.TypeTime && c.Span(now, zone).Contains(v)
	}
	return false
}

func textHolds(c *schemas.Condition, op, v string) bool {
	if op == schemas.OpContainsPhrase {
		v = " " + schemas.Tokens(v) + " "
	} else {
		v = schemas.Lower(v)
	}
	for _, value := range c.Values {
		want, _ := value.(string)
		if textFits(op, v, want) {
			return true
		}
	}
	return false
}

func textFits(op, v, want string) bool {
	switch op {
	case schemas.OpIs:
		return v == want
	case schemas.OpStartsWith:
		return strings.HasPrefix(v, want)
	case schemas.OpEndsWith:
		return strings.HasSuffix(v, want)
	case schemas.OpContainsPhrase:
		return strings.Contains(v, " "+want+" ")
	}
	return strings.Contains(v, want)
}

// listHolds compares an element of a list: a list contains what it has as a whole element. A list in a field of the customer's own is
// compared element by element as a text is.
func listHolds(c *schemas.Condition, element string) bool {
	if c.Type == schemas.TypeText {
		return textHolds(c, c.Op, element)
	}
	return c.Type == schemas.TypeList && textHolds(c, schemas.OpIs, element)
}

func numberHolds(c *schemas.Condition, v float64) bool {
	first, _ := c.Values[0].(float64)
	switch c.Op {
	case schemas.OpLess:
		return v < first
	case schemas.OpGreater:
		return v > first
	case schemas.OpBetween:
		last, _ := c.Values[1].(float64)
		return v >= first && v <= last
	}
	return slices.Contains(c.Values, any(v))
}

// occurred looks at the activities of one kind. Without a condition on attributes it needs no activity, only when there were any, so that
// it holds past retention.
func occurred(a *schemas.ActivityCondition, p *schemas.FilterPerson, now time.Time, zone *time.Location) bool {
	if a.Op == schemas.OpOccurs && p.News != nil {
		return p.News.Activity == a.Activity && fits(a.Where, p.News, now, zone)
	}
	span := schemas.Span{}
	if a.When != nil {
		span = a.When.Span(now, zone)
	}
	seen := occurrences(a, p, span, now, zone)
	switch a.Op {
	case schemas.OpFirstOccurred:
		return seen.Count > 0 && span.Contains(seen.First)
	case schemas.OpLastOccurred:
		return seen.Count > 0 && span.Contains(seen.Last)
	case schemas.OpOccurredTimes:
		return holds(a.Times, float64(seen.Count), now, zone)
	}
	return seen.Count > 0 && (a.When == nil || len(a.Where) > 0 || span.Contains(seen.Last))
}

// occurrences sums up the activities that count. With first_occurred and last_occurred the time is no condition on each.
func occurrences(a *schemas.ActivityCondition, p *schemas.FilterPerson, span schemas.Span, now time.Time, zone *time.Location) schemas.Occurrence {
	if a.Summed() {
		return p.Ever[a.Activity]
	}
	if a.Op == schemas.OpFirstOccurred || a.Op == schemas.OpLastOccurred {
		span = schemas.Span{}
	}
	var seen schemas.Occurrence
	for i := range p.Activities {
		x := &p.Activities[i]
		if x.Activity != a.Activity || !span.Contains(x.At) || !fits(a.Where, x, now, zone) {
			continue
		}
		if seen.Count == 0 || x.At.Before(seen.First) {
			seen.First = x.At
		}
		if seen.Count == 0 || x.At.After(seen.Last) {
			seen.Last = x.At
		}
		seen.Count++
	}
	return seen
}

func fits(where []schemas.Condition, x *schemas.FilterActivity, now time.Time, zone *time.Location) bool {
	for i := range where {
		c := &where[i]
		if x.Judged != nil {
			if held, known := x.Judged(c); known {
				if !held {
					return false
				}
				continue
			}
		}
		if !holds(c, x.Attribute(c.Name), now, zone) {
			return false
		}
	}
	return true
}
