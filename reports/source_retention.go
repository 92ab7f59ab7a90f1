package reports

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"deskstream/schemas"
)

func (s *server) retentionRoutes() {
	admin := []string{scopeAdmin}
	handle(s, route{
		method: http.MethodPost, path: "/v1/sources/{id}/retention/preview", id: "preview-retention", tag: tagSources,
		summary: "What another retention would drop or need to read again", scopes: admin,
		detail: "Changes nothing. Facts, counts and first and last occurrences outlive every retention.",
	}, s.previewRetention)
	handle(s, route{
		method: http.MethodPut, path: "/v1/sources/{id}/retention", id: "set-retention", tag: tagSources, summary: "Set how long activities are kept", scopes: admin,
		detail: "Activities outside it are out of sight when the answer comes and leave the disk soon after. A longer one reads from Zendesk again; " +
			"activities that are there already are not made a second time. A source that is not read now is after its missing_step.",
	}, s.setRetention)
}

type retentionChange struct {
	ID   string `path:"id" maxLength:"200"`
	Body retentionBody
}

// retentionBody is a retention that is all of a body, and is not null.
type retentionBody retentionInput

type retentionPreview struct {
	Current    schemas.Retention `json:"current"`
	Proposed   schemas.Retention `json:"proposed"`
	Lost       int64             `json:"lost" doc:"Activities that would be dropped"`
	Reread     bool              `json:"reread" doc:"Zendesk would be read again"`
	RereadFrom *time.Time        `json:"reread_from" doc:"From when on"`
	Missing    string            `json:"missing_step,omitempty" enum:"authorize,reconnect,restore" doc:"Step of the source without which Zendesk is not read"`
	Activities []retentionEffect `json:"activities"`
	Audiences  []touchedAudience `json:"audiences" doc:"Those with conditions on activities that would be dropped or read again; one that needs only first, last and count is not touched"`
	Unread     []unreadAudience  `json:"audiences_unread" doc:"Those whose filter cannot be read, so that nobody knows whether they are touched; their members stay as they are"`
	Untouched  []keptFigure      `json:"untouched" doc:"What outlives every retention"`
}

// touchedAudience is an audience whose members may change with a retention.
type touchedAudience struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Activities []string `json:"activities" doc:"That it has conditions on, of those dropped or read again"`
}

// unreadAudience is an audience whose filter names what there is no more.
type unreadAudience struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Problem string `json:"problem" doc:"Why its filter cannot be read"`
}

// keptFigure is what is told of activities that are gone.
type keptFigure struct {
	Figure string   `json:"figure" enum:"facts,rollups,first_last_count"`
	Tables []string `json:"tables"`
}

var keptFigures = []keptFigure{
	{Figure: "facts", Tables: []string{
		schemas.TableTickets, schemas.TableTicketEvents, schemas.TableMessages, schemas.TableRatings, schemas.TableMetricEvents,
	}},
	{Figure: "rollups", Tables: []string{schemas.TableActivityCounts, schemas.TablePersonStats, schemas.TablePhraseHits}},
	{Figure: "first_last_count", Tables: []string{schemas.TablePersonActivities}},
}

type retentionEffect struct {
	Activity string     `json:"activity"`
	Current  int        `json:"current_days"`
	Proposed int        `json:"proposed_days"`
	Stored   int64      `json:"stored" doc:"Within the present retention"`
	Lost     int64      `json:"lost"`
	Oldest   *time.Time `json:"oldest_at" doc:"Of those stored"`
}

