package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"deskstream/ingest/zendesktest"
	"deskstream/local"
	"deskstream/local/localtest"
	"deskstream/schemas"
	"deskstream/sinks"
	"deskstream/stream"
)

// TestStagesApart runs each stage as an App of its own on one NATS server and one ClickHouse, two of the process and sink stages, and
// expects of them what one program gives. The sink stage posts the entries of audiences that the serve stage finds and the process stage
// decides about.
func TestStagesApart(t *testing.T) {
	t.Parallel()
	account, err := zendesktest.History(5, 5, 12, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	zendesk := serveAccount(t, account, zendesktest.AdminEmail).URL()
	server, dsn := startNATS(t), localtest.TestDatabase(t)
	stage := func(r roles) *App {
		t.Helper()
		app := newStage(t, r, zendesk, server, dsn)
		begin(t, app)
		return app
	}
	serve := stage(roles{serve: true})
	intake := stage(roles{ingest: true})
	for range 2 {
		stage(roles{process: true})
		stage(roles{sink: true})
	}
	api := newClient("http://"+serve.Addr(), testKey)
	source := connect(t, api, account.Subdomain, zendesktest.AdminEmail, 60)
	waitSynced(t, api, source)
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if err := newClient("http://"+intake.Addr(), "").call(t.Context(), "GET", path, nil, nil); err != nil {
			t.Error(err)
		}
	}
	checkModel(t, api, account)
	if v := intakeHook(t, intake, source); v != http.StatusOK {
		t.Errorf("webhook at the ingest stage: status %d", v)
	}
	others := newTold()
	target := httptest.NewServer(others)
	t.Cleanup(target.Close)
	others.listen(t, serve)
	p := &peopleTest{t, serve, api, source}
	one := p.posted("one", fmt.Sprintf(`{"field":"zendesk.user_id","op":"is","value":"%d"}`, closing(t, account)[0].RequesterID), target.URL)
	p.wantEntries(one, 1)
	others.want(t, false, p.entries(one), p.entries(one))
}

