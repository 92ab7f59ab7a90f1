package processors

import (
	"slices"
	"strconv"
	"strings"

	"deskstream/schemas"
)

// erasedUsers are the tombstones of an account: users of whom nothing personal may be kept, in ascending order.
type erasedUsers struct{ ids []int64 }

func (e *erasedUsers) empty() bool      { return len(e.ids) == 0 }
func (e *erasedUsers) encode(w *writer) { w.ints(e.ids) }
func (e *erasedUsers) decode(r *reader) { e.ids = r.ints() }

func (e *erasedUsers) has(user int64) bool {
	_, found := slices.BinarySearch(e.ids, user)
	return found
}

func (e *erasedUsers) add(user int64) {
	if i, found := slices.BinarySearch(e.ids, user); !found {
		e.ids = slices.Insert(e.ids, i, user)
	}
}

func (it *item) loadErasure() {
	it.loaded = true
	var z schemas.PersonErasure
	if !it.unmarshal(it.ev.Data, &z) {
		return
	}
	if z.ID == 0 || slices.ContainsFunc(z.Tickets, func(id int64) bool { return id <= 0 }) {
		it.die("invalid", "the erasure names no usable user or ticket")
		return
	}
	it.erased, it.domain, it.id, it.remains, it.lost, it.entries = true, domainUser, int64(z.ID), z.Remains, z.Tickets, z.Entries
	if len(it.lost)+len(it.entries) > 0 {
		it.domain = domainErasure
	}
}

// erasure asks for the tickets that lose words, with all that making their rows anew needs.
func (k *keyCollector) erasure(prefix string, it *item) {
	k.need(calendarKey(prefix))
	k.need(phrasesKey(prefix))
	for _, id := range it.lost {
		if t, loaded := look[ticket](k, ticketKey(prefix, id)); loaded && t != nil {
			n := &ticketNeeds{k: k, prefix: prefix, source: t.source}
			n.ticket(t, id)
		}
	}
}

// takeErased makes a user a tombstone, or takes what is told about one.
func (r *run) takeErased(a *accountWork, it *item) {
	if it.load(); it.domain == domainDead {
		r.dead(it)
		return
	}
	known := a.erased.has(it.id)
	switch {
	case it.erased && known:
		r.result.Duplicates++
	case it.erased:
		r.erase(a, it)
	case it.link != nil:
		r.takeLink(a, it)
	case it.user == nil:
		r.result.Ignored++
	default:
		r.hearErased(a, it)
	}
}

// hearErased takes what is told about a tombstone: its role, which the figures of tickets follow from, who is one person with it, and that it is read again
// under another retention, for which its activities may have to be put out anew.
func (r *run) hearErased(a *accountWork, it *item) {
	u, fingerprint := r.userOf(a, it.id).u, a.sources.fingerprint(it.ev.Source)
	again := it.user.full && u.retention != fingerprint
	if !again && u.knowsOf(it.user) {
		r.result.Ignored++
		return
	}
	w := r.user(a, it.id)
	w.see(it)
	promoted := u.promotes(it)
	u.addRole(it.user.at, roleByte(it.user.role))
	if it.user.other != 0 {
		r.addPair(a, it)
	}
	if again {
		u.retention, w.reread = fingerprint, it.user.created
	}
	r.release(w, promoted)
	w.touch()
}

// knowsOf says whether what is taken of an erased user is no news.
func (u *user) knowsOf(f *userFacts) bool {
	merged := f.other == 0 || slices.ContainsFunc(u.pairs, func(p pair) bool { return p.other == f.other && p.at <= f.at })
	return merged && u.knowsRole(f.at, roleByte(f.role))
}

// knowsRole says whether a role at a time is no news.
func (u *user) knowsRole(at int64, role byte) bool {
	return role == byte(roleUnknown) || slices.Contains(u.roles, rolePoint{at, role})
}

// erase makes a user a tombstone. Its person and the names to find it by are withdrawn. The alias from its own person id to the person it
// belonged to stays: both are hashes of numbers, and without it one person would count as several. A user of ours leaves no tombstone:
// no source brings it back, and whoever is told of anew is somebody new.
func (r *run) erase(a *accountWork, it *item) {
	own := schemas.IsOwnUser(schemas.ZID(it.id))
	if !own {
		a.erased.add(it.id)
		r.touch(erasedKey(a.prefix))
	}
	w := r.user(a, it.id)
	w.see(it)
	w.erased, w.remains = true, it.remains
	w.u.id = it.id
	if it.remains != nil {
		w.u.sources = slices.Clone(it.remains.Sources)
	}
	if len(w.u.sources) == 0 {
		w.u.addSource(it.ev.Source)
	}
	if it.remains != nil {
		if w.u.head != int64(it.remains.Person) {
			r.pointTo(w, int64(it.remains.Person))
		}
		for _, other := range slices.Concat(samePerson(it.id, int64(it.remains.Person), it.remains.Users), it.remains.Linked) {
			if other != it.id {
				r.linkWas(w, other)
			}
		}
	}
	if w.u.head != 0 && !own {
		r.emitAlias(a, &w.names[0], "zendesk:"+decimal(it.id), 0, w.u.head)
	}
	w.u.head, w.u.party, w.u.due = 0, nil, false
	if w.u.forget(it.remains); own {
		w.u.rec, w.u.roles, w.u.born = nil, nil, 0
	}
	r.release(w, false)
	w.touch()
	r.forgetKept(a, it.id)
}

