package liquid_test

import (
	"slices"
	"strings"
	"testing"

	"deskstream/liquid"
)

func TestSnippets(t *testing.T) {
	t.Parallel()
	snippets := map[string]string{
		"greeting":  `Hi {{ people.first-name }}{{ own }}{{ list }}{{ name | default: "!" }}`,
		"item":      `[{{ item.kind | default: item }}{% unless forloop.last %},{% endunless %}]`,
		"mail/foot": `{{ foot }}-{{ extra }}`,
		"sets":      `{% assign own = "changed" %}{% increment n %}`,
		"nested":    `<{% render 'greeting', name: given %}>`,
		"markup":    `<i>{{ person.bio }}</i>`,
		"missing":   `{{ person.nope }}{{ given.nope }}`,
		"stop":      `a{% break %}b`,
		"dynamic":   `{{ [key] }}`,
	}
	for source, want := range map[string]string{
		`{% render 'greeting' %}`:                                                     "Hi Jo!",
		`{% assign own = 1 %}{% render 'greeting' %}`:                                 "Hi Jo!",
		`{% assign own = 1 %}{% include 'greeting' %}`:                                "Hi Jo1xy!",
		`{% render 'greeting', name: person.email %}`:                                 "Hi Jojo@x.test",
		`{% render 'nested', given: "?" %}`:                                           "<Hi Jo?>",
		`{% render 'item' for activities %}`:                                          "[zendesk.ticket-closed,][zendesk.ticket-created]",
		`{% render 'item' for (1..3) as item %}`:                                      "[1,][2,][3]",
		`{% render 'item' for list %}`:                                                "[x,][y]",
		`{% render 'item' for nope %}|{% render 'item' with nope %}`:                  "[,]|[,]",
		`{% include 'item' for list %}`:                                               "[x,][y,]",
		`{% for item in list %}{% include 'item' %}{% endfor %}`:                      "[x,][y]",
		`{% render 'mail/foot' with "f", extra: "e" %}`:                               "f-e",
		`{% include 'mail/foot' with "f" extra: "e" %}{{ foot }}{{ extra }}`:          "f-e",
		`{% assign n = "mail/foot" %}{% include n with "f" %}`:                        "f-",
		`{% render 'sets' %}{{ own }}{% increment n %}`:                               "00",
		`{% include 'sets' %}{{ own }}{% increment n %}`:                              "0changed1",
		`{% for i in (1..3) %}{% include 'stop' %}{% endfor %}|`:                      "a|",
		`{% for i in (1..3) %}{% render 'stop' %}{% endfor %}|`:                       "aaa|",
		`{% render 'dynamic', key: "list" %}{% render 'dynamic', key: "key" %}`:       "key",
		"{% liquid\n render 'greeting'\n include 'mail/foot' with 1, extra: 2\n%}":    "Hi Jo!1-2",
		`{% capture c %}{% render 'item' for list %}{% endcapture %}{{ c | upcase }}`: "[X,][Y]",
	} {
		res := render(t, liquid.Request{Parts: map[string]string{"text": source}, Data: sample(), Snippets: snippets})
		if got := res.Parts["text"]; got != want {
			t.Errorf("%s\n got %q\nwant %q", source, got, want)
		}
	}
	res := render(t, liquid.Request{Parts: map[string]string{"html": `{% render 'markup' %}`}, Data: sample(), Snippets: snippets})
	if got := res.Parts["html"]; got != `<i>&lt;b&gt;&quot;Tom&quot; &amp; &#39;Ann&#39;&lt;/b&gt;</i>` {
		t.Errorf("html: %q", got)
	}
	res = render(t, liquid.Request{Parts: map[string]string{"text": `{% render 'missing', given: organization %}`}, Data: sample(), Snippets: snippets})
	if got := strings.Join(res.Missing, " "); got != "organization.nope person.nope" {
		t.Errorf("missing %q", got)
	}
}

