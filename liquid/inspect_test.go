package liquid_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"deskstream/liquid"
	"deskstream/schemas"
)

func TestSuggestions(t *testing.T) {
	t.Parallel()
	r := patient()
	for source, want := range map[string]string{
		"{{ a | upcaes }}":               "upcase",
		"{{ a | Upcase }}":               "upcase",
		"{{ a | lower }}":                "downcase",
		"{{ a | striphtml }}":            "strip_html",
		"{{ a | date-format }}":          "",
		"{{ a | completely_different }}": "",
		"{% elze %}":                     "else",
		"{% end_if %}":                   "endif",
		"{% assiggn a = 1 %}":            "assign",
		"{% whatever %}":                 "",
		"{{ a | " + strings.Repeat("x", 100_000) + " }}": "",
	} {
		found := r.Inspect(map[string]string{"html": source}, nil).Errors
		if len(found) == 0 || found[0].Suggestion != want || want != "" && !strings.Contains(found[0].Message, `did you mean "`+want+`"?`) {
			t.Errorf("%.60s: got %+v, want %q", source, found, want)
		}
	}
	if got := schemas.Nearest("person.frist_name", []string{"person.last_name", "person.first_name", "organization.name"}); got != "person.first_name" {
		t.Errorf("got %q", got)
	}
}

