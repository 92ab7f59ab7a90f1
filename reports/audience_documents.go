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
	member  func(*parsedAudience) bool // whether it is in an audience, as the table has it
	what    []string                   // what changed
	touched []*parsedAudience          // lasting ones
	news    []newActivity              // those that may make it enter other ones
}

// ref names a person by its first user.
func (c *concerned) ref() userRef { return userRef{c.who.account, c.who.userIDs[0]} }

// readPeople gives the people that some users are, read from the tables, with what the filters of those audiences look at that their changes
// can matter to.
func (w *audienceWorker) readPeople(ctx context.Context, users []*userChange) ([]*concerned, error) {
	rows, err := w.rowsOf(ctx, users)
	if err != nil {
		return nil, err
	}
	changes := make(map[userRef]*userChange, len(users))
	for _, u := range users {
		changes[userRef{u.account, u.user}] = u
	}
	out := make([]*concerned, len(rows))
	deep := map[string]bool{}
	var need filterNeeds
	for i := range rows {
		c := w.concern(&rows[i].PersonRow, changes)
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
	return out, w.readMembers(ctx, out)
}

// concern says which audiences a person is to be evaluated for by the changes of its users.
func (w *audienceWorker) concern(r *schemas.PersonRow, changes map[userRef]*userChange) *concerned {
	var c concerned
	for _, u := range r.UserIDs {
		if change := changes[userRef{r.Account, u}]; change != nil {
			c.what = append(c.what, change.what...)
			c.news = append(c.news, change.news...)
		}
	}
	c.touched = w.index.touched(c.what)
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
func (w *audienceWorker) rowsOf(ctx context.Context, users []*userChange) ([]personRow, error) {
	names := make([]string, len(users))
	for i, u := range users {
		names[i] = schemas.OwnPersonID(u.account, schemas.ZID(u.user))
	}
	p := params{}
	p.texts("accounts", w.accounts)
	p.texts("names", names)
	return list[personRow](ctx, w.server, "audience_people", sqlText("audience_people"), p)
}

// readMembers reads which audiences people are in, under any of their own ids.
func (w *audienceWorker) readMembers(ctx context.Context, people []*concerned) error {
	owners := map[string]*person{}
	var ids []string
	touched := map[string]bool{}
	for _, c := range people {
		for _, id := range append(slices.Clone(c.who.ownIDs), c.who.ID) {
			owners[c.who.account+" "+id] = c.who
			ids = append(ids, id)
		}
		for _, a := range c.touched {
			touched[a.ID] = true
		}
	}
	p := params{}
	p.texts("accounts", w.accounts)
	p.texts("audiences", slices.Sorted(maps.Keys(touched)))
	p.texts("persons", ids)
	rows, err := list[schemas.AudienceMember](ctx, w.server, "audience_of_people", sqlText("audience_of_people"), p)
	in := map[*person]map[string]bool{}
	for _, r := range rows {
		who := owners[r.Account+" "+r.PersonID]
		if in[who] == nil {
			in[who] = map[string]bool{}
		}
		in[who][r.AudienceID] = true
	}
	for _, c := range people {
		c.member = func(a *parsedAudience) bool { return in[c.who][a.ID] }
	}
	return err
}

// readPeopleOf adds a change of their organization to those who are in some organizations, by account.
func (w *audienceWorker) readPeopleOf(ctx context.Context, organizations map[string][]int64, changes *userChanges) error {
	for account, ids := range organizations {
		p := params{}
		p.texts("accounts", []string{account})
		p.ints("ids", ids)
		users, err := list[struct {
			UserID int64 `ch:"user_id"`
		}](ctx, w.server, "audience_of_organizations", sqlText("audience_of_organizations"), p)
		if err != nil {
			return err
		}
		for _, u := range users {
			changes.add(account, u.UserID, changedOrganization)
		}
	}
	return nil
}
