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

// partners adds the users that Zendesk merged with a touched one: which of the two lost may have become clear.
func (r *run) partners() {
	inOrder(r.eventUsers)
	for _, w := range r.eventUsers {
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
	r.inheritRefusals(a, users)
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
