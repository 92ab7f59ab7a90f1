package reports

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"deskstream/local/localtest"
	"deskstream/schemas"
)

var figure = regexp.MustCompile(` \w+=[^0n]`)

// analyst gives a connection of the read-only user.
func (s *testServer) analyst() driver.Conn {
	s.t.Helper()
	o, err := clickhouse.ParseDSN(localtest.TestEngine(s.t).AnalystDSN())
	if err != nil {
		s.t.Fatal(err)
	}
	conn, err := clickhouse.Open(o)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// httpRows runs a statement as it is over HTTP, as the read-only user, and counts its rows.
func (s *testServer) httpRows(statement string) int {
	s.t.Helper()
	e := localtest.TestEngine(s.t)
	u, err := url.Parse(e.AnalystDSN())
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, e.HTTP()+"/?default_format=JSON", strings.NewReader(statement))
	if err != nil {
		s.t.Fatal(err)
	}
	password, _ := u.User.Password()
	r.SetBasicAuth(u.User.Username(), password)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct{ Rows int }
	if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK || json.Unmarshal(text, &answer) != nil {
		s.t.Fatalf("%v %s: %s", err, text, statement)
	}
	return answer.Rows
}

// sqlRows runs what /sql shows, as it is and as the read-only user, and gives its rows as show gives those of the answer.
func (s *testServer) sqlRows(metric, query string, values ...string) (rows []string) {
	s.t.Helper()
	r := s.call("GET", "/v1/reports/"+metric+"/sql?"+query, "reports-key", nil)
	s.want(200, r, nil)
	given, err := url.ParseQuery(query)
	if err != nil {
		s.t.Fatal(err)
	}
	m, err := findMetric(metric)
	if err != nil {
		s.t.Fatal(err)
	}
	q, err := s.ask(m, given)
	if err != nil {
		s.t.Fatal(err)
	}
	found, err := s.analyst().Query(s.t.Context(), string(r.body))
	if err != nil {
		s.t.Fatalf("%v: %s", err, r.body)
	}
	defer func() { _ = found.Close() }()
	count := 0
	for ; found.Next(); count++ {
		c, err := scanCell(found.ColumnTypes(), found.Scan, m, "")
		if err != nil {
			s.t.Fatal(err)
		}
		i := slices.IndexFunc(q.bounds, func(b time.Time) bool { return uint32(unix32(b)) == c.bucket })
		row := reportRow{At: q.labels[i], Key: shownKeys(c.keys), Values: map[string]*float64{}}
		for j, v := range m.values {
			row.Values[v.name] = c.values[j]
		}
		rows = append(rows, show(reportAnswer{Rows: []reportRow{row}}, values...)...)
	}
	if err := found.Err(); err != nil {
		s.t.Fatalf("%v: %s", err, r.body)
	}
	if over := s.httpRows(string(r.body)); over != count {
		s.t.Errorf("%d rows over HTTP, %d over the native protocol: %s", over, count, r.body)
	}
	return rows
}