func (s *server) previewRetention(ctx context.Context, in *retentionChange) (*answer[retentionPreview], error) {
	src, err := s.source(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	proposed, err := checkedRetention((*retentionInput)(&in.Body))
	if err != nil {
		return nil, err
	}
	now := s.Now().UTC().Truncate(time.Second)
	out := retentionPreview{Current: src.Retention, Proposed: proposed, Untouched: keptFigures}
	if out.Reread = longer(src.Retention, proposed); out.Reread {
		out.RereadFrom, out.Missing = new(now.AddDate(0, 0, -proposed.Longest())), src.Missing()
	}
	if out.Activities, err = s.retentionEffects(ctx, &src, proposed, now); err != nil {
		return nil, err
	}
	for _, e := range out.Activities {
		out.Lost += e.Lost
	}
	out.Audiences, out.Unread, err = s.touchedAudiences(ctx, out.Activities)
	return reply(out, err)
}

// touchedAudiences gives the audiences by name that look at activities which are dropped or read again, and those whose filter cannot be read.
func (s *server) touchedAudiences(ctx context.Context, effects []retentionEffect) ([]touchedAudience, []unreadAudience, error) {
	names, err := s.allFilterNames(ctx)
	if err != nil {
		return nil, nil, err
	}
	all, err := s.audiences(ctx)
	if err != nil {
		return nil, nil, err
	}
	touched, unread := []touchedAudience{}, []unreadAudience{}
	for _, a := range all {
		f, err := schemas.ParseFilter(a.Filter, "filter", names)
		if err != nil {
			unread = append(unread, unreadAudience{ID: a.ID, Name: a.Name, Problem: problemOf(err).Detail})
			continue
		}
		needed := storedActivities(f)
		t := touchedAudience{ID: a.ID, Name: a.Name}
		for _, e := range effects {
			if (e.Lost > 0 || e.Proposed > e.Current) && slices.Contains(needed, e.Activity) {
				t.Activities = append(t.Activities, e.Activity)
			}
		}
		if len(t.Activities) > 0 {
			touched = append(touched, t)
		}
	}
	return touched, unread, nil
}

// storedActivities gives the activities whose rows a filter looks at. Those that have just occurred are always there, and of others first, last
// and count may be enough.
func storedActivities(f *schemas.Filter) (slugs []string) {
	f.Each(func(f *schemas.Filter) {
		if c := f.Activity; c != nil && c.Op != schemas.OpOccurs && !c.Summed() {
			slugs = append(slugs, c.Activity)
		}
	})
	return slugs
}

func checkedRetention(in *retentionInput) (r schemas.Retention, err error) {
	var bad fieldErrors
	bad.retention("body", &r, in)
	return r, invalidFields(bad)
}

// longer says whether any activity would be kept longer.
func longer(before, after schemas.Retention) bool {
	for _, slug := range activitySlugs {
		if after.For(slug) > before.For(slug) {
			return true
		}
	}
	return false
}

// retentionEffects counts for every activity what is stored and what would be dropped.
func (s *server) retentionEffects(ctx context.Context, src *schemas.Source, proposed schemas.Retention, now time.Time) ([]retentionEffect, error) {
	out := make([]retentionEffect, len(activitySlugs))
	at := make(map[string]*retentionEffect, len(activitySlugs))
	keptFrom := make([]time.Time, len(activitySlugs))
	for i, slug := range activitySlugs {
		out[i] = retentionEffect{Activity: slug, Current: src.Retention.For(slug), Proposed: proposed.For(slug)}
		at[slug], keptFrom[i] = &out[i], now.AddDate(0, 0, -proposed.For(slug))
	}
	p := params{}
	p.text("account", src.Account)
	p.time("now", now)
	p.texts("slugs", activitySlugs)
	p.times("kept_from", keptFrom)
	err := s.query(ctx, "retention", sqlText("retention"), p, func(rows driver.Rows) error {
		var slug string
		var stored, lost int64
		var oldest time.Time
		if err := rows.Scan(&slug, &stored, &lost, &oldest); err != nil {
			return err
		}
		if e := at[slug]; e != nil {
			e.Stored, e.Lost, e.Oldest = stored, lost, &oldest
		}
		return nil
	})
	return out, err
}

type retentionAnswer struct {
	Retention schemas.Retention `json:"retention"`
	Job       *job              `json:"job" doc:"Reading again; null when nothing is missing, and while the source is not read"`
	Missing   string            `json:"missing_step,omitempty" enum:"authorize,reconnect,restore" doc:"Step of the source after which Zendesk is read again"`
}

func (s *server) setRetention(ctx context.Context, in *retentionChange) (*answer[retentionAnswer], error) {
	r, err := checkedRetention((*retentionInput)(&in.Body))
	if err != nil {
		return nil, err
	}
	var before schemas.Retention
	var missing string
	src, err := s.changeSource(ctx, in.ID, func(src *schemas.Source, _ time.Time) error {
		before, missing = src.Retention, src.Missing()
		least := before
		if src.RetentionChange != nil {
			least = least.Shortest(src.RetentionChange.Least)
		}
		src.Retention, src.RetentionChange = r, &schemas.RetentionChange{At: s.Now().UTC(), Least: least}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := retentionAnswer{Retention: r}
	if longer(before, r) {
		if err := s.Connections.Widen(ctx, src.ID); err != nil {
			return nil, fmt.Errorf("the retention is stored, but reading again did not begin; resync the source with mode backfill: %w", storeError(err))
		}
		if out.Missing = missing; missing == "" {
			out.Job = &job{Source: src.ID, Kind: "retention", Mode: "backfill", Watch: "/v1/sources/" + src.ID + "/sync"}
		}
	}
	if err := s.applyRetention(ctx, src.Account, r); err != nil {
		return nil, fmt.Errorf("the retention is stored, but rows have their former expiry until it is set again or for a day: %w", storeError(err))
	}
	return reply(out, nil)
}

// applyRetention applies a retention that is stored to the rows there are, and to those that were under way once they are in their table. Where that
// takes long they follow within a day.
func (s *server) applyRetention(ctx context.Context, account string, r schemas.Retention) error {
	if err := s.Retention.ApplyRetention(ctx, account, r); err != nil {
		return err
	}
	if s.reflected(ctx, account, schemas.TableActivities) != nil {
		return nil //nolint:nilerr // see above
	}
	return s.Retention.ApplyRetention(ctx, account, r)
}
