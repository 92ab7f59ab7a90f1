package schemas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Filter says which people: a combination of others, or a condition on a field of the person or their organization, or one on their
// activities. Exactly one of All, Any, Not, Field and Activity is set.
type Filter struct {
	All      []Filter
	Any      []Filter
	Not      *Filter
	Field    *Condition
	Activity *ActivityCondition
}

// Condition compares one field, or one attribute of an activity.
type Condition struct {
	Name string    // dotted path of a person's field, or an attribute's name with underscores
	Type ValueType // of what is compared
	Op   string
	// Values is what it is compared with: texts (folded to lower case), numbers (float64), booleans or times; of a text condition any of
	// them. Days is the number of the operators that count days.
	Values []any
	Days   int
}

// negative gives the operator that each negative one is the opposite of.
var negative = map[string]string{OpIsNot: OpIs, OpNotContains: OpContains, OpHasNoValue: OpHasValue}

// Opposite gives the condition that a negative one denies; ok is false for one that denies nothing.
func (c *Condition) Opposite() (positive Condition, ok bool) {
	positive = *c
	positive.Op, ok = negative[c.Op]
	return positive, ok
}

// cost orders conditions so that those that are looked at first take the least work: phrases are searched in whole messages.
func (c *Condition) cost() int {
	if c.Op == OpContainsPhrase {
		return 1
	}
	return 0
}

// ActivityCondition is about the activities of one kind.
type ActivityCondition struct {
	Activity string // slug
	Op       string // occurs, has_occurred, first_occurred, last_occurred or occurred_times
	// When restricts the time: of any occurrence, or with first_occurred and last_occurred of the first or last; nil = ever.
	When  *Condition
	Times *Condition // occurred_times: on the number
	Where []Condition
}

// Summed says whether the condition needs no activity itself, only when there were any and how many.
func (a *ActivityCondition) Summed() bool {
	return len(a.Where) == 0 && (a.Op != OpOccurredTimes || a.When == nil)
}

// Each calls fn for the filter and for all that it combines.
func (f *Filter) Each(fn func(*Filter)) {
	fn(f)
	if f.Not != nil {
		f.Not.Each(fn)
	}
	for _, list := range [][]Filter{f.All, f.Any} {
		for i := range list {
			list[i].Each(fn)
		}
	}
}

// ValueType is what a field or attribute holds.
type ValueType string

// Types of values. A field of the customer's own has the type of what it is compared with: TypeAny.
const (
	TypeText    ValueType = "text"
	TypeNumber  ValueType = "number"
	TypeBoolean ValueType = "boolean"
	TypeTime    ValueType = "time"
	TypeList    ValueType = "list" // of texts
	TypeAny     ValueType = "any"
)

// Operators.
const (
	OpIs             = "is"
	OpIsNot          = "is_not"
	OpStartsWith     = "starts_with"
	OpEndsWith       = "ends_with"
	OpContains       = "contains"
	OpNotContains    = "not_contains"
	OpContainsPhrase = "contains_phrase"
	OpHasValue       = "has_value"
	OpHasNoValue     = "has_no_value"
	OpLess           = "lt"
	OpGreater        = "gt"
	OpBetween        = "between"
	OpBefore         = "before"
	OpAfter          = "after"
	OpOn             = "on"
	OpLessDaysAgo    = "less_than_days_ago"
	OpMoreDaysAgo    = "more_than_days_ago"
	OpExactDaysAgo   = "exactly_days_ago"

	OpOccurs        = "occurs"
	OpHasOccurred   = "has_occurred"
	OpFirstOccurred = "first_occurred"
	OpLastOccurred  = "last_occurred"
	OpOccurredTimes = "occurred_times"
)

// operators are those each type takes.
var operators = map[ValueType][]string{
	TypeText:    {OpIs, OpIsNot, OpStartsWith, OpEndsWith, OpContains, OpNotContains, OpContainsPhrase, OpHasValue, OpHasNoValue},
	TypeNumber:  {OpIs, OpIsNot, OpLess, OpGreater, OpBetween, OpHasValue, OpHasNoValue},
	TypeBoolean: {OpIs, OpIsNot, OpHasValue, OpHasNoValue},
	TypeTime:    {OpBefore, OpAfter, OpOn, OpBetween, OpLessDaysAgo, OpMoreDaysAgo, OpExactDaysAgo, OpHasValue, OpHasNoValue},
	TypeList:    {OpContains, OpNotContains, OpHasValue, OpHasNoValue},
}

// FilterNames tells what a filter can speak of: the type of a person's field by its dotted path, of an activity's attribute, and which
// activities there are. ok is false for what there is not.
type FilterNames interface {
	FieldType(path string) (t ValueType, ok bool)
	AttributeType(name string) (t ValueType, ok bool)
	Activities() []string
	// Fields lists the paths that FieldType knows, for suggestions.
	Fields() []string
	Attributes() []string
}

