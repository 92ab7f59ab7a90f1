package reports

import (
	"encoding/csv"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"deskstream/schemas"
)

func TestReportRefusals(t *testing.T) {
	t.Parallel()
	s := offline(t, nil)
	for query, parts := range map[string][]string{
		"tickets_created?from=tomorrow":                       {"query.from", "2026-11-01"},
		"tickets_created?to=2026-13-01":                       {"query.to"},
		"tickets_created?from=2026-03-02&to=2026-03-01":       {"query.from", "before to"},
		"tickets_created?tz=Mars/Olympus":                     {"query.tz", "Europe/Berlin"},
		"tickets_created?tz=Local":                            {"query.tz"},
		"tickets_created?tz=../../etc/passwd":                 {"query.tz"},
		"tickets_created?tz=":                                 {"query.tz", "empty"},
		"tickets_created?interval=minute":                     {"query.interval", "hour, day, week, month"},
		"tickets_created?from=2020-01-01&interval=hour":       {"query.interval", "10000"},
		"tickets_created?group_by=mood":                       {"query.group_by", "assignee, group, channel"},
		"tickets_created?group_by=tag&group_by=tag":           {"query.group_by", "twice"},
		"tickets_created?group_by=tag,brand,form":             {"query.group_by", "at most two"},
		"tickets_created?group_by=":                           {"query.group_by"},
		"tickets_created?assignee=ann":                        {"query.assignee", "whole numbers"},
		"tickets_created?assignee=1,,2":                       {"query.assignee", "empty"},
		"tickets_created?status=onhold":                       {"query.status", "hold"},
		"tickets_created?priority=HIGH":                       {"query.priority", "urgent"},
		"tickets_created?type=bug":                            {"query.type", "incident"},
		"tickets_created?tag=" + strings.Repeat("x", 501):     {"query.tag", "500 bytes"},
		"tickets_created?tag=" + strings.Repeat("x,", 500):    {"query.tag"},
		"tickets_created?as_of=2026-03-01":                    {"query.as_of", "instant"},
		"tickets_created?exclude_merged=yes":                  {"query.exclude_merged", "true or false"},
		"tickets_created?include_deleted=":                    {"query.include_deleted"},
		"tickets_created?format=xml":                          {"query.format", "csv"},
		"tickets_created?from=2026-03-01&from=2026-03-02":     {"query.from", "more than once"},
		"tickets_created?phrase=x":                            {"query.phrase", "accepted: from, to, tz"},
		"tickets_created?agent=5":                             {"query.agent"},
		"tickets_created?hello=1":                             {"query.hello"},
		"csat?attribute=then":                                 {"query.attribute", "current_assignee"},
		"first_reply_time?hours=office":                       {"query.hours", "business"},
		"requester_wait_time?hours=office":                    {"query.hours", "calendar", "business"},
		"requester_wait_time?variant=now":                     {"query.variant", "completed"},
		"keywords?from=2026-03-01":                            {"query.phrase", "needed"},
		"keywords?phrase=---":                                 {"query.phrase", "letter"},
		"keywords?phrase=x&scope=all":                         {"query.scope", "public, any"},
		"keywords?phrase=x&dated_by=me":                       {"query.dated_by", "message"},
		"keywords?" + strings.Repeat("phrase=x&", 21):         {"query.phrase", "20"},
		"tickets_created?tz=x&from=y&interval=z&assignee=ann": {"query.tz", "query.from", "query.interval", "query.assignee"},
	} {
		s.wantProblem(s.call("GET", "/v1/reports/"+query, "reports-key", nil), 422, "invalid-input", parts...)
	}
	if r := s.call("GET", "/v1/reports/tickets_created?limit=3", "reports-key", nil); strings.Contains(string(r.body), "phrase") || strings.Contains(string(r.body), "variant") {
		t.Errorf("parameters of other reports: %s", r.body)
	}
	s.wantProblem(s.call("GET", "/v1/reports/nope", "reports-key", nil), 422, "invalid-input", `"location":"path.metric"`, "tickets_created", "csat")
	s.wantProblem(s.call("GET", "/v1/reports/nope/sql", "reports-key", nil), 422, "invalid-input", "path.metric", "csat")
	s.wantProblem(s.call("GET", "/v1/reports/csat/sql?tz=x", "reports-key", nil), 422, "invalid-input", "query.tz")
	s.wantProblem(s.call("GET", "/v1/tickets/1/facts?as_of=x", "reports-key", nil), 422, "invalid-input", "query.as_of")
}