// samePerson gives the users that are one person with a user as far as its own record tells, the one who heads it first: all of them for that one. Of
// somebody who is no person any more it gives as whom it counts.
func samePerson(id, head int64, party []int64) []int64 {
	if head != 0 && head != id {
		return []int64{head, id}
	}
	return party
}

// forget removes everything personal. What figures follow from stays: roles, organization, times, merges in Zendesk. left says what that is, unless it is nil.
func (u *user) forget(left *schemas.Remains) {
	f := u.now()
	if left != nil {
		f = &userFacts{at: left.Updated, active: left.Active, created: left.Created, role: left.Role, org: left.Organization}
		u.role, u.org, u.active, u.born, u.roles = patch[string]{}, patch[int64]{}, patch[bool]{}, 0, nil
		for _, x := range left.Roles {
			u.addRole(x.At, roleByte(x.Role))
		}
	}
	u.rec = &userFacts{
		id: u.id, at: f.at, full: true, hasState: true, active: f.active, erased: true, created: f.created, role: f.role, org: f.org, fields: "{}",
	}
	u.email, u.ext, u.name = patch[string]{}, patch[string]{}, patch[string]{}
	u.marks, u.oldest, u.tracks, u.system, u.decisions, u.inherited, u.apiValues = nil, nil, nil, systemFields{}, decisions{}, decisions{}, apiValues{}
	u.decided, u.mail, u.sms, u.archived, u.deleted = false, false, false, false, 0
}

// remains gives what stays of a user that is to be erased.
func (u *user) remains() *schemas.Remains {
	f := u.now()
	out := &schemas.Remains{
		Sources: u.sources, Person: schemas.ZID(u.head), Users: u.party, Created: f.created, Updated: f.at, Active: f.active, Role: f.role, Organization: f.org,
	}
	for _, l := range u.links {
		if l.kind == linkWas {
			out.Linked = append(out.Linked, l.other)
		}
	}
	for _, x := range u.roles {
		out.Roles = append(out.Roles, schemas.RemainingRole{At: x.at, Role: roleName(x.role)})
	}
	for i := range u.activities {
		if s := &u.activities[i]; !s.gone {
			out.Activities = append(out.Activities, schemas.RemainingActivity{
				Activity: s.slug.String(), At: s.at, What: s.what, Webhook: s.via == viaWebhook, Away: s.away,
			})
		}
	}
	return out
}

// Remains gives what stays of a user that is to be erased. missing lists rows of state that it needs and state lacks; it is asked again with them.
func (p *Processor) Remains(account string, id int64, state schemas.State) (*schemas.Remains, []string, error) {
	k := &keyCollector{state: state, asked: map[string]bool{}}
	u, _ := look[user](k, userKey(account+".", id))
	return orNew(u).remains(), k.missing, nil
}

// restore makes the activities of a user that was erased just now those that remain, which it may not know any more.
func (r *run) restore(c *carrier, w *userWork) {
	var next []sentActivity
	known := w.u.activities
	for _, x := range w.remains.Activities {
		i := slices.Index(slugNames[:], x.Activity)
		if i < 0 {
			continue
		}
		a := activity{slug: slug(i), at: x.At, what: x.What}
		if j := findActivity(known, &a, 0); j >= 0 && !known[j].gone {
			next = append(next, known[j])
			known = slices.Delete(known, j, j+1)
			continue
		}
		s := sentActivity{slug: a.slug, at: a.at, what: a.what, user: w.id, away: x.Away}
		if x.Webhook {
			s.via = viaWebhook
		}
		r.tally(c, &s, 1)
		next = append(next, s)
	}
	for i := range known {
		r.withdraw(c, known[i])
	}
	w.u.activities = next
}

// forgetContact puts the activities of a user that was erased just now out again, without what they said. They are not withdrawn, so that no count moves.
// Read again under another retention they go out with another expiry, also those that were dropped meanwhile; else they never change again.
func (r *run) forgetContact(w *userWork) {
	if !w.erased && w.reread == 0 {
		return
	}
	c := r.contactCarrier(w)
	sent := slices.Clone(w.u.activities)
	if w.remains != nil {
		r.restore(c, w)
	}
	r.recreate(c, w)
	r.emitHappened(w.account, w.id, sent, w.u.activities)
	for i := range w.u.activities {
		s := &w.u.activities[i]
		if s.gone || c.expires(s.slug, s.at) <= c.now {
			continue
		}
		x := activity{slug: s.slug, at: s.at, what: s.what, user: s.user, via: s.via}
		if hash := r.digest(c, &x); w.erased || hash != s.hash {
			s.hash = hash
			s.n++
			r.publish(c, &x, s)
		}
	}
	if schemas.IsOwnUser(schemas.ZID(w.id)) {
		w.u.activities = nil
	}
}

