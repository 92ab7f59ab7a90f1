package reports

import (
	"context"
	"maps"
	"slices"
	"strings"

	"deskstream/schemas"
)

// place is where an attribute of an activity stands.
type place int

const (
	placeJSON   place = iota // in the column attributes, with hyphens
	placeColumn              // a column of texts
	placeID                  // a column of ids, 0 = none
	placeTime                // a column of times
	placeName                // the name of an id in a column
	placeNumber              // a column of ids as numbers, 0 = none
)

// Kinds of names that activities have.
const (
	kindAgent        = "agent"
	kindAgentEmail   = "agent_email"
	kindGroup        = "group"
	kindBrand        = "brand"
	kindOrganization = "organization"
	kindForm         = "ticket_form"
	kindCustomStatus = "custom_status"
)

// namePart is the part of a name that an attribute is.
type namePart int

const (
	wholeName namePart = iota
	firstName          // before the first blank
	lastName           // behind it
)

// of gives the part of a name.
func (p namePart) of(name string) string {
	first, last, _ := strings.Cut(name, " ")
	switch p {
	case firstName:
		return first
	case lastName:
		return last
	case wholeName:
	}
	return name
}

// sql is the part of a column name.
func (p namePart) sql() string {
	switch p {
	case firstName:
		return "splitByChar(' ', name)[1]"
	case lastName:
		return "if(position(name, ' ') = 0, '', substring(name, position(name, ' ') + 1))"
	case wholeName:
	}
	return "name"
}

// attributeNames are the attributes that are names: of which kind, the column that has the id, and which part.
var attributeNames = map[string]struct {
	kind, column string
	part         namePart
}{
	"assignee_name": {kindAgent, "assignee_id", wholeName}, "assignee_first_name": {kindAgent, "assignee_id", firstName},
	"assignee_last_name": {kindAgent, "assignee_id", lastName}, "assignee_email": {kindAgentEmail, "assignee_id", wholeName},
	"group": {kindGroup, "group_id", wholeName}, "brand": {kindBrand, "brand_id", wholeName}, "form": {kindForm, "form_id", wholeName},
	"organization_name": {kindOrganization, "organization_id", wholeName},
}

// activityAttributes are what a filter can ask of an activity.
var activityAttributes = map[string]struct {
	typ   schemas.ValueType
	place place
}{
	"subject": {schemas.TypeText, placeColumn}, "message": {schemas.TypeText, placeColumn}, "status": {schemas.TypeText, placeColumn},
	"previous_status": {schemas.TypeText, placeColumn}, "priority": {schemas.TypeText, placeColumn}, "type": {schemas.TypeText, placeColumn},
	"channel": {schemas.TypeText, placeColumn}, "tags": {schemas.TypeList, placeColumn},
	"ticket_id": {schemas.TypeText, placeID}, "assignee_id": {schemas.TypeText, placeID}, "group_id": {schemas.TypeText, placeID},
	"brand_id": {schemas.TypeText, placeID}, "organization_id": {schemas.TypeText, placeID},
	"form_id": {schemas.TypeText, placeID}, "requester_id": {schemas.TypeText, placeID}, "ticket_number": {schemas.TypeNumber, placeNumber},
	"assignee_first_name": {schemas.TypeText, placeName}, "assignee_last_name": {schemas.TypeText, placeName}, "assignee_email": {schemas.TypeText, placeName},
	"form":          {schemas.TypeText, placeName},
	"assignee_name": {schemas.TypeText, placeName}, "group": {schemas.TypeText, placeName}, "brand": {schemas.TypeText, placeName},
	"organization_name": {schemas.TypeText, placeName},
	"occurred_at":       {schemas.TypeTime, placeTime},
	"score":             {schemas.TypeText, placeJSON}, "previous_score": {schemas.TypeText, placeJSON}, "comment": {schemas.TypeText, placeJSON},
	"reason": {schemas.TypeText, placeJSON}, "reason_id": {schemas.TypeText, placeJSON}, "rating_id": {schemas.TypeText, placeJSON},
	"previous_priority": {schemas.TypeText, placeJSON}, "previous_subject": {schemas.TypeText, placeJSON},
	"previous_assignee_id": {schemas.TypeText, placeJSON}, "previous_group_id": {schemas.TypeText, placeJSON},
	"message_id": {schemas.TypeText, placeJSON}, "author_id": {schemas.TypeText, placeJSON}, "author_role": {schemas.TypeText, placeJSON},
	"into_ticket_id": {schemas.TypeText, placeJSON}, "tagged_by": {schemas.TypeText, placeJSON},
	"changed_fields": {schemas.TypeList, placeJSON}, "tags_added": {schemas.TypeList, placeJSON}, "tags_removed": {schemas.TypeList, placeJSON},
	"field": {schemas.TypeText, placeJSON}, "label": {schemas.TypeText, placeJSON}, "old_value": {schemas.TypeText, placeJSON}, "new_value": {schemas.TypeText, placeJSON},
	"resolution_minutes": {schemas.TypeNumber, placeJSON}, "reopens": {schemas.TypeNumber, placeJSON},
}

