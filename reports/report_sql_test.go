package reports

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

var (
	setting   = regexp.MustCompile(`(?m)^SET param_(\w+) = '(.*)';$`)
	figure    = regexp.MustCompile(` \w+=[^0n]`)
	unescaped = strings.NewReplacer(`\\`, `\`, `\'`, `'`, `\t`, "\t", `\n`, "\n")
)

// sqlRows runs what /sql shows and gives its rows as show gives those of the answer.
func (s *testServer) sqlRows(metric, query string, values ...string) (rows []string) {
	s.t.Helper()
	r := s.call("GET", "/v1/reports/"+metric+"/sql?"+query, "reports-key", nil)
	s.want(200, r, nil)
	p := params{}
	for _, m := range setting.FindAllStringSubmatch(string(r.body), -1) {
		p[m[1]] = unescaped.Replace(m[2])
	}
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
	err = s.query(s.t.Context(), "sql", strings.TrimSuffix(setting.ReplaceAllString(string(r.body), ""), ";\n"), p, func(found driver.Rows) error {
		c, err := scanCell(found.ColumnTypes(), found.Scan, m, "")
		i := slices.IndexFunc(q.bounds, func(b time.Time) bool { return uint32(unix32(b)) == c.bucket })
		row := reportRow{At: q.labels[i], Key: shownKeys(c.keys), Values: map[string]*float64{}}
		for j, v := range m.values {
			row.Values[v.name] = c.values[j]
		}
		rows = append(rows, show(reportAnswer{Rows: []reportRow{row}}, values...)...)
		return err
	})
	if err != nil {
		s.t.Fatalf("%v: %s", err, r.body)
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
		something := func(rows []string) (out []string) {
			for _, row := range rows {
				if figure.MatchString(row) {
					out = append(out, row)
				}
			}
			slices.Sort(out)
			return out
		}
		for _, query := range queries {
			want := something(show(s.answerOf(metric, query), values...))
			if got := something(s.sqlRows(metric, query, values...)); !slices.Equal(got, want) {
				t.Errorf("%s?%s:\n  %s\nwant\n  %s", metric, query, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
			}
		}
	}
}
