package reports

import (
	"context"
	"net/http"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/danielgtaylor/huma/v2"
)

const tagActivities = "Activities"

func (s *server) activityRoutes() {
	scopes := []string{scopePeople}
	const path = "/v1/activities"
	handle(s, route{
		method: http.MethodGet, path: path, id: "list-activities", tag: tagActivities, summary: "The activities there are, and what their rows show in feeds", scopes: scopes,
	}, s.listActivities)
	handle(s, route{method: http.MethodGet, path: path + "/{activity}", id: "get-activity", tag: tagActivities, summary: "One activity", scopes: scopes}, s.getActivity)
	handle(s, route{
		method: http.MethodPatch, path: path + "/{activity}", id: "change-activity", tag: tagActivities, summary: "Choose what the rows of an activity show in feeds", scopes: scopes,
		detail: "The text of the feeds of a source, a person and an activity, and of /v1/live, of rows that are there too. " +
			"A template that cannot be parsed is refused with the places of its errors; " +
			"where one cannot be rendered, and in another process for up to 2 seconds after a change, the row shows what it showed before.",
	}, s.patchActivity)
	handle(s, route{
		method: http.MethodGet, path: path + "/{activity}/overview", id: "get-activity-overview", tag: tagActivities,
		summary: "How often an activity happened, and to how many people", scopes: scopes,
	}, s.activityOverview)
	handle(s, route{
		method: http.MethodGet, path: path + "/{activity}/activity", id: "list-activity-activity", tag: tagActivities,
		summary: "An activity's rows of the last 7 days, newest first", scopes: scopes,
	}, s.activityFeed)
	handle(s, route{
		method: http.MethodGet, path: path + "/{activity}/audience", id: "list-activity-audience", tag: tagActivities, summary: "The people that ever had an activity", scopes: scopes,
	}, s.activityAudience)
}

// activityView is an activity as the API shows it.
type activityView struct {
	Activity string       `json:"activity" doc:"Name in filters, reports and merge tags"`
	Name     string       `json:"name"`
	Source   string       `json:"source" enum:"zendesk"`
	Text     activityText `json:"text" doc:"What its rows show in feeds"`
}

func viewActivity(slug string, texts activityTexts) activityView {
	return activityView{Activity: slug, Name: activityName(slug), Source: "zendesk", Text: texts.of(slug)}
}

func (s *server) listActivities(ctx context.Context, in *CatalogPaging) (*answer[page[activityView]], error) {
	_, texts, err := s.activityTexts.load(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]activityView, len(activitySlugs))
	for i, slug := range activitySlugs {
		all[i] = viewActivity(slug, texts)
	}
	return reply(catalogPage("activity-kinds", all, in, func(v activityView) string { return v.Activity }))
}

// ActivityPath is the part of a path that names an activity.
type ActivityPath struct {
	Activity string `path:"activity" maxLength:"100" doc:"As ticket-created"`
}

// known refuses what is no activity.
func (in *ActivityPath) known() error {
	if !slices.Contains(activitySlugs, in.Activity) {
		return noActivityKind(in.Activity)
	}
	return nil
}

func (s *server) getActivity(ctx context.Context, in *ActivityPath) (*answer[activityView], error) {
	if err := in.known(); err != nil {
		return nil, err
	}
	_, texts, err := s.activityTexts.load(ctx)
	return reply(viewActivity(in.Activity, texts), err)
}

type activityPatch struct {
	ActivityPath
	Body struct {
		Text activityText `json:"text" doc:"What its rows show in feeds"`
	}
}

func (s *server) patchActivity(ctx context.Context, in *activityPatch) (*answer[activityView], error) {
	if err := in.known(); err != nil {
		return nil, err
	}
	known, err := s.knownAttributes(ctx)
	if err != nil {
		return nil, err
	}
	if err := in.Body.Text.check(s.rows, known[anyKind], "body.text"); err != nil {
		return nil, err
	}
	var view activityView
	err = s.activityTexts.change(ctx, func(v *activityTexts) error {
		v.put(in.Activity, in.Body.Text)
		view = viewActivity(in.Activity, *v)
		return nil
	})
	return reply(view, err)
}

type activityOverview struct {
	People           int64      `json:"people" doc:"That ever had it. Outlives retention"`
	TotalActivities  int64      `json:"total_activities"`
	LastDays         int64      `json:"last_30_days" doc:"That part of them that happened in the last 30 days"`
	ActivitiesPerDay []dayCount `json:"activities_per_day" doc:"The last 14 days of the account's time zone"`
}

// TransformSchema is read by huma.
func (*activityOverview) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return documented(s, "total_activities", totalActivitiesDoc)
}

func (s *server) activityOverview(ctx context.Context, in *ActivityPath) (*answer[activityOverview], error) {
	if err := in.known(); err != nil {
		return nil, err
	}
	accounts, err := s.accounts(ctx)
	if err != nil {
		return nil, err
	}
	p := params{}
	p.texts("accounts", accounts)
	p.text("activity", in.Activity)
	days, err := s.overviewDays(p)
	if err != nil {
		return nil, err
	}
	out := activityOverview{ActivitiesPerDay: days}
	err = s.query(ctx, "activity_overview", sqlText("activity_overview"), p, func(rows driver.Rows) error {
		var perDay []int64
		if err := rows.Scan(&out.People, &out.TotalActivities, &out.LastDays, &perDay); err != nil {
			return err
		}
		countDays(out.ActivitiesPerDay, perDay)
		return nil
	})
	return reply(out, err)
}

type activityFeedInput struct {
	ActivityPath
	Paging
}

func (s *server) activityFeed(ctx context.Context, in *activityFeedInput) (*answer[page[feedItem]], error) {
	if err := in.known(); err != nil {
		return nil, err
	}
	accounts, err := s.accounts(ctx)
	if err != nil {
		return nil, err
	}
	return reply(s.feed(ctx, feedQuery{accounts: accounts, activity: in.Activity, since: s.Now().AddDate(0, 0, -activityDays), Paging: in.Paging}))
}

type activityAudienceInput struct {
	ActivityPath
	PeopleListing
}

func (s *server) activityAudience(ctx context.Context, in *activityAudienceInput) (*answer[page[map[string]any]], error) {
	if err := in.known(); err != nil {
		return nil, err
	}
	accounts, err := s.accounts(ctx)
	if err != nil {
		return nil, err
	}
	return reply(s.people(ctx, peopleQuery{
		accounts: accounts, filter: `{"activity":"` + in.Activity + `","op":"has_occurred"}`, PeopleListing: in.PeopleListing,
	}))
}
