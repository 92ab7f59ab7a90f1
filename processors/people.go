package processors

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"deskstream/schemas"
)

// identityRow lists the users that carry one value of an identifier.
type identityRow struct {
	kind, value string
	number      byte // of the kind
	stored      bool // it was there before
	users       []int64
	sent        int64   // user whose person the alias was emitted for, 0 = none
	shelf       *slot   // of the state row that holds it, once it was opened
	name        emitted // the alias in this batch
	claimed     bool    // it is among the claims of this batch
	round       int     // of the component it was reached in last
}

func (i *identityRow) empty() bool { return len(i.users) == 0 && i.sent == 0 }

func (i *identityRow) encode(w *writer) {
	w.ints(i.users)
	w.int(i.sent)
}

func (i *identityRow) decode(r *reader) { i.users, i.sent = r.ints(), r.int() }

// settled is what became clear about a person: its users, or that a user is none.
type settled struct {
	head    *userWork
	members []int64 // nil = head is no person
}

// claim is a name that may lead to somebody else.
type claim struct {
	account *accountWork
	row     *identityRow
}

// regroup settles who is one person after an event, with all that depends on who was one when: the log of merges and the audiences. It is not
// put off until the end of the batch, so that they come out the same wherever batches are cut.
func (r *run) regroup(it *item) {
	r.partners()
	inOrder(r.stirred)
	for _, w := range r.stirred {
		r.index(w)
	}
	for _, w := range r.stirred {
		if !w.resolved {
			r.resolve(w, it)
		}
	}
	for _, w := range r.resolving {
		w.resolved = false
	}
	for _, w := range r.stirred {
		w.stirred, w.was, w.verdict = false, nil, nil
	}
	r.stirred, r.resolving = r.stirred[:0], r.resolving[:0]
}

// people brings everything about touched users up to date: the rows of people, agents and aliases, and contact activities.
func (r *run) people() {
	inOrder(r.users)
	r.result.Outputs = slices.Grow(r.result.Outputs, rowsPerUser*len(r.users))
	for _, w := range r.users {
		r.emitIdentities(w)
	}
	for i := range r.parties {
		r.emitSettled(&r.parties[i])
	}
	for _, c := range r.claims {
		r.emitClaim(c.account, c.row)
	}
	for _, w := range r.users {
		r.emitAgent(w)
		r.emitContact(w)
	}
}

// emitSettled emits a person, or withdraws one, unless it became another one since.
func (r *run) emitSettled(s *settled) {
	switch {
	case !slices.Equal(s.head.party, s.members):
	case s.members == nil:
		r.leave(s.head)
	default:
		r.emitPerson(s.head.account, s.members)
	}
}

// rowsPerUser is how many rows a new user makes.
const rowsPerUser = 8

func inOrder(users []*userWork) {
	slices.SortFunc(users, func(v, w *userWork) int {
		if v.account != w.account {
			return strings.Compare(v.account.name, w.account.name)
		}
		return cmp.Compare(v.id, w.id)
	})
}

// partners adds the users that Zendesk merged with a touched one: which of the two lost may have become clear.
func (r *run) partners() {
	inOrder(r.stirred)
	for _, w := range r.stirred {
		for _, p := range w.u.pairs {
			o := r.user(w.account, p.other)
			if o.now.IsZero() {
				o.now, o.source = w.now, w.source
			}
		}
	}
}

// carried is an identity with the hash that leads to who carries it.
type carried struct {
	schemas.Identity
	hash uint64
	row  *identityRow // once a run opened it
}

func newCarried(i schemas.Identity) carried { return carried{Identity: i, hash: identityHash(i)} }

// carries gives what a user carries. It is for when an event is taken: what is known of users does not change then until the next one.
func (w *userWork) carries() []carried {
	if !w.counted {
		w.carried, w.counted = w.u.identities(), true
	}
	return w.carried
}

// index moves the user from the identities it had to those it has.
func (r *run) index(w *userWork) {
	now := w.carries()
	for n := range w.was {
		i := &w.was[n]
		if find(now, i) == nil {
			row := r.identity(w.account, i)
			row.users = removed(row.users, w.id)
			r.change(w.account, row)
		}
	}
	for n := range now {
		row := r.identity(w.account, &now[n])
		at, known := slices.BinarySearch(row.users, w.id)
		if known {
			continue
		}
		row.users = slices.Insert(row.users, at, w.id)
		r.change(w.account, row)
	}
}

