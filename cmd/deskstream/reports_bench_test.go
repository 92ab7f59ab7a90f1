package main

import (
	"context"
	"fmt"
	"math/rand"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// benchReports are what a dashboard asks over 90 days, by a name for each.
var benchReports = []struct{ name, metric, more string }{
	{"created", "tickets_created", "interval=day"},
	{"closures", "closures", "interval=day"},
	{"backlog", "backlog", "interval=day"},
	{"csat", "csat", "group_by=assignee"},
	{"first-reply", "first_reply_time", "interval=day"},
	{"resolution", "full_resolution_time", "interval=day"},
	{"waits", "requester_wait_time", "interval=day"},
	{"waits-business", "requester_wait_time", "interval=day&hours=business"},
	{"replies", "replies", "group_by=agent"},
	{"assignments", "assignments", "group_by=assignee"},
	{"touches", "touches", "interval=week"},
	{"requesters", "requesters", "interval=week"},
	{"activities", "activities", "group_by=activity"},
	{"tickets-now", "tickets", "group_by=assignee"},
	{"keyword", "keywords", "phrase=w1200"},
	{"keyword-saved", "keywords", "phrase=w1210"},
}

// dashboardReports are those of the users at once, with the plainest SQL over the same tables.
var dashboardReports = []struct{ name, bare string }{
	{"created", "SELECT toDate(created_at) AS d, count() FROM tickets FINAL WHERE account = 'acme' AND created_at >= {from:DateTime('UTC')} AND deleted = 0 GROUP BY d"},
	{"closures", "SELECT toDate(at) AS d, countIf(kind = 'solve'), countIf(kind = 'solve' AND last), countIf(kind = 'close') FROM ticket_events FINAL " +
		"WHERE account = 'acme' AND kind IN ('solve', 'close') AND at >= {from:DateTime('UTC')} AND deleted = 0 GROUP BY d"},
	{"backlog", "SELECT arrayJoin(arrayMap(i -> {from:DateTime('UTC')} + 86400 * i, range(91))) AS d, countIf(at < d AND until >= d) FROM ticket_events FINAL " +
		"WHERE account = 'acme' AND kind = 'state' AND status IN ('new', 'open', 'pending', 'hold') AND until >= {from:DateTime('UTC')} AND deleted = 0 GROUP BY d"},
	{"csat", "SELECT assignee_id, countIf(score = 'good'), countIf(score = 'bad') FROM ticket_events FINAL WHERE account = 'acme' AND kind = 'rating' AND last AND at >= {from:DateTime('UTC')} " +
		"AND deleted = 0 GROUP BY assignee_id"},
	{"first-reply", "SELECT toDate(created_at) AS d, quantileExact(0.5)(first_reply_s), quantileExact(0.9)(first_reply_s) FROM tickets FINAL WHERE account = 'acme' " +
		"AND created_at >= {from:DateTime('UTC')} AND deleted = 0 GROUP BY d"},
}

// rawScans answer the like from the activities as they came, without what the pipeline prepares, as an analyst would over a log of events. The
// order of the table does not help them: the account is an expression.
var rawScans = []string{
	"SELECT toDate(occurred_at) AS d, uniqExact(activity_id) FROM activities WHERE lower(account) = 'acme' AND activity = 'ticket-created' AND occurred_at >= {from:DateTime('UTC')} GROUP BY d",
	"SELECT toDate(occurred_at) AS d, uniqExactIf(activity_id, activity = 'ticket-solved'), uniqExactIf(activity_id, activity = 'ticket-closed') FROM activities " +
		"WHERE lower(account) = 'acme' AND occurred_at >= {from:DateTime('UTC')} GROUP BY d",
	"SELECT s, count() FROM (SELECT ticket_id, argMax(status, occurred_at) AS s FROM activities WHERE lower(account) = 'acme' GROUP BY ticket_id) GROUP BY s",
	"SELECT a, countIf(s = 'good'), countIf(s = 'bad') FROM (SELECT ticket_id, argMax(assignee_id, occurred_at) AS a, argMax(status, occurred_at) AS s FROM activities " +
		"WHERE lower(account) = 'acme' AND activity = 'satisfaction-rating-received' GROUP BY ticket_id) GROUP BY a",
	"SELECT d, quantileExact(0.5)(w) FROM (SELECT ticket_id, toDate(minIf(occurred_at, activity = 'ticket-created')) AS d, dateDiff('second', minIf(occurred_at, activity = 'ticket-created'), " +
		"minIf(occurred_at, activity = 'ticket-message-sent')) AS w FROM activities WHERE lower(account) = 'acme' GROUP BY ticket_id) GROUP BY d",
}

// reportsBench is the program over a loaded history.
type reportsBench struct {
	api  *client
	db   driver.Conn
	from time.Time // 90 days ago
}

// BenchmarkReports: every report of a dashboard over 90 days through HTTP, over three years of tickets with ten activities each, of which the
// newest third is loaded first and measured alone, so that the rest shows what history costs. DESKSTREAM_BENCH_TICKETS is their number. With
// DESKSTREAM_BENCH_DAYS only the newest days are loaded, so that a period as full as that of millions of tickets takes minutes.
func BenchmarkReports(b *testing.B) {
	n, days := envNumber(b, "DESKSTREAM_BENCH_TICKETS", 100_000), envNumber(b, "DESKSTREAM_BENCH_DAYS", 0)
	app, _ := benchApp(b, roles{serve: true})
	db, err := openQueries(app.dsn)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	now := time.Now().UTC().Truncate(time.Second)
	h := history{db: db, tickets: n, first: now.AddDate(-3, 0, 0), last: now}
	r := reportsBench{newClient("http://"+app.Addr(), testKey), db, now.AddDate(0, 0, -90)}
	h.savePhrases(b, app)
	start := time.Now()
	newest := n * 2 / 3
	if days > 0 {
		newest = max(0, n-int(int64(n)*int64(days)*24/int64(h.last.Sub(h.first).Hours())))
	}
	h.load(b, newest, n)
	h.settle(b)
	young, old := r.times(b, 40), []spread(nil)
	if days == 0 {
		h.load(b, 0, newest)
		h.settle(b)
		old = r.times(b, 40)
	}
	b.Logf("loaded in %s, %d MB on disk", time.Since(start).Round(time.Second), r.megabytes(b))
	for i, report := range benchReports {
		b.Run(report.name, func(b *testing.B) {
			for b.Loop() { // measured above
			}
			told := young[i]
			if old != nil {
				told = old[i]
				b.ReportMetric(old[i].p50/young[i].p50, "x-of-a-third-of-the-history")
			}
			b.ReportMetric(told.p95, "p95-ms")
			b.ReportMetric(told.p50, "p50-ms")
		})
	}
	if days > 0 {
		return // the others ask about a year and about any ticket, and at this size the plain SQL of eight users is beyond the memory of the engine
	}
	b.Run("users", r.users)
	b.Run("search", r.search)
	b.Run("facts-of-the-table", func(b *testing.B) { r.facts(b, n) })
}

// spread is the time of a question in ms.
type spread struct{ p50, p95 float64 }

func spreadOf(took []time.Duration) spread {
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return spread{ms(took[len(took)/2]), ms(took[(len(took)*95+99)/100-1])}
}

// times asks each report some times, after two that warm up.
func (r *reportsBench) times(b *testing.B, n int) (all []spread) {
	b.Helper()
	for i := range benchReports {
		took := make([]time.Duration, n+2)
		for j := range took {
			start := time.Now()
			r.ask(b, i, r.from)
			took[j] = time.Since(start)
		}
		all = append(all, spreadOf(took[2:]))
	}
	return all
}

// ask asks a report from a time on, which must have rows.
func (r *reportsBench) ask(b *testing.B, i int, from time.Time) {
	b.Helper()
	report := benchReports[i]
	var a answer
	query := report.more
	if report.name != "tickets-now" { // all tickets as they are
		query += "&from=" + url.QueryEscape(from.Format(time.RFC3339))
	}
	if err := r.api.call(b.Context(), "GET", "/v1/reports/"+report.metric+"?"+query, nil, &a); err != nil {
		b.Error(err)
	}
	if len(a.Rows) == 0 {
		b.Errorf("%s says nothing", report.name)
	}
}

// questionRate asks questions in turn by some users for a while and gives the questions a second.
func questionRate(users int, ask func(turn int)) float64 {
	var asked atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for u := range users {
		wg.Go(func() {
			for i := u; time.Since(start) < benchTime; i++ {
				ask(i)
				asked.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(asked.Load()) / time.Since(start).Seconds()
}

// users: eight users at once, against bare SQL over the same tables and against scans of the raw activities.
func (r *reportsBench) users(b *testing.B) {
	var asked atomic.Int64 // no two questions are the same, because equal ones are answered once
	for b.Loop() {
		ours := questionRate(8, func(i int) {
			name := dashboardReports[i%len(dashboardReports)].name
			for j := range benchReports {
				if benchReports[j].name == name {
					r.ask(b, j, r.from.Add(time.Duration(asked.Add(1))*time.Second))
				}
			}
		})
		bare := questionRate(8, func(i int) { r.sql(b, dashboardReports[i%len(dashboardReports)].bare) })
		raw := questionRate(8, func(i int) { r.sql(b, rawScans[i%len(rawScans)]) })
		b.ReportMetric(ours, "q/s")
		b.ReportMetric(ours/bare, "ratio")
		b.ReportMetric(bare, "bare-q/s")
		b.ReportMetric(ours/raw, "x-raw")
		b.ReportMetric(raw, "raw-q/s")
	}
}

// sql runs a statement to its end.
func (r *reportsBench) sql(b *testing.B, statement string) {
	b.Helper()
	parameters := clickhouse.Parameters{"from": r.from.Format(time.DateTime), "year": r.from.AddDate(0, 0, 90-365).Format(time.DateTime)}
	settings := clickhouse.Settings{"do_not_merge_across_partitions_select_final": 1}
	rows, err := r.db.Query(clickhouse.Context(context.WithoutCancel(b.Context()), clickhouse.WithParameters(parameters), clickhouse.WithSettings(settings)), statement)
	if err != nil {
		b.Error(err)
		return
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		continue
	}
	if err := rows.Err(); err != nil {
		b.Error(err)
	}
}

// search: a rare word over a year of messages and subjects, against LIKE over the messages.
func (r *reportsBench) search(b *testing.B) {
	for b.Loop() {
		var ours, like []time.Duration
		for i := range 10 {
			word := fmt.Sprintf("r%d", 1000+i*7919)
			query := url.Values{"phrase": {word}, "from": {r.from.AddDate(0, 0, 90-365).Format(time.RFC3339)}}
			start := time.Now()
			report(b, r.api, "keywords", query)
			ours = append(ours, time.Since(start))
			start = time.Now()
			r.sql(b, "SELECT uniqExact(ticket_id) FROM messages FINAL WHERE account = 'acme' AND at >= {year:DateTime('UTC')} AND concat(' ', body, ' ') LIKE '% "+word+" %'")
			like = append(like, time.Since(start))
		}
		b.ReportMetric(spreadOf(ours).p50, "p50-ms")
		b.ReportMetric(spreadOf(like).p50, "like-ms")
		b.ReportMetric(spreadOf(like).p50/spreadOf(ours).p50, "x-like")
	}
}

// facts: the figures of tickets anywhere in the history, one after the other, from the table: see BenchmarkFacts for those of the processors.
func (r *reportsBench) facts(b *testing.B, n int) {
	for b.Loop() {
		took := make([]time.Duration, 300)
		for i := range took {
			start := time.Now()
			if err := r.api.call(b.Context(), "GET", fmt.Sprintf("/v1/tickets/%d/facts", 1+rand.Intn(n)), nil, nil); err != nil {
				b.Fatal(err)
			}
			took[i] = time.Since(start)
		}
		slices.Sort(took)
		b.ReportMetric(spreadOf(took).p50, "p50-ms")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	}
}

// megabytes is what the tables take on disk.
func (r *reportsBench) megabytes(b *testing.B) (n uint64) {
	b.Helper()
	if err := r.db.QueryRow(b.Context(), "SELECT intDiv(sum(bytes_on_disk), 1000000) FROM system.parts WHERE active AND database = currentDatabase()").Scan(&n); err != nil {
		b.Log(err)
	}
	return n
}
