package main

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
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
	stored := func(from time.Time) float64 {
		t.Helper()
		return *report(t, api, "activities", url.Values{"from": {from.Format(time.DateOnly)}, "group_by": {"activity"}}).Totals["activities"]
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
	created := report(t, api, "tickets_created", url.Values{"from": {now.AddDate(0, 0, -30).Format(time.DateOnly)}}).table()
	all, ever := stored(now.AddDate(0, 0, -60)), total()
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
	left := stored(now.AddDate(0, 0, -60))
	if gone := all - left; gone <= 0 || left <= 0 || gone < preview.Lost-2 || gone > preview.Lost+2 { // some seconds lie between them
		t.Fatalf("%v of %v activities are gone, the preview said %v", gone, all, preview.Lost)
	}
	if old := stored(now.AddDate(0, 0, -60)) - stored(now.AddDate(0, 0, -11)); old != 0 {
		t.Errorf("%v activities are older than the retention", old)
	}
	if err := app.db.Expire(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := total(); n != ever {
		t.Errorf("%d activities in all, want %d: counts outlive retention", n, ever)
	}

	if err := api.call(t.Context(), "PUT", path, map[string]any{"days": 60}, nil); err != nil {
		t.Fatal(err)
	}
	waitSynced(t, api, source)
	drained(t, app)
	eventually(t, 30*time.Second, func() error {
		drained(t, app)
		if n := stored(now.AddDate(0, 0, -60)); n != all {
			return fmt.Errorf("%v activities after the second reading, want %v", n, all)
		}
		return nil
	})
	if n := total(); n != ever {
		t.Errorf("%d activities in all, want %d: a second reading makes none twice", n, ever)
	}
	after := report(t, api, "tickets_created", url.Values{"from": {now.AddDate(0, 0, -30).Format(time.DateOnly)}}).table()
	if diff := diffTables(after, created, []string{"tickets"}); diff != "" {
		t.Errorf("tickets created: %s", diff)
	}
}