// find gives the same identity in a list, nil when it is not there.
func find(list []carried, i *carried) *carried {
	for n := range list {
		if x := &list[n]; x.hash == i.hash && x.Kind == i.Kind && x.Value == i.Value {
			return x
		}
	}
	return nil
}

func removed(list []int64, v int64) []int64 {
	for i, x := range list {
		if x == v {
			return append(list[:i], list[i+1:]...)
		}
	}
	return list
}

// release lets the tickets be recomputed that waited for the user: it became known, or an agent since a time that may be before its comments. What else
// the batch tells finds them so.
func (r *run) release(w *userWork, promoted bool) {
	if w.known && !promoted || len(w.u.roles) == 0 {
		return
	}
	if len(w.u.waiting) > 0 {
		r.recompute(w.account, w.u.waiting, w.source, w.now)
		w.u.waiting = nil
		w.touch()
	}
}

// recompute has tickets recomputed as of an event of a source.
func (r *run) recompute(a *accountWork, tickets []int64, source string, now time.Time) {
	for _, id := range tickets {
		t := r.ticket(a, id)
		t.dirty = true
		if now.After(t.now) {
			t.now = now
		}
		if t.source == "" {
			t.source = source
		}
		r.touch(ticketKey(a.prefix, id))
	}
}

// person says whether the user is in the audience: an end user, known and not erased (R30).
func (u *user) person() bool {
	f := u.now()
	return u.id != 0 && len(u.roles) > 0 && u.roleAt(1<<62) == roleEndUser && !f.erased && (u.rec != nil || u.born != 0)
}

// resolve finds all users that could be the same person as this one, directly or over others, and settles who is. Their people and aliases
// are emitted when the batch is taken.
func (r *run) resolve(w *userWork, it *item) {
	a := w.account
	users, rows := r.component(w)
	var nodes []schemas.Identified
	now, alone := it.ev.ReceivedAt.Unix(), len(users) == 1
	r.hear(a, users)
	r.resolving = append(r.resolving, users...)
	for _, o := range users {
		o.resolved = true
		switch {
		case !o.u.person():
			r.settleLeaver(o, now)
		case alone:
			r.settlePerson(a, &schemas.Party{Members: []int64{o.id}}, now)
		default:
			n := o.u.identified()
			n.Identities = r.weakened(a, o.carries())
			nodes = append(nodes, n)
		}
	}
	if len(nodes) > 0 {
		for _, p := range Group(nodes, a.sources.of(it.ev.Source).identifiers()) {
			r.settlePerson(a, &p, now)
		}
	}
	for _, row := range rows {
		if !row.claimed {
			row.claimed = true
			r.claims = append(r.claims, claim{a, row})
		}
	}
}

// settlePerson notes who is a person as of an event, in the log of merges and in the audiences.
func (r *run) settlePerson(a *accountWork, p *schemas.Party, now int64) {
	r.logMerges(a, p, now)
	for _, id := range p.Members {
		r.userOf(a, id).party = p.Members
	}
	r.parties = append(r.parties, settled{r.userOf(a, p.Members[0]), p.Members})
	r.judge(a, p.Members)
}

// settleLeaver notes that a user is no person as of an event.
func (r *run) settleLeaver(w *userWork, now int64) {
	r.dropMerge(w)
	w.party = nil
	r.parties = append(r.parties, settled{head: w})
	r.quit(w.account, w.id, now, w.erased || w.u.now().erased)
}

// weakened gives identities, without the power to merge where too many users share a value.
func (r *run) weakened(a *accountWork, list []carried) []schemas.Identity {
	out := make([]schemas.Identity, len(list))
	for n := range list {
		out[n] = list[n].Identity
		if a.sources.joinBy(out[n].Kind) && len(r.identity(a, &list[n]).users) > schemas.MaxSharers {
			out[n].Strong = false
		}
	}
	return out
}

