package processors

import (
	"fmt"
	"slices"
	"testing"

	"deskstream/schemas"
)

// countedAs tells by the rows of people, like reports do, as whom users count who do not count as themselves. Rows must not contradict each other.
func (s *store) countedAs(t tb) []string {
	t.Helper()
	first := map[any]any{}
	for _, rows := range []map[string]map[string]any{s.tables[schemas.TablePeople], s.withdrawn} {
		for _, key := range sortedKeys(rows) {
			users, _ := rows[key]["user_ids"].([]any)
			if len(users) < 2 {
				continue
			}
			for _, id := range users {
				if first[id] != nil && first[id] != users[0] {
					t.Fatalf("user %v counts as %v and as %v", id, first[id], users[0])
				}
				first[id] = users[0]
			}
		}
	}
	out := []string{}
	for id, as := range first {
		if id != as {
			out = append(out, fmt.Sprintf("%.0f>%.0f", id, as))
		}
	}
	slices.Sort(out)
	return out
}

// dueUsers are those who are to be erased, as reports find them.
func (s *store) dueUsers() []int64 {
	out := []int64{}
	for _, row := range s.withdrawn {
		if row["zendesk"] != schemas.PersonDeletedForGood {
			continue
		}
		users, n := row["user_ids"].([]any), len(row["own_ids"].([]any))
		for i, id := range users[len(users)-n:] {
			user := int64(id.(float64))
			if !slices.Contains(row["own_ids"].([]any), any(own(user))) {
				panic(fmt.Sprint("user ", i, " has no own id in ", row))
			}
			out = append(out, user)
		}
	}
	slices.Sort(out)
	return out
}

// who sums up who is one person: the users of each person, as whom others count, and who is to be erased.
func (s *store) who(t tb) string {
	t.Helper()
	people := []string{}
	for _, row := range s.tables[schemas.TablePeople] {
		people = append(people, fmt.Sprint(row["user_ids"]))
	}
	slices.Sort(people)
	return fmt.Sprint(people, s.countedAs(t), s.dueUsers())
}

// happening is an event of a scene.
type happening = func(s *scene)

func joins(id int64, day int) happening {
	return func(s *scene) { s.user(int(id), day, fmt.Sprintf(`,"name":"User Nr %d","email":"u%d@x.test"`, id, id)) }
}

func mergedInto(loser, winner int64) happening {
	return func(s *scene) {
		s.say(schemas.KindWebhook, `{"type":"zen:event-type:user.merged","account_id":1,"id":"m%[1]d","time":"2026-03-09T0%[1]d:00:00Z","subject":"zen:user:%[1]d",`+
			`"detail":{"id":"%[1]d","role":"end-user","created_at":"2026-01-02T00:00:00Z","updated_at":"2026-03-09T0%[1]d:00:00Z"},"event":{"user":{"id":"%[2]d"}}}`, loser, winner)
		s.user(int(loser), 9, fmt.Sprintf(`,"name":"User Nr %d","active":false`, loser))
	}
}

func deleted(id int64) happening {
	return func(s *scene) {
		s.user(int(id), 12, `,"name":"Permanently Deleted User","active":false,"permanently_deleted":true`)
	}
}

func promoted(id int64) happening {
	return func(s *scene) { s.user(int(id), 14, fmt.Sprintf(`,"name":"User Nr %d","role":"agent"`, id)) }
}

func demoted(id int64) happening {
	return func(s *scene) { s.user(int(id), 16, fmt.Sprintf(`,"name":"User Nr %d","email":"u%d@x.test"`, id, id)) }
}

