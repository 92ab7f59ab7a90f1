package reports

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"deskstream/schemas"
)

// question is one asked report: the parameters, checked, and what they make of the statement.
type question struct {
	*metric
	window

	account        string   // the one asked about, "" for all
	accounts       []string // those asked about
	groupBy        []dimension
	filters        map[string][]string // dimension to values; "" stands for none
	given          map[string][]string // options
	asOf           time.Time
	live           bool // asOf is now
	now            time.Time
	includeDeleted bool
	excludeMerged  bool
	csv            bool
	saved          bool                   // all phrases asked for are saved and counted: see part_found.sql
	all            bool                   // about all tickets: a report that is asked without a range and looks at everything then
	named          bool                   // the statement names the texts that hold the phrases: there are few, see keywords_named.sql
	hits           map[ticketID][]textHit // these texts
	nothing        bool                   // there are none
	words          bool                   // each phrase is one word
	made           bool                   // what is held is asked by itself: see assignments_made.sql
	evenBounds     bool                   // buckets are of one length, but for the first: see bindBounds
	evenEnds       bool                   // so are the ends that a cumulative report looks at, but for the last
	told           bool                   // first tickets are those that the figures of people tell: see part_firsts.sql

	months  bool    // only some months of tickets are looked at: see cellsByMonth
	lasting lasting // the duration that a report of one looks at
	nth     string  // what the names of the parameters with phrases end with: several phrases may be parts of one statement

	dimensions []dimension // those of the metric, as shaped by options
	conditions string      // on dimensions, SQL
	p          params
}

// commonParameters are those of every report besides filters, in the order of the documentation.
var commonParameters = []string{"from", "to", "tz", "interval", "group_by", "as_of", "exclude_merged", "include_deleted", "account", "format"}

// file gives the statement that answers the question.
func (q *question) file() string {
	switch {
	case q.named:
		return "keywords_named"
	case q.made:
		return "assignments_made"
	}
	return q.metric.file()
}

// parameters lists what a metric takes.
func (m *metric) parameters() []string {
	names := slices.Clone(commonParameters)
	for _, d := range m.dimensions {
		names = append(names, d.name)
	}
	for _, o := range m.options {
		if !slices.Contains(names, o.name) {
			names = append(names, o.name)
		}
	}
	return names
}

// option gives the value of an option, or its default.
func (q *question) option(name string) string {
	if v := q.given[name]; len(v) > 0 {
		return v[0]
	}
	if o, ok := q.metric.option(name); ok && len(o.values) > 0 {
		return o.values[0]
	}
	return ""
}

// ask reads the parameters of a report. All bad ones are named at once.
func (s *server) ask(m *metric, query url.Values) (*question, error) {
	q := &question{
		metric: m, now: s.Now(), filters: map[string][]string{}, given: map[string][]string{},
		dimensions: m.dimensions, p: params{},
	}
	r := &reader{query: query, known: m.parameters()}
	r.unknown()
	loc := r.zone("tz", s.Location)
	q.asOf, q.live = r.instant("as_of", q.now)
	q.excludeMerged, q.includeDeleted = r.flag("exclude_merged"), r.flag("include_deleted")
	q.account = strings.ToLower(r.single("account"))
	interval := r.word("interval", append([]string{""}, intervals...))
	q.csv = r.word("format", []string{"json", "csv"}) == "csv"
	q.groupBy = r.groups(m)
	for _, d := range m.dimensions {
		r.filter(d, q.filters)
	}
	for _, o := range m.options {
		r.option(o, q.given)
	}
	from, to := r.single("from"), r.single("to")
	if m.everything && from == "" && to == "" && interval == "" {
		q.all = true
		from, to = time.Unix(0, 0).UTC().Format(time.RFC3339), schemas.NextDay(q.asOf, loc).Format(time.RFC3339)
	}
	w, err := newWindow(from, to, interval, loc, q.asOf)
	r.check(err)
	q.window = w
	if m.name == "keywords" {
		r.check(checkPhrases(q.given["phrase"]))
	}
	return q, r.problem()
}

// reader reads parameters and collects what is wrong with them.
type reader struct {
	query url.Values
	known []string
	bad   []schemas.Field
}

func (r *reader) problem() error {
	slices.SortStableFunc(r.bad, func(a, b schemas.Field) int { return strings.Compare(a.Location, b.Location) })
	return invalidFields(r.bad)
}

func (r *reader) refuse(name, message string) {
	r.bad = append(r.bad, schemas.Field{Location: "query." + name, Message: message})
}

// check takes over the fields of a problem.
func (r *reader) check(err error) {
	if p, ok := errors.AsType[*schemas.Problem](err); ok {
		r.bad = append(r.bad, p.Fields...)
	}
}