// filterNames are the names a filter can use, with the custom fields of the accounts.
type filterNames struct{ fields map[string]schemas.ValueType }

// FieldType gives the type of the values of a field of people or organizations; false where there is no such field.
func (n filterNames) FieldType(path string) (schemas.ValueType, bool) {
	if key, ok := strings.CutPrefix(path, "custom."); ok && schemas.CustomKey.MatchString(key) {
		return schemas.TypeAny, true
	}
	t, ok := n.fields[path]
	return t, ok
}

// AttributeType gives the type of the values of an attribute of activities; false where there is no such attribute.
func (filterNames) AttributeType(name string) (schemas.ValueType, bool) {
	a, ok := activityAttributes[name]
	return a.typ, ok
}

// Activities gives the activities that conditions can be on.
func (filterNames) Activities() []string { return activitySlugs }

// Fields gives the fields by name, but those behind custom.
func (n filterNames) Fields() []string { return slices.Sorted(maps.Keys(n.fields)) }

// Attributes gives the attributes of activities by name.
func (filterNames) Attributes() []string { return slices.Sorted(maps.Keys(activityAttributes)) }

// valueTypes gives the type of values by the type of a field as the API or Zendesk names it. Types that are not here hold texts.
var valueTypes = map[string]schemas.ValueType{
	"boolean": schemas.TypeBoolean, "checkbox": schemas.TypeBoolean, "integer": schemas.TypeNumber, "decimal": schemas.TypeNumber,
	"time": schemas.TypeTime, "date": schemas.TypeTime, "list": schemas.TypeList, "multiselect": schemas.TypeList,
}

func valueType(of string) schemas.ValueType {
	if t, ok := valueTypes[of]; ok {
		return t
	}
	return schemas.TypeText
}

// filterNames collects the fields of people and organizations that a filter can use.
func (s *server) filterNames(ctx context.Context, accounts []string) (filterNames, error) {
	n := filterNames{fields: map[string]schemas.ValueType{"id": schemas.TypeText, "archived": schemas.TypeBoolean}}
	for _, f := range systemFields {
		n.fields[f.ID] = valueType(f.Type)
	}
	for _, f := range zendeskFields {
		n.fields["zendesk."+f.ID] = valueType(f.Type)
	}
	for _, f := range organizationFields {
		n.fields["organization."+f.ID] = valueType(f.Type)
	}
	custom, err := s.customFields(ctx, accounts)
	for _, f := range custom {
		if f.Record != "ticket" {
			n.fields[f.ID] = valueType(f.Type)
		}
	}
	return n, err
}

// allFilterNames collects those of all accounts.
func (s *server) allFilterNames(ctx context.Context) (filterNames, error) {
	accounts, err := s.accounts(ctx)
	if err != nil {
		return filterNames{}, err
	}
	return s.filterNames(ctx, accounts)
}

// organizationFigures are worked out when they are asked for.
var organizationFigures = map[string]bool{
	"zendesk.people_total": true, "zendesk.tickets_total": true, "zendesk.tickets_open": true, "zendesk.satisfaction_percent": true,
}

// peopleFilter reads the parameter filter= and gives the condition on people's rows, "1" without one.
func (s *server) peopleFilter(ctx context.Context, accounts []string, given string, p params) (string, error) {
	if given == "" {
		return "1", nil
	}
	const at = "query.filter"
	if err := checkParameter(at, given); err != nil {
		return "", err
	}
	names, err := s.filterNames(ctx, accounts)
	if err != nil {
		return "", err
	}
	f, err := schemas.ParseFilter([]byte(given), at, names)
	if err != nil {
		return "", err
	}
	return (&filterSQL{params: p, now: s.Now(), zone: s.Location}).filter(f), nil
}
