package main

import (
	"fmt"
	"math/rand"
	"os"
	"testing"
	"time"

	"deskstream/local/localtest"
	"deskstream/schemas"
)

// BenchmarkFacts: the facts of tickets anywhere in a history that went through the pipeline, one after the other, told by the processors and,
// when these do not run, by the table; beside requests that do nothing (bare). DESKSTREAM_BENCH_FACTS is the number of tickets.
func BenchmarkFacts(b *testing.B) {
	n := envNumber(b, "DESKSTREAM_BENCH_FACTS", 20_000)
	for b.Loop() {
		app, source := benchApp(b, roles{serve: true, process: true, sink: true})
		publishTickets(b, app, source, n)
		processed(b, app)
		path := func(int) string { return fmt.Sprintf("/v1/tickets/%d/facts", 1+rand.Intn(n)) }
		engine := localtest.TestEngine(b).PID()
		_, bare := timed(b, app, func(int) string { return "/healthz" })
		used := cpu(os.Getpid(), engine)
		p50, p99 := timed(b, app, path)
		b.ReportMetric((cpu(os.Getpid(), engine)-used).Seconds()*1e3/benchLookups, "cpu-ms")
		app.working.stop()
		_, table := timed(b, app, path)
		ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
		b.ReportMetric(ms(p50), "p50-ms")
		b.ReportMetric(ms(p99), "p99-ms")
		b.ReportMetric(ms(table), "table-p99-ms")
		b.ReportMetric(ms(bare), "bare-p99-ms")
		app.Stop()
	}
}

// publishTickets stores the records of n tickets of some people, each with its creation, an answer and a solve, as pages of the poller.
func publishTickets(b *testing.B, app *App, source string, n int) {
	b.Helper()
	first := time.Now().UTC().AddDate(0, -3, 0).Truncate(time.Second)
	var events []schemas.Event
	add := func(kind schemas.Kind, id int64, data string, args ...any) {
		events = append(events, schemas.Event{
			ID: fmt.Sprintf("zd:acme:%s:%d", kind, id), Kind: kind, Source: source, Account: "acme", Via: "poll", ReceivedAt: time.Now().UTC(), Data: fmt.Appendf(nil, data, args...),
		})
	}
	for i := range int64(50) {
		add(schemas.KindUser, 1000+i, `{"id":%d,"name":"Agent %d","role":"agent","email":"agent%d@x.test","created_at":%q,"updated_at":%q}`, 1000+i, i, i, rfc(first), rfc(first))
	}
	for i := range int64(n) {
		id, agent, requester, at := i+1, 1000+i%50, 100_000+i%int64(n/5), first.Add(time.Duration(i)*75*24*time.Hour/time.Duration(n))
		add(schemas.KindTicket, id, `{"id":%d,"subject":"Ticket %d","description":"It does not work","status":"solved","requester_id":%d,"submitter_id":%d,"assignee_id":%d,`+
			`"created_at":%q,"updated_at":%q,"generated_timestamp":%d,"tags":["vip"],"via":{"channel":"web"}}`,
			id, id, requester, requester, agent, rfc(at), rfc(at.Add(2*time.Hour)), at.Add(2*time.Hour).Unix())
		audit := func(k int64, author int64, after time.Duration, changes string, args ...any) {
			add(schemas.KindAudit, 10*id+k, `{"id":%d,"ticket_id":%d,"created_at":%q,"author_id":%d,"events":[%s],"via":{"channel":"web"}}`,
				10*id+k, id, rfc(at.Add(after)), author, fmt.Sprintf(changes, args...))
		}
		audit(1, requester, 0, `{"type":"Create","field_name":"status","value":"new"},{"id":%d,"type":"Comment","author_id":%d,"public":true,"body":"It does not work"}`, 10*id+1, requester)
		audit(2, agent, time.Hour, `{"type":"Change","field_name":"assignee_id","previous_value":null,"value":"%d"},{"type":"Change","field_name":"status","previous_value":"new","value":"open"},`+
			`{"id":%d,"type":"Comment","author_id":%d,"public":true,"body":"Did you switch it on?"}`, agent, 10*id+2, agent)
		audit(3, agent, 2*time.Hour, `{"type":"Change","field_name":"status","previous_value":"open","value":"solved"}`)
		if len(events) >= 1000 || i == int64(n)-1 {
			if err := app.stream.Publish(b.Context(), events...); err != nil {
				b.Fatal(err)
			}
			events = events[:0]
		}
	}
}

func rfc(at time.Time) string { return at.Format(time.RFC3339) }
