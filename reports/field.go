package reports

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"deskstream/schemas"
)

func (s *server) fieldRoutes() {
	handle(s, route{
		method: http.MethodGet, path: "/v1/fields", id: "list-fields", tag: tagPeople, summary: "Fields of people, organizations and tickets", scopes: []string{scopePeople},
	}, s.listFields)
	handle(s, route{
		method: http.MethodPatch, path: "/v1/fields/{id}", id: "change-field", tag: tagPeople,
		summary: "Show or hide a field in lists, and track its changes", scopes: []string{scopePeople},
		detail: "A hidden field keeps its data: it is part of a single person or organization, and of a list whose columns name it. Of a tracked field each " +
			"change from then on is an activity field-changed with the attributes field, label, old_value and new_value, for each user of the person: the " +
			"field's first value is none, nor is what happened before.",
	}, s.patchField)
	handle(s, route{
		method: http.MethodPost, path: "/v1/fields", id: "keep-field", tag: tagPeople,
		summary: "Keep the newest value of an activity's attribute as a field of people", scopes: []string{scopePeople},
		status: http.StatusCreated,
		detail: "The field is one of your own, custom.<key>, for filters, columns and merge tags. It has the value of the latest activity that has one, by when " +
			"it occurred, and keeps it past the activity's retention. It is filled from the activities that are stored (kept_from.filled tells when that is " +
			"done) and follows those that come. Nobody else can write it.",
	}, s.keepField)
	handle(s, route{
		method: http.MethodDelete, path: "/v1/fields/{id}", id: "end-field", tag: tagPeople, summary: "Keep an attribute no more", scopes: []string{scopePeople},
		detail: "Only of a field that POST /v1/fields made. It goes from all people, in the background.",
	}, s.endField)
}

type recordField struct {
	ID      string `json:"id" doc:"Name in filters, columns and merge tags"`
	Label   string `json:"label"`
	Type    string `json:"type"`
	Source  string `json:"source" enum:"system,zendesk"`
	Record  string `json:"record" enum:"person,organization,ticket"`
	Icon    string `json:"icon,omitempty" doc:"Icon of the source: zendesk"`
	Visible bool   `json:"visible" doc:"Lists show it without being asked"`

	Trackable    bool       `json:"trackable" doc:"Its changes can be tracked: fields of people with one value that somebody decides"`
	Tracked      bool       `json:"tracked" doc:"Each change of its value is an activity field-changed"`
	TrackedSince *time.Time `json:"tracked_since,omitempty" doc:"Changes before it are no activities"`
	KeptFrom     *keptFrom  `json:"kept_from,omitempty" doc:"It keeps the newest value of an attribute of an activity"`
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

func (s *server) listFields(ctx context.Context, in *Paging) (*answer[page[recordField]], error) {
	fields, err := s.fields(ctx)
	if err != nil {
		return nil, err
	}
	order := fieldOrder()
	slices.SortFunc(fields, func(a, b recordField) int { return strings.Compare(order(a), order(b)) })
	shown, next, err := pageOf("fields", fields, in, order)
	return reply(page[recordField]{Items: shown, NextCursor: next}, err)
}

// fieldOrder gives what the list of fields is sorted by: those that every account has come first, in their order, then the others by record
// and label.
func fieldOrder() func(recordField) string {
	places := map[string]string{}
	for i, f := range fixedFields() {
		places[f.ID] = fmt.Sprintf("0%03d", i)
	}
	return func(f recordField) string {
		return cmp.Or(places[f.ID], strings.Join([]string{"1", f.Record, strings.ToLower(f.Label), f.ID}, "\x00"))
	}
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
	if err != nil {
		return nil, err
	}
	own, err := s.ownFields(ctx, accounts, &decided)
	all := slices.Concat(fixedFields(), named, own)
	for i := range all {
		all[i].decide(&decided)
	}
	return all, err
}

// decide fills in what is decided about a field.
func (f *recordField) decide(v *fieldSettings) {
	visible, ok := v.Visible[f.ID]
	if f.Visible = visible; !ok {
		f.Visible = !slices.Contains(agentOnlyFields, f.ID)
	}
	if f.Source == "zendesk" {
		f.Icon = "zendesk"
	}
	f.Trackable, f.Tracked, f.TrackedSince = isTrackable(f), false, nil
	if t, ok := v.Tracked[f.ID]; ok {
		f.Tracked, f.TrackedSince = true, &t.Since
	}
}

// customPrefix is what the ids of the customer's own fields begin with.
const customPrefix = "custom."

// jsonTypes gives the type of a field by the JSON type of its values.
var jsonTypes = map[string]string{"Int64": "decimal", "UInt64": "decimal", "Double": "decimal", "Bool": "boolean", "Array": "list"}

// ownFields are the customer's own fields: those that people have, and those that something is decided about.
func (s *server) ownFields(ctx context.Context, accounts []string, decided *fieldSettings) ([]recordField, error) {
	p := params{}
	p.texts("accounts", accounts)
	rows, err := list[struct {
		Key   string   `ch:"key"`
		Types []string `ch:"types"`
	}](ctx, s, "custom_fields", sqlText("custom_fields"), p)
	types := map[string]string{}
	for id := range decided.Tracked {
		if key, ok := strings.CutPrefix(id, customPrefix); ok {
			types[key] = "text"
		}
	}
	for _, r := range rows {
		types[r.Key] = ownType(r.Types)
	}
	out := make([]recordField, 0, len(types))
	for _, key := range slices.Sorted(maps.Keys(types)) {
		if !decided.keeps(key) {
			out = append(out, ownField(key, types[key]))
		}
	}
	for i := range decided.Kept {
		out = append(out, decided.Kept[i].view(accounts))
	}
	return out, err
}

// ownType gives the type of a field whose values have some JSON types: text where they differ, list where one is a list.
func ownType(values []string) string {
	kind := ""
	for _, v := range values {
		t := cmp.Or(jsonTypes[v], "text")
		if t == "list" {
			return t
		}
		if kind == "" {
			kind = t
		}
		if t != kind {
			kind = "text"
		}
	}
	return kind
}

// ownField describes a field of the customer's own: "favorite_color" is "Favorite color".
func ownField(key, kind string) recordField {
	label := strings.NewReplacer("_", " ", "-", " ").Replace(key)
	return recordField{ID: customPrefix + key, Label: strings.ToUpper(label[:1]) + label[1:], Type: kind, Source: "system", Record: "person"}
}

// field gives one field; of the customer's own also one that nobody has yet.
func (s *server) field(ctx context.Context, id string) (recordField, error) {
	all, err := s.fields(ctx)
	if err != nil {
		return recordField{}, err
	}
	if i := slices.IndexFunc(all, func(f recordField) bool { return f.ID == id }); i >= 0 {
		return all[i], nil
	}
	if key, ok := strings.CutPrefix(id, customPrefix); ok && schemas.CustomKey.MatchString(key) {
		return ownField(key, "text"), nil
	}
	return recordField{}, &schemas.Problem{Class: schemas.ErrNotFound, Code: "no-such-field", Detail: "there is no field of this id; GET /v1/fields lists them"}
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
		Visible *bool `json:"visible,omitempty" doc:"Lists show it without being asked"`
		Tracked *bool `json:"tracked,omitempty" doc:"Each change of its value from now on is an activity"`
	}
}

