package processors

import (
	"sort"
	"strconv"
	"strings"
)

// activity is an activity before it becomes a row: what it says, not yet how.
type activity struct {
	slug  slug
	at    int64
	what  string // new value or comment id: with slug and second the identity of the fact
	actor int64
	then  *dims // values after it
	user  int64 // whom it belongs to
	prior string
	text  *message // the comment it carries
	via   byte
	attrs attributes
}

// attributes are what is special to an activity; zero values are left out of the row.
type attributes struct {
	previousID   int64
	previous     string // previous value as text
	list         []string
	reopens      int64
	minutes      int64
	resolved     bool // minutes and reopens are meant
	message      int64
	author       int64
	role         string
	into         int64
	score, prior string
	comment      string
	reason       string
	reasonID     int64
	rating       int64
	change       *fieldChange
}

// How an activity was first learned.
const (
	viaPoll byte = iota
	viaWebhook
)

var viaNames = [...]string{"poll", "webhook"}

// activities derives what happened to a ticket from its history. It is pure.
func (s *subject) activities(messages []message) []activity {
	l := &activityLog{subject: s, messages: messages, out: s.scratch.acts[:0]}
	l.created()
	for i := range s.h.moments {
		l.moment(&s.h.moments[i])
	}
	l.marks()
	l.ratings()
	l.number()
	s.scratch.acts = l.out
	return l.out
}

type activityLog struct {
	*subject
	messages []message
	next     int // message not yet told
	reopens  int64
	out      []activity
}

func (l *activityLog) add(m *moment, s slug, what string) *activity {
	l.out = append(l.out, activity{slug: s, at: m.at, what: what, actor: m.author, then: m.after, user: m.after.requester, via: viaOf(m.hint)})
	return &l.out[len(l.out)-1]
}

// numeral gives the decimal form of what the next activity is told by.
func (l *activityLog) numeral(n int64) string { return numeral(n, knownActivity(l.t, len(l.out))) }

func viaOf(hint bool) byte {
	if hint {
		return viaWebhook
	}
	return viaPoll
}

// created follows from the record alone, so that it is there before the first audit is.
func (l *activityLog) created() {
	then, actor := &l.h.first, l.base.submitter
	if actor == 0 {
		actor = then.requester
	}
	l.out = append(l.out, activity{
		slug: ticketCreated, at: l.base.created, actor: actor, then: then, user: then.requester, via: viaOf(l.t.rec == nil),
	})
}

func (l *activityLog) moment(m *moment) {
	if m.creation {
		l.born(m)
	}
	var others []string
	statusChanged := false
	for i := range m.changes {
		if m.changes[i].field == fieldStatus {
			statusChanged = true
		}
	}
	for i := range m.changes {
		if name := l.change(m, &m.changes[i], statusChanged); name != "" {
			others = append(others, name)
		}
	}
	l.tags(m)
	for i := range m.comments {
		l.comment(m, m.comments[i].id)
	}
	for _, id := range m.redactions {
		l.add(m, ticketMessageRedacted, l.numeral(id)).attrs.message = id
	}
	if l.spoke(m) {
		others = append(others, "comment")
	}
	if len(others) > 0 {
		l.updated(m, others)
	}
}

// born tells what the ticket was created with besides its creation.
func (l *activityLog) born(m *moment) {
	if a := l.h.first.assignee; a != 0 {
		l.add(m, ticketAssigned, l.numeral(a))
	}
	if l.h.first.status == "solved" {
		l.solved(m, "")
	}
	if l.h.first.status == "closed" {
		l.resolution(l.add(m, ticketClosed, ""), "")
	}
}

// change tells one change, or names the field for the "ticket updated" of the moment.
func (l *activityLog) change(m *moment, c *change, statusChanged bool) string {
	switch c.field {
	case fieldStatus:
		l.status(m, c.old, c.new)
	case fieldAssignee:
		if c.newID == 0 {
			return "assignee-id"
		}
		l.add(m, ticketAssigned, l.numeral(c.newID)).attrs.previousID = c.oldID
	case fieldGroup:
		l.add(m, ticketGroupChanged, l.numeral(c.newID)).attrs.previousID = c.oldID
	case fieldPriority:
		l.add(m, ticketPriorityChanged, c.new).attrs.previous = c.old
	case fieldSubject:
		if a := l.add(m, ticketSubjectChanged, ""); !l.t.marks.textless() {
			a.attrs.previous = c.old
		}
	case fieldTags: // see tags
	case fieldType:
		return "type"
	case fieldRequester:
		return "requester-id"
	case fieldOrganization:
		return "organization-id"
	case fieldBrand:
		return "brand-id"
	case fieldForm:
		return "form-id"
	case fieldOther:
		return otherField(c.name, statusChanged)
	}
	return ""
}

// otherField names a changed field that has no activity of its own; "" for those that another activity tells.
func otherField(name string, statusChanged bool) string {
	switch {
	case name == "satisfaction_score" || name == "custom_status_id" && statusChanged:
		return ""
	case name != "" && strings.Trim(name, "0123456789") == "":
		return "custom-fields." + name
	}
	return strings.ReplaceAll(name, "_", "-")
}

func (l *activityLog) status(m *moment, before, after string) {
	switch {
	case after == "deleted":
		l.add(m, ticketDeleted, "").prior = before
		return
	case before == "deleted":
		l.add(m, ticketRestored, "").prior = before
		return
	}
	l.add(m, ticketStatusChanged, after).prior = before
	if after == "solved" || after == "closed" && unsolved(before) {
		l.solved(m, before)
	}
	if after == "closed" {
		l.resolution(l.add(m, ticketClosed, ""), before)
	}
	if before == "solved" && unsolved(after) {
		l.reopens++
		l.resolution(l.add(m, ticketReopened, ""), before)
	}
}

