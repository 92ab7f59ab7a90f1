package main

import (
	"fmt"
	"time"
)

// modelFact is one thing that a report counts.
type modelFact struct {
	at, until time.Time // until: of a spell
	first     time.Time // of the person's first ticket
	always    bool      // belongs to no bucket
	keys      modelKeys
	name      string // of the figure; seconds for durations
	n         float64
	who       string // not "": distinct ones are counted
}

// modelOptions change what a report counts.
type modelOptions struct {
	asOf                          time.Time
	includeDeleted, excludeMerged bool
}

// kept are the tickets that figures are about (G6, G7).
func (m *model) kept(o modelOptions) (out []*modelTicket) {
	for _, t := range m.tickets {
		if (t.Status != "deleted" || o.includeDeleted) && (!t.absorbed || !o.excludeMerged) {
			out = append(out, t)
		}
	}
	return out
}

func (m *model) ticketsCreated(o modelOptions) (out []modelFact) {
	for _, t := range m.kept(o) {
		out = append(out, modelFact{at: t.CreatedAt, keys: t.keys(), name: "tickets", n: 1})
	}
	return out
}

func (m *model) closures(o modelOptions) (out []modelFact) {
	for _, t := range m.kept(o) {
		last := time.Time{}
		for _, s := range t.steps {
			keys := t.keys().held(s.after.assignee, s.after.group)
			if s.solves() {
				last = s.at
				out = append(out, modelFact{at: s.at, keys: keys, name: "solve_events", n: 1})
			}
			if s.after.status == "closed" && s.before.status != "closed" && s.before.status != "deleted" {
				out = append(out, modelFact{at: s.at, keys: keys, name: "closed", n: 1})
			}
		}
		if !last.IsZero() && done(t.Status) {
			out = append(out, modelFact{at: last, keys: t.keys(), name: "tickets_solved", n: 1})
		}
	}
	return out
}

func (m *model) reopens(o modelOptions) (out []modelFact) {
	for _, t := range m.kept(o) {
		for _, s := range t.steps {
			if s.before.status == "solved" && unsolved(s.after.status) {
				keys := t.keys().held(s.after.assignee, s.after.group)
				out = append(out, modelFact{at: s.at, keys: keys, name: "reopens", n: 1}, modelFact{at: s.at, keys: keys, name: "reopened_tickets", who: t.id})
			}
		}
	}
	return out
}

func (m *model) backlog(o modelOptions) (out []modelFact) {
	for _, t := range m.kept(o) {
		for _, s := range t.spells {
			if !unsolved(s.status) {
				continue
			}
			keys := t.keys().held(s.assignee, s.group)
			keys["status"], keys["priority"] = []string{s.status}, []string{orNone(s.priority)}
			for _, name := range []string{"unsolved", s.status} {
				out = append(out, modelFact{at: s.from, until: s.to, keys: keys, name: name, n: 1})
			}
		}
	}
	return out
}

func (m *model) assignments(o modelOptions) (out []modelFact) {
	for _, t := range m.kept(o) {
		for _, s := range t.steps {
			if s.after.assignee == 0 || s.after.assignee == s.before.assignee {
				continue
			}
			f := modelFact{at: s.at, keys: t.keys().held(s.after.assignee, s.after.group), name: "assignments", n: 1}
			out = append(out, f)
			if s.before.assignee != 0 {
				f.name = "reassignments"
				out = append(out, f)
				f.name, f.n, f.who = "reassigned_tickets", 0, t.id
				out = append(out, f)
			}
		}
		if t.AssigneeID != nil {
			out = append(out, modelFact{always: true, keys: t.keys(), name: "assigned_now", n: 1})
			if unsolved(t.Status) {
				out = append(out, modelFact{always: true, keys: t.keys(), name: "assigned_unsolved_now", n: 1})
			}
		}
	}
	return out
}

// csat gives a rating to the holders of the record, or of the ticket now (M23).
func (m *model) csat(current bool) func(modelOptions) []modelFact {
	return func(o modelOptions) (out []modelFact) {
		for _, t := range m.kept(o) {
			r := t.ratingAt(o.asOf)
			if r == nil || r.Score == "unoffered" {
				continue
			}
			keys := t.keys()
			if !current {
				keys["assignee"], keys["group"] = []string{whoever(r.AssigneeID)}, []string{whoever(r.GroupID)}
			}
			name := map[string]string{"offered": "offered_unrated", "good": "good", "bad": "bad"}[r.Score]
			for _, n := range []string{"surveyed", name} {
				out = append(out, modelFact{at: r.UpdatedAt, keys: keys, name: n, n: 1})
			}
		}
		return out
	}
}

