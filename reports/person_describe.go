package reports

import (
	"context"
	"maps"

	"golang.org/x/sync/errgroup"

	"deskstream/schemas"
)

// describePeople fills people from their rows: names of organizations, figures and first and last activities of all their users.
func (s *server) describePeople(ctx context.Context, accounts []string, rows []personRow) ([]*person, error) {
	people := make([]*person, len(rows))
	users := map[string]*person{} // account and user id
	var userIDs []int64
	var organizations []string
	var further []int64 // that are not the default one of somebody
	for i := range rows {
		people[i] = personOf(&rows[i].PersonRow)
		for _, u := range rows[i].UserIDs {
			users[userKey(rows[i].Account, u)] = people[i]
			userIDs = append(userIDs, u)
		}
		for _, o := range people[i].Memberships {
			organizations = append(organizations, o.ID)
			if people[i].Organization == nil || o.ID != people[i].Organization.ID {
				further = append(further, parseID(o.ID))
			}
		}
	}
	var names map[string]string
	var ended []string
	g, ctx := errgroup.WithContext(ctx) // each fills other fields
	g.Go(func() (err error) {
		names, err = s.names(ctx, "organization", accounts, organizations)
		return err
	})
	g.Go(func() (err error) {
		ended, err = s.endedOrganizations(ctx, accounts, further)
		return err
	})
	g.Go(func() error { return s.addStats(ctx, accounts, users, userIDs) })
	g.Go(func() error { return s.addFirstLast(ctx, accounts, users, userIDs) })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, p := range people {
		p.leaveEnded(ended)
		p.nameOrganizations(names)
	}
	return people, nil
}

// endedOrganizations gives those that were deleted or absorbed by another, as account and id.
func (s *server) endedOrganizations(ctx context.Context, accounts []string, ids []int64) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	p := params{}
	p.texts("accounts", accounts)
	p.ints("organizations", ids)
	rows, err := list[schemas.OrganizationRow](ctx, s, "organizations_ended", sqlText("organizations_ended"), p)
	ended := make([]string, len(rows))
	for i := range rows {
		ended[i] = userKey(rows[i].Account, rows[i].OrganizationID)
	}
	return ended, err
}

// addStats puts the figures of tickets beside the Zendesk fields (product.md 3.2), summed over the users that are one person.
func (s *server) addStats(ctx context.Context, accounts []string, users map[string]*person, userIDs []int64) error {
	rows, err := usersRows[schemas.PersonStats](ctx, s, "person_stats", accounts, userIDs)
	if err != nil {
		return err
	}
	byPerson := map[*person]*schemas.PersonStats{}
	for i := range rows {
		if p := users[userKey(rows[i].Account, rows[i].UserID)]; p != nil {
			byPerson[p] = mergeStats(byPerson[p], &rows[i])
		}
	}
	for _, p := range users {
		maps.Copy(p.Zendesk, figuresOf(byPerson[p]))
	}
	return nil
}

func (s *server) addFirstLast(ctx context.Context, accounts []string, users map[string]*person, userIDs []int64) error {
	rows, err := usersRows[schemas.PersonActivity](ctx, s, "person_activities", accounts, userIDs)
	if err != nil {
		return err
	}
	for i := range rows {
		if p := users[userKey(rows[i].Account, rows[i].UserID)]; p != nil {
			p.addActivity(&rows[i])
		}
	}
	return nil
}

// usersRows reads the rows of users from a table that is keyed by them.
func usersRows[T any](ctx context.Context, s *server, statement string, accounts []string, userIDs []int64) ([]T, error) {
	if len(userIDs) == 0 {
		return nil, nil
	}
	p := params{}
	p.texts("accounts", accounts)
	p.ints("users", userIDs)
	return list[T](ctx, s, statement, sqlText(statement), p)
}
