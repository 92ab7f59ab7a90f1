package reports

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/sync/errgroup"

	"deskstream/schemas"
)

const tagReports = "Reports"

func (s *server) reportRoutes() {
	scopes := []string{scopeReports}
	handle(s, route{method: http.MethodGet, path: "/v1/reports", id: "list-reports", tag: tagReports, summary: "All reports with their definitions", scopes: scopes}, s.listReports)
	handle(s, route{
		method: http.MethodGet, path: "/v1/reports/{metric}", id: "get-report", tag: tagReports, summary: "One report", scopes: scopes, parameters: reportParameters(),
		asks: true, headers: reportHeaders,
		content: map[string]reflect.Type{"application/json": reflect.TypeFor[reportAnswer](), "text/csv": reflect.TypeFor[string]()},
		detail: "GET /v1/reports says which parameters a report takes. In filters a comma means or, and (none) stands for no value. " +
			"format=csv gives the rows as CSV, and what else the answer says in headers.",
	}, s.getReport)
	s.handleRaw(route{
		method: http.MethodGet, path: "/v1/reports/{metric}/sql", id: "get-report-sql", tag: tagReports,
		summary: "The SQL of a report: one statement that clients of ClickHouse run as it is",
		scopes:  scopes, parameters: reportParameters(),
	}, "text/plain", s.reportSQL)
}

// reportParameters documents every parameter of any report.
func reportParameters() []*huma.Param {
	one := func(values []string) *huma.Schema {
		schema := &huma.Schema{Type: huma.TypeString}
		for _, v := range values {
			schema.Enum = append(schema.Enum, v)
		}
		return schema
	}
	names := []any{}
	for _, m := range reportMetrics {
		names = append(names, m.name)
	}
	boolean := &huma.Schema{Type: huma.TypeBoolean, Default: false}
	out := []*huma.Param{
		{Name: "metric", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString, Enum: names}, Description: "Name of the report"},
		queryParam("from", "Start: date of tz, or instant; default 30 days up to today", nil),
		queryParam("to", "End: date of tz (inclusive), or instant (exclusive); default today", nil),
		queryParam("tz", "IANA time zone that cuts the days; default the account's", nil),
		queryParam("interval", "Rows over time; empty buckets are present", one(intervals)),
		{
			Name: "group_by", In: "query", Description: "Dimension; repeatable once more for two levels", Explode: new(true),
			Schema: &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString}, MaxItems: new(2)},
		},
		queryParam("as_of", "Instant; facts after it are left out; default now", &huma.Schema{Type: huma.TypeString, Format: "date-time"}),
		queryParam("exclude_merged", "Leave out tickets that another one absorbed", boolean),
		queryParam("include_deleted", "Keep deleted tickets in", boolean),
		queryParam("account", "Zendesk subdomain; default all accounts that there are", &huma.Schema{Type: huma.TypeString}),
		queryParam("format", "json or csv", one([]string{"json", "csv"})),
	}
	for _, d := range ticketDimensions {
		out = append(out, queryParam(d.name, "Only this "+d.name+"; commas mean or, (none) means without", nil))
	}
	seen := map[string]bool{}
	for _, m := range reportMetrics {
		for _, o := range m.options {
			if !seen[o.name] {
				seen[o.name] = true
				out = append(out, optionParam(o, one))
			}
		}
	}
	return out
}

func optionParam(o option, one func([]string) *huma.Schema) *huma.Param {
	if o.repeat {
		return &huma.Param{
			Name: o.name, In: "query", Description: o.doc, Explode: new(true),
			Schema: &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString}, MaxItems: new(maxPhrases)},
		}
	}
	return queryParam(o.name, o.doc, one(o.values))
}

type reportInfo struct {
	Metric     string            `json:"metric"`
	Unit       string            `json:"unit"`
	Definition string            `json:"definition"`
	Values     []reportValueInfo `json:"values"`
	Dimensions []string          `json:"dimensions" doc:"Accepted in group_by and as filters"`
	Parameters []string          `json:"parameters" doc:"All accepted parameters"`
	Options    []reportOption    `json:"options" doc:"Parameters that only some reports have"`
}

