package reports

import (
	"context"
	"net/http"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

const tagActivities = "Activities"

func (s *server) activityRoutes() {
	scopes := []string{scopePeople}
	const path = "/v1/activities"
	handle(s, route{method: http.MethodGet, path: path, id: "list-activities", tag: tagActivities, summary: "The activities there are, and what their rows show in feeds", scopes: scopes}, s.listActivities)
	handle(s, route{method: http.MethodGet, path: path + "/{activity}", id: "get-activity", tag: tagActivities, summary: "One activity", scopes: scopes}, s.getActivity)
	handle(s, route{
		method: http.MethodPatch, path: path + "/{activity}", id: "change-activity", tag: tagActivities, summary: "Choose what the rows of an activity show in feeds", scopes: scopes,
		detail: "The text of the feeds of a source, a person and an activity, and of /v1/live, of rows that are there too. A template that cannot be parsed is refused with the places of its errors; " +
			"where one cannot be rendered, and in another process for up to 2 seconds after a change, the row shows what it showed before.",
	}, s.patchActivity)
	handle(s, route{method: http.MethodGet, path: path + "/{activity}/overview", id: "get-activity-overview", tag: tagActivities, summary: "How often an activity happened, and to how many people", scopes: scopes}, s.activityOverview)
	handle(s, route{
		method: http.MethodGet, path: path + "/{activity}/activity", id: "list-activity-activity", tag: tagActivities, summary: "An activity's rows of the last 7 days, newest first", scopes: scopes,
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
	TotalActivities  int64      `json:"total_activities" doc:"Since the account was connected first, with what its first sync read back; times in which it was disconnected do not count. Outlives retention"`
	LastDays         int64      `json:"last_30_days" doc:"That part of them that happened in the last 30 days"`
	ActivitiesPerDay []dayCount `json:"activities_per_day" doc:"The last 14 days of the account's time zone"`
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
	Query   string `query:"q" maxLength:"200" doc:"Part of a name, an address, an external id or a phone number; archived people are not searched"`
	Columns string `query:"columns" maxLength:"2000" doc:"Fields to show, with commas between; default all that are visible. One that is hidden has to be named itself"`
	Sort    string `query:"sort" enum:"name,-name,email,-email,created_at,-created_at,updated_at,-updated_at" default:"-created_at" doc:"A minus means descending. By created_at all who are there from the first page to the last come once; whoever is changed meanwhile may move in the other orders, and with -updated_at out of the pages to come"`
	Paging
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
		accounts: accounts, filter: `{"activity":"` + in.Activity + `","op":"has_occurred"}`, text: in.Query, columns: in.Columns, sort: in.Sort, Paging: in.Paging,
	}))
}
