package reports

import (
	"context"
	"encoding/json"
	"maps"
	"math"
	"strings"
	"time"
)

// What templates see of activities (liquid.md, "Renderer contract").
const (
	liquidActivities = 20
	liquidDays       = 30
)

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

// liquidOrganization gives the root organization. What agents write for agents stays out.
func liquidOrganization(o *organization) map[string]any {
	zendesk := maps.Clone(o.Zendesk)
	maps.DeleteFunc(zendesk, func(name string, _ any) bool { return agentOnly(name) })
	return plainObject(map[string]any{
		"id": o.ID, "name": o.Name, "external_id": o.ExternalID, "zendesk": zendesk, "created_at": o.CreatedAt, "updated_at": o.UpdatedAt,
	})
}

// liquidMetrics gives the root metrics: the person's tickets and ratings.
func liquidMetrics(who *person, created, closed int64) map[string]any {
	good, _ := who.Zendesk["good_ratings"].(int64)
	bad, _ := who.Zendesk["bad_ratings"].(int64)
	csat := map[string]any{"good": good, "bad": bad, "percent": nil}
	if good+bad > 0 {
		csat["percent"] = 100 * float64(good) / float64(good+bad)
	}
	return map[string]any{
		"tickets": map[string]any{
			"total": who.Zendesk["tickets_total"], "open": who.Zendesk["tickets_open"], "closed": who.Zendesk["tickets_closed"],
			"created_30d": created, "closed_30d": closed,
		},
		"csat": csat,
	}
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
	Newest         uint8     `ch:"newest"`
	Account        string    `ch:"account"`
	Owner          string    `ch:"owner"`
	UserID         int64     `ch:"user_id"`
	FormID         int64     `ch:"form_id"`

	// What the row does not have: set by describeActivities.
	ticket                                              activityTicket
	customFields                                        map[string]any
	organizationName, form, customStatus, previousGroup string
	previousAssignee, author                            namedUser
	attributes                                          map[string]any // Attributes, once read
}

// special gives what is special to the activity, with hyphens in its names.
func (r *liquidActivity) special() map[string]any {
	if r.attributes == nil {
		r.attributes = jsonObject(r.Attributes)
	}
	return r.attributes
}

// namedActivities runs a statement that gives activities with the names of agents, groups and brands.
func (s *server) namedActivities(ctx context.Context, name string, p params) ([]liquidActivity, error) {
	return list[liquidActivity](ctx, s, name, sqlText(name), p)
}

// activityRoots gives the roots activity and activities out of a person's activities, newest first: by kind the triggering one or else the
// latest, and the newest. ok is false when the triggering one is not among them.
func activityRoots(rows []*liquidActivity, trigger string) (byKind map[string]any, newest []any, ok bool) {
	byKind, newest = map[string]any{}, []any{}
	for _, row := range rows {
		if row.Latest == 1 && byKind[row.Activity] == nil || row.ActivityID == trigger {
			byKind[row.Activity] = row.object()
		}
		if row.Newest == 1 {
			newest = append(newest, row.object())
		}
		ok = ok || row.ActivityID == trigger
	}
	return map[string]any{"zendesk": byKind}, newest, ok || trigger == ""
}

// object gives an activity as templates see it. The text of private notes stays out.
func (r *liquidActivity) object() map[string]any {
	assignee := namedUser{Name: r.AssigneeName, Email: r.AssigneeEmail}
	out := maps.Clone(r.special())
	maps.Copy(out, map[string]any{
		"id": r.ActivityID, "kind": "zendesk." + r.Activity, "activity": r.Activity, "name": activityName(r.Activity), "occurred_at": r.OccurredAt.UTC(),
		"text": r.Text, "subject": r.Subject, "message": r.Message, "status": r.Status, "previous_status": r.PreviousStatus, "priority": r.Priority,
		"type": r.Type, "channel": r.Channel, "tags": r.Tags, "ticket_id": idText(r.TicketID), "ticket_number": r.TicketID,
		"group": r.GroupName, "group_id": idText(r.GroupID), "brand": r.BrandName, "brand_id": idText(r.BrandID),
		"organization_id": idText(r.OrganizationID), "organization_name": r.organizationName,
		"assignee_id": idText(r.AssigneeID), "assignee_name": assignee.Name,
		"assignee_first_name": assignee.firstName(), "assignee_last_name": assignee.lastName(), "assignee_email": assignee.Email,
		"assignee": map[string]any{
			"id": idText(r.AssigneeID), "name": assignee.Name, "first_name": assignee.firstName(), "last_name": assignee.lastName(), "email": assignee.Email,
		},
		"ticket": map[string]any{
			"id": idText(r.TicketID), "subject": r.Subject, "status": r.Status, "priority": r.Priority, "type": r.Type, "channel": r.Channel, "tags": r.Tags,
		},
	})
	if ofTicket(r.Activity) {
		maps.Copy(out, r.ticketNow())
	}
	maps.Copy(out, r.namesBefore())
	if r.Activity == noteAdded {
		delete(out, "message")
		delete(out, "text")
	}
	return plainObject(out)
}

// ticketNow gives what templates see of the activity's ticket as it is now.
func (r *liquidActivity) ticketNow() map[string]any {
	t := &r.ticket
	out := map[string]any{
		"description": t.Description, "requester_id": idText(r.UserID), "submitter_id": idText(t.SubmitterID), "external_id": t.ExternalID, "url": t.URL,
		"satisfaction_score": t.CSAT, "custom_fields": r.customFields, "form_id": idText(r.FormID), "form": r.form,
		"custom_status_id": idText(t.CustomStatusID), "custom_status": r.customStatus, "created_at": nil, "updated_at": nil, "due_at": utc(t.DueAt), "is_public": nil,
	}
	if t.TicketID != 0 {
		out["created_at"], out["updated_at"], out["is_public"] = t.CreatedAt.UTC(), t.UpdatedAt.UTC(), t.IsPublic == 1
	}
	return out
}

// namesBefore gives the names that kinds of activities have of what was before them, and of the authors of messages.
func (r *liquidActivity) namesBefore() map[string]any {
	switch was := r.previousAssignee; {
	case r.Activity == "ticket-assigned":
		return map[string]any{
			"previous_assignee_name": was.Name, "previous_assignee_first_name": was.firstName(), "previous_assignee_last_name": was.lastName(),
			"previous_assignee_email": was.Email,
		}
	case r.Activity == "ticket-group-changed":
		return map[string]any{"previous_group": r.previousGroup}
	case hasMessage(r.Activity):
		return map[string]any{"author_name": r.author.Name, "author_email": r.author.Email}
	}
	return nil
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
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, err := v.Float64()
		switch {
		case err != nil:
			return nil // beyond every number that templates have
		case strings.ContainsAny(v.String(), ".eE"):
			return plainValue(f)
		}
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v)
		}
	}
	return v
}
