package reports

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"deskstream/schemas"
)

// TestSettledMonthsSayWhatTheTicketsSay: a server that remembers months and one that does not answer the same after every change, whichever months
// it touches. Ratings of a later time count once it has come.
func TestSettledMonthsSayWhatTheTicketsSay(t *testing.T) {
	t.Parallel()
	db := openDatabase(t)
	now := testNow
	clock := func(o *Options) { o.Now = func() time.Time { return now } }
	s := newTestServer(t, db, clock)
	r := rand.New(rand.NewPCG(3, 5))
	ticket := func(id int64) schemas.TicketRow {
		row := schemas.TicketRow{
			Account: testAccount, TicketID: id, CreatedAt: testNow.AddDate(0, -int(id%6), -1), Status: []string{"new", "open", "solved", "closed", "deleted"}[r.IntN(5)],
			AssigneeID: int64(r.IntN(3)), Priority: []string{"", "low", "high"}[r.IntN(3)], Tags: []string{"vip", "old"}[:r.IntN(3)], CSAT: []string{"", "good", "bad"}[r.IntN(3)],
			Replies: int64(r.IntN(2)), Merged: uint8(r.IntN(4) / 3), CustomFields: "{}",
		}
		if row.Status == "deleted" {
			row.Deleted = 1
		}
		if row.CSAT != "" {
			row.CSATAt = new(testNow.Add(time.Duration(r.IntN(4)-2) * time.Hour))
		}
		return row
	}
	questions := []struct{ metric, query string }{
		{"tickets", ""},
		{"tickets", "group_by=assignee"},
		{"tickets", "group_by=tag&group_by=status"},
		{"tickets", "group_by=priority&assignee=1,(none)&exclude_merged=true&include_deleted=true"},
		{"assignments", "group_by=assignee"},
		{"assignments", "interval=month&from=2026-01-01"},
		{"assignments", "priority=low&include_deleted=true"},
	}
	for change := range 12 {
		var rows []schemas.TicketRow
		for range 1 + r.IntN(5) {
			rows = append(rows, ticket(1+r.Int64N(40)))
		}
		insertInto(t, db, schemas.TableTickets, rows...)
		now = now.Add(30 * time.Minute)
		fresh := newTestServer(t, db, clock)
		for _, q := range questions {
			got, want := s.answerOf(q.metric, q.query), fresh.answerOf(q.metric, q.query)
			if !reflect.DeepEqual(got.Rows, want.Rows) || !reflect.DeepEqual(got.Totals, want.Totals) {
				t.Fatalf("%d changes, %s?%s:\n%s\n%s, want\n%s\n%s", change+1, q.metric, q.query, show(got), fmt.Sprint(got.Totals), show(want), fmt.Sprint(want.Totals))
			}
		}
	}
	if n := len(s.settled.questions); n == 0 {
		t.Error("nothing is remembered")
	}
	for _, q := range s.settled.questions {
		if _, ok := q.months[testNow.Format("200601")+"-0"]; ok {
			t.Error("the month that runs is remembered")
		}
		if len(q.months) == 0 {
			t.Error("no month is remembered")
		}
	}
}