type reportValueInfo struct {
	Name string `json:"name"`
	Doc  string `json:"doc,omitempty"`
}

type reportOption struct {
	Name    string   `json:"name"`
	Values  []string `json:"values" doc:"Accepted values; empty = free text"`
	Default string   `json:"default,omitempty"`
	Doc     string   `json:"doc"`
}

func (s *server) listReports(_ context.Context, in *CatalogPaging) (*answer[page[reportInfo]], error) {
	var all []reportInfo
	for _, m := range reportMetrics {
		info := reportInfo{
			Metric: m.name, Unit: m.unit, Definition: m.definition, Dimensions: dimensionNames(m.dimensions), Parameters: m.parameters(), Options: []reportOption{},
		}
		for _, v := range m.values {
			info.Values = append(info.Values, reportValueInfo{v.name, v.doc})
		}
		for _, o := range m.options {
			shown := reportOption{Name: o.name, Values: slices.Concat([]string{}, o.values), Doc: o.doc}
			if len(o.values) > 0 {
				shown.Default = o.values[0]
			}
			info.Options = append(info.Options, shown)
		}
		all = append(all, info)
	}
	return reply(catalogPage("reports", all, in, func(v reportInfo) string { return v.Metric }))
}

func findMetric(name string) (*metric, error) {
	names := make([]string, 0, len(reportMetrics))
	for _, m := range reportMetrics {
		if m.name == name {
			return m, nil
		}
		names = append(names, m.name)
	}
	return nil, schemas.Invalid("path.metric", "is no report; accepted: "+strings.Join(names, ", "))
}

// reportInput takes the query as it is: what a report accepts depends on the report.
type reportInput struct {
	Metric string `path:"metric" hidden:"true"`
	query  url.Values
}

// Resolve is called by huma.
func (in *reportInput) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	in.query = u.Query()
	return nil
}

func (s *server) getReport(ctx context.Context, in *reportInput) (*huma.StreamResponse, error) {
	m, err := findMetric(in.Metric)
	if err != nil {
		return nil, err
	}
	q, err := s.ask(m, in.query)
	if err != nil {
		return nil, err
	}
	out, err := s.flights.do(ctx, q.identity(in.query), func(ctx context.Context) (encoded, error) {
		a, err := s.report(ctx, q)
		if err != nil {
			return encoded{}, err
		}
		return q.encode(a)
	})
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", out.kind)
		for name, text := range out.headers {
			ctx.SetHeader(name, text)
		}
		if q.csv {
			ctx.SetHeader("Content-Disposition", `attachment; filename="`+m.name+`.csv"`)
		}
		ctx.SetStatus(http.StatusOK)
		_, _ = ctx.BodyWriter().Write(out.body) // the client may be gone
	}}, nil
}

// identity is the same for requests whose answers are the same. The moment of the question is part of it, to the second, since an answer
// holds for its as_of.
func (q *question) identity(query url.Values) string {
	return strings.Join([]string{q.name, query.Encode(), q.asOf.String(), q.from.String(), q.to.String()}, "\x00")
}

func (q *question) encode(a *reportAnswer) (encoded, error) {
	if q.csv {
		body, err := encodeCSV(q, a)
		return encoded{"text/csv; charset=utf-8", body, csvHeaders(a)}, err
	}
	var b bytes.Buffer
	err := json.NewEncoder(&b).Encode(a)
	return encoded{kind: "application/json", body: b.Bytes()}, err
}

