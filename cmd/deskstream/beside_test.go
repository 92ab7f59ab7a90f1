package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"deskstream/ingest/zendesktest"
	"deskstream/sinks"
	"deskstream/stream"
)

// besideStreams are the streams of namespaces that a program's message store holds.
func besideStreams(t *testing.T, app *App) (found []string) {
	t.Helper()
	js, err := jetstream.New(app.conn)
	if err != nil {
		t.Fatal(err)
	}
	names := js.StreamNames(t.Context())
	for name := range names.Name() {
		if strings.Count(name, "_") > 1 {
			found = append(found, name)
		}
	}
	if names.Err() != nil {
		t.Fatal(names.Err())
	}
	return found
}

// intoSecond gives the name and DSN of a database beside the one of a program, which goes with the test.
func intoSecond(t *testing.T, app *App, suffix string) (name, dsn string) {
	t.Helper()
	name = databaseOf(app.dsn) + suffix
	dsn, err := intoDatabase(app.dsn, name)
	if err != nil {
		t.Fatal(err)
	}
	live := app.dsn
	t.Cleanup(func() { _ = sinks.DropDatabase(context.WithoutCancel(t.Context()), live, name) })
	return name, dsn
}

// TestOneBesideAnother starts tools that build beside the tables several at once: one does its work as if it were alone, the others are refused at
// once, with a status of their own.
func TestOneBesideAnother(t *testing.T) {
	t.Parallel()
	p, _, _, _ := syncedHistory(t, 17)
	drained(t, p.app)
	want := rowsIn(t, p.app.dsn, "tickets")
	one, first := intoSecond(t, p.app, "_one")
	two, second := intoSecond(t, p.app, "_two")
	for _, tools := range [][2][]string{
		{{"replay", "--into", one}, {"replay", "--into", two}}, {{"verify"}, {"verify"}}, {{"verify"}, {"replay", "--into", two}},
	} {
		statuses, printed := make(chan int, 2), [2]bytes.Buffer{}
		for i, args := range tools {
			go func() { statuses <- Main(t.Context(), toolArgs(p.app.Config, args), &printed[i], &printed[i]) }()
		}
		said := func() string { return printed[0].String() + printed[1].String() }
		if sum := <-statuses + <-statuses; sum != statusBusy || !strings.Contains(said(), "is running on this installation") {
			t.Fatalf("%v: statuses %d: %s", tools, sum, said())
		}
		if left := besideStreams(t, p.app); len(left) > 0 {
			t.Errorf("%v left %v", tools, left)
		}
	}
	filled := 0
	for _, dsn := range []string{first, second} {
		if have, _, err := sinks.Versions(t.Context(), dsn); err != nil {
			t.Fatal(err)
		} else if have == 0 {
			continue // the one that was refused made nothing
		}
		if n := rowsIn(t, dsn, "tickets"); n != want {
			t.Errorf("%s: %d tickets, want %d", databaseOf(dsn), n, want)
		}
		filled++
	}
	if filled == 0 {
		t.Error("no database was filled")
	}
}

// TestReplayRefusesAnotherInstallation: a database that another pipeline writes to is not filled by a replay.
func TestReplayRefusesAnotherInstallation(t *testing.T) {
	t.Parallel()
	one, _ := startApp(t, "")
	other, _ := startApp(t, "")
	wantTool(t, one.Config, 2, "of other installations", "replay", "--into", databaseOf(other.dsn))
}

// TestErasureReachesBesideTheTables erases a person who is in a database that a replay filled too, and in the streams and the database of a verification
// that was cut off: it ends after the verification has, and nothing of the person is left anywhere.
func TestErasureReachesBesideTheTables(t *testing.T) {
	t.Parallel()
	p := newPeopleTest(t, func(a *zendesktest.Account) { secretLife(t, a) })
	drained(t, p.app)
	two, second := intoSecond(t, p.app, "_two")
	three, third := intoSecond(t, p.app, verifySuffix)
	wantTool(t, p.app.Config, 0, "replayed", "replay", "--into", two)
	wantTool(t, p.app.Config, 2, "other than the live one", "replay", "--into", databaseOf(p.app.dsn))
	wantTool(t, p.app.Config, 2, "other than the live one", "replay", "--into", three)
	at := func(dsn string) *App { return &App{Config: p.app.Config, dsn: dsn} }
	if len(secretTraces(t, at(second))) < 8 {
		t.Fatal("the second database does not hold the person")
	}
	turn, err := stream.TakeTurn(t.Context(), stream.Options{Conn: p.app.conn}, "verify")
	if err != nil {
		t.Fatal(err)
	}
	c := p.app.Config
	if err := c.attach(); err != nil {
		t.Fatal(err)
	}
	c.Listen = ""
	verification := &App{
		Config: c, Roles: roles{process: true, sink: true}, Log: p.app.Log, Now: time.Now,
		replay: &time.Time{}, into: three, tool: true, namespace: verifyNamespace, turn: turn,
	}
	begin(t, verification)
	drained(t, verification)
	verification.Stop() // leaves all as a kill does

	var receipt struct{ ID, State string }
	p.call("DELETE", "/v1/people/email:"+secretEmail, nil, &receipt)
	if receipt.State != "running" {
		t.Errorf("the receipt says %s while a verification runs", receipt.State)
	}
	turn.End()
	eventually(t, time.Minute, func() error {
		if err := p.api.call(t.Context(), "GET", "/v1/erasures/"+receipt.ID, nil, &receipt); err != nil || receipt.State == "done" {
			return err
		}
		return errors.New(receipt.State)
	})
	for _, dsn := range []string{p.app.dsn, second} {
		for _, trace := range secretTraces(t, at(dsn)) {
			t.Errorf("%s: %s", databaseOf(dsn), trace)
		}
	}
	if left := besideStreams(t, p.app); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
	if have, _, err := sinks.Versions(t.Context(), third); err != nil || have != 0 {
		t.Errorf("the database of the verification is there: version %d, %v", have, err)
	}
	if n := rowsIn(t, second, "tickets"); n != rowsIn(t, p.app.dsn, "tickets") {
		t.Errorf("%d tickets in the second database", n)
	}
}

