package processors

import (
	"slices"
	"strconv"
	"strings"

	"deskstream/schemas"
)

// carrier is what an activity of a ticket, contact or organization has in common with its siblings.
type carrier struct {
	account *accountWork
	source  string
	set     settings
	now     int64 // arrival of the newest event, the only clock there is
	id      func(a *sentActivity) string
	row     func(a *activity) schemas.Activity
	digest  func(w *writer, a *activity)
	frozen  func(a *sentActivity) bool // not to be withdrawn although it no longer follows
	ticket  bool                       // a ticket's: its requester's figures count them
	again   bool                       // it is told again under another retention
}

// telling is the carrier of tickets, which goes from one to the next.
type telling struct {
	carrier
	w    *ticketWork
	s    *subject
	then *dims // digested last
	hash uint64
}

func (r *run) emitActivities(w *ticketWork, s *subject, acts []activity) {
	c := r.telling
	if c == nil {
		c = r.newTelling()
		r.telling = c
	}
	c.w, c.s, c.then = w, s, nil
	c.account, c.source, c.set, c.now = w.account, w.t.source, w.account.sources.of(w.source), w.now.Unix()
	w.tellFired(acts)
	w.t.activities = replace(w.t.activities, r.settled(&c.carrier, acts, w.t.activities))
	w.dropFired()
}

func (r *run) newTelling() *telling {
	c := &telling{}
	c.ticket = true
	c.id = func(a *sentActivity) string {
		return schemas.ActivityID(c.account.name, schemas.ZID(c.w.id), a.slug.String(), a.at, a.what)
	}
	c.row = func(a *activity) schemas.Activity { return r.ticketActivity(c.w, c.s, a) }
	c.digest = func(x *writer, a *activity) {
		if a.then != c.then {
			c.then, c.hash = a.then, a.then.digest(x, c.s)
		}
		x.b = x.b[:0]
		x.hash(c.hash)
	}
	return c
}

func (d *dims) digest(x *writer, s *subject) uint64 {
	x.b = x.b[:0]
	x.str(s.via)
	x.str(s.t.source)
	x.bool(s.t.marks.textless())
	for _, v := range []string{d.status, d.priority, d.kind, d.subject} {
		x.str(v)
	}
	for _, n := range []int64{d.assignee, d.group, d.org, d.brand, d.formID} {
		x.int(n)
	}
	x.strs(d.tags)
	return hashOf(x.b)
}

// settle is settled for what is kept beside what was emitted before.
func (r *run) settle(c *carrier, acts []activity, sent []sentActivity) []sentActivity {
	return slices.Clone(r.settled(c, acts, sent))
}

// settled compares the activities that follow from what is known with those emitted: new and changed ones go out, those that no longer
// follow are withdrawn. It gives what is emitted now, good until the next call.
func (r *run) settled(c *carrier, acts []activity, sent []sentActivity) []sentActivity {
	next := room(r.ticketScratch.nextActivities, len(acts)+len(sent))
	matched, hint := r.ticketScratch.marks(len(sent)), 0
	for i := range acts {
		a := &acts[i]
		j := findActivity(sent, a, hint)
		expired := c.expires(a.slug, a.at) <= c.now
		if j < 0 {
			if !expired {
				next = append(next, sentActivity{slug: a.slug, at: a.at, what: a.what, user: a.user, via: a.via, hash: r.digest(c, a), away: c.set.Paused(unix(a.at))})
				n := &next[len(next)-1]
				r.publish(c, a, n)
				r.tally(c, n, 1)
				r.keepValue(c, a, n)
			}
			continue
		}
		matched[j], hint = true, j+1
		old := &sent[j]
		next = append(next, *old)
		n := &next[len(next)-1]
		if hash := r.digest(c, a); !expired && (hash != old.hash || old.gone) {
			n.hash, n.user, n.gone, n.n = hash, a.user, false, old.n+1
			if !old.gone {
				r.tally(c, old, -1)
				r.dropValue(c, old)
			}
			r.tally(c, n, 1)
			a.via = old.via
			r.publish(c, a, n)
		}
		if !n.gone {
			r.keepValue(c, a, n)
		}
	}
	for j := range sent {
		if !matched[j] {
			next = append(next, r.remake(c, r.withdraw(c, sent[j])))
		}
	}
	r.ticketScratch.nextActivities = next
	return next
}

// expires is the end of retention of an activity.
func (c *carrier) expires(s slug, at int64) int64 {
	return at + int64(c.set.Retention.For(s.String()))*86400
}

