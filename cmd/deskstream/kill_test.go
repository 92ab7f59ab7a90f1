package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deskstream/ingest/zendesktest"
	"deskstream/local"
	"deskstream/local/localtest"
	"deskstream/schemas"
)

// programDir has the program once a test has asked for it.
var programDir string

// programFile builds the program. It is the one that users run, without the race detector, which would make each of its many starts last
// several times as long; the tests that run the program in their own process have the detector.
var programFile = sync.OnceValues(func() (file string, err error) {
	if programDir, err = os.MkdirTemp("", "deskstream-program-"); err != nil {
		return "", err
	}
	file = filepath.Join(programDir, "deskstream")
	if out, err := exec.Command("go", "build", "-o", file, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return file, nil
})

// program is deskstream as a process of its own, which can be killed.
type program struct {
	t      testing.TB
	args   []string
	env    []string
	cmd    *exec.Cmd
	log    *os.File
	ended  chan struct{}
	status error
}

func newProgram(t testing.TB, env []string, args ...string) *program {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "program.log"))
	if err != nil {
		t.Fatal(err)
	}
	p := &program{t: t, args: args, env: env, log: log}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			if b, err := os.ReadFile(log.Name()); err == nil {
				t.Logf("end of the program's log:\n%s", b[max(0, len(b)-8000):])
			}
		}
		log.Close()
	})
	return p
}

func (p *program) start() {
	p.t.Helper()
	file, err := programFile()
	if err != nil {
		p.t.Fatal(err)
	}
	p.cmd = exec.Command(file, p.args...)
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) { p.status = cmd.Wait(); close(ended) }(p.cmd, p.ended)
}

// kill ends the process by SIGKILL, as a crash would.
func (p *program) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// freeAddress finds an address for a program that is started again and again. It is outside of what the system gives to whoever asks for any
// port, which would take it while the program is dead.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(10000))
		if l, err := net.Listen("tcp", addr); err == nil {
			defer l.Close()
			return addr
		}
	}
	t.Fatal("no port between 10000 and 20000 is free")
	return ""
}

func (p *program) ready(api *client) {
	p.t.Helper()
	eventually(p.t, 60*time.Second, func() error {
		select {
		case <-p.ended:
			p.t.Fatalf("the program ended by itself: %v", p.status)
		default:
		}
		return api.call(p.t.Context(), "GET", "/readyz", nil, nil)
	})
}

func needEngine(t testing.TB) {
	t.Helper()
	if _, err := local.FindLibrary(localtest.Library()); err != nil {
		if os.Getenv("REQUIRE_ENGINE") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// TestReportsAreExactUnderKills runs the whole program as a process, connects a simulated account, sends every webhook three times and out
// of order (some never) while it polls, kills it with SIGKILL at random moments, and then holds every report against the naive model.
func TestReportsAreExactUnderKills(t *testing.T) {
	t.Parallel()
	needEngine(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	account, err := zendesktest.History(seed, 20, 10, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	data, addr := t.TempDir(), freeAddress(t)
	stopMerges(t, data)
	server := serveAccount(t, account, zendesktest.AdminEmail)
	p := newProgram(t, nil, quickRun(data, addr, server.URL())...)
	p.start()
	api := newClient("http://"+addr, testKey)
	p.ready(api)
	source := connect(t, api, account.Subdomain, zendesktest.AdminEmail, 60)

	kills := disturb(t, p, account, api, source, seed)
	t.Logf("%d kills", kills)
	checkModel(t, api, account)
	if v := server.Violations(); len(v) > 0 {
		t.Errorf("requests that change Zendesk: %v", v)
	}
	p.kill()
	checkExactlyOnce(t, data)
}

// disturb makes live traffic for a while, delivers it badly and kills the program again and again; at the end the program runs.
func disturb(t *testing.T, p *program, account *zendesktest.Account, api *client, source string, seed uint64) (kills int) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	live := &zendesktest.Live{Account: account, PerMinute: 1500, Seed: seed}
	sender := &zendesktest.Sender{
		Account: account, URL: api.base + "/webhooks/zendesk/" + source, Secret: testSecret, Copies: 3, Shuffle: 30, Drop: 0.06, Seed: seed,
		Parallel: 8, RetryWait: 100 * time.Millisecond, Timeout: 5 * time.Second,
	}
	var wg sync.WaitGroup
	for _, run := range []func(context.Context) error{live.Run, sender.Run} {
		wg.Go(func() {
			if err := run(ctx); err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("traffic: %v", err)
			}
		})
	}
	random := rand.New(rand.NewPCG(seed, 1))
	for end := time.Now().Add(killTime()); time.Now().Before(end); kills++ {
		time.Sleep(time.Duration(400+random.IntN(2200)) * time.Millisecond) // a random moment is the point
		p.kill()
		p.start()
	}
	stop()
	wg.Wait()
	p.ready(api)
	if _, err := sender.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return kills
}

// killTime is how long the program is killed for; DESKSTREAM_KILL_SECONDS makes longer runs.
func killTime() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("DESKSTREAM_KILL_SECONDS") + "s"); err == nil {
		return d
	}
	return 20 * time.Second
}

