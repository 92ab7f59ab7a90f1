package main

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode"

	"deskstream/ingest/zendesktest"
)

// model is a naive in-memory reading of an account: it walks every audit of every ticket with none of the product's code, and is what
// the pipeline's answers are held against after duplicates, disorder and kills.
type model struct {
	asOf    time.Time
	staff   map[int64]bool
	known   map[int64]bool
	tickets []*modelTicket
}

type modelTicket struct {
	zendesktest.Ticket
	deleted  bool
	audits   []zendesktest.Audit
	rating   *zendesktest.Rating
	solves   []modelMoment
	closes   []modelMoment
	reopens  []modelMoment
	assigns  []modelMoment
	moves    []modelMoment // assignee to another assignee
	replies  []modelMoment
	spells   []modelSpell
	comments []modelComment
}

type modelMoment struct {
	at    time.Time
	agent int64
}

type modelSpell struct {
	from, to time.Time
	status   string
}

type modelComment struct {
	id     int64
	public bool
	text   string
}

// values are the figures of one row of a report, by name.
type values map[string]float64

// table is a report: bucket and key joined by a space, "" for the totals.
type table map[string]values

func (t table) add(day time.Time, key, name string, by float64) {
	k := day.UTC().Format(time.DateOnly)
	if key != "" {
		k += " " + key
	}
	if t[k] == nil {
		t[k] = values{}
	}
	t[k][name] += by
}

func newModel(a *zendesktest.Account, asOf time.Time) *model {
	m := &model{asOf: asOf, staff: map[int64]bool{}, known: map[int64]bool{}}
	for _, u := range a.Users() {
		m.staff[u.ID], m.known[u.ID] = u.Staff(), true
	}
	ratings := map[int64]*zendesktest.Rating{}
	for _, r := range a.Ratings() {
		old := ratings[r.TicketID]
		if old == nil || r.UpdatedAt.After(old.UpdatedAt) || r.UpdatedAt.Equal(old.UpdatedAt) && r.ID > old.ID {
			ratings[r.TicketID] = &r
		}
	}
	for _, t := range a.Tickets() {
		audits, err := a.Audits(t.ID)
		if err != nil {
			continue
		}
		mt := &modelTicket{Ticket: t, deleted: t.Status == "deleted", audits: audits, rating: ratings[t.ID]}
		sort.SliceStable(audits, func(i, j int) bool {
			if !audits[i].CreatedAt.Equal(audits[j].CreatedAt) {
				return audits[i].CreatedAt.Before(audits[j].CreatedAt)
			}
			return audits[i].ID < audits[j].ID
		})
		mt.walk(m.staff)
		m.tickets = append(m.tickets, mt)
	}
	return m
}

func word(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		return x
	case *string:
		if x == nil {
			return ""
		}
		return *x
	}
	return fmt.Sprint(v)
}

func unsolved(s string) bool { return s == "new" || s == "open" || s == "pending" || s == "hold" }

func (t *modelTicket) walk(staff map[int64]bool) {
	status, assignee := "", int64(0)
	redacted := map[int64]bool{}
	for i, audit := range t.audits {
		before, was := status, assignee
		for _, e := range audit.Events {
			switch {
			case e.FieldName == "status":
				status = word(e.Value)
			case e.FieldName == "assignee_id":
				assignee, _ = strconv.ParseInt(word(e.Value), 10, 64)
			case e.Type == "CommentRedactionEvent":
				redacted[e.CommentID] = true
			}
		}
		at := audit.CreatedAt
		if status != before {
			t.turn(before, status, at, assignee)
		}
		if assignee != was && assignee != 0 {
			t.assigns = append(t.assigns, modelMoment{at, assignee})
			if was != 0 {
				t.moves = append(t.moves, modelMoment{at, assignee})
			}
		}
		for _, e := range audit.Events {
			if e.Comment != nil {
				t.comments = append(t.comments, modelComment{e.Comment.ID, e.Comment.Public, e.Comment.PlainBody})
				if i > 0 && e.Comment.Public && staff[e.Comment.AuthorID] {
					t.replies = append(t.replies, modelMoment{at, e.Comment.AuthorID})
				}
			}
		}
	}
}

func (t *modelTicket) turn(before, status string, at time.Time, assignee int64) {
	if n := len(t.spells); n > 0 {
		t.spells[n-1].to = at
	}
	t.spells = append(t.spells, modelSpell{at, time.Date(2106, 1, 1, 0, 0, 0, 0, time.UTC), status})
	if before == "deleted" {
		return
	}
	m := modelMoment{at, assignee}
	if status == "solved" || status == "closed" && (before == "" || unsolved(before)) {
		t.solves = append(t.solves, m)
	}
	if status == "closed" {
		t.closes = append(t.closes, m)
	}
	if before == "solved" && unsolved(status) {
		t.reopens = append(t.reopens, m)
	}
}

func who(id int64) string {
	if id == 0 {
		return "(none)"
	}
	return strconv.FormatInt(id, 10)
}

func (m *model) created() table {
	out := table{}
	for _, t := range m.live() {
		out.add(t.CreatedAt, "", "tickets", 1)
	}
	return out
}

func (m *model) live() (out []*modelTicket) {
	for _, t := range m.tickets {
		if !t.deleted {
			out = append(out, t)
		}
	}
	return out
}

