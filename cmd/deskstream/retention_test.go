package main

import (
	"context"
	"fmt"
	"net/url"
	"reflect"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
	"deskstream/sinks"
)

// TestR14_RetentionEndToEnd shortens the retention of a connected source, lets the rows go for good, and lengthens it again: activities
// outside it are out of sight at once, come back with the second reading, and no other figure moves.
func TestR14_RetentionEndToEnd(t *testing.T) {
	t.Parallel()
	account, err := zendesktest.History(7, 20, 6, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	app, api := startApp(t, serveAccount(t, account, zendesktest.AdminEmail).URL())
	source := connect(t, api, account.Subdomain, zendesktest.AdminEmail, 60)
	waitSynced(t, api, source)
	drained(t, app)

	now := time.Now().UTC()
	day := func(n int) string { return now.AddDate(0, 0, -n).Format(time.DateOnly) }
	// The poller still brings some of today's rows, so only whole days that are over are compared.
	stored := func(from, to int) float64 {
		t.Helper()
		return *report(t, api, "activities", url.Values{"from": {day(from)}, "to": {day(to)}, "include_deleted": {"true"}}).Totals["activities"]
	}
	total := func() (n int) {
		t.Helper()
		var o struct {
			Total int `json:"total_activities"`
		}
		if err := api.call(t.Context(), "GET", "/v1/sources/"+source+"/overview", nil, &o); err != nil {
			t.Fatal(err)
		}
		return o.Total
	}
	created := report(t, api, "tickets_created", url.Values{"from": {day(30)}, "to": {day(1)}, "interval": {"day"}}).Rows
	all, old, young, ever := stored(60, 1), stored(60, 11), stored(9, 1), total()
	path := "/v1/sources/" + source + "/retention"

	var preview struct {
		Lost float64 `json:"lost"`
	}
	if err := api.call(t.Context(), "POST", path+"/preview", map[string]any{"days": 10}, &preview); err != nil {
		t.Fatal(err)
	}
	if err := api.call(t.Context(), "PUT", path, map[string]any{"days": 10}, nil); err != nil {
		t.Fatal(err)
	}
	if old <= 0 || young <= 0 || preview.Lost < old || preview.Lost > all-young {
		t.Fatalf("%v old activities, %v young ones, the preview said %v would go", old, young, preview.Lost)
	}
	if n := stored(60, 11); n != 0 {
		t.Errorf("%v activities are older than the retention", n)
	}
	if n := stored(9, 1); n != young {
		t.Errorf("%v young activities are left of %v", n, young)
	}
	if err := app.db.Expire(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := total(); n < ever {
		t.Errorf("%d activities in all, want at least %d: counts outlive retention", n, ever)
	}
	ever = total()

	if err := api.call(t.Context(), "PUT", path, map[string]any{"days": 60}, nil); err != nil {
		t.Fatal(err)
	}
	waitSynced(t, api, source)
	drained(t, app)
	eventually(t, time.Minute, func() error {
		drained(t, app)
		if n := stored(60, 1); n != all {
			return fmt.Errorf("%v activities after the second reading, want %v", n, all)
		}
		return nil
	})
	if n := total(); n < ever || n > ever+20 { // some of today's
		t.Errorf("%d activities in all, want %d: a second reading makes none twice", n, ever)
	}
	after := report(t, api, "tickets_created", url.Values{"from": {day(30)}, "to": {day(1)}, "interval": {"day"}}).Rows
	if !reflect.DeepEqual(after, created) {
		t.Errorf("tickets created: %v, want %v", after, created)
	}
}

// TestErasureThenRetentionEndToEnd erases one person before the retention is shortened and one while it is short: what happened to both comes back with
// the second reading, and the tables are what the stored events make, all the time.
func TestErasureThenRetentionEndToEnd(t *testing.T) {
	t.Parallel()
	var users []int64
	p := newPeopleTest(t, func(a *zendesktest.Account) {
		for i := range 2 {
			at := time.Now().Add(-60 * time.Hour)
			u, err := a.CreateUser(at, zendesktest.NewUser{Name: fmt.Sprintf("Erased %d", i), Email: fmt.Sprintf("erased%d@retention.test", i)})
			if err != nil {
				t.Fatal(err)
			}
			name := u.Name + " again"
			if err := a.UpdateUser(at.Add(time.Hour), u.ID, zendesktest.UserChange{Name: &name}); err != nil {
				t.Fatal(err)
			}
			users = append(users, u.ID)
		}
	})
	db, err := openQueries(p.app.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	happened := func() (n uint64) {
		t.Helper()
		q := fmt.Sprintf("SELECT count() FROM activities FINAL WHERE user_id IN (%d, %d) AND is_deleted = 0 AND expires_at > now()", users[0], users[1])
		if err := db.QueryRow(t.Context(), q).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	retain := func(days int) { p.call("PUT", "/v1/sources/"+p.source+"/retention", map[string]any{"days": days}, nil) }
	clean := func(when string) {
		t.Helper()
		drained(t, p.app)
		if status, v := verify(t, p.app); status != 0 || !v.Clean {
			t.Errorf("%s: verify: status %d, %+v", when, status, v)
		}
	}
	all := happened()
	p.erased(fmt.Sprintf("zendesk:%d", users[0]))
	if n := happened(); all < 2 || n != all {
		t.Errorf("%d activities after the erasure, want %d", n, all)
	}
	retain(2)
	if n := happened(); n != 0 {
		t.Errorf("%d activities are older than the retention", n)
	}
	if err := p.app.db.Expire(t.Context()); err != nil {
		t.Fatal(err)
	}
	clean("under a short retention")
	p.erased(fmt.Sprintf("zendesk:%d", users[1]))
	retain(30)
	waitSynced(t, p.api, p.source)
	eventually(t, time.Minute, func() error {
		drained(t, p.app)
		if n := happened(); n != all {
			return fmt.Errorf("%d activities after the second reading, want %d", n, all)
		}
		return nil
	})
	clean("under the long one again")
}

// TestR34_ReplayKeepsRetention: what a shorter retention put out of sight stays so when everything is made again, here and in a second database, at
// once and not only when the program looks at it the next time.
func TestR34_ReplayKeepsRetention(t *testing.T) {
	t.Parallel()
	p, _, zendesk, source := syncedHistory(t, 16)
	drained(t, p.app)
	if n := inSight(t, p.app.dsn); n == 0 {
		t.Fatal("no activity is older than three days")
	}
	if err := p.api.call(t.Context(), "PUT", "/v1/sources/"+source+"/retention", map[string]any{"days": 2}, nil); err != nil {
		t.Fatal(err)
	}
	into := databaseOf(p.app.dsn) + "_two"
	second, err := intoDatabase(p.app.dsn, into)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sinks.DropDatabase(context.WithoutCancel(t.Context()), p.app.dsn, into) })
	p.restart(zendesk, func(c Config) {
		wantTool(t, c, 0, "replayed", "replay")
		wantTool(t, c, 0, "replayed", "replay", "--into", into)
		for _, dsn := range []string{p.app.dsn, second} {
			if n := inSight(t, dsn); n != 0 {
				t.Errorf("%s: %d activities that are older than the retention are in sight", databaseOf(dsn), n)
			}
			if n := rowsIn(t, dsn, "activities"); n == 0 {
				t.Errorf("%s: no activities at all", databaseOf(dsn))
			}
		}
	})
}

// inSight counts the activities that are older than three days and not expired.
func inSight(t *testing.T, dsn string) (n uint64) {
	t.Helper()
	db, err := openQueries(dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const q = "SELECT count() FROM activities FINAL WHERE occurred_at < now() - INTERVAL 3 DAY AND expires_at > now()"
	if err := db.QueryRow(t.Context(), q).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
