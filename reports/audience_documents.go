package reports

import (
	"context"
	"slices"
	"time"

	"deskstream/schemas"
)

// document is a person as audiences are evaluated for.
type document struct {
	who    *person
	person *schemas.FilterPerson
}

// documents gives the people that some names lead to, with what the audiences' filters look at: a few queries, whatever their number.
func (w *audienceWorker) documents(ctx context.Context, names []string) ([]*document, error) {
	p := params{}
	p.texts("accounts", w.accounts)
	p.texts("names", names)
	found, err := list[namedPersonRow](ctx, w.server, "liquid_people", sqlText("liquid_people"), p)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var rows []personRow
	for i := range found {
		if id := found[i].Account + " " + found[i].PersonID; !seen[id] {
			seen[id] = true
			rows = append(rows, personRow{PersonRow: found[i].PersonRow})
		}
	}
	people, err := w.describePeople(ctx, w.accounts, rows)
	if err != nil {
		return nil, err
	}
	organizations, err := w.organizationsOf(ctx, people)
	if err != nil {
		return nil, err
	}
	docs := make([]*document, len(people))
	for i, who := range people {
		f := &schemas.FilterPerson{Field: fieldReader(who, organizations[who], w.names), Ever: map[string]schemas.Occurrence{}}
		for slug, r := range who.FirstLast {
			f.Ever[slug] = schemas.Occurrence{First: r.FirstAt, Last: r.LastAt, Count: r.Count}
		}
		docs[i] = &document{who, f}
	}
	return docs, w.addActivities(ctx, docs)
}

// organizationsOf gives the organizations of people, if any audience looks at them.
func (w *audienceWorker) organizationsOf(ctx context.Context, people []*person) (map[*person]*organization, error) {
	out := map[*person]*organization{}
	if !w.usesOrganization() {
		return out, nil
	}
	var ids []int64
	for _, who := range people {
		if who.Organization != nil {
			ids = append(ids, parseID(who.Organization.ID))
		}
	}
	p := params{}
	p.texts("accounts", w.accounts)
	p.ints("ids", ids)
	rows, err := list[organizationRow](ctx, w.server, "liquid_organizations", sqlText("liquid_organizations"), p)
	if err != nil {
		return nil, err
	}
	byID := map[string]*organization{}
	for i := range rows {
		byID[rows[i].Account+" "+idText(rows[i].OrganizationID)] = new(organizationOf(&rows[i].OrganizationRow))
	}
	for _, who := range people {
		if who.Organization != nil {
			out[who] = byID[who.account+" "+who.Organization.ID]
		}
	}
	return out, nil
}

// audienceActivity is an activity of a user as filters look at one.
type audienceActivity struct {
	filterRow
	Account string `ch:"account"`
	UserID  int64  `ch:"user_id"`
}

// addActivities adds the activities of the kinds that the filters need one by one, as far back as they need them.
func (w *audienceWorker) addActivities(ctx context.Context, docs []*document) error {
	kinds, since := w.needed()
	if len(kinds) == 0 {
		return nil
	}
	owners := map[string]*document{}
	var users []int64
	for _, d := range docs {
		for _, u := range d.who.userIDs {
			owners[userKey(d.who.account, u)] = d
			users = append(users, u)
		}
	}
	p := params{}
	p.texts("accounts", w.accounts)
	p.ints("users", users)
	p.texts("kinds", kinds)
	p.time("since", since)
	p.time("now", w.Now())
	rows, err := list[audienceActivity](ctx, w.server, "audience_activities", sqlText("audience_activities"), p)
	if err != nil {
		return err
	}
	for i := range rows {
		r := &rows[i]
		if d := owners[userKey(r.Account, r.UserID)]; d != nil {
			d.person.Activities = append(d.person.Activities, schemas.FilterActivity{Activity: r.Activity, At: r.OccurredAt, Attribute: attributeReader(&r.filterRow)})
		}
	}
	return nil
}

// needed gives the kinds of activities that a filter looks at one by one, and since when.
func (w *audienceWorker) needed() (kinds []string, since time.Time) {
	now := w.Now()
	since = now
	for _, a := range w.choose(func(a *parsedAudience) bool { return a.filter != nil }) {
		a.filter.EachActivity(func(c *schemas.ActivityCondition) {
			if c.Summed() {
				return
			}
			kinds = append(kinds, c.Activity)
			from := time.Unix(0, 0)
			if c.When != nil && c.Op != schemas.OpFirstOccurred && c.Op != schemas.OpLastOccurred {
				from = c.When.Span(now, w.Location).From
			}
			if from.Before(since) {
				since = from
			}
		})
	}
	if since.Unix() < 0 {
		since = time.Unix(0, 0)
	}
	slices.Sort(kinds)
	return slices.Compact(kinds), since
}

func filterRowOf(x *schemas.Activity) *filterRow {
	return &filterRow{
		Activity: x.Activity, OccurredAt: x.OccurredAt, TicketID: x.TicketID, OrganizationID: x.OrganizationID, AssigneeID: x.AssigneeID, GroupID: x.GroupID,
		BrandID: x.BrandID, Channel: x.Channel, Priority: x.Priority, Type: x.Type, Status: x.Status, PreviousStatus: x.PreviousStatus, Subject: x.Subject,
		Message: x.Message, Tags: x.Tags, Attributes: x.Attributes,
	}
}