// withdraw takes back an activity that does not follow any more, unless its time is over anyway.
func (r *run) withdraw(c *carrier, s sentActivity) sentActivity {
	if s.gone || c.expires(s.slug, s.at) <= c.now || c.frozen != nil && c.frozen(&s) {
		return s
	}
	r.tally(c, &s, -1)
	r.dropValue(c, &s)
	s.gone = true
	s.n++
	a := activity{slug: s.slug, at: s.at, what: s.what, user: s.user, via: s.via}
	row := schemas.Activity{TicketID: c.row(&a).TicketID, Attributes: "{}", IsDeleted: 1}
	r.send(c, &a, &s, &row)
	return s
}

// remake puts an activity that stays although it follows no longer out again where it may have been dropped: without what it said, which is forgotten.
func (r *run) remake(c *carrier, s sentActivity) sentActivity {
	if !c.again || s.gone || c.expires(s.slug, s.at) <= c.now || c.set.remade(s.slug.String(), s.at) == 0 {
		return s
	}
	a := activity{slug: s.slug, at: s.at, what: s.what, user: s.user, via: s.via}
	if hash := r.digest(c, &a); hash != s.hash {
		s.hash = hash
		s.n++
		r.publish(c, &a, &s)
	}
	return s
}

func findActivity(list []sentActivity, a *activity, hint int) int {
	same := func(o *sentActivity) bool { return o.slug == a.slug && o.at == a.at && o.what == a.what }
	if hint < len(list) && same(&list[hint]) {
		return hint
	}
	for i := range list {
		if same(&list[i]) {
			return i
		}
	}
	return -1
}

// tally keeps the counters in step with the set of emitted activities.
func (r *run) tally(c *carrier, s *sentActivity, delta int64) {
	r.count(c.account, c.source, s, delta)
	if c.ticket {
		r.personActivity(c.account, s.user, s.slug, s.at, delta)
	}
}

// digest identifies the content of an activity without building its row.
func (r *run) digest(c *carrier, a *activity) uint64 {
	x := &r.scratch
	c.digest(x, a)
	x.int(c.expires(a.slug, a.at))
	if n := c.set.remade(a.slug.String(), a.at); n != 0 {
		x.int(n)
	}
	x.int(a.actor)
	x.int(a.user)
	x.str(a.prior)
	if a.text != nil {
		x.hash(a.text.hash)
	}
	t := &a.attrs
	for _, n := range []int64{t.previousID, t.reopens, t.minutes, t.message, t.author, t.into, t.reasonID, t.rating} {
		x.int(n)
	}
	for _, v := range []string{t.previous, t.role, t.score, t.prior, t.comment, t.reason} {
		x.str(v)
	}
	x.strs(t.list)
	if c := t.change; c != nil {
		for _, v := range []string{c.label, c.before, c.after} {
			x.str(v)
		}
	}
	return hashOf(x.b)
}

func (r *run) publish(c *carrier, a *activity, s *sentActivity) {
	row := c.row(a)
	r.send(c, a, s, &row)
}

// send completes a row and puts it out. A row that goes out again has a message id of its own.
func (r *run) send(c *carrier, a *activity, s *sentActivity, row *schemas.Activity) {
	id := c.id(s)
	row.Account, row.Activity, row.OccurredAt, row.ActivityID, row.SourceID = c.account.name, a.slug.String(), unix(a.at), id, c.source
	row.UserID, row.ActorID, row.Via = a.user, a.actor, viaNames[a.via]
	row.ExpiresAt = unix(c.expires(a.slug, a.at))
	if a.user > 0 {
		row.PersonID = schemas.OwnPersonID(c.account.name, schemas.ZID(a.user))
	}
	if s.n > 0 {
		id += "#" + strconv.Itoa(int(s.n))
	}
	size := 700 + len(row.Message) + len(row.Subject) + len(row.Text) + len(row.Attributes)
	r.result.Outputs = append(r.result.Outputs, schemas.Output{
		Table: schemas.TableActivities, Subject: schemas.SubjectActivity(c.account.name, row.Activity), ID: id, Data: r.hold(appendActivity(r.room(size), row)),
	})
}

