package processors

import (
	"strconv"
	"strings"
	"time"

	"deskstream/schemas"
)

// role is who a user is to metrics: agents and admins are agents; the system, bots and unknown users are neither agents nor end users.
type role byte

const (
	roleUnknown role = iota // a user we have not seen: neither agent nor end user until it arrives
	roleSystem              // author <= 0: automations, bots
	roleEndUser
	roleAgent
)

func (r role) String() string { return [...]string{"unknown", "system", "end_user", "agent"}[r] }

// subject is all that the figures of a ticket follow from.
type subject struct {
	account string
	id      int64
	t       *ticket
	h       *history
	base    *record
	now     dims // current values
	roles   func(user, at int64) role
	cal     *calendar
	merged  int64   // when it was absorbed by another ticket, 0 = not
	via     string  // channel
	hidden  []int64 // comments made private later: private from the beginning
	scratch *ticketScratch
}

// subject brings together what is known of a ticket; nil for an orphan. It is good until the next one is made.
func (r *run) subject(a *accountWork, id int64, t *ticket) *subject {
	base := t.base()
	if base == nil {
		return nil
	}
	h := r.ticketScratch.past(t)
	s := &subject{account: a.name, id: id, t: t, h: h, base: base, now: h.current(base), roles: r.rolesOf(a), cal: r.cal(a), scratch: &r.ticketScratch}
	s.merged, s.via, s.hidden = s.mergedAt(), s.channel(), hiddenComments(h)
	return s
}

// rolesOf gives the roles of an account's users; author 0 and below is the system.
func (r *run) rolesOf(a *accountWork) func(user, at int64) role {
	if a.roles != nil {
		return a.roles
	}
	a.authors = map[int64]*user{}
	a.roles = func(id, at int64) role {
		if id <= 0 {
			return roleSystem
		}
		u, ok := a.authors[id]
		if !ok {
			u = r.author(a, id)
			a.authors[id] = u
		}
		return u.roleAt(at)
	}
	return a.roles
}

// author opens a user for reading. It makes none of a user that is not known, as userOf does: many tickets come before their people.
func (r *run) author(a *accountWork, id int64) *user {
	if w := a.users[id]; w != nil {
		return w.u
	}
	key := userKey(a.prefix, id)
	if row := r.state[key]; row != nil && row.Value == nil && len(row.Data) == 0 && row.Sum == 0 {
		return &unknownUser
	}
	return r.known(a, id, key).u
}

// unknownUser is a user of whom nothing is known. It is not to be changed.
var unknownUser user

// factSheet is a ticket's row and its dated events.
type factSheet struct {
	row    schemas.TicketRow
	events []schemas.TicketEvent
}

// facts computes a ticket's row and events from its history: all figures of a single ticket. It is pure.
func facts(s *subject) *factSheet {
	d := s.scratch
	f := &fold{subject: s, sheet: &d.sheet, assignees: d.assignees[:0], agents: d.agents[:0], solves: d.solves[:0]}
	defer func() { d.assignees, d.agents, d.solves = f.assignees, f.agents, f.solves }()
	d.times, d.numbers = room(d.times, rowTimes), room(d.numbers, rowNumbers)
	f.sheet.row = s.currentRow()
	f.sheet.events = room(f.sheet.events, 2*len(s.h.moments)+4)
	f.begin()
	for i := range s.h.moments {
		f.moment(&s.h.moments[i])
	}
	f.finish()
	return f.sheet
}

// rowTimes and rowNumbers are how many times and numbers that may be missing a ticket's row has, and some numbers of its events.
const rowTimes, rowNumbers = 8, 48

func unix(at int64) time.Time {
	return time.Unix(min(max(at, 0), 4294967295), 0).UTC()
}

func ptr(at int64) *time.Time { t := unix(at); return &t }

func number(n int64) *int64 { return &n }