func TestInspectVariables(t *testing.T) {
	t.Parallel()
	r := patient()
	in := r.Inspect(map[string]string{
		"subject": "Hi {{ people.first-name }}",
		"html":    "<p>\n  {% if person.first_name %}{{ person.email | nosuch }}{% endif %}\n{{ organization.name }}",
	}, nil)
	got := make([]string, 0, len(in.Variables))
	for _, v := range in.Variables {
		got = append(got, fmt.Sprintf("%s %s %d:%d %t", v, v.Part, v.Line, v.Column, v.InOutput))
	}
	want := []string{"organization.name html 3:4 true", "person.email html 2:32 true", "person.first_name subject 1:7 true"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if len(in.Errors) != 1 || in.Errors[0].Line != 2 {
		t.Errorf("errors %+v", in.Errors)
	}
}

func TestInspectLoops(t *testing.T) {
	t.Parallel()
	r := patient()
	for source, want := range map[string]string{
		"{% for i in (1..10) %}{% endfor %}":                                            "i 10 10",
		"{% for i in (1..10) offset: 3 limit: 5 %}{% endfor %}":                         "i 5 5",
		"{% for i in (1..10) offset: 8 %}{% endfor %}":                                  "i 2 2",
		"{% for i in (5..1) %}{% endfor %}":                                             "i 0 0",
		"{% for i in a %}{% endfor %}":                                                  "i any any",
		"{% for i in a limit: 4 %}{% endfor %}":                                         "i 4 4",
		"{% for i in (1..n) %}{% for j in (1..3) %}{% endfor %}{% endfor %}":            "i any any, j 3 any",
		"{% for i in (1..10) %}{% tablerow j in (1..3) %}{% endtablerow %}{% endfor %}": "i 10 10, j 3 30",
		"{% for i in (1..4) %}{% endfor %}{% for j in (1..3) %}{% endfor %}":            "i 4 4, j 3 3",
		"{% for i in (-9223372036854775808..9223372036854775807) %}{% for j in (1..9) %}{% endfor %}{% endfor %}": "i 9223372036854775807 9223372036854775807, " +
			"j 9 9223372036854775807",
	} {
		in := r.Inspect(map[string]string{"html": source}, nil)
		var got []string
		for _, l := range in.Loops {
			got = append(got, fmt.Sprint(l.Variable, " ", countText(l.Turns), " ", countText(l.Runs)))
		}
		if text := strings.Join(got, ", "); text != want {
			t.Errorf("%s: got %s, want %s", source, text, want)
		}
	}
	in := r.Inspect(map[string]string{"text": "a\n{% for i in (1..1000) %}\n {% for j in (1..1000) %}x{% endfor %}{% endfor %}"}, nil)
	if len(in.Errors) != 0 || len(in.Warnings) != 1 || in.Warnings[0].Line != 3 || in.Warnings[0].Kind != liquid.KindLimit ||
		!strings.Contains(in.Warnings[0].Message, "runs 1000000 times") || in.Warnings[0].Part != "text" {
		t.Errorf("got %+v", in)
	}
}

func countText(n *int64) string {
	if n == nil {
		return "any"
	}
	return fmt.Sprint(*n)
}

func TestExplain(t *testing.T) {
	t.Parallel()
	data := sample()
	data["request"] = map[string]any{"at": time.Date(2024, 6, 4, 15, 15, 0, 0, time.UTC), "long": strings.Repeat("é", 300)}
	res := render(t, liquid.Request{
		Parts: map[string]string{"text": `{{ people.first-name }}{{ person.score | plus: 1 }}{% if person.active %}{% endif %}{{ person.nick }}{{ person.nope }}` +
			`{% assign own = 1 %}{{ own }}{% for t in person.zendesk.tags %}{{ t }}{% endfor %}{{ organization }}{{ request.at }}{{ request.long }}`},
		Data: data, Explain: true, Defaults: map[string]any{"person.nick": "pal"},
	})
	want := []liquid.Value{
		{"organization", "object", nil, "data"},
		{"person.active", "boolean", true, "data"},
		{"person.first_name", "text", "Jo", "data"},
		{"person.nick", "text", "pal", "defaults"},
		{"person.nope", "none", nil, "none"},
		{"person.score", "number", int64(12345), "data"},
		{"person.zendesk.tags", "list", nil, "data"},
		{"person.zendesk.tags[]", "text", "vip", "data"},
		{"request.at", "time", "2024-06-04T15:15:00Z", "data"},
		{"request.long", "text", strings.Repeat("é", 200) + "…", "data"},
	}
	if !reflect.DeepEqual(res.Values, want) {
		t.Errorf("got  %v\nwant %v", res.Values, want)
	}
	if res := render(t, liquid.Request{Parts: map[string]string{"text": "{{ person.email }}"}, Data: data}); res.Values != nil {
		t.Errorf("not asked for: %v", res.Values)
	}
}

// TestWrongTypesInConditions checks that data of the wrong type makes a condition false and is told, and that constants are held against the
// author.
func TestWrongTypesInConditions(t *testing.T) {
	t.Parallel()
	for source, notes := range map[string]int{
		`{% if person.email > 5 %}a{% else %}b{% endif %}`:                                            1,
		`{% if person.zendesk < 5 or 3 >= person.email %}a{% else %}b{% endif %}`:                     1,
		`{% unless person.email > 5 or person.active %}a{% else %}b{% endunless %}`:                   1,
		`{% if person.zendesk.tags | map: "x" contains 4 %}a{% elsif true %}b{% endif %}`:             0,
		`{% if person.score | map: "x" %}a{% else %}b{% endif %}`:                                     1,
		`{% assign x = "7" %}{% if x > 5 %}a{% else %}b{% endif %}`:                                   1,
		`{% if person.email.a.b[person.zendesk] > now %}a{% else %}b{% endif %}`:                      0,
		`{% if activities == person or list contains person %}a{% else %}b{% endif %}`:                0,
		`{% case person.zendesk %}{% when 5, "x" %}a{% else %}b{% endcase %}`:                         0,
		`{% for a in (1..2) %}{% if person.email > a %}{% endif %}{% endfor %}b{{ x | default: "" }}`: 2,
	} {
		res := render(t, liquid.Request{Parts: map[string]string{"text": source}, Data: sample()})
		if got := res.Parts["text"]; got != "b" || len(res.Errors) != notes {
			t.Errorf("%s: got %q %v", source, got, res.Errors)
		}
		for _, e := range res.Errors {
			if e.Kind != liquid.KindType || e.Line != 1 || e.Column == 0 || e.Part != "text" {
				t.Errorf("%s: %+v", source, e)
			}
		}
	}
	r := patient()
	_, err := r.Render(t.Context(), liquid.Request{Parts: map[string]string{"text": `{% if "2" > 1 %}{% endif %}`}})
	wantError(t, err, liquid.KindType, "cannot be compared")
}

func TestInlineErrorsAreListed(t *testing.T) {
	t.Parallel()
	res := render(t, liquid.Request{
		Parts:  map[string]string{"subject": "{{ 1 | modulo: 0 }}", "html": "a\n{{ 1 | divided_by: 0 }}{{ person.nope }}"},
		Errors: "inline", Missing: "error",
	})
	var got []string
	for _, e := range res.Errors {
		got = append(got, fmt.Sprintf("%s %d:%d %s", e.Part, e.Line, e.Column, e.Kind))
	}
	if want := "subject 1:4 type, html 2:4 type, html 2:27 missing"; strings.Join(got, ", ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
