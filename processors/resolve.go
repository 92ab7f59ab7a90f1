package processors

import (
	"slices"
	"sort"

	"deskstream/schemas"
)

// Group tells which users are one person. It is a pure function of the set of users: what somebody decided by hand holds always, then
// Zendesk's own merges; then one identifier after the other, the strongest first, joins users who share a value of it, unless they have
// different values of a stronger one or somebody took them apart. Users are taken oldest first, so a user who fits two people goes to
// the older one. Users that are gone share no identifiers, but what was decided and merged leads over them, unless somebody took those apart who would
// come together. Parties come out by their oldest user.
func Group(users []schemas.Identified, identifiers []string) []schemas.Party {
	if len(users) == 1 && !users[0].Gone {
		return []schemas.Party{{Members: []int64{users[0].User}}}
	}
	sort.Slice(users, func(i, j int) bool { return before(&users[i], &users[j]) })
	g := &grouping{nodes: users, parent: make([]int, len(users)), index: make(map[int64]int, len(users))}
	for i := range users {
		g.parent[i], g.index[users[i].User] = i, i
	}
	for i := range users {
		for _, j := range users[i].Joined {
			g.force(i, j.Other, schemas.MergedByHand)
		}
	}
	for i := range users {
		for _, other := range users[i].Merged {
			if !slices.Contains(users[i].Apart, other) {
				g.force(i, other, schemas.MergedByZendesk)
			}
		}
	}
	for level, kind := range identifiers {
		g.level(kind, identifiers[:level])
	}
	return g.parties()
}

// before puts those who are gone last, by their numbers: when they came into being may not be known any more.
func before(n, o *schemas.Identified) bool {
	if n.Gone || o.Gone {
		return !n.Gone || o.Gone && n.User < o.User
	}
	return n.Created < o.Created || n.Created == o.Created && n.User < o.User
}

type grouping struct {
	nodes  []schemas.Identified
	parent []int // the oldest member leads: parent[i] <= i
	index  map[int64]int
	proofs []proof // why nodes were joined: a tree for each party
}

type proof struct {
	i, j   int
	reason string
}

func (g *grouping) force(i int, other int64, reason string) {
	j, ok := g.index[other]
	if !ok || (g.nodes[i].Gone || g.nodes[j].Gone) && g.apart(g.root(i), g.root(j)) {
		return
	}
	g.join(i, j, reason)
}

func (g *grouping) root(i int) int {
	for g.parent[i] != i {
		i = g.parent[i]
	}
	return i
}

func (g *grouping) join(i, j int, reason string) {
	a, b := g.root(i), g.root(j)
	if a != b {
		g.parent[max(a, b)] = min(a, b)
		g.proofs = append(g.proofs, proof{i, j, reason})
	}
}

// level joins users who share a value of one identifier.
func (g *grouping) level(kind string, stronger []string) {
	having := map[string][]int{}
	for m := range g.nodes {
		var older []int
		for _, id := range g.nodes[m].Identities {
			if id.Kind == kind && id.Strong {
				older = append(older, having[id.Value]...)
				having[id.Value] = append(having[id.Value], m)
			}
		}
		slices.Sort(older)
		g.fit(m, older, kind, stronger)
	}
}

// fit joins a user with those before it whom it does not contradict, the oldest first: by whichever value, or the alphabet would decide between two people.
func (g *grouping) fit(m int, older []int, kind string, stronger []string) {
	for _, o := range older {
		if g.root(m) != g.root(o) && !g.contradict(m, o, stronger) {
			g.join(m, o, kind)
		}
	}
}

// contradict says whether the people of two users have different values of a stronger identifier, or were taken apart.
func (g *grouping) contradict(i, j int, stronger []string) bool {
	if g.apart(g.root(i), g.root(j)) {
		return true
	}
	for _, kind := range stronger {
		a, b := g.values(g.root(i), kind), g.values(g.root(j), kind)
		if len(a) > 0 && len(b) > 0 && !overlap(a, b) {
			return true
		}
	}
	return false
}

func (g *grouping) apart(a, b int) bool {
	for i := range g.nodes {
		if g.root(i) != a {
			continue
		}
		for _, other := range g.nodes[i].Apart {
			if j, ok := g.index[other]; ok && g.root(j) == b {
				return true
			}
		}
	}
	return false
}

func (g *grouping) values(root int, kind string) []string {
	var out []string
	for i := range g.nodes {
		if g.root(i) != root {
			continue
		}
		for _, id := range g.nodes[i].Identities {
			if id.Kind == kind && id.Strong {
				out = append(out, id.Value)
			}
		}
	}
	return out
}

func overlap(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return true
			}
		}
	}
	return false
}

// parties lists the members of each person, the survivor first, and why each belongs to it.
func (g *grouping) parties() []schemas.Party {
	at := map[int]int{}
	var out []schemas.Party
	for i := range g.nodes {
		r := g.root(i)
		k, ok := at[r]
		if !ok {
			k = len(out)
			at[r] = k
			out = append(out, schemas.Party{})
		}
		if g.nodes[i].Gone {
			out[k].Gone = append(out[k].Gone, g.nodes[i].User)
		} else {
			out[k].Members = append(out[k].Members, g.nodes[i].User)
		}
	}
	for i := range out {
		if len(out[i].Members) > 0 {
			g.lead(&out[i])
			g.explain(&out[i])
		}
	}
	return out
}

// lead puts the survivor first: the one of the newest merge by hand, else the oldest.
func (g *grouping) lead(p *schemas.Party) {
	survivor, newest := p.Members[0], int64(0)
	for _, id := range p.Members {
		for _, j := range g.nodes[g.index[id]].Joined {
			if _, here := g.index[j.Other]; here && j.Leads && (j.At > newest || j.At == newest && id < survivor) {
				survivor, newest = id, j.At
			}
		}
	}
	i := slices.Index(p.Members, survivor)
	p.Members = slices.Insert(slices.Delete(p.Members, i, i+1), 0, survivor)
}

// explain walks from the survivor along what joined the users. Who came over somebody who is gone came from the survivor.
func (g *grouping) explain(p *schemas.Party) {
	reached := []int64{p.Members[0]}
	for n := 0; n < len(reached); n++ {
		for _, e := range g.proofs {
			a, b := g.nodes[e.i].User, g.nodes[e.j].User
			if b == reached[n] {
				a, b = b, a
			}
			if a == reached[n] && !slices.Contains(reached, b) {
				reached = append(reached, b)
				if g.nodes[g.index[a]].Gone {
					a = reached[0]
				}
				if !g.nodes[g.index[b]].Gone {
					p.Links = append(p.Links, schemas.PartyLink{User: b, Via: a, Reason: e.reason})
				}
			}
		}
	}
	sort.Slice(p.Links, func(i, j int) bool { return p.Links[i].User < p.Links[j].User })
}
