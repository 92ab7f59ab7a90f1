package processors

import (
	"cmp"
	"slices"

	"deskstream/schemas"
)

// identityRow lists the users that carry one value of an identifier.
type identityRow struct {
	kind, value string
	users       []int64
	sent        int64  // user whose person the alias was emitted for, 0 = none
	shelf       string // key of the state row that holds it, once it was opened
}

func (i *identityRow) empty() bool { return len(i.users) == 0 && i.sent == 0 }

func (i *identityRow) encode(w *writer) {
	w.ints(i.users)
	w.int(i.sent)
}

func (i *identityRow) decode(r *reader) { i.users, i.sent = r.ints(), r.int() }

// people brings everything about touched users up to date: who is the same person, the rows of people, agents and aliases, contact
// activities, and the tickets that waited for them.
func (r *run) people() {
	r.partners()
	r.carry = make(map[*user][]carried, 2*len(r.users))
	keys := sortedKeys(r.users)
	for _, key := range keys {
		r.index(r.users[key])
		r.emitIdentities(r.users[key])
		r.release(r.users[key])
	}
	done := map[string]bool{}
	for _, key := range keys {
		if w := r.users[key]; !done[key] {
			r.resolve(w, done)
		}
	}
	for _, key := range keys {
		r.emitAgent(r.users[key])
		r.emitContact(r.users[key])
	}
}