// component walks from a user over shared identities and Zendesk's merges to all users it could be one person with. What it gives is good until
// it is asked again.
func (r *run) component(start *userWork) ([]*userWork, []*identityRow) {
	a, c := start.account, &r.walked
	c.users, c.rows = append(c.users[:0], start), c.rows[:0]
	c.round++
	for i := 0; i < len(c.users); i++ {
		w := c.users[i]
		for _, p := range w.u.pairs {
			c.add(r, a, p.other)
		}
		for _, l := range w.u.links {
			c.add(r, a, l.other)
		}
		now := w.carries()
		c.identities(r, a, now)
		for n := range w.was { // a value given up may pass to someone else
			if i := &w.was[n]; find(now, i) == nil {
				c.identities(r, a, w.was[n:n+1])
			}
		}
	}
	return c.users, c.rows
}

// component is what is reached from a user.
type component struct {
	users []*userWork
	rows  []*identityRow
	round int
}

func (c *component) add(r *run, a *accountWork, id int64) {
	w := r.userOf(a, id)
	if !slices.Contains(c.users, w) {
		c.users = append(c.users, w)
	}
}

func (c *component) identities(r *run, a *accountWork, list []carried) {
	for n := range list {
		if !a.sources.joinBy(list[n].Kind) {
			continue
		}
		row := r.identity(a, &list[n])
		if row.round == c.round {
			continue
		}
		row.round = c.round
		if c.rows = append(c.rows, row); len(row.users) > schemas.MaxSharers {
			continue
		}
		for _, id := range row.users {
			c.add(r, a, id)
		}
	}
}

// emitPerson emits the person that users are, and points their names to it.
func (r *run) emitPerson(a *accountWork, members []int64) {
	head := r.userOf(a, members[0])
	for _, id := range members {
		w := r.userOf(a, id)
		if w.u.head != head.id {
			r.pointTo(w, head.id)
		}
		if w != head {
			w.lead(nil)
			r.withdrawPerson(w)
		}
	}
	head.lead(members)
	r.emitPersonRow(head, members)
}

// emitPersonRow emits the row of a person if it is another one now.
func (r *run) emitPersonRow(head *userWork, members []int64) {
	row := r.personRow(head.account, members)
	data := appendPerson(r.room(700+2*len(row.Zendesk)), row)
	if h := hashOf(data); h != head.u.sentPerson {
		head.u.sentPerson = h
		head.touch()
		if len(head.account.fields.Kept) > 0 { // a kept value may change after the person did
			r.emitAgain(&head.row, schemas.TablePeople, data)
			return
		}
		r.emit(schemas.TablePeople, data)
	}
}

// lead notes which users are the person that a user heads; of nobody else's no note is left.
func (w *userWork) lead(members []int64) {
	if len(members) < 2 {
		members = nil
	}
	if !slices.Equal(w.u.party, members) {
		w.u.party = slices.Clone(members)
		w.touch()
	}
}

// pointTo points a user's own names to a person; 0 withdraws them from the one before. The own id leads to its person without an alias while
// the user heads it.
func (r *run) pointTo(w *userWork, head int64) {
	before := w.u.head
	w.u.head = head
	w.touch()
	if !schemas.IsOwnUser(schemas.ZID(w.id)) {
		r.emitAlias(w.account, &w.names[0], "zendesk:"+decimal(w.id), head, before)
	}
	switch {
	case head != 0 && head != w.id:
		r.emitAlias(w.account, &w.names[1], w.own(), head, 0)
	case before != w.id && !w.fresh: // with 0 it was erased, and may lead to the person it belonged to
		r.emitAlias(w.account, &w.names[1], w.own(), 0, cmp.Or(before, w.id))
	}
}

func (r *run) withdrawPerson(w *userWork) {
	if w.u.sentPerson == 0 {
		return
	}
	r.emitWithdrawn(w, w.withdrawn(), 0)
}

// emitWithdrawn puts out a row that withdraws a user's own person; sent is what is noted of it.
func (r *run) emitWithdrawn(w *userWork, row *schemas.PersonRow, sent uint64) {
	w.u.sentPerson = sent
	w.touch()
	r.emit(schemas.TablePeople, appendPerson(r.room(700), row))
}

