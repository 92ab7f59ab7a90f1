package zendesktest

import (
	"encoding/json"
	"net/http/httptest"
	"reflect"
	"sync"
	"testing"
	"time"
)

func TestHistoryIsBelievableAndRepeatable(t *testing.T) {
	t.Parallel()
	a, err := History(7, 90, 20, testStart)
	if err != nil {
		t.Fatal(err)
	}
	tickets := a.Tickets()
	if n := len(tickets); n < 1500 || n > 2200 {
		t.Errorf("%d tickets in 90 days of 20", n)
	}
	status, created := map[string]int{}, map[time.Weekday]int{}
	var scrubbed, merged, rated, reopened int
	for _, x := range tickets {
		status[x.Status]++
		created[x.CreatedAt.Weekday()]++
		if x.UpdatedAt.After(testStart) || x.UpdatedAt.Before(x.CreatedAt) {
			t.Fatalf("ticket %d is updated at %s", x.ID, x.UpdatedAt)
		}
		if x.Subject == "SCRUBBED" {
			scrubbed++
		}
		for _, tag := range x.Tags {
			if tag == "closed_by_merge" {
				merged++
			}
		}
		if x.SatisfactionRating != nil && x.SatisfactionRating.ID != 0 {
			rated++
		}
		audits, _ := a.Audits(x.ID)
		for _, e := range audits {
			for _, c := range e.Events {
				if c.FieldName == "status" && c.PreviousValue == "solved" && c.Value == "open" {
					reopened++
				}
			}
		}
	}
	t.Logf("status %v, weekday %v, scrubbed %d, merged %d, rated %d, reopened %d, metric events %d",
		status, created, scrubbed, merged, rated, reopened, len(a.metrics))
	for _, s := range []string{"new", "open", "pending", "solved", "closed", "deleted"} {
		if status[s] == 0 {
			t.Errorf("no ticket is %s", s)
		}
	}
	if scrubbed == 0 || merged == 0 || rated < 100 || reopened < 25 {
		t.Errorf("scrubbed %d, merged %d, rated %d, reopened %d", scrubbed, merged, rated, reopened)
	}
	if created[time.Sunday]*2 > created[time.Monday] {
		t.Errorf("as busy on Sundays as on Mondays: %v", created)
	}
	if n := len(a.TakeWebhooks()); n != 0 {
		t.Errorf("%d webhooks for the past", n)
	}
	b, err := History(7, 90, 20, testStart)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(b.Tickets(), tickets) || !reflect.DeepEqual(b.Users(), a.Users()) {
		t.Error("two histories of one seed differ")
	}
}

func TestTicketEventsSayWhatAuditsSay(t *testing.T) {
	t.Parallel()
	a, err := History(3, 20, 20, testStart)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, row := range a.TicketEvents() {
		audits, err := a.Audits(row.TicketID)
		if err != nil {
			t.Fatal(err)
		}
		for _, audit := range audits {
			if audit.ID == row.ID {
				compareEvents(t, audit, row)
				seen++
			}
		}
	}
	total := 0
	for _, x := range a.Tickets() {
		audits, _ := a.Audits(x.ID)
		total += len(audits)
	}
	if seen != total || total == 0 {
		t.Errorf("%d of %d audits came as ticket events", seen, total)
	}
}

// compareEvents rebuilds the audit's events from the row and compares them as JSON.
func compareEvents(t *testing.T, audit Audit, row TicketEvent) {
	t.Helper()
	if row.Timestamp != audit.CreatedAt.Unix() || row.UpdaterID != audit.AuthorID || len(row.ChildEvents) != len(audit.Events) {
		t.Fatalf("row %+v of audit %+v", row, audit)
	}
	for i, child := range row.ChildEvents {
		got := map[string]any{}
		for k, v := range child {
			switch k {
			case "via", "via_reference_id", "created_at", "added_tags", "removed_tags":
			case "event_type":
			default:
				got[k] = v
			}
		}
		e := audit.Events[i]
		if e.Type == "Create" || e.Type == "Change" {
			got["field_name"], got["value"] = e.FieldName, child[e.FieldName]
			delete(got, e.FieldName)
		}
		got["type"] = child["event_type"]
		if x, y := canonical(t, got), canonical(t, e); !reflect.DeepEqual(x, y) {
			t.Fatalf("child %v\nevent %v", x, y)
		}
	}
}