// report answers a question. Reports are computed a few at a time, so that a burst of them leaves room for the pipeline's inserts.
func (s *server) report(ctx context.Context, q *question) (*reportAnswer, error) {
	release, err := s.admit(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	// How far the tables go is read before they are asked: it must not tell of what came after.
	var sources []synced
	var through *time.Time
	before, reading := errgroup.WithContext(ctx)
	before.Go(func() (err error) {
		if sources, err = s.syncedSources(reading); err == nil {
			sources = sourcesOf(sources, q.account)
			through, err = s.landed.through(reading, sources)
		}
		return err
	})
	before.Go(func() (err error) { q.accounts, err = s.accountsNamed(reading, q.account); return err })
	if err := before.Wait(); err != nil {
		return nil, err
	}
	if err := q.prepare(); err != nil {
		return nil, err
	}
	a := &reportAnswer{
		Metric: q.name, Unit: q.unit, From: q.from, To: q.to, TZ: q.loc.String(), GroupBy: dimensionNames(q.groupBy), AsOf: q.asOf, DataThrough: through,
		Definition: q.definition,
	}
	if q.interval != intervalNone {
		a.Interval = &q.interval
	}
	if q.name == "keywords" {
		a.GroupBy = append([]string{phraseDimension.name}, a.GroupBy...)
		err = s.answerKeywords(ctx, q, a)
	} else {
		err = s.answerMetric(ctx, q, a)
	}
	if err != nil {
		return nil, err
	}
	if a.Complete, err = s.completeness(ctx, sources); err != nil {
		return nil, err
	}
	return a, s.label(ctx, q, a)
}

// admit waits for a place among the reports under way, at most as long as a query may take.
func (s *server) admit(ctx context.Context) (release func(), err error) {
	waiting, cancel := context.WithTimeout(ctx, s.QueryTimeout)
	defer cancel()
	if err := s.heavy.Acquire(waiting, 1); err != nil {
		s.metrics.busy.Inc()
		return nil, errBusy
	}
	return func() { s.heavy.Release(1) }, nil
}

func (s *server) answerMetric(ctx context.Context, q *question, a *reportAnswer) error {
	var g *grid
	both, asking := errgroup.WithContext(ctx)
	both.Go(func() (err error) {
		g, err = s.fill(asking, q, q.groupBy, q.window)
		return err
	})
	if !q.totalWithRows() {
		both.Go(func() (err error) {
			a.Totals, err = s.totals(asking, q)
			return err
		})
	}
	if err := both.Wait(); err != nil {
		return err
	}
	if len(q.groupBy) == 0 {
		g.at([]string{}) // a report without groups has its rows even when nothing was found
	}
	a.Rows = g.rows()
	if q.totalWithRows() {
		a.Totals = q.shown(g.total, 0)
	}
	return nil
}

// totalWithRows says whether the statement that gives the rows gives their total too: not when a ticket is in the rows of several tags, nor
// when a figure depends on its bucket.
func (q *question) totalWithRows() bool {
	tagged := slices.ContainsFunc(q.groupBy, func(d dimension) bool { return d.name == "tag" })
	return !tagged && (!q.byBucket || q.interval == intervalNone)
}

// fill computes the figures of a question for groups and a window.
func (s *server) fill(ctx context.Context, q *question, groupBy []dimension, w window) (*grid, error) {
	part := *q
	part.window, part.p = w, maps.Clone(q.p)
	part.p.flag("bucketed", w.interval != intervalNone)
	part.bindBounds()
	g := newGrid(&part)
	var ends []time.Time
	if q.cumulative {
		if ends = w.ends(q.asOf); len(ends) == 0 {
			return g, nil
		}
		part.bindEnds(ends)
	}
	cells, total, err := s.found(ctx, &part, groupBy)
	if err != nil {
		return nil, err
	}
	if q.cumulative {
		return g, g.putDifferences(cells, ends)
	}
	g.total = total
	return g, g.put(cells)
}

// found asks for the cells of a question of one window, in the way that suits it.
func (s *server) found(ctx context.Context, q *question, groupBy []dimension) ([]cell, []*float64, error) {
	switch {
	case q.nothing:
		return nil, nil, nil
	case q.named:
		return s.namedCells(ctx, q, groupBy)
	case q.everything():
		return s.cellsByMonth(ctx, q, groupBy, q.p)
	case q.name == "assignments" && (q.live || q.interval != intervalNone):
		return s.assignments(ctx, q, groupBy)
	case q.name == "requesters":
		return s.requesters(ctx, q, groupBy)
	}
	return s.cells(ctx, q, q.statementText(groupBy)+"\nWITH TOTALS", q.p)
}

// requesters asks when people came first as their figures tell it, and searches for it when they do not tell it of somebody.
func (s *server) requesters(ctx context.Context, q *question, groupBy []dimension) (cells []cell, total []*float64, err error) {
	for _, q.told = range []bool{!q.includeDeleted, false} {
		cells, total, err = s.cells(ctx, q, q.statementText(groupBy)+"\nWITH TOTALS", q.p)
		if err != nil || !q.told || !slices.ContainsFunc(cells, func(c cell) bool { return c.unsure }) {
			break
		}
	}
	return cells, total, err
}

// ends gives the instants at which a cumulative report looks: the ends of the buckets, and a second past as_of in the one that as_of
// lies in, because what holds at as_of is what began up to and including it.
func (w *window) ends(asOf time.Time) []time.Time {
	var ends []time.Time
	for i, b := range w.bounds {
		if b.After(asOf) {
			break
		}
		end := w.end(i)
		if end.After(asOf) {
			end = asOf.Add(time.Second)
		}
		ends = append(ends, end)
	}
	return ends
}

// totals asks the same question without groups and buckets, because rows may overlap.
func (s *server) totals(ctx context.Context, q *question) (map[string]*float64, error) {
	w := q.window
	w.interval, w.bounds, w.labels = intervalNone, []time.Time{q.from}, []string{""}
	if q.cumulative { // the state at the end of the range
		last := len(q.bounds) - 1
		for last > 0 && q.bounds[last].After(q.asOf) {
			last--
		}
		w.bounds = []time.Time{q.bounds[last]}
	}
	g, err := s.fill(ctx, q, nil, w)
	if err != nil {
		return nil, err
	}
	return g.q.shown(g.total, 0), nil
}

// accounts lists the accounts whose data the API shows: those that have a source or had one (R37), whatever the request says.
func (s *server) accounts(ctx context.Context) ([]string, error) {
	accounts, err := s.Sources.Accounts(ctx)
	return accounts, storeError(err)
}

// accountsNamed gives the accounts that a request is about: the one it names, in lower case, or all where that is "".
func (s *server) accountsNamed(ctx context.Context, name string) ([]string, error) {
	accounts, err := s.accounts(ctx)
	if err != nil || name == "" {
		return accounts, err
	}
	if !slices.Contains(accounts, name) {
		return nil, schemas.Invalid("query.account", "must be one of "+cmp.Or(strings.Join(accounts, ", "), "those connected, of which there is none"))
	}
	return []string{name}, nil
}

// sourcesOf gives the sources of an account, or all where that is "".
func sourcesOf(sources []synced, account string) []synced {
	return slices.DeleteFunc(sources, func(s synced) bool { return account != "" && s.Account != account })
}

// ticketResources are the exports that reports on tickets depend on.
var ticketResources = []string{"tickets", "ticket_events"}

// synced is a source that was connected once, with what its poller reports.
type synced struct {
	schemas.Source
	cursors []schemas.Cursor
}

func (s *server) syncedSources(ctx context.Context) ([]synced, error) {
	sources, err := s.Sources.Sources(ctx)
	if err != nil {
		return nil, storeError(err)
	}
	var out []synced
	for _, src := range sources {
		if src.Status == schemas.SourceDraft || src.Status == schemas.SourceAwaiting {
			continue
		}
		cursors, err := s.Sources.Cursors(ctx, src.ID)
		if err != nil {
			return nil, storeError(err)
		}
		out = append(out, synced{src, cursors})
	}
	return out, nil
}