// withdrawn is the row that withdraws a user's own person.
func (w *userWork) withdrawn() *schemas.PersonRow {
	return &schemas.PersonRow{
		Account: w.account.name, PersonID: w.own(), Zendesk: "{}", Custom: "{}", CreatedAt: unix(0), UpdatedAt: unix(0), IsDeleted: 1,
	}
}

// sentErasable stands for the row of erasable in sentPerson, where else the hash of a row is.
const sentErasable = 1

// erasable withdraws the person of a user whom Zendesk deleted for good, with a row that says so until the user is erased here too: what the user wrote
// is found by whoever looks for such rows. A user of whom nothing else was ever heard has the row too: tickets may be known all the same.
func (r *run) erasable(w *userWork) {
	told := w.u.sentPerson == sentErasable || w.account.erased.has(w.id)
	never := w.u.sentPerson == 0 && w.u.head == 0 && w.u.roleAt(1<<62) != roleEndUser // in the audience
	if told || never {
		return
	}
	row := w.withdrawn()
	row.SourceIDs, row.UserIDs, row.OwnIDs, row.Zendesk = w.u.sources, []int64{w.id}, []string{w.own()}, schemas.PersonDeletedForGood
	r.emitWithdrawn(w, row, sentErasable)
}

// leave takes a user out of the audience: it became an agent or was erased.
func (r *run) leave(w *userWork) {
	if w.u.now().erased {
		r.erasable(w)
	} else {
		r.withdrawPerson(w)
	}
	if w.u.head == 0 {
		return
	}
	w.u.party = nil
	r.pointTo(w, 0)
}

// emitAlias points a name to a user's person; with 0 it withdraws it from the person of the user before, whose id the row keeps: who is
// erased must be found in it.
func (r *run) emitAlias(a *accountWork, at *emitted, alias string, head, before int64) {
	row := schemas.PersonAlias{Account: a.name, Alias: alias, PersonID: r.userOf(a, cmp.Or(head, before)).own()}
	if head == 0 {
		row.IsDeleted = 1
	}
	r.emitAgain(at, schemas.TablePersonAliases, appendAlias(r.room(100+len(alias)), &row))
}

// aliasOf gives what leads a name to an identity of a kind by which a person can be looked up.
func aliasOf(kind string) string {
	switch kind {
	case byEmail:
		return "email:"
	case byExternal:
		return "external:"
	}
	return ""
}

// emitClaim points an address or external id to the person of the oldest user that carries it.
func (r *run) emitClaim(a *accountWork, row *identityRow) {
	prefix := aliasOf(row.kind)
	if prefix == "" {
		return
	}
	var owner *user
	var since int64
	for _, id := range row.users {
		if len(row.users) > schemas.MaxSharers && a.users[id] == nil {
			if _, loaded := r.state[userKey(a.prefix, id)]; !loaded {
				continue // a value that many share belongs to whom it was given first
			}
		}
		u := r.userOf(a, id).u
		if created := u.now().created; u.head != 0 && (owner == nil || created < since || created == since && u.id < owner.id) {
			owner, since = u, created
		}
	}
	head := int64(0)
	if owner != nil {
		head = owner.head
	}
	if head == row.sent {
		return
	}
	before := row.sent
	row.sent = head
	r.change(a, row)
	r.emitAlias(a, &row.name, prefix+row.value, head, before)
}

func (r *run) emitAgent(w *userWork) {
	u := w.u
	if !u.everAgent() {
		return
	}
	f := u.now()
	data := encodeAgent(&schemas.Agent{
		Account: w.account.name, UserID: u.id, Name: f.name, Email: foldEmail(f.email), Role: f.role, Active: flag(f.active), UpdatedAt: unix(f.at),
	})
	if h := hashOf(data); h != u.sentAgent {
		u.sentAgent = h
		w.touch()
		r.emit(schemas.TableAgents, data)
	}
}