// TestMergeOutlivesTheSurvivor: users that Zendesk merged count as one for good, though one of them is deleted for good or becomes an agent, in
// whatever order and batches that is told. Who lost a merge to somebody who is gone is no person again, and is erased with them.
func TestMergeOutlivesTheSurvivor(t *testing.T) {
	t.Parallel()
	both := []happening{joins(1, 1), joins(2, 1), mergedInto(1, 2)}
	three := []happening{joins(1, 1), joins(2, 1), joins(3, 1), mergedInto(1, 2), mergedInto(2, 3)}
	for _, c := range []struct {
		name    string
		happens []happening
		want    string
	}{
		{"nobody is gone", both, "[[1 2]] [2>1] []"},
		{"the survivor is deleted", append(both[:3:3], deleted(2)), "[] [2>1] [1 2]"},
		{"the absorbed one is deleted", append(both[:3:3], deleted(1)), "[[2]] [1>2] [1]"},
		{"both are deleted", append(both[:3:3], deleted(1), deleted(2)), "[] [2>1] [1 2]"},
		{"the survivor is an agent", append(both[:3:3], promoted(2)), "[] [2>1] []"},
		{"the survivor was an agent", append(both[:3:3], promoted(2), demoted(2)), "[[1 2]] [2>1] []"},
		{"an agent, and the absorbed one is deleted", append(both[:3:3], promoted(2), deleted(1)), "[] [2>1] [1]"},
		{"was an agent, and the absorbed one is deleted", append(both[:3:3], promoted(2), demoted(2), deleted(1)), "[[2]] [1>2] [1]"},
		{"the last survivor is deleted", append(three[:5:5], deleted(3)), "[] [2>1 3>1] [1 2 3]"},
		{"the last survivor is an agent", append(three[:5:5], promoted(3)), "[] [2>1 3>1] []"},
		{"the one between is deleted", append(three[:5:5], deleted(2)), "[[1 3]] [2>1 3>1] [2]"},
		{"the first one is deleted", append(three[:5:5], deleted(1)), "[[2 3]] [1>2 3>2] [1]"},
		{"the last two are gone", append(three[:5:5], deleted(2), promoted(3)), "[] [2>1 3>1] [2]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := 0
			for order := range permutations(len(c.happens)) {
				if n++; n > 120 && n%17 != 0 {
					continue
				}
				s := newScene(t)
				start := len(s.events)
				for _, i := range order {
					c.happens[i](s)
				}
				s.want(fmt.Sprint(order), s.who(t), c.want)
				s.checkPeople(t, 1, 2, 3)
				for _, size := range []int{2, 3, len(s.events) - start} {
					cut := newStore()
					cut.batches(t, s.events[:start], 1)
					cut.batches(t, s.events[start:], size)
					s.want(fmt.Sprint(order, " in batches of ", size), cut.who(t), c.want)
				}
			}
		})
	}
}

// eraseDue erases who is to be erased, as the program does, and gives the events of that.
func (s *scene) eraseDue(users ...int64) []schemas.Event {
	s.t.Helper()
	erase := s.erasure(s.t, users, nil)
	s.batches(s.t, erase, 1)
	return erase
}