func (r *run) ticketActivity(w *ticketWork, s *subject, a *activity) schemas.Activity {
	row := schemas.Activity{TicketID: w.id, PreviousStatus: a.prior}
	if a.then == nil { // a withdrawal
		return row
	}
	d := a.then
	row.OrganizationID, row.AssigneeID, row.GroupID, row.BrandID, row.Channel = d.org, d.assignee, d.group, d.brand, s.via
	row.FormID, row.Priority, row.Type, row.Status, row.Subject, row.Tags = d.formID, d.priority, d.kind, d.status, d.subject, d.tags
	if w.t.marks.textless() {
		row.Subject = ""
	}
	if a.slug == ticketAssigned { // one audit may assign more than once
		row.AssigneeID = idOf([]byte(strings.SplitN(a.what, "#", 2)[0]))
	}
	if a.text != nil {
		row.Message = r.textOf(w, a.text)
	}
	row.Attributes = a.attributes()
	row.Text = a.sentence(w.id, row.Subject)
	return row
}

// attributes writes what is special to the activity as a JSON object, by the names that readers know.
func (a *activity) attributes() string {
	o := newObject(make([]byte, 0, 128))
	t := &a.attrs
	if a.prior != "" {
		o.str("previous-status", a.prior)
	}
	if t.resolved {
		o.int("resolution-minutes", t.minutes)
		o.int("reopens", t.reopens)
	}
	a.previousAttributes(o)
	if len(t.list) > 0 {
		o.strs(listName(a.slug), t.list)
	}
	if a.slug == ticketTagged || a.slug == ticketUntagged {
		o.str("tagged-by", strconv.FormatInt(a.actor, 10))
	}
	for _, id := range []struct {
		name string
		id   int64
	}{{"message-id", t.message}, {"author-id", t.author}, {intoName(a.slug), t.into}, {"rating-id", t.rating}, {"reason-id", t.reasonID}} {
		if id.id != 0 {
			o.str(id.name, strconv.FormatInt(id.id, 10)) // ids are text, as templates print them as they are
		}
	}
	for _, v := range [][2]string{{"author-role", t.role}, {"score", t.score}, {"previous-score", t.prior}, {"comment", t.comment}, {"reason", t.reason}} {
		if v[1] != "" {
			o.str(v[0], v[1])
		}
	}
	if t.change != nil {
		t.change.attributes(o)
	}
	return string(o.end())
}

func (a *activity) previousAttributes(o *object) {
	switch a.slug {
	case ticketAssigned:
		if a.attrs.previousID != 0 {
			o.str("previous-assignee-id", strconv.FormatInt(a.attrs.previousID, 10))
		}
	case ticketGroupChanged:
		if a.attrs.previousID != 0 {
			o.str("previous-group-id", strconv.FormatInt(a.attrs.previousID, 10))
		}
	case ticketPriorityChanged:
		o.str("previous-priority", a.attrs.previous)
	case ticketSubjectChanged:
		o.str("previous-subject", a.attrs.previous)
	default:
	}
}

func listName(s slug) string {
	switch s {
	case ticketTagged:
		return "tags-added"
	case ticketUntagged:
		return "tags-removed"
	default:
		return "changed-fields"
	}
}

func intoName(s slug) string {
	if s == contactMerged {
		return "into-user-id"
	}
	return "into-ticket-id"
}

// verbs are the sentences of the feed.
var verbs = map[slug]string{
	ticketCreated: "created", ticketUpdated: "updated", ticketSolved: "solved", ticketClosed: "closed", ticketReopened: "reopened",
	ticketTagged: "tagged", ticketUntagged: "untagged", ticketMessageReceived: "received a message", ticketMessageSent: "was answered",
	ticketNoteAdded: "got a note", ticketMessageRedacted: "had a message redacted", ticketMerged: "merged", ticketDeleted: "deleted",
	ticketRestored: "restored", ticketMarkedAsSpam: "marked as spam", satisfactionRequested: "asked for satisfaction",
	ticketSubjectChanged: "got another subject",
}

// sentence is one line for a feed.
func (a *activity) sentence(id int64, subject string) string {
	what := verbs[a.slug]
	switch a.slug {
	case ticketStatusChanged:
		what = "is " + a.then.status
	case ticketAssigned:
		what = "assigned to " + strconv.FormatInt(a.then.assignee, 10)
	case ticketGroupChanged:
		what = "moved to group " + strconv.FormatInt(a.then.group, 10)
	case ticketPriorityChanged:
		what = "has priority " + a.then.priority
	case satisfactionReceived:
		what = "rated " + a.attrs.score
	default:
	}
	line := "Ticket #" + strconv.FormatInt(id, 10) + " " + what
	if subject != "" {
		line += ": " + cut(subject, 200)
	}
	return line
}