// emitContact emits what happened to a contact.
func (r *run) emitContact(w *userWork) {
	u, a := w.u, w.account
	if w.erased || a.erased.has(u.id) {
		r.forgetContact(w)
		return
	}
	c := r.contactCarrier(w)
	before := len(u.activities)
	sent := u.activities
	u.activities = r.settle(c, r.contactActivities(a, u), sent)
	if before != len(u.activities) || before > 0 {
		w.touch()
	}
	r.emitHappened(a, u.id, sent, u.activities)
}

// emitHappened puts out the sums of a contact's own activities that are others now.
func (r *run) emitHappened(a *accountWork, id int64, sent, now []sentActivity) {
	for _, k := range contactSlugs {
		if sum := summaryOf(now, k); sum != summaryOf(sent, k) {
			row := sum.row(a.name, id, k)
			r.emit(schemas.TablePersonActivities, appendPersonActivity(r.room(200), &row))
		}
	}
}

// summaryOf sums up the activities of one kind. What happened to a contact is all in its row, also past its retention.
func summaryOf(list []sentActivity, k slug) (s actSummary) {
	for i := range list {
		x := &list[i]
		if x.slug != k || x.gone {
			continue
		}
		if s.count++; s.first == 0 || x.at < s.first {
			s.first = x.at
		}
		s.last = max(s.last, x.at)
	}
	return s
}

// contacts is the carrier of the activities of contacts, set to one after the other.
type contacts struct {
	carrier
	of   *userWork
	acts []activity // room for those of one
}

// contactCarrier gives the carrier of a user's own activities. It is good until another user's is asked for.
func (r *run) contactCarrier(w *userWork) *carrier {
	c := &r.contacts
	if c.id == nil {
		c.id = func(s *sentActivity) string {
			return schemas.ActivityID(c.account.name, 0, s.slug.String(), s.at, "user:"+decimal(c.of.id)+s.what)
		}
		c.row = func(x *activity) schemas.Activity {
			return schemas.Activity{OrganizationID: c.of.u.now().org, Attributes: x.attributes(), Text: contactSentence(c.of.id, x)}
		}
		c.digest = func(x *writer, _ *activity) { x.b = x.b[:0] }
		c.frozen = func(s *sentActivity) bool {
			u := c.of.u
			return s.slug == contactUpdated && s.at <= u.floor || s.slug == fieldChanged && u.past(s)
		}
	}
	c.of, c.account, c.source = w, w.account, w.source
	if schemas.IsOwnUser(schemas.ZID(w.id)) {
		c.source = w.account.sources.first()
	}
	c.set, c.now = w.account.sources.of(c.source), w.now.Unix()
	c.source = orElse(w.u.source(), c.source)
	return &c.carrier
}

var contactVerbs = map[slug]string{
	contactCreated: " created", contactUpdated: " updated", contactDeleted: " deleted", contactMerged: " merged", fieldChanged: " changed",
}

func contactSentence(id int64, x *activity) string {
	if x.attrs.change != nil {
		return x.attrs.change.sentence()
	}
	s := "Contact " + decimal(id) + contactVerbs[x.slug]
	for i, f := range x.attrs.list {
		if i == 0 {
			s += ": " + f
		} else {
			s += ", " + f
		}
	}
	return s
}

// contactActivities derives what happened to an end user. Agents have none; a user that Zendesk does not know has only changes of its fields.
// What it gives is good until it is asked again.
func (r *run) contactActivities(a *accountWork, u *user) []activity {
	out := r.contacts.acts[:0]
	defer func() { r.contacts.acts = out[:0] }()
	add := func(s slug, at int64, hinted bool) *activity {
		out = append(out, activity{slug: s, at: at, user: u.id, via: viaOf(hinted)})
		return &out[len(out)-1]
	}
	f := u.now()
	if len(u.roles) == 0 || u.rec == nil && u.born == 0 {
		return nil
	}
	for _, c := range u.fieldChanges(f.created) {
		x := add(fieldChanged, c.at, u.hinted(c.at))
		x.what, x.attrs.change = fieldPrefix+c.field, c
	}
	if schemas.IsOwnUser(schemas.ZID(u.id)) {
		return out
	}
	if u.roleAt(f.created) == roleEndUser {
		add(contactCreated, f.created, u.born != 0)
	}
	merged := r.mergedInto(a, u, f)
	if merged != nil {
		add(contactMerged, merged.at, true).attrs.into = merged.other
	}
	for _, c := range u.changes(contactFields) {
		if u.roleAt(c.at) != roleEndUser {
			continue
		}
		if c.renewed {
			c.fields = append(c.fields, "active")
		}
		switch {
		case c.gone && merged == nil:
			add(contactDeleted, c.at, c.hinted)
		case !c.gone && len(c.fields) > 0:
			add(contactUpdated, c.at, c.hinted).attrs.list = distinct(c.fields)
		}
	}
	return out
}

