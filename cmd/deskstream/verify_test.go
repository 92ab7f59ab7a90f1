package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"deskstream/ingest/zendesktest"
	"deskstream/schemas"
)

// TestVerifyFindsAndRepairsDamage verifies a program at work, then damages rows of several tables: each is found, and put right.
func TestVerifyFindsAndRepairsDamage(t *testing.T) {
	t.Parallel()
	account, err := zendesktest.History(11, 5, 4, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	app, api := startApp(t, serveAccount(t, account, zendesktest.AdminEmail).URL())
	source := connect(t, api, account.Subdomain, zendesktest.AdminEmail, 60)
	waitSynced(t, api, source)

	traffic(t, api, account, source, func() {
		if status, v := verify(t, app); status != 0 || !v.Clean || len(v.Tables) != len(schemas.Tables) || tableOf(t, v, "tickets").Rows == 0 {
			t.Errorf("while events arrive: status %d, %+v", status, v)
		}
	})
	drained(t, app)

	db, err := openQueries(app.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	damage(t, db)
	status, v := verify(t, app)
	if status != 1 || v.Clean || v.Repaired {
		t.Fatalf("damaged installation: status %d, %+v", status, v)
	}
	for _, want := range []verifiedTable{
		{Table: "tickets", Missing: 1}, {Table: "ticket_events", Different: 1}, {Table: "messages", Extra: 1}, {Table: "activity_counts", Different: 1, Missing: 1},
	} {
		got := tableOf(t, v, want.Table)
		if got.Missing != want.Missing || got.Different != want.Different || got.Extra != want.Extra || len(got.Examples) != want.Missing+want.Different+want.Extra {
			t.Errorf("%s: got %+v, want %+v", want.Table, got, want)
		}
	}
	for _, table := range []string{"people", "person_stats", "person_activities"} {
		if got := tableOf(t, v, table); got.differs() {
			t.Errorf("%s: %+v, nothing was changed", table, got)
		}
	}

	// A repair is done when the tables were compared again and are clean.
	if status, v := verify(t, app, "--repair"); status != 0 || v.Clean || !v.Repaired {
		t.Fatalf("repair: status %d, %+v", status, v)
	}
}

// damage removes, changes and adds rows.
func damage(t *testing.T, db driver.Conn) {
	t.Helper()
	for _, statement := range []string{
		"ALTER TABLE tickets DELETE WHERE ticket_id = (SELECT min(ticket_id) FROM tickets) SETTINGS mutations_sync = 1",
		"INSERT INTO ticket_events SELECT * REPLACE (actor_id + 1 AS actor_id, _ver + 1 AS _ver) FROM ticket_events FINAL WHERE kind = 'create' ORDER BY at LIMIT 1",
		"INSERT INTO messages SELECT * REPLACE (message_id + 1 AS message_id) FROM messages FINAL ORDER BY message_id LIMIT 1",
		"INSERT INTO activity_counts SELECT * REPLACE (count + 1 AS count, _ver + 1 AS _ver) FROM activity_counts FINAL ORDER BY at LIMIT 1",
		"ALTER TABLE activity_counts DELETE WHERE at = (SELECT max(at) FROM activity_counts) AND activity = " +
			"(SELECT max(activity) FROM activity_counts WHERE at = (SELECT max(at) FROM activity_counts)) SETTINGS mutations_sync = 1",
		// Figures of nothing are as good as none: a ticket had been another's for a moment.
		"INSERT INTO person_stats (account, user_id) SELECT account, 424242 FROM tickets LIMIT 1",
		"INSERT INTO person_activities (account, user_id, activity) SELECT account, 424242, 'ticket-created' FROM tickets LIMIT 1",
		"INSERT INTO activity_counts (account, activity, at, source_id) SELECT account, 'ticket-created', toDateTime(0, 'UTC'), source_id FROM tickets LIMIT 1",
	} {
		if err := db.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// verify runs the command on a program at work.
func verify(t *testing.T, app *App, more ...string) (int, verified) {
	t.Helper()
	var out, errs bytes.Buffer
	args := append([]string{"verify", "--json", "--data", app.Config.Data, "--clickhouse-dsn", app.dsn, "--log-level", "warn", "--log-format", "json"}, more...)
	status := Main(t.Context(), args, &out, &errs)
	var v verified
	if err := json.Unmarshal(out.Bytes(), &v); err != nil {
		t.Fatalf("verify: status %d, %v: %s%s", status, err, out.String(), errs.String())
	}
	return status, v
}

func tableOf(t *testing.T, v verified, name string) *verifiedTable {
	t.Helper()
	for i := range v.Tables {
		if v.Tables[i].Table == name {
			return &v.Tables[i]
		}
	}
	t.Fatalf("table %s was not compared", name)
	return nil
}

// traffic keeps tickets changing, with webhooks, while f runs.
func traffic(t *testing.T, api *client, account *zendesktest.Account, source string, f func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	live := &zendesktest.Live{Account: account, PerMinute: 300, Seed: 3}
	sender := &zendesktest.Sender{Account: account, URL: api.base + "/webhooks/zendesk/" + source, Secret: testSecret, Copies: 1, Seed: 3}
	ended := make(chan error, 2)
	for _, run := range []func(context.Context) error{live.Run, sender.Run} {
		go func() { ended <- run(ctx) }()
	}
	f()
	stop()
	for range 2 {
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(fmt.Errorf("traffic: %w", err))
		}
	}
}
