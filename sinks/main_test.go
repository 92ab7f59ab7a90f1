package sinks

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"deskstream/local/localtest"
	"deskstream/schemas"
)

// testDB is a migrated database of the test.
func testDB(tb testing.TB) (*DB, string) {
	tb.Helper()
	dsn := localtest.TestDatabase(tb)
	if err := Migrate(tb.Context(), dsn); err != nil {
		tb.Fatal(err)
	}
	return openDB(tb, dsn), dsn
}

func openDB(tb testing.TB, dsn string) *DB {
	tb.Helper()
	db, err := Open(tb.Context(), dsn, Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return db
}

// pack makes a block with one message for each row.
func pack[T any](tb testing.TB, table string, from uint64, rows ...T) schemas.Block {
	tb.Helper()
	b := schemas.Block{Table: table, From: from, To: from + uint64(len(rows)) - 1, Epoch: "e-" + tb.Name(), Gen: 1}
	for i, row := range rows {
		data, err := json.Marshal(row)
		if err != nil {
			tb.Fatal(err)
		}
		b.Messages = append(b.Messages, schemas.BlockMessage{Seq: from + uint64(i), Data: data})
	}
	return b
}

func count(tb testing.TB, db *DB, from string) uint64 {
	tb.Helper()
	var n uint64
	if err := db.queries.QueryRow(context.Background(), "SELECT count() FROM "+from).Scan(&n); err != nil {
		tb.Fatal(err)
	}
	return n
}

func exec(tb testing.TB, db *DB, query string) {
	tb.Helper()
	if err := db.queries.Exec(waitForMutation(tb.Context()), query); err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
}

// soonTime is how long a test waits for what must come about by itself, on a machine with much else to do.
const soonTime = 2 * time.Minute

// soon polls until ok, which must come about by itself.
func soon(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	deadline := time.Now().Add(soonTime)
	for !ok() {
		if time.Now().After(deadline) {
			tb.Fatalf("not within %v: %s", soonTime, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// day is a moment within retention, the more days ago the larger n.
func day(n int) time.Time { return time.Now().UTC().Truncate(time.Second).AddDate(0, 0, -n) }

// midMonth is far from the borders of its month, and from the end of retention.
var midMonth = time.Date(2030, 1, 15, 0, 0, 0, 0, time.UTC)

// activity is the n-th activity of a test, all different in their sorting key.
func activity(n int, at time.Time) schemas.Activity {
	return schemas.Activity{
		Account: "acme", Activity: "ticket-commented", OccurredAt: at, ActivityID: fmt.Sprintf("a_%06d", n), SourceID: "src_1",
		TicketID: int64(n), PersonID: "p_1", UserID: 35436, OrganizationID: 57542, ActorID: -1, AssigneeID: 235323, GroupID: 98738,
		Channel: "email", Priority: "high", Type: "problem", Status: "open", PreviousStatus: "new", Subject: "Help, my printer is on fire!",
		Message: "The fire is very colorful.", Tags: []string{"printer", "fire"}, Text: "Commented on a ticket", Attributes: `{"comment_id":1}`,
		Via: "poll", ExpiresAt: at.AddDate(0, 0, 90),
	}
}

func activities(from, to int, at time.Time) []schemas.Activity {
	var all []schemas.Activity
	for n := from; n < to; n++ {
		all = append(all, activity(n, at.Add(time.Duration(n%3600)*time.Second)))
	}
	return all
}
