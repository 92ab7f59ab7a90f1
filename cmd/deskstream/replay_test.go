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
	"deskstream/sinks"
)

// toolArgs completes the command line of a command on the stores of a program.
func toolArgs(c Config, args []string) []string {
	more := []string{"--data", c.Data, "--log-level", "error", "--log-format", "json"}
	switch args[0] {
	case "replay":
		more = append(more, "--clickhouse-dsn", c.ClickHouseDSN, "--listen", anyPort)
	case "verify":
		more = append(more, "--clickhouse-dsn", c.ClickHouseDSN)
	}
	return append(args, more...)
}

// wantTool fails unless a command ends with a status and prints some words.
func wantTool(t *testing.T, c Config, status int, words string, args ...string) {
	t.Helper()
	var printed bytes.Buffer
	if got := Main(t.Context(), toolArgs(c, args), &printed, &printed); got != status || !strings.Contains(printed.String(), words) {
		t.Fatalf("%v: status %d, want %d and %q: %s", args, got, status, words, &printed)
	}
}

// cutOff interrupts a command as soon as it prints something.
type cutOff struct {
	printed bytes.Buffer
	cancel  func()
}

func (c *cutOff) Write(p []byte) (int, error) {
	c.cancel()
	return c.printed.Write(p)
}

// wantUnfinished fails unless a command that is interrupted when it shows its first progress says so and ends with status 1.
func wantUnfinished(t *testing.T, c Config, args ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &cutOff{cancel: cancel}
	if status := Main(ctx, toolArgs(c, args), out, out); status != 1 || !strings.Contains(out.printed.String(), "interrupted before it was finished: start") {
		t.Fatalf("%v: status %d: %s", args, status, &out.printed)
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

// syncedHistory gives a program that has read a short history of a seed, and the address of the account and its source.
func syncedHistory(t *testing.T, seed uint64) (p *peopleTest, account *zendesktest.Account, zendesk, source string) {
	t.Helper()
	account, err := zendesktest.History(seed, 5, 4, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	p = &peopleTest{t: t}
	zendesk = serveAccount(t, account, zendesktest.AdminEmail).URL()
	p.app, p.api = startApp(t, zendesk)
	source = connect(t, p.api, account.Subdomain, zendesktest.AdminEmail, 60)
	waitSynced(t, p.api, source)
	return p, account, zendesk, source
}

// TestReplayKeepsWhatEventsNoLongerHold loses the stream of raw events: neither the rebuild nor a replay removes what was made of them until
// it is told to, and what Zendesk still has comes back from there.
func TestReplayKeepsWhatEventsNoLongerHold(t *testing.T) {
	t.Parallel()
	p, account, zendesk, _ := syncedHistory(t, 12)
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

// TestReplayNeedsWholeEvents takes raw events out of their stream behind the back of the program: no tool makes anything again of those that are
// left, and a rebuild leads on from there.
func TestReplayNeedsWholeEvents(t *testing.T) {
	t.Parallel()
	p, _, zendesk, source := syncedHistory(t, 13)
	drained(t, p.app)
	before := rowsIn(t, p.app.dsn, "people")
	p.restart(zendesk, func(c Config) {
		harmStore(t, c, func(js jetstream.JetStream) error {
			s, err := js.Stream(t.Context(), schemas.StreamEvents)
			if err != nil {
				return err
			}
			i, err := s.Info(t.Context())
			if err != nil {
				return err
			}
			return s.Purge(t.Context(), jetstream.WithPurgeSubject("deskstream.raw.*"), jetstream.WithPurgeSequence(i.State.LastSeq/2))
		})
		for _, tool := range [][]string{
			{"replay"},
			{"replay", "--from", "2020-01-01T00:00:00Z"},
			{"replay", "--into", "deskstream_beside"},
			{"verify"},
			{"verify", "--repair"},
			{"doctor"},
		} {
			wantTool(t, c, 1, "messages of stream DESKSTREAM_EVENTS are gone", tool...)
			if n := rowsIn(t, c.ClickHouseDSN, "people"); n != before || n == 0 {
				t.Fatalf("%v: %d people, %d before", tool, n, before)
			}
		}
		wantTool(t, c, 0, "its rows stay", "replay", "--rebuild")
	})
	if n := rowsIn(t, p.app.dsn, "people"); n != before {
		t.Fatalf("after the rebuild: %d people, %d before", n, before)
	}
	if err := p.app.stream.Health(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitSynced(t, p.api, source)
	wantTool(t, p.app.Config, 1, "were purged", "verify")
}

// TestReplayFromKeepsOlderRows replays what came since a time in the middle of live traffic: all tables are what all events make of them.
func TestReplayFromKeepsOlderRows(t *testing.T) {
	t.Parallel()
	p, account, zendesk, source := syncedHistory(t, 13)
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

// TestReplayInterrupted cuts off a replay and a verification: both end with a status of their own, and the rows that the replay was to remove go
// when the program has finished it.
func TestReplayInterrupted(t *testing.T) {
	t.Parallel()
	p, _, zendesk, _ := syncedHistory(t, 14)
	drained(t, p.app)
	before := rowsIn(t, p.app.dsn, "messages")
	db, err := openQueries(p.app.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	extra := "INSERT INTO messages SELECT * REPLACE (message_id + 1 AS message_id) FROM messages FINAL ORDER BY message_id LIMIT 1"
	if err := db.Exec(t.Context(), extra); err != nil {
		t.Fatal(err)
	}
	wantUnfinished(t, p.app.Config, "verify")
	p.restart(zendesk, func(c Config) {
		wantUnfinished(t, c, "replay")
		wantTool(t, c, 1, "not through", "replay", "--from", time.Now().UTC().Format(time.RFC3339))
	})
	eventually(t, time.Minute, func() error {
		if n := rowsIn(t, p.app.dsn, "messages"); n != before {
			return fmt.Errorf("%d messages, want %d", n, before)
		}
		return nil
	})
	wantTool(t, p.app.Config, 0, "clean", "verify")
}

// TestReplayIntoBesideTheProgram builds a second database while the program runs: it has the same rows.
func TestReplayIntoBesideTheProgram(t *testing.T) {
	t.Parallel()
	p, _, _, _ := syncedHistory(t, 15)
	app := p.app
	drained(t, app)
	name := databaseOf(app.dsn) + "_two"
	second, err := intoDatabase(app.dsn, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sinks.DropDatabase(context.WithoutCancel(t.Context()), app.dsn, name) })
	wantTool(t, app.Config, 0, "replayed", "replay", "--into", name) // finds NATS by the data folder
	if n, want := rowsIn(t, second, "tickets"), rowsIn(t, app.dsn, "tickets"); n != want || n == 0 {
		t.Errorf("%d tickets, want %d", n, want)
	}
}

// loseEvents deletes the stream of raw events while the program is down.
func loseEvents(t *testing.T, c Config) {
	t.Helper()
	harmStore(t, c, func(js jetstream.JetStream) error { return js.DeleteStream(t.Context(), schemas.StreamEvents) })
}

// harmStore does something to the store of a program that is stopped.
func harmStore(t *testing.T, c Config, harm func(jetstream.JetStream) error) {
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
		err = harm(js)
	}
	if err != nil {
		t.Fatal(err)
	}
}
