package reports

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"deskstream/schemas"
)

// noneKey stands in requests and answers for "has no value". In SQL it is 0 for ids and the empty string for the rest.
const noneKey = "(none)"

// Bounds of filters.
const (
	maxFilterValues = 500
	maxFilterLength = 500
)

// dimension is something to group and filter by. column and filter are constant pieces of SQL over columns that every statement offering
// the dimension has; values are only ever bound. Rows are grouped by the column as it is stored, and only groups get a key.
type dimension struct {
	name    string
	numeric bool     // a Zendesk id
	values  []string // accepted values; nil = any
	column  string   // what rows are grouped by; may multiply rows (tag). 0 or '' is no value
	filter  string   // a condition on {f_<name>:Array(..)}
	current bool     // needs the columns of part_current.sql where the statement reads events
	labels  string   // kind of names: agent, group, brand, ticket_form, organization, activity, or "" = the key itself
}

func idDimension(name, column, labels string) dimension {
	return dimension{
		name: name, numeric: true, labels: labels,
		column: column,
		filter: column + " IN {f_" + name + ":Array(Int64)}",
	}
}

func wordDimension(name, column string, values ...string) dimension {
	return dimension{name: name, values: values, column: column, filter: column + " IN {f_" + name + ":Array(String)}"}
}

var (
	statuses   = []string{"new", "open", "pending", "hold", "solved", "closed", "deleted"}
	priorities = []string{"low", "normal", "high", "urgent"}
	types      = []string{"problem", "incident", "question", "task"}
)

// ticketDimensions are those of a ticket (M25). Statements name the ticket's present status current_status, because events have a
// status of their own.
var ticketDimensions = []dimension{
	idDimension("assignee", "assignee_id", "agent"),
	idDimension("group", "group_id", "group"),
	wordDimension("channel", "channel"),
	{
		name:   "tag",
		column: "arrayJoin(if(empty(tags), [''], arrayDistinct(CAST(tags, 'Array(String)'))))",
		filter: "(hasAny(CAST(tags, 'Array(String)'), {f_tag:Array(String)}) OR (has({f_tag:Array(String)}, '') AND empty(tags)))",
	},
	idDimension("brand", "brand_id", "brand"),
	idDimension("organization", "organization_id", "organization"),
	wordDimension("priority", "priority", priorities...),
	wordDimension("type", "type", types...),
	statusDimension,
	idDimension("form", "form_id", kindForm),
}

var statusDimension = func() dimension {
	d := wordDimension("status", "current_status", statuses...)
	d.current = true
	return d
}()

// replaced gives dimensions with those of the same names put in their place.
func replaced(dimensions []dimension, by ...dimension) []dimension {
	out := slices.Clone(dimensions)
	for _, d := range by {
		if i := slices.IndexFunc(out, func(o dimension) bool { return o.name == d.name }); i >= 0 {
			out[i] = d
		}
	}
	return out
}

// currentDimension is an id of the ticket as it is now, where the statement reads events.
func currentDimension(name, column, labels string) dimension {
	d := idDimension(name, column, labels)
	d.current = true
	return d
}

// Dimensions that single metrics have besides.
var (
	agentDimension    = idDimension("agent", "agent_id", "agent")
	activityDimension = dimension{name: "activity", column: "activity", filter: "activity IN {f_activity:Array(String)}", labels: "activity"}
	slaDimension      = wordDimension("sla_metric", "metric")
	phraseDimension   = dimension{name: "phrase"}
)

// key turns a column by which was grouped into a String, ” for no value.
func (d dimension) key(column string) string {
	if d.numeric {
		return "if(" + column + " = 0, '', toString(" + column + "))"
	}
	return "toString(" + column + ")"
}

func dimensionNames(dimensions []dimension) []string {
	names := make([]string, len(dimensions))
	for i, d := range dimensions {
		names[i] = d.name
	}
	return names
}

func findDimension(dimensions []dimension, name string) (dimension, bool) {
	i := slices.IndexFunc(dimensions, func(d dimension) bool { return d.name == name })
	if i < 0 {
		return dimension{}, false
	}
	return dimensions[i], true
}

// parse reads the values of a filter: commas and repeats both mean or.
func (d dimension) parse(given []string) ([]string, error) {
	location := "query." + d.name
	var values []string
	for _, v := range strings.Split(strings.Join(given, ","), ",") {
		v = strings.TrimSpace(v)
		if err := d.check(location, v); err != nil {
			return nil, err
		}
		if v == noneKey {
			v = ""
		}
		values = append(values, v)
	}
	if len(values) > maxFilterValues {
		return nil, schemas.Invalid(location, fmt.Sprintf("takes at most %d values", maxFilterValues))
	}
	return values, nil
}

func (d dimension) check(location, v string) error {
	switch {
	case v == noneKey:
		return nil
	case v == "":
		return schemas.Invalid(location, "is empty; give values with commas between, or "+noneKey)
	case len(v) > maxFilterLength:
		return schemas.Invalid(location, fmt.Sprintf("takes values of at most %d bytes", maxFilterLength))
	case d.numeric:
		if _, err := strconv.ParseInt(v, 10, 64); err != nil {
			return schemas.Invalid(location, "takes Zendesk ids (whole numbers) with commas between, or "+noneKey)
		}
	case d.values != nil && !slices.Contains(d.values, v):
		return schemas.Invalid(location, "takes "+strings.Join(d.values, ", ")+" or "+noneKey)
	}
	return nil
}

// bind gives the values of a filter to a query.
func (d dimension) bind(p params, values []string) {
	if !d.numeric {
		p.texts("f_"+d.name, values)
		return
	}
	ids := make([]int64, len(values))
	for i, v := range values {
		ids[i], _ = strconv.ParseInt(v, 10, 64) // checked when read; "" is none, which is 0
	}
	p.ints("f_"+d.name, ids)
}