// TestLeftoversGoAtTheStart: what a killed replay into a second database has left goes when the program starts, and the database stays.
func TestLeftoversGoAtTheStart(t *testing.T) {
	t.Parallel()
	p, _, zendesk, _ := syncedHistory(t, 19)
	drained(t, p.app)
	two, second := intoSecond(t, p.app, "_two")
	p.restart(zendesk, func(c Config) {
		c.Listen = ""
		replay := &App{Config: c, Roles: roles{process: true, sink: true}, Log: p.app.Log, Now: time.Now, replay: &time.Time{}, into: two, tool: true}
		begin(t, replay)
		drained(t, replay)
		if left := besideStreams(t, replay); len(left) != 2 {
			t.Errorf("the replay works on %v", left)
		}
		replay.Stop() // leaves all as a kill does
	})
	eventually(t, time.Minute, func() error {
		if left := besideStreams(t, p.app); len(left) > 0 {
			return fmt.Errorf("left are %v", left)
		}
		return nil
	})
	if n := rowsIn(t, second, "tickets"); n == 0 {
		t.Error("the second database was emptied")
	}
}

// TestDatabaseNamedByParameterStays: a database that the DSN names by its parameter, where the path names none or another one, is the live one for
// every tool, and what they build beside it and remove is another.
func TestDatabaseNamedByParameterStays(t *testing.T) {
	t.Parallel()
	account, err := zendesktest.History(23, 3, 3, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	zendesk := serveAccount(t, account, zendesktest.AdminEmail).URL()
	var name, server string
	p := &peopleTest{t: t}
	p.app, p.api = startApp(t, zendesk, func(a *App) {
		i := strings.LastIndex(a.Config.ClickHouseDSN, "/")
		server, name = a.Config.ClickHouseDSN[:i], a.Config.ClickHouseDSN[i+1:]
		a.Config.ClickHouseDSN = server + "?database=" + name
	})
	waitSynced(t, p.api, connect(t, p.api, account.Subdomain, zendesktest.AdminEmail, 60))
	drained(t, p.app)
	want := rowsIn(t, p.app.dsn, "tickets")
	for _, path := range []string{"", "/deskstream_elsewhere"} {
		p.app.Config.ClickHouseDSN = server + path + "?database=" + name
		p.restart(zendesk)
		if err := p.app.clearLeftovers(t.Context()); err != nil {
			t.Error(err)
		}
		two, second := intoSecond(t, p.app, "_two")
		wantTool(t, p.app.Config, 0, "clean", "verify")
		wantTool(t, p.app.Config, 2, "other than the live one", "replay", "--into", name)
		wantTool(t, p.app.Config, 0, "into "+two, "replay", "--into", two)
		if n, other := rowsIn(t, p.app.dsn, "tickets"), rowsIn(t, second, "tickets"); n != want || other != want || n == 0 {
			t.Errorf("%q: %d tickets and %d in the second database, want %d", path, n, other, want)
		}
		if db := databaseOf(p.app.dsn); db != name {
			t.Errorf("%q: the live database is %s", path, db)
		}
	}
}

// TestErasureHasTheTurnForMoments: who builds beside the tables waits for it.
func TestErasureHasTheTurnForMoments(t *testing.T) {
	t.Parallel()
	p, _, _, _ := syncedHistory(t, 18)
	turn, err := stream.TakeTurn(t.Context(), stream.Options{Conn: p.app.conn}, turnErasure)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(2*time.Second, turn.End)
	wantTool(t, p.app.Config, 0, "clean", "verify")
}
