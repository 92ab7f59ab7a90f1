package reports

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestPreviewTellsWhereValuesComeFrom(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	template := `{{ people.first-name }} {{ person.zendesk.fields.plan }} {{ person.custom.tier }} {{ person.zendesk.tickets_total }} {{ person.nick }} {{ person.nope }}` +
		`{{ organization.name }} {{ organization.zendesk.tickets_total }} {{ activity.zendesk.ticket-created.subject }} {{ metrics.csat.percent }}` +
		`{{ request.n }} {{ campaign.name }} {{ now | date: "%Y" }}{% for a in activities %}{{ a.kind }}{% break %}{% endfor %}`
	var a previewAnswer
	s.want(200, s.call("POST", "/v1/liquid/preview", "render-key", text(template, map[string]any{
		"person": "zendesk:2004", "request": map[string]any{"n": 3}, "campaign": map[string]any{"name": "Spring"}, "defaults": map[string]any{"person.nick": "pal"},
		"activity_id": "a_00",
	})), &a)
	var got []string
	for _, v := range a.Values {
		value, err := json.Marshal(v.Value)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %s %s %s %s", v.Path, v.Type, value, v.Source, v.Record))
	}
	want := []string{
		`activities list null activity `,
		`activities[].kind text "zendesk.ticket-note-added" activity `,
		`activity.zendesk.ticket-created.subject text "Subject 1" activity activity a_00`,
		`campaign.name text "Spring" campaign `,
		`metrics.csat.percent number 50 metrics `,
		`now time "2026-03-20T08:00:00-04:00" clock `,
		`organization.name text "Org One" system organization 701`,
		`organization.zendesk.tickets_total number 1 computed organization 701`,
		`person.custom.tier text "A" custom person p_2001`,
		`person.first_name text "Jo" system person p_2001`,
		`person.nick text "pal" defaults `,
		`person.nope none null none `,
		`person.zendesk.fields.plan text "Gold" zendesk person p_2001`,
		`person.zendesk.tickets_total number 3 computed person p_2001`,
		`request.n number 3 request `,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	if a.Person == nil || a.Person.ID != "p_2001" || a.Person.Name != "Jo <b>Day</b>" || !slices.Equal(a.Person.MergedFrom, []string{"p_2004"}) {
		t.Errorf("an absorbed person is previewed as %+v", a.Person)
	}
	if strings.Join(a.Missing, " ") != "person.nope" || !strings.HasPrefix(a.Parts["text"], "Jo Gold A 3 pal ") {
		t.Errorf("%+v", a)
	}
}

func TestPreviewShowsErrorsInline(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	preview := func(body any) (a previewAnswer) {
		r := s.call("POST", "/v1/liquid/preview", "render-key", body)
		s.want(200, r, &a)
		s.wantTaken("POST", "/v1/liquid/preview", jsonText(body))
		s.wantDeclared("POST", "/v1/liquid/preview", r)
		return a
	}
	a := preview(text("a\n{{ 1 | divided_by: 0 }}{% if person.first_name > 5 %}x{% endif %}b", map[string]any{"missing": "error"}))
	if a.Parts["text"] != "a\nLiquid error: divided_by: divided by 0b" || len(a.Errors) != 2 || a.Errors[0].Line != 2 || a.Errors[1].Column != 30 {
		t.Errorf("%+v", a)
	}
	a = preview(map[string]any{"activity_id": nil, "data": map[string]any{"person": map[string]any{"x": 1}}, "parts": map[string]string{"html": "{{ person.x }}"}})
	if a.Person != nil || len(a.Values) != 1 || a.Values[0].Source != "data" || a.Values[0].Record != "" || a.Errors == nil {
		t.Errorf("%+v", a)
	}
	// What cannot be rendered is refused as by render.
	var p templateProblem
	s.want(422, s.call("POST", "/v1/liquid/preview", "render-key", text("{% if", nil)), &p)
	if len(p.Errors) != 1 || p.Errors[0].Line != 1 {
		t.Errorf("%+v", p)
	}
	s.wantProblem(s.call("POST", "/v1/liquid/preview", "render-key", map[string]any{"person": "p_9", "parts": map[string]string{"text": "x"}}), 404, "no-such-person")
	s.wantProblem(s.call("POST", "/v1/liquid/preview", "reports-key", text("x", nil)), 403, "scope-missing")
}

func TestValidate(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	validate := func(parts map[string]string) (a validateAnswer) {
		s.want(200, s.call("POST", "/v1/liquid/validate", "render-key", map[string]any{"parts": parts}), &a)
		return a
	}
	a := validate(map[string]string{
		"subject": "Hi {{ person.frist_name }}",
		"html": "{{ People.First-Name }}\n{{ activity.zendesk.ticket-closd.subject }}{{ activity.ticket-closed.subject }}\n{{ persn.email }}{{ metrics.nope }}" +
			"{% for i in (1..1000000000) %}{% endfor %}\n{{ activity.zendesk.ticket-created.subjct }}",
	})
	var got []string
	for _, w := range a.Warnings {
		got = append(got, fmt.Sprintf("%s %d:%d %s %s", w.Part, w.Line, w.Column, w.Kind, w.Suggestion))
	}
	want := []string{
		"html 1:4 unknown person.first_name", "html 2:4 unknown activity.zendesk.ticket-closed", "html 2:47 unknown activity.zendesk.ticket-closed",
		"html 3:4 unknown person.email", "html 3:21 unknown ", "html 3:39 limit ",
		"html 4:4 unknown activity.zendesk.ticket-created.subject", "subject 1:7 unknown person.first_name",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if why := a.Warnings[0].Message; !strings.Contains(why, "names are lower case") {
		t.Errorf("upper case: %s", why)
	}
	if !a.Valid || len(a.Errors) != 0 || len(a.Loops) != 1 || *a.Loops[0].Turns != 1_000_000_000 || len(a.Variables) != 7 {
		t.Errorf("%+v", a)
	}

	a = validate(map[string]string{"html": "a\n{{ person.email | upcaes }}{% elze %}"})
	if a.Valid || len(a.Errors) != 2 || a.Errors[0].Line != 2 || a.Errors[0].Column != 19 || a.Errors[0].Suggestion != "upcase" || a.Errors[1].Suggestion != "else" ||
		a.Errors[0].Snippet == "" || a.Warnings == nil || len(a.Variables) != 1 {
		t.Errorf("%+v", a)
	}
	s.wantProblem(s.call("POST", "/v1/liquid/validate", "render-key", `{"parts":{}}`), 422, "invalid-input", "body.parts")
	s.wantProblem(s.call("POST", "/v1/liquid/validate", "render-key", `{"parts":{"text":"x"},"person":"p"}`), 422, "invalid-input", "body.person", "accepted: parts")
}

// TestDoubtAttributes checks which attributes of activities are doubted, and what is thought to be meant: "?" for nothing known.
func TestDoubtAttributes(t *testing.T) {
	t.Parallel()
	known, err := readOnly(t).knownNames(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"activity.zendesk.ticket-created.subjct":                          "activity.zendesk.ticket-created.subject",
		"activity.zendesk.ticket_closed.asignee.name":                     "activity.zendesk.ticket_closed.assignee.name",
		"activity.zendesk.ticket-closed.assignee.nmae":                    "activity.zendesk.ticket-closed.assignee.name",
		"activity.zendesk.satisfaction-rating-received.scor":              "activity.zendesk.satisfaction-rating-received.score",
		"activity.zendesk.ticket-solved.resolution-minuts":                "activity.zendesk.ticket-solved.resolution_minutes",
		"activity.zendesk.ticket-solved.organisation-name":                "activity.zendesk.ticket-solved.organization_name",
		"activities.[].ticket.subjetc":                                    "activities[].ticket.subject",
		"activities.first.subjetc":                                        "activities.first.subject",
		"activity.zendesk.ticket-created.order-id":                        "?",
		"activity.zendesk.ticket-created.custom-fields.plan":              "activity.zendesk.ticket-created.custom_fields['2']",
		"activity.zendesk.ticket-created.custom-fields.2":                 "",
		"activity.zendesk.ticket-created.tags.size":                       "",
		"activity.zendesk.ticket-created.tags.[]":                         "",
		"activity.zendesk.ticket-created.description":                     "",
		"activity.zendesk.ticket-created.organization-name":               "",
		"activity.zendesk.ticket-closed.previous-status":                  "",
		"activity.zendesk.ticket-created.resolution-minutes":              "?",
		"activity.zendesk.contact-created.description":                    "?",
		"activity.zendesk.contact-merged.into-user-id":                    "",
		"activity.zendesk.ticket-created.ticket":                          "",
		"activity.zendesk.ticket-created":                                 "",
		"activity.zendesk.ticket-created.[]":                              "",
		"activity.zendesk.ticket-created.a-name-that-nothing-is-known-of": "?",
		"activities":                       "",
		"activities.size":                  "",
		"activities.[].kind":               "",
		"activities.[].order_id":           "?",
		"activities.[].resolution_minutes": "",
		"person.zendesk.subjct":            "",
		"activity.zendesk":                 "",
		"activity.zendesk.subjct":          "",
	} {
		why, meant := known.doubtAttribute(strings.Split(path, "."))
		if why != "" && meant == "" {
			meant = "?"
		}
		if meant != want || (why == "") != (want == "") {
			t.Errorf("%s: %q %q, want %q", path, why, meant, want)
		}
	}
}

// TestValidateKnowsEveryMergeTag checks that nothing in the catalogue, and no other name that renders, is doubted.
func TestValidateKnowsEveryMergeTag(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	var tags page[mergeTag]
	s.get("/v1/liquid/merge-tags", &tags)
	source := `{{ person.id }}{{ people.time-zone }}{{ person.zendesk.id }}{{ person.zendesk }}{{ person }}{{ organization }}{{ activity }}{{ activity.zendesk }}` +
		`{{ activity.zendesk[request.kind].subject }}{{ activity.zendesk.ticket_closed.ticket-id }}{{ person[request.key] }}{{ [request.root] }}{{ now }}` +
		`{% for a in activities %}{{ a.ticket.subject }}{% endfor %}{% for t in person.zendesk.tags %}{{ t }}{% endfor %}{{ person.custom.x }}` +
		`{{ person.first_last.ticket-created.count }}{{ company.name }}{{ campaign.x.y }}{% assign own = 1 %}{{ own }}{{ metrics.tickets }}`
	for _, tag := range tags.Items {
		source += tag.Liquid
	}
	var a validateAnswer
	s.want(200, s.call("POST", "/v1/liquid/validate", "render-key", map[string]any{"parts": map[string]string{"text": source}}), &a)
	if !a.Valid || len(a.Warnings) != 0 {
		t.Errorf("%+v %+v", a.Errors, a.Warnings)
	}
}
