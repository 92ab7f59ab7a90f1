package reports

import (
	"context"
	"regexp"
	"slices"
	"strings"
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
	groups, err := s.tagGroups(ctx)
	if err != nil {
		return nil, err
	}
	var out []mergeTag
	for _, g := range groups {
		for _, f := range g.fields {
			f.ID = g.path + f.ID
			out = append(out, tagOf(g.name+": ", f))
		}
	}
	return reply(catalogPage("merge-tags", out, in, func(t mergeTag) string { return t.Path }))
}

// tagGroup is what lies below one path of merge tags.
type tagGroup struct {
	name, path string
	fields     []recordField
}

// tagGroups gives all that merge tags can name: of people, organizations, each kind of activity, and the metrics.
func (s *server) tagGroups(ctx context.Context) ([]tagGroup, error) {
	fields, err := s.fields(ctx)
	if err != nil {
		return nil, err
	}
	person, organization := tagGroup{name: "Person", path: "person."}, tagGroup{name: "Organization"}
	for _, f := range fields {
		switch {
		case !f.Visible || slices.Contains(agentOnlyFields, f.ID):
		case f.Record == "person":
			person.fields = append(person.fields, f)
		case f.Record == "organization":
			organization.fields = append(organization.fields, f)
		}
	}
	out := []tagGroup{person, organization}
	ofTickets, err := s.ticketFieldTags(ctx)
	if err != nil {
		return nil, err
	}
	for _, slug := range activitySlugs {
		out = append(out, tagGroup{activityName(slug), kindPath(slug), attributesOf(slug, ofTickets)})
	}
	return append(out, tagGroup{name: "Metrics", fields: metricTags}), nil
}

// kindPath is what the paths of a kind's attributes begin with.
func kindPath(slug string) string { return "activity.zendesk." + slug + "." }

// ticketFieldTags gives the custom fields of tickets as attributes of activities, each once.
func (s *server) ticketFieldTags(ctx context.Context) ([]recordField, error) {
	names, err := s.allFieldNames(ctx)
	var out []recordField
	for _, f := range ticketFields(names) {
		tag := recordField{ID: customFields + f.Key, Label: f.Name, Type: f.Type}
		if !slices.ContainsFunc(out, func(o recordField) bool { return o.ID == tag.ID }) {
			out = append(out, tag)
		}
	}
	return out, err
}

// templatePath writes a path as templates have to: a step that is no name stands in brackets.
func templatePath(dotted string) string {
	var out strings.Builder
	for i, step := range strings.Split(dotted, ".") {
		switch {
		case i == 0:
			out.WriteString(step)
		case templateName.MatchString(step):
			out.WriteString("." + step)
		default:
			out.WriteString("['" + step + "']")
		}
	}
	return out.String()
}

var templateName = regexp.MustCompile("^[A-Za-z_][A-Za-z0-9_-]*$")

// tagOf writes the text that an editor inserts for a field, by its type. Nobody has set a default, so a text has none: with one, a value that is missing
// would never fail a message that wants to fail then.
func tagOf(prefix string, f recordField) mergeTag {
	f.ID = templatePath(f.ID)
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
	case "list", "multiselect":
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
