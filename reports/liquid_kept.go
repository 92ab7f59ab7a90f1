package reports

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"deskstream/schemas"
)

// keptRow is an activity that was kept with an audience's entry, as it was.
type keptRow struct {
	Account    string `ch:"account"`
	Owner      string `ch:"owner"`
	Attributes string `ch:"attributes"`
}

// keptActivities gives the triggering activities that are stored no more but were kept with an audience's entry, by account and person.
func (f *fetching) keptActivities(ctx context.Context, p params) (map[string][]*liquidActivity, error) {
	rows, err := list[keptRow](ctx, f.server, "liquid_kept", sqlText("liquid_kept"), p)
	if err != nil {
		return nil, err
	}
	byOwner := map[string][]*liquidActivity{}
	var all []*liquidActivity
	for _, r := range rows {
		x, err := activityOfEntry(r.Attributes)
		if err != nil {
			return nil, err
		}
		a := keptActivity(x)
		byOwner[r.Account+" "+r.Owner] = append(byOwner[r.Account+" "+r.Owner], a)
		all = append(all, a)
	}
	return byOwner, f.nameKept(ctx, all)
}

// activityOfEntry reads the activity that an audience's entry keeps.
func activityOfEntry(text string) (*schemas.Activity, error) {
	var x schemas.Activity
	if err := json.Unmarshal([]byte(text), &x); err != nil {
		return nil, fmt.Errorf("activity of an audience's entry: %w", err)
	}
	return &x, nil
}

func keptActivity(x *schemas.Activity) *liquidActivity {
	return &liquidActivity{
		feedRow: feedRow{
			ActivityID: x.ActivityID, Activity: x.Activity, OccurredAt: x.OccurredAt, TicketID: x.TicketID, PersonID: x.PersonID, Subject: x.Subject,
			Status: x.Status, Text: x.Text, Attributes: x.Attributes,
		},
		Account: x.Account, UserID: x.UserID, FormID: x.FormID, Message: x.Message, PreviousStatus: x.PreviousStatus,
		Priority: x.Priority, Type: x.Type, Channel: x.Channel, Tags: x.Tags,
		AssigneeID: x.AssigneeID, GroupID: x.GroupID, BrandID: x.BrandID, OrganizationID: x.OrganizationID,
	}
}

// nameKept adds the names of what the activities name by ids, as they are now.
func (f *fetching) nameKept(ctx context.Context, all []*liquidActivity) error {
	d := describing{f.server, f.accounts, all}
	for _, n := range []struct {
		kind string
		id   func(*liquidActivity) int64
		to   func(*liquidActivity) *string
	}{
		{kindAgent, func(a *liquidActivity) int64 { return a.AssigneeID }, func(a *liquidActivity) *string { return &a.AssigneeName }},
		{kindGroup, func(a *liquidActivity) int64 { return a.GroupID }, func(a *liquidActivity) *string { return &a.GroupName }},
		{kindBrand, func(a *liquidActivity) int64 { return a.BrandID }, func(a *liquidActivity) *string { return &a.BrandName }},
	} {
		if err := d.names(ctx, n.kind, n.id, n.to); err != nil {
			return err
		}
	}
	return nil
}

// lacks says whether a recipient's triggering activity is not among those that are stored.
func (r *recipient) lacks(rows []*liquidActivity) bool {
	return r.trigger != "" && !slices.ContainsFunc(rows, func(a *liquidActivity) bool { return a.ActivityID == r.trigger })
}
