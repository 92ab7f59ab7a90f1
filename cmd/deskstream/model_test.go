package main

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"deskstream/ingest/zendesktest"
)

// model is a naive in-memory reading of an account: it walks every audit of every ticket with none of the product's code, and is what
// the pipeline's answers are held against.
type model struct {
	account  string
	staff    map[int64]bool
	endUsers map[int64]bool
	survivor map[int64]int64 // of merged users
	tickets  []*modelTicket
	metrics  []zendesktest.MetricEvent
	hours    *modelHours // nil = the account has no schedule
}

type modelTicket struct {
	zendesktest.Ticket
	id       string // with the account
	absorbed bool
	steps    []modelStep
	spells   []modelSpell
	comments []modelComment
	rating   *zendesktest.Rating // the record that counts
	ratings  []zendesktest.Rating
	scores   []zendesktest.Rating // as the audits tell them
}

// modelState is what may change in a ticket.
type modelState struct {
	status, priority, kind, subject      string
	assignee, group, brand, organization int64
	requester                            int64
	tags                                 []string
}

// modelStep is one audit.
type modelStep struct {
	at            time.Time
	creation      bool
	before, after modelState
	redactions    int
}

// modelSpell is a time in one state.
type modelSpell struct {
	from, to time.Time
	modelState
}

type modelComment struct {
	at       time.Time
	creation bool
	public   bool
	author   int64
	text     string
	state    modelState
}

var modelForever = time.Date(2106, 1, 1, 0, 0, 0, 0, time.UTC)

// newModel reads an account; merged are its merged users, loser to winner.
func newModel(a *zendesktest.Account, merged map[int64]int64) *model {
	m := &model{
		account: a.Subdomain, staff: map[int64]bool{}, endUsers: map[int64]bool{}, survivor: merged, metrics: a.MetricEvents(), hours: newModelHours(a),
	}
	for _, u := range a.Users() {
		m.staff[u.ID], m.endUsers[u.ID] = u.Staff(), !u.Staff()
	}
	ratings := map[int64][]zendesktest.Rating{}
	for _, r := range a.Ratings() {
		ratings[r.TicketID] = append(ratings[r.TicketID], r)
	}
	for _, t := range a.Tickets() {
		audits, err := a.Audits(t.ID)
		if err != nil {
			continue
		}
		mt := &modelTicket{Ticket: t, id: m.account + " " + strconv.FormatInt(t.ID, 10), ratings: ratings[t.ID]}
		for i, r := range mt.ratings {
			if old := mt.rating; old == nil || r.UpdatedAt.After(old.UpdatedAt) || r.UpdatedAt.Equal(old.UpdatedAt) && r.ID > old.ID {
				mt.rating = &mt.ratings[i]
			}
		}
		sort.SliceStable(audits, func(i, j int) bool {
			if !audits[i].CreatedAt.Equal(audits[j].CreatedAt) {
				return audits[i].CreatedAt.Before(audits[j].CreatedAt)
			}
			return audits[i].ID < audits[j].ID
		})
		mt.walk(audits)
		m.tickets = append(m.tickets, mt)
	}
	return m
}

// walk follows the ticket through its audits.
func (t *modelTicket) walk(audits []zendesktest.Audit) {
	var now modelState
	for i, audit := range audits {
		step := modelStep{at: audit.CreatedAt, creation: i == 0, before: now}
		for _, e := range audit.Events {
			now.apply(e)
			if e.Type == "CommentRedactionEvent" {
				step.redactions++
			}
			if e.Type == "SatisfactionRating" {
				t.scores = append(t.scores, zendesktest.Rating{Score: e.Score, AssigneeID: e.AssigneeID, GroupID: new(now.group), UpdatedAt: step.at})
			}
		}
		step.after = now
		t.steps = append(t.steps, step)
		t.absorbed = t.absorbed || slices.Contains(now.tags, "closed_by_merge")
		for _, e := range audit.Events {
			if c := e.Comment; c != nil {
				t.comments = append(t.comments, modelComment{step.at, i == 0, c.Public, c.AuthorID, c.PlainBody, now})
			}
		}
		if n := len(t.spells); n > 0 {
			t.spells[n-1].to = step.at
		}
		t.spells = append(t.spells, modelSpell{step.at, modelForever, now})
	}
}

// ratingAt gives what counted at an instant: the record that counts now, or before it the newest of what audits and other records tell.
func (t *modelTicket) ratingAt(at time.Time) (r *zendesktest.Rating) {
	if t.rating != nil && !t.rating.UpdatedAt.After(at) {
		return t.rating
	}
	for _, told := range [][]zendesktest.Rating{t.scores, t.ratings} {
		for i := range told {
			if !told[i].UpdatedAt.After(at) && (r == nil || !told[i].UpdatedAt.Before(r.UpdatedAt)) {
				r = &told[i]
			}
		}
	}
	return r
}

