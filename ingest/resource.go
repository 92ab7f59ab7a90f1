package ingest

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"time"

	"deskstream/schemas"
)

// walk is how a resource is paged.
type walk uint8

const (
	walkCursor  walk = iota // an export with after_cursor: start_time once, then only the cursor
	walkTime                // an export with end_time: it is the next start_time
	walkChanged             // a list filtered by start_time, in cursor pages
	walkWhole               // a list that is read whole each time
	walkRecent              // a list filtered by creation: what was created of late is read whole each time
	walkCount               // no list: the number of tickets is asked for, see countTickets
)

// resource is one stream of an account.
type resource struct {
	name     string
	kind     schemas.Kind
	path     string
	rows     string // key of the rows in an answer
	walk     walk
	query    url.Values
	interval time.Duration
	// hidden is how much of the newest past Zendesk may keep back: an answer asked for now is complete up to now less hidden. Only those of
	// tickets are known to; for the other exports it is caution.
	hidden time.Duration
	// records are wanted whole, whatever the retention of activities: a contact of last year may write today, and the role of an agent
	// decides about replies of any age.
	records bool
	// optional resources do not exist on every plan; 403 and 404 then mean that there is nothing to read.
	optional bool
}

// unavailable says whether a failure means that the account's plan has no such resource.
func (res resource) unavailable(failure error) bool {
	return res.optional && (errors.Is(failure, schemas.ErrDenied) || errors.Is(failure, schemas.ErrNotFound))
}

// resources in the order of the first sync: people before what they did.
var resources = []resource{
	{
		name: schemas.ResourceUsers, kind: schemas.KindUser, path: "/api/v2/incremental/users/cursor.json", rows: "users", walk: walkCursor,
		query: url.Values{"include": {"identities"}}, interval: 24 * time.Hour, hidden: time.Minute, records: true,
	},
	{
		name: schemas.ResourceOrganizations, kind: schemas.KindOrganization, path: "/api/v2/incremental/organizations.json",
		rows: "organizations", walk: walkTime, interval: 2 * time.Minute, hidden: time.Minute, records: true,
	},
	{
		// The list does not tell which memberships ended: webhooks do, and a roster of the whole list.
		name: schemas.ResourceMemberships, kind: schemas.KindMembership, path: "/api/v2/organization_memberships.json", rows: "organization_memberships",
		walk: walkWhole, interval: 24 * time.Hour, records: true, optional: true,
	},
	{
		name: schemas.ResourceGroups, kind: schemas.KindGroup, path: "/api/v2/groups.json", rows: "groups", walk: walkWhole,
		query: url.Values{"exclude_deleted": {"false"}}, interval: 10 * time.Minute,
	},
	{
		name: schemas.ResourceBrands, kind: schemas.KindBrand, path: "/api/v2/brands.json", rows: "brands", walk: walkWhole,
		interval: 10 * time.Minute, optional: true,
	},
	{
		// Inactive ones are shown too; form_type: tickets may have a form of the service catalog.
		name: schemas.ResourceTicketForms, kind: schemas.KindTicketForm, path: "/api/v2/ticket_forms.json", rows: "ticket_forms", walk: walkWhole,
		query: url.Values{"form_type": {"all"}}, interval: 10 * time.Minute, optional: true,
	},
	{
		// Inactive ones are shown too. The list has no pages.
		name: schemas.ResourceCustomStatuses, kind: schemas.KindCustomStatus, path: "/api/v2/custom_statuses.json", rows: "custom_statuses",
		walk: walkWhole, interval: 10 * time.Minute, optional: true,
	},
	{
		name: schemas.ResourceTicketFields, kind: schemas.KindTicketField, path: "/api/v2/ticket_fields.json", rows: "ticket_fields",
		walk: walkWhole, interval: 10 * time.Minute,
	},
	{
		name: schemas.ResourceUserFields, kind: schemas.KindUserField, path: "/api/v2/user_fields.json", rows: "user_fields",
		walk: walkWhole, interval: 10 * time.Minute, optional: true,
	},
	{
		name: schemas.ResourceOrganizationFields, kind: schemas.KindOrganizationField, path: "/api/v2/organization_fields.json",
		rows: "organization_fields", walk: walkWhole, interval: 10 * time.Minute, optional: true,
	},
	{
		name: schemas.ResourceSchedules, kind: schemas.KindSchedule, path: "/api/v2/business_hours/schedules.json", rows: "schedules",
		walk: walkWhole, interval: 10 * time.Minute, optional: true,
	},
	{
		// support_type_scope: without it tickets that AI agents handle are left out.
		name: schemas.ResourceTickets, kind: schemas.KindTicket, path: "/api/v2/incremental/tickets/cursor.json", rows: "tickets", walk: walkCursor,
		query: url.Values{"include": {"users,organizations"}, "support_type_scope": {"all"}}, interval: time.Minute, hidden: time.Minute,
	},
	{
		name: schemas.ResourceTicketEvents, kind: schemas.KindAudit, path: "/api/v2/incremental/ticket_events.json", rows: "ticket_events",
		walk: walkTime, query: url.Values{"include": {"comment_events"}}, interval: time.Minute, hidden: time.Minute,
	},
	{
		// include_changes: without it an event that Zendesk withdraws later is not shown again.
		name: schemas.ResourceMetricEvents, kind: schemas.KindMetricEvent, path: "/api/v2/incremental/ticket_metric_events.json",
		rows: "ticket_metric_events", walk: walkTime, query: url.Values{"include_changes": {"true"}}, interval: 2 * time.Minute,
		hidden: time.Minute, optional: true,
	},
	{
		name: schemas.ResourceRatings, kind: schemas.KindRating, path: "/api/v2/satisfaction_ratings.json", rows: "satisfaction_ratings",
		walk: walkChanged, interval: time.Minute, hidden: time.Second, optional: true,
	},
	{
		// An account has ratings or surveys, by its settings.
		name: schemas.ResourceSurveys, kind: schemas.KindRating, path: "/api/v2/guide/survey_responses", rows: "survey_responses", walk: walkRecent,
		interval: 10 * time.Minute, hidden: time.Second, optional: true,
	},
	{name: schemas.ResourceTicketCounts, walk: walkCount, interval: time.Hour, optional: true},
}

