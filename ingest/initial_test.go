package ingest

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
	"deskstream/local/localtest"
	"deskstream/schemas"
)

// TestR17_InitialSync reads an account whose past is longer than the retention and compares what arrived with what there is.
func TestR17_InitialSync(t *testing.T) {
	t.Parallel()
	d := pastDesk(t, 120, 4, zendesktest.Options{PageSize: 90})
	r := newRig(t, d, func(r *rig) {
		r.store.putSource(t, func(s *schemas.Source) { s.Retention.Days = 40 })
	})
	began := time.Now()
	r.start(t)
	localtest.Eventually(t, "initial sync", r.done)
	start := began.Add(-40 * 24 * time.Hour)
	old := checkRecords(t, r, start)
	checkHistories(t, r, old)
	checkSetup(t, r)
	checkOrder(t, r.store.all())
	checkSchedule(t, r.store.of(schemas.KindSchedule)[0])
	checkIDs(t, r.store.all())
	checkCursors(t, r, began)

	// A new process reads nothing again that it need not, and nothing of it is a new fact.
	before := r.store.all()
	d.ForgetRequests()
	r.restart(t)
	if err := r.conn.Resync(t.Context(), testSource, ResyncDelta); err != nil {
		t.Fatal(err)
	}
	localtest.Eventually(t, "second run", func() bool {
		for _, res := range resources {
			if !r.store.cursor(testSource, res.name).LastRunAt.After(began.Add(time.Millisecond)) || !r.done() {
				return false
			}
		}
		return len(d.Requests()) >= len(resources)
	})
	r.stop()
	checkNothingNew(t, before, r.store.all()[len(before):])
}

