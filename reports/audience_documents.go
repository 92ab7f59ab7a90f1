package reports

import (
	"context"

	"deskstream/schemas"
)

// documentsOf gives the people that some names lead to, with what the audiences' filters look at.
func (w *audienceWorker) documentsOf(ctx context.Context, names []string) ([]*document, error) {
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
	return w.documents(ctx, w.accounts, rows, w.names, &w.need)
}

// needs gives what the audiences' filters look at now.
func (w *audienceWorker) needs() (n filterNeeds) {
	from := reach(w.Now(), w.Location)
	for _, a := range w.choose(func(a *parsedAudience) bool { return a.filter != nil }) {
		n.add(a.filter, from)
	}
	return n
}

// newActivity is an activity that may make people enter an audience.
type newActivity struct {
	schemas.Activity
	seen schemas.FilterActivity
}

// news gives the activities between two positions that make people enter an audience, by account and user.
func (w *audienceWorker) news(ctx context.Context, from, to uint64) (map[string][]newActivity, error) {
	var kinds []string
	for _, a := range w.firing() {
		kinds = append(kinds, a.fires...)
	}
	if len(kinds) == 0 {
		return nil, nil
	}
	p := w.span(from, to)
	p.texts("kinds", kinds)
	rows, err := list[schemas.Activity](ctx, w.server, "audience_news", sqlText("audience_news"), p)
	if err != nil {
		return nil, err
	}
	seen := make([]*filterRow, len(rows))
	byUser := map[string][]newActivity{}
	for i := range rows {
		seen[i] = filterRowOf(&rows[i])
		key := userKey(rows[i].Account, rows[i].UserID)
		byUser[key] = append(byUser[key], newActivity{rows[i], seen[i].activity()})
	}
	return byUser, w.nameActivities(ctx, w.accounts, seen, &w.need)
}
