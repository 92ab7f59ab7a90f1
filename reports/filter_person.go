package reports

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"deskstream/schemas"
)

// filterRow is an activity as a filter looks at one.
type filterRow struct {
	Activity       string    `ch:"activity"`
	OccurredAt     time.Time `ch:"occurred_at"`
	TicketID       int64     `ch:"ticket_id"`
	OrganizationID int64     `ch:"organization_id"`
	AssigneeID     int64     `ch:"assignee_id"`
	GroupID        int64     `ch:"group_id"`
	BrandID        int64     `ch:"brand_id"`
	Channel        string    `ch:"channel"`
	Priority       string    `ch:"priority"`
	Type           string    `ch:"type"`
	Status         string    `ch:"status"`
	PreviousStatus string    `ch:"previous_status"`
	Subject        string    `ch:"subject"`
	Message        string    `ch:"message"`
	Tags           []string  `ch:"tags"`
	Attributes     string    `ch:"attributes"`
}

// maxExplained bounds the activities that are looked at for one person.
const maxExplained = 10_000

// filterPerson gives a person as a filter looks at one.
func (s *server) filterPerson(ctx context.Context, who *person, names filterNames) (*schemas.FilterPerson, error) {
	accounts := []string{who.account}
	var org *organization
	var err error
	if who.Organization != nil {
		if org, err = s.organization(ctx, accounts, parseID(who.Organization.ID)); err != nil {
			return nil, err
		}
	}
	p := params{}
	p.texts("accounts", accounts)
	p.ints("users", who.userIDs)
	p.time("now", s.Now())
	p.int("limit", maxExplained)
	rows, err := list[filterRow](ctx, s, "filter_activities", sqlText("filter_activities"), p)
	if err != nil {
		return nil, err
	}
	out := &schemas.FilterPerson{Field: fieldReader(who, org, names), Ever: map[string]schemas.Occurrence{}}
	for slug, r := range who.FirstLast {
		out.Ever[slug] = schemas.Occurrence{First: r.FirstAt, Last: r.LastAt, Count: r.Count}
	}
	for i := range rows {
		out.Activities = append(out.Activities, schemas.FilterActivity{Activity: rows[i].Activity, At: rows[i].OccurredAt, Attribute: attributeReader(&rows[i])})
	}
	return out, nil
}

// fieldReader reads the fields of a person and their organization by dotted paths.
func fieldReader(who *person, org *organization, names filterNames) func(string) any {
	fields := who.fields()
	fields["organization"] = nil
	if org != nil {
		fields["organization"] = map[string]any{"name": org.Name, "external_id": org.ExternalID, "zendesk": org.Zendesk}
	}
	return func(path string) any {
		t, ok := names.FieldType(path)
		if !ok {
			return nil
		}
		var v any = fields
		for _, name := range strings.Split(path, ".") {
			m, _ := v.(map[string]any)
			v = m[name]
		}
		return filterValue(v, t)
	}
}

// filterValue brings a value into one of the forms that filters compare; nil for none or one of another type.
func filterValue(v any, t schemas.ValueType) any {
	switch t {
	case schemas.TypeText:
		if s, ok := v.(string); ok && s != "" {
			return s
		}
		return nil
	case schemas.TypeBoolean:
		if b, ok := v.(bool); ok {
			return b
		}
		return nil
	case schemas.TypeTime:
		return timeValue(v)
	case schemas.TypeList:
		if l := textList(v); len(l) > 0 {
			return l
		}
		return nil
	case schemas.TypeNumber:
		return numberValue(v)
	case schemas.TypeAny:
	}
	switch v.(type) {
	case []any, []string:
		return textList(v)
	case string, bool, nil:
		return v
	}
	return numberValue(v)
}

func numberValue(v any) any {
	switch n := v.(type) {
	case float64:
		return n
	case int64:
		return float64(n)
	case uint64:
		return float64(n)
	case json.Number:
		if f, err := n.Float64(); err == nil {
			return f
		}
	}
	return nil
}

func timeValue(v any) any {
	switch t := v.(type) {
	case time.Time:
		return t
	case string:
		for _, form := range []string{time.RFC3339, time.DateOnly} {
			if at, err := time.Parse(form, t); err == nil {
				return at
			}
		}
	}
	return nil
}

func textList(v any) []string {
	out := []string{}
	switch l := v.(type) {
	case []string:
		return l
	case []any:
		for _, item := range l {
			if s, ok := item.(string); ok {
				out = append(out, s)
			}
		}
	}
	return out
}

// attributeReader reads the attributes of an activity by name.
func attributeReader(r *filterRow) func(string) any {
	special := jsonObject(r.Attributes)
	columns := map[string]any{
		"subject": r.Subject, "message": r.Message, "status": r.Status, "previous_status": r.PreviousStatus, "priority": r.Priority, "type": r.Type,
		"channel": r.Channel, "tags": r.Tags, "ticket_id": idText(r.TicketID), "assignee_id": idText(r.AssigneeID), "group_id": idText(r.GroupID),
		"brand_id": idText(r.BrandID), "organization_id": idText(r.OrganizationID), "occurred_at": r.OccurredAt,
	}
	return func(name string) any {
		a, ok := activityAttributes[name]
		if !ok {
			return nil
		}
		if a.place == placeJSON {
			return filterValue(special[strings.ReplaceAll(name, "_", "-")], a.typ)
		}
		return filterValue(columns[name], a.typ)
	}
}