const (
	maxFilterDepth = 10
	maxFilterNodes = 200
	maxFilterDays  = 36500
)

// ParseFilter reads a filter. Errors are Problems that name the place inside the filter, under at, and what is accepted there.
func ParseFilter(data []byte, at string, names FilterNames) (*Filter, error) {
	p := &filterParser{names: names}
	f := p.filter(data, at, 0)
	if len(p.bad) > 0 {
		first := p.bad[0]
		return nil, &Problem{Class: ErrInvalid, Code: "invalid-input", Detail: first.Location + ": " + first.Message, Fields: p.bad}
	}
	return &f, nil
}

type filterParser struct {
	names FilterNames
	nodes int
	bad   []Field
}

func (p *filterParser) refuse(at, format string, args ...any) {
	p.bad = append(p.bad, Field{at, fmt.Sprintf(format, args...)})
}

// members reads an object; nil when it is none.
func (p *filterParser) members(data []byte, at string) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(data, &m); err != nil || m == nil {
		p.refuse(at, `must be an object: {"all":[...]}, {"any":[...]}, {"not":{...}}, {"field":...} or {"activity":...}`)
		return nil
	}
	return m
}

func (p *filterParser) filter(data []byte, at string, depth int) (f Filter) {
	p.nodes++
	if depth > maxFilterDepth || p.nodes > maxFilterNodes {
		if len(p.bad) == 0 {
			p.refuse(at, "a filter has at most %d conditions, %d deep", maxFilterNodes, maxFilterDepth)
		}
		return f
	}
	m := p.members(data, at)
	if m == nil {
		return f
	}
	var kinds []string
	for _, kind := range []string{"all", "any", "not", "field", "activity"} {
		if m[kind] != nil {
			kinds = append(kinds, kind)
		}
	}
	if len(kinds) != 1 {
		p.refuse(at, "must have one of all, any, not, field and activity")
		return f
	}
	switch kinds[0] {
	case "all":
		f.All = p.list(m, "all", at, depth)
	case "any":
		f.Any = p.list(m, "any", at, depth)
	case "not":
		p.only(m, at, "not")
		inner := p.filter(m["not"], at+".not", depth+1)
		f.Not = &inner
	case "field":
		f.Field = p.field(m, at)
	case "activity":
		f.Activity = p.activity(m, at)
	}
	return f
}

func (p *filterParser) list(m map[string]json.RawMessage, kind, at string, depth int) []Filter {
	p.only(m, at, kind)
	at += "." + kind
	var items []json.RawMessage
	if err := json.Unmarshal(m[kind], &items); err != nil || len(items) == 0 {
		p.refuse(at, "must be a list of at least one filter")
		return nil
	}
	out := make([]Filter, len(items))
	for i, item := range items {
		out[i] = p.filter(item, fmt.Sprintf("%s[%d]", at, i), depth+1)
	}
	return out
}

