package reports

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"deskstream/schemas"
)

// reportSQL shows the statement that gives the figures of a report, as any client of ClickHouse runs it.
func (s *server) reportSQL(w http.ResponseWriter, r *http.Request) {
	text, err := s.sqlOf(r)
	if err != nil {
		writeProblem(w, s.problem("/v1/reports/{metric}/sql", err))
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(text)) // the client may be gone
}

func (s *server) sqlOf(r *http.Request) (string, error) {
	m, err := findMetric(r.PathValue("metric"))
	if err != nil {
		return "", err
	}
	query := r.URL.Query()
	if m.name == "keywords" && !query.Has("phrase") {
		query.Set("phrase", "refund")
	}
	q, err := s.ask(m, query)
	if err != nil {
		return "", err
	}
	if q.accounts, err = s.accountsNamed(r.Context(), q.account); err != nil {
		return "", err
	}
	if err := q.prepare(); err != nil {
		return "", err
	}
	q.bindBounds()
	q.p.flag("bucketed", q.interval != intervalNone)
	statement := q.shownStatement()
	database, err := s.database(r.Context())
	if err != nil {
		return "", err
	}
	statement = tableMark.ReplaceAllString(statement, "$1 "+database+".$2") // before values are in it, which may say the like
	return withSize(q.p.literals(statement) + ";\n"), nil
}

// querySize is how long a statement may be where ClickHouse is not told another max_query_size.
const querySize = 256 << 10

// withSize tells what a very long statement, over thousands of buckets, needs.
func withSize(text string) string {
	if len(text) <= querySize {
		return text
	}
	return fmt.Sprintf("-- Needs the setting max_query_size = %d, because of its many buckets.\n%s", 2*len(text), text)
}

// tableMark is where a statement names a table.
var tableMark = regexp.MustCompile(`\b(FROM|JOIN)\s+(` + strings.Join(schemas.Tables, "|") + `)\b`)

// database is the one that the reports ask: clients of ClickHouse begin in another.
func (s *server) database(ctx context.Context) (string, error) {
	found, _, err := one[struct {
		Name string `ch:"name"`
	}](ctx, s, "database", "SELECT currentDatabase() AS name", params{})
	return found.Name, err
}

// shownStatement gives the statement whose rows are those of the answer.
func (q *question) shownStatement() string {
	switch {
	case q.cumulative:
		q.bindEnds(q.ends(q.asOf))
		return sqlWith("backlog_summed", q.pieces(q.groupBy))
	case q.name == "keywords":
		return q.eachPhrase()
	}
	return q.statementText(q.groupBy)
}

// eachPhrase looks for each phrase by itself, and puts it before the other keys.
func (q *question) eachPhrase() string {
	q.p.flag("by_ticket", q.option("dated_by") == "ticket")
	q.p.flag("any_scope", q.option("scope") == "any")
	var each []string
	for i, phrase := range q.phrases() {
		q.nth = "_" + strconv.Itoa(i+1)
		q.bindPhrases(nil, phrase)
		q.p.text("phrase"+q.nth, phrase)
		each = append(each, sqlWith("part_phrase", q.pieces(q.groupBy)))
	}
	return strings.Join(each, "\nUNION ALL\n")
}
