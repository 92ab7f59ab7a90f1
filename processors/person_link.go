package processors

import (
	"sort"

	"deskstream/schemas"
)

// linkKind is what somebody decided about two users. Of two decisions of one instant the larger counts: apart.
type linkKind byte

const (
	linkFollows linkKind = iota // one person, the other's survives
	linkLeads                   // one person, this user's survives
	linkNone                    // nothing: identifiers decide
	linkApart                   // two people
	linkWas                     // nobody decided: one of them was part of the other's person when it was erased, and counts as that for as long as it is gone
)

// link is the newest decision about this user and another. Both have it.
type link struct {
	other int64
	at    int64 // nanoseconds
	kind  linkKind
}

// linkFacts is what an event says about users being one person.
type linkFacts struct {
	at       int64
	others   []int64
	apart    bool
	together []int64
}

func (it *item) loadLink() {
	var z schemas.PersonLink
	if !it.unmarshal(it.ev.Data, &z) || !it.sound(z.At, "at") {
		return
	}
	if len(z.Others) == 0 || len(z.Others) > schemas.MaxLinked || len(z.Together) > schemas.MaxLinked {
		it.die("invalid", "the link is about no other user, or about too many")
		return
	}
	it.decodedID = int64(z.ID)
	it.link = &linkFacts{at: z.At.UnixNano(), apart: z.Apart}
	for _, other := range z.Others {
		if other <= 0 || other == z.ID {
			it.die("invalid", "the link names a user that cannot be another one")
			return
		}
		it.link.others = append(it.link.others, int64(other))
	}
	for _, id := range z.Together {
		if id > 0 {
			it.link.together = append(it.link.together, int64(id))
		}
	}
}

// takeLink keeps the decision with all users it is about.
func (r *run) takeLink(a *accountWork, it *item) {
	if it.load(); it.domain == domainDead {
		r.dead(it)
		return
	}
	w, l, news := r.user(a, it.id), it.link, false
	mine, theirs := linkLeads, linkFollows
	if l.apart {
		mine, theirs = linkApart, linkApart
	}
	w.see(it)
	w.u.id = it.id
	for _, other := range l.others {
		o := r.user(a, other)
		o.see(it)
		o.u.id = other
		news = w.u.addLink(link{other, l.at, mine}) || news
		news = o.u.addLink(link{it.id, l.at, theirs}) || news
		o.touch()
	}
	if !r.void(a, it) && !news {
		r.result.Duplicates++
	}
	w.touch()
}

// void takes back that users of people that are merged were taken apart before.
func (r *run) void(a *accountWork, it *item) bool {
	news := false
	for _, id := range it.link.together {
		w := r.user(a, id)
		w.see(it)
		for _, l := range w.u.links {
			if l.kind == linkApart && contains(it.link.together, l.other) {
				news = w.u.addLink(link{l.other, it.link.at, linkNone}) || news
			}
		}
		w.touch()
	}
	return news
}

func (u *user) addLink(l link) bool {
	i := sort.Search(len(u.links), func(i int) bool { return u.links[i].other >= l.other })
	if i < len(u.links) && u.links[i].other == l.other {
		have := &u.links[i]
		if l.at < have.at || l.at == have.at && l.kind <= have.kind {
			return false
		}
		*have = l
		return true
	}
	u.links = append(u.links, link{})
	copy(u.links[i+1:], u.links[i:])
	u.links[i] = l
	return true
}

// joinedAt is when somebody merged the user with another one, in nanoseconds; 0 = nobody did.
func (u *user) joinedAt(other int64) int64 {
	for _, l := range u.links {
		if l.other == other && (l.kind == linkLeads || l.kind == linkFollows) {
			return l.at
		}
	}
	return 0
}

// identified gives the user as far as it matters to who is the same person, without its identities.
func (u *user) identified() schemas.Identified {
	n := schemas.Identified{User: u.id, Created: u.now().created}
	for _, p := range u.pairs {
		n.Merged = append(n.Merged, p.other)
	}
	for _, l := range u.links {
		switch l.kind {
		case linkApart:
			n.Apart = append(n.Apart, l.other)
		case linkNone, linkWas:
		case linkFollows, linkLeads:
			n.Joined = append(n.Joined, schemas.Joined{Other: l.other, At: l.at, Leads: l.kind == linkLeads})
		}
	}
	return n
}

// apartFrom says whether somebody took the user apart from any of others.
func (u *user) apartFrom(others []int64) bool {
	for _, l := range u.links {
		if l.kind == linkApart && contains(others, l.other) {
			return true
		}
	}
	return false
}
