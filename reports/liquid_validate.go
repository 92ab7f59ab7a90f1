package reports

import (
	"context"
	"slices"
	"strings"

	"deskstream/liquid"
	"deskstream/schemas"
)

type validateInput struct {
	Body struct {
		Parts    map[string]string `json:"parts" minProperties:"1" maxProperties:"20" doc:"Templates by name: subject, preheader, html, text, ..."`
		Snippets map[string]string `json:"snippets,omitempty" maxProperties:"50" doc:"Snippets of this message by name, before the stored ones"`
	}
}

type validateAnswer struct {
	Valid     bool            `json:"valid" doc:"The templates can be rendered"`
	Errors    []liquid.Error  `json:"errors" doc:"Why they cannot, each with its place; at most twenty a part"`
	Warnings  []liquid.Error  `json:"warnings" doc:"Names that nothing is known of (kind unknown), and loops that would be stopped (kind limit)"`
	Variables []validVariable `json:"variables" doc:"What the templates ask the data for; [] is an element of a list, * a step that is only known when rendering"`
	Snippets  []string        `json:"snippets" doc:"Snippets that the templates use"`
	Loops     []liquid.Loop   `json:"loops" doc:"Every loop with its most turns; null where data decides"`
}

type validVariable struct {
	Path     string `json:"path"`
	InOutput bool   `json:"in_output" doc:"It is written, not only used in conditions and loops"`
	Part     string `json:"part" doc:"Where it is used first"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
}

// kindUnknown is the kind of the warning about a name that nothing is known of.
const kindUnknown = "unknown"

func (s *server) validate(ctx context.Context, in *validateInput) (validateAnswer, error) {
	if err := s.rendering.enter(ctx); err != nil {
		return validateAnswer{}, err
	}
	defer s.rendering.leave()
	snippets, err := s.snippetsFor(ctx, in.Body.Snippets)
	if err != nil {
		return validateAnswer{}, err
	}
	found := s.renderer.Inspect(in.Body.Parts, snippets)
	known, err := s.knownNames(ctx)
	if err != nil {
		return validateAnswer{}, err
	}
	out := validateAnswer{
		Valid: len(found.Errors) == 0, Errors: append([]liquid.Error{}, found.Errors...), Warnings: append([]liquid.Error{}, found.Warnings...),
		Variables: []validVariable{}, Snippets: append([]string{}, found.Snippets...), Loops: append([]liquid.Loop{}, found.Loops...),
	}
	for _, v := range found.Variables {
		out.Variables = append(out.Variables, validVariable{v.String(), v.InOutput, v.Part, v.Line, v.Column})
		if len(out.Warnings) >= mostWarnings {
			continue
		}
		if why, meant := known.doubt(v); why != "" {
			out.Warnings = append(out.Warnings, liquid.Error{Kind: kindUnknown, Message: why, Part: v.Part, Line: v.Line, Column: v.Column, Suggestion: meant})
		}
	}
	slices.SortStableFunc(out.Warnings, func(a, b liquid.Error) int {
		if a.Part != b.Part {
			return strings.Compare(a.Part, b.Part)
		}
		return a.Line*10_000 + a.Column - b.Line*10_000 - b.Column
	})
	return out, nil
}

const mostWarnings = 100

// knownNames are the names that merge tags have a value for.
type knownNames struct {
	paths      []string            // whole paths
	under      []string            // beginnings of paths below which anything may be
	attributes map[string][]string // of each kind of activity, and of any
}

// openNames may hold what no catalogue knows.
var openNames = []string{"request", "campaign", "activities", "person.first_last", "person.custom"}

// besideFields are names of the roots that are no fields.
var besideFields = []string{
	"person.id", "person.name", "person.time_zone", "person.archived", "person.sources", "person.merged_from", "person.permissions", "person.email_permission",
	"person.sms_permission", "person.organization.id", "person.organization.name", "person.zendesk.id", "person.zendesk.fields", "organization.id",
	"organization.created_at", "organization.updated_at", "organization.zendesk.fields", "now",
}

func (s *server) knownNames(ctx context.Context) (knownNames, error) {
	groups, err := s.tagGroups(ctx)
	if err != nil {
		return knownNames{}, err
	}
	k := knownNames{paths: slices.Clone(besideFields), under: openNames}
	for _, g := range groups {
		for _, f := range g.fields {
			path := g.path + f.ID
			if !strings.HasPrefix(path, "activity.") { // kinds keep their hyphens, fields are found under either spelling
				path = underscored(path)
			}
			k.paths = append(k.paths, path)
		}
	}
	k.attributes, err = s.knownAttributes(ctx)
	return k, err
}

// knownAttributes gives the names of attributes by kind of activity, custom fields also by their ids.
func (s *server) knownAttributes(ctx context.Context) (map[string][]string, error) {
	names, err := s.allFieldNames(ctx)
	var fields []recordField
	for _, f := range ticketFields(names) {
		fields = append(fields, recordField{ID: customFields + f.Key}, recordField{ID: customFields + idText(f.ID)})
	}
	known := map[string][]string{anyKind: attributeNamesOf(activitySlugs, fields)}
	for _, slug := range activitySlugs {
		known[slug] = attributeNamesOf([]string{slug}, fields)
	}
	return known, err
}

// doubt says why a variable is likely to have no value, "" when it is not, and the name that was probably meant.
func (k knownNames) doubt(v liquid.Variable) (why, meant string) {
	if i := slices.Index(v.Path, anyKind); i >= 0 { // what lies below a computed step is only known when rendering
		v.Path = v.Path[:i]
	}
	if len(v.Path) == 0 {
		return "", ""
	}
	path := v.String()
	if folded := liquid.CanonicalPath(strings.ToLower(path)); folded != path && k.knows(folded) {
		return path + " has no value: names are lower case; did you mean \"" + folded + "\"?", folded
	}
	if why, meant := k.doubtAttribute(v.Path); why != "" {
		return why, meant
	}
	if v.Path[0] == "activity" {
		return doubtKind(v)
	}
	if k.knows(path) {
		return "", ""
	}
	meant = schemas.Nearest(path, k.paths)
	why = path + " is not a name that people's data have"
	if meant != "" {
		why += "; did you mean \"" + meant + "\"?"
	}
	return why, meant
}

// knows tells whether a path is one of the known, leads to one, or lies below an open one.
func (k knownNames) knows(path string) bool {
	for _, u := range k.under {
		if path == u || strings.HasPrefix(path, u+".") || strings.HasPrefix(path, u+element) {
			return true
		}
	}
	for _, p := range k.paths {
		if path == p || strings.HasPrefix(p, path+".") || strings.HasPrefix(path, p+element) {
			return true
		}
	}
	return false
}

// doubtAttribute is doubt about an attribute of an activity: each kind has its own.
func (k knownNames) doubtAttribute(path []string) (why, meant string) {
	kind, above := anyKind, 2 // activities[]
	switch {
	case path[0] == "activity" && slices.Contains(activitySlugs, kindOf(path)):
		kind, above = kindOf(path), 3
	case path[0] != "activities" || len(path) < 2 || !slices.Contains([]string{element, "first", "last"}, path[1]):
		return "", ""
	}
	attribute := underscored(strings.Join(path[above:], "."))
	if attribute == "" || path[above] == element || slices.ContainsFunc(k.attributes[kind], func(name string) bool {
		name = underscored(name)
		return attribute == name || strings.HasPrefix(name, attribute+".") || strings.HasPrefix(attribute, name+".")
	}) {
		return "", ""
	}
	who := "activities have"
	if kind != anyKind {
		who = kind + " has"
	}
	why = liquid.Variable{Path: path}.String() + " is not a name that " + who
	if meant = schemas.Nearest(attribute, k.attributes[kind]); meant != "" {
		meant = templatePath(liquid.Variable{Path: path[:above]}.String() + "." + meant)
		why += "; did you mean \"" + meant + "\"?"
	}
	return why, meant
}

// doubtKind is doubt about a kind of activity.
func doubtKind(v liquid.Variable) (why, meant string) {
	kind := kindOf(v.Path)
	if kind == anyKind && (len(v.Path) < 2 || v.Path[1] == "zendesk") || slices.Contains(activitySlugs, kind) {
		return "", ""
	}
	why = v.String() + ": there is no such activity"
	if kind == anyKind { // a path as activity.ticket-closed
		kind = v.Path[1]
	}
	if meant = schemas.Nearest(kind, activitySlugs); slices.Contains(activitySlugs, kind) {
		meant = kind
	}
	if meant != "" {
		meant = "activity.zendesk." + meant
		why += "; did you mean \"" + meant + "\"?"
	}
	return why, meant
}