func (s *server) patchField(ctx context.Context, in *fieldPatch) (*answer[recordField], error) {
	if in.Body.Visible == nil && in.Body.Tracked == nil {
		return nil, schemas.Invalid("body", "must set visible or tracked")
	}
	f, err := s.field(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if track := in.Body.Tracked; track != nil && *track && !isTrackable(&f) {
		return nil, schemas.Invalid("body.tracked", "must be absent or false: of "+f.ID+" no changes can be tracked; GET /v1/fields says of which fields they can (trackable)")
	}
	err = s.fieldSettings.change(ctx, func(v *fieldSettings) error {
		if in.Body.Visible != nil {
			v.setVisible(f.ID, *in.Body.Visible)
		}
		if in.Body.Tracked != nil {
			v.setTracked(&f, *in.Body.Tracked, s.Now())
		}
		f.decide(v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := s.tellFields(ctx); err != nil { // who cannot be told now is told later
		s.Log.Warn().Err(err).Msg("processors were not told of the tracked fields yet, will try again")
	}
	return reply(f, nil)
}

// customPlaces says where the custom fields of each kind are found.
var customPlaces = map[string]struct{ record, prefix string }{
	"user_field":         {"person", "zendesk.fields."},
	"organization_field": {"organization", "organization.zendesk.fields."},
	"ticket_field":       {"ticket", customFields},
}

// fieldNames gives what the accounts call their custom fields.
func (s *server) fieldNames(ctx context.Context, accounts []string) ([]schemas.Name, error) {
	p := params{}
	p.texts("accounts", accounts)
	return list[schemas.Name](ctx, s, "fields", sqlText("fields"), p)
}

// allFieldNames gives those of all accounts.
func (s *server) allFieldNames(ctx context.Context) ([]schemas.Name, error) {
	accounts, err := s.accounts(ctx)
	if err != nil {
		return nil, err
	}
	return s.fieldNames(ctx, accounts)
}

// systemTicketFields are the types of Zendesk's own fields of tickets, which are listed among the custom ones.
var systemTicketFields = []string{"subject", "description", "status", "custom_status", "tickettype", "priority", "basic_priority", "group", "assignee"}

// ticketFields gives the custom fields of tickets with the key under which merge tags have each beside its id: of two of one title the older one
// has it, and one that cannot be written has none.
func ticketFields(names []schemas.Name) []schemas.Name {
	var out []schemas.Name
	for _, f := range names {
		if f.Kind == "ticket_field" && !slices.Contains(systemTicketFields, f.Type) {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b schemas.Name) int {
		return cmp.Or(strings.Compare(a.Account, b.Account), cmp.Compare(a.ID, b.ID))
	})
	taken := map[string]bool{}
	for i := range out {
		f := &out[i]
		if at := f.Account + " " + f.Key; f.Key == "" || taken[at] || strings.ContainsAny(f.Key, ".'") {
			f.Key = idText(f.ID)
		} else {
			taken[at] = true
		}
	}
	return out
}

func (s *server) customFields(ctx context.Context, accounts []string) ([]recordField, error) {
	rows, err := s.fieldNames(ctx, accounts)
	var out []recordField
	for _, r := range rows {
		place, ok := customPlaces[r.Kind]
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
