package processors

import (
	"cmp"
	"slices"

	"deskstream/schemas"
)

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
	w.u.sentPerson = 0
	w.touch()
	r.emit(schemas.TablePeople, appendPerson(r.room(700), w.withdrawn()))
}

// withdrawn is the row that withdraws a user's own person.
func (w *userWork) withdrawn() *schemas.PersonRow {
	return &schemas.PersonRow{
		Account: w.account.name, PersonID: w.own(), Zendesk: "{}", Custom: "{}", CreatedAt: unix(0), UpdatedAt: unix(0), IsDeleted: 1,
	}
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
	case schemas.IdentifierEmail:
		return "email:"
	case schemas.IdentifierExternalID:
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
	data := appendAgent(r.room(240), &schemas.Agent{
		Account: w.account.name, UserID: u.id, Name: f.name, Email: foldEmail(f.email), Role: f.role, Active: flag(f.active), UpdatedAt: unix(f.at),
	})
	if h := hashOf(data); h != u.sentAgent {
		u.sentAgent = h
		w.touch()
		r.emit(schemas.TableAgents, data)
	}
}
