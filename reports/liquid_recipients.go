package reports

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"deskstream/schemas"
)

// recipient is one that a message is rendered for: a person of the database, or data in the place of one.
type recipient struct {
	name    string         // of the person; "" when data takes its place
	trigger string         // id of the triggering activity; "" for none
	data    map[string]any // the roots
	who     *person        // set by fetch
	err     error          // why nothing can be rendered for it
}

// fetch puts into the recipients' data what the message needs of their people: a few queries, whatever their number. What is wrong with one
// recipient is in its err; the error is for all of them.
func (s *server) fetch(ctx context.Context, m *message, recipients []*recipient) error {
	f := fetching{server: s, message: m}
	for _, r := range recipients {
		if r.name != "" && r.err == nil {
			f.all = append(f.all, r)
		}
	}
	if len(f.all) == 0 {
		return nil
	}
	for _, step := range []func(context.Context) error{f.people, f.organizations, f.metrics, f.activities} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// fetching is the work of one fetch.
type fetching struct {
	*server
	*message
	accounts []string
	all      []*recipient // those of people
	found    []*recipient // those whose person exists
}

type namedPersonRow struct {
	schemas.PersonRow
	Alias string `ch:"alias"`
}

// people finds the people by their names. Recipients of one person share it.
func (f *fetching) people(ctx context.Context) (err error) {
	if f.accounts, err = f.server.accounts(ctx); err != nil {
		return err
	}
	names := make([]string, len(f.all))
	for i, r := range f.all {
		names[i] = strings.ToLower(r.name)
	}
	p := params{}
	p.texts("accounts", f.accounts)
	p.texts("names", names)
	rows, err := list[namedPersonRow](ctx, f.server, "liquid_people", sqlText("liquid_people"), p)
	if err != nil {
		return err
	}
	byName := map[string]*person{}
	byID := map[string]*person{}
	for i := range rows {
		id := rows[i].Account + " " + rows[i].PersonID
		if byID[id] == nil {
			byID[id] = personOf(&rows[i].PersonRow)
		}
		byName[rows[i].Alias] = byID[id]
	}
	for i, r := range f.all {
		if r.who = byName[names[i]]; r.who == nil {
			r.err = noPerson()
			continue
		}
		f.found = append(f.found, r)
	}
	return f.describe(ctx, byID)
}

// describe adds to people what is kept elsewhere, as far as the message needs it, and makes the root of each.
func (f *fetching) describe(ctx context.Context, people map[string]*person) error {
	users := map[string]*person{}
	var userIDs []int64
	for _, who := range people {
		for _, u := range who.userIDs {
			users[userKey(who.account, u)] = who
			userIDs = append(userIDs, u)
		}
	}
	if f.needs.figures {
		if err := f.addStats(ctx, f.accounts, users, userIDs); err != nil {
			return err
		}
	}
	if f.needs.firstLast {
		if err := f.addFirstLast(ctx, f.accounts, users, userIDs); err != nil {
			return err
		}
	}
	if f.needs.organizationName {
		if err := f.nameOrganizations(ctx, people); err != nil {
			return err
		}
	}
	roots := map[*person]map[string]any{}
	for _, r := range f.found {
		if roots[r.who] == nil {
			roots[r.who] = liquidPerson(r.who)
		}
		r.data["person"] = roots[r.who]
	}
	return nil
}

func (f *fetching) nameOrganizations(ctx context.Context, people map[string]*person) error {
	var ids []string
	for _, who := range people {
		if who.Organization != nil {
			ids = append(ids, who.Organization.ID)
		}
	}
	names, err := f.names(ctx, "organization", f.accounts, ids)
	for _, who := range people {
		if who.Organization != nil {
			who.Organization.Name = names[who.Organization.ID]
		}
	}
	return err
}

func (f *fetching) organizations(ctx context.Context) error {
	if !f.needs.organization {
		return nil
	}
	roots, err := f.organizationRoots(ctx)
	if err != nil {
		return err
	}
	for _, r := range f.found {
		r.data["organization"] = nil
		if o := r.who.Organization; o != nil && roots[r.who.account+" "+o.ID] != nil {
			r.data["organization"] = roots[r.who.account+" "+o.ID]
		}
	}
	return nil
}

// organizationRoots gives the organizations of the people by account and id; one that another one absorbed is the survivor.
func (f *fetching) organizationRoots(ctx context.Context) (map[string]map[string]any, error) {
	var ids []int64
	for _, r := range f.found {
		if r.who.Organization != nil {
			ids = append(ids, parseID(r.who.Organization.ID))
		}
	}
	p := params{}
	p.texts("accounts", f.accounts)
	p.ints("ids", ids)
	rows, err := list[organizationRow](ctx, f.server, "liquid_organizations", sqlText("liquid_organizations"), p)
	if err != nil {
		return nil, err
	}
	found := make([]organization, len(rows))
	for i := range rows {
		found[i] = organizationOf(&rows[i].OrganizationRow)
	}
	if f.needs.organizationFigures {
		if err := f.addFigures(ctx, f.accounts, found); err != nil {
			return nil, err
		}
	}
	roots := map[string]map[string]any{}
	for i := range rows {
		o := &found[i]
		if rows[i].MergedInto != 0 {
			if o, err = f.organization(ctx, []string{rows[i].Account}, rows[i].OrganizationID); err != nil {
				return nil, err
			}
		}
		roots[rows[i].Account+" "+idText(rows[i].OrganizationID)] = liquidOrganization(o)
	}
	return roots, nil
}

// metrics counts the tickets of the last days of all users of each person.
func (f *fetching) metrics(ctx context.Context) error {
	if !f.needs.metrics {
		return nil
	}
	type counts struct{ created, closed int64 }
	byUser := map[string]counts{}
	p := params{}
	p.texts("accounts", f.accounts)
	var users []int64
	for _, r := range f.found {
		users = append(users, r.who.userIDs...)
	}
	p.ints("users", users)
	p.time("since", f.Now().AddDate(0, 0, -liquidDays))
	err := f.query(ctx, "liquid_metrics", sqlText("liquid_metrics"), p, func(rows driver.Rows) error {
		var account string
		var user int64
		var created, closed uint64
		err := rows.Scan(&account, &user, &created, &closed)
		byUser[userKey(account, user)] = counts{int64(created), int64(closed)}
		return err
	})
	if err != nil {
		return err
	}
	for _, r := range f.found {
		var sum counts
		for _, u := range r.who.userIDs {
			n := byUser[userKey(r.who.account, u)]
			sum.created += n.created
			sum.closed += n.closed
		}
		r.data["metrics"] = liquidMetrics(r.who, sum.created, sum.closed)
	}
	return nil
}

// activities puts the roots activity and activities into the data.
func (f *fetching) activities(ctx context.Context) error {
	triggered := slices.ContainsFunc(f.found, func(r *recipient) bool { return r.trigger != "" })
	if len(f.needs.kinds) == 0 && !f.needs.activities && !triggered {
		return nil
	}
	p := f.activityParams()
	rows, err := f.namedActivities(ctx, "liquid_activities", p)
	if err != nil {
		return err
	}
	byOwner := map[string][]*liquidActivity{}
	for i := range rows {
		owner := rows[i].Account + " " + rows[i].Owner
		byOwner[owner] = append(byOwner[owner], &rows[i])
	}
	of := func(r *recipient) []*liquidActivity { return byOwner[r.who.account+" "+r.who.ID] }
	if slices.ContainsFunc(f.found, func(r *recipient) bool { return r.lacks(of(r)) }) {
		kept, err := f.keptActivities(ctx, p)
		if err != nil {
			return err
		}
		for _, r := range f.found {
			if owner := r.who.account + " " + r.who.ID; r.lacks(of(r)) {
				byOwner[owner] = append(byOwner[owner], kept[owner]...)
			}
		}
	}
	if err := f.describeActivities(ctx, f.accounts, slices.Concat(slices.Collect(maps.Values(byOwner))...), f.needs.sources); err != nil {
		return err
	}
	for _, r := range f.found {
		byKind, newest, ok := activityRoots(of(r), r.trigger)
		if !ok {
			r.err = noActivity()
		}
		r.data["activity"] = byKind
		if f.needs.activities {
			r.data["activities"] = newest
		}
	}
	return nil
}

func (f *fetching) activityParams() params {
	var persons, owners, triggers []string
	for _, r := range f.found {
		for _, id := range r.who.ownIDs {
			persons, owners = append(persons, id), append(owners, r.who.ID)
		}
		if r.trigger != "" {
			triggers = append(triggers, r.trigger)
		}
	}
	p := params{}
	p.texts("accounts", f.accounts)
	p.texts("persons", persons)
	p.texts("owners", owners)
	p.texts("triggers", triggers)
	p.texts("kinds", f.needs.kinds)
	p.flag("any_kind", slices.Contains(f.needs.kinds, anyKind))
	p.time("since", f.Now().Add(-f.window))
	p.time("now", f.Now())
	p.int("newest", 0)
	if f.needs.activities {
		p.int("newest", f.newest)
	}
	return p
}

func noPerson() error {
	return &schemas.Problem{Class: schemas.ErrNotFound, Code: "no-such-person", Detail: "there is no person of this id, address or external id"}
}

func noActivity() error {
	return &schemas.Problem{
		Class: schemas.ErrNotFound, Code: "no-such-activity", Detail: "the person has no activity of this id within retention, nor kept with an entry of an audience",
	}
}

// daysOf gives a number of days as a duration.
func daysOf(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }
