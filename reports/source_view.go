package reports

import (
	"context"
	"net/http"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/danielgtaylor/huma/v2"

	"deskstream/schemas"
)

// Spans of the source's pages (product.md 2.1: M1, M2).
const (
	overviewDays  = 14
	lastDays      = 30
	activityDays  = 7
	personActDays = 90
)

func (s *server) sourceViewRoutes() {
	admin := []string{scopeAdmin}
	handle(s, route{method: http.MethodGet, path: "/v1/sources/{id}/sync", id: "get-sync", tag: tagSources, summary: "What was read up to when", scopes: admin}, s.syncState)
	handle(s, route{
		method: http.MethodGet, path: "/v1/sources/{id}/overview", id: "get-overview", tag: tagSources, summary: "Records and activities of a source", scopes: admin,
	}, s.overview)
	handle(s, route{
		method: http.MethodGet, path: "/v1/sources/{id}/activity", id: "list-source-activity", tag: tagSources, summary: "Activities of the last 7 days, newest first", scopes: admin,
	}, s.sourceActivity)
	handle(s, route{
		method: http.MethodGet, path: "/v1/sources/{id}/audience", id: "list-audience", tag: tagSources, summary: "People that the source created or updated", scopes: admin,
	}, s.audience)
}

// An account has one source at a time. One that takes the place of a deleted one goes on with what that one brought, so that its pages
// show what Zendesk brought into the account.

type overviewAnswer struct {
	Records          recordCounts `json:"records" doc:"People and organizations that Zendesk brought"`
	TotalActivities  int64        `json:"total_activities"`
	LastDays         int64        `json:"last_30_days" doc:"That part of them that happened in the last 30 days"`
	ActivitiesPerDay []dayCount   `json:"activities_per_day" doc:"The last 14 days of the account's time zone"`
}

// TransformSchema is read by huma.
func (*overviewAnswer) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return documented(s, "total_activities", totalActivitiesDoc)
}

const totalActivitiesDoc = "Since the account was connected first, with what its first sync read back; times in which it was disconnected do not count. " +
	"Outlives retention"

type recordCounts struct {
	People        int64 `json:"people"`
	Organizations int64 `json:"organizations"`
}

type dayCount struct {
	Date  string `json:"date"`
	Count int64  `json:"count"`
}

func (s *server) overview(ctx context.Context, in *byID) (*answer[overviewAnswer], error) {
	src, err := s.source(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	p := params{}
	p.text("account", src.Account)
	out := overviewAnswer{}
	if out.ActivitiesPerDay, err = s.overviewDays(p); err != nil {
		return nil, err
	}
	err = s.query(ctx, "overview", sqlText("overview"), p, func(rows driver.Rows) error {
		var perDay []int64
		if err := rows.Scan(&out.Records.People, &out.Records.Organizations, &out.TotalActivities, &out.LastDays, &perDay); err != nil {
			return err
		}
		countDays(out.ActivitiesPerDay, perDay)
		return nil
	})
	return reply(out, err)
}

// overviewDays gives the last days of the account's time zone without their counts, and binds when they and the last 30 days begin.
func (s *server) overviewDays(p params) ([]dayCount, error) {
	today := s.Now().In(s.Location)
	w := window{
		loc: s.Location, interval: intervalDay, to: schemas.NextDay(today, s.Location),
		from: schemas.StartOfDay(today.Year(), today.Month(), today.Day()-overviewDays+1, s.Location),
	}
	if err := w.cut(); err != nil {
		return nil, err
	}
	p.times("bounds", w.bounds)
	p.time("last_days", schemas.StartOfDay(today.Year(), today.Month(), today.Day()-lastDays+1, s.Location))
	days := make([]dayCount, len(w.bounds))
	for i, label := range w.labels {
		days[i].Date = label
	}
	return days, nil
}

// countDays fills in the counts of days.
func countDays(days []dayCount, counts []int64) {
	for i := range min(len(counts), len(days)) {
		days[i].Count = counts[i]
	}
}

type sourceActivityInput struct {
	ID       string `path:"id" maxLength:"200"`
	Activity string `query:"activity" maxLength:"100" doc:"Only this activity"`
	Paging
}

func (s *server) sourceActivity(ctx context.Context, in *sourceActivityInput) (*answer[page[feedItem]], error) {
	src, err := s.source(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return reply(s.feed(ctx, feedQuery{
		accounts: []string{src.Account}, activity: in.Activity, since: s.Now().AddDate(0, 0, -activityDays), Paging: in.Paging,
	}))
}

type audienceInput struct {
	ID string `path:"id" maxLength:"200"`
	PeopleListing
}

func (s *server) audience(ctx context.Context, in *audienceInput) (*answer[page[map[string]any]], error) {
	src, err := s.source(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return reply(s.people(ctx, peopleQuery{
		accounts: []string{src.Account}, sourced: true, PeopleListing: in.PeopleListing,
	}))
}
