package sinks

import (
	"fmt"
	"testing"
	"time"

	"deskstream/schemas"
)

// stored writes activities of two accounts and two kinds, one a day for 100 days, as a source with 365 days would keep them, and
// what must outlive them.
func stored(t *testing.T, db *DB) {
	t.Helper()
	var rows []schemas.Activity
	for _, account := range []string{"acme", "other"} {
		for _, slug := range []string{"ticket-created", "it's \\ odd"} {
			for n := range 100 {
				a := activity(n, day(n))
				a.Account, a.Activity, a.ExpiresAt = account, slug, a.OccurredAt.AddDate(0, 0, 365)
				rows = append(rows, a)
			}
		}
	}
	blocks := []schemas.Block{
		pack(t, schemas.TableActivities, 1, rows...),
		pack(t, schemas.TableTickets, 1, schemas.TicketRow{Account: "acme", TicketID: 1, CreatedAt: day(300)}),
		pack(t, schemas.TablePersonActivities, 1, schemas.PersonActivity{Account: "acme", UserID: 1, Activity: "ticket-created", FirstAt: day(300), LastAt: day(1), Count: 100}),
		pack(t, schemas.TableActivityCounts, 1, schemas.ActivityCount{Account: "acme", Activity: "ticket-created", At: day(300), Count: 4}),
	}
	for _, b := range blocks {
		if err := NewWriter(db, b.Table).Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
}

const odd = `it's \ odd`

func TestRetention(t *testing.T) {
	t.Parallel()
	db, _ := testDB(t)
	stored(t, db)
	for _, step := range []struct {
		name      string
		retention schemas.Retention
		created   uint64 // visible activities of each kind of the account
		odd       uint64
	}{
		{"exception", schemas.Retention{Days: 10, Activities: map[string]int{odd: 50}}, 10, 50},
		{"longer again before any merge would be luck, so only what is left counts", schemas.Retention{Days: 5, Activities: map[string]int{odd: 20, "ticket-created": 3}}, 5, 20},
		{"longer does not bring rows back", schemas.Retention{Days: 90, Activities: map[string]int{odd: 365}}, 5, 20},
	} {
		if err := db.ApplyRetention(t.Context(), "acme", step.retention); err != nil {
			t.Fatal(step.name, err)
		}
		visible := func(slug string) uint64 {
			return count(t, db, fmt.Sprintf("current_activities WHERE account = 'acme' AND activity = %s", quote(slug)))
		}
		if a, b := visible("ticket-created"), visible(odd); a != step.created || b != step.odd {
			t.Errorf("%s: %d and %d visible, want %d and %d", step.name, a, b, step.created, step.odd)
		}
		if err := db.Expire(t.Context()); err != nil {
			t.Fatal(step.name, err)
		}
		if n := count(t, db, "activities WHERE account = 'acme'"); n != step.created+step.odd {
			t.Errorf("%s: %d rows left, want %d", step.name, n, step.created+step.odd)
		}
		if n := count(t, db, "activities WHERE account = 'other' AND expires_at = occurred_at + INTERVAL 365 DAY"); n != 200 {
			t.Errorf("%s: %d rows of the other account, want 200", step.name, n)
		}
	}
	if n := count(t, db, "activities WHERE account = 'acme' AND expires_at = occurred_at + toIntervalDay(if(activity = 'ticket-created', 90, 365))"); n != 25 {
		t.Errorf("%d rows with the last retention, want 25", n)
	}
	for _, table := range []string{"tickets", "person_activities", "activity_counts"} {
		if n := count(t, db, table); n != 1 {
			t.Errorf("%s: %d rows, want 1", table, n)
		}
	}
	if err := db.ApplyRetention(t.Context(), "", schemas.Retention{}); err == nil {
		t.Error("no account: no error")
	}
}

// Retention beyond the range of DateTime ends at its end.
func TestRetentionFarFuture(t *testing.T) {
	t.Parallel()
	db, _ := testDB(t)
	a := activity(1, time.Date(2105, 1, 1, 0, 0, 0, 0, time.UTC))
	if err := NewWriter(db, schemas.TableActivities).Write(t.Context(), pack(t, schemas.TableActivities, 1, a)); err != nil {
		t.Fatal(err)
	}
	if err := db.ApplyRetention(t.Context(), "acme", schemas.Retention{Days: 3650}); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, "activities WHERE expires_at = toDateTime(4294967295)"); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
}
