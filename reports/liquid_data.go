package reports

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// What templates see of activities (liquid.md, "Renderer contract").
const (
	liquidActivities = 20
	liquidDays       = 30
)

// personRoots puts into data what the templates can ask for about a person.
func (s *server) personRoots(ctx context.Context, in *renderInput, n needs, data map[string]any) error {
	who, err := s.person(ctx, *in.Body.Person)
	if err != nil {
		return err
	}
	data["person"] = liquidPerson(who)
	accounts := []string{who.account}
	if n.organization {
		if data["organization"], err = s.liquidOrganization(ctx, accounts, who); err != nil {
			return err
		}
	}
	if n.metrics {
		if data["metrics"], err = s.liquidMetrics(ctx, accounts, who); err != nil {
			return err
		}
	}
	if len(n.kinds) > 0 || n.activities || in.Body.ActivityID != nil {
		return s.liquidActivities(ctx, in, n, who, data)
	}
	return nil
}

// liquidPerson gives the root person. What agents write for agents stays out.
func liquidPerson(p *person) map[string]any {
	fields := p.fields()
	fields["name"] = strings.TrimSpace(p.FirstName + " " + p.LastName)
	fields["time_zone"] = p.Timezone
	fields["email_permission"], fields["sms_permission"] = p.Permissions.Email, p.Permissions.SMS
	zendesk := maps.Clone(p.Zendesk)
	maps.DeleteFunc(zendesk, func(name string, _ any) bool { return agentOnly(name) })
	if id, ok := zendesk["user_id"]; ok && zendesk["id"] == nil {
		zendesk["id"] = id
	}
	fields["zendesk"] = zendesk
	return plainObject(fields)
}

func (s *server) liquidOrganization(ctx context.Context, accounts []string, who *person) (any, error) {
	if who.Organization == nil {
		return nil, nil
	}
	o, err := s.organization(ctx, accounts, parseID(who.Organization.ID))
	if err != nil || o == nil {
		return nil, err
	}
	zendesk := maps.Clone(o.Zendesk)
	maps.DeleteFunc(zendesk, func(name string, _ any) bool { return agentOnly(name) })
	return plainObject(map[string]any{
		"id": o.ID, "name": o.Name, "external_id": o.ExternalID, "zendesk": zendesk, "created_at": o.CreatedAt, "updated_at": o.UpdatedAt,
	}), nil
}

// liquidMetrics gives the root metrics: the person's tickets and ratings.
func (s *server) liquidMetrics(ctx context.Context, accounts []string, who *person) (map[string]any, error) {
	p := params{}
	p.texts("accounts", accounts)
	p.ints("users", who.userIDs)
	p.time("since", s.Now().AddDate(0, 0, -liquidDays))
	var created, closed uint64
	err := s.query(ctx, "liquid_metrics", sqlText("liquid_metrics"), p, func(rows driver.Rows) error { return rows.Scan(&created, &closed) })
	if err != nil {
		return nil, err
	}
	good, _ := who.Zendesk["good_ratings"].(int64)
	bad, _ := who.Zendesk["bad_ratings"].(int64)
	csat := map[string]any{"good": good, "bad": bad, "percent": nil}
	if good+bad > 0 {
		csat["percent"] = 100 * float64(good) / float64(good+bad)
	}
	return map[string]any{
		"tickets": map[string]any{
			"total": who.Zendesk["tickets_total"], "open": who.Zendesk["tickets_open"], "closed": who.Zendesk["tickets_closed"],
			"created_30d": int64(created), "closed_30d": int64(closed),
		},
		"csat": csat,
	}, nil
}

type liquidActivity struct {
	feedRow
	Message        string    `ch:"message"`
	PreviousStatus string    `ch:"previous_status"`
	Priority       string    `ch:"priority"`
	Type           string    `ch:"type"`
	Channel        string    `ch:"channel"`
	Tags           []string  `ch:"tags"`
	AssigneeID     int64     `ch:"assignee_id"`
	GroupID        int64     `ch:"group_id"`
	BrandID        int64     `ch:"brand_id"`
	OrganizationID int64     `ch:"organization_id"`
	ExpiresAt      time.Time `ch:"expires_at"`
	AssigneeName   string    `ch:"assignee_name"`
	AssigneeEmail  string    `ch:"assignee_email"`
	GroupName      string    `ch:"group_name"`
	BrandName      string    `ch:"brand_name"`
	Latest         uint8     `ch:"latest"`
}