func TestSnippetErrors(t *testing.T) {
	t.Parallel()
	r := patient()
	snippets := map[string]string{"broken": "a\n{{ x | nope }}", "fails": "\n\n  {{ 1 | divided_by: 0 }}", "outer": "x\n{% render 'fails' %}", "footer": "f", "gone": "{% render 'footre' %}"}
	for _, c := range []struct {
		source, kind, in string
		line, column     int
		message          string
	}{
		{"\n{% render 'footre' %}", liquid.KindSnippet, "", 2, 4, `did you mean "footer"?`},
		{"{% render 'gone' %}", liquid.KindSnippet, "gone", 1, 4, `there is no snippet "footre"`},
		{"{% render 'broken' %}", liquid.KindSyntax, "broken", 2, 8, "unknown filter"},
		{"{% render 'outer' %}", liquid.KindType, "fails", 3, 6, "divided by 0"},
		{"{% render footer %}", liquid.KindSyntax, "", 1, 11, "in quotes"},
		{"{% render 'footer' with %}", liquid.KindSyntax, "", 1, 25, "too early"},
		{"{% render 'footer' a %}", liquid.KindSyntax, "", 1, 20, `unexpected "a"`},
		{"{% include nope %}", liquid.KindType, "", 1, 4, "must be a text"},
	} {
		_, err := r.Render(t.Context(), liquid.Request{Parts: map[string]string{"html": c.source}, Snippets: snippets})
		wantError(t, err, c.kind, c.message)
		if e, ok := err.(*liquid.Error); ok && (e.In != c.in || e.Line != c.line || e.Column != c.column || e.Part != "html" || e.Snippet == "") { //nolint:errorlint // Render gives it bare
			t.Errorf("%s: %+v", c.source, e)
		}
	}
	res, err := r.Render(t.Context(), liquid.Request{Parts: map[string]string{"html": "{% render 'outer' %}"}, Snippets: snippets, Errors: "inline"})
	if err != nil || len(res.Errors) != 1 || res.Errors[0].In != "fails" || res.Errors[0].Line != 3 {
		t.Errorf("inline: %+v (%v)", res.Errors, err)
	}
}

func TestInspectSnippets(t *testing.T) {
	t.Parallel()
	r := patient()
	snippets := map[string]string{
		"card":   `{{ item.subject }}{{ item.tags[0] }}{{ person.email }}{{ own }}{% render 'foot', who: item.assignee %}`,
		"foot":   `{{ who.name }}{{ organization.name }}`,
		"shared": `{{ own }}{{ metrics.tickets.open }}`,
		"broken": `{{ | }}`,
		"unused": `{{ person.unused }}`,
	}
	in := r.Inspect(map[string]string{"html": "a\n{% render 'card' for activities as item %}{% include 'shared' %}"}, snippets)
	var got []string
	for _, v := range in.Variables {
		got = append(got, v.String())
	}
	want := []string{
		"activities", "activities[].assignee", "activities[].assignee.name", "activities[].subject", "activities[].tags.*", "metrics.tickets.open",
		"organization.name", "own", "person.email",
	}
	if !slices.Equal(got, want) || len(in.Errors) != 0 {
		t.Errorf("got  %q\nwant %q\nerrors %v", got, want, in.Errors)
	}
	for _, v := range in.Variables {
		if v.Line != 2 {
			t.Errorf("%s is at line %d", v, v.Line)
		}
	}
	list, err := r.Variables(map[string]string{"html": "{% include name %}"}, map[string]string{"a": "{{ organization.name }}", "b": "{% include name %}"})
	if err != nil || len(list) != 2 || list[1].String() != "organization.name" {
		t.Errorf("any of them: %v %v", list, err)
	}
	in = r.Inspect(map[string]string{"html": "{% render 'broken' %}\n{% render 'nope' %}{{ | }}"}, snippets)
	got = nil
	for _, e := range in.Errors {
		got = append(got, e.In+" "+e.Kind)
	}
	if want := []string{"broken syntax", " snippet", " syntax"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	_, err = r.Variables(map[string]string{"html": "\n{% render 'nope' %}"}, snippets)
	wantError(t, err, liquid.KindSnippet, "part html, line 2, column 4")
	for _, parts := range []map[string]string{
		{"a": repeat("x", 200_000), "b": repeat("y", 200_000), "c": repeat("z", 200_000)},
		{"a": repeat("x", 260_000), "b": `{% render 'long' %}{% render 'long2' %}`},
	} {
		_, err = r.Variables(parts, hostileSnippets())
		wantError(t, err, liquid.KindLimit, "more than 524288 bytes together")
		if in := r.Inspect(parts, hostileSnippets()); len(in.Errors) == 0 || in.Errors[0].Kind != liquid.KindLimit {
			t.Errorf("%+v", in.Errors)
		}
		_, err = r.Render(t.Context(), liquid.Request{Parts: parts, Snippets: hostileSnippets()})
		wantError(t, err, liquid.KindLimit, "more than 524288 bytes together")
	}
}