func (r *reader) unknown() {
	for name := range r.query {
		if !slices.Contains(r.known, name) {
			r.refuse(name, unknownParameter(r.known))
		}
	}
}

// single gives the value of a parameter that may come once; "" if it did not.
func (r *reader) single(name string) string {
	values := r.query[name]
	switch {
	case len(values) == 0:
		return ""
	case len(values) > 1:
		r.refuse(name, givenTwice)
	case values[0] == "":
		r.refuse(name, "is empty")
	}
	return values[0]
}

// word gives one of the accepted values; the first is the default.
func (r *reader) word(name string, accepted []string) string {
	v := r.single(name)
	if v == "" {
		return accepted[0]
	}
	if !slices.Contains(accepted, v) {
		r.refuse(name, "accepted: "+strings.Join(slices.DeleteFunc(slices.Clone(accepted), func(s string) bool { return s == "" }), ", "))
	}
	return v
}

func (r *reader) flag(name string) bool {
	v := r.single(name)
	b, err := strconv.ParseBool(v)
	if v != "" && (err != nil || (v != "true" && v != "false" && v != "1" && v != "0")) {
		r.refuse(name, "must be true or false")
	}
	return b
}

// mustBeZone refuses what is no time zone.
const mustBeZone = "must be an IANA time zone as Europe/Berlin or UTC"

// zone gives the zone of a parameter. "Local" is refused: it would mean the server's own.
func (r *reader) zone(name string, fallback *time.Location) *time.Location {
	v := r.single(name)
	if v == "" {
		return fallback
	}
	loc, err := time.LoadLocation(v)
	if err != nil || v == "Local" || len(v) > 100 {
		r.refuse(name, mustBeZone)
		return fallback
	}
	return loc
}

// instant gives the instant of a parameter, and whether it is now.
func (r *reader) instant(name string, now time.Time) (time.Time, bool) {
	t, isNow, err := parseInstant("query."+name, r.single(name), now)
	r.check(err)
	return t, isNow
}

// parseInstant reads an instant, and tells whether it is now: one that is not given, or not yet.
func parseInstant(location, v string, now time.Time) (time.Time, bool, error) {
	now = now.UTC().Truncate(time.Second)
	if v == "" {
		return now, true, nil
	}
	t, err := time.Parse(time.RFC3339, v)
	if err != nil || t.Year() < 1970 {
		return now, true, schemas.Invalid(location, "must be an instant as 2026-11-01T13:00:00Z, from 1970 on")
	}
	if !t.Before(now) {
		return now, true, nil
	}
	return t.UTC().Truncate(time.Second), false, nil
}

// groups reads group_by: at most two dimensions, repeated or with a comma between.
func (r *reader) groups(m *metric) []dimension {
	var out []dimension
	for _, v := range r.query["group_by"] {
		for _, name := range strings.Split(v, ",") {
			d, ok := findDimension(m.dimensions, strings.TrimSpace(name))
			if !ok {
				r.refuse("group_by", "accepted: "+strings.Join(dimensionNames(m.dimensions), ", "))
				return nil
			}
			if slices.ContainsFunc(out, func(o dimension) bool { return o.name == d.name }) {
				r.refuse("group_by", fmt.Sprintf("%s is given twice", d.name))
			}
			out = append(out, d)
		}
	}
	if len(out) > 2 {
		r.refuse("group_by", "takes at most two dimensions")
		return nil
	}
	return out
}

func (r *reader) filter(d dimension, into map[string][]string) {
	given, ok := r.query[d.name]
	if !ok {
		return
	}
	values, err := d.parse(given)
	r.check(err)
	into[d.name] = values
}

func (r *reader) option(o option, into map[string][]string) {
	switch {
	case o.dimension: // read as a filter
	case o.repeat:
		for _, v := range r.query[o.name] {
			into[o.name] = append(into[o.name], strings.TrimSpace(v))
		}
	default:
		into[o.name] = []string{r.word(o.name, o.values)}
	}
}

// prepare binds everything and lets the metric shape its statement.
func (q *question) prepare() error {
	q.p.texts("accounts", q.accounts)
	if len(q.accounts) == 1 {
		q.p.text("account", q.accounts[0])
	}
	q.p.time("from", q.from)
	q.p.time("to", q.to)
	q.p.time("as_of", q.asOf)
	q.p.time("now", q.now)
	q.p.flag("include_deleted", q.includeDeleted)
	q.p.flag("exclude_merged", q.excludeMerged)
	if q.shape != nil {
		if err := q.shape(q); err != nil {
			return err
		}
	}
	var conditions strings.Builder
	for _, d := range q.dimensions {
		if values, ok := q.filters[d.name]; ok {
			conditions.WriteString("AND " + d.filter + " ")
			d.bind(q.p, values)
		}
	}
	q.conditions = conditions.String()
	return nil
}
