package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

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
	t.Cleanup(func() { _ = sinks.DropDatabase(context.WithoutCancel(t.Context()), dsn) })
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
