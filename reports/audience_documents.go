package reports

import (
	"context"
	"maps"
	"slices"

	"deskstream/schemas"
)

// concerned is a person with the audiences that it is to be evaluated for.
type concerned struct {
	*document
	touched []*parsedAudience // lasting ones
	news    []newActivity     // those that may make it enter other ones
}

// concernedPeople gives the people that some users are, with what the filters of those audiences look at that their changes can matter to.
func (w *audienceWorker) concernedPeople(ctx context.Context, users []changedUser, news map[string][]newActivity) ([]*concerned, error) {
	rows, err := w.rowsOf(ctx, users)
	if err != nil {
		return nil, err
	}
	changes := make(map[string][]string, len(users))
	for _, u := range users {
		changes[userKey(u.Account, u.UserID)] = u.What
	}
	out := make([]*concerned, len(rows))
	deep := map[string]bool{}
	var need filterNeeds
	for i := range rows {
		c := w.concern(&rows[i].PersonRow, changes, news)
		for _, a := range c.audiences(&w.index) {
			need.join(&a.need)
			if len(a.need.kinds) > 0 {
				deep[rows[i].Account+" "+rows[i].PersonID] = true
			}
		}
		out[i] = c
	}
	docs, err := w.documents(ctx, w.accounts, rows, w.names, &need, func(who *person) bool { return deep[who.account+" "+who.ID] })
	if err != nil {
		return nil, err
	}
	for i, d := range docs {
		out[i].document = d
	}
	return out, nil
}

// concern says which audiences a person is to be evaluated for by the changes of its users.
func (w *audienceWorker) concern(r *schemas.PersonRow, changes map[string][]string, news map[string][]newActivity) *concerned {
	var what []string
	var c concerned
	for _, u := range r.UserIDs {
		key := userKey(r.Account, u)
		what = append(what, changes[key]...)
		c.news = append(c.news, news[key]...)
	}
	c.touched = w.index.touched(what)
	return &c
}

// audiences gives all that a person is to be evaluated for.
func (c *concerned) audiences(x *audienceIndex) []*parsedAudience {
	if len(c.news) == 0 {
		return c.touched
	}
	out := slices.Clone(c.touched)
	for _, n := range c.news {
		out = append(out, x.byActivity[n.Activity.Activity]...)
	}
	return out
}

// rowsOf gives the rows of the people that some users are, each once.
func (w *audienceWorker) rowsOf(ctx context.Context, users []changedUser) ([]personRow, error) {
	names := make([]string, len(users))
	for i, u := range users {
		names[i] = schemas.OwnPersonID(u.Account, schemas.ZID(u.UserID))
	}
	p := params{}
	p.texts("accounts", w.accounts)
	p.texts("names", names)
	return list[personRow](ctx, w.server, "audience_people", sqlText("audience_people"), p)
}

// newActivity is an activity that may make people enter an audience.
type newActivity struct {
	schemas.Activity
	seen schemas.FilterActivity
}

// news gives the activities between two positions that make people enter an audience, by account and user.
func (w *audienceWorker) news(ctx context.Context, from, to uint64) (map[string][]newActivity, error) {
	if len(w.index.firing) == 0 {
		return nil, nil
	}
	p := w.span(from, to)
	p.texts("kinds", slices.Sorted(maps.Keys(w.index.byActivity)))
	rows, err := list[schemas.Activity](ctx, w.server, "audience_news", sqlText("audience_news"), p)
	if err != nil {
		return nil, err
	}
	var need filterNeeds
	for _, a := range w.index.firing {
		need.join(&a.need)
	}
	seen := make([]*filterRow, len(rows))
	byUser := map[string][]newActivity{}
	for i := range rows {
		seen[i] = filterRowOf(&rows[i])
		key := userKey(rows[i].Account, rows[i].UserID)
		byUser[key] = append(byUser[key], newActivity{rows[i], seen[i].activity()})
	}
	return byUser, w.nameActivities(ctx, w.accounts, seen, &need)
}
