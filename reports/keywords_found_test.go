package reports

import (
	"fmt"
	"net/url"
	"testing"
)

// TestKeywordsWhereverFound: messages and subjects that got another text, were withdrawn or repeated, in parts of their own, count as they are
// now, whether they are so few that the statement names them or it looks for them itself; and the view says the same.
func TestKeywordsWhereverFound(t *testing.T) {
	t.Parallel()
	db := openDatabase(t)
	for _, statement := range []string{
		"SYSTEM STOP MERGES messages", "SYSTEM STOP MERGES tickets",
		`INSERT INTO tickets (account, ticket_id, created_at, subject_tokens, status, assignee_id, tags, _ver)
			SELECT 'acme', number, toDateTime('2026-03-01 00:00:00', 'UTC') + number, if(number % 4 = 0, 'many', 'else'), 'open', number % 2, ['a', 'b'], 1 FROM numbers(1, 1000)`,
		`INSERT INTO messages (account, at, ticket_id, message_id, public, tokens, ticket_created_at, _ver)
			SELECT 'acme', toDateTime('2026-03-02 00:00:00', 'UTC') + number, number, number, 1, concat('many words many few', toString(number)), toDateTime('2026-03-01 00:00:00', 'UTC') + number, 1
			FROM numbers(1, 1000)`,
		// Every third message lost its words, every fifth was withdrawn, every seventh came again; the subjects of every eighth ticket lost the word.
		`INSERT INTO messages (account, at, ticket_id, message_id, public, tokens, ticket_created_at, is_deleted, _ver)
			SELECT 'acme', toDateTime('2026-03-02 00:00:00', 'UTC') + number, number, number, 1, if(number % 3 = 0, 'gone', concat('many words many few', toString(number))),
				toDateTime('2026-03-01 00:00:00', 'UTC') + number, number % 5 = 0, 2
			FROM numbers(1, 1000) WHERE number % 3 = 0 OR number % 5 = 0 OR number % 7 = 0`,
		`INSERT INTO tickets (account, ticket_id, created_at, subject_tokens, status, assignee_id, tags, _ver)
			SELECT 'acme', number, toDateTime('2026-03-01 00:00:00', 'UTC') + number, 'none', 'open', number % 2, ['a', 'b'], 2 FROM numbers(1, 1000) WHERE number % 8 = 0`,
	} {
		if err := db.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	s := newTestServer(t, db, nil)
	holds := func(i int) bool { return i%3 != 0 && i%5 != 0 }
	said := func(phrase string, from, to, each int) (subjects, messages, either, times float64) {
		for i := from; i <= to; i++ {
			subject := phrase == "many" && i%4 == 0 && i%8 != 0
			if subject {
				subjects++
			}
			if holds(i) {
				messages++
				times += float64(each)
			}
			if subject || holds(i) {
				either++
			}
		}
		return subjects, messages, either, times
	}
	for _, c := range []struct {
		phrase         string
		from, to, each int
	}{
		{"many", 1, 1000, 2},
		{"words many", 1, 1000, 1},
		{"words", 1, 1000, 1},
		{"few11", 11, 11, 1},
		{"few14", 14, 14, 1},
		{"Many FEW49", 49, 49, 1},
		{"few49 many", 1, 0, 0},
		{"few21", 21, 21, 1},
		{"few25", 25, 25, 1},
		{"absent", 1, 0, 0},
		{"gone absent", 1, 0, 0},
	} {
		subjects, messages, either, times := said(c.phrase, c.from, c.to, c.each)
		want := []float64{subjects, messages, either, messages, times}
		var a reportAnswer
		s.get("/v1/reports/keywords?from=2026-03-01&to=2026-03-10&phrase="+url.QueryEscape(c.phrase), &a)
		var v [5]uint64
		if err := db.QueryRow(t.Context(), fmt.Sprintf("SELECT sum(tickets_subject), sum(tickets_messages), sum(tickets), sum(messages), sum(occurrences) FROM report_keywords("+
			"phrase='%s', from='2026-03-01 00:00:00', to='2026-03-11 00:00:00', tz='UTC', interval='', group_by='')", c.phrase)).Scan(&v[0], &v[1], &v[2], &v[3], &v[4]); err != nil {
			t.Fatal(err)
		}
		for i, name := range []string{"tickets_subject", "tickets_messages", "tickets", "messages", "occurrences"} {
			if *a.Totals[name] != want[i] || len(a.Rows) != 1 || *a.Rows[0].Values[name] != want[i] || float64(v[i]) != want[i] {
				t.Errorf("%s: %s is %v, in the view %d, want %v", c.phrase, name, *a.Totals[name], v[i], want[i])
			}
		}
	}
	var grouped reportAnswer
	s.get("/v1/reports/keywords?from=2026-03-01&to=2026-03-10&phrase=few11&phrase=few14&group_by=tag&group_by=assignee&interval=day&tag=b", &grouped)
	got := map[string]float64{}
	for _, row := range grouped.Rows {
		if n := *row.Values["messages"]; n > 0 {
			got[fmt.Sprint(row.At, row.Key)] = n
		}
	}
	if fmt.Sprint(got) != "map[2026-03-01[few11 a 1]:1 2026-03-01[few11 b 1]:1 2026-03-01[few14 a (none)]:1 2026-03-01[few14 b (none)]:1]" || *grouped.Totals["tickets"] != 2 {
		t.Errorf("%v, %v", got, *grouped.Totals["tickets"])
	}
	var dated reportAnswer
	s.get("/v1/reports/keywords?from=2026-03-02&to=2026-03-10&phrase=few11&dated_by=message", &dated)
	if *dated.Totals["messages"] != 1 {
		t.Errorf("by the message: %v", *dated.Totals["messages"])
	}
}
