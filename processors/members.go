package processors

import (
	"slices"
	"sort"

	"deskstream/schemas"
)

// member is a user's membership in an organization, in the newest form known.
type member struct {
	org  int64
	at   int64 // when it began, was changed or ended
	gone bool
}

func (it *item) loadMembership() {
	var z schemas.ZMembership
	if !it.unmarshal(it.ev.Data, &z) || !it.sound(z.CreatedAt, "created_at") {
		return
	}
	if z.Organization <= 0 {
		it.die("invalid", "the membership names no organization")
		return
	}
	at := z.CreatedAt
	if sane(z.UpdatedAt) && z.UpdatedAt.After(at) {
		at = z.UpdatedAt
	}
	it.decodedID, it.decodedSub = int64(z.UserID), int64(z.ID)
	it.member = &member{org: int64(z.Organization), at: at.Unix()}
}

// takeMember merges a membership of a list.
func (r *run) takeMember(a *accountWork, it *item) {
	if it.load(); it.domain == domainDead {
		r.dead(it)
		return
	}
	if r.userOf(a, it.id).u.isMember(*it.member) {
		r.result.Duplicates++
		return
	}
	w := r.user(a, it.id)
	w.see(it)
	w.u.id = it.id
	w.u.addMember(*it.member)
	w.touch()
}

func (u *user) findMember(org int64) int {
	return sort.Search(len(u.members), func(i int) bool { return u.members[i].org >= org })
}

// isMember says whether what is known is as new as m.
func (u *user) isMember(m member) bool {
	i := u.findMember(m.org)
	return i < len(u.members) && u.members[i].org == m.org && !m.newer(&u.members[i])
}

// newer tells which of two words about a membership counts; of two of one second the end does.
func (m *member) newer(than *member) bool {
	return m.at > than.at || m.at == than.at && m.gone && !than.gone
}

func (u *user) addMember(m member) bool {
	if u.isMember(m) {
		return false
	}
	i := u.findMember(m.org)
	if i < len(u.members) && u.members[i].org == m.org {
		u.members[i] = m
	} else {
		u.members = slices.Insert(u.members, i, m)
	}
	return true
}

// organizations lists those the user is in, the default one first.
func (u *user) organizations(standard int64) []int64 {
	var out []int64
	if standard != 0 {
		out = append(out, standard)
	}
	for _, m := range u.members {
		if !m.gone && m.org != standard {
			out = append(out, m.org)
		}
	}
	return out
}
