package main

import (
	"context"
	"fmt"
	"math/rand"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"deskstream/local/localtest"
	"deskstream/processors"
	"deskstream/schemas"
)

// BenchmarkPeople: a full contact sync of so many people, each tenth of whom shares an address with another one; the same sync again
// twice, which changes nothing and must write nothing: once stored and processed at a time, and, when what the first one left to do is done,
// once stored before it is processed, so that each is measured by itself; people looked up by address, Zendesk id and external id, beside
// requests that do nothing (bare). DESKSTREAM_BENCH_PEOPLE=1000000 is the size the aim is set for.
func BenchmarkPeople(b *testing.B) {
	n := envNumber(b, "DESKSTREAM_BENCH_PEOPLE", 100_000)
	for b.Loop() {
		app, source := benchApp(b, roles{serve: true})
		rate := func(what string, since time.Time) { b.ReportMetric(float64(n)/time.Since(since).Seconds(), what+"/s") }
		publishPeople(b, app, source, n, 1)
		app.Roles.sink = true
		engine := localtest.TestEngine(b).PID()
		used, start := cpu(os.Getpid(), engine), time.Now()
		if err := app.startWork(b.Context()); err != nil {
			b.Fatal(err)
		}
		var gate sync.RWMutex
		for partition := range app.stream.Partitions() {
			app.run(&app.working, "processor", func(ctx context.Context) error {
				return app.stream.Process(ctx, partition, gated{processors.New(), &gate})
			})
		}
		processed(b, app)
		rate("merged", start)
		b.ReportMetric((cpu(os.Getpid(), engine)-used).Seconds()*1e6/float64(n), "merged-cpu-s/M")

		before := newestRow(b, app)
		start = time.Now()
		publishPeople(b, app, source, n, 2)
		processed(b, app)
		rate("stored-and-unchanged", start)
		gate.Lock()
		start = time.Now()
		publishPeople(b, app, source, n, 3)
		rate("stored", start)
		gate.Unlock()
		used, start = cpu(os.Getpid(), engine), time.Now()
		processed(b, app)
		rate("unchanged", start)
		b.ReportMetric((cpu(os.Getpid(), engine)-used).Seconds()*1e6/float64(n), "unchanged-cpu-s/M")
		if after := newestRow(b, app); after != before {
			b.Fatalf("a sync that changes nothing wrote rows: %d, then %d", before, after)
		}
		used = cpu(os.Getpid(), engine)
		p50, p99 := lookups(b, app, n)
		b.ReportMetric((cpu(os.Getpid(), engine)-used).Seconds()*1e3/benchLookups, "lookup-cpu-ms")
		_, bare := timed(b, app, func(int) string { return "/healthz" })
		b.ReportMetric(float64(bare.Microseconds())/1000, "bare-p99-ms")
		b.ReportMetric(float64(p50.Microseconds())/1000, "lookup-p50-ms")
		b.ReportMetric(float64(p99.Microseconds())/1000, "lookup-p99-ms")
		b.ReportMetric(memory(os.Getpid(), "VmHWM"), "peak-MB")
		app.Stop()
	}
}

// gated is a processor that stands still while somebody holds the gate.
type gated struct {
	*processors.Processor
	gate *sync.RWMutex
}

func (g gated) Keys(events []schemas.Event, state schemas.State) []string {
	g.gate.RLock()
	defer g.gate.RUnlock()
	return g.Processor.Keys(events, state)
}

// processed waits until everything stored is in the tables.
func processed(b *testing.B, app *App) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	defer cancel()
	if err := app.stream.Drained(ctx); err != nil {
		b.Fatal(err)
	}
}

// publishPeople stores the records of n users as pages of the poller.
func publishPeople(b *testing.B, app *App, source string, n, round int) {
	b.Helper()
	at := time.Now().UTC().AddDate(0, -1, 0).Truncate(time.Second).Format(time.RFC3339)
	if round > 1 {
		at = benchPeopleAt
	}
	benchPeopleAt = at
	events := make([]schemas.Event, 0, 900)
	for i := range n {
		id, address := 1_000_000+i, i
		if i%10 == 9 {
			address = i - 1 // the same person as the one before
		}
		events = append(events, schemas.Event{
			ID: fmt.Sprintf("zd:acme:user:%d:%d", id, round), Kind: schemas.KindUser, Source: source, Account: "acme", Via: "poll", ReceivedAt: time.Now().UTC(),
			Data: fmt.Appendf(nil, `{"id":%d,"url":"https://acme.zendesk.com/api/v2/users/%d.json","name":"Person %d of many","email":"person%d@x.test","created_at":%q,`+
				`"updated_at":%q,"time_zone":"Berlin","iana_time_zone":"Europe/Berlin","phone":null,"shared_phone_number":null,"photo":null,"locale_id":1,"locale":"en-US",`+
				`"organization_id":null,"role":"end-user","verified":true,"external_id":%s,"tags":["vip"],"alias":"","active":true,"shared":false,"shared_agent":false,`+
				`"last_login_at":null,"two_factor_auth_enabled":null,"signature":null,"details":"","notes":"","role_type":null,"custom_role_id":null,"moderator":false,`+
				`"ticket_restriction":"requested","only_private_comments":false,"restricted_agent":true,"suspended":false,"default_group_id":null,"report_csv":false,`+
				`"user_fields":{"tier":"gold","seats":%d}}`, id, id, i, address, at, at, externalID(i), i%50),
		})
		if len(events) == cap(events) || i == n-1 {
			if err := app.stream.Publish(b.Context(), events...); err != nil {
				b.Fatal(err)
			}
			events = events[:0]
		}
	}
}

// benchPeopleAt is the time of the records, so that the second sync brings the same ones.
var benchPeopleAt string

func externalID(i int) string {
	if i%10 >= 8 {
		return "null" // those that merge by address
	}
	return fmt.Sprintf(`"ext-%d"`, i)
}

// newestRow is the newest stream position of any row of people.
func newestRow(b *testing.B, app *App) uint64 {
	b.Helper()
	db, err := openQueries(app.dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	var newest uint64
	for _, table := range []string{schemas.TablePeople, schemas.TablePersonAliases, schemas.TablePersonIdentities, schemas.TablePersonMerges, schemas.TableActivities} {
		var n uint64
		if err := db.QueryRow(b.Context(), "SELECT max(_seq) FROM "+table).Scan(&n); err != nil {
			b.Fatal(err)
		}
		newest = max(newest, n)
	}
	return newest
}

// benchLookups is how many requests are timed.
const benchLookups = 1000

// lookups gives the median and the 99th percentile of looking people up, one after the other.
func lookups(b *testing.B, app *App, n int) (p50, p99 time.Duration) {
	b.Helper()
	return timed(b, app, func(i int) string {
		who := rand.Intn(n/10) * 10
		return "/v1/people/" + []string{fmt.Sprintf("email:person%d@x.test", who), fmt.Sprintf("zendesk:%d", 1_000_000+who), fmt.Sprintf("external:ext-%d", who)}[i%3]
	})
}

// timed gives the median and the 99th percentile of asking for some paths, one after the other.
func timed(b *testing.B, app *App, path func(i int) string) (p50, p99 time.Duration) {
	b.Helper()
	api := newClient("http://"+app.Addr(), testKey)
	took := make([]time.Duration, benchLookups)
	for i := range took {
		asked, start := path(i), time.Now()
		if err := api.call(b.Context(), "GET", asked, nil, nil); err != nil {
			b.Fatal(err)
		}
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	return took[len(took)/2], took[len(took)*99/100]
}