// ratingsOverlap is read again by each poll of a list whose order and filter Zendesk does not state.
const ratingsOverlap = 5 * time.Minute

// exportLag is the least age of a start_time that the exports take.
const exportLag = 61 * time.Second

// Intervals returns the default interval of each resource, in no order.
func Intervals() map[string]time.Duration {
	out := make(map[string]time.Duration, len(resources))
	for _, r := range resources {
		out[r.name] = r.interval
	}
	return out
}

func findResource(name string) (resource, bool) {
	for _, r := range resources {
		if r.name == name {
			return r, true
		}
	}
	return resource{}, false
}

// backfillStart says how far back a resource is read at first: as far as the longest retention of the source, records from the beginning.
func backfillStart(name string, s schemas.Source, now time.Time) time.Time {
	if r, ok := findResource(name); ok && r.records {
		return time.Unix(0, 0).UTC()
	}
	return now.Add(-time.Duration(s.Retention.Longest()) * 24 * time.Hour).UTC().Truncate(time.Second)
}

// changedCursor is the position in a list filtered by start_time. Its text form are the values of a query.
type changedCursor struct {
	start int64  // what the running walk asks for, epoch seconds
	after string // page of the running walk; "" = its first
	next  int64  // newest change seen: what the next walk starts from
}

func (c changedCursor) String() string {
	v := url.Values{"start": {strconv.FormatInt(c.start, 10)}, "next": {strconv.FormatInt(c.next, 10)}}
	if c.after != "" {
		v.Set("after", c.after)
	}
	return v.Encode()
}

func parseChanged(s string) (changedCursor, error) {
	v, err := url.ParseQuery(s)
	if err != nil {
		return changedCursor{}, fmt.Errorf("cursor: %w: %w", schemas.ErrInvalid, err)
	}
	start, err1 := parseSecond(v.Get("start"))
	next, err2 := parseSecond(v.Get("next"))
	if err1 != nil || err2 != nil {
		return changedCursor{}, fmt.Errorf("cursor %.80q: %w: start and next must be epoch seconds", s, schemas.ErrInvalid)
	}
	return changedCursor{start, v.Get("after"), next}, nil
}

// parseSecond reads an epoch second from 1970 to the end of four-digit years.
func parseSecond(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > 253402300799 {
		return 0, fmt.Errorf("epoch second %.40q: %w", s, schemas.ErrInvalid)
	}
	return n, nil
}

// request gives the query of the next page behind a cursor. now is Zendesk's time, size is the wished number of rows.
func (r resource) request(cur schemas.Cursor, now time.Time, size int) (url.Values, error) {
	q := url.Values{}
	for k, v := range r.query {
		q[k] = v
	}
	latest := now.Add(-exportLag).Unix()
	start := timeOf(cur.Start).Unix()
	switch r.walk {
	case walkCursor:
		q.Set("per_page", strconv.Itoa(size))
		if cur.Cursor != "" {
			q.Set("cursor", cur.Cursor)
			return q, nil
		}
	case walkTime:
		q.Set("per_page", strconv.Itoa(size))
		if cur.Cursor != "" {
			at, err := parseSecond(cur.Cursor)
			if err != nil {
				return nil, err
			}
			start = at
		}
	case walkChanged:
		q.Set("page[size]", strconv.Itoa(min(size, 100)))
		if cur.Cursor != "" {
			at, err := parseChanged(cur.Cursor)
			if err != nil {
				return nil, err
			}
			start = at.start
			setListPage(q, at.after)
		}
		latest = math.MaxInt64
	case walkRecent:
		q.Set("page[size]", strconv.Itoa(min(size, 100)))
		if cur.Done {
			start = now.Add(-surveyOpen).Truncate(day).Unix()
		}
		q.Set("filter[created_at_start]", strconv.FormatInt(max(0, start)*1000, 10))
		setListPage(q, cur.Cursor)
		return q, nil
	case walkWhole:
		q.Set("page[size]", strconv.Itoa(min(size, 100)))
		setListPage(q, cur.Cursor)
		return q, nil
	}
	q.Set("start_time", strconv.FormatInt(max(0, min(start, latest)), 10))
	return q, nil
}
