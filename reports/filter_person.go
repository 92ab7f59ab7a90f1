package reports

import (
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
	FormID         int64     `ch:"form_id"`
	UserID         int64     `ch:"user_id"`
	Channel        string    `ch:"channel"`
	Priority       string    `ch:"priority"`
	Type           string    `ch:"type"`
	Status         string    `ch:"status"`
	PreviousStatus string    `ch:"previous_status"`
	Subject        string    `ch:"subject"`
	Message        string    `ch:"message"`
	Tags           []string  `ch:"tags"`
	Attributes     string    `ch:"attributes"`

	special map[string]any    // Attributes, once read
	names   map[string]string // by kind
}

func filterRowOf(x *schemas.Activity) *filterRow {
	return &filterRow{
		Activity: x.Activity, OccurredAt: x.OccurredAt, TicketID: x.TicketID, OrganizationID: x.OrganizationID, AssigneeID: x.AssigneeID, GroupID: x.GroupID,
		BrandID: x.BrandID, FormID: x.FormID, UserID: x.UserID, Channel: x.Channel, Priority: x.Priority, Type: x.Type,
		Status: x.Status, PreviousStatus: x.PreviousStatus, Subject: x.Subject,
		Message: x.Message, Tags: x.Tags, Attributes: x.Attributes,
	}
}

func (r *filterRow) activity() schemas.FilterActivity {
	return schemas.FilterActivity{Activity: r.Activity, At: r.OccurredAt, Attribute: r.attribute}
}

// idOf gives the id for which the activity has a name of a kind, empty for none.
func (r *filterRow) idOf(kind string) string {
	switch kind {
	case kindAgent, kindAgentEmail:
		return idText(r.AssigneeID)
	case kindForm:
		return idText(r.FormID)
	case kindGroup:
		return idText(r.GroupID)
	case kindBrand:
		return idText(r.BrandID)
	}
	return idText(r.OrganizationID)
}

func (r *filterRow) setName(kind, name string) {
	if r.names == nil {
		r.names = map[string]string{}
	}
	r.names[kind] = name
}

// fieldReader reads the fields of a person and their organization by dotted paths; each is worked out once. It is not safe for concurrent use.
func fieldReader(who *person, org *organization, names filterNames) func(string) any {
	var fields map[string]any
	known := map[string]any{}
	return func(path string) any {
		v, ok := known[path]
		if ok {
			return v
		}
		if fields == nil {
			fields = filterFields(who, org)
		}
		v = readField(fields, path, names)
		known[path] = v
		return v
	}
}

func filterFields(who *person, org *organization) map[string]any {
	fields := who.fields()
	fields["organization"] = nil
	if org != nil {
		fields["organization"] = map[string]any{"name": org.Name, "external_id": org.ExternalID, "zendesk": org.Zendesk}
	}
	return fields
}

func readField(fields map[string]any, path string, names filterNames) any {
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

// attribute reads an attribute by its name with underscores. It is not safe for concurrent use.
func (r *filterRow) attribute(name string) any {
	a, ok := activityAttributes[name]
	if !ok {
		return nil
	}
	switch a.place {
	case placeJSON:
		if r.special == nil {
			r.special = jsonObject(r.Attributes)
		}
		return filterValue(r.special[strings.ReplaceAll(name, "_", "-")], a.typ)
	case placeName:
		n := attributeNames[name]
		return filterValue(n.part.of(r.names[n.kind]), a.typ)
	case placeColumn, placeID, placeTime, placeNumber:
	}
	return filterValue(r.column(name), a.typ)
}

func (r *filterRow) column(name string) any {
	switch name {
	case "subject":
		return r.Subject
	case "message":
		return r.Message
	case "status":
		return r.Status
	case "previous_status":
		return r.PreviousStatus
	case "priority":
		return r.Priority
	case "type":
		return r.Type
	case "channel":
		return r.Channel
	case "tags":
		return r.Tags
	case "ticket_id":
		return idText(r.TicketID)
	case "assignee_id":
		return idText(r.AssigneeID)
	case "group_id":
		return idText(r.GroupID)
	case "brand_id":
		return idText(r.BrandID)
	case "organization_id":
		return idText(r.OrganizationID)
	case "form_id":
		return idText(r.FormID)
	case "requester_id":
		if r.TicketID != 0 {
			return idText(r.UserID)
		}
	case "ticket_number":
		if r.TicketID != 0 {
			return r.TicketID
		}
	case "occurred_at":
		return r.OccurredAt
	}
	return nil
}
