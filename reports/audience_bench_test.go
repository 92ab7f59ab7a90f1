//go:build unix

package reports

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"golang.org/x/sys/unix"

	"deskstream/local/localtest"
	"deskstream/schemas"
	"deskstream/sinks"
	"deskstream/stream"
)

// manyAudiences makes filters as marketers write them: profiles, organizations, figures, activities with and without words, and triggers.
func manyAudiences(n int) []string {
	kinds := []func(i int) string{
		func(i int) string {
			return fmt.Sprintf(`{"all":[{"field":"zendesk.tags","op":"contains","value":"vip"},{"field":"zendesk.fields.tier","op":"is","value":"tier %d"}]}`, i%20)
		},
		func(i int) string {
			return fmt.Sprintf(`{"all":[{"field":"language","op":"is","value":"en"},{"field":"email","op":"ends_with","value":"@company%d.test"}]}`, i)
		},
		func(i int) string {
			return fmt.Sprintf(`{"all":[{"field":"zendesk.tickets_total","op":"gt","value":%d},{"not":{"activity":"satisfaction-rating-received","op":"has_occurred"}}]}`, i%15)
		},
		func(i int) string {
			return fmt.Sprintf(`{"all":[{"activity":"ticket-closed","op":"last_occurred","when":{"op":"more_than_days_ago","value":%d}},{"field":"permissions.email","op":"is","value":true}]}`, 1+i%60)
		},
		func(i int) string {
			return fmt.Sprintf(`{"activity":"ticket-message-received","op":"has_occurred","within_days":%d,"where":[{"attribute":"message","op":"contains_phrase","value":"travel insurance"},{"attribute":"tags","op":"contains","value":"topic-%d"}]}`, 1+i%30, i%50)
		},
		func(i int) string {
			return fmt.Sprintf(`{"any":[{"field":"organization.name","op":"is","value":"Organization %d"},{"field":"organization.zendesk.tags","op":"contains","value":"gold-%d"}]}`, i, i)
		},
		func(i int) string {
			return fmt.Sprintf(`{"activity":"ticket-created","op":"occurred_times","within_days":%d,"times":{"op":"gt","value":%d}}`, 1+i%30, i%4)
		},
		func(i int) string {
			return fmt.Sprintf(`{"activity":"ticket-closed","op":"occurs","where":[{"attribute":"subject","op":"contains","value":"subject %d "}]}`, i%100)
		},
	}
	out := make([]string, n)
	for i := range out {
		out[i] = kinds[i%len(kinds)](i)
	}
	return out
}

// benchCrowd fills the tables as events of many people do.
type benchCrowd struct {
	*audienceServer
	b      *testing.B
	stream *stream.Stream
	rand   *rand.Rand
	n      int
	next   int
}

// benchEvents are those of a real stream, but what is published goes nowhere.
type benchEvents struct {
	*stream.Stream
	store *memory
}

func (e benchEvents) Publish(ctx context.Context, events ...schemas.Event) error {
	return e.store.Publish(ctx, events...)
}

// benchRows puts out the rows that its events hold.
type benchRows struct{}

func (benchRows) Keys([]schemas.Event, schemas.State) []string { return nil }

func (benchRows) Apply(events []schemas.Event, _ schemas.State) (r schemas.Result, err error) {
	for i := range events {
		var some []schemas.Output
		if err := json.Unmarshal(events[i].Data, &some); err != nil {
			return r, err
		}
		r.Outputs = append(r.Outputs, some...)
	}
	return r, nil
}