// partners adds the users that Zendesk merged with a touched one: which of the two lost may have become clear.
func (r *run) partners() {
	for _, key := range sortedKeys(r.users) {
		w := r.users[key]
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

func hashed(list []schemas.Identity) []carried {
	out := make([]carried, len(list))
	for n, i := range list {
		out[n] = carried{Identity: i, hash: identityHash(i)}
	}
	return out
}

// carried gives what a user carries. It is for when all events of the batch are taken: what is known of users does not change then.
func (r *run) carried(u *user) []carried {
	list, ok := r.carry[u]
	if !ok {
		list = hashed(u.identities())
		r.carry[u] = list
	}
	return list
}

// index moves the user from the identities it had to those it has.
func (r *run) index(w *userWork) {
	now := r.carried(w.u)
	for _, i := range w.before.identities {
		if !carries(now, i) {
			row := r.identity(w.account, &carried{Identity: i, hash: identityHash(i)})
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

func carries(list []carried, i schemas.Identity) bool {
	for n := range list {
		if list[n].Kind == i.Kind && list[n].Value == i.Value {
			return true
		}
	}
	return false
}

func removed(list []int64, v int64) []int64 {
	for i, x := range list {
		if x == v {
			return append(list[:i], list[i+1:]...)
		}
	}
	return list
}

// release lets the tickets be recomputed that waited for the user.
func (r *run) release(w *userWork) {
	if w.known || len(w.u.roles) == 0 {
		return
	}
	key := waitKey(w.account.prefix, w.id)
	list := open[waiting](r, key)
	for _, id := range list.tickets {
		t := r.ticket(w.account, id)
		t.dirty = true
		if w.now.After(t.now) {
			t.now = w.now
		}
		if t.source == "" {
			t.source = w.source
		}
		r.touch(ticketKey(w.account.prefix, id))
	}
	if len(list.tickets) > 0 {
		list.tickets = nil
		r.touch(key)
	}
}

// person says whether the user is in the audience: an end user, known and not erased (R30).
func (u *user) person() bool {
	f := u.now()
	return u.id != 0 && len(u.roles) > 0 && u.roleAt(1<<62) == roleEndUser && !f.erased && (u.rec != nil || u.born != 0)
}

// resolve finds all users that could be the same person as this one, directly or over others, and emits their people and aliases.
func (r *run) resolve(w *userWork, done map[string]bool) {
	a := w.account
	ids, rows := r.component(a, w.id)
	var nodes []schemas.Identified
	for _, id := range ids {
		key := userKey(a.prefix, id)
		done[key] = true
		u := open[user](r, key)
		if u.person() {
			n := u.identified()
			n.Identities = r.weakened(a, r.carried(u))
			nodes = append(nodes, n)
		} else {
			r.leave(a, key, u)
			r.quit(a, id, w.now.Unix(), u.now().erased)
		}
	}
	for _, p := range Group(nodes, a.sources.of(w.source).identifiers()) {
		r.logMerges(a, &p, w.now.Unix())
		r.emitPerson(a, p.Members)
		r.judge(a, p.Members)
	}
	for _, row := range rows {
		r.emitClaim(a, row)
	}
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

// component walks from a user over shared identities and Zendesk's merges to all users it could be one person with.
func (r *run) component(a *accountWork, start int64) (ids []int64, rows []*identityRow) {
	ids = []int64{start}
	seen := map[*identityRow]bool{}
	for i := 0; i < len(ids); i++ {
		u := open[user](r, userKey(a.prefix, ids[i]))
		for _, p := range u.pairs {
			ids = union(ids, []int64{p.other})
		}
		for _, l := range u.links {
			ids = union(ids, []int64{l.other})
		}
		list := r.carried(u)
		if w := r.users[userKey(a.prefix, ids[i])]; w != nil && len(w.before.identities) > 0 {
			list = slices.Concat(list, hashed(w.before.identities)) // a value given up may pass to someone else
		}
		for n := range list {
			if !a.sources.joinBy(list[n].Kind) {
				continue
			}
			row := r.identity(a, &list[n])
			if seen[row] {
				continue
			}
			seen[row] = true
			if rows = append(rows, row); len(row.users) <= schemas.MaxSharers {
				ids = union(ids, row.users)
			}
		}
	}
	return ids, rows
}

// emitPerson emits the person that users are, and points their names to it.
func (r *run) emitPerson(a *accountWork, members []int64) {
	head := members[0]
	for _, id := range members {
		key := userKey(a.prefix, id)
		u := open[user](r, key)
		if u.head != head {
			r.pointTo(a, id, head, 0)
			u.head = head
			r.touch(key)
		}
		if id != head {
			r.lead(key, u, nil)
			r.withdrawPerson(a, key, u)
		}
	}
	key := userKey(a.prefix, head)
	r.lead(key, open[user](r, key), members)
	r.emitPersonRow(a, members)
}

// emitPersonRow emits the row of a person if it is another one now.
func (r *run) emitPersonRow(a *accountWork, members []int64) {
	key := userKey(a.prefix, members[0])
	u := open[user](r, key)
	data := encodePerson(r.personRow(a, members))
	if h := hashOf(data); h != u.sentPerson {
		u.sentPerson = h
		r.touch(key)
		if len(a.fields.Kept) > 0 { // a kept value may change after the person did
			r.emitLast(schemas.TablePeople, key, data)
			return
		}
		r.emit(schemas.TablePeople, data)
	}
}

// lead notes which users are the person that a user heads; of nobody else's no note is left.
func (r *run) lead(key string, u *user, members []int64) {
	if len(members) < 2 {
		members = nil
	}
	if !slices.Equal(u.party, members) {
		u.party = slices.Clone(members)
		r.touch(key)
	}
}

// pointTo points a user's own names to a person; 0 withdraws them from the one before.
func (r *run) pointTo(a *accountWork, id, head, before int64) {
	if !schemas.IsOwnUser(schemas.ZID(id)) {
		r.emitAlias(a, "zendesk:"+decimal(id), head, before)
	}
	r.emitAlias(a, schemas.OwnPersonID(a.name, schemas.ZID(id)), head, before)
}

func (r *run) withdrawPerson(a *accountWork, key string, u *user) {
	if u.sentPerson == 0 {
		return
	}
	u.sentPerson = 0
	r.touch(key)
	r.emit(schemas.TablePeople, encodePerson(&schemas.PersonRow{
		Account: a.name, PersonID: schemas.OwnPersonID(a.name, schemas.ZID(u.id)), Zendesk: "{}", Custom: "{}", CreatedAt: unix(0),
		UpdatedAt: unix(0), IsDeleted: 1,
	}))
}

// leave takes a user out of the audience: it became an agent or was erased.
func (r *run) leave(a *accountWork, key string, u *user) {
	r.withdrawPerson(a, key, u)
	r.dropMerge(a, key, u)
	if u.head == 0 {
		return
	}
	before := u.head
	u.head, u.party = 0, nil
	r.touch(key)
	r.pointTo(a, u.id, 0, before)
}

// emitAlias points a name to a user's person; with 0 it withdraws it from the person of the user before, whose id the row keeps: who is
// erased must be found in it.
func (r *run) emitAlias(a *accountWork, alias string, head, before int64) {
	row := schemas.PersonAlias{Account: a.name, Alias: alias, PersonID: schemas.OwnPersonID(a.name, schemas.ZID(cmp.Or(head, before)))}
	if head == 0 {
		row.IsDeleted = 1
	}
	r.emitLast(schemas.TablePersonAliases, a.name+"/"+alias, encodeAlias(&row))
}

// aliasKinds are the identities by which a person can be looked up.
var aliasKinds = map[string]string{byEmail: "email:", byExternal: "external:"}

// emitClaim points an address or external id to the person of the oldest user that carries it.
func (r *run) emitClaim(a *accountWork, row *identityRow) {
	prefix, ok := aliasKinds[row.kind]
	if !ok {
		return
	}
	var owner *user
	var since int64
	for _, id := range row.users {
		if _, loaded := r.state[userKey(a.prefix, id)]; !loaded && len(row.users) > schemas.MaxSharers {
			continue // a value that many share belongs to whom it was given first
		}
		u := open[user](r, userKey(a.prefix, id))
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
	r.emitAlias(a, prefix+row.value, head, before)
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
		r.touch(userKey(w.account.prefix, w.id))
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
	c := contactCarrier(w)
	before := len(u.activities)
	sent := u.activities
	u.activities = r.settle(c, r.contactActivities(a, u), sent)
	if before != len(u.activities) || before > 0 {
		r.touch(userKey(a.prefix, w.id))
	}
	r.emitHappened(a, u.id, sent, u.activities)
}

// emitHappened puts out the sums of a contact's own activities that are others now.
func (r *run) emitHappened(a *accountWork, id int64, sent, now []sentActivity) {
	for _, k := range contactSlugs {
		if sum := summaryOf(now, k); sum != summaryOf(sent, k) {
			row := sum.row(a.name, id, k)
			r.emit(schemas.TablePersonActivities, encodePersonActivity(&row))
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

func contactCarrier(w *userWork) *carrier {
	u, a, source := w.u, w.account, w.source
	if schemas.IsOwnUser(schemas.ZID(w.id)) {
		source = a.sources.first()
	}
	return &carrier{
		account: a, source: orElse(u.source(), source), set: a.sources.of(source), now: w.now.Unix(),
		id: func(s *sentActivity) string {
			return schemas.ActivityID(a.name, 0, s.slug.String(), s.at, "user:"+decimal(u.id)+s.what)
		},
		row: func(x *activity) schemas.Activity {
			f := u.now()
			return schemas.Activity{OrganizationID: f.org, Attributes: x.attributes(), Text: contactSentence(u.id, x)}
		},
		digest: func(x *writer, _ *activity) { x.b = x.b[:0] },
		frozen: func(s *sentActivity) bool {
			return s.slug == contactUpdated && s.at <= u.floor || s.slug == fieldChanged && u.past(s)
		},
	}
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
func (r *run) contactActivities(a *accountWork, u *user) []activity {
	var out []activity
	add := func(s slug, at int64) *activity {
		out = append(out, activity{slug: s, at: at, user: u.id})
		return &out[len(out)-1]
	}
	f := u.now()
	if len(u.roles) == 0 || u.rec == nil && u.born == 0 {
		return nil
	}
	for _, c := range u.fieldChanges(f.created) {
		x := add(fieldChanged, c.at)
		x.what, x.attrs.change = fieldPrefix+c.field, c
	}
	if schemas.IsOwnUser(schemas.ZID(u.id)) {
		return out
	}
	if u.roleAt(f.created) == roleEndUser {
		add(contactCreated, f.created)
	}
	merged := r.mergedInto(a, u, &f)
	if merged != nil {
		add(contactMerged, merged.at).attrs.into = merged.other
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
			add(contactDeleted, c.at)
		case !c.gone && len(c.fields) > 0:
			add(contactUpdated, c.at).attrs.list = distinct(c.fields)
		}
	}
	return out
}

// mergedInto tells whether Zendesk merged this user into another. The webhook names both but not clearly which one lost; the inactive
// one did, and while that is not known, the one the webhook is about.
func (r *run) mergedInto(a *accountWork, u *user, f *userFacts) *pair {
	for i := range u.pairs {
		p := &u.pairs[i]
		other := open[user](r, userKey(a.prefix, p.other))
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
// keeps active before those it merged away or deleted; but the survivor of a merge by hand keeps its values.
func (r *run) personRow(a *accountWork, members []int64) *schemas.PersonRow {
	users := make([]*user, len(members))
	facts := make([]userFacts, len(members))
	order := make([]int, len(members))
	row := &schemas.PersonRow{Account: a.name, PersonID: schemas.OwnPersonID(a.name, schemas.ZID(members[0])), UserIDs: members}
	archived, since := true, int64(0)
	for i, id := range members {
		users[i] = open[user](r, userKey(a.prefix, id))
		facts[i] = users[i].now()
		order[i] = i
		row.OwnIDs = append(row.OwnIDs, schemas.OwnPersonID(a.name, schemas.ZID(id)))
		row.UpdatedAt = unix(max(row.UpdatedAt.Unix(), facts[i].at, users[i].told.at()))
		if i == 0 || facts[i].created < row.CreatedAt.Unix() {
			row.CreatedAt = unix(facts[i].created)
		}
		for _, source := range users[i].sources {
			if !slices.Contains(row.SourceIDs, source) {
				row.SourceIDs = append(row.SourceIDs, source)
			}
		}
		archived, since = archived && users[i].archived, max(since, facts[i].at)
	}
	head := users[0]
	if row.Archived = flag(archived); archived {
		row.ArchivedAt = ptr(since)
	}
	row.EmailPermission, row.SMSPermission = flag(head.mail), flag(head.sms)
	choose(row, users)
	slices.SortStableFunc(order, func(i, j int) int {
		x, y := &facts[i], &facts[j]
		if x.active != y.active {
			return int(flag(y.active)) - int(flag(x.active))
		}
		return cmp.Compare(y.at, x.at)
	})
	led := head.ledSince(members)
	for n, to := range []*string{&row.FirstName, &row.LastName, &row.Email, &row.PhoneNumber, &row.Language, &row.Timezone, &row.ExternalID} {
		if *to = kept(users, &facts[0], led, n); *to == "" {
			*to = newest(users, facts, order, n)
		}
	}
	for _, i := range order {
		if row.OrganizationID == 0 {
			row.OrganizationID = facts[i].org
		}
		row.OrganizationIDs = union(row.OrganizationIDs, users[i].organizations(facts[i].org))
	}
	row.Zendesk, row.Custom = zendeskObject(facts, order), customOf(users, r.keptValues(a, members))
	return row
}

func fill(to *string, v string) {
	if *to == "" {
		*to = v
	}
}

// zendeskObject writes the Zendesk fields of product.md 3.2: of the leading user, empty texts filled from the others.
// A person Zendesk does not know has none.
func zendeskObject(facts []userFacts, order []int) string {
	order = slices.DeleteFunc(slices.Clone(order), func(i int) bool { return schemas.IsOwnUser(schemas.ZID(facts[i].id)) })
	if len(order) == 0 {
		return "{}"
	}
	f := facts[order[0]]
	for _, i := range order[1:] {
		o := &facts[i]
		for _, p := range []struct {
			to *string
			v  string
		}{
			{&f.name, o.name},
			{&f.email, o.email},
			{&f.phone, o.phone},
			{&f.alias, o.alias},
			{&f.details, o.details},
			{&f.notes, o.notes},
			{&f.locale, o.locale},
			{&f.zone, o.zone},
			{&f.external, o.external},
		} {
			fill(p.to, p.v)
		}
		if f.fields == "{}" {
			f.fields = o.fields
		}
	}
	o := newObject(make([]byte, 0, 512))
	o.str("user_id", decimal(f.id))
	for _, p := range [][2]string{
		{"name", f.name},
		{"email", f.email},
		{"phone", f.phone},
		{"external_id", f.external},
		{"alias", f.alias},
		{"details", f.details},
		{"notes", f.notes},
		{"role", f.role},
		{"locale", f.locale},
		{"time_zone", f.zone},
		{"url", f.url},
	} {
		o.str(p[0], p[1])
	}
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
	o.raw("fields", []byte(f.fields))
	return string(o.end())
}