// liquidActivities puts the roots activity and activities into data: the triggering activity, the latest of each kind, and the newest.
func (s *server) liquidActivities(ctx context.Context, in *renderInput, n needs, who *person, data map[string]any) error {
	p := params{}
	p.texts("accounts", []string{who.account})
	p.texts("persons", who.ownIDs)
	p.texts("kinds", n.kinds)
	p.flag("any_kind", slices.Contains(n.kinds, anyKind))
	p.time("since", s.Now().AddDate(0, 0, -liquidDays))
	p.time("now", s.Now())
	p.int("newest", 0)
	if n.activities {
		p.int("newest", liquidActivities)
	}
	trigger := ""
	if in.Body.ActivityID != nil {
		trigger = *in.Body.ActivityID
	}
	p.text("trigger", trigger)
	rows, err := list[liquidActivity](ctx, s, "liquid_activities", sqlText("liquid_activities"), p)
	if err != nil {
		return err
	}
	triggered := slices.IndexFunc(rows, func(r liquidActivity) bool { return r.ActivityID == trigger })
	if trigger != "" && triggered < 0 {
		return noActivity()
	}
	byKind := map[string]any{}
	var newest []any
	for i := range rows {
		row := &rows[i]
		if byKind[row.Activity] == nil && row.Latest == 1 || i == triggered {
			byKind[row.Activity] = row.object()
		}
		if len(newest) < liquidActivities && row.OccurredAt.After(s.Now().AddDate(0, 0, -liquidDays)) {
			newest = append(newest, row.object())
		}
	}
	if triggered >= 0 {
		byKind[rows[triggered].Activity] = rows[triggered].object()
	}
	data["activity"] = map[string]any{"zendesk": byKind}
	if n.activities {
		data["activities"] = newest
	}
	return nil
}

// object gives an activity as templates see it. The text of private notes stays out.
func (r *liquidActivity) object() map[string]any {
	first, last, _ := strings.Cut(r.AssigneeName, " ")
	out := jsonObject(r.Attributes)
	maps.Copy(out, map[string]any{
		"id": r.ActivityID, "kind": "zendesk." + r.Activity, "activity": r.Activity, "name": activityName(r.Activity), "occurred_at": r.OccurredAt.UTC(),
		"text": r.Text, "subject": r.Subject, "message": r.Message, "status": r.Status, "previous_status": r.PreviousStatus, "priority": r.Priority,
		"type": r.Type, "channel": r.Channel, "tags": r.Tags, "ticket_id": idText(r.TicketID), "ticket_number": r.TicketID,
		"group": r.GroupName, "group_id": idText(r.GroupID), "brand": r.BrandName, "brand_id": idText(r.BrandID),
		"organization_id": idText(r.OrganizationID), "assignee_id": idText(r.AssigneeID), "assignee_name": r.AssigneeName,
		"assignee_first_name": first, "assignee_last_name": last, "assignee_email": r.AssigneeEmail,
		"assignee": map[string]any{"id": idText(r.AssigneeID), "name": r.AssigneeName, "first_name": first, "last_name": last, "email": r.AssigneeEmail},
		"ticket": map[string]any{
			"id": idText(r.TicketID), "subject": r.Subject, "status": r.Status, "priority": r.Priority, "type": r.Type, "channel": r.Channel, "tags": r.Tags,
		},
	})
	if r.Activity == "ticket-note-added" {
		delete(out, "message")
		delete(out, "text")
	}
	return plainObject(out)
}

// plainObject gives a copy that a renderer accepts: maps, lists and scalars. Empty texts are no values, so that defaults fill in, and
// whole numbers are integers, so that they print as such.
func plainObject(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = plainValue(v)
	}
	return out
}

func plainValue(v any) any {
	switch v := v.(type) {
	case string:
		if v == "" {
			return nil
		}
	case map[string]any:
		return plainObject(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = plainValue(e)
		}
		return out
	case []string:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = e
		}
		return out
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v)
		}
	}
	return v
}