// mergedInto tells whether Zendesk merged this user into another. The webhook names both but not clearly which one lost; the inactive
// one did, and while that is not known, the one the webhook is about.
func (r *run) mergedInto(a *accountWork, u *user, f *userFacts) *pair {
	for i := range u.pairs {
		p := &u.pairs[i]
		other := r.userOf(a, p.other).u
		active := true
		if other.id != 0 {
			active = other.now().active
		}
		if !f.active && active || f.active == active && p.lost {
			return p
		}
	}
	return nil
}

// personRow builds the row of a person from its users, survivor first. Every field takes the newest value there is, users that Zendesk
// keeps active before those it merged away or deleted; but the survivor of a merge by hand keeps its values. The row is good until another one
// is asked for.
func (r *run) personRow(a *accountWork, members []int64) *schemas.PersonRow {
	return r.rowOf(a, r.gather(a, members))
}

// rowOf is personRow of material that is gathered.
func (r *run) rowOf(a *accountWork, m *material) *schemas.PersonRow {
	row, members := &m.row, m.row.UserIDs
	row.PersonID = r.userOf(a, members[0]).own()
	for i, id := range members {
		u, f := m.users[i], m.facts[i]
		row.OwnIDs = append(row.OwnIDs, r.userOf(a, id).own())
		row.UpdatedAt = unix(max(row.UpdatedAt.Unix(), f.at, u.told.at()))
		if i == 0 || f.created < row.CreatedAt.Unix() {
			row.CreatedAt = unix(f.created)
		}
		for _, source := range u.sources {
			if !slices.Contains(row.SourceIDs, source) {
				row.SourceIDs = append(row.SourceIDs, source)
			}
		}
	}
	head := m.users[0]
	row.EmailPermission, row.SMSPermission = flag(head.mail), flag(head.sms)
	m.choose(row)
	for n, to := range []*string{&row.FirstName, &row.LastName, &row.Email, &row.PhoneNumber, &row.Language, &row.Timezone, &row.ExternalID} {
		*to = m.field(n)
	}
	if row.OrganizationID = m.organization(); row.OrganizationID != 0 {
		row.OrganizationIDs = []int64{row.OrganizationID}
	}
	for _, i := range m.order {
		row.OrganizationIDs = union(row.OrganizationIDs, m.users[i].organizations(m.facts[i].org))
	}
	row.Zendesk, row.Custom = m.zendesk(), m.custom(r.keptValues(a, members))
	return row
}

// material is what the row of a person is made of, kept for the next one: users of a person, what is known of them, and in which order it
// counts.
type material struct {
	row   schemas.PersonRow
	users []*user
	facts []*userFacts
	hand  []byHand
	order []int
	words []word
	text  []byte
}

func (r *run) gather(a *accountWork, members []int64) *material {
	m := &r.material
	m.row = schemas.PersonRow{Account: a.name, UserIDs: members, OwnIDs: m.row.OwnIDs[:0], SourceIDs: m.row.SourceIDs[:0]}
	m.users, m.facts, m.hand, m.order = m.users[:0], m.facts[:0], m.hand[:0], m.order[:0]
	for i, id := range members {
		u := r.userOf(a, id).u
		m.users, m.facts, m.order = append(m.users, u), append(m.facts, u.now()), append(m.order, i)
	}
	for i := range members {
		m.hand = append(m.hand, m.handOf(i))
	}
	m.sort()
	return m
}

