package ingest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deskstream/schemas"
)

// recorded gives the body of an answer on file; some files are the body itself.
func recorded(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Response struct {
			Body json.RawMessage `json:"body"`
		} `json:"response"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Response.Body) > 0 {
		return file.Response.Body
	}
	return data
}

// golden serves recorded answers in their order at one path, and runs the poll of a resource on it. Query holds what was asked.
func golden(t *testing.T, res resource, bodies ...[]byte) (store *memory, queries []url.Values) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != res.path:
			_, _ = w.Write([]byte(`{"audits":[],"users":[],"meta":{"has_more":false}}`))
		case len(queries) < len(bodies):
			queries = append(queries, r.URL.Query())
			_, _ = w.Write(bodies[len(queries)-1])
		default:
			queries = append(queries, r.URL.Query())
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	defer srv.Close()
	store = newMemory()
	clients := newClients(t, store, srv.URL)
	store.putSource(t, func(s *schemas.Source) {
		s.Retention.Days = 36500
		s.Auth = schemas.Auth{Method: MethodAPIToken, Email: testEmail, Token: clients.Sealer.Seal(testSource, fieldToken, testToken)}
	})
	s, err := store.Source(t.Context(), testSource)
	if err != nil {
		t.Fatal(err)
	}
	p := &Poller{Store: store, Clients: clients, Metrics: clients.Metrics, Now: clients.Now, Log: testLog(t), PageSize: 1}
	p.once.Do(p.defaults)
	newRunner(p, s).poll(t.Context(), res, true)
	return store, queries
}

func TestRecordedPages(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(sharedDir(t), "api")
	for name, c := range map[string]struct {
		files []string
		ids   []string // the start of the event ids, in order; nil = only bytes are compared
	}{
		schemas.ResourceTickets: {
			[]string{
				"incremental_tickets_cursor_pages/page1.recorded.json", "incremental_tickets_cursor_pages/page2.recorded.json",
				"incremental_tickets_cursor_pages/page3.recorded.json", "incremental_tickets_cursor_pages/page4.recorded.json",
				"incremental_tickets_cursor.recorded.json",
			},
			[]string{"zd:acme:ticket:28:1695052663:"},
		},
		schemas.ResourceUsers:         {[]string{"incremental_users_cursor.recorded.json", "incremental_users_cursor.docs.json"}, nil},
		schemas.ResourceOrganizations: {[]string{"incremental_organizations.docs.json"}, nil},
		schemas.ResourceMetricEvents: {
			[]string{"incremental_ticket_metric_events.docs.json"},
			nil,
		},
		schemas.ResourceRatings:        {[]string{"satisfaction_ratings.docs.json"}, []string{"zd:acme:rating:35436:2011-07-20T22:55:29Z:", "zd:acme:rating:120447:2012-02-02T10:32:59Z:"}},
		schemas.ResourceGroups:         {[]string{"groups.docs.json"}, nil},
		schemas.ResourceBrands:         {[]string{"brands.docs.json"}, nil},
		schemas.ResourceTicketFields:   {[]string{"ticket_fields.docs.json"}, nil},
		schemas.ResourceCustomStatuses: {[]string{"custom_statuses.docs.json"}, []string{"zd:acme:custom_status:35436:2021-07-20T22:55:29Z:"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, ok := findResource(name)
			if !ok {
				t.Fatal("no such resource")
			}
			var bodies [][]byte
			var want []json.RawMessage
			for _, f := range c.files {
				body := recorded(t, filepath.Join(dir, f))
				bodies = append(bodies, body)
				var rows map[string]json.RawMessage
				if err := json.Unmarshal(body, &rows); err != nil {
					t.Fatal(err)
				}
				var list []json.RawMessage
				if err := json.Unmarshal(rows[res.rows], &list); err != nil {
					t.Fatal(err)
				}
				want = append(want, list...)
			}
			store, queries := golden(t, res, bodies...)
			checkChain(t, res, bodies, queries)
			var got []schemas.Event
			for _, e := range store.all() {
				if e.Kind == res.kind {
					got = append(got, e)
				}
			}
			checkBytes(t, got, want)
			for i, id := range c.ids {
				if !strings.HasPrefix(got[i].ID, id) {
					t.Errorf("event %d is %s, want %s...", i, got[i].ID, id)
				}
			}
		})
	}
}

// checkBytes demands that every recorded row arrived, in order and byte for byte; rows recorded twice may come once.
func checkBytes(t *testing.T, got []schemas.Event, want []json.RawMessage) {
	t.Helper()
	if len(got) == 0 {
		t.Fatal("nothing arrived")
	}
	i := 0
	seen := map[string]bool{}
	for _, row := range want {
		if seen[string(row)] {
			continue
		}
		seen[string(row)] = true
		if i >= len(got) || !bytes.Equal(got[i].Data, row) {
			t.Fatalf("row %d did not arrive as it was recorded", i)
		}
		i++
	}
	if i != len(got) {
		t.Errorf("%d events, want %d", len(got), i)
	}
}

// checkChain demands that each page was asked for with the cursor of the one before.
func checkChain(t *testing.T, res resource, bodies [][]byte, queries []url.Values) {
	t.Helper()
	if queries[0].Get("start_time") == "" && res.walk != walkWhole {
		t.Errorf("first query %v", queries[0])
	}
	if res.walk != walkCursor {
		return
	}
	for i := 1; i < len(bodies) && i < len(queries); i++ {
		p, err := parsePage(bodies[i-1])
		if err != nil {
			t.Fatal(err)
		}
		if queries[i].Get("cursor") != p.afterCursor || queries[i].Has("start_time") {
			t.Errorf("query %d: %v, want cursor %s", i, queries[i], p.afterCursor)
		}
	}
}

// TestRecordedTimePages walks the recorded pages of the time-based ticket export, whose rows tie on a second.
func TestRecordedTimePages(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(sharedDir(t), "api", "incremental_tickets_time_pages")
	res, _ := findResource(schemas.ResourceTickets)
	res.walk, res.path = walkTime, "/api/v2/incremental/tickets.json"
	var bodies [][]byte
	ids := map[int64]bool{}
	for _, f := range []string{"page1.recorded.json", "page2.recorded.json", "page3.recorded.json"} {
		body := recorded(t, filepath.Join(dir, f))
		bodies = append(bodies, body)
		p, err := parsePage(body)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range p.lists["tickets"] {
			ids[int64(headOf(row).ID)] = true
		}
	}
	store, queries := golden(t, res, bodies...)
	if got := store.ids(schemas.KindTicket); len(got) != len(ids) {
		t.Errorf("%d tickets, want %d", len(got), len(ids))
	}
	for i := 1; i < 3; i++ {
		var before struct {
			EndTime json.Number `json:"end_time"`
		}
		if err := json.Unmarshal(bodies[i-1], &before); err != nil {
			t.Fatal(err)
		}
		if queries[i].Get("start_time") != before.EndTime.String() {
			t.Errorf("query %d: %v, want start_time %s", i, queries[i], before.EndTime)
		}
	}
}

// TestRecordedAudit gives an audit the same event id in both forms.
func TestRecordedAudit(t *testing.T) {
	t.Parallel()
	p, err := parsePage(recorded(t, filepath.Join(sharedDir(t), "api", "ticket_audits_page.recorded.json")))
	if err != nil {
		t.Fatal(err)
	}
	s := schemas.Source{Settings: schemas.Settings{ID: testSource, Account: "acme"}}
	e := eventOf(s, schemas.KindAudit, p.lists["audits"][0], testNow)
	row := eventOf(s, schemas.KindAudit, []byte(`{"id":6130852545178,"ticket_id":1,"timestamp":1694303525,"child_events":[]}`), testNow)
	if e.ID != "zd:acme:audit:6130852545178" || e.ID != row.ID {
		t.Errorf("%s, %s", e.ID, row.ID)
	}
	if got := authorsOf(e.Data); len(got) < 3 || got[0] != 6130907993114 || got[2] != 6130869168922 {
		t.Errorf("authors %v", got)
	}
	if after, err := nextListPage(p, nil); err != nil || after == "" {
		t.Errorf("next page %q, %v", after, err)
	}
}

func TestRecordedMe(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(sharedDir(t), "api")
	for file, code := range map[string]string{"users_me_admin.recorded.json": "", "users_me_wrong_credentials.recorded.json": CodeWrongCredentials} {
		body := recorded(t, filepath.Join(dir, file))
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
		if err := adminClient(t, srv.URL).Check(t.Context(), testNow); problemCode(err) != code {
			t.Errorf("%s: %v", file, err)
		}
		srv.Close()
	}
}