func TestListReports(t *testing.T) {
	t.Parallel()
	s := offline(t, nil)
	var p page[reportInfo]
	s.get("/v1/reports", &p)
	// The values of the public interface, in its order.
	want := map[string]string{
		"tickets_created": "tickets", "closures": "solve_events tickets_solved closed", "reopens": "reopens reopened_tickets", "backlog": "unsolved new open pending hold",
		"assignments": "assignments assigned_now assigned_unsolved_now reassignments reassigned_tickets",
		"csat":        "surveyed offered_unrated good bad score_pct response_pct", "keywords": keywordValues, "first_reply_time": durations,
		"next_reply_time": durations, "first_resolution_time": durations, "full_resolution_time": durations, "requester_wait_time": durations,
		"agent_wait_time": durations, "on_hold_time": durations, "agent_work_time": durations, "assignment_time": durations,
		"touches": "one_touch two_touch multi_touch one_touch_strict", "replies": "public_replies unreplied", "stations": "assignee_stations group_stations handoffs",
		"requesters": "new returning requesters", "sla": "achieved breached active attainment_pct", "tickets": stateValues, "activities": "activities people",
	}
	for _, info := range p.Items {
		var names []string
		for _, v := range info.Values {
			names = append(names, v.Name)
		}
		if strings.Join(names, " ") != want[info.Metric] {
			t.Errorf("%s gives %v, want %s", info.Metric, names, want[info.Metric])
		}
		if info.Definition == "" || info.Unit == "" || len(info.Dimensions) < 10 {
			t.Errorf("%+v", info)
		}
		delete(want, info.Metric)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}

func TestReportShape(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	through, earlier := at("19 00:00"), at("18 00:00")
	s.store.cursors[testSource] = []schemas.Cursor{
		{Resource: "tickets", Through: &through}, {Resource: "ticket_events", Through: &earlier}, {Resource: "users", Through: nil},
	}
	a := s.answerOf("csat", "from=2026-03-06&to=2026-03-06&interval=day&group_by=assignee&group_by=tag&tz=America/New_York&as_of=2026-03-19T00:00:00Z")
	if a.Metric != "csat" || a.Unit != "ratings" || *a.Interval != "day" || strings.Join(a.GroupBy, ",") != "assignee,tag" || a.TZ != "America/New_York" ||
		!a.From.Equal(at("06 05:00")) || !a.To.Equal(at("07 05:00")) || !a.AsOf.Equal(at("19 00:00")) || !a.DataThrough.Equal(earlier) || a.Definition == "" {
		t.Errorf("%+v", a)
	}
	if len(a.Rows) != 2 || strings.Join(a.Rows[0].Label, "/") != "=Bob/billing" || a.Rows[0].At != "2026-03-06" {
		t.Errorf("%+v", a.Rows)
	}
	s.store.cursors[testSource][0].Through = nil
	a = s.answerOf("tickets_created", "from=2026-03-02&to=2026-03-02")
	body := string(s.call("GET", "/v1/reports/tickets_created?from=2026-03-02&to=2026-03-02", "reports-key", nil).body)
	if a.DataThrough != nil || a.Interval != nil || a.GroupBy == nil || strings.Contains(body, `"at"`) || !strings.Contains(body, `"key":[],"label":[]`) {
		t.Errorf("%s", body)
	}
	future := s.answerOf("tickets_created", "as_of=2030-01-01T00:00:00Z")
	if !future.AsOf.Equal(testNow) || !future.From.Equal(at("01 00:00").AddDate(0, 0, -10)) || !future.To.Equal(at("21 00:00")) {
		t.Errorf("%+v", future)
	}
}

func TestLabels(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	for groupBy, want := range map[string]string{
		"group": "Support Billing (none)", "brand": "Main", "organization": "Org One 702 (none)", "channel": "email web", "form": "Returns (none)",
	} {
		var got []string
		for _, r := range s.answerOf("tickets_created", "from=2026-03-01&to=2026-03-05&group_by="+groupBy).Rows {
			got = append(got, r.Label[0])
		}
		if groupBy == "organization" {
			want = "Org One (none)"
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", groupBy, got, want)
		}
	}
}

func TestCSV(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	through := at("18 00:00")
	s.checked("19 01:00", 1, 0, 0, 0, 2) // one on the 9th that there is not
	s.store.cursors[testSource] = append(s.store.cursors[testSource], schemas.Cursor{Resource: "tickets", Through: &through})
	r := s.call("GET", "/v1/reports/csat?from=2026-03-06&to=2026-03-07&interval=day&group_by=assignee&format=csv", "reports-key", nil)
	s.want(200, r, nil)
	if r.Header.Get("Content-Type") != "text/csv; charset=utf-8" || !strings.Contains(r.Header.Get("Content-Disposition"), "csat.csv") ||
		r.Header.Get(headerDefinition) == "" || r.Header.Get(headerAsOf) != testNow.Format(time.RFC3339) || r.Header.Get(headerThrough) != at("18 00:00").Format(time.RFC3339) ||
		r.Header.Get(headerMissing) != "1" {
		t.Errorf("%v", r.Header)
	}
	rows, err := csv.NewReader(strings.NewReader(string(r.body))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range rows {
		got = append(got, strings.Join(row, ","))
	}
	wantRows(t, got,
		"at,assignee,assignee_label,surveyed,offered_unrated,good,bad,score_pct,response_pct",
		"2026-03-06,1000,Ann Lee,0,0,0,0,,", "2026-03-06,1001,'=Bob,1,0,1,0,100,100",
		"2026-03-07,1000,Ann Lee,1,1,0,0,,0", "2026-03-07,1001,'=Bob,0,0,0,0,,",
	)
	for in, want := range map[string]string{"=1": "'=1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "a=": "a=", "": "", "\tx": "'\tx"} {
		if got := csvText(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

// TestValuesNeverChangeTheStatement sends hostile values through every parameter. Statements must be the same text whatever they are,
// no answer may be a fault of ours, and nothing may be found.
func TestValuesNeverChangeTheStatement(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	plain := s.statements(t, "tag=plain&channel=plain")
	for _, v := range nasty {
		v = strings.TrimSpace(strings.ReplaceAll(v, ",", ";"))
		if v == "" || len(v) > maxFilterLength {
			continue
		}
		escaped := url.QueryEscape(v)
		if got := s.statements(t, "tag="+escaped+"&channel="+escaped); got != plain {
			t.Fatalf("%q changes the statement: %s", v, got)
		}
		if a := s.answerOf("tickets_created", "from=2026-03-01&to=2026-03-31&tag="+escaped); *a.Totals["tickets"] != 0 {
			t.Errorf("tag %q finds %v", v, *a.Totals["tickets"])
		}
	}
	for _, name := range []string{
		"from", "to", "tz", "interval", "group_by", "as_of", "exclude_merged", "include_deleted", "account", "format", "assignee", "group", "channel", "tag", "brand",
		"organization", "priority", "type", "status", "form", "phrase", "scope", "dated_by",
	} {
		for _, v := range []string{"x' OR 1=1 --", `\`, "'); DROP TABLE tickets; --", "1 OR 1=1", "\x00", "{accounts:Array(String)}"} {
			query := url.Values{"phrase": {"refund"}}
			query.Set(name, v)
			if r := s.call("GET", "/v1/reports/keywords?"+query.Encode(), "reports-key", nil); r.StatusCode >= 500 {
				t.Errorf("%s=%q: %d %s", name, v, r.StatusCode, r.body)
			}
		}
	}
	if a := s.answerOf("tickets_created", "from=2026-03-01&to=2026-03-31"); *a.Totals["tickets"] != 5 {
		t.Errorf("%v tickets are left", *a.Totals["tickets"])
	}
}

func (s *testServer) statements(t *testing.T, query string) string {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, m := range reportMetrics {
		if m.name == "keywords" {
			values.Set("phrase", values.Get("tag")+"x")
		} else {
			values.Del("phrase")
		}
		q, err := s.ask(m, values)
		if err != nil {
			t.Fatalf("%s: %v", m.name, err)
		}
		q.accounts = []string{testAccount}
		if err := q.prepare(); err != nil {
			t.Fatal(err)
		}
		text += q.statementText(q.groupBy)
	}
	return text
}

func TestReportSQL(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	for _, m := range reportMetrics {
		query := "from=2026-03-01&to=2026-03-05&interval=day&group_by=tag&channel=email"
		for _, query := range []string{query, "as_of=2026-03-04T00:00:00Z&exclude_merged=true&" + query} {
			if _, ok := m.option("hours"); ok {
				query += "&hours=business"
			}
			r := s.call("GET", "/v1/reports/"+m.name+"/sql?"+query, "reports-key", nil)
			s.want(200, r, nil)
			text := string(r.body)
			if strings.Contains(text, "/*") || strings.Contains(text, "{{") || strings.Contains(text, "<no value>") || !strings.Contains(text, "account = 'acme'") || parameterMark.MatchString(text) {
				t.Errorf("%s: %s", m.name, text)
			}
			if found := tableMark.FindString(text); found != "" {
				t.Errorf("%s: %q does not say of which database, which is not the one that clients begin in", m.name, found)
			}
			s.httpRows(text)
		}
	}
}

// TestLongReportSQL: a statement that is longer than ClickHouse takes unasked says what it needs.
func TestLongReportSQL(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	needs := regexp.MustCompile(`^-- Needs the setting max_query_size = (\d+)`)
	short := s.call("GET", "/v1/reports/backlog/sql?from=2026-01-01&to=2026-03-20&interval=day", "reports-key", nil)
	if needs.Match(short.body) {
		t.Errorf("%s", short.body[:100])
	}
	long := s.call("GET", "/v1/reports/backlog/sql?from=2025-03-01&to=2026-03-20&interval=hour", "reports-key", nil)
	size := needs.FindSubmatch(long.body)
	if size == nil {
		t.Fatalf("%d bytes: %s", len(long.body), long.body[:100])
	}
	rows, err := s.analyst().Query(clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"max_query_size": string(size[1])})), string(long.body))
	if err != nil {
		t.Fatal(err)
	}
	_ = rows.Close()
}

func TestR37_AccountsAreThoseOfTheSources(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	s.store.sources, s.store.deleted = map[string]schemas.Source{}, []string{testAccount}
	if a := s.answerOf("tickets_created", "from=2026-03-01&to=2026-03-31"); *a.Totals["tickets"] == 0 {
		t.Error("the tickets of a deleted source are gone")
	}
	s.store.deleted = nil
	for _, metric := range []string{"tickets_created", "closures", "tickets", "backlog"} {
		a := s.answerOf(metric, "from=2026-03-01&to=2026-03-31")
		for name, v := range a.Totals {
			if v != nil && *v != 0 {
				t.Errorf("%s %s is %v without a source", metric, name, *v)
			}
		}
	}
	s.wantProblem(s.call("GET", "/v1/people/p_2001", "people-key", nil), 404, "no-such-person")
	s.wantProblem(s.call("GET", "/v1/tickets/1/facts", "reports-key", nil), 404, "no-such-ticket")
}

func TestReportsAreBounded(t *testing.T) {
	t.Parallel()
	s := offline(t, func(o *Options) { o.HeavyQueries, o.QueryTimeout = 1, 20*time.Millisecond })
	release, err := s.admit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := s.call("GET", "/v1/reports/tickets_created", "reports-key", nil)
	s.wantProblem(r, 429, "busy")
	if r.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	release()
	s.wantProblem(s.call("GET", "/v1/reports/tickets_created", "reports-key", nil), 503, "unavailable")
}

func TestTooLittleMemoryIsToldAsSuch(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	err := s.query(t.Context(), "large", "SELECT length(groupArray(toString(number))) FROM numbers(1000000) SETTINGS max_memory_usage = 1000000", params{},
		func(driver.Rows) error { return nil })
	if p := problemOf(err); p.Status != 503 || p.Type != schemas.ProblemPrefix+"out-of-memory" || !strings.Contains(p.Detail, "memory") {
		t.Errorf("%+v", p)
	}
}

func TestHugeAnswersEnd(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	err := s.query(t.Context(), "huge", "SELECT number FROM numbers(1000000)", params{}, func(driver.Rows) error { return nil })
	if p := problemOf(err); p.Status != 422 || p.Type != schemas.ProblemPrefix+"too-many-rows" {
		t.Errorf("%v", err)
	}
}

func TestSlowQueriesEnd(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, filledDatabase(t), func(o *Options) { o.QueryTimeout = 300 * time.Millisecond })
	start := time.Now()
	err := s.query(t.Context(), "slow", "SELECT sleepEachRow(0.1) FROM numbers(100) SETTINGS max_block_size = 1", params{}, func(driver.Rows) error { return nil })
	if p := problemOf(err); p.Status != 504 || time.Since(start) > 5*time.Second {
		t.Errorf("%v after %s", err, time.Since(start))
	}
}
