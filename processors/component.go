package processors

import (
	"slices"

	"deskstream/schemas"
)

// weakened gives identities, without the power to merge where too many users share a value.
func (r *run) weakened(a *accountWork, list []hashedIdentity) []schemas.Identity {
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

func (c *component) identities(r *run, a *accountWork, list []hashedIdentity) {
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
