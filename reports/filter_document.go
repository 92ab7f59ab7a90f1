package reports

import (
	"context"

	"golang.org/x/sync/errgroup"

	"deskstream/schemas"
)

// document is a person as filters look at one.
type document struct {
	who    *person
	person *schemas.FilterPerson
}

// documents gives people with what some filters look at, in the order of the rows: a few queries, whatever the number of people. Activities
// are read of those that deep says yes to.
func (s *server) documents(
	ctx context.Context, accounts []string, rows []personRow, fields filterNames, need *filterNeeds, deep func(*person) bool,
) ([]*document, error) {
	docs := make([]*document, len(rows))
	users, owners := map[string]*person{}, map[string]*document{}
	var ids, deepIDs []int64
	for i := range rows {
		who := personOf(&rows[i].PersonRow)
		docs[i] = &document{who, &schemas.FilterPerson{Ever: map[string]schemas.Occurrence{}}}
		for _, u := range who.userIDs {
			key := userKey(who.account, u)
			users[key], owners[key] = who, docs[i]
			ids = append(ids, u)
		}
		if deep(who) {
			deepIDs = append(deepIDs, who.userIDs...)
		}
	}
	var organizations map[string]*organization
	g, ctx := errgroup.WithContext(ctx) // each fills other fields
	if need.figures {
		g.Go(func() error { return s.addStats(ctx, accounts, users, ids) })
	}
	if need.ever {
		g.Go(func() error { return s.addFirstLast(ctx, accounts, users, ids) })
	}
	if need.organization {
		g.Go(func() (err error) {
			organizations, err = s.organizationsOf(ctx, accounts, docs, need)
			return err
		})
	}
	if len(need.kinds) > 0 && len(deepIDs) > 0 {
		g.Go(func() error { return s.addActivities(ctx, accounts, owners, deepIDs, need) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, d := range docs {
		var org *organization
		if d.who.Organization != nil {
			org = organizations[d.who.account+" "+d.who.Organization.ID]
		}
		d.person.Field = fieldReader(d.who, org, fields)
		for slug, r := range d.who.FirstLast {
			d.person.Ever[slug] = schemas.Occurrence{First: r.FirstAt, Last: r.LastAt, Count: r.Count}
		}
	}
	return docs, nil
}

// everybody is deep for all.
func everybody(*person) bool { return true }

// organizationsOf gives the organizations of people, by account and id.
func (s *server) organizationsOf(ctx context.Context, accounts []string, docs []*document, need *filterNeeds) (map[string]*organization, error) {
	var ids []int64
	for _, d := range docs {
		if d.who.Organization != nil {
			ids = append(ids, parseID(d.who.Organization.ID))
		}
	}
	p := params{}
	p.texts("accounts", accounts)
	p.ints("ids", ids)
	rows, err := list[organizationRow](ctx, s, "liquid_organizations", sqlText("liquid_organizations"), p)
	if err != nil {
		return nil, err
	}
	found := make([]organization, len(rows))
	byID := make(map[string]*organization, len(rows))
	for i := range rows {
		found[i] = organizationOf(&rows[i].OrganizationRow)
		byID[rows[i].Account+" "+found[i].ID] = &found[i]
	}
	if need.organizationFigures {
		err = s.addFigures(ctx, accounts, found)
	}
	return byID, err
}

// documentActivity is an activity of a user as filters look at one.
type documentActivity struct {
	filterRow
	Account string `ch:"account"`
}

// addActivities adds the activities that are looked at one by one.
func (s *server) addActivities(ctx context.Context, accounts []string, owners map[string]*document, users []int64, need *filterNeeds) error {
	p := params{}
	p.texts("accounts", accounts)
	p.ints("users", users)
	p.texts("kinds", need.kinds)
	p.time("since", need.since)
	p.time("now", s.Now())
	rows, err := list[documentActivity](ctx, s, "filter_activities", sqlText("filter_activities"), p)
	if err != nil {
		return err
	}
	activities := make([]*filterRow, len(rows))
	for i := range rows {
		activities[i] = &rows[i].filterRow
		if d := owners[userKey(rows[i].Account, rows[i].UserID)]; d != nil {
			d.person.Activities = append(d.person.Activities, activities[i].activity())
		}
	}
	return s.nameActivities(ctx, accounts, activities, need)
}

// nameActivities gives activities the names, as they are now, that filters look at.
func (s *server) nameActivities(ctx context.Context, accounts []string, rows []*filterRow, need *filterNeeds) error {
	for _, kind := range need.names {
		keys := make([]string, len(rows))
		for i, r := range rows {
			keys[i] = r.idOf(kind)
		}
		names, err := s.names(ctx, kind, accounts, keys)
		if err != nil {
			return err
		}
		for i, r := range rows {
			if name := names[keys[i]]; name != "" {
				r.setName(kind, name)
			}
		}
	}
	return nil
}