func (m *model) repliesSent(o modelOptions) (out []modelFact) {
	for _, t := range m.kept(o) {
		replies := m.replies(t)
		for _, c := range replies {
			keys := t.keys().held(c.state.assignee, c.state.group)
			keys["agent"] = []string{who(c.author)}
			out = append(out, modelFact{at: c.at, keys: keys, name: "public_replies", n: 1})
		}
		if len(replies) == 0 {
			out = append(out, modelFact{at: t.CreatedAt, keys: t.keys(), name: "unreplied", n: 1})
		}
	}
	return out
}

// keywords counts phrases (M29).
func (m *model) keywords(phrases []string, private, byMessage bool) func(modelOptions) []modelFact {
	return func(o modelOptions) (out []modelFact) {
		for _, t := range m.kept(o) {
			for _, phrase := range phrases {
				keys := t.keys()
				keys["phrase"] = []string{phrase}
				add := func(at time.Time, name string, n int) {
					f := modelFact{at: at, keys: keys, name: name, n: float64(n)}
					if n == 0 {
						f.who = t.id
					}
					out = append(out, f)
				}
				if modelCount(modelWords(t.Subject), modelWords(phrase)) > 0 {
					add(t.CreatedAt, "tickets_subject", 0)
					add(t.CreatedAt, "tickets", 0)
				}
				for _, c := range t.comments {
					n := modelCount(modelWords(c.text), modelWords(phrase))
					if n == 0 || !c.public && !private {
						continue
					}
					at := t.CreatedAt
					if byMessage {
						at = c.at
					}
					add(at, "tickets_messages", 0)
					add(at, "tickets", 0)
					add(at, "messages", 1)
					add(at, "occurrences", n)
				}
			}
		}
		return out
	}
}

func (m *model) touches(o modelOptions) (out []modelFact) {
	for _, t := range m.kept(o) {
		if !done(t.Status) {
			continue
		}
		replies, all := len(m.replies(t)), 0
		for _, c := range t.comments {
			if c.public && m.staff[c.author] {
				all++
			}
		}
		name := []string{"one_touch", "one_touch", "two_touch", "multi_touch"}[min(replies, 3)]
		out = append(out, modelFact{at: t.CreatedAt, keys: t.keys(), name: name, n: 1})
		if all == 1 {
			out = append(out, modelFact{at: t.CreatedAt, keys: t.keys(), name: "one_touch_strict", n: 1})
		}
	}
	return out
}

func (m *model) stations(o modelOptions) (out []modelFact) {
	for _, t := range m.kept(o) {
		add := func(name string) { out = append(out, modelFact{at: t.CreatedAt, keys: t.keys(), name: name, n: 1}) }
		for _, s := range t.steps {
			if s.after.assignee != 0 && s.after.assignee != s.before.assignee {
				add("assignee_stations")
			}
			if s.after.group != 0 && s.after.group != s.before.group {
				add("group_stations")
			}
		}
		agents := map[int64]bool{}
		for _, c := range t.comments {
			if m.staff[c.author] && !agents[c.author] {
				agents[c.author] = true
				add("handoffs")
			}
		}
	}
	return out
}

func (m *model) requesters(o modelOptions) (out []modelFact) {
	first := map[string]time.Time{}
	all := o
	all.excludeMerged = false
	for _, t := range m.kept(all) {
		person := m.person(t.RequesterID)
		if at, ok := first[person]; !ok || t.CreatedAt.Before(at) {
			first[person] = t.CreatedAt
		}
	}
	for _, t := range m.kept(o) {
		person := m.person(t.RequesterID)
		out = append(out, modelFact{at: t.CreatedAt, first: first[person], keys: t.keys(), name: "requesters", who: person})
	}
	return out
}

func (m *model) ticketsNow(o modelOptions) (out []modelFact) {
	all := o
	all.includeDeleted = true
	for _, t := range m.kept(all) {
		add := func(name string, is bool) {
			if is {
				out = append(out, modelFact{at: t.CreatedAt, keys: t.keys(), name: name, n: 1})
			}
		}
		add("deleted", t.Status == "deleted")
		if t.Status == "deleted" && !o.includeDeleted {
			continue
		}
		add("tickets", true)
		then, rating, replies := t.stateAt(o.asOf), t.ratingAt(o.asOf), m.replies(t)
		add("unsolved", unsolved(then.status))
		add("solved", done(then.status))
		add("good", rating != nil && rating.Score == "good")
		add("bad", rating != nil && rating.Score == "bad")
		add("merged", t.absorbed)
		add("unassigned_unsolved", unsolved(then.status) && then.assignee == 0)
		add("unreplied", len(replies) == 0 || replies[0].at.After(o.asOf))
	}
	return out
}

