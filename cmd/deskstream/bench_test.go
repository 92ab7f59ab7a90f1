package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"deskstream/ingest"
	"deskstream/ingest/zendesktest"
	"deskstream/local"
	"deskstream/local/localtest"
	"deskstream/schemas"
)

// The benchmarks behind the table in README.md: `make bench`. Each runs the pipeline and a bare program in turn and reports their ratio.

// scale is the number of events of a benchmark; DESKSTREAM_BENCH_EVENTS makes longer runs.
func scale(b *testing.B, standard int) int {
	b.Helper()
	return envNumber(b, "DESKSTREAM_BENCH_EVENTS", standard)
}

// envNumber is the number in an environment variable, or another one where it is not set.
func envNumber(b *testing.B, name string, standard int) int {
	b.Helper()
	v := os.Getenv(name)
	if v == "" {
		return standard
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		b.Fatalf("%s=%q must be a number above 0", name, v)
	}
	return n
}

// benchApp is the whole program on an embedded NATS that syncs every write and on the shared engine, with a connected source and the memory
// that a program takes.
func benchApp(b *testing.B, r roles) (*App, string) {
	b.Helper()
	if _, err := programFile(); err != nil { // of which the loader is a part; building it is no part of what is measured
		b.Fatal(err)
	}
	account, err := zendesktest.History(1, 1, 1, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	server := serveAccount(b, account, zendesktest.AdminEmail)
	app := &App{
		Config: quickConfig(b.TempDir(), server.URL()),
		Roles:  r, Now: time.Now, Log: zerolog.Nop(), Tuning: tuning{webhookRate: 1e6},
	}
	app.Config.ClickHouseDSN, app.Config.APIKey = localtest.TestDatabase(b), testKey
	app.Config.PollInterval, app.Config.ContactSync, app.Config.Incremental = time.Hour, time.Hour, 10
	app.heap.limitUntil(b.Context())
	begin(b, app)
	return app, connect(b, newClient("http://"+app.Addr(), testKey), account.Subdomain, zendesktest.AdminEmail, 90)
}

// loader is the load generator as a process of its own, so that its processor time is not ours.
func loader(b *testing.B, url string, connections int, rate float64, seconds time.Duration, tickets int) string {
	b.Helper()
	file, err := programFile()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(file, "load", "--url", url, "--secret", testSecret, "--connections", strconv.Itoa(connections), "--rate", fmt.Sprint(rate),
		"--duration", seconds.String(), "--tickets", strconv.Itoa(tickets))
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// cpu is the processor time of processes so far.
func cpu(pids ...int) time.Duration {
	var ticks int64
	for _, pid := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		for _, i := range []int{11, 12} { // utime and stime, proc(5)
			n, _ := strconv.ParseInt(fields[i], 10, 64)
			ticks += n
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// memory reads a size of /proc/<pid>/status in MB, e.g. VmRSS or VmHWM.
func memory(pid int, name string) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1000
		}
	}
	return 0
}

// BenchmarkReplay: raw events that are stored already -> processed -> every table, against bare JetStream -> ClickHouse.
func BenchmarkReplay(b *testing.B) {
	n := scale(b, 200000)
	for b.Loop() {
		app, source := benchApp(b, roles{serve: true})
		publishLoad(b, app, source, n)
		bare := bareDatabase(b, app.dsn)
		start := time.Now()
		if err := bareConsume(b.Context(), app.conn, schemas.StreamEvents, "deskstream.raw.>", bare, n); err != nil {
			b.Fatal(err)
		}
		bareRate := float64(n) / time.Since(start).Seconds()

		before := cpu(os.Getpid(), localtest.TestEngine(b).PID())
		start = time.Now()
		app.Roles.process, app.Roles.sink = true, true
		if err := app.startWork(b.Context()); err != nil {
			b.Fatal(err)
		}
		drained(b, app)
		took := time.Since(start)
		rate := float64(n) / took.Seconds()
		b.ReportMetric(rate, "ev/s")
		b.ReportMetric(bareRate, "bare-ev/s")
		b.ReportMetric(rate/bareRate, "ratio")
		b.ReportMetric((cpu(os.Getpid(), localtest.TestEngine(b).PID())-before).Seconds()*1e6/float64(n), "cpu-s/M")
		b.ReportMetric(float64(outputs(b, app))/float64(n), "msgs/ev")
	}
}

// outputs is how many messages the processors have stored: rows, packed rows and state.
func outputs(b *testing.B, app *App) uint64 {
	b.Helper()
	_, _, newest, err := app.stream.Position(b.Context(), "")
	if err != nil {
		b.Fatal(err)
	}
	return newest
}

// publishLoad stores n webhooks. The bare consumer reads only what it can decode, so nothing else is in the stream's raw subjects but the
// source's settings, which it must not meet.
func publishLoad(b *testing.B, app *App, source string, n int) {
	b.Helper()
	for batch := range slices.Chunk(loadEvents(n, source), 500) {
		if err := app.stream.Publish(b.Context(), batch...); err != nil {
			b.Fatal(err)
		}
	}
}

// loadEvents makes n webhooks of the load generator, 20 a second: a ticket changes every few minutes.
func loadEvents(n int, source string) []schemas.Event {
	start := time.Now().Add(-time.Duration(n) * 50 * time.Millisecond)
	run := start.UnixNano()
	events := make([]schemas.Event, n)
	for i := range events {
		events[i] = schemas.Event{
			ID: fmt.Sprintf("zd:acme:webhook:%d-%d", run, i), Kind: schemas.KindWebhook, Source: source, Account: "acme", Via: "webhook",
			ReceivedAt: time.Now().UTC(), Data: loadBody(run, int64(i), int64(n/16), start.Add(time.Duration(i)*50*time.Millisecond)),
		}
	}
	return events
}

// BenchmarkWebhook: webhook -> processed -> in every table, against bare HTTP -> JetStream -> ClickHouse, at 64 and 512 connections.
func BenchmarkWebhook(b *testing.B) {
	for _, connections := range []int{64, 512} {
		b.Run(strconv.Itoa(connections), func(b *testing.B) {
			for b.Loop() {
				rate, cpuPer, _ := webhookRun(b, connections)
				bare, bareCPU := bareWebhookRun(b, connections, true)
				b.ReportMetric(rate, "ev/s")
				b.ReportMetric(bare, "bare-ev/s")
				b.ReportMetric(rate/bare, "ratio")
				b.ReportMetric(cpuPer, "cpu-s/M")
				b.ReportMetric(bareCPU, "bare-cpu-s/M")
				b.ReportMetric(cpuPer/bareCPU, "cpu-ratio")
			}
		})
	}
}

const benchTime = 6 * time.Second

func webhookRun(b *testing.B, connections int) (rate, cpuPer float64, report string) {
	b.Helper()
	app, source := benchApp(b, roles{ingest: true, process: true, sink: true, serve: true})
	engine := localtest.TestEngine(b).PID()
	_, before, _, err := app.stream.Progress(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	used, start := cpu(os.Getpid(), engine), time.Now()
	report = loader(b, "http://"+app.Addr()+"/webhooks/zendesk/"+source, connections, 0, benchTime, 5000)
	drained(b, app)
	took := time.Since(start)
	_, after, _, err := app.stream.Progress(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	n := float64(after - before)
	app.Stop()
	return n / took.Seconds(), (cpu(os.Getpid(), engine) - used).Seconds() * 1e6 / n, report
}

// bareProgram is the bare handler with a server for its messages, and the table they go to.
type bareProgram struct {
	nc     *nats.Conn
	intake *bareIntake
	url    string
	db     driver.Conn
}

// startBare starts it; ctx ends what stores messages, and stop the rest.
func startBare(b *testing.B) (bare bareProgram, ctx context.Context, stop func()) {
	b.Helper()
	server, err := local.StartNATS(local.NATSOptions{Dir: b.TempDir(), Log: zerolog.Nop()})
	if err != nil {
		b.Fatal(err)
	}
	if bare.nc, err = server.Connect(); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	if bare.intake, err = newBareIntake(ctx, bare.nc); err != nil {
		b.Fatal(err)
	}
	bare.url, bare.db = "http://"+serveBare(b, bare.intake)+"/", bareDatabase(b, localtest.TestDatabase(b))
	return bare, ctx, func() {
		cancel()
		bare.nc.Close()
		server.Close()
	}
}

// bareWebhookRun measures the bare handler; with consume, until everything is in the table. cpuPer is in seconds for a million events.
func bareWebhookRun(b *testing.B, connections int, consume bool) (rate, cpuPer float64) {
	b.Helper()
	bare, ctx, stop := startBare(b)
	defer stop()
	engine := localtest.TestEngine(b).PID()
	used, start := cpu(os.Getpid(), engine), time.Now()
	consumed := make(chan error, 1)
	total := make(chan int, 1)
	if consume {
		go func() { consumed <- bareFollow(ctx, bare.nc, bare.db, total) }()
	}
	loader(b, bare.url, connections, 0, benchTime, 5000)
	took := time.Since(start)
	if consume {
		total <- int(bare.intake.stored.Load())
		if err := <-consumed; err != nil {
			b.Fatal(err)
		}
		took = time.Since(start)
	}
	n := float64(bare.intake.stored.Load())
	return n / took.Seconds(), (cpu(os.Getpid(), engine) - used).Seconds() * 1e6 / n
}

// bareFollow consumes while the load runs and ends once as many messages as total tells are in the table.
func bareFollow(ctx context.Context, nc *nats.Conn, db driver.Conn, total <-chan int) error {
	done := make(chan error, 1)
	counting, stop := context.WithCancel(ctx)
	defer stop()
	go func() { done <- bareConsume(counting, nc, bareStream, bareSubject, db, 1<<40) }()
	want := -1
	for {
		select {
		case want = <-total:
		case err := <-done:
			return err
		case <-time.After(20 * time.Millisecond):
		}
		if want < 0 {
			continue
		}
		var have uint64
		if err := db.QueryRow(ctx, "SELECT count() FROM bare").Scan(&have); err != nil {
			return err
		}
		if int(have) >= want {
			return nil
		}
	}
}

func serveBare(b *testing.B, h http.Handler) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := ingest.NewServer("", h)
	go func() { _ = server.Serve(l) }()
	b.Cleanup(func() { _ = server.Close() })
	return l.Addr().String()
}

// BenchmarkAccept: signature checked, event synced to disk, 200 answered; nothing behind it. 512 connections, against the bare handler.
func BenchmarkAccept(b *testing.B) {
	for b.Loop() {
		app, source := benchApp(b, roles{ingest: true, serve: true})
		_, before, _, err := app.stream.Progress(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		loader(b, "http://"+app.Addr()+"/webhooks/zendesk/"+source, 512, 0, benchTime, 5000)
		took := time.Since(start)
		_, after, _, err := app.stream.Progress(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		app.Stop()
		rate := float64(after-before) / took.Seconds()
		bare, _ := bareWebhookRun(b, 512, false)
		b.ReportMetric(rate, "req/s")
		b.ReportMetric(bare, "bare-req/s")
		b.ReportMetric(rate/bare, "ratio")
	}
}

// BenchmarkLatency: from sending a webhook until a report counts it, at a steady rate, beside the bare program until its table counts it. The first
// seconds of a program that has just started do not count.
func BenchmarkLatency(b *testing.B) {
	for _, rate := range []float64{5, 200, 1000} {
		b.Run(fmt.Sprint(rate), func(b *testing.B) {
			for b.Loop() {
				p50, p99 := latency(b, rate)
				_, bare := bareLatency(b, rate)
				b.ReportMetric(float64(p50.Milliseconds()), "p50-ms")
				b.ReportMetric(float64(p99.Milliseconds()), "p99-ms")
				b.ReportMetric(float64(bare.Milliseconds()), "bare-p99-ms")
				b.ReportMetric(float64(p99)/float64(bare), "p99-ratio")
			}
		})
	}
}

func latency(b *testing.B, rate float64) (p50, p99 time.Duration) {
	b.Helper()
	app, source := benchApp(b, roles{ingest: true, process: true, sink: true, serve: true})
	defer app.Stop()
	api := newClient("http://"+app.Addr(), testKey)
	return delays(rate, api.base+"/webhooks/zendesk/"+source, func() int {
		var a answer
		q := url.Values{"activity": {"ticket-created"}, "from": {time.Now().UTC().AddDate(0, 0, -2).Format(time.DateOnly)}}
		if err := api.call(b.Context(), "GET", "/v1/reports/activities?"+q.Encode(), nil, &a); err != nil {
			b.Fatal(err)
		}
		return int(*a.Totals["activities"])
	})
}

// bareLatency is latency of the bare program. What its table counts comes from the connection that it inserts by, as soon as it is there.
func bareLatency(b *testing.B, rate float64) (p50, p99 time.Duration) {
	b.Helper()
	bare, ctx, stop := startBare(b)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- bareConsume(ctx, bare.nc, bareStream, bareSubject, bare.db, 1<<40) }()
	return delays(rate, bare.url, func() int {
		select {
		case err := <-ended: // nothing more would ever be counted
			b.Fatal(err)
		default:
		}
		var n uint64
		if err := bare.db.QueryRow(b.Context(), "SELECT count() FROM bare").Scan(&n); err != nil {
			b.Fatal(err)
		}
		return int(n)
	})
}

// delays sends webhooks at a rate, and gives how long they took until they were counted.
func delays(rate float64, url string, count func() int) (p50, p99 time.Duration) {
	warm, n := int(rate*3), int(rate*9)
	sent := make([]time.Time, n)
	ready := make(chan struct{})
	go func() {
		defer close(ready)
		sendSteadily(url, rate, sent)
	}()
	var took []time.Duration
	for len(took) < n {
		seen, now := count(), time.Now()
		for i := len(took); i < min(seen, n); i++ {
			took = append(took, now.Sub(sent[i]))
		}
		time.Sleep(30 * time.Millisecond) // asking costs the machine as much as counting
	}
	<-ready
	took = took[warm:]
	slices.Sort(took)
	return took[len(took)/2], took[len(took)*99/100]
}

// sendSteadily creates one ticket for each element of sent, at the given rate.
func sendSteadily(url string, rate float64, sent []time.Time) {
	http1 := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 10 * time.Second}
	run, start := time.Now().UnixNano(), time.Now()
	slots := make(chan struct{}, 64)
	for i := range sent {
		time.Sleep(time.Until(start.Add(time.Duration(float64(i) / rate * float64(time.Second)))))
		slots <- struct{}{}
		sent[i] = time.Now()
		body := loadBody(run, 2*int64(i), int64(len(sent)), sent[i])
		go func() {
			defer func() { <-slots }()
			_, _ = postSigned(http1, url, testSecret, body)
		}()
	}
}

// BenchmarkBackfill: fetched pages of an account's history -> every table, against a bare insert. The history is read twice, by a program each:
// the second one's pages are answered as those of the first were, so that making them up is not measured.
func BenchmarkBackfill(b *testing.B) {
	for b.Loop() {
		account, err := zendesktest.History(1, 90, scale(b, 60), time.Now())
		if err != nil {
			b.Fatal(err)
		}
		pages := &recorder{next: serveAccount(b, account, zendesktest.AdminEmail), answers: map[string]*httptest.ResponseRecorder{}}
		server := httptest.NewServer(pages)
		first, _ := backfill(b, account, server.URL)
		first.Stop()
		made := pages.madeUp()
		app, took := backfill(b, account, server.URL)
		rows := storedRows(b, app.dsn)
		bare := bareMessages(b, app.dsn, rows)
		app.Stop()
		server.Close()
		rate := float64(rows) / took.Seconds()
		b.ReportMetric(rate, "rows/s")
		b.ReportMetric(bare, "bare-rows/s")
		b.ReportMetric(rate/bare, "ratio")
		b.ReportMetric(float64(pages.madeUp()-made)/float64(made), "made-up-again")
	}
}

// backfill gives a program that has the whole history of an account in its tables, and how long that took it once it ran.
func backfill(b *testing.B, account *zendesktest.Account, url string) (*App, time.Duration) {
	b.Helper()
	app, api := startApp(b, url, func(app *App) { app.Tuning = tuning{} })
	start := time.Now()
	source := connect(b, api, account.Subdomain, zendesktest.AdminEmail, 90)
	waitSynced(b, api, source)
	drained(b, app)
	return app, time.Since(start)
}

// storedRows is how many rows are in all tables.
func storedRows(b *testing.B, dsn string) (rows int) {
	b.Helper()
	db, err := openQueries(dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, table := range schemas.Tables {
		var n uint64
		if err := db.QueryRow(b.Context(), "SELECT count() FROM "+table).Scan(&n); err != nil {
			b.Fatal(err)
		}
		rows += int(n)
	}
	return rows
}

// recorder answers a request that was answered before as it was then. It is safe for concurrent use.
type recorder struct {
	next http.Handler

	mu      sync.Mutex
	answers map[string]*httptest.ResponseRecorder
	made    int // answers that next gave
}

func (r *recorder) madeUp() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.made
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	key := req.Method + " " + req.URL.String()
	r.mu.Lock()
	answer := r.answers[key]
	r.mu.Unlock()
	if answer == nil {
		answer = httptest.NewRecorder()
		r.next.ServeHTTP(answer, req)
		r.mu.Lock()
		r.made++
		if req.Method == http.MethodGet && answer.Code == http.StatusOK {
			r.answers[key] = answer
		}
		r.mu.Unlock()
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // the client may be gone
}

// bareMessages inserts n rows into a table with the same indexes as messages, 10,000 at a time, and gives the rate.
func bareMessages(b *testing.B, dsn string, n int) float64 {
	b.Helper()
	db := bareDatabase(b, dsn)
	ctx := b.Context()
	if err := db.Exec(ctx, "CREATE TABLE bare_messages AS messages"); err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	for done := 0; done < n; {
		batch, err := db.PrepareBatch(ctx, "INSERT INTO bare_messages")
		if err != nil {
			b.Fatal(err)
		}
		for range min(10000, n-done) {
			m := schemas.Message{Account: "acme", At: start, TicketID: int64(done), MessageID: int64(done), Body: loadText[:300], Tokens: schemas.Tokens(loadText[:300]), TicketCreatedAt: start}
			if err := batch.Append(m.Account, m.At, m.TicketID, m.MessageID, m.AuthorID, m.AuthorRole, m.Public, m.Body, m.Tokens, m.Redacted, m.TicketCreatedAt, m.IsDeleted,
				uint64(done), uint64(done), "bare"); err != nil {
				b.Fatal(err)
			}
			done++
		}
		if err := batch.Send(); err != nil {
			b.Fatal(err)
		}
	}
	return float64(n) / time.Since(start).Seconds()
}

// BenchmarkProgram measures the program as a process: start, memory at rest and under load, recovery after SIGKILL.
func BenchmarkProgram(b *testing.B) {
	needEngine(b)
	account, err := zendesktest.History(1, 2, 5, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	server := serveAccount(b, account, zendesktest.AdminEmail)
	for b.Loop() {
		data, addr := filepath.Join(b.TempDir(), "data"), freeAddress(b)
		p := newProgram(b, nil, "run", "--data", data, "--listen", addr, "--zendesk-url", server.URL(), "--api-key", testKey, "--engine", localtest.Library(), "--log-format", "json")
		api := newClient("http://"+addr, testKey)
		p.start()
		p.ready(api)
		source := connect(b, api, account.Subdomain, zendesktest.AdminEmail, 90)
		waitSynced(b, api, source)
		p.kill()

		start := time.Now()
		p.start()
		p.ready(api)
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "warm-start-ms")
		time.Sleep(5 * time.Second) // at rest
		engine := childOf(p.cmd.Process.Pid)
		b.ReportMetric(memory(p.cmd.Process.Pid, "VmRSS")+memory(engine, "VmRSS"), "rest-MB")

		hook := "http://" + addr + "/webhooks/zendesk/" + source
		loader(b, hook, 32, 1000, 8*time.Second, 2000)
		b.ReportMetric(memory(p.cmd.Process.Pid, "VmHWM"), "1000ev/s-MB")
		accepted := killUnderLoad(b, p, api, hook)
		b.ReportMetric(accepted.Seconds(), "recovery-s")
		loader(b, hook, 512, 0, 8*time.Second, 5000)
		b.ReportMetric(memory(p.cmd.Process.Pid, "VmHWM"), "full-load-MB")
		p.kill()
	}
}

// killUnderLoad sends for a while, kills the program, and gives the time from the restart until nothing is under way any more.
func killUnderLoad(b *testing.B, p *program, api *client, hook string) time.Duration {
	b.Helper()
	loading := make(chan struct{})
	go func() {
		defer close(loading)
		loader(b, hook, 32, 1000, 4*time.Second, 2000)
	}()
	time.Sleep(3 * time.Second)
	p.kill()
	start := time.Now()
	p.start()
	<-loading
	p.ready(api)
	eventually(b, time.Minute, func() error {
		var text string
		if err := api.call(b.Context(), "GET", "/metrics", nil, &text); err != nil {
			return err
		}
		for line := range strings.Lines(text) {
			if (strings.HasPrefix(line, "deskstream_unsunk_") || strings.HasPrefix(line, "deskstream_lag")) && !strings.HasSuffix(strings.TrimSpace(line), " 0") {
				return fmt.Errorf("under way: %s", line)
			}
		}
		return nil
	})
	return time.Since(start)
}

// childOf finds the engine: the only child of the program.
func childOf(parent int) int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range stats {
		stat, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pid, _ := strconv.Atoi(strings.Split(f, "/")[2])
			return pid
		}
	}
	return 0
}
