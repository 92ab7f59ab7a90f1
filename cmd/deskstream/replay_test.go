package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"deskstream/ingest/zendesktest"
	"deskstream/local"
	"deskstream/schemas"
)

// tool runs a command on the stores of a program, which may be at work, and gives its status and what it printed.
func tool(ctx context.Context, c Config, args ...string) (int, string) {
	var out bytes.Buffer
	args = append(args, "--data", c.Data, "--clickhouse-dsn", c.ClickHouseDSN, "--listen", anyPort, "--log-level", "error", "--log-format", "json")
	status := Main(ctx, args, &out, &out)
	return status, out.String()
}

// wantTool fails unless a command ends with a status and prints some words.
func wantTool(t *testing.T, c Config, status int, words string, args ...string) {
	t.Helper()
	if got, printed := tool(t.Context(), c, args...); got != status || !strings.Contains(printed, words) {
		t.Fatalf("%v: status %d, want %d and %q: %s", args, got, status, words, printed)
	}
}

// rowsIn counts the rows of a table in force.
func rowsIn(t *testing.T, dsn, table string) (n uint64) {
	t.Helper()
	db, err := openQueries(dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(t.Context(), "SELECT count() FROM "+table+" FINAL").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestReplayKeepsWhatEventsNoLongerHold loses the stream of raw events: neither the rebuild nor a replay removes what was made of them until
// it is told to, and what Zendesk still has comes back from there.
func TestReplayKeepsWhatEventsNoLongerHold(t *testing.T) {
	t.Parallel()
	account, err := zendesktest.History(12, 5, 4, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	p := &peopleTest{t: t}
	zendesk := serveAccount(t, account, zendesktest.AdminEmail).URL()
	p.app, p.api = startApp(t, zendesk)
	waitSynced(t, p.api, connect(t, p.api, account.Subdomain, zendesktest.AdminEmail, 60))
	drained(t, p.app)
	before := rowsIn(t, p.app.dsn, "tickets")
	kept := func(when string) {
		t.Helper()
		if n := rowsIn(t, p.app.dsn, "tickets"); n != before || n == 0 {
			t.Fatalf("%s: %d tickets, %d before", when, n, before)
		}
	}
	p.restart(zendesk, func(c Config) {
		loseEvents(t, c)
		wantTool(t, c, 1, "connect every source again", "replay")
		wantTool(t, c, 0, "its rows stay", "replay", "--rebuild")
		kept("after the rebuild")
		wantTool(t, c, 1, "--only-stored-events", "replay")
		kept("after a refused replay")
	})
	waitSynced(t, p.api, connect(t, p.api, account.Subdomain, zendesktest.AdminEmail, 60))
	drained(t, p.app)
	kept("read again")
	wantTool(t, p.app.Config, 1, "were purged", "verify", "--repair")
	p.restart(zendesk, func(c Config) { wantTool(t, c, 0, "replayed", "replay", "--only-stored-events") })
	kept("only what is stored")
	wantTool(t, p.app.Config, 0, "clean", "verify")
}

// TestReplayFromKeepsOlderRows replays what came since a time in the middle of live traffic: all tables are what all events make of them.
func TestReplayFromKeepsOlderRows(t *testing.T) {
	t.Parallel()
	account, err := zendesktest.History(13, 5, 4, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	p := &peopleTest{t: t}
	zendesk := serveAccount(t, account, zendesktest.AdminEmail).URL()
	p.app, p.api = startApp(t, zendesk)
	source := connect(t, p.api, account.Subdomain, zendesktest.AdminEmail, 60)
	waitSynced(t, p.api, source)
	more := func(n uint64) {
		_, before, _, err := p.app.stream.Progress(t.Context())
		eventually(t, time.Minute, func() error {
			_, total, _, again := p.app.stream.Progress(t.Context())
			if total < before+n {
				return errors.Join(err, again, fmt.Errorf("%d events, %d before", total, before))
			}
			return nil
		})
	}
	var from time.Time
	traffic(t, p.api, account, source, func() {
		more(10)
		from = time.Now()
		more(20)
	})
	drained(t, p.app)
	p.restart(zendesk, func(c Config) {
		wantTool(t, c, 0, "replayed", "replay", "--from", from.UTC().Format(time.RFC3339))
	})
	wantTool(t, p.app.Config, 0, "clean", "verify")
}

// loseEvents deletes the stream of raw events while the program is down.
func loseEvents(t *testing.T, c Config) {
	t.Helper()
	server, err := local.StartNATS(local.NATSOptions{Dir: filepath.Join(c.Data, "nats"), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	nc, err := server.Connect()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err == nil {
		err = js.DeleteStream(t.Context(), schemas.StreamEvents)
	}
	if err != nil {
		t.Fatal(err)
	}
}