// sort brings the users in the order in which they count: those of the survivor of a merge by hand first, then who came first and the nearest.
func (m *material) sort() {
	slices.SortStableFunc(m.order, func(i, j int) int {
		x, y := m.facts[i], m.facts[j]
		return cmp.Or(cmp.Compare(m.hand[i].at, m.hand[j].at), cmp.Compare(m.hand[i].steps, m.hand[j].steps), int(flag(y.active))-int(flag(x.active)), cmp.Compare(y.at, x.at))
	})
}

func fill(to *string, v string) {
	if *to == "" {
		*to = v
	}
}

// zendesk writes the Zendesk fields of product.md 3.2: of the leading user, empty texts filled from the others, and all that is empty from those
// merged into it by hand. A person Zendesk does not know has none.
func (m *material) zendesk() string {
	f := m.leader()
	if f == nil {
		return "{}"
	}
	m.describe(f)
	if 2*len(m.text) > maxRowText && lenWithin(string(m.text)) > maxRowText {
		few := *f
		few.tags, few.fields, few.details, few.notes = nil, "{}", cut(f.details, maxSubject), cut(f.notes, maxSubject)
		m.describe(&few)
	}
	return string(m.text)
}

// describe writes facts into text.
func (m *material) describe(f *userFacts) {
	o := newObject(m.text[:0])
	o.id("user_id", f.id)
	o.str("name", f.name)
	o.str("email", f.email)
	o.str("phone", f.phone)
	o.str("external_id", f.external)
	o.str("alias", f.alias)
	o.str("details", f.details)
	o.str("notes", f.notes)
	o.str("role", f.role)
	o.str("locale", f.locale)
	o.str("time_zone", f.zone)
	o.str("url", f.url)
	o.bool("verified", f.verified)
	o.bool("active", f.active)
	o.bool("suspended", f.suspend)
	o.bool("shared_phone_number", f.shared)
	o.strs("tags", f.tags)
	o.id("organization_id", f.org)
	if f.login != 0 {
		o.time("last_login_at", unix(f.login))
	} else {
		o.null("last_login_at")
	}
	o.time("created_at", unix(f.created))
	o.time("updated_at", unix(f.at))
	o.raw("fields", f.fields)
	m.text = o.end()
}

// leader gives the facts of the leading user, filled from the others; nil when Zendesk knows none of them.
func (m *material) leader() *userFacts {
	var f *userFacts
	filled, way := false, byHand{}
	for _, i := range m.order {
		o := m.facts[i]
		switch {
		case schemas.IsOwnUser(schemas.ZID(o.id)):
			continue
		case f == nil:
			f, way = o, m.hand[i]
			continue
		case !filled:
			c := *f
			f, filled = &c, true
		}
		if m.hand[i] != way {
			f.complete(o)
		}
		f.fill(o)
	}
	return f
}

// fill takes over the texts that f has not got.
func (f *userFacts) fill(o *userFacts) {
	fill(&f.name, o.name)
	fill(&f.email, o.email)
	fill(&f.phone, o.phone)
	fill(&f.alias, o.alias)
	fill(&f.details, o.details)
	fill(&f.notes, o.notes)
	fill(&f.locale, o.locale)
	fill(&f.zone, o.zone)
	fill(&f.external, o.external)
	if f.fields == "{}" {
		f.fields = o.fields
	}
}

// complete takes over what f has not got beside texts.
func (f *userFacts) complete(o *userFacts) {
	if len(f.tags) == 0 {
		f.tags = o.tags
	}
	f.org, f.login = cmp.Or(f.org, o.org), cmp.Or(f.login, o.login)
	f.fields = completeFields(f.fields, o.fields)
}

// completeFields fills the members of an object that have no value from another one.
func completeFields(object, from string) string {
	var all, others map[string]json.RawMessage
	if json.Unmarshal([]byte(object), &all) != nil || json.Unmarshal([]byte(from), &others) != nil {
		return object
	}
	for key, value := range others {
		if blank(all[key]) {
			all[key] = value
		}
	}
	o := newObject(make([]byte, 0, len(object)+len(from)))
	for _, key := range sortedKeys(all) {
		o.raw(key, string(all[key]))
	}
	return string(o.end())
}

// blank says whether a member of an object has no value.
func blank(value json.RawMessage) bool {
	switch string(value) {
	case "", "null", `""`, "[]":
		return true
	}
	return false
}
