package reports

import (
	"context"
	"slices"
	"strings"

	"deskstream/schemas"
)

// mergeTag is one thing that templates can write.
type mergeTag struct {
	Name    string   `json:"name"`
	Path    string   `json:"path"`
	Type    string   `json:"type"`
	Example string   `json:"example"`
	Liquid  string   `json:"liquid" doc:"Text to insert"`
	Formats []string `json:"formats" doc:"Accepted first arguments of the filter in the text; empty where there is none"`
}

var (
	dateFormats    = []string{"mdy", "dmy", "ymd", "ydm", "mdyaw", "mdya", "mdys", "dmyaw", "dmya", "dmys"}
	timeFormats    = []string{"mdy12", "mdy24", "dmy12", "dmy24", "ymd12", "ymd24", "mdy24aw", "mdy12aw", "mdy24n", "mdy12n", "h24", "h12"}
	booleanFormats = []string{"yesNo", "onOff", "trueFalse"}
)

// ticketAttributes are the attributes of every activity of a ticket.
var ticketAttributes = []recordField{
	{ID: "subject", Label: "Subject", Type: "text"},
	{ID: "status", Label: "Status", Type: "text"},
	{ID: "priority", Label: "Priority", Type: "text"},
	{ID: "type", Label: "Type", Type: "text"},
	{ID: "channel", Label: "Channel", Type: "text"},
	{ID: "tags", Label: "Tags", Type: "list"},
	{ID: "message", Label: "Message", Type: "text"},
	{ID: "ticket_id", Label: "Ticket id", Type: "text"},
	{ID: "assignee.name", Label: "Assignee", Type: "text"},
	{ID: "group", Label: "Group", Type: "text"},
	{ID: "brand", Label: "Brand", Type: "text"},
	{ID: "occurred_at", Label: "Occurred at", Type: "time"},
}

// ratingAttributes are those of a satisfaction rating besides.
var ratingAttributes = []recordField{{ID: "score", Label: "Score", Type: "text"}, {ID: "comment", Label: "Comment", Type: "text"}, {ID: "reason", Label: "Reason", Type: "text"}}

// changeAttributes are those of a change of a tracked field, before its time.
var changeAttributes = []recordField{
	{ID: "label", Label: "Field", Type: "text"},
	{ID: "field", Label: "Field id", Type: "text"},
	{ID: "old_value", Label: "Old value", Type: "text"},
	{ID: "new_value", Label: "New value", Type: "text"},
}

var metricTags = []recordField{
	{ID: "metrics.tickets.total", Label: "Tickets", Type: "integer"},
	{ID: "metrics.tickets.open", Label: "Open tickets", Type: "integer"},
	{ID: "metrics.tickets.closed", Label: "Closed tickets", Type: "integer"},
	{ID: "metrics.tickets.created_30d", Label: "Tickets of the last 30 days", Type: "integer"},
	{ID: "metrics.tickets.closed_30d", Label: "Tickets closed in the last 30 days", Type: "integer"},
	{ID: "metrics.csat.good", Label: "Good ratings", Type: "integer"},
	{ID: "metrics.csat.bad", Label: "Bad ratings", Type: "integer"},
	{ID: "metrics.csat.percent", Label: "Satisfaction", Type: "decimal"},
}

func (s *server) mergeTags(ctx context.Context, in *CatalogPaging) (*answer[page[mergeTag]], error) {
	fields, err := s.fields(ctx)
	if err != nil {
		return nil, err
	}
	out := page[mergeTag]{}
	for _, f := range fields {
		switch {
		case !f.Visible || slices.Contains(agentOnlyFields, f.ID):
		case f.Record == "person":
			f.ID = "person." + f.ID
			out.Items = append(out.Items, tagOf("Person: ", f))
		case f.Record == "organization":
			out.Items = append(out.Items, tagOf("Organization: ", f))
		}
	}
	for _, slug := range activitySlugs {
		attributes := ticketAttributes
		switch {
		case slug == schemas.ActivityFieldChanged:
			attributes = slices.Concat(changeAttributes, attributes[len(attributes)-1:])
		case strings.HasPrefix(slug, "contact-") || strings.HasPrefix(slug, "organization-"):
			attributes = attributes[len(attributes)-1:]
		case slug == "satisfaction-rating-received":
			attributes = slices.Concat(attributes, ratingAttributes)
		}
		for _, f := range attributes {
			f.ID = "activity.zendesk." + slug + "." + f.ID
			out.Items = append(out.Items, tagOf(activityName(slug)+": ", f))
		}
	}
	for _, f := range metricTags {
		out.Items = append(out.Items, tagOf("Metrics: ", f))
	}
	return reply(catalogPage("merge-tags", out.Items, in, func(t mergeTag) string { return t.Path }))
}

// tagOf writes the text that an editor inserts for a field, by its type. Nobody has set a default, so a text has none: with one, a value that is missing
// would never fail a message that wants to fail then.
func tagOf(prefix string, f recordField) mergeTag {
	t := mergeTag{Name: prefix + f.Label, Path: f.ID, Type: f.Type, Formats: []string{}}
	switch f.Type {
	case "date":
		t.Liquid, t.Example, t.Formats = `{{ `+f.ID+` | dateFormatOrDefault: "mdya", "" }}`, "June 4, 2024", dateFormats
	case "time":
		t.Liquid, t.Example, t.Formats = `{{ `+f.ID+` | dateTimeFormatOrDefault: "mdy12", "" }}`, "Jun 04 2024 3:15 PM", timeFormats
	case "boolean", "checkbox":
		t.Liquid, t.Example, t.Formats = `{{ `+f.ID+` | booleanFormat: "yesNo" }}`, "Yes", booleanFormats
	case "phone":
		t.Liquid, t.Example = `{{ `+f.ID+` | hideCountryCodeAndDefault: false, "" }}`, "+1 415 555 0100"
	case "list":
		t.Liquid, t.Example = `{{ `+f.ID+` | join: ", " }}`, "vip, beta"
	case "decimal":
		t.Liquid, t.Example = `{{ `+f.ID+` | round: 1 }}`, "87.5"
	case "integer":
		t.Liquid, t.Example = `{{ `+f.ID+` }}`, "3"
	default:
		t.Liquid, t.Example = `{{ `+f.ID+` }}`, f.Label
	}
	return t
}