// only refuses members that have no meaning here.
func (p *filterParser) only(m map[string]json.RawMessage, at string, accepted ...string) {
	var others []string
	for name := range m {
		if !slices.Contains(accepted, name) {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	for _, name := range others {
		p.refuse(at+"."+name, "has no meaning here; accepted: %s", strings.Join(accepted, ", "))
	}
}

// text reads a member that must be a text.
func (p *filterParser) text(m map[string]json.RawMessage, name, at string) string {
	var s string
	if m[name] == nil {
		p.refuse(at+"."+name, "is missing")
	} else if json.Unmarshal(m[name], &s) != nil || s == "" {
		p.refuse(at+"."+name, "must be a text")
	}
	return s
}

func (p *filterParser) field(m map[string]json.RawMessage, at string) *Condition {
	p.only(m, at, "field", "op", "value")
	name := p.text(m, "field", at)
	if name == "" {
		return nil
	}
	t, ok := p.names.FieldType(name)
	if !ok {
		p.refuse(at+".field", "there is no field %q%s; GET /v1/fields lists them", name, suggest(name, p.names.Fields()))
		return nil
	}
	return p.condition(name, t, m, at)
}

// condition reads op and value of a comparison.
func (p *filterParser) condition(name string, t ValueType, m map[string]json.RawMessage, at string) *Condition {
	c := &Condition{Name: name, Type: t, Op: p.text(m, "op", at)}
	if c.Op == "" {
		return c
	}
	if t == TypeAny {
		c.Type = typeFor(c.Op, m["value"])
	}
	if accepted := operators[c.Type]; !slices.Contains(accepted, c.Op) {
		what := name + " is a " + string(c.Type)
		if t == TypeAny {
			what = name + " may hold anything, but is compared with a " + string(c.Type)
		}
		p.refuse(at+".op", "%s: accepted are %s", what, strings.Join(accepted, ", "))
		return c
	}
	p.value(c, m["value"], at+".value")
	return c
}

// typeFor takes the type of a field of the customer's own from what it is compared with.
func typeFor(op string, value json.RawMessage) ValueType {
	value = bytes.TrimLeft(value, " \t\r\n[")
	switch {
	case !slices.Contains(operators[TypeText], op) && slices.Contains(operators[TypeTime], op) && (op != OpBetween || len(value) > 0 && value[0] == '"'):
		return TypeTime
	case len(value) > 0 && (value[0] == 't' || value[0] == 'f'):
		return TypeBoolean
	case len(value) > 0 && (value[0] == '-' || value[0] >= '0' && value[0] <= '9'), op == OpLess, op == OpGreater:
		return TypeNumber
	}
	return TypeText
}

func (p *filterParser) activity(m map[string]json.RawMessage, at string) *ActivityCondition {
	a := &ActivityCondition{Activity: p.text(m, "activity", at), Op: p.text(m, "op", at)}
	if slugs := p.names.Activities(); a.Activity != "" && !slices.Contains(slugs, a.Activity) {
		p.refuse(at+".activity", "there is no activity %q%s", a.Activity, suggest(a.Activity, slugs))
	}
	accepted := []string{"activity", "op", "where", "within_days"}
	switch a.Op {
	case OpOccurs:
		accepted = []string{"activity", "op", "where"}
	case OpFirstOccurred, OpLastOccurred:
		accepted = append(accepted, "when")
		a.When = p.when(m, at)
	case OpOccurredTimes:
		accepted = append(accepted, "times")
		a.Times = p.times(m, at)
	case OpHasOccurred, "":
	default:
		p.refuse(at+".op", "accepted: %s, %s, %s, %s, %s", OpOccurs, OpHasOccurred, OpFirstOccurred, OpLastOccurred, OpOccurredTimes)
		return a
	}
	p.only(m, at, accepted...)
	if m["within_days"] != nil {
		a.When = p.within(m, at, a.When)
	}
	a.Where = p.where(m, at)
	return a
}

// within reads within_days: today and the days before it, so many in all.
func (p *filterParser) within(m map[string]json.RawMessage, at string, when *Condition) *Condition {
	if when != nil {
		p.refuse(at+".within_days", "has no meaning beside when")
		return when
	}
	c := &Condition{Name: "occurred_at", Type: TypeTime, Op: OpLessDaysAgo}
	if json.Unmarshal(m["within_days"], &c.Days) != nil || c.Days < 1 || c.Days > maxFilterDays {
		p.refuse(at+".within_days", "must be a whole number from 1 to %d: 1 is today", maxFilterDays)
	}
	return c
}

// when reads the time of the first or last occurrence: {"op":"more_than_days_ago","value":180}.
func (p *filterParser) when(m map[string]json.RawMessage, at string) *Condition {
	if m["when"] == nil {
		if m["within_days"] == nil {
			p.refuse(at+".when", `must say when, as {"op":"more_than_days_ago","value":180}, or within_days`)
		}
		return nil
	}
	return p.inner(m["when"], at+".when", "occurred_at", TypeTime)
}

// times reads how often: {"op":"gt","value":2}.
func (p *filterParser) times(m map[string]json.RawMessage, at string) *Condition {
	if m["times"] == nil {
		p.refuse(at+".times", `must say how often, as {"op":"gt","value":2}`)
		return nil
	}
	return p.inner(m["times"], at+".times", "times", TypeNumber)
}

func (p *filterParser) inner(data []byte, at, name string, t ValueType) *Condition {
	m := p.members(data, at)
	if m == nil {
		return nil
	}
	p.only(m, at, "op", "value")
	c := p.condition(name, t, m, at)
	if c.Op == OpHasValue || c.Op == OpHasNoValue {
		p.refuse(at+".op", "%s always has a value", name)
	}
	return c
}

func (p *filterParser) where(m map[string]json.RawMessage, at string) []Condition {
	if m["where"] == nil {
		return nil
	}
	at += ".where"
	var items []json.RawMessage
	if err := json.Unmarshal(m["where"], &items); err != nil {
		p.refuse(at, `must be a list as [{"attribute":"subject","op":"contains","value":"refund"}]`)
		return nil
	}
	var out []Condition
	for i, item := range items {
		place := fmt.Sprintf("%s[%d]", at, i)
		w := p.members(item, place)
		if w == nil {
			continue
		}
		p.only(w, place, "attribute", "op", "value")
		given := p.text(w, "attribute", place)
		name := strings.ReplaceAll(given, "-", "_")
		t, ok := p.names.AttributeType(name)
		if !ok {
			if given != "" {
				p.refuse(place+".attribute", "there is no attribute %q%s", given, suggest(name, p.names.Attributes()))
			}
			continue
		}
		out = append(out, *p.condition(name, t, w, place))
	}
	slices.SortStableFunc(out, func(a, b Condition) int { return a.cost() - b.cost() })
	return out
}

// suggest names what was probably meant.
func suggest(given string, names []string) string {
	if near := Nearest(given, names); near != "" {
		return fmt.Sprintf(", was %q meant?", near)
	}
	return ""
}
