package reports

import (
	"context"
	"net/http"
	"slices"

	"deskstream/schemas"
)

func (s *server) fieldRoutes() {
	handle(s, route{
		method: http.MethodGet, path: "/v1/fields", id: "list-fields", tag: tagPeople, summary: "Fields of people, organizations and tickets", scopes: []string{scopePeople},
	}, s.listFields)
	handle(s, route{
		method: http.MethodPatch, path: "/v1/fields/{id}", id: "change-field", tag: tagPeople, summary: "Show or hide a field in lists", scopes: []string{scopePeople},
		detail: "A hidden field keeps its data: it is part of a single person or organization, and of a list whose columns name it.",
	}, s.patchField)
}

type recordField struct {
	ID      string `json:"id" doc:"Name in filters, columns and merge tags"`
	Label   string `json:"label"`
	Type    string `json:"type"`
	Source  string `json:"source" enum:"system,zendesk"`
	Record  string `json:"record" enum:"person,organization,ticket"`
	Icon    string `json:"icon,omitempty" doc:"Icon of the source: zendesk"`
	Visible bool   `json:"visible" doc:"Lists show it without being asked"`
}

// systemFields are the fields of a person that no source owns.
var systemFields = []recordField{
	{ID: "first_name", Label: "First name", Type: "text"},
	{ID: "last_name", Label: "Last name", Type: "text"},
	{ID: "email", Label: "Email", Type: "email"},
	{ID: "phone_number", Label: "Phone number", Type: "phone"},
	{ID: "external_id", Label: "External id", Type: "text"},
	{ID: "language", Label: "Language", Type: "text"},
	{ID: "timezone", Label: "Timezone", Type: "text"},
	{ID: "permissions.email", Label: "Email permission", Type: "boolean"},
	{ID: "permissions.sms", Label: "SMS permission", Type: "boolean"},
	{ID: "created_at", Label: "Created", Type: "time"},
	{ID: "updated_at", Label: "Updated", Type: "time"},
}

// zendeskFields are the fields of a person that Zendesk gives; notes and details are for agents only.
var zendeskFields = []recordField{
	{ID: "user_id", Label: "User ID", Type: "text"},
	{ID: "name", Label: "Name", Type: "text"},
	{ID: "email", Label: "Email", Type: "email"},
	{ID: "phone", Label: "Phone", Type: "phone"},
	{ID: "alias", Label: "Alias", Type: "text"},
	{ID: "details", Label: "Details", Type: "text"},
	{ID: "notes", Label: "Notes", Type: "text"},
	{ID: "role", Label: "Role", Type: "text"},
	{ID: "locale", Label: "Locale", Type: "text"},
	{ID: "time_zone", Label: "Time zone", Type: "text"},
	{ID: "verified", Label: "Verified", Type: "boolean"},
	{ID: "active", Label: "Active", Type: "boolean"},
	{ID: "suspended", Label: "Suspended", Type: "boolean"},
	{ID: "shared_phone_number", Label: "Shared phone number", Type: "boolean"},
	{ID: "tags", Label: "Tags", Type: "list"},
	{ID: "organization_id", Label: "Organization ID", Type: "text"},
	{ID: "last_login_at", Label: "Last login at", Type: "time"},
	{ID: "created_at", Label: "Created at", Type: "time"},
	{ID: "updated_at", Label: "Updated at", Type: "time"},
	{ID: "url", Label: "URL", Type: "text"},
	{ID: "tickets_total", Label: "Tickets", Type: "integer"},
	{ID: "tickets_open", Label: "Open tickets", Type: "integer"},
	{ID: "tickets_closed", Label: "Closed tickets", Type: "integer"},
	{ID: "first_ticket_at", Label: "First ticket at", Type: "time"},
	{ID: "last_ticket_at", Label: "Last ticket at", Type: "time"},
	{ID: "last_ticket_subject", Label: "Last ticket subject", Type: "text"},
	{ID: "last_ticket_status", Label: "Last ticket status", Type: "text"},
	{ID: "last_satisfaction_score", Label: "Last satisfaction score", Type: "text"},
	{ID: "last_satisfaction_at", Label: "Last satisfaction at", Type: "time"},
	{ID: "good_ratings", Label: "Good ratings", Type: "integer"},
	{ID: "bad_ratings", Label: "Bad ratings", Type: "integer"},
}