// sla decides each target of each ticket (M24).
func (m *model) sla(o modelOptions) (out []modelFact) {
	type target struct {
		applied, fulfilled, breached *time.Time
	}
	earlier := func(old *time.Time, at time.Time) *time.Time {
		if old != nil && old.Before(at) {
			return old
		}
		return &at
	}
	for _, t := range m.kept(o) {
		targets := map[string]*target{}
		for _, e := range m.metrics {
			if e.TicketID != t.ID || e.Deleted != nil && *e.Deleted || e.Time.After(o.asOf) {
				continue
			}
			key := fmt.Sprintf("%s %d", e.Metric, e.InstanceID)
			if targets[key] == nil {
				targets[key] = &target{}
			}
			x := targets[key]
			switch e.Type {
			case "apply_sla":
				x.applied = earlier(x.applied, e.Time)
			case "fulfill":
				x.fulfilled = earlier(x.fulfilled, e.Time)
			case "breach":
				x.breached = earlier(x.breached, e.Time)
			}
		}
		for _, x := range targets {
			keys := t.keys()
			keys["sla_metric"] = []string{"reply_time"}
			switch {
			case x.applied == nil:
			case x.breached != nil:
				out = append(out, modelFact{at: *x.breached, keys: keys, name: "breached", n: 1})
			case x.fulfilled != nil:
				out = append(out, modelFact{at: *x.fulfilled, keys: keys, name: "achieved", n: 1})
			default:
				out = append(out, modelFact{at: *x.applied, keys: keys, name: "active", n: 1})
			}
		}
	}
	return out
}

// seconds makes the facts of a duration of tickets; none where it does not exist.
func (m *model) seconds(of func(t *modelTicket, asOf time.Time) []int64) func(modelOptions) []modelFact {
	return func(o modelOptions) (out []modelFact) {
		for _, t := range m.kept(o) {
			for _, n := range of(t, o.asOf) {
				out = append(out, modelFact{at: t.CreatedAt, keys: t.keys(), name: "seconds", n: float64(n)})
			}
		}
		return out
	}
}

// between measures a span; business hours exist where the account has a schedule.
func (m *model) between(from, to time.Time, business bool) []int64 {
	switch {
	case !business:
		return []int64{int64(to.Sub(from) / time.Second)}
	case m.hours == nil:
		return nil
	}
	return []int64{m.hours.between(from, to)}
}

func (m *model) firstReply(business bool) func(*modelTicket, time.Time) []int64 {
	return func(t *modelTicket, asOf time.Time) []int64 {
		if r := m.replies(t); len(r) > 0 && !r[0].at.After(asOf) {
			return m.between(t.CreatedAt, r[0].at, business)
		}
		return nil
	}
}

// resolution is M14a, or M14b with last.
func (m *model) resolution(last, business bool) func(*modelTicket, time.Time) []int64 {
	return func(t *modelTicket, asOf time.Time) []int64 {
		var solves []time.Time
		for _, s := range t.steps {
			if s.solves() && !s.at.After(asOf) {
				solves = append(solves, s.at)
			}
		}
		switch {
		case len(solves) == 0 || last && !done(t.stateAt(asOf).status):
			return nil
		case last:
			return m.between(t.CreatedAt, solves[len(solves)-1], business)
		}
		return m.between(t.CreatedAt, solves[0], business)
	}
}

func (m *model) nextReplies(business bool) func(*modelTicket, time.Time) []int64 {
	return func(t *modelTicket, asOf time.Time) (out []int64) {
		for i, c := range t.comments {
			if !c.public || !m.endUsers[c.author] || !m.previousIsAgents(t, i) {
				continue
			}
			for _, later := range t.comments[i+1:] {
				if later.public && m.staff[later.author] && !later.at.After(asOf) {
					out = append(out, m.between(c.at, later.at, business)...)
					break
				}
			}
		}
		return out
	}
}

func (m *model) previousIsAgents(t *modelTicket, i int) bool {
	for i--; i >= 0; i-- {
		if t.comments[i].public {
			return m.staff[t.comments[i].author]
		}
	}
	return false
}

func (m *model) assignmentTime(business bool) func(*modelTicket, time.Time) []int64 {
	return func(t *modelTicket, asOf time.Time) []int64 {
		for _, s := range t.steps {
			if s.after.assignee != 0 && !s.at.After(asOf) {
				return m.between(t.CreatedAt, s.at, business)
			}
		}
		return nil
	}
}