// TestSQLGivesTheNumbers: the statement of a report gives the rows of its answer, but for those without anything.
func TestSQLGivesTheNumbers(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	for metric, queries := range map[string][]string{
		"backlog": {
			"from=2026-03-01&to=2026-03-20", "from=2026-03-01&to=2026-03-20&interval=week&group_by=assignee", "from=2026-03-01&to=2026-03-31&interval=day&group_by=status&group_by=tag",
			"from=2026-03-01&to=2026-03-10&interval=day&as_of=2026-03-05T12:00:00Z", "from=2099-01-01&to=2099-01-02",
			"from=2026-03-10&to=2026-03-11&as_of=2026-03-05T00:00:00Z",
		},
		"keywords": {
			"from=2026-03-01&phrase=refund&phrase=travel+insurance&phrase=refund", "from=2026-03-01&phrase=Refund", "from=2026-03-01&phrase=travel+insurance&phrase=refund&interval=day&group_by=channel&scope=any",
			"from=2026-03-01&phrase=travel+insurance&phrase=it's&dated_by=message&tag=billing",
		},
		"tickets_created": {"from=2026-03-01&to=2026-03-20&interval=day&group_by=channel"},
	} {
		m, _ := findMetric(metric)
		var values []string
		for _, v := range m.values {
			values = append(values, v.name)
		}
		for _, query := range queries {
			want := withFigures(show(s.answerOf(metric, query), values...))
			if got := withFigures(s.sqlRows(metric, query, values...)); !slices.Equal(got, want) {
				t.Errorf("%s?%s:\n  %s\nwant\n  %s", metric, query, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
			}
		}
	}
}

// withFigures keeps the rows in which something was counted, in order of their text.
func withFigures(rows []string) (out []string) {
	for _, row := range rows {
		if figure.MatchString(row) {
			out = append(out, row)
		}
	}
	slices.Sort(out)
	return out
}

// TestSQLOfAnyText: whatever a filter or a phrase holds, the statement that is shown asks the same as the endpoint does.
func TestSQLOfAnyText(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	texts := []string{
		`it's`, `'`, `''`, `\`, `\'`, `a\`, "tab\there", "line\nbreak", "return\rhere", "nul\x00here", "bell\bform\fescape\x1b", `\n`, `\0`, `\x41`, "{accounts:Array(String)}", "{x}", "}{",
		"' OR 2>1 --", "]) OR 2>1 /*", "*/", "; SELECT 1;", "FROM tickets JOIN messages", "$1 ${2}", `"double"`, "`tick`", "%27 %s ?", "@name", "‘quoted’", "Straße ÉÉ", "🙂👩‍👩‍👧",
	}
	random := rand.New(rand.NewPCG(1, 2))
	parts := []string{"'", `\`, "\n", "\x00", "\t", "{", "}", ":", "[", "]", "(", ")", "a", "0", "--", "/*", "🙂", "\"", "`", ";", " ", "\x7f", "é"}
	for range 60 {
		text := "t"
		for range 1 + random.IntN(12) {
			text += parts[random.IntN(len(parts))]
		}
		texts = append(texts, text+"t")
	}
	slices.Sort(texts)
	texts = slices.Compact(texts)
	var rows []schemas.TicketRow
	tags := url.Values{"group_by": {"tag"}}
	for i, text := range texts {
		rows = append(rows, schemas.TicketRow{Account: testAccount, TicketID: int64(i + 1), CreatedAt: at("02 10:00"), Status: "open", Tags: []string{text}, NextReplyS: []int64{}, CustomFields: "{}"})
		if i%2 == 0 { // the others must not be found
			tags.Add("tag", text)
		}
	}
	insertInto(t, s.db, schemas.TableTickets, rows...)
	want := withFigures(show(s.answerOf("tickets", tags.Encode()), "tickets"))
	if len(want) != (len(texts)+1)/2 {
		t.Fatalf("%d tags of %d are found: %q", len(want), (len(texts)+1)/2, want)
	}
	if got := withFigures(s.sqlRows("tickets", tags.Encode(), "tickets")); !slices.Equal(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
	insertInto(t, s.db, schemas.TableTickets, schemas.TicketRow{
		Account: testAccount, TicketID: 1000, CreatedAt: at("02 10:00"), Status: "open", Tags: []string{}, NextReplyS: []int64{}, CustomFields: "{}", SubjectTokens: "found",
	})
	for phrases := range slices.Chunk(texts, maxPhrases) {
		query := url.Values{"from": {"2026-03-01"}, "to": {"2026-03-19"}}
		for _, text := range phrases {
			query.Add("phrase", "found "+strings.TrimSpace(text))
		}
		want, got := show(s.answerOf("keywords", query.Encode()), "tickets_subject"), s.sqlRows("keywords", query.Encode(), "tickets_subject")
		if want, got := withFigures(want), withFigures(got); !slices.Equal(got, want) {
			t.Errorf("%q\nwant\n%q", got, want)
		}
	}
}