// checkRecords demands the people, organizations, tickets, audits and ratings that the account has, as far as a sync from start on reads them, and
// gives the number of tickets that are older.
func checkRecords(t *testing.T, r *rig, start time.Time) (old int) {
	t.Helper()
	users := map[int64]bool{}
	for _, u := range r.Account.Users() {
		users[u.ID] = true
	}
	orgs := map[int64]bool{}
	for _, o := range r.Account.Organizations() {
		orgs[o.ID] = true
	}
	tickets, audits, ratings := map[int64]bool{}, map[int64]bool{}, map[int64]bool{}
	for _, ticket := range r.Account.Tickets() {
		if ticket.GeneratedTimestamp < start.Unix() {
			continue
		}
		tickets[ticket.ID] = true
		whole := ticket.CreatedAt.Before(start) && ticket.Status != "deleted"
		if whole {
			old++
		}
		list, err := r.Account.Audits(ticket.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range list {
			if whole || !a.CreatedAt.Before(start) {
				audits[a.ID] = true
			}
		}
	}
	for _, x := range r.Account.Ratings() {
		if x.UpdatedAt.After(start) {
			ratings[x.ID] = true
		}
	}
	for kind, want := range map[schemas.Kind]map[int64]bool{
		schemas.KindUser: users, schemas.KindOrganization: orgs, schemas.KindTicket: tickets, schemas.KindAudit: audits,
		schemas.KindRating: ratings,
	} {
		if got := r.store.ids(kind); !maps.Equal(got, want) {
			t.Errorf("%s: %d different ids, want %d", kind, len(got), len(want))
		}
	}
	if old == 0 || len(tickets) < 50 || len(ratings) == 0 {
		t.Fatalf("the account proves nothing: %d old tickets of %d, %d ratings", old, len(tickets), len(ratings))
	}
	return old
}

// checkHistories demands that the whole history was read of the old tickets alone.
func checkHistories(t *testing.T, r *rig, old int) {
	t.Helper()
	histories := map[string]bool{}
	for _, q := range r.Requests() {
		if strings.HasSuffix(q.Path, "/audits.json") {
			histories[q.Path] = true
		}
	}
	if len(histories) != old {
		t.Errorf("%d whole histories read, want those of the %d old tickets", len(histories), old)
	}
}

// checkSetup demands what the account is set up with.
func checkSetup(t *testing.T, r *rig) {
	t.Helper()
	for kind, want := range map[schemas.Kind]int{
		schemas.KindGroup: 3, schemas.KindBrand: 2, schemas.KindSchedule: 1, schemas.KindTicketField: 1, schemas.KindUserField: 1,
		schemas.KindOrganizationField: 1, schemas.KindTicketForm: 2, schemas.KindCustomStatus: 5,
	} {
		if got := len(r.store.of(kind)); got != want {
			t.Errorf("%d of %s, want %d", got, kind, want)
		}
	}
	if len(r.store.of(schemas.KindMetricEvent)) == 0 {
		t.Error("no metric events")
	}
}

// checkCursors demands cursors of a first sync that began at a time and has ended.
func checkCursors(t *testing.T, r *rig, began time.Time) {
	t.Helper()
	for _, res := range resources {
		cur := r.store.cursor(testSource, res.name)
		if res.name == schemas.ResourceSurveys && cur.State == "idle" && cur.Done && cur.LastError == "" {
			continue // An account with ratings has none.
		}
		if cur.Through == nil || time.Since(*cur.Through) > 2*time.Minute || cur.LastRunAt == nil || cur.State != "idle" || cur.LastError != "" || cur.Rows == 0 ||
			cur.BeganAt == nil || cur.BeganAt.Before(began) || (cur.First == nil) != (res.walk == walkCount) {
			t.Errorf("cursor of %s: %+v", res.name, cur)
		}
	}
}

// checkNothingNew demands that later events of an unchanged account are known and few.
func checkNothingNew(t *testing.T, before, later []schemas.Event) {
	t.Helper()
	known := map[string]bool{}
	for _, e := range before {
		known[e.ID] = true
	}
	again := 0
	for _, e := range later {
		// Time alone breaches SLAs, and what a list showed is told as of its time.
		if !known[e.ID] && e.Kind != schemas.KindMetricEvent && e.Kind != schemas.KindMembers {
			t.Errorf("new event %s in an unchanged account", e.ID)
		}
		if e.Kind == schemas.KindTicket || e.Kind == schemas.KindAudit {
			again++
		}
	}
	if again > 20 {
		t.Errorf("%d tickets and audits read again", again)
	}
}

// checkOrder demands that people come before their tickets and organizations before people.
func checkOrder(t *testing.T, events []schemas.Event) {
	t.Helper()
	users := map[schemas.ZID]bool{}
	for _, e := range events {
		switch e.Kind {
		case schemas.KindUser:
			users[headOf(e.Data).ID] = true
		case schemas.KindTicket:
			var ticket schemas.ZTicket
			if err := json.Unmarshal(e.Data, &ticket); err != nil {
				t.Fatal(err)
			}
			if !users[ticket.RequesterID] {
				t.Fatalf("ticket %d before its requester", ticket.ID)
			}
		case schemas.KindAudit:
			a, err := schemas.DecodeAudit(e.Data)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range a.Comments {
				if c.AuthorID > 0 && !users[c.AuthorID] {
					t.Fatalf("audit %d before the author of its comment", a.ID)
				}
			}
		}
	}
}

func checkSchedule(t *testing.T, e schemas.Event) {
	t.Helper()
	var s schemas.ZSchedule
	if err := json.Unmarshal(e.Data, &s); err != nil || len(s.Holidays) == 0 || len(s.Intervals) == 0 {
		t.Errorf("schedule %s: %v", e.Data, err)
	}
}

func checkIDs(t *testing.T, events []schemas.Event) {
	t.Helper()
	for _, e := range events {
		parts := strings.SplitN(e.ID, ":", 4)
		if parts[0] != "zd" || parts[1] != "acme" || parts[2] != string(e.Kind) || e.Via != "poll" || e.Source != testSource || e.Account != "acme" {
			t.Fatalf("event %+v", e)
		}
		if e.Kind == schemas.KindMembers || e.Kind == schemas.KindSchedules {
			continue // It is about no object.
		}
		id := headOf(e.Data).ID.String()
		if e.Kind == schemas.KindAudit && parts[3] != id || e.Kind != schemas.KindAudit && !strings.HasPrefix(parts[3], id+":") {
			t.Fatalf("event id %s of object %s", e.ID, id)
		}
	}
}