// wait sums the time in statuses (M10 to M13): ended rows of status, and with live the one that runs.
func (m *model) wait(live, business bool, statuses ...string) func(*modelTicket, time.Time) []int64 {
	return func(t *modelTicket, asOf time.Time) []int64 {
		if business && m.hours == nil {
			return nil
		}
		sum, ended := int64(0), false
		for i, s := range t.spells {
			if s.from.After(asOf) {
				break
			}
			in := false
			for _, status := range statuses {
				in = in || s.status == status
			}
			running := true
			for _, later := range t.spells[i+1:] {
				running = running && (later.status == s.status || later.from.After(asOf))
			}
			ended = ended || !running
			to := s.to
			if to.After(asOf) {
				to = asOf
			}
			if in && (live || !running) {
				sum += m.between(s.from, to, business)[0]
			}
		}
		if !live && !ended && statuses[0] != "hold" {
			return nil
		}
		return []int64{sum}
	}
}

// activityNames are the activities that the model knows; ticket-updated and those of contacts are left out.
const activityNames = "ticket-created,ticket-status-changed,ticket-solved,ticket-closed,ticket-reopened,ticket-assigned,ticket-group-changed," +
	"ticket-priority-changed,ticket-subject-changed,ticket-tagged,ticket-untagged,ticket-message-received,ticket-message-sent,ticket-note-added," +
	"ticket-message-redacted,ticket-merged,ticket-deleted,ticket-restored,satisfaction-requested,satisfaction-rating-received"

func (m *model) activities(o modelOptions) (out []modelFact) {
	for _, t := range m.kept(o) {
		if len(t.steps) == 0 {
			continue // deleted for good
		}
		add := func(at time.Time, s modelState, name string) {
			keys := t.then(s)
			keys["activity"] = []string{name}
			out = append(out, modelFact{at: at, keys: keys, name: "activities", n: 1}, modelFact{at: at, keys: keys, name: "people", who: m.person(s.requester)})
		}
		add(t.CreatedAt, t.steps[0].after, "ticket-created")
		for _, s := range t.steps {
			for _, name := range s.activities() {
				state := s.after
				if name == "ticket-merged" { // a merge is known by its second alone
					state = t.stateAt(s.at)
				}
				add(s.at, state, name)
			}
		}
		for _, c := range t.comments {
			switch {
			case !c.public:
				add(c.at, c.state, "ticket-note-added")
			case m.endUsers[c.author]:
				add(c.at, c.state, "ticket-message-received")
			case m.staff[c.author]:
				add(c.at, c.state, "ticket-message-sent")
			}
		}
		for _, r := range t.ratings {
			s := t.stateAt(r.UpdatedAt)
			s.requester = r.RequesterID
			name := "satisfaction-rating-received"
			if r.Score == "offered" {
				name = "satisfaction-requested"
			}
			add(r.UpdatedAt, s, name)
		}
	}
	return out
}

func (t *modelTicket) stateAt(at time.Time) (s modelState) {
	for _, step := range t.steps {
		if !step.at.After(at) {
			s = step.after
		}
	}
	return s
}

// activities are what a step is told as, comments aside.
func (s *modelStep) activities() (out []string) {
	add := func(is bool, name string) {
		if is {
			out = append(out, name)
		}
	}
	b, a := &s.before, &s.after
	changed := b.status != a.status
	add(changed && a.status == "deleted", "ticket-deleted")
	add(changed && b.status == "deleted", "ticket-restored")
	add(s.solves(), "ticket-solved")
	add(changed && a.status == "closed" && b.status != "deleted", "ticket-closed")
	add(b.status == "solved" && unsolved(a.status), "ticket-reopened")
	add(a.assignee != 0 && a.assignee != b.assignee, "ticket-assigned")
	for range s.redactions {
		out = append(out, "ticket-message-redacted")
	}
	if s.creation {
		return out
	}
	add(changed && a.status != "deleted" && b.status != "deleted", "ticket-status-changed")
	add(a.group != b.group, "ticket-group-changed")
	add(a.priority != b.priority, "ticket-priority-changed")
	add(a.subject != b.subject, "ticket-subject-changed")
	more, less := lacking(a.tags, b.tags), lacking(b.tags, a.tags)
	add(more, "ticket-tagged")
	add(less, "ticket-untagged")
	merged := func(tags []string) bool {
		for _, t := range tags {
			if t == "closed_by_merge" {
				return true
			}
		}
		return false
	}
	add(merged(a.tags) && !merged(b.tags), "ticket-merged")
	return out
}

// lacking says whether there is something in x that y lacks.
func lacking(x, y []string) bool {
	for _, v := range x {
		found := false
		for _, w := range y {
			found = found || v == w
		}
		if !found {
			return true
		}
	}
	return false
}
