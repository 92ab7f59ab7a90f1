package processors

import (
	"cmp"
	"slices"

	"deskstream/schemas"
)

// Who is no contact any more, because Zendesk deleted it for good, it was erased here or became an agent, goes on to count in figures as the person
// it belonged to: what Zendesk merged and what somebody merged by hand still holds, and leads on to others. Who lost such a merge to somebody who is
// gone is no person of its own again.

// absorb finds who lost a merge in Zendesk to somebody who is gone. An erasure here alone absorbs nobody: what is known of the erased does not tell
// in every order which of the two lost. It goes on to hold who was absorbed before.
func (r *run) absorb(a *accountWork, users []*userWork) {
	for _, o := range users {
		o.absorbs = nil
	}
	for _, o := range users {
		s, absorbed := o, false
		o.orphan = false
		if len(o.u.pairs) > 0 && o.u.contact() {
			s = r.survivor(o)
			absorbed = s.u.gone() && (o.u.absorbed || !a.erased.has(s.id))
		}
		if absorbed {
			s.absorbs, o.orphan = append(s.absorbs, o.id), a.erased.has(s.id)
		}
		if absorbed != o.u.absorbed {
			o.u.absorbed = absorbed
			o.touch()
		}
	}
}

// survivor follows the merges in Zendesk that a user lost, but for those that somebody undid.
func (r *run) survivor(w *userWork) *userWork {
	for seen := []*userWork{w}; ; seen = append(seen, w) {
		u, f := w.u, w.u.now()
		i := slices.IndexFunc(u.pairs, func(p pair) bool { return r.lost(w.account, f, &p) && !u.apartFrom([]int64{p.other}) })
		if i < 0 {
			return w
		}
		if w = r.userOf(w.account, u.pairs[i].other); slices.Contains(seen, w) {
			return w
		}
	}
}

// outlast has users who are erased as of this event go on to be linked with the person they belonged to: with their identifiers goes what joined them.
func (r *run) outlast(a *accountWork, users []*userWork) {
	for _, o := range users {
		if !o.u.now().erased || o.remains != nil {
			continue
		}
		if m := &o.u.merge; m.head != 0 && !m.ended {
			r.linkWas(o, m.head)
		}
		for _, x := range users {
			if m := &x.u.merge; m.head == o.id && !m.ended {
				r.linkWas(o, x.id)
			}
		}
	}
}

// linkWas notes that a user who is erased was one person with another.
func (r *run) linkWas(w *userWork, other int64) {
	o := r.userOf(w.account, other)
	o.u.id = other
	w.u.addLink(link{other, 0, linkWas})
	o.u.addLink(link{w.id, 0, linkWas})
	w.touch()
	o.touch()
}

// countedAs gives the users as which the gone ones of a party count, the first one: who leads the person that the party is, or the oldest of the people
// they were part of. Where all of them are gone too it is the first of these by their numbers, with the others behind it.
func (r *run) countedAs(a *accountWork, parties []schemas.Party, at int) []int64 {
	if len(parties[at].Members) > 0 {
		return parties[at].Members[:1]
	}
	var heads []*userWork
	var all []int64
	reached := []int{at}
	for n := 0; n < len(reached); n++ {
		p := &parties[reached[n]]
		if len(p.Members) > 0 {
			heads = append(heads, r.userOf(a, p.Members[0]))
			continue
		}
		for _, id := range p.Gone {
			all = append(all, id)
			for _, l := range r.userOf(a, id).u.links {
				i := slices.IndexFunc(parties, func(p schemas.Party) bool {
					return slices.Contains(p.Members, l.other) || slices.Contains(p.Gone, l.other)
				})
				if l.kind == linkWas && i >= 0 && !slices.Contains(reached, i) {
					reached = append(reached, i)
				}
			}
		}
	}
	if len(heads) > 0 {
		return []int64{slices.MinFunc(heads, byAge).id}
	}
	slices.Sort(all)
	return all
}

func byAge(v, w *userWork) int {
	return cmp.Or(cmp.Compare(v.u.now().created, w.u.now().created), cmp.Compare(v.id, w.id))
}

// leave takes a user out of the audience: it became an agent, was erased, or lost a merge to one of these. The row that withdraws its person says as
// whom the user counts, and of somebody whom Zendesk deleted for good that they are to be erased here too, with those it absorbed.
func (r *run) leave(w *userWork) {
	u, row := w.u, w.withdrawn()
	listed := u.due || u.head != 0 || u.roleAt(1<<62) == roleEndUser // it is or was in the audience
	u.due = listed && (u.now().erased || w.orphan) && !w.account.erased.has(w.id)
	as := w.id
	if len(w.as) > 0 {
		as = w.as[0]
	}
	switch {
	case u.due: // those who are to be erased come last
		row.SourceIDs, row.Zendesk = u.sources, schemas.PersonDeletedForGood
		lost := slices.Sorted(slices.Values(append(w.absorbs, w.id)))
		row.UserIDs = append([]int64{as}, slices.DeleteFunc(slices.Clone(lost), func(id int64) bool { return id == as })...)
		row.OwnIDs = r.ownIDs(w.account, row.UserIDs[len(row.UserIDs)-len(lost):])
	case as != w.id:
		row.UserIDs = []int64{as, w.id}
		row.OwnIDs = r.ownIDs(w.account, row.UserIDs)
	case len(w.as) > 1:
		row.UserIDs, row.OwnIDs = w.as, r.ownIDs(w.account, w.as)
	}
	w.lead(samePerson(w.id, as, nil))
	r.emitLeft(w, row)
	if u.head != 0 {
		r.pointTo(w, 0)
	}
}

func (r *run) ownIDs(a *accountWork, users []int64) []string {
	ids := make([]string, len(users))
	for i, id := range users {
		ids[i] = r.userOf(a, id).own()
	}
	return ids
}

// emitLeft puts out the row that withdraws a user's own person, unless it is out or says nothing of somebody who has no row.
func (r *run) emitLeft(w *userWork, row *schemas.PersonRow) {
	if len(row.UserIDs) == 0 {
		r.withdrawPerson(w)
		return
	}
	data := appendPerson(r.room(700), row)
	if h := hashOf(data); h != w.u.sentPerson {
		w.u.sentPerson = h
		w.touch()
		r.emit(schemas.TablePeople, data)
	}
}