func (l *activityLog) solved(m *moment, before string) {
	l.resolution(l.add(m, ticketSolved, ""), before)
}

func (l *activityLog) resolution(a *activity, before string) {
	a.prior = before
	a.attrs.resolved, a.attrs.minutes, a.attrs.reopens = true, (a.at-l.base.created)/60, l.reopens
}

// tags tells the difference the moment made, however many changes it was made of.
func (l *activityLog) tags(m *moment) {
	if sameTags(m.before.tags, m.after.tags) || m.creation && len(m.changes) == 0 {
		return
	}
	added, removed := without(m.after.tags, m.before.tags), without(m.before.tags, m.after.tags)
	if len(added) > 0 {
		l.add(m, ticketTagged, strings.Join(added, " ")).attrs.list = added
	}
	if len(removed) > 0 {
		l.add(m, ticketUntagged, strings.Join(removed, " ")).attrs.list = removed
	}
}

// without gives the tags of a that b lacks, sorted.
func without(a, b []string) []string {
	var out []string
	for _, t := range a {
		if !hasTag(b, t) {
			out = append(out, t)
		}
	}
	sort.Strings(out)
	return out
}

// comment tells the next message. One by an unknown author waits until the author is known; one by the system is an update.
func (l *activityLog) comment(m *moment, id int64) {
	if l.next >= len(l.messages) || l.messages[l.next].id != id || l.messages[l.next].at != m.at {
		return // told before
	}
	x := &l.messages[l.next]
	l.next++
	kind := ticketNoteAdded
	switch {
	case !x.public:
	case x.who == roleEndUser:
		kind = ticketMessageReceived
	case x.who == roleAgent:
		kind = ticketMessageSent
	default:
		return
	}
	a := l.add(m, kind, l.numeral(x.id))
	a.text, a.attrs.message, a.attrs.author, a.attrs.role = x, x.id, x.author, x.who.String()
}

// spoke tells whether the system wrote something public in the moment.
func (l *activityLog) spoke(m *moment) bool {
	for _, c := range m.comments {
		if c.public && c.author <= 0 {
			return true
		}
	}
	return false
}

// updated names the changed fields that have no activity of their own, one activity for all of one second.
func (l *activityLog) updated(m *moment, names []string) {
	for i := len(l.out) - 1; i >= 0 && l.out[i].at == m.at; i-- {
		if a := &l.out[i]; a.slug == ticketUpdated {
			a.attrs.list = distinct(append(a.attrs.list, names...))
			return
		}
	}
	l.add(m, ticketUpdated, "").attrs.list = distinct(names)
}

func distinct(list []string) []string {
	sort.Strings(list)
	out := list[:0]
	for i, s := range list {
		if i == 0 || s != list[i-1] {
			out = append(out, s)
		}
	}
	return out
}

// marks tells what only webhooks or the record say.
func (l *activityLog) marks() {
	if l.merged != 0 {
		a := l.about(ticketMerged, l.merged)
		a.attrs.into = l.t.marks.into
		if l.merged == l.t.marks.merged {
			a.via = viaWebhook
		}
	}
	if l.t.marks.spam != 0 {
		l.about(ticketMarkedAsSpam, l.t.marks.spam).via = viaWebhook
	}
}

// about adds an activity at any time, with the values and the author of the last moment up to then.
func (l *activityLog) about(s slug, at int64) *activity {
	m := &moment{step: &step{at: at}, after: &l.h.first}
	for i := range l.h.moments {
		if l.h.moments[i].at > at {
			break
		}
		m.after = l.h.moments[i].after
		if l.h.moments[i].at == at {
			m.step, m.hint = l.h.moments[i].step, l.h.moments[i].hint
		}
	}
	return l.add(m, s, "")
}

// ratings tells satisfaction asked for and given, from the rating records only: audits and webhooks tell the same and would double them.
func (l *activityLog) ratings() {
	for i := range l.t.ratings {
		r := &l.t.ratings[i]
		prior := ""
		for _, f := range r.forms {
			l.rated(r, f, prior)
			prior = f.score
		}
	}
}

func (l *activityLog) rated(r *rating, f ratingForm, prior string) {
	kind := satisfactionReceived
	switch f.score {
	case "offered":
		kind = satisfactionRequested
	case "good", "bad":
	default:
		return
	}
	a := l.about(kind, f.at)
	a.what = strconv.FormatInt(r.id, 10) + " " + f.score
	a.user, a.via = r.requester, viaPoll
	if a.user == 0 {
		a.user = a.then.requester
	}
	a.actor = a.user
	if kind == satisfactionRequested {
		a.actor = -1
	}
	a.attrs.rating, a.attrs.score, a.attrs.prior = r.id, f.score, prior
	if f.score == r.score { // comment and reason belong to the newest form
		a.attrs.comment, a.attrs.reason, a.attrs.reasonID = r.comment, r.reason, r.reasonID
	}
}

// number keeps apart activities that are the same in slug, second and value.
func (l *activityLog) number() {
	for i := range l.out {
		a, n := &l.out[i], 1
		for j := i - 1; j >= 0 && j > i-64; j-- {
			b := &l.out[j]
			if b.slug == a.slug && b.at == a.at && (b.what == a.what || strings.HasPrefix(b.what, a.what+"#")) {
				n++
			}
		}
		if n > 1 {
			a.what += "#" + strconv.Itoa(n)
		}
	}
}
