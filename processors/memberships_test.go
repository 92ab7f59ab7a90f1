package processors

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"deskstream/schemas"
)

// finds tells what an evaluation found about a user, some seconds after the scene began.
func (s *scene) finds(id int64, second int, more string, args ...any) {
	s.t.Helper()
	at := s.now.Add(time.Duration(second) * time.Second).Format(time.RFC3339)
	s.say(schemas.KindAudience, `{"id":%d,"at":%q,%s}`, id, at, fmt.Sprintf(more, args...))
}

const (
	isIn  = `"in":[{"id":"vip","generation":1}]`
	isOut = `"out":[{"id":"vip","generation":1}]`
)

// entries gives the log of the audiences as "event user" in order of time.
func (s *scene) entries(users ...int64) []string {
	out := []string{}
	for _, row := range s.tables[schemas.TableAudienceEntries] {
		for _, id := range users {
			if row["person_id"] == own(id) {
				out = append(out, fmt.Sprintf("%s %s %d", row["at"].(string)[14:19], row["event"], id))
			}
		}
	}
	slices.Sort(out)
	return out
}

// inside gives those of the users whose people the table of members has.
func (s *scene) inside(users ...int64) []int64 {
	var out []int64
	for _, id := range users {
		for _, row := range s.tables[schemas.TableAudienceMembers] {
			if row["person_id"] == own(id) {
				out = append(out, id)
			}
		}
	}
	return out
}

// TestAudienceTransitions: people enter and leave on change only, not again within a minute of leaving unless everybody was evaluated, and
// what an older evaluation or filter found is void.
func TestAudienceTransitions(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.user(1, 1, `,"name":"A","email":"a@x.test","verified":true`)
	s.finds(1, 1, isOut)
	s.finds(1, 10, isIn)
	s.finds(1, 10, isIn)
	s.finds(1, 12, isIn)
	s.finds(1, 5, isOut) // older
	s.finds(1, 13, `"out":[{"id":"vip","generation":0}]`)
	s.want("entered once", s.entries(1), []string{"00:10 entered 1"})
	s.want("member", s.inside(1), []int64{1})
	s.finds(1, 20, isOut)
	s.finds(1, 21, isOut)
	s.finds(1, 50, isIn)
	s.want("blocked", s.entries(1), []string{"00:10 entered 1", "00:20 left 1"})
	s.want("no member", len(s.inside(1)), 0)
	s.finds(1, 51, isIn+`,"settle":true`)
	s.finds(1, 60, isOut)
	s.finds(1, 120, isIn)
	s.want("again", s.entries(1), []string{"00:10 entered 1", "00:20 left 1", "00:51 entered 1", "01:00 left 1", "02:00 entered 1"})
	s.finds(77, 120, isIn)
	s.want("nobody", len(s.tables[schemas.TableAudienceMembers]), 1)
	s.finds(1, 130, `"in":[{"id":"no.id","generation":1}]`)
	s.want("dead letters", len(s.dead), 1)
}

// TestAudienceMergeAndUndo: a merged person is in what any of the users was in, and neither the merge nor its undoing is an entry; who only
// belonged to an audience through the merge leaves it unseen.
func TestAudienceMergeAndUndo(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.user(1, 1, `,"name":"A","email":"a@x.test","verified":true`)
	s.user(2, 1, `,"name":"B","email":"b@x.test","verified":true`)
	s.finds(2, 1, isIn)
	s.linked(1, 1, false, 2)
	s.want("survivor", s.inside(1, 2), []int64{1})
	s.finds(1, 5, isIn)
	s.want("merged", s.entries(1, 2), []string{"00:01 entered 2"})
	s.linked(1, 2, true, 2)
	s.want("two people", s.inside(1, 2), []int64{1, 2})
	s.finds(1, 10, isOut)
	s.finds(2, 10, isIn)
	s.want("undone", s.entries(1, 2), []string{"00:01 entered 2"})
	s.want("one left", s.inside(1, 2), []int64{2})
	s.finds(2, 20, isOut)
	s.want("left", s.entries(1, 2), []string{"00:01 entered 2", "00:20 left 2"})
}

// TestAudienceOfAgents: who becomes an agent is no person any more and leaves.
func TestAudienceOfAgents(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.user(1, 1, `,"name":"A","email":"a@x.test"`)
	s.finds(1, 1, isIn)
	s.user(1, 3, `,"name":"A","email":"a@x.test","role":"agent"`)
	s.want("left", []int{len(s.inside(1)), len(s.entries(1))}, []int{0, 2})
}