func (s *modelState) apply(e zendesktest.AuditEvent) {
	id := func() int64 { n, _ := strconv.ParseInt(word(e.Value), 10, 64); return n }
	switch e.FieldName {
	case "status":
		s.status = word(e.Value)
	case "priority":
		s.priority = word(e.Value)
	case "type":
		s.kind = word(e.Value)
	case "subject":
		s.subject = word(e.Value)
	case "assignee_id":
		s.assignee = id()
	case "group_id":
		s.group = id()
	case "brand_id":
		s.brand = id()
	case "organization_id":
		s.organization = id()
	case "requester_id":
		s.requester = id()
	case "tags":
		s.tags, _ = e.Value.([]string)
	}
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

func done(s string) bool { return s == "solved" || s == "closed" }

// solves says whether the step is a solve event (M2).
func (s *modelStep) solves() bool {
	before, after := s.before.status, s.after.status
	return before != after && before != "deleted" && (after == "solved" || after == "closed" && before != "solved")
}

// replies are the public comments of agents outside the creation (M8).
func (m *model) replies(t *modelTicket) (out []modelComment) {
	for _, c := range t.comments {
		if c.public && !c.creation && m.staff[c.author] {
			out = append(out, c)
		}
	}
	return out
}

// person is who a user is after all merges.
func (m *model) person(user int64) string {
	for m.survivor[user] != 0 {
		user = m.survivor[user]
	}
	return m.account + " " + strconv.FormatInt(user, 10)
}

// modelKeys are the keys of something that a report counts, by dimension.
type modelKeys map[string][]string

func who(id int64) string {
	if id == 0 {
		return "(none)"
	}
	return strconv.FormatInt(id, 10)
}

func whoever(id *int64) string {
	if id == nil {
		return "(none)"
	}
	return who(*id)
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

func tagKeys(tags []string) []string {
	if len(tags) == 0 {
		return []string{"(none)"}
	}
	return tags
}

// keys are those of the ticket as it is (M25).
func (t *modelTicket) keys() modelKeys {
	return modelKeys{
		"assignee": {whoever(t.AssigneeID)}, "group": {whoever(t.GroupID)}, "channel": {orNone(t.Via.Channel)}, "tag": tagKeys(t.Tags),
		"brand": {whoever(t.BrandID)}, "organization": {whoever(t.OrganizationID)}, "priority": {orNone(word(t.Priority))},
		"type": {orNone(word(t.Type))}, "status": {t.Status}, "form": {whoever(t.TicketFormID)}, "agent": {"(none)"},
	}
}

// held gives the keys with other holders.
func (k modelKeys) held(assignee, group int64) modelKeys {
	k["assignee"], k["group"] = []string{who(assignee)}, []string{who(group)}
	return k
}

// then gives the keys of a ticket in an earlier state.
func (t *modelTicket) then(s modelState) modelKeys {
	return modelKeys{
		"assignee": {who(s.assignee)}, "group": {who(s.group)}, "channel": {orNone(t.Via.Channel)}, "tag": tagKeys(s.tags), "brand": {who(s.brand)},
		"organization": {who(s.organization)}, "priority": {orNone(s.priority)}, "type": {orNone(s.kind)}, "status": {orNone(s.status)},
	}
}

// modelHours answers which minutes are business hours, by looking at each minute of the account's life.
type modelHours struct {
	start time.Time
	open  []int64 // open minutes before each minute since start
}

var modelZones = map[string]string{"Eastern Time (US & Canada)": "America/New_York", "Berlin": "Europe/Berlin", "Kolkata": "Asia/Kolkata", "New Caledonia": "Pacific/Noumea"}

func newModelHours(a *zendesktest.Account) *modelHours {
	schedules := a.Schedules()
	if len(schedules) == 0 {
		return nil
	}
	zone, err := time.LoadLocation(modelZones[schedules[0].TimeZone])
	if err != nil {
		return nil
	}
	first := time.Now()
	for _, t := range a.Tickets() {
		if t.CreatedAt.Before(first) {
			first = t.CreatedAt
		}
	}
	h := &modelHours{start: first.Truncate(time.Minute)}
	n, holidays := int64(0), a.Holidays(schedules[0].ID)
	for at := h.start; at.Before(time.Now().Add(time.Hour)); at = at.Add(time.Minute) {
		h.open = append(h.open, n)
		if modelOpen(at.In(zone), schedules[0].Intervals, holidays) {
			n++
		}
	}
	return h
}

func modelOpen(local time.Time, week []zendesktest.Interval, holidays []zendesktest.Holiday) bool {
	date := local.Format(time.DateOnly)
	for _, h := range holidays {
		if h.StartDate <= date && date <= h.EndDate {
			return false
		}
	}
	minute := int(local.Weekday())*24*60 + local.Hour()*60 + local.Minute()
	for _, i := range week {
		if i.StartTime <= minute && minute < i.EndTime {
			return true
		}
	}
	return false
}

// until gives the open seconds from the start to an instant.
func (h *modelHours) until(at time.Time) int64 {
	minute := int(at.Sub(h.start) / time.Minute)
	n := h.open[minute] * 60
	if h.open[minute+1] > h.open[minute] {
		n += int64(at.Sub(h.start)/time.Second) % 60
	}
	return n
}

func (h *modelHours) between(from, to time.Time) int64 { return h.until(to) - h.until(from) }

// modelWords handles what the simulated accounts write. Compatibility forms are looked up in a list, not computed.
func modelWords(s string) []string {
	s = strings.NewReplacer("e\u0301", "é", "\ufb01", "fi", "\u00a0", " ").Replace(s)
	word := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r > 127 && !strings.ContainsRune("“”’–—…▇€£", r)
	}
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !word(r) })
}

func modelCount(words, want []string) (n int) {
	for i := 0; i+len(want) <= len(words); i++ {
		if strings.Join(words[i:i+len(want)], " ") == strings.Join(want, " ") {
			n++
		}
	}
	return n
}
