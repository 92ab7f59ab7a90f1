package processors

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"deskstream/schemas"
)

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
	inOrder(r.eventUsers)
	for _, w := range r.eventUsers {
		r.index(w)
	}
	for _, w := range r.eventUsers {
		if !w.resolved {
			r.resolve(w, it)
		}
	}
	for _, w := range r.resolving {
		w.resolved = false
	}
	for _, w := range r.eventUsers {
		w.inEvent, w.was, w.verdict = false, nil, nil
	}
	r.eventUsers, r.resolving = r.eventUsers[:0], r.resolving[:0]
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

// partners adds the users that Zendesk merged with a touched one, directly or over others: which of them lost, and whether the survivor is still a
// contact, may have become clear.
func (r *run) partners() {
	inOrder(r.eventUsers)
	for i := 0; i < len(r.eventUsers); i++ {
		w := r.eventUsers[i]
		for _, p := range w.u.pairs {
			o := r.user(w.account, p.other)
			if o.now.IsZero() {
				o.now, o.source = w.now, w.source
			}
		}
	}
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

// person says whether the user is in the audience: a contact that is not part of somebody who is none any more (R30).
func (u *user) person() bool { return u.contact() && !u.absorbed }

// contact says whether the user by itself may be in the audience: an end user, known and not erased.
func (u *user) contact() bool {
	f := u.now()
	return u.id != 0 && len(u.roles) > 0 && u.roleAt(1<<62) == roleEndUser && !f.erased && (u.rec != nil || u.born != 0)
}

// gone says whether the user can be no contact any more or for now: it was erased, which of one of ours leaves nothing, or is an agent.
func (u *user) gone() bool {
	return u.id != 0 && (u.now().erased || u.roleAt(1<<62) == roleAgent || len(u.roles) == 0 && schemas.IsOwnUser(schemas.ZID(u.id)))
}

// resolve finds all users that could be the same person as this one, directly or over others, and settles who is. Their people and aliases
// are emitted when the batch is taken.
func (r *run) resolve(w *userWork, it *item) {
	a := w.account
	users, rows := r.component(w)
	now := it.ev.ReceivedAt.Unix()
	r.inheritRefusals(a, users)
	r.resolving = append(r.resolving, users...)
	if r.absorb(a, users); len(users) == 1 && w.u.person() {
		r.settlePerson(a, &schemas.Party{Members: []int64{w.id}}, now)
	} else {
		r.settleAll(a, users, it)
	}
	for _, o := range users {
		o.resolved = true
	}
	for _, row := range rows {
		if !row.claimed {
			row.claimed = true
			r.claims = append(r.claims, claim{a, row})
		}
	}
}

// settleAll settles who of some users is one person, and as whom those count who are none.
func (r *run) settleAll(a *accountWork, users []*userWork, it *item) {
	var nodes []schemas.Identified
	now := it.ev.ReceivedAt.Unix()
	r.outlast(a, users)
	for _, o := range users {
		if !o.u.person() && !o.u.gone() && !o.u.absorbed {
			r.settleLeaver(o, nil, now) // nothing is known of it yet
			continue
		}
		n := o.u.identified()
		if n.Gone = !o.u.person(); !n.Gone {
			n.Identities = r.weakened(a, o.carries())
		}
		nodes = append(nodes, n)
	}
	if len(nodes) == 0 {
		return
	}
	parties := Group(nodes, a.sources.of(it.ev.Source).identifiers())
	for i := range parties {
		var as []int64
		if len(parties[i].Gone) > 0 {
			as = r.countedAs(a, parties, i)
		}
		for _, id := range parties[i].Gone {
			r.settleLeaver(r.userOf(a, id), as, now)
		}
	}
	for i := range parties {
		if len(parties[i].Members) > 0 {
			r.settlePerson(a, &parties[i], now)
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

// settleLeaver notes that a user is no person as of an event, and as which user it counts in figures, which is the first one, nil = itself.
func (r *run) settleLeaver(w *userWork, as []int64, now int64) {
	r.dropMerge(w)
	w.party, w.as = nil, as
	r.parties = append(r.parties, settled{head: w})
	r.quit(w.account, w.id, now, w.erased || w.u.now().erased)
}