// recreate adds that an erased user was created, where that was too long ago to go out under the retention before.
func (r *run) recreate(c *carrier, w *userWork) {
	at := w.reread
	known := slices.ContainsFunc(w.u.activities, func(s sentActivity) bool { return s.slug == contactCreated && !s.gone })
	if at == 0 || known || w.u.roleAt(at) != roleEndUser || c.expires(contactCreated, at) <= c.now {
		return
	}
	s := sentActivity{slug: contactCreated, at: at, user: w.id, via: viaPoll, away: c.set.Paused(unix(at))}
	r.tally(c, &s, 1)
	w.u.activities = append(w.u.activities, s)
}

// eraseTickets removes from tickets what erased people wrote, and puts their entries in audiences out. Those are no news to anybody but the table.
func (r *run) eraseTickets(a *accountWork, it *item) {
	news := len(it.entries) > 0
	for i := range it.entries {
		e := &it.entries[i]
		e.Account, e.Attributes = a.name, "{}"
		r.result.Outputs = append(r.result.Outputs, schemas.Output{
			Table: schemas.TableAudienceEntries, Subject: schemas.SubjectEntriesKept,
			Data: r.hold(appendEntry(r.room(360), e)),
		})
	}
	for _, id := range it.lost {
		w := r.ticket(a, id)
		if w.t.source == "" || !r.hush(w) {
			continue
		}
		news = true
		if w.see(it); w.source != w.t.source {
			w.source = w.t.source
		}
		w.dirty = true
		w.touch()
	}
	if !news {
		r.result.Duplicates++
	}
}

// hush removes from a ticket what erased people wrote: everything where one of them is or was the requester, else their messages. It
// is asked after every event, so that nothing comes back by a poll, a webhook or a resync.
func (r *run) hush(w *ticketWork) bool {
	erased, t := w.account.erased, w.t
	if erased.empty() {
		return false
	}
	changed := false
	if !t.marks.erased && slices.ContainsFunc(t.requesters(), erased.has) {
		t.marks.erased, changed = true, true
		t.blank()
		r.eraseTexts(w)
	}
	for _, c := range t.comments() {
		if erased.has(c.author) {
			changed = r.dropText(w, c.id) || changed
		}
	}
	for _, rec := range []*record{t.rec, t.snap} {
		if rec != nil && rec.description != "" && erased.has(rec.submitter) {
			rec.description, changed = "", true
		}
	}
	return changed
}

// requester gives for whom the ticket is as of the newest record, 0 without one.
func (t *ticket) requester() int64 {
	switch {
	case t.rec != nil:
		return t.rec.requester
	case t.snap != nil:
		return t.snap.requester
	}
	return 0
}

// requesters lists everyone for whom the ticket is or was.
func (t *ticket) requesters() []int64 {
	var out []int64
	for _, rec := range []*record{t.rec, t.snap} {
		if rec != nil {
			out = append(out, rec.requester)
		}
	}
	for i := range t.ratings {
		out = append(out, t.ratings[i].requester)
	}
	t.eachStep(func(s *step) {
		for i := range s.changes {
			if c := &s.changes[i]; c.field == fieldRequester {
				out = append(out, c.oldID, c.newID)
			}
		}
	})
	return out
}

func (t *ticket) comments() []comment {
	var out []comment
	t.eachStep(func(s *step) { out = append(out, s.comments...) })
	return out
}

func (t *ticket) eachStep(fn func(s *step)) {
	for i := range t.audits {
		fn(&t.audits[i])
	}
	for i := range t.hints {
		fn(&t.hints[i].step)
	}
}

// dropText removes the text of a comment.
func (r *run) dropText(w *ticketWork, id int64) bool {
	b := w.t.body(id)
	if b == nil || b.chunk < 0 {
		return false
	}
	r.texts(w, b.chunk).remove(id)
	r.touchTexts(w, b.chunk)
	b.chunk, b.hash = -1, hashText("")
	return true
}

// maskSubject gives what stands for a subject that must not be kept. Whether and when a subject changed is counted, so that equal ones must stay equal and
// different ones different: of an erased one two bytes of its hash are left, of a permanently deleted one nothing.
func (m *marks) maskSubject(subject string) string {
	if m.scrubbed != 0 {
		return ""
	}
	return maskSubject(subject)
}

func maskSubject(subject string) string {
	if subject == "" || subject == scrubbedSubject || isMasked(subject) {
		return subject
	}
	return "~" + strconv.FormatUint(hashText(subject)&0xffff|0x10000, 16)[1:]
}

func isMasked(s string) bool {
	return len(s) == 5 && s[0] == '~' && strings.Trim(s[1:], "0123456789abcdef") == ""
}