func (m *model) closures(byAgent bool) table {
	out := table{}
	key := func(id int64) string {
		if byAgent {
			return who(id)
		}
		return ""
	}
	for _, t := range m.live() {
		for i, s := range t.solves {
			out.add(s.at, key(s.agent), "solve_events", 1)
			if i == len(t.solves)-1 && !unsolved(t.Status) && !byAgent {
				out.add(s.at, "", "tickets_solved", 1)
			}
		}
		for _, c := range t.closes {
			out.add(c.at, key(c.agent), "closed", 1)
		}
	}
	return out
}

func (m *model) reopens() table {
	out := table{}
	for _, t := range m.live() {
		for _, r := range t.reopens {
			out.add(r.at, "", "reopens", 1)
		}
	}
	return out
}

func (m *model) csat() table {
	out := table{}
	for _, t := range m.live() {
		r := t.rating
		if r == nil || r.Score == "unoffered" {
			continue
		}
		agent := int64(0)
		if r.AssigneeID != nil {
			agent = *r.AssigneeID
		}
		name := strings.TrimSuffix(strings.TrimSuffix(r.Score, "_with_comment"), "_without_comment")
		out.add(r.UpdatedAt, who(agent), "surveyed", 1)
		if name == "offered" {
			name = "offered_unrated"
		}
		out.add(r.UpdatedAt, who(agent), name, 1)
	}
	return out
}

func (m *model) assignments() table {
	out := table{}
	for _, t := range m.live() {
		for _, a := range t.assigns {
			out.add(a.at, who(a.agent), "assignments", 1)
		}
		for _, a := range t.moves {
			out.add(a.at, who(a.agent), "reassignments", 1)
		}
	}
	return out
}

func (m *model) replies() table {
	out := table{}
	for _, t := range m.live() {
		for _, r := range t.replies {
			out.add(r.at, who(r.agent), "public_replies", 1)
		}
	}
	return out
}

func (m *model) backlog(days []time.Time) table {
	out := table{}
	for _, day := range days {
		end := day.AddDate(0, 0, 1)
		if end.After(m.asOf) {
			end = m.asOf.Add(time.Second)
		}
		for _, t := range m.live() {
			for _, s := range t.spells {
				if s.from.Before(end) && !s.to.Before(end) && unsolved(s.status) {
					out.add(day, "", s.status, 1)
					out.add(day, "", "unsolved", 1)
				}
			}
		}
	}
	return out
}

// byDimension is M25 for one dimension.
func (m *model) byDimension(of func(*modelTicket) []string) table {
	out := table{}
	for _, t := range m.live() {
		for _, k := range of(t) {
			if k == "" {
				k = "(none)"
			}
			if out[k] == nil {
				out[k] = values{}
			}
			out[k]["tickets"]++
			if unsolved(t.Status) {
				out[k]["unsolved"]++
			} else {
				out[k]["solved"]++
			}
			if t.rating != nil && (t.rating.Score == "good" || t.rating.Score == "bad") {
				out[k][t.rating.Score]++
			}
			if len(t.replies) == 0 {
				out[k]["unreplied"]++
			}
		}
	}
	return out
}

func (m *model) durations(of func(*modelTicket) (time.Duration, bool)) values {
	var all []float64
	sum := 0.0
	for _, t := range m.live() {
		if d, ok := of(t); ok {
			all = append(all, d.Seconds())
			sum += d.Seconds()
		}
	}
	if len(all) == 0 {
		return values{"count": 0}
	}
	sort.Float64s(all)
	n := len(all)
	return values{"count": float64(n), "sum_s": sum, "mean_s": sum / float64(n), "median_s": (all[(n-1)/2] + all[n/2]) / 2}
}

func firstReply(t *modelTicket) (time.Duration, bool) {
	if len(t.replies) == 0 {
		return 0, false
	}
	return t.replies[0].at.Sub(t.CreatedAt), true
}

func fullResolution(t *modelTicket) (time.Duration, bool) {
	if len(t.solves) == 0 || unsolved(t.Status) {
		return 0, false
	}
	return t.solves[len(t.solves)-1].at.Sub(t.CreatedAt), true
}

// keyword counts a phrase over live tickets, scope public.
func (m *model) keyword(phrase string) values {
	want := modelWords(phrase)
	v := values{"tickets_subject": 0, "tickets_messages": 0, "tickets": 0, "messages": 0, "occurrences": 0}
	for _, t := range m.live() {
		inSubject := modelCount(modelWords(t.Subject), want)
		messages := 0
		for _, c := range t.comments {
			if !c.public {
				continue
			}
			if n := modelCount(modelWords(c.text), want); n > 0 {
				messages++
				v["occurrences"] += float64(n)
			}
		}
		v["messages"] += float64(messages)
		v["tickets_subject"] += one(inSubject > 0)
		v["tickets_messages"] += one(messages > 0)
		v["tickets"] += one(inSubject > 0 || messages > 0)
	}
	return v
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// modelWords handles what the simulated account writes: composed letters only, so no normalisation is needed.
func modelWords(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

func modelCount(words, want []string) (n int) {
	for i := 0; i+len(want) <= len(words); i++ {
		if strings.Join(words[i:i+len(want)], " ") == strings.Join(want, " ") {
			n++
		}
	}
	return n
}