// newBenchCrowd runs a stream whose rows go to the tables by the sinks, and a worker of audiences beside them.
func newBenchCrowd(b *testing.B, people int) *benchCrowd {
	b.Helper()
	dsn := localtest.TestDatabase(b)
	conn, err := connect(b.Context(), dsn)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	db, err := sinks.Open(b.Context(), dsn, sinks.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	_, nc, _ := localtest.TestJetStream(b)
	st, err := stream.Open(b.Context(), stream.Options{Conn: nc, Partitions: 1, MaxBytesEvents: 300 << 20, MaxBytesTxn: 300 << 20})
	if err != nil {
		b.Fatal(err)
	}
	c := &benchCrowd{audienceServer: &audienceServer{now: testNow}, b: b, stream: st, rand: rand.New(rand.NewSource(1)), n: people}
	c.testServer = newTestServer(b, conn, func(o *Options) {
		store := o.Events.(*memory)
		o.QueryTimeout, o.Now, o.Settings, o.Events = time.Minute, func() time.Time { return c.now }, st, benchEvents{st, store}
	})
	c.w = newAudienceWorker(c.server)
	c.w.started = testNow.Add(-time.Hour)
	c.work(db)
	return c
}

// work runs the processor and the sinks of the tables that it fills until the benchmark ends.
func (c *benchCrowd) work(db *sinks.DB) {
	ctx, cancel := context.WithCancel(c.b.Context())
	var all sync.WaitGroup
	all.Go(func() { _ = c.stream.Process(ctx, 0, benchRows{}) })
	for _, table := range []string{schemas.TableActivities, schemas.TablePersonStats, schemas.TablePersonActivities} {
		all.Go(func() { _ = c.stream.Sink(ctx, sinks.NewWriter(db, table)) })
	}
	c.b.Cleanup(func() {
		cancel()
		all.Wait()
		_ = c.stream.Close(context.Background())
	})
}

// fill puts people into the tables, with two activities each and what follows from these.
func (c *benchCrowd) fill() {
	insertInto(c.b, c.db, schemas.TableNames, schemas.Name{Account: testAccount, Kind: "user_field", ID: 1, Name: "Tier", Key: "tier", Type: "text"})
	p := map[string]string{"n": strconv.Itoa(c.n), "account": testAccount, "source": testSource, "now": strconv.FormatInt(testNow.Unix(), 10), "gen": strconv.FormatUint(schemas.RowVersion(1, 1), 10)}
	for _, statement := range benchFill {
		ctx := clickhouse.Context(c.b.Context(), clickhouse.WithParameters(p))
		if err := c.db.Exec(ctx, statement); err != nil {
			c.b.Fatal(err)
		}
	}
	c.next = 2 * c.n
	c.happen(1) // what was put in by hand lies before the position at which audiences begin
}

// benchFill fills the tables; the ids of people are those of schemas.OwnPersonID.
var benchFill = []string{
	`INSERT INTO organizations (account, organization_id, name, zendesk, _seq, _ver)
SELECT {account:String}, number + 1, concat('Organization ', toString(number)), concat('{"tags":["gold-', toString(number), '"]}'), 1, {gen:UInt64} FROM numbers(1000)`,
	`INSERT INTO people (account, person_id, source_ids, first_name, last_name, email, language, timezone, email_permission, organization_id, organization_ids, user_ids, own_ids,
    zendesk, custom, created_at, updated_at, _seq, _ver)
WITH number + 1 AS user,
    substring(SHA256(concat({account:String}, '\0zendesk')), 1, 16) AS key, unhex(concat(leftPad(hex(user), 16, '0'), repeat('0', 16))) AS block,
    concat('p_', translate(lower(replaceAll(base32Encode(substring(encrypt('aes-128-ecb', block, key), 1, 16)), '=', '')),
        'abcdefghijklmnopqrstuvwxyz234567', '0123456789abcdefghjkmnpqrstvwxyz')) AS id
SELECT {account:String}, id, [{source:String}], concat('First', toString(number % 500)), concat('Last', toString(number % 700)),
    concat('p', toString(number), '@company', toString(number % 1000), '.test'), ['en', 'de', 'fr'][number % 3 + 1], 'UTC', number % 2, number % 1000 + 1, [number % 1000 + 1], [user], [id],
    concat('{"user_id":"', toString(user), '","name":"First Last","role":"end-user","verified":true,"tags":["vip","t', toString(number % 40),
        '"],"locale":"en-US","created_at":"2025-01-02T03:04:05Z","fields":{"tier":"tier ', toString(number % 20), '","seats":', toString(number % 50), '}}'),
    '{}', toDateTime({now:UInt32}, 'UTC'), toDateTime({now:UInt32}, 'UTC'), 1, {gen:UInt64}
FROM numbers({n:UInt64})
SETTINGS max_block_size = 10000, min_insert_block_size_rows = 10000`,
	`INSERT INTO activities (account, activity, occurred_at, activity_id, ticket_id, user_id, subject, message, tags, status, attributes, expires_at, _seq, _ver)
SELECT {account:String}, ['ticket-created', 'ticket-message-received', 'ticket-message-received', 'ticket-closed', 'ticket-solved', 'ticket-assigned'][rand(1) % 6 + 1],
    toDateTime({now:UInt32} - 3600 * (rand(2) % 1440), 'UTC'), toString(number + 1), number + 1, rand(3) % {n:UInt64} + 1,
    concat('The subject ', toString(rand(4) % 1000), ' of a ticket'), repeat('some words of a message that speaks of travel and insurance ', 5),
    [concat('topic-', toString(rand(5) % 100))], 'open', '{}', toDateTime({now:UInt32}, 'UTC') + INTERVAL 50 YEAR, 1, {gen:UInt64}
FROM numbers(2 * {n:UInt64})`,
	`INSERT INTO person_stats (account, user_id, tickets_total, first_ticket_at, last_ticket_at, last_ticket_id, last_ticket_subject, last_ticket_status, _seq, _ver)
SELECT {account:String}, number + 1, rand(1) % 20, toDateTime({now:UInt32}, 'UTC'), toDateTime({now:UInt32}, 'UTC'), number, 'x', 'open', 1, {gen:UInt64} FROM numbers({n:UInt64})`,
	`INSERT INTO person_activities (account, user_id, activity, first_at, last_at, count, _seq, _ver)
SELECT account, user_id, activity, min(occurred_at), max(occurred_at), count(), 1, {gen:UInt64} FROM activities GROUP BY account, user_id, activity`,
}

// happen has the rows of so many events reach the tables: each is an activity of somebody with the figures that follow from it.
func (c *benchCrowd) happen(events int) {
	slugs := []string{"ticket-created", "ticket-message-received", "ticket-message-received", "ticket-closed", "ticket-solved", "ticket-assigned"}
	var all []schemas.Event
	for range events {
		c.next++
		user, at := int64(c.rand.Intn(c.n)+1), c.now.Add(-time.Duration(c.rand.Intn(60*24))*time.Hour)
		slug := slugs[c.rand.Intn(len(slugs))]
		all = append(all, schemas.Event{ID: strconv.Itoa(c.next), Kind: "rows", Account: testAccount, ReceivedAt: c.now, Data: []byte(jsonText([]schemas.Output{
			c.output(schemas.TableActivities, schemas.SubjectActivity(testAccount, slug), schemas.Activity{
				Account: testAccount, Activity: slug, OccurredAt: at, ActivityID: strconv.Itoa(c.next), TicketID: int64(c.next), UserID: user, PersonID: schemas.OwnPersonID(testAccount, schemas.ZID(user)),
				Subject: fmt.Sprintf("The subject %d of a ticket", c.rand.Intn(1000)), Message: strings.Repeat("some words of a message that speaks of travel and insurance ", 5),
				Tags: []string{fmt.Sprint("topic-", c.rand.Intn(100))}, Status: "open", Attributes: `{}`, ExpiresAt: testNow.AddDate(50, 0, 0),
			}),
			c.output(schemas.TablePersonStats, "", schemas.PersonStats{
				Account: testAccount, UserID: user, TicketsTotal: int64(c.rand.Intn(20)), FirstTicketAt: &at, LastTicketAt: &at, LastTicketID: int64(c.next), LastSubject: "x", LastStatus: "open",
			}),
			c.output(schemas.TablePersonActivities, "", schemas.PersonActivity{Account: testAccount, UserID: user, Activity: slug, FirstAt: at, LastAt: at, Count: 1}),
		}))})
	}
	ctx, cancel := context.WithTimeout(c.b.Context(), 5*time.Minute)
	defer cancel()
	err := c.stream.Publish(ctx, all...)
	if err == nil {
		err = c.stream.Drained(ctx)
	}
	if err != nil {
		c.b.Fatal(err)
	}
}

func (c *benchCrowd) output(table, subject string, row any) schemas.Output {
	data, err := json.Marshal(row)
	if err != nil {
		c.b.Fatal(err)
	}
	return schemas.Output{Table: table, Subject: subject, Data: data}
}

func (c *benchCrowd) rounds() {
	for more := true; more; {
		var err error
		if more, err = c.w.round(c.b.Context()); err != nil {
			c.b.Fatal(err)
		}
	}
}

// BenchmarkAudiences: what 200 audiences over many people add to the processor time of each event, of this process with its NATS server and of the
// engine, from when its rows are in the tables until what follows is to be published; a thousand events come between two looks. The merges that
// follow from the rows are waited for before: they are no work of the audiences. told/event is how many people are told of. everybody-s is how long it takes to evaluate everybody for all audiences and to read people into memory,
// with more than 100,000 people only the latter; kept-MB is what memory that takes. DESKSTREAM_BENCH_PEOPLE=1000000 is the size the aim is set for.
func BenchmarkAudiences(b *testing.B) {
	people, err := strconv.Atoi(os.Getenv("DESKSTREAM_BENCH_PEOPLE"))
	if err != nil {
		people = 100_000
	}
	const audiences, burst, bursts = 200, 1000, 20
	c := newBenchCrowd(b, people)
	c.fill()
	for i, f := range manyAudiences(audiences) {
		c.want(201, c.call("POST", "/v1/audiences", "people-key", map[string]any{"name": fmt.Sprint(i), "filter": json.RawMessage(f)}), nil)
	}
	start, before := time.Now(), heap()
	if people > mostPassed {
		c.pretend()
	}
	c.rounds()
	everybody := time.Since(start)
	c.now = c.now.Add(audienceLag + time.Second)
	c.enter()
	c.rounds()
	if people > mostPassed {
		c.join()
	}
	kept := heap() - before
	for b.Loop() {
		c.store.published = nil
		own, engine := c.bursts(bursts, burst)
		b.ReportMetric(float64(len(c.store.published))/burst/bursts, "told/event")
		b.ReportMetric(everybody.Seconds(), "everybody-s")
		b.ReportMetric(float64(kept)/1e6, "kept-MB")
		b.ReportMetric(float64(own.Microseconds())/burst/bursts, "own-us/event")
		b.ReportMetric(float64(engine.Microseconds())/burst/bursts, "engine-us/event")
		b.ReportMetric(float64((own+engine).Microseconds())/burst/bursts, "added-us/event")
	}
}

// mostPassed is up to how many people everybody is evaluated by queries, as it is when an audience is new. With more that takes long, and only
// what changes cost is measured.
const mostPassed = 100_000

// pretend has the worker believe that everybody was evaluated.
func (c *benchCrowd) pretend() {
	e, err := c.w.evaluation(c.b.Context())
	if err != nil {
		c.b.Fatal(err)
	}
	all, err := c.w.audiences(c.b.Context())
	for _, a := range all {
		e.Passed[a.ID] = a.Generation
	}
	if err == nil {
		err = c.w.putEvaluation(c.b.Context(), &e)
	}
	if err != nil {
		c.b.Fatal(err)
	}
}

// join puts into memory who is in which audience, as if it had come from the table.
func (c *benchCrowd) join() {
	r := c.w.roster
	for i := range r.rows {
		if r.rows[i].lead != uint32(i) {
			continue
		}
		d := r.document(uint32(i))
		for _, a := range c.w.index.lasting {
			if bit := r.place(a.ID); c.w.Match(a.filter, d.person, c.now, c.w.Location) {
				r.members[i*r.stride+bit/64] |= 1 << (bit % 64)
			}
		}
	}
}

// merged waits until the engine merges nothing of what was written before, which would count as the work of what comes next.
func (c *benchCrowd) merged() {
	for quiet := 0; quiet < 10; quiet++ {
		var n uint64
		if err := c.db.QueryRow(c.b.Context(), "SELECT count() FROM system.merges").Scan(&n); err != nil {
			c.b.Fatal(err)
		}
		if n > 0 {
			quiet = 0
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// heap is what is in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// bursts has so many events happen a second, and evaluates what there is to evaluate; it gives the processor time of the latter.
func (c *benchCrowd) bursts(n, events int) (own, engine time.Duration) {
	for range n {
		c.happen(events)
		c.merged()
		ownBefore, engineBefore := processorTime(c.b)
		c.rounds()
		ownAfter, engineAfter := processorTime(c.b)
		own, engine = own+ownAfter-ownBefore, engine+engineAfter-engineBefore
		c.now = c.now.Add(time.Second)
	}
	return own, engine
}

// enter puts those of whom it was told into the table of members, as the processor does.
func (c *benchCrowd) enter() {
	var members []schemas.AudienceMember
	for _, e := range c.store.published {
		var v schemas.AudienceVerdict
		if err := json.Unmarshal(e.Data, &v); err != nil {
			c.b.Fatal(err)
		}
		for _, a := range v.In {
			members = append(members, schemas.AudienceMember{Account: testAccount, AudienceID: a.ID, PersonID: schemas.OwnPersonID(testAccount, v.ID), Since: c.now})
		}
	}
	c.store.published = nil
	for some := range slices.Chunk(members, 100_000) {
		insertInto(c.b, c.db, schemas.TableAudienceMembers, some...)
	}
	if len(members) > 0 {
		c.w.forget() // they did not come by the stream
	}
}

// processorTime is that of this process and of the engine so far.
func processorTime(b *testing.B) (own, engine time.Duration) {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", localtest.TestEngine(b).PID()))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	for _, i := range []int{11, 12} { // utime and stime, proc(5), in hundredths of a second
		n, _ := strconv.ParseInt(fields[i], 10, 64)
		engine += time.Duration(n) * 10 * time.Millisecond
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), engine
}