// fires tells that an activity of ticket 5 occurred.
func (s *scene) fires(second int, activity, at string) {
	s.t.Helper()
	when := mustTime(s.t, s.at(at))
	id := schemas.ActivityID(testAccount, 5, activity, when.Unix(), "")
	s.finds(9, second, `"fired":[{"audience":"survey","since":"2026-03-02T00:00:00Z","activity":{"account":%q,"activity_id":%q,"activity":%q,`+
		`"ticket_id":5,"occurred_at":%q,"subject":"Help","tags":["a"],"via":"webhook"}}]`,
		testAccount, id, activity, s.at(at))
}

// TestR50_OncePerActivity: each activity makes its person enter once and its attributes stay with the entry; one from before the audience
// does not, nor the same under the time that Zendesk's history gives it in place of a webhook's.
func TestR50_OncePerActivity(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.people()
	s.fires(1, "ticket-closed", "02T10:00")
	s.fires(2, "ticket-closed", "02T10:00")
	s.fires(3, "ticket-closed", "01T23:59")
	s.want("once", s.entries(9), []string{"00:01 entered 9"})
	for _, row := range s.tables[schemas.TableAudienceEntries] {
		s.want("kept", row["attributes"].(string) != "{}" && row["activity"] == "ticket-closed", true)
	}
	s.fires(9, "ticket-closed", "02T10:30")
	s.want("twice", s.entries(9), []string{"00:01 entered 9", "00:09 entered 9"})
	s.want("member", s.inside(9), []int64{9})
}

// TestR50_WebhookThenHistory: what a webhook told fires once, also when Zendesk's history gives it another time and takes its place.
func TestR50_WebhookThenHistory(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.people()
	s.audit("02T09:00", 9, created("status", `"open"`), created("requester_id", `"9"`), said(1, 9, true, "hi"))
	s.hook("status_changed", "02T10:00", `{"current":"SOLVED","previous":"OPEN"}`, "")
	s.fires(1, "ticket-solved", "02T10:00")
	s.audit("02T10:01", 1, changed("status", `"open"`, `"solved"`))
	s.record("02T10:01", "solved", "")
	s.want("activities", strings.Count(s.slugs(), "ticket-solved"), 1)
	s.fires(2, "ticket-solved", "02T10:01")
	s.want("once", s.entries(9), []string{"00:01 entered 9"})
	s.fires(3, "ticket-solved", "02T10:02")
	s.want("another", len(s.entries(9)), 2)
}

// TestFiredInOneBatch: an activity on which an audience fired was first learned by the webhook that told it, also when one batch has the webhook, the
// verdict and Zendesk's history, as in a replay.
func TestFiredInOneBatch(t *testing.T) {
	t.Parallel()
	one, events := recorded(t, func(s *scene) {
		s.people()
		s.audit("02T09:00", 9, created("status", `"open"`), created("requester_id", `"9"`), said(1, 9, true, "hi"))
		s.hook("status_changed", "02T10:00", `{"current":"SOLVED","previous":"OPEN"}`, "")
		s.fires(1, "ticket-solved", "02T10:00")
		s.audit("02T10:00", 1, changed("status", `"open"`, `"solved"`))
		s.record("02T10:00", "solved", "")
	})
	all := &scene{t: t, store: newStore()}
	all.batches(t, events, len(events))
	for name, s := range map[string]*scene{"one by one": one, "together": all} {
		var via []any
		for _, row := range s.tables[schemas.TableActivities] {
			if row["activity"] == "ticket-solved" {
				via = append(via, row["via"])
			}
		}
		s.want(name, via, []any{"webhook"})
	}
}

// TestAudienceInOneBatch: verdicts that come together, each twice, and a batch whose commit is lost, end as one after the other does.
func TestAudienceInOneBatch(t *testing.T) {
	t.Parallel()
	tell := func(s *scene) []schemas.Event {
		var f feed
		for i, found := range []string{isIn, isIn, isOut, isIn, isIn + `,"settle":true`, isOut} {
			at := s.now.Add(time.Duration(10*i) * time.Second)
			f.add(schemas.KindAudience, "api", at, fmt.Appendf(nil, `{"id":1,"at":%q,%s}`, at.Format(time.RFC3339), found))
		}
		return f.out
	}
	one := newScene(t)
	one.user(1, 1, `,"name":"A","email":"a@x.test"`)
	one.batches(t, tell(one), 1)
	want := one.entries(1)
	one.want("one by one", want, []string{"00:00 entered 1", "00:20 left 1", "00:40 entered 1", "00:50 left 1"})
	all := newScene(t)
	all.user(1, 1, `,"name":"A","email":"a@x.test"`)
	events := tell(all)
	all.lose(t, events)
	all.batches(t, slices.Concat(events, events), 2*len(events))
	all.want("together", all.entries(1), want)
	all.want("members", len(all.inside(1)), 0)
}