func flag(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// currentRow fills in what is not counted: current values.
func (s *subject) currentRow() schemas.TicketRow {
	base, d := s.base, &s.now
	deleted := d.status == "deleted"
	updated := base.updated
	if n := len(s.h.moments); n > 0 {
		updated = max(updated, s.h.moments[n-1].at)
	}
	subject := d.subject
	if s.t.marks.textless() {
		subject = ""
	}
	return schemas.TicketRow{
		Account: s.account, TicketID: s.id, SourceID: s.t.source, CreatedAt: unix(base.created), UpdatedAt: unix(updated),
		Subject: subject, Description: s.description(), Status: d.status, StatusSince: unix(s.statusSince()), Priority: d.priority,
		Type: d.kind, Channel: s.via, Tags: d.tags, RequesterID: d.requester, SubmitterID: base.submitter, AssigneeID: d.assignee,
		GroupID: d.group, BrandID: d.brand, OrganizationID: d.org, FormID: d.formID, ExternalID: base.external, URL: base.url,
		CustomFields: base.custom, CustomStatusID: base.customStatus, IsPublic: flag(!base.private), DueAt: s.due(),
		Details: base.details, Deleted: flag(deleted), Merged: flag(s.merged != 0), MergedInto: s.t.marks.into,
		HistoryFull: flag(s.h.full), Provisional: flag(s.h.provisional), NextReplyS: []int64{},
		NewBizS: s.none(updated), OpenBizS: s.none(updated), PendingBizS: s.none(updated), HoldBizS: s.none(updated),
	}
}

// none gives no business seconds, where there were business hours when the ticket changed last.
func (s *subject) none(updated int64) *int64 {
	if !s.cal.known(updated) {
		return nil
	}
	return s.scratch.number(0)
}

// due says when a task is due, nil where nothing is.
func (s *subject) due() *time.Time {
	if s.base.due == 0 {
		return nil
	}
	return s.scratch.time(s.base.due)
}

// statusSince gives the last moment at which the status became what it is; the record's time where history does not tell.
func (s *subject) statusSince() int64 {
	since, status := s.h.begin, s.h.first.status
	for i := range s.h.moments {
		m := &s.h.moments[i]
		if m.after.status != status {
			status, since = m.after.status, m.at
		}
	}
	if status != s.now.status {
		return s.base.updated
	}
	return since
}

// channel is the ticket's own, else that of its creation.
func (s *subject) channel() string {
	if s.base.channel != "" {
		return s.base.channel
	}
	for i := range s.h.moments {
		if s.h.moments[i].creation {
			return s.h.moments[i].channel
		}
	}
	return ""
}

// mergedAt says when the ticket was absorbed by another, 0 if it was not: by the tag Zendesk gives, an audit in which a merge closed
// it (the ticket that absorbs gets an audit of the same origin, but stays open), or a webhook.
func (s *subject) mergedAt() int64 {
	for i := range s.h.moments {
		m := &s.h.moments[i]
		if m.merge && m.after.status == "closed" || hasTag(m.after.tags, mergeTag) && !hasTag(m.before.tags, mergeTag) {
			return m.at
		}
	}
	if s.t.marks.merged != 0 {
		return s.t.marks.merged
	}
	if hasTag(s.now.tags, mergeTag) {
		return s.base.updated
	}
	return 0
}

// mergeTag is the tag that absorbed tickets carry by convention.
const mergeTag = "closed_by_merge"

func hasTag(tags []string, tag string) bool {
	for _, t := range tags {
		if strings.EqualFold(t, tag) {
			return true
		}
	}
	return false
}

// hiddenComments are those made private later; they count as private from the beginning.
func hiddenComments(h *history) []int64 {
	var hidden []int64
	for i := range h.moments {
		hidden = union(hidden, h.moments[i].hidden)
	}
	return hidden
}

func unsolved(status string) bool {
	switch status {
	case "new", "open", "pending", "hold":
		return true
	}
	return false
}

func done(status string) bool { return status == "solved" || status == "closed" }

// fold carries what facts has counted so far.
type fold struct {
	*subject
	sheet *factSheet

	spellAt    int64 // begin of the running spell of status, assignee, group and priority
	spell      dims
	statusAt   int64 // begin of the running spell of status alone
	statusFrom int   // its first event
	assignees  []int64
	agents     []int64
	solves     []int // indexes of solve events
	public     bool  // there was a public comment, and
	lastAgent  bool  // the last one was an agent's
	pending    int   // index of the next-reply event that waits for its answer, -1 = none
}

func (f *fold) begin() {
	f.pending = -1
	created := f.event(schemas.EventCreate, f.base.created, "create", &f.h.first)
	created.ActorID = f.base.submitter
	f.sheet.events = append(f.sheet.events, created)
	f.spellAt, f.statusAt, f.spell = f.h.begin, f.h.begin, f.h.first
	if f.full() {
		f.spell.status = "" // begins with the creation itself
	}
}

// full tells whether a creation, audited or provisional, is among the moments.
func (f *fold) full() bool {
	for i := range f.h.moments {
		if f.h.moments[i].creation {
			return true
		}
	}
	return false
}

// event makes a row with the ticket's current values and the assignee and group in force then.
func (s *subject) event(kind string, at int64, id string, then *dims) schemas.TicketEvent {
	d := &s.now
	e := schemas.TicketEvent{
		Account: s.account, Kind: kind, At: unix(at), TicketID: s.id, EventID: id, Until: unix(at), Priority: d.priority,
		Channel: s.via, Type: d.kind, Tags: d.tags, BrandID: d.brand, OrganizationID: d.org, FormID: d.formID,
		RequesterID: d.requester, Deleted: flag(d.status == "deleted"), Merged: flag(s.merged != 0),
	}
	if then != nil {
		e.AssigneeID, e.GroupID, e.Status = then.assignee, then.group, then.status
	}
	return e
}

func (f *fold) add(m *moment, kind, id string) *schemas.TicketEvent {
	e := f.event(kind, m.at, f.unique(kind, m.at, id), m.after)
	e.ActorID = m.author
	f.sheet.events = append(f.sheet.events, e)
	return &f.sheet.events[len(f.sheet.events)-1]
}

// unique keeps two events of one kind and second apart, should they be about the same thing.
func (f *fold) unique(kind string, at int64, id string) string {
	n := 1
	for i := len(f.sheet.events) - 1; i >= 0; i-- {
		e := &f.sheet.events[i]
		if e.Kind != schemas.EventState && e.At.Unix() < at { // they stand in order of time, but for spells, which are told at their end
			break
		}
		if e.Kind == kind && e.At.Unix() == at && (e.EventID == id || strings.HasPrefix(e.EventID, id+"#")) {
			n++
		}
	}
	if n == 1 {
		return id
	}
	return id + "#" + strconv.Itoa(n)
}

func (f *fold) moment(m *moment) {
	if m.creation {
		f.born(m)
	}
	for i := range m.changes {
		f.change(m, &m.changes[i])
	}
	f.spells(m)
	if len(m.comments) > 0 {
		f.sheet.row.LatestCommentAt = f.scratch.time(m.at)
	}
	for i := range m.comments {
		f.comment(m, &m.comments[i])
	}
}

// born counts what the ticket was created with: a first assignee and group, and a solve where it was created as solved.
func (f *fold) born(m *moment) {
	first := &f.h.first
	if first.assignee != 0 {
		f.assigned(m, 0, first.assignee)
	}
	if first.group != 0 {
		f.grouped(m, 0, first.group)
	}
	switch first.status {
	case "solved":
		f.solved(m)
	case "closed":
		f.closed(m)
	}
	f.spell = *first
	f.spellAt, f.statusAt, f.statusFrom = m.at, m.at, len(f.sheet.events)
}

func (f *fold) change(m *moment, c *change) {
	switch c.field {
	case fieldAssignee:
		f.assigned(m, c.oldID, c.newID)
	case fieldGroup:
		f.grouped(m, c.oldID, c.newID)
	case fieldStatus:
		f.status(m, c.old, c.new)
	case fieldPriority, fieldType, fieldSubject, fieldTags, fieldRequester, fieldOrganization, fieldBrand, fieldForm, fieldOther:
	}
}

// status counts solves, closures and reopens. A restore (deleted to anything) is none of them.
func (f *fold) status(m *moment, before, after string) {
	if after == "solved" && before != "deleted" || after == "closed" && unsolved(before) {
		f.solved(m)
	}
	if after == "closed" && before != "deleted" {
		f.closed(m)
	}
	if before == "solved" && unsolved(after) {
		f.sheet.row.Reopens++
		f.add(m, schemas.EventReopen, "reopen")
	}
}

func (f *fold) solved(m *moment) {
	f.sheet.row.Solves++
	e := f.add(m, schemas.EventSolve, "solve")
	e.BusinessS = f.cal.seconds(f.base.created, e.At.Unix(), e.At.Unix())
	f.solves = append(f.solves, len(f.sheet.events)-1)
}

func (f *fold) closed(m *moment) {
	if f.sheet.row.ClosedAt == nil {
		f.sheet.row.ClosedAt = f.scratch.time(m.at)
	}
	f.add(m, schemas.EventClose, "close")
}

func (f *fold) assigned(m *moment, before, after int64) {
	if after == 0 {
		return
	}
	row := &f.sheet.row
	row.AssigneeStations++
	if !contains(f.assignees, after) {
		f.assignees = append(f.assignees, after)
	}
	if before != 0 && before != after {
		row.Reassignments++
	}
	row.LastAssignedAt, row.LastAssigneeID = f.scratch.time(m.at), after
	if row.FirstAssignedAt == nil {
		row.FirstAssigneeID = after
		row.FirstAssignedAt, row.FirstAssignedS = f.scratch.time(m.at), f.scratch.number(m.at-f.base.created)
		row.FirstAssignedBizS = f.cal.seconds(f.base.created, m.at, m.at)
	}
	e := f.add(m, schemas.EventAssign, numeral(after, knownEvent(f.t, len(f.sheet.events))))
	e.AssigneeID, e.PreviousID = after, before
}

func (f *fold) grouped(m *moment, before, after int64) {
	if after == 0 {
		return
	}
	f.sheet.row.GroupStations++
	e := f.add(m, schemas.EventGroup, numeral(after, knownEvent(f.t, len(f.sheet.events))))
	e.GroupID, e.PreviousID = after, before
}

// spells closes running spells where the values that cut them changed. Spells of no length are dropped, but for those with which a status ended:
// it did, however short it was.
func (f *fold) spells(m *moment) {
	a := m.after
	if a.status == f.spell.status && a.assignee == f.spell.assignee && a.group == f.spell.group && a.priority == f.spell.priority {
		return
	}
	changed := a.status != f.spell.status
	if changed {
		f.wait(m.at)
	}
	if changed || m.at > f.spellAt {
		f.endSpell(m.at)
	}
	if changed {
		f.measure(m.at)
		f.statusAt, f.statusFrom = m.at, len(f.sheet.events)
	}
	f.spell, f.spellAt = *a, m.at
}

// wait adds an ended spell of status to the time spent in each of them, of which waits are made. Time spent deleted counts toward nothing.
func (f *fold) wait(end int64) {
	row, n := &f.sheet.row, max(0, end-f.statusAt)
	switch f.spell.status {
	case "new":
		row.NewS, row.NewBizS = row.NewS+n, f.longer(row.NewBizS, end)
	case "open":
		row.OpenS, row.OpenBizS = row.OpenS+n, f.longer(row.OpenBizS, end)
	case "pending":
		row.PendingS, row.PendingBizS = row.PendingS+n, f.longer(row.PendingBizS, end)
	case "hold":
		row.HoldS, row.HoldBizS = row.HoldS+n, f.longer(row.HoldBizS, end)
	case "", "deleted":
		return
	}
	row.StatusChanges++
}

// longer adds the business seconds of an ended spell of status to a sum, by the schedule in force at its end. Without one the sum is not known.
func (f *fold) longer(sum *int64, end int64) *int64 {
	n := f.cal.seconds(f.statusAt, end, end)
	if sum == nil || n == nil {
		return nil
	}
	return f.scratch.number(*sum + *n)
}

// measure gives the spells of a status that ended their business seconds: it may be cut into several, but one schedule counts for it.
func (f *fold) measure(end int64) {
	for i := f.statusFrom; i < len(f.sheet.events); i++ {
		if e := &f.sheet.events[i]; e.Kind == schemas.EventState {
			e.BusinessS = f.cal.seconds(e.At.Unix(), e.Until.Unix(), end)
		}
	}
}

func (f *fold) endSpell(end int64) {
	if f.spell.status == "" {
		return
	}
	e := f.event(schemas.EventState, f.spellAt, f.unique(schemas.EventState, f.spellAt, "state"), &f.spell)
	e.Until, e.Priority = unix(max(f.spellAt, end)), f.spell.priority
	f.sheet.events = append(f.sheet.events, e)
}

func (f *fold) comment(m *moment, c *comment) {
	who := f.roles(c.author, m.at)
	if who == roleAgent && !contains(f.agents, c.author) {
		f.agents = append(f.agents, c.author)
	}
	if !c.public || contains(f.hidden, c.id) {
		return
	}
	if who == roleAgent {
		f.reply(m, c)
	}
	if who == roleEndUser && f.public && f.lastAgent {
		f.add(m, schemas.EventNext, numeral(c.id, knownEvent(f.t, len(f.sheet.events)))).ActorID = 0
		f.pending = len(f.sheet.events) - 1
	}
	f.public, f.lastAgent = true, who == roleAgent
}

// reply counts a public agent comment: the first one outside the creation is the first reply, all of them replies; one that
// answers a customer who waits is a next reply too.
func (f *fold) reply(m *moment, c *comment) {
	row := &f.sheet.row
	row.PublicAgent++
	if f.pending >= 0 {
		e := &f.sheet.events[f.pending]
		n := m.at - e.At.Unix()
		e.Seconds, e.ActorID = f.scratch.number(n), c.author
		e.BusinessS = f.cal.seconds(e.At.Unix(), m.at, m.at)
		row.NextReplyS = append(row.NextReplyS, n)
		f.pending = -1
	}
	if m.creation {
		return
	}
	row.Replies++
	f.add(m, schemas.EventReply, numeral(c.id, knownEvent(f.t, len(f.sheet.events)))).ActorID = c.author
	if row.FirstReplyAt != nil {
		return
	}
	row.FirstReplyAt, row.FirstReplyS = f.scratch.time(m.at), f.scratch.number(m.at-f.base.created)
	row.FirstReplyBizS = f.cal.seconds(f.base.created, m.at, m.at)
}

func (f *fold) finish() {
	row := &f.sheet.row
	if len(f.h.moments) > 0 {
		f.endSpell(schemas.FarFuture.Unix())
	}
	row.UniqueAssignees, row.Handoffs = int64(len(f.assignees)), int64(len(f.agents))
	row.NextReplyPending = flag(f.pending >= 0)
	f.resolutions()
	f.rate()
}

// resolutions fills in the times of resolution: to the first solve, kept after a reopen, and the last one, only while solved or closed.
func (f *fold) resolutions() {
	if len(f.solves) == 0 {
		return
	}
	row, events, created := &f.sheet.row, f.sheet.events, f.base.created
	first, last := &events[f.solves[0]], &events[f.solves[len(f.solves)-1]]
	last.Last = 1
	row.FirstSolvedAt, row.LastSolvedAt = f.scratch.time(first.At.Unix()), f.scratch.time(last.At.Unix())
	row.FirstResolutionS, row.FirstResolutionBiz = f.scratch.number(first.At.Unix()-created), first.BusinessS
	if done(row.Status) {
		row.FullResolutionS, row.FullResolutionBizS = f.scratch.number(last.At.Unix()-created), last.BusinessS
	}
}