func canonical(t *testing.T, v any) any {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestLiveKeepsTheAccountBusy(t *testing.T) {
	t.Parallel()
	run := func() ([]Ticket, []Webhook) {
		a, err := History(5, 10, 10, testStart)
		if err != nil {
			t.Fatal(err)
		}
		l := &Live{Account: a, Seed: 9}
		for i := range 300 {
			if err := l.Step(testStart.Add(time.Duration(i) * time.Second)); err != nil {
				t.Fatal(err)
			}
		}
		return a.Tickets(), a.TakeWebhooks()
	}
	tickets, hooks := run()
	again, hooksAgain := run()
	if !reflect.DeepEqual(tickets, again) || !reflect.DeepEqual(hooks, hooksAgain) {
		t.Error("two runs of one seed differ")
	}
	kinds := map[string]int{}
	for _, w := range hooks {
		kinds[w.Type]++
	}
	for _, k := range []string{"created", "comment_added", "status_changed", "agent_assignment_changed", "csat_requested", "csat_received"} {
		if kinds["zen:event-type:ticket."+k] == 0 {
			t.Errorf("no ticket.%s in %v", k, kinds)
		}
	}
}

func TestReadersAndWritersMayWorkAtOnce(t *testing.T) {
	t.Parallel()
	a, err := History(2, 5, 5, testStart)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Account: a, clock: &ticker{at: testStart}}
	w.server = NewServer(a, Options{Now: w.clock.Now, APITokens: map[string]string{"secret": ""}, IncrementalPerMinute: -1, PerMinute: -1})
	srv := httptest.NewServer(w.server)
	t.Cleanup(srv.Close)
	w.url = srv.URL
	if err := a.UpdateUser(testStart, a.Users()[0].ID, UserChange{Email: ptr("ada@acme.test")}); err != nil {
		t.Fatal(err)
	}
	r := &receiver{}
	sender := &Sender{Account: a, URL: r.start(t), Parallel: 4}
	var group sync.WaitGroup
	group.Go(func() {
		l := &Live{Account: a, Seed: 1}
		for range 150 {
			w.clock.Add(time.Second)
			if err := l.Step(w.clock.Now()); err != nil {
				t.Error(err)
			}
		}
	})
	group.Go(func() {
		for range 10 {
			if _, err := sender.Flush(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	seen := map[string]bool{}
	next := "/api/v2/incremental/tickets/cursor?start_time=0&per_page=20&include=users,metric_sets"
	read := func(rounds int) {
		for range rounds {
			_, _, body := w.get(t, next)
			for _, row := range rows(body, "tickets") {
				seen[row["url"].(string)] = true
			}
			next = body["after_url"].(string)
			w.get(t, "/api/v2/incremental/ticket_events?start_time=0&include=comment_events")
			w.get(t, "/api/v2/incremental/users/cursor?start_time=0&include=identities")
		}
	}
	read(8)
	group.Wait()
	w.clock.Add(2 * time.Minute)
	read(8)
	if len(seen) != len(a.Tickets()) {
		t.Errorf("%d of %d tickets came", len(seen), len(a.Tickets()))
	}
}

// TestHistoryPeopleDiffer holds the addresses and external ids of customers apart, who would be one person otherwise. The last ones of a history
// are its hardest: nothing more is planned for them.
func TestHistoryPeopleDiffer(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		a, err := History(seed, 3, 20, testStart)
		if err != nil {
			t.Fatal(err)
		}
		live := &Live{Account: a, Seed: seed}
		for i := range 400 {
			if err := live.Step(testStart.Add(time.Duration(i) * time.Second)); err != nil {
				t.Fatal(err)
			}
		}
		has := map[string]int64{}
		for _, u := range a.Users() {
			for _, value := range []*string{u.Email, u.ExternalID} {
				if value == nil {
					continue
				}
				if has[*value] != 0 {
					t.Errorf("seed %d: %s is of users %d and %d", seed, *value, has[*value], u.ID)
				}
				has[*value] = u.ID
			}
		}
	}
}