// checkModel waits until every report equals the model: the poller first has to read what was last written, of each resource in its own time.
// A few questions tell whether it is worth asking all. Activities are left out, because which forms of a rating were seen depends on when the
// poller looked.
func checkModel(t *testing.T, api *client, account *zendesktest.Account) {
	t.Helper()
	now := time.Now()
	models := []*model{newModel(account, nil)}
	var questions []*modelQuestion
	for _, q := range modelQuestions(now.AddDate(0, 0, -40), now.AddDate(0, 0, 1)) {
		if q.metric != "activities" {
			questions = append(questions, q)
		}
	}
	eventually(t, 60*time.Second, func() error { return askAll(t, api, models, questions[:40]) })
	eventually(t, 60*time.Second, func() error { return askAll(t, api, models, questions) })
}

// onData opens the data folder of a program that does not run.
func onData(t *testing.T, data string, change ...func(*App)) *App {
	t.Helper()
	app := &App{
		Config: quickConfig(data, noZendesk),
		Roles:  roles{process: true, sink: true}, Now: time.Now, Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel),
	}
	app.Config.Engine, app.Config.APIKey = localtest.Library(), testKey
	for _, c := range change {
		c(app)
	}
	derive(t, &app.Config)
	if err := app.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return app
}

// stopMerges makes the tables before the program does and keeps their parts from being merged, so that a row that is inserted twice stays
// visible.
func stopMerges(t *testing.T, data string) {
	t.Helper()
	app := onData(t, data)
	defer app.Stop()
	db, err := openQueries(app.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, table := range schemas.Tables {
		alter := "ALTER TABLE " + table + " MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1, max_bytes_to_merge_at_min_space_in_pool = 1"
		if err := db.Exec(t.Context(), alter); err != nil {
			t.Fatal(err)
		}
	}
}

// checkExactlyOnce opens the data of a program that was killed for the last time, lets it finish, and counts rows without FINAL: a row
// that was inserted twice would be there twice with one stream position.
func checkExactlyOnce(t *testing.T, data string) {
	t.Helper()
	app := onData(t, data)
	defer app.Stop()
	drained(t, app)
	db, err := openQueries(app.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, table := range schemas.Tables {
		var rows, distinct uint64
		query := "SELECT count(), uniqExact(_seq, " + sortKey(t, app, table) + ") FROM " + table
		if err := db.QueryRow(t.Context(), query).Scan(&rows, &distinct); err != nil {
			t.Fatal(table, err)
		}
		if rows != distinct {
			t.Errorf("%s: %d rows without FINAL, %d distinct: something was inserted twice", table, rows, distinct)
		}
	}
	letters, _, err := app.stream.DeadList(t.Context(), 5, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range letters {
		t.Errorf("dead letter: %s %s: %s", l.Event.Kind, l.Class, l.Reason)
	}
}

func sortKey(t *testing.T, app *App, table string) string {
	t.Helper()
	db, err := openQueries(app.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var key string
	query := "SELECT sorting_key FROM system.tables WHERE database = currentDatabase() AND name = '" + table + "'"
	if err := db.QueryRow(t.Context(), query).Scan(&key); err != nil {
		t.Fatal(table, err)
	}
	return key
}
