package reports

import (
	"context"
	"strings"

	"deskstream/liquid"
)

type previewAnswer struct {
	RenderAnswer
	Errors []liquid.Error  `json:"errors" doc:"What stands in the text as an error, or made a condition false"`
	Values []previewValue  `json:"values" doc:"Every variable that was looked at"`
	Person *previewSubject `json:"person" doc:"Whom it was rendered for; null with data"`
}

type previewSubject struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	MergedFrom []string `json:"merged_from,omitempty" doc:"Ids of people that this one absorbed"`
}

type previewValue struct {
	Path   string `json:"path"`
	Type   string `json:"type" enum:"text,number,boolean,time,list,object,none"`
	Value  any    `json:"value" doc:"Texts cut to 200 characters; null for lists and objects"`
	Source string `json:"source" doc:"system, zendesk, custom, computed, activity, metrics, campaign, request, data, clock, defaults, or none where there is no value"`
	Record string `json:"record" doc:"Where it is kept: person <id>, organization <id> or activity <id>; empty for what the caller gave"`
}

// preview renders with errors in the text, and tells where each value comes from.
func (s *server) preview(ctx context.Context, in *renderInput) (previewAnswer, error) {
	res, r, err := s.renderOne(ctx, in, func(req *liquid.Request) { req.Errors, req.Explain = liquid.ErrorsInline, true })
	if err != nil {
		return previewAnswer{}, err
	}
	out := previewAnswer{RenderAnswer: renderAnswerOf(&res), Errors: append([]liquid.Error{}, res.Errors...), Values: []previewValue{}}
	out.Notes = nil
	for _, v := range res.Values {
		out.Values = append(out.Values, r.provenance(v))
	}
	if who := r.who; who != nil {
		out.Person = &previewSubject{ID: who.ID, Name: strings.TrimSpace(who.FirstName + " " + who.LastName), MergedFrom: who.MergedFrom}
	}
	return out, nil
}

// provenance tells where a value comes from.
func (r *recipient) provenance(v liquid.Value) previewValue {
	out := previewValue{Path: v.Path, Type: v.Type, Value: v.Value, Source: v.From}
	if v.From != liquid.FromData {
		return out
	}
	path := strings.Split(v.Path, ".")
	root := strings.TrimSuffix(path[0], element)
	switch {
	case root == "now":
		out.Source = "clock"
	case root == "request" || root == "campaign":
		out.Source = root
	case r.who != nil:
		out.Source, out.Record = r.keptAt(root, path)
	}
	return out
}

// keptAt tells who owns the value of a path below one of the roots of a person, and which record it is part of.
func (r *recipient) keptAt(root string, path []string) (source, record string) {
	switch root {
	case "person":
		return fieldSource(path, isPersonFigure), "person " + r.who.ID
	case "organization":
		return fieldSource(path, isOrganizationFigure), "organization " + r.who.Organization.ID
	case "activity":
		return root, r.activityRecord(path)
	case "activities":
		return "activity", ""
	}
	return root, ""
}

// fieldSource tells who owns a field of a person or an organization.
func fieldSource(path []string, isFigure func(string) bool) string {
	if len(path) < 2 {
		return "system"
	}
	switch {
	case path[1] == "zendesk" && reachesFigure(path[1:], isFigure) && len(path) > 2:
		return "computed"
	case path[1] == "zendesk" || path[1] == "custom":
		return path[1]
	case path[1] == "first_last":
		return "computed"
	}
	return "system"
}

// activityRecord tells which activity stands for its kind.
func (r *recipient) activityRecord(path []string) string {
	byKind, _ := r.data["activity"].(map[string]any)
	byKind, _ = byKind["zendesk"].(map[string]any)
	activity, _ := byKind[kindOf(path)].(map[string]any)
	id, _ := activity["id"].(string)
	if id == "" {
		return ""
	}
	return "activity " + id
}