// startNATS gives the address of a server outside of the program.
func startNATS(t *testing.T) string {
	t.Helper()
	server, err := local.StartNATS(local.NATSOptions{Dir: t.TempDir(), Log: zerolog.Nop(), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server.URL()
}

// startStreams gives the address of a NATS server with the streams of a pipeline, and a connection to it.
func startStreams(t *testing.T) (server string, nc *nats.Conn) {
	t.Helper()
	server = startNATS(t)
	nc, err := nats.Connect(server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	s, err := stream.Open(t.Context(), stream.Options{Conn: nc, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return server, nc
}

// newStage gives a stage of its own on stores outside, which has yet to be started.
func newStage(t *testing.T, r roles, zendesk, server, dsn string) *App {
	t.Helper()
	app := &App{
		Config: quickConfig(t.TempDir(), zendesk),
		Roles:  r, Now: time.Now, Tuning: tuning{sinkLinger: 20 * time.Millisecond, drain: time.Second, question: 30 * time.Second}, Log: zerolog.Nop(),
	}
	app.Config.NATSURL, app.Config.ClickHouseDSN, app.Config.APIKey = server, dsn, testKey
	app.Config.SecretKey, app.Config.Private = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", true
	return app
}

// TestStagesStartTogether starts the process stage where there is no database yet, and all the others, two of each, once it waits for the tables: it says so
// once, and every stage starts. Where nobody makes the tables it ends with what to do.
func TestStagesStartTogether(t *testing.T) {
	t.Parallel()
	made := localtest.TestDatabase(t)
	name := databaseOf(made) + "_fresh"
	fresh, err := intoDatabase(made, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sinks.DropDatabase(context.WithoutCancel(t.Context()), made, name) })
	server := startNATS(t)
	start := func(r roles, change func(*App)) error {
		app := newStage(t, r, "https://{account}.zendesk.test", server, fresh)
		change(app)
		derive(t, &app.Config)
		t.Cleanup(app.Stop)
		return app.Start(t.Context())
	}
	err = start(roles{process: true}, func(a *App) { a.Tuning.tables = time.Millisecond })
	if err == nil || !strings.Contains(err.Error(), "deskstream sink") {
		t.Fatalf("without tables: %v", err)
	}
	var told atomic.Int32
	count := zerolog.HookFunc(func(_ *zerolog.Event, _ zerolog.Level, message string) {
		if strings.Contains(message, "waiting for") {
			told.Add(1)
		}
	})
	var wg sync.WaitGroup
	begin := func(r roles, change func(*App)) {
		wg.Go(func() {
			if err := start(r, change); err != nil {
				t.Errorf("%+v: %v", r, err)
			}
		})
	}
	begin(roles{process: true}, func(a *App) { a.Log = zerolog.New(io.Discard).Hook(count) })
	eventually(t, 10*time.Second, func() error {
		if told.Load() == 0 {
			return errors.New("the process stage does not wait")
		}
		return nil
	})
	for range 2 {
		for _, r := range []roles{{ingest: true}, {process: true}, {sink: true}, {serve: true}} {
			begin(r, func(*App) {})
		}
	}
	wg.Wait()
	if n := told.Load(); n != 1 {
		t.Errorf("the wait is told %d times", n)
	}
}

func intakeHook(t *testing.T, intake *App, source string) int {
	t.Helper()
	var status int
	eventually(t, time.Minute, func() (err error) {
		status, err = postSigned(http.DefaultClient, "http://"+intake.Addr()+"/webhooks/zendesk/"+source, testSecret, loadBody(1, 1, 10, time.Now()))
		return err
	})
	return status
}

// TestProgramDrainsOnSIGTERM ends the program under load, also while ClickHouse hangs: it must exit 0 within 15 s, and every webhook that was
// answered 200 must be in the tables after the next start, once.
func TestProgramDrainsOnSIGTERM(t *testing.T) {
	t.Parallel()
	needEngine(t)
	for name, hung := range map[string]bool{"at work": false, "ClickHouse hangs": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testSIGTERM(t, hung)
		})
	}
}

func testSIGTERM(t *testing.T, hung bool) {
	account, err := zendesktest.History(6, 1, 1, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	data, addr := t.TempDir(), freeAddress(t)
	stopMerges(t, data)
	p := newProgram(t, nil, "run", "--data", data, "--listen", addr, "--zendesk-url", serveAccount(t, account, zendesktest.AdminEmail).URL(),
		"--api-key", testKey, "--engine", localtest.Library(), "--log-format", "json")
	p.start()
	api := newClient("http://"+addr, testKey)
	p.ready(api)
	source := connect(t, api, account.Subdomain, zendesktest.AdminEmail, 90)
	waitSynced(t, api, source)
	before := activities(t, api)

	l := newLoad(loadCmd{URL: api.base + "/webhooks/zendesk/" + source, Secret: testSecret, Rate: 300, Connections: 8, Duration: 5 * time.Minute, Tickets: 1 << 20, Copies: 1})
	loading, enough := context.WithCancel(t.Context())
	defer enough()
	loaded := make(chan struct{})
	go func() { defer close(loaded); l.run(loading) }()
	eventually(t, time.Minute, func() error {
		if l.next.Load() < 300 {
			return context.DeadlineExceeded
		}
		return nil
	})
	if hung {
		if err := syscall.Kill(childOf(p.cmd.Process.Pid), syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		eventually(t, time.Minute, func() error { // more is written than ClickHouse may just have stored
			if l.next.Load() < 600 {
				return context.DeadlineExceeded
			}
			return nil
		})
	}
	start := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	enough()
	if took := time.Since(start); p.status != nil || took > 15*time.Second {
		t.Errorf("ended with %v after %s; want status 0 within 15 s", p.status, took)
	}
	<-loaded
	for status := range l.status {
		if status >= 500 && status != http.StatusServiceUnavailable {
			t.Errorf("a webhook under way was answered %d", status)
		}
	}
	p.start()
	p.ready(api)
	accepted := l.status[http.StatusOK] / 2 // every other webhook creates a ticket
	eventually(t, time.Minute, func() error {
		if got := activities(t, api) - before; got < accepted-l.Connections {
			return fmt.Errorf("%d tickets are in the tables, about %d accepted webhooks create one", got, accepted)
		}
		return nil
	})
	p.kill()
	checkExactlyOnce(t, data)
}

// activities counts the tickets created since the fixed day that the load generator writes.
func activities(t *testing.T, api *client) int {
	t.Helper()
	q := url.Values{"activity": {"ticket-created"}, "from": {time.Now().AddDate(0, 0, -2).UTC().Format(time.DateOnly)}}
	n := report(t, api, "activities", q).Totals["activities"]
	if n == nil {
		return 0
	}
	return int(*n)
}

// TestReplayGivesTheSameTables rebuilds everything from the raw stream, into the same database and into a second one, and compares; so
// does verify, on a folder that no program runs on.
func TestReplayGivesTheSameTables(t *testing.T) {
	t.Parallel()
	needEngine(t)
	account, err := zendesktest.History(7, 8, 6, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	server := serveAccount(t, account, zendesktest.AdminEmail)
	data := t.TempDir()
	app := onData(t, data, func(a *App) {
		a.Config.ZendeskURL, a.Roles = server.URL(), roles{ingest: true, process: true, sink: true, serve: true}
	})
	api := newClient("http://"+app.Addr(), testKey)
	waitSynced(t, api, connect(t, api, account.Subdomain, zendesktest.AdminEmail, 60))
	drained(t, app)
	app.Stop()
	before := contents(t, data, "")
	for _, args := range [][]string{{"replay", "--into", "deskstream_second", "--listen", anyPort}, {"replay", "--listen", anyPort}, {"verify"}} {
		var out, errs bytes.Buffer
		if status := Main(t.Context(), append(args, "--data", data, "--engine", localtest.Library(), "--log-level", "error"), &out, &errs); status != 0 {
			t.Fatalf("%v: status %d: %s", args, status, errs.String())
		}
		t.Log(strings.TrimSpace(out.String()))
	}
	for _, into := range []string{"deskstream_second", ""} {
		after := contents(t, data, into)
		for _, table := range schemas.Tables {
			if before[table] != after[table] {
				t.Errorf("table %s differs in database %q after the replay: %s, before %s", table, into, after[table], before[table])
			}
		}
	}
}

// contents sums up the rows in force of every table without the columns that tell how they came in.
func contents(t *testing.T, data, into string) map[string]string {
	t.Helper()
	app := onData(t, data, func(a *App) { a.into = into })
	defer app.Stop()
	db, err := openQueries(app.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	out := map[string]string{}
	for _, table := range schemas.Tables {
		var sum string
		// As text, because the hash of a null is null, and the sum would leave the row out.
		query := "SELECT concat(toString(count()), ' rows, sum ', toString(sum(cityHash64(toString(tuple(* EXCEPT (_seq, _ver, _batch))))))) FROM " + table + " FINAL"
		if err := db.QueryRow(t.Context(), query).Scan(&sum); err != nil {
			t.Fatal(table, err)
		}
		out[table] = sum
	}
	return out
}

// TestToolsFindWhatIsOutside runs the program on a NATS server outside and an engine inside: the tools find both from the data folder alone,
// and what they would ask with is only readable by its owner.
func TestToolsFindWhatIsOutside(t *testing.T) {
	t.Parallel()
	needEngine(t)
	server := startNATS(t)
	data, addr := t.TempDir(), freeAddress(t)
	p := newProgram(t, nil, "run", "--data", data, "--listen", addr, "--nats-url", server, "--api-key", testKey, "--engine", localtest.Library())
	p.start()
	p.ready(newClient("http://"+addr, testKey))
	c := StoreFlags{BaseFlags: BaseFlags{Data: data}}
	if !c.running() {
		t.Fatal("the program does not hold its data folder")
	}
	if err := c.attach(); err != nil {
		t.Fatal(err)
	}
	if c.NATSURL != server {
		t.Errorf("NATS at %s, want %s", c.NATSURL, server)
	}
	db, err := openQueries(c.ClickHouseDSN)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var streams uint64
	if err := db.QueryRow(t.Context(), "SELECT uniqExact(stream) FROM pipeline_meta").Scan(&streams); err != nil || streams != 3 {
		t.Errorf("%d streams are recorded, %v", streams, err)
	}
	info, err := os.Stat(controlFile(data))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("control file: %v, %v", info, err)
	}
}