// organizationFields are those of an organization; names without a prefix are the system's.
var organizationFields = []recordField{
	{ID: "name", Label: "Name", Type: "text", Source: "system"},
	{ID: "external_id", Label: "External id", Type: "text", Source: "system"},
	{ID: "zendesk.organization_id", Label: "Organization ID", Type: "text"},
	{ID: "zendesk.details", Label: "Details", Type: "text"},
	{ID: "zendesk.notes", Label: "Notes", Type: "text"},
	{ID: "zendesk.domain_names", Label: "Domain names", Type: "list"},
	{ID: "zendesk.group_id", Label: "Group ID", Type: "text"},
	{ID: "zendesk.shared_tickets", Label: "Shared tickets", Type: "boolean"},
	{ID: "zendesk.shared_comments", Label: "Shared comments", Type: "boolean"},
	{ID: "zendesk.tags", Label: "Tags", Type: "list"},
	{ID: "zendesk.created_at", Label: "Created at", Type: "time"},
	{ID: "zendesk.updated_at", Label: "Updated at", Type: "time"},
	{ID: "zendesk.url", Label: "URL", Type: "text"},
	{ID: "zendesk.people_total", Label: "People", Type: "integer"},
	{ID: "zendesk.tickets_total", Label: "Tickets", Type: "integer"},
	{ID: "zendesk.tickets_open", Label: "Open tickets", Type: "integer"},
	{ID: "zendesk.satisfaction_percent", Label: "Satisfaction percent", Type: "decimal"},
}

// agentOnly are hidden unless somebody shows them, and never part of templates: agents write them for agents.
func agentOnly(name string) bool { return name == "details" || name == "notes" }

// agentOnlyFields are their ids.
var agentOnlyFields = []string{
	"zendesk.details", "zendesk.notes", "organization.zendesk.details", "organization.zendesk.notes",
}

func (s *server) listFields(ctx context.Context, _ *none) (*answer[page[recordField]], error) {
	fields, err := s.fields(ctx)
	return reply(page[recordField]{Items: fields}, err)
}

// fields gives all fields with what is decided about them.
func (s *server) fields(ctx context.Context) ([]recordField, error) {
	accounts, err := s.accounts(ctx)
	if err != nil {
		return nil, err
	}
	decided, err := s.fieldSettings.lately(ctx)
	if err != nil {
		return nil, err
	}
	named, err := s.customFields(ctx, accounts)
	all := slices.Concat(fixedFields(), named)
	for i := range all {
		f := &all[i]
		visible, ok := decided.Visible[f.ID]
		if f.Visible = visible; !ok {
			f.Visible = !slices.Contains(agentOnlyFields, f.ID)
		}
		if f.Source == "zendesk" {
			f.Icon = "zendesk"
		}
	}
	return all, err
}

// fixedFields are those that every account has.
func fixedFields() []recordField {
	var out []recordField
	for _, f := range systemFields {
		f.Source, f.Record = "system", "person"
		out = append(out, f)
	}
	for _, f := range zendeskFields {
		f.ID, f.Source, f.Record = "zendesk."+f.ID, "zendesk", "person"
		out = append(out, f)
	}
	for _, f := range organizationFields {
		f.ID, f.Record = "organization."+f.ID, "organization"
		if f.Source == "" {
			f.Source = "zendesk"
		}
		out = append(out, f)
	}
	return out
}

type fieldPatch struct {
	ID   string `path:"id" maxLength:"400" doc:"Id"`
	Body struct {
		Visible bool `json:"visible" doc:"Lists show it without being asked"`
	}
}

func (s *server) patchField(ctx context.Context, in *fieldPatch) (*answer[recordField], error) {
	all, err := s.fields(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(f recordField) bool { return f.ID == in.ID })
	if i < 0 {
		return nil, &schemas.Problem{Class: schemas.ErrNotFound, Code: "no-such-field", Detail: "there is no field of this id; GET /v1/fields lists them"}
	}
	err = s.fieldSettings.change(ctx, func(v *fieldSettings) error {
		v.setVisible(in.ID, in.Body.Visible)
		return nil
	})
	if err != nil {
		return nil, err
	}
	all[i].Visible = in.Body.Visible
	return reply(all[i], nil)
}

// customPrefix says where the custom fields of each kind are found.
var customPrefix = map[string]struct{ record, prefix string }{
	"user_field":         {"person", "zendesk.fields."},
	"organization_field": {"organization", "organization.zendesk.fields."},
	"ticket_field":       {"ticket", "custom_fields."},
}

func (s *server) customFields(ctx context.Context, accounts []string) ([]recordField, error) {
	p := params{}
	p.texts("accounts", accounts)
	rows, err := list[schemas.Name](ctx, s, "fields", sqlText("fields"), p)
	var out []recordField
	for _, r := range rows {
		place, ok := customPrefix[r.Kind]
		if !ok {
			continue
		}
		key := r.Key
		if key == "" {
			key = idText(r.ID)
		}
		out = append(out, recordField{ID: place.prefix + key, Label: r.Name, Type: r.Type, Source: "zendesk", Record: place.record})
	}
	return out, err
}
