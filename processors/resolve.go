package processors

import "sort"

// node is a user as far as it matters to who is the same person.
type node struct {
	id, created int64
	identities  []identity
	pairs       []int64 // users it was merged with in Zendesk
}

// group tells which users are one person. It is a pure function of the set of users: Zendesk's own merges hold always; then one
// identifier after the other, the strongest first, joins users who share a value of it, unless they have different values of a stronger
// one. Users are taken oldest first, so a user who fits two people goes to the older one. Groups come out oldest user first.
func group(nodes []node, identifiers []string) [][]int64 {
	sort.Slice(nodes, func(i, j int) bool { return nodes[i].before(&nodes[j]) })
	g := &grouping{nodes: nodes, parent: make([]int, len(nodes)), index: make(map[int64]int, len(nodes))}
	for i := range nodes {
		g.parent[i], g.index[nodes[i].id] = i, i
	}
	for i := range nodes {
		for _, other := range nodes[i].pairs {
			if j, ok := g.index[other]; ok {
				g.join(i, j)
			}
		}
	}
	for level, kind := range identifiers {
		g.level(kind, identifiers[:level])
	}
	return g.groups()
}

func (n *node) before(o *node) bool {
	return n.created < o.created || n.created == o.created && n.id < o.id
}

type grouping struct {
	nodes  []node
	parent []int // the oldest member leads: parent[i] <= i
	index  map[int64]int
}

func (g *grouping) root(i int) int {
	for g.parent[i] != i {
		i = g.parent[i]
	}
	return i
}

func (g *grouping) join(i, j int) {
	a, b := g.root(i), g.root(j)
	g.parent[max(a, b)] = min(a, b)
}

// level joins users who share a value of one identifier.
func (g *grouping) level(kind string, stronger []string) {
	byValue := map[string][]int{}
	for i := range g.nodes {
		for _, id := range g.nodes[i].identities {
			if id.kind == kind && id.strong {
				byValue[id.value] = append(byValue[id.value], i)
			}
		}
	}
	for _, value := range sortedKeys(byValue) {
		g.share(byValue[value], stronger)
	}
}

// share joins each user with the oldest of those before it that it does not contradict.
func (g *grouping) share(members []int, stronger []string) {
	for i, m := range members {
		for _, older := range members[:i] {
			if g.root(m) == g.root(older) {
				break
			}
			if !g.contradict(m, older, stronger) {
				g.join(m, older)
				break
			}
		}
	}
}

// contradict says whether the people of two users have different values of a stronger identifier.
func (g *grouping) contradict(i, j int, stronger []string) bool {
	for _, kind := range stronger {
		a, b := g.values(g.root(i), kind), g.values(g.root(j), kind)
		if len(a) > 0 && len(b) > 0 && !overlap(a, b) {
			return true
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
		for _, id := range g.nodes[i].identities {
			if id.kind == kind && id.strong {
				out = append(out, id.value)
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

// groups lists the members of each person.
func (g *grouping) groups() [][]int64 {
	at := map[int]int{}
	var out [][]int64
	for i := range g.nodes {
		r := g.root(i)
		k, ok := at[r]
		if !ok {
			k = len(out)
			at[r] = k
			out = append(out, nil)
		}
		out[k] = append(out[k], g.nodes[i].id)
	}
	return out
}
