package zendesktest

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLoadSampleServesWhatIsOnDisk(t *testing.T) {
	t.Parallel()
	dir := shared(t, "metrics", "sample", "api")
	a, err := LoadSample(dir)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Account: a, clock: &ticker{at: testStart}}
	w.server = NewServer(a, Options{Now: w.clock.Now, APITokens: map[string]string{"secret": ""}, IncrementalPerMinute: -1})
	srv := httptest.NewServer(w.server)
	t.Cleanup(srv.Close)
	w.url = srv.URL
	a.users[1000].Email = ptr("ada@acme.test")
	for _, c := range []struct{ file, path, list string }{
		{"incremental/tickets/cursor-0000", "/api/v2/incremental/tickets/cursor.json?start_time=0", "tickets"},
		{"incremental/users/cursor-0000", "/api/v2/incremental/users/cursor.json?start_time=0", "users"},
		{"incremental/ticket_metric_events", "/api/v2/incremental/ticket_metric_events.json?start_time=0", "ticket_metric_events"},
		{"satisfaction_ratings", "/api/v2/satisfaction_ratings.json?start_time=0", "satisfaction_ratings"},
		{"tickets/23/audits", "/api/v2/tickets/23/audits.json", "audits"},
		{"tickets/64/audits", "/api/v2/tickets/64/audits.json", "audits"},
		{"organizations", "/api/v2/organizations.json", "organizations"},
		{"groups", "/api/v2/groups.json", "groups"},
		{"brands", "/api/v2/brands.json", "brands"},
		{"business_hours/schedules", "/api/v2/business_hours/schedules.json", "schedules"},
		{"business_hours/holidays/7001", "/api/v2/business_hours/schedules/7001/holidays.json", "holidays"},
	} {
		data, err := os.ReadFile(filepath.Join(dir, c.file+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var disk map[string]any
		if err := json.Unmarshal(data, &disk); err != nil {
			t.Fatal(err)
		}
		_, _, body := w.get(t, c.path)
		want, got := byID(rows(disk, c.list)), byID(rows(body, c.list))
		if len(want) != len(got) {
			t.Errorf("%s: %d rows, want %d", c.path, len(got), len(want))
		}
		for id, row := range want {
			if id == 1000 {
				continue
			}
			within(t, c.list, row, got[id])
		}
	}
}

func byID(list []map[string]any) map[float64]map[string]any {
	out := map[float64]map[string]any{}
	for _, row := range list {
		id, _ := row["id"].(float64)
		out[id] = row
	}
	return out
}

// within checks that every value on disk is served, whatever else is.
func within(t *testing.T, what string, want, got any) {
	t.Helper()
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			t.Errorf("%s: %v, want %v", what, got, want)
			return
		}
		for k, v := range w {
			within(t, what+"."+k, v, g[k])
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			t.Errorf("%s: %v, want %v", what, got, want)
			return
		}
		for i := range w {
			within(t, what, w[i], g[i])
		}
	default:
		if want != got {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
}

func TestSampleTicketEventsHoldAllAudits(t *testing.T) {
	t.Parallel()
	a, err := LoadSample(shared(t, "metrics", "sample", "api"))
	if err != nil {
		t.Fatal(err)
	}
	byAudit := map[int64]TicketEvent{}
	for _, row := range a.TicketEvents() {
		byAudit[row.ID] = row
	}
	total := 0
	for _, x := range a.Tickets() {
		audits, _ := a.Audits(x.ID)
		for _, audit := range audits {
			compareEvents(t, audit, byAudit[audit.ID])
			total++
		}
	}
	if total != len(byAudit) || total != 778 {
		t.Errorf("%d audits, %d ticket events, want 778", total, len(byAudit))
	}
}

func TestReadDeliveries(t *testing.T) {
	t.Parallel()
	all, err := ReadDeliveries(shared(t, "metrics", "sample", "deliveries.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	hooks, polls, replays := 0, 0, 0
	for i, d := range all {
		if d.N != i || d.At.IsZero() || len(d.Body) == 0 {
			t.Fatalf("delivery %d: %+v", i, d)
		}
		switch {
		case d.Source == "webhook":
			hooks++
		case d.Path != "":
			polls++
		}
		if d.Replay {
			replays++
		}
	}
	if hooks == 0 || polls == 0 || replays == 0 || hooks+polls != len(all) {
		t.Errorf("%d webhooks, %d polls, %d replays of %d", hooks, polls, replays, len(all))
	}
	for _, bad := range []string{"{", `{"n":0,"source":"mail"}`} {
		if _, err := scanDeliveries(strings.NewReader(bad)); err == nil || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%q: %v, want an error that names the line", bad, err)
		}
	}
}

func FuzzScanDeliveries(f *testing.F) {
	f.Add(`{"n":0,"at":"2024-02-26T02:54:14Z","source":"webhook","body":{}}` + "\n")
	f.Add("\n{}\n")
	f.Fuzz(func(t *testing.T, text string) {
		out, err := scanDeliveries(strings.NewReader(text))
		if err == nil && len(out) > len(text) {
			t.Errorf("%d deliveries of %d bytes", len(out), len(text))
		}
	})
}

func FuzzParseCursor(f *testing.F) {
	f.Add("MTY5NTA1MjY2My4wfHwyOHw=")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseCursor(text)
		if err != nil {
			return
		}
		if again, err := parseCursor(p.cursor()); err != nil || again != p {
			t.Errorf("%q: %v, %v", text, again, err)
		}
	})
}

func TestCursorHasTheRecordedForm(t *testing.T) {
	t.Parallel()
	if got := (position{1695052663, 28}).cursor(); got != "MTY5NTA1MjY2My4wfHwyOHw=" {
		t.Errorf("cursor %s", got)
	}
}