// TestMergeOutlivesTheErasure: users that were one person count as one also when those who were deleted for good are erased here, when the tables are made
// again from what that leaves of the events, and when the others are merged on or deleted later.
func TestMergeOutlivesTheErasure(t *testing.T) {
	t.Parallel()
	all := []happening{joins(1, 1), joins(2, 1), joins(3, 1), joins(4, 1), mergedInto(1, 2), mergedInto(2, 3)}
	for _, c := range []struct {
		name   string
		gone   happening
		due    []int64
		want   string
		merged string // with 4 later
		lost   string // when 4 is deleted then
	}{
		{"the survivor", deleted(3), []int64{1, 2, 3}, "[[4]] [2>1 3>1] []", "[[4]] [1>4 2>4 3>4] []", "[] [2>1 3>1 4>1] [4]"},
		{"the one between", deleted(2), []int64{2}, "[[1 3] [4]] [2>1 3>1] []", "[[1 3 4]] [2>1 3>1 4>1] []", "[] [2>1 3>1 4>1] [1 3 4]"},
		{"the first one", deleted(1), []int64{1}, "[[2 3] [4]] [1>2 3>2] []", "[[2 3 4]] [1>2 3>2 4>2] []", "[] [2>1 3>1 4>1] [2 3 4]"},
	} {
		s := newScene(t)
		for _, happens := range append(all[:6:6], c.gone) {
			happens(s)
		}
		s.want(c.name+": due", s.dueUsers(), c.due)
		before := slices.Clone(s.events)
		erase := s.eraseDue(c.due...)
		s.want(c.name+": erased", s.who(t), c.want)
		kept, late := leftOf(before, c.due, nil)
		again := newStore()
		again.batches(t, slices.Concat(kept, erase, late), 5)
		s.want(c.name+": made again", again.who(t), c.want)
		outputs := s.outputs
		s.batches(t, late, 1)
		s.want(c.name+": rows for what is left of the events", s.outputs-outputs, 0)

		mergedInto(3, 4)(s)
		s.want(c.name+": merged on", s.who(t), c.merged)
		deleted(4)(s)
		s.want(c.name+": deleted too", s.who(t), c.lost)
	}
}

// TestAbsorbedFollow: who lost a merge to somebody who is erased before them is to be erased too.
func TestAbsorbedFollow(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, happens := range []happening{joins(1, 1), joins(2, 1), mergedInto(1, 2), deleted(2)} {
		happens(s)
	}
	s.eraseDue(2)
	s.want("the survivor is erased", s.who(t), "[] [2>1] [1]")
	s.eraseDue(1)
	s.want("both are erased", s.who(t), "[] [2>1] []")
}

// TestOneOfAPersonDeletedForGood: of users that are one person by an identifier or by hand, one that is deleted for good goes on to count as those who stay,
// who are no others for that, whoever they become one with later.
func TestOneOfAPersonDeletedForGood(t *testing.T) {
	t.Parallel()
	same := func(s *scene, id int64) { s.user(int(id), 1, `,"name":"Jo","email":"jo@x.test","verified":true`) }
	for _, gone := range []int64{1, 2} {
		s, stays := newScene(t), 3-gone
		same(s, 1)
		same(s, 2)
		joins(3, 1)(s)
		deleted(gone)(s)
		s.want("by an address", s.who(t), fmt.Sprintf("[[%d] [3]] [%d>%d] [%d]", stays, gone, stays, gone))
		s.eraseDue(gone)
		s.linked(3, 1, false, stays)
		s.want("merged by hand later", s.who(t), fmt.Sprintf("[[3 %d]] [1>3 2>3] []", stays))
		s.linked(3, 2, true, stays)
		s.want("and undone", s.who(t), fmt.Sprintf("[[%d] [3]] [%d>%d] []", stays, gone, stays))
	}
	s := newScene(t)
	joins(1, 1)(s)
	joins(2, 1)(s)
	joins(3, 1)(s)
	s.linked(1, 1, false, 2, 3)
	deleted(1)(s)
	s.want("by hand", s.who(t), "[[2 3]] [1>2 3>2] [1]")
	s.linked(3, 9, true, 2)
	s.want("undone", s.who(t), "[[2] [3]] [1>2] [1]")
}

// TestUndoneMergeEnds: who was taken apart from the survivor of a merge in Zendesk is a person of its own, whatever becomes of the survivor.
func TestUndoneMergeEnds(t *testing.T) {
	t.Parallel()
	for _, gone := range []happening{deleted(2), promoted(2)} {
		s := newScene(t)
		for _, happens := range []happening{joins(1, 1), joins(2, 1), mergedInto(1, 2)} {
			happens(s)
		}
		s.linked(1, 1, true, 2)
		gone(s)
		s.want("apart", []any{s.person(1)["first_name"], s.person(2), s.countedAs(t)}, []any{"User", map[string]any(nil), []string{}})
	}
}
