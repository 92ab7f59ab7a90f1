package liquid_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"deskstream/liquid"
)

// clock is the time templates see in tests: a Tuesday.
var clock = time.Date(2024, 6, 4, 15, 15, 0, 0, time.UTC)

// sample is data of all roots.
func sample() map[string]any {
	return map[string]any{
		"person": map[string]any{
			"first_name": "Jo", "email": "jo@x.test", "phone_number": nil, "nick": "", "score": 12345, "active": true,
			"zendesk": map[string]any{"id": 7, "tags": []any{"vip", "beta"}, "fields": map[string]any{"plan-tier": "gold"}},
			"bio":     `<b>"Tom" & 'Ann'</b>`, "custom": map[string]any{"domain": "x.test"},
		},
		"organization": map[string]any{"name": "Smith & Sons"},
		"activity": map[string]any{"zendesk": map[string]any{
			"ticket-closed": map[string]any{"subject": "Printer", "assignee": map[string]any{"name": "Ann"}, "occurred_at": "2024-06-04T15:15:00Z"},
		}},
		"activities": []any{
			map[string]any{"kind": "zendesk.ticket-closed", "ticket": map[string]any{"subject": "One", "tags": []any{"a", "b"}}},
			map[string]any{"kind": "zendesk.ticket-created", "ticket": map[string]any{"subject": "Two"}},
		},
		"metrics": map[string]any{"tickets": map[string]any{"open": 3}, "csat": map[string]any{"percent": 71.4}},
		"list":    []any{"x", "y"},
		"request": map[string]any{"body": "line one\r\nBcc: all@x.test\n\nend"},
	}
}

// renderText renders one text part and fails the test on an error.
func renderText(t *testing.T, source string) string {
	t.Helper()
	return render(t, liquid.Request{Parts: map[string]string{"text": source}, Data: sample(), Now: clock}).Parts["text"]
}

// patient is a renderer that a busy machine cannot make fail.
func patient() *liquid.Renderer { return &liquid.Renderer{Limits: liquid.Limits{Time: time.Minute}} }

func render(t *testing.T, req liquid.Request) liquid.Result {
	t.Helper()
	r := patient()
	res, err := r.Render(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if r.Panics() != 0 {
		t.Fatal("panicked")
	}
	return res
}

func TestNames(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`{{ person.first_name }}`:                                    "Jo",
		`{{ people.first-name }}`:                                    "Jo",
		`{{ people['first-name'] }}`:                                 "Jo",
		`{% assign k = "first-name" %}{{ person[k] }}`:               "Jo",
		`{{ people.zendesk.fields.plan_tier }}`:                      "gold",
		`{{ company.name }}|{{ account.name }}`:                      "Smith & Sons|Smith & Sons",
		`{{ activity.zendesk.ticket-closed.subject }}`:               "Printer",
		`{{ activity.zendesk.ticket_closed.assignee.name }}`:         "Ann",
		`{{ metrics.tickets.open }}`:                                 "3",
		`{{ nope }}{{ nope.a.b[0].c }}{{ person.nope.a[b.c].d }}`:    "",
		`{{ People.First-Name }}`:                                    "",
		`{{ now | date: "%Y-%m-%d" }}`:                               "2024-06-04",
		`{{ person.zendesk.tags }}`:                                  "vip, beta",
		`{{ person.zendesk.tags | default: "none" }}`:                "vip, beta",
		`{{ person.zendesk.tags | reverse }}`:                        "betavip",
		`{% assign t = person.zendesk.tags %}{{ t }}`:                "vip, beta",
		`{% for a in activities %}[{{ a.ticket.tags }}]{% endfor %}`: "[a, b][]",
		`{{ list }}`: "xy",
		`{% if people.nope < 5 %}a{% else %}b{% endif %}`:                    "b",
		`{% if 1 == "1" %}a{% else %}b{% endif %}`:                           "b",
		`{% if person.zendesk.tags | setContains: "vip" %}a{% endif %}`:      "a",
		`{% if person.nope == blank and person.nick == blank %}a{% endif %}`: "a",
		`{% if now < '2024-07-01' and now > '2024-06-01' %}a{% endif %}`:     "a",
	} {
		if got := renderText(t, source); got != want {
			t.Errorf("%s\n got %q\nwant %q", source, got, want)
		}
	}
}

// TestNamesInOtherSpellings checks that data under an alias or a twin is found too.
func TestNamesInOtherSpellings(t *testing.T) {
	t.Parallel()
	data := map[string]any{"people": map[string]any{"first-name": "Jo"}, "company": map[string]any{"name": "S"}, "my-root": 1}
	res := render(t, liquid.Request{
		Parts: map[string]string{"text": `{{ person.first_name }}{{ organization.name }}{{ my_root }}`}, Data: data,
	})
	if got := res.Parts["text"]; got != "JoS1" {
		t.Errorf("got %q", got)
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"{{\n person.first_name\n\t| upcase\n}}":                  "JO",
		"{%\nif\nperson.first_name\n==\n'Jo'\n%}yes{%\nendif\n%}": "yes",
		"{{- person.first_name -}}  x":                            "Jox",
		"a  {%- if true -%}  b  {%- endif -%}  c":                 "abc",
		"{{ 'a  ' }}{{- 'b' }}":                                   "a  b",
		"{% raw %}{{ a }}{% if %}{% endraw %}":                    "{{ a }}{% if %}",
		"a{% comment %}{% if %}{{ | }}{% endcomment %}b":          "ab",
		"a{%# note %}b": "ab",
		"{ { } } % {":   "{ { } } % {",
		"a{":            "a{",
		"{{}}{{ }}":     "",
		"{% liquid\n assign a = 1\n if a == 1\n echo 'one'\n endif %}": "one",
	} {
		if got := renderText(t, source); got != want {
			t.Errorf("%q\n got %q\nwant %q", source, got, want)
		}
	}
}

func TestSyntaxErrors(t *testing.T) {
	t.Parallel()
	r := patient()
	for _, c := range []struct {
		source       string
		line, column int
		message      string
	}{
		{"Hello\n  {{ name ", 2, 3, "not closed by }}"},
		{"Hello\n{% if a", 2, 1, "not closed by %}"},
		{"{% if a %}x", 1, 4, "if is not closed by endif"},
		{"a\n{% for x in y %}{% endif %}", 2, 20, "endif inside for"},
		{"{% endif %}", 1, 4, "endif without if"},
		{"{% else %}", 1, 4, "else outside of a block"},
		{"{% for a in b %}{% when 1 %}{% endfor %}", 1, 20, "when inside for"},
		{"{{ a | nosuch }}", 1, 8, `unknown filter "nosuch"`},
		{"{{ a | append }}", 1, 8, "append takes 1 argument, not 0"},
		{"{{ a | upcase: 1 }}", 1, 8, "upcase takes no arguments, not 1"},
		{"{{ a | default: 1, other: 2 }}", 1, 20, `no argument named "other"`},
		{"{{ 'a }}", 1, 4, "a quote is not closed"},
		{"{{ a b }}", 1, 6, `unexpected "b"`},
		{"{{ a. }}", 1, 7, "ends too early"},
		{"{% assign a %}", 1, 13, `"=" is missing`},
		{"{% for a b %}{% endfor %}", 1, 10, "variable in list"},
		{"{% if a = b %}{% endif %}", 1, 9, `unexpected "="`},
		{"{% nosuch %}", 1, 4, `unknown tag "nosuch"`},
		{"{% %}", 1, 4, "without a name"},
		{"{% raw %}x", 1, 4, "raw is not closed"},
		{"{% comment %}x", 1, 4, "comment is not closed"},
		{"{% liquid\n if a\n %}{% endif %}", 2, 2, "inside its liquid tag"},
	} {
		_, err := r.Render(t.Context(), liquid.Request{Parts: map[string]string{"html": c.source}})
		wantError(t, err, liquid.KindSyntax, c.message)
		var e *liquid.Error
		if errors.As(err, &e) && (e.Line != c.line || e.Column != c.column || e.Part != "html" || e.Snippet == "") {
			t.Errorf("%q: got %+v, want line %d column %d", c.source, e, c.line, c.column)
		}
	}
}

func TestInspectErrors(t *testing.T) {
	t.Parallel()
	r := patient()
	found := r.Inspect(map[string]string{
		"subject": "fine {{ a }}",
		"html":    "{{ a | nosuch }}\n{% if a = %}\n{% endif %}{% include 'x' %}{{ | }}",
	}, nil).Errors
	got := make([]string, len(found))
	for i, e := range found {
		got[i] = fmt.Sprintf("%s %d:%d %s", e.Part, e.Line, e.Column, e.Kind)
	}
	want := []string{"html 1:8 syntax", "html 2:9 syntax", "html 3:15 snippet", "html 3:32 syntax"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if r.Inspect(map[string]string{"html": "ok"}, nil).Errors != nil {
		t.Error("a good template has errors")
	}
}

func TestVariables(t *testing.T) {
	t.Parallel()
	r := patient()
	list, err := r.Variables(map[string]string{
		"subject": `{{ people.first-name | default: person.nick }}`,
		"html": `{% if company.name contains request.x %}{% endif %}
{% for a in activities limit: request.n %}{{ a.ticket.subject }}{{ forloop.index }}{% for t in a.ticket.tags %}{{ t }}{% endfor %}{% endfor %}
{% assign tk = activity.zendesk.ticket-closed %}{{ tk.subject }}{% assign own = 1 %}{{ own }}
{{ person.custom[person.key] }}{% increment n %}{{ n }}{% cycle person.a, 'b' %}`,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, len(list))
	for i, v := range list {
		got[i] = v.String()
		if v.InOutput {
			got[i] += " out"
		}
	}
	want := []string{
		"activities", "activities[].ticket.subject out", "activities[].ticket.tags", "activities[].ticket.tags[] out",
		"activity.zendesk.ticket-closed", "activity.zendesk.ticket-closed.subject out", "organization.name", "person.a",
		"person.custom.* out", "person.first_name out", "person.key out", "person.nick out", "request.n", "request.x",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	_, err = r.Variables(map[string]string{"html": "{{"}, nil)
	wantError(t, err, liquid.KindSyntax, "part html")
}

// TestVariablesUsedAsTheyAre checks which paths a template may use all of, and not only what it names below them.
func TestVariablesUsedAsTheyAre(t *testing.T) {
	t.Parallel()
	r := patient()
	for template, want := range map[string]string{
		"{% for a in activities %}{{ a.kind }}{% endfor %}{% for a in activities limit: 2 %}{{ a.kind }}{% endfor %}": "activities[].kind",
		"{% for a in activities %}{% endfor %}{{ activities.size }}{{ activities }}":                                  "activities activities.size",
		"{% for a in activities %}{{ a }}{% endfor %}":                                                                "activities[]",
		"{% for x in activities[request.n].tags %}{% endfor %}":                                                       "request.n",
		`{% assign list = activities | map: "text" %}`:                                                                "activities",
		"{% assign a = activity.x %}{{ a.subject }}":                                                                  "activity.x activity.x.subject",
		"{% render 'rows', list: activities %}":                                                                       "activities activities[].subject",
		"{% render 'all' %}":                                                                                          "activities",
		"{% tablerow a in activities %}{% endtablerow %}":                                                             "",
	} {
		list, err := r.Variables(map[string]string{"html": template}, map[string]string{"rows": "{% for a in list %}{{ a.subject }}{% endfor %}", "all": "{{ activities }}"})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range list {
			if v.Whole {
				got = append(got, v.String())
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", template, got, want)
		}
	}
}

func TestEscaping(t *testing.T) {
	t.Parallel()
	const escaped = "&lt;b&gt;&quot;Tom&quot; &amp; &#39;Ann&#39;&lt;/b&gt;"
	const plain = `<b>"Tom" & 'Ann'</b>`
	for source, want := range map[string]string{
		`<p>{{ person.bio }}</p>`:                                                    "<p>" + escaped + "</p>",
		`{{ person.bio | escape }}`:                                                  escaped,
		`{{ person.bio | escape | escape }}`:                                         escaped,
		`{{ person.bio | h | escape_once }}`:                                         escaped,
		`{{ person.bio | escape_once }}`:                                             escaped,
		`{{ "&lt; &amp; &#39; &#x27; & <" | escape_once }}`:                          "&lt; &amp; &#39; &#x27; &amp; &lt;",
		`{{ person.bio | raw }}|{{ person.bio | safe }}`:                             plain + "|" + plain,
		`{{ "a<\nb" | newline_to_br }}`:                                              "a&lt;\\nb",
		`{% capture c %}<i>{{ person.bio }}</i>{% endcapture %}{{ c }}`:              "<i>" + escaped + "</i>",
		`{% capture c %}<i>{% endcapture %}{{ c | escape }}`:                         "<i>",
		`{% capture c %}<i>{% endcapture %}{{ c | append: "<" }}`:                    "<i>&lt;",
		`{% assign x = person.bio | escape %}{{ x }}`:                                escaped,
		`{{ person.bio | escape | upcase }}`:                                         "&lt;B&gt;&quot;TOM&quot; &amp; &#39;ANN&#39;&lt;/B&gt;",
		`{{ person.nope | default: "<" }}`:                                           "&lt;",
		`{% echo person.bio %}`:                                                      escaped,
		`{% cycle person.bio, "x" %}`:                                                escaped,
		`{% liquid echo person.bio %}`:                                               escaped,
		`{{ person.bio | json }}`:                                                    `&quot;\u003cb\u003e\&quot;Tom\&quot; \u0026 &#39;Ann&#39;\u003c/b\u003e&quot;`,
		`{% tablerow a in activities %}{{ person.bio }}{% break %}{% endtablerow %}`: "<tr class=\"row1\">\n<td class=\"col1\">" + escaped + "</td></tr>\n",
		`{% for c in person.bio %}{{ c }}{% endfor %}`:                               escaped,
		`{{ list | join: "<" }}`:                                                     "x&lt;y",
	} {
		res := render(t, liquid.Request{Parts: map[string]string{"html": source}, Data: sample()})
		if got := res.Parts["html"]; got != want {
			t.Errorf("%s\n got %q\nwant %q", source, got, want)
		}
	}
	br := render(t, liquid.Request{Parts: map[string]string{"html": `{{ request.body | newline_to_br }}`}, Data: map[string]any{"request": map[string]any{"body": "a<\r\nb\nc"}}})
	if got := br.Parts["html"]; got != "a&lt;<br />\nb<br />\nc" {
		t.Errorf("newline_to_br: %q", got)
	}
}

// TestEscapedOnce checks what filters make of text that was escaped by hand or captured: nothing is escaped twice, no entity is cut, and what
// people wrote is escaped wherever the author did not mark it.
func TestEscapedOnce(t *testing.T) {
	t.Parallel()
	const capture = `{% capture c %} <b>{{ x }}</b> {% endcapture %}`
	const quoted = `{% capture c %}It's {{ x }}{% endcapture %}`
	const e = `{% assign e = x | escape %}`
	const html = "&lt;&amp;&gt; o&#39;, b"
	for source, want := range map[string]string{
		`{{ x | escape | truncate: 5 }}`:                       "&lt;&amp;...",
		`{{ x | h | slice: 0, 2 }}`:                            "&lt;&amp;",
		`{{ x | escape_once | upcase }}`:                       "&lt;&amp;&gt; O&#39;, B",
		`{{ x | escape | append: "<" | prepend: x }}`:          html + html + "&lt;",
		`{{ x | escape | strip | squish | strip_newlines }}`:   html,
		`{{ x | escape | strip_html }}`:                        html,
		`{{ x | escape | replace: "&", "<" | remove: ">" }}`:   "&lt;&lt; o&#39;, b",
		`{{ x | escape | truncatewords: 1, x }}`:               "&lt;&amp;&gt;" + html,
		`{{ x | escape | split: "," | join: x }}`:              "&lt;&amp;&gt; o&#39;" + html + " b",
		`{{ x | escape | split: ", " | first | raw }}`:         "&lt;&amp;&gt; o&#39;",
		`{{ x | escape | split: ", " | reverse }}`:             "b&lt;&amp;&gt; o&#39;",
		`{{ x | escape | split: ", " | where: "b" | uniq }}`:   "b",
		`{% assign l = x | escape | split: "" %}{{ l[0] }}`:    "&lt;",
		`{{ x | escape | truncate: 2, "" | raw }}`:             "&lt;&amp;",
		`{{ x | escape | append: x | raw }}`:                   html + html,
		`{{ x | escape | json }}`:                              `&quot;\u0026lt;\u0026amp;\u0026gt; o\u0026#39;, b&quot;`,
		`{{ x | escape | url_encode }}`:                        "%26lt%3B%26amp%3B%26gt%3B+o%26%2339%3B%2C+b",
		`{{ x | escape | url_decode }}`:                        html,
		`{{ y | escape | url_decode }}`:                        "&lt;i&gt;",
		`{{ z | escape_once | truncate: 2, "" }}`:              "é&amp;",
		`{{ z | escape | truncate: 2, "" }}`:                   "&amp;e",
		e + `{{ "Dear " | append: e }}{{ nope | default: e }}`: "Dear " + html + html,
		e + `{{ x | replace: "b", e }}`:                        "&lt;&amp;&gt; o&#39;, " + html,
		e + `{{ list | join: e }}`:                             "x" + html + "y",
		e + `{{ 1 | pluralize: e, "<" }}`:                      html,
		capture + `{{ c | strip }}`:                            "<b>" + html + "</b>",
		capture + `{{ c | strip | append: x }}`:                "<b>" + html + "</b>" + html,
		capture + `{{ c | strip_html }}`:                       " " + html + " ",
		capture + `{{ c | strip | truncate: 4, "" }}`:          "&lt;b&gt;&amp;",
		quoted + `{{ c | upcase }}`:                            "IT&#39;S &lt;&amp;&gt; O&#39;, B",
		`{{ m | newline_to_br | append: "<" }}`:                "&lt;<br />\n&lt;",
		`{% assign br = "<br>" | raw %}{{ x | append: br }}`:   html + "<br>",
	} {
		data := sample()
		data["x"], data["y"], data["z"], data["m"] = "<&> o', b", "%3Ci>", "&eacute;&", "<\n"
		res := render(t, liquid.Request{Parts: map[string]string{"html": source}, Data: data})
		if got := res.Parts["html"]; got != want {
			t.Errorf("%s\n got %q\nwant %q", source, got, want)
		}
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	off := false
	const source = `{{ organization.name }} <{{ request.body }}>`
	for _, c := range []struct {
		name string
		req  liquid.Request
		part string
		want string
	}{
		{"html", liquid.Request{}, "html", "Smith &amp; Sons <line one\r\nBcc: all@x.test\n\nend>"},
		{"html without escaping", liquid.Request{Autoescape: &off}, "html", "Smith & Sons <line one\r\nBcc: all@x.test\n\nend>"},
		{"text", liquid.Request{}, "text", "Smith & Sons <line one\r\nBcc: all@x.test\n\nend>"},
		{"subject", liquid.Request{}, "subject", "Smith & Sons <line one Bcc: all@x.test end>"},
		{"subject with other format", liquid.Request{Format: "text"}, "subject", "Smith & Sons <line one Bcc: all@x.test end>"},
		{"subject in another case", liquid.Request{}, "Subject", "Smith & Sons <line one Bcc: all@x.test end>"},
		{"subject in capitals with other format", liquid.Request{Format: "text"}, "SUBJECT", "Smith & Sons <line one Bcc: all@x.test end>"},
		{"text in capitals", liquid.Request{}, "TEXT", "Smith & Sons <line one\r\nBcc: all@x.test\n\nend>"},
		{"html in another case", liquid.Request{Format: "text"}, "Html", "Smith &amp; Sons <line one\r\nBcc: all@x.test\n\nend>"},
		{"other part is html", liquid.Request{}, "preheader", "Smith &amp; Sons <line one\r\nBcc: all@x.test\n\nend>"},
		{"other part as text", liquid.Request{Format: "text"}, "sms", "Smith & Sons <line one\r\nBcc: all@x.test\n\nend>"},
		{"other part as subject", liquid.Request{Format: "subject"}, "title", "Smith & Sons <line one Bcc: all@x.test end>"},
	} {
		c.req.Parts, c.req.Data = map[string]string{c.part: source}, sample()
		if got := render(t, c.req).Parts[c.part]; got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	const source = `Hi {{ people.first-name }}, {{ person.phone-number }}{{ person.nope | default: "none" }}` +
		`{% if person.other %}{% endif %}{{ activity.zendesk.no-such.subject | upcase }}{% for a in activities %}{{ a.ticket.nope }}{% endfor %}`
	res := render(t, liquid.Request{Parts: map[string]string{"text": source}, Data: sample()})
	if got := res.Parts["text"]; got != "Hi Jo, none" {
		t.Errorf("blank: %q", got)
	}
	if want := []string{"activities[].ticket.nope", "activity.zendesk.no-such.subject", "person.nope", "person.other", "person.phone_number"}; !slices.Equal(res.Missing, want) {
		t.Errorf("missing %q, want %q", res.Missing, want)
	}
	want := []string{
		"activities", "activities[].ticket.nope", "activity.zendesk.no-such.subject", "person.first_name", "person.nope", "person.other",
		"person.phone_number",
	}
	if !slices.Equal(res.Used, want) {
		t.Errorf("used %q, want %q", res.Used, want)
	}

	res = render(t, liquid.Request{Parts: map[string]string{"text": source}, Data: sample(), Missing: "keep"})
	if got := res.Parts["text"]; got != "Hi Jo, {{ person.phone-number }}none{{ activity.zendesk.no-such.subject | upcase }}{{ a.ticket.nope }}{{ a.ticket.nope }}" {
		t.Errorf("keep: %q", got)
	}

	r := patient()
	_, err := r.Render(t.Context(), liquid.Request{Parts: map[string]string{"text": source}, Data: sample(), Missing: "error"})
	wantError(t, err, liquid.KindMissing, "person.phone_number has no value")
}

// TestMissingEverywhere checks that a variable without a value is listed wherever the template looks at it.
func TestMissingEverywhere(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`{{ "a" | append: person.nope }}`:                                            "person.nope",
		`{{ person.nope | append: person.more }}`:                                    "person.more person.nope",
		`{{ nil | default: "x", allow_false: person.nope }}`:                         "person.nope",
		`{{ person.zendesk.tags[person.nope] }}`:                                     "person.nope person.zendesk.tags.*",
		`{% for a in person.nope %}{% endfor %}`:                                     "person.nope",
		`{% for a in person.nope | reverse %}{% endfor %}`:                           "person.nope",
		`{% for a in list limit: person.nope %}{{ a.deep }}{% endfor %}`:             "list[].deep person.nope",
		`{% tablerow a in person.nope cols: person.more %}{% endtablerow %}`:         "person.more person.nope",
		`{% if person.nope or person.more == blank %}{% endif %}`:                    "person.more person.nope",
		`{% if person.first_name or person.nope %}{% endif %}`:                       "",
		`{% case person.nope %}{% when person.more %}{% endcase %}`:                  "person.more person.nope",
		`{% assign x = person.nope | append: person.more %}{{ x }}`:                  "person.more person.nope",
		`{% cycle person.nope, "x" %}`:                                               "person.nope",
		`{% include "s" %}{% render "s", x: person.nope %}`:                          "person.nope",
		`{% assign x = nil %}{% if x %}{{ forloop.index }}{% endif %}{% cycle "" %}`: "",
	} {
		res := render(t, liquid.Request{Parts: map[string]string{"text": source}, Data: sample(), Snippets: map[string]string{"s": ""}})
		if got := strings.Join(res.Missing, " "); got != want {
			t.Errorf("%s: %q, want %q", source, got, want)
		}
	}
	res := render(t, liquid.Request{Parts: map[string]string{"text": `{{ 3 | divided_by: person.nope }}{{ "a" | append: list.nope }}`}, Data: sample(), Missing: "keep"})
	if got := res.Parts["text"]; got != `{{ 3 | divided_by: person.nope }}{{ "a" | append: list.nope }}` {
		t.Errorf("keep: %q", got)
	}
}

// TestMissingError lists what the policy error lets pass.
func TestMissingError(t *testing.T) {
	t.Parallel()
	r := patient()
	for source, passes := range map[string]bool{
		`{{ person.nope }}`:                                                false,
		`{{ person.nope | upcase }}`:                                       false,
		`{{ nope }}`:                                                       false,
		`{% echo person.nope %}`:                                           false,
		`{{ person.nope | default: "x" }}`:                                 true,
		`{{ person.nope | upcase | default: "x" }}`:                        true,
		`{{ person.nope | size }}`:                                         true,
		`{{ person.nope | dateFormatOrDefault: "mdy", "x" }}`:              true,
		`{{ person.nope | dateFormatOrDefault: "mdy" }}`:                   false,
		`{{ person.nope | hideCountryCodeAndDefault: true, "" }}`:          true,
		`{% if person.nope %}{% endif %}`:                                  true,
		`{% if person.nope contains "x" or person.nope > 3 %}{% endif %}`:  true,
		`{% for a in person.nope %}{% endfor %}`:                           true,
		`{% assign x = person.nope %}`:                                     true,
		`{{ "" }}{{ nil }}`:                                                true,
		`{% assign x = nil %}{{ x }}`:                                      true,
		`{{ "a" | append: person.nope }}`:                                  false,
		`{{ 3 | divided_by: person.nope }}`:                                false,
		`{{ person.first_name | default: "x", allow_false: person.nope }}`: true,
		`{{ "a" | append: person.nope | default: "x" }}`:                   true,
		`{{ person.zendesk.tags[person.nope] }}`:                           false,
		`{{ "2024-06-04" | date: "%H", person.nope }}`:                     true,
		`{{ "2024-06-04" | date: person.nope }}`:                           false,
		`{% assign x = "a" | append: person.nope %}{{ x }}`:                true,
		`{% for a in list limit: person.nope %}{% endfor %}`:               true,
	} {
		_, err := r.Render(t.Context(), liquid.Request{Parts: map[string]string{"text": source}, Data: sample(), Missing: "error"})
		if (err == nil) != passes {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	res := render(t, liquid.Request{
		Parts: map[string]string{"text": `{{ people.nope }} {{ person.nick }} {{ person.first_name }} {{ person.count | plus: 1 }}{% if person.nope %}!{% endif %}`},
		Data:  sample(), Missing: "error",
		Defaults: map[string]any{"person.nope": "there", "people.nick": "pal", "person.first-name": "unused", "person.count": 2},
	})
	if got := res.Parts["text"]; got != "there pal Jo 3!" {
		t.Errorf("got %q", got)
	}
	if len(res.Missing) != 0 {
		t.Errorf("missing %q", res.Missing)
	}
}

func TestErrorsInline(t *testing.T) {
	t.Parallel()
	req := liquid.Request{
		Parts:  map[string]string{"html": `a{{ 1 | divided_by: 0 }}b{% if "a" < 1 %}x{% endif %}{{ "x" | date: "%Y", "<Zone>" }}c`},
		Errors: "inline",
	}
	want := "aLiquid error: divided_by: divided by 0bLiquid error: text and a number cannot be compared by size" +
		"Liquid error: date: time zone &quot;&lt;Zone&gt;&quot; is not knownc"
	if got := render(t, req).Parts["html"]; got != want {
		t.Errorf("got %q", got)
	}
	r := patient()
	req.Errors = ""
	_, err := r.Render(t.Context(), req)
	wantError(t, err, liquid.KindType, "line 1, column 5, type: divided_by: divided by 0")
	req.Errors, req.Parts = "inline", map[string]string{"html": `{% for i in (1..100000000) %}{{ i }}{% endfor %}`}
	_, err = r.Render(t.Context(), req)
	wantError(t, err, liquid.KindLimit, "")
}

func TestAbort(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`a{% abort "no email" %}b`:      "no email",
		`{% abort_message('reason') %}`: "reason",
		`{% abort_message() %}`:         "",
		`{% abort %}`:                   "",
		`{% for i in (1..3) %}{% if i == 2 %}{% abort i %}{% endif %}{% endfor %}`: "2",
		`{% capture x %}{% abort person.first_name | upcase %}{% endcapture %}`:    "JO",
		`{% if person.nick == blank %}{% abort "no nick" %}{% endif %}`:            "no nick",
	} {
		res := render(t, liquid.Request{Parts: map[string]string{"subject": "s", "html": source}, Data: sample()})
		if res.Aborted == nil || *res.Aborted != want || res.Parts != nil {
			t.Errorf("%s: got %+v", source, res)
		}
	}
	if res := render(t, liquid.Request{Parts: map[string]string{"html": `{% if false %}{% abort "x" %}{% endif %}ok`}}); res.Aborted != nil || res.Parts["html"] != "ok" {
		t.Errorf("got %+v", res)
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	r := patient()
	for message, req := range map[string]liquid.Request{
		`format "pdf" is not one of html text subject`: {Format: "pdf"},
		`missing "x" is not one of`:                    {Missing: "x"},
		`errors "blank error" is not one of`:           {Errors: "blank error"},
		`time zone "Mars/Base" is not known`:           {TimeZone: "Mars/Base"},
		`defaults.a: only text, numbers and booleans`:  {Defaults: map[string]any{"a": []any{}}},
		`data.person.bad: chan int is not accepted`:    {Data: map[string]any{"person": map[string]any{"bad": make(chan int)}}},
	} {
		_, err := r.Render(t.Context(), req)
		wantError(t, err, liquid.KindType, message)
	}
}

// TestPartsAreSeparate checks that variables of one part are unknown in the next, and that the budget is one.
func TestPartsAreSeparate(t *testing.T) {
	t.Parallel()
	res := render(t, liquid.Request{Parts: map[string]string{
		"subject": `{% assign a = 1 %}{% increment n %}{% cycle "x", "y" %}`, "text": `{{ a }}{% increment n %}{% cycle "x", "y" %}`,
	}})
	if res.Parts["subject"] != "0x" || res.Parts["text"] != "0x" {
		t.Errorf("got %q", res.Parts)
	}
	r := &liquid.Renderer{Limits: liquid.Limits{Ops: 1000, Time: time.Minute}}
	half := `{% for i in (1..300) %}{% endfor %}`
	if _, err := r.Render(t.Context(), liquid.Request{Parts: map[string]string{"html": half}}); err != nil {
		t.Error(err)
	}
	_, err := r.Render(t.Context(), liquid.Request{Parts: map[string]string{"html": half, "text": half, "sms": half, "push": half}})
	wantError(t, err, liquid.KindLimit, "more than 1000 steps")
}

func TestStats(t *testing.T) {
	t.Parallel()
	res := render(t, liquid.Request{Parts: map[string]string{"text": "abc", "subject": "é"}})
	if res.Stats.Bytes != 5 || res.Stats.Ops == 0 || res.Stats.Micros < 0 {
		t.Errorf("got %+v", res.Stats)
	}
}

func TestDataIsNotChanged(t *testing.T) {
	t.Parallel()
	data := sample()
	before := fmt.Sprint(data)
	render(t, liquid.Request{Parts: map[string]string{
		"text": `{% assign person = "x" %}{% assign l = list | reverse | sort | concat: list %}{% capture activity %}x{% endcapture %}` +
			`{% assign l = list | sort %}{% assign l = person.zendesk.tags | sort_natural | uniq | compact | map: "x" %}{% increment list %}`,
	}, Data: data})
	if after := fmt.Sprint(data); after != before {
		t.Errorf("changed from\n%s\nto\n%s", before, after)
	}
}

func TestDecodeData(t *testing.T) {
	t.Parallel()
	data, err := liquid.DecodeData([]byte(`{"i": 3, "f": 3.0, "e": 1e2, "big": 123456789012345678901234567890, "l": [1, {"x": 2}]}`))
	if err != nil {
		t.Fatal(err)
	}
	res := render(t, liquid.Request{Parts: map[string]string{"text": `{{ i }} {{ f }} {{ e }} {{ big | plus: 1 }} {{ l[1].x }}`}, Data: data})
	if got := res.Parts["text"]; got != "3 3.0 100.0 123456789012345678901234567891 2" {
		t.Errorf("got %q", got)
	}
	ordered, err := liquid.DecodeObject([]byte(`{"z": 1, "a": {"y": 2, "b": 3}, "z": 4}`))
	if err != nil {
		t.Fatal(err)
	}
	res = render(t, liquid.Request{
		Parts: map[string]string{"text": `{% for p in o %}{{ p[0] }}{{ p[1] }};{% endfor %}{{ o.size }}{{ o.first }}{{ o.a.b }}{{ o.a | json }}{{ m }}` +
			`{% if o.a == m and o contains "z" and o.a != empty %}same{% endif %}{{ o | property_accessor: "z" }}`},
		Data: map[string]any{"o": ordered, "m": map[string]any{"y": 2, "b": 3}},
	})
	if got := res.Parts["text"]; got != `z4;a{"y"=>2, "b"=>3};2z43{"y":2,"b":3}{"b"=>3, "y"=>2}same4` {
		t.Errorf("got %q", got)
	}
	for _, bad := range []string{`[]`, `{"a":`, `{} {}`, `3`, `null`, ``, strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000)} {
		if _, err := liquid.DecodeData([]byte(bad)); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

// everyTag uses every tag there is, and filters of every group.
const everyTag = `{% assign a = "1,2,3" | split: "," %}{% capture c %}{{ a | join: "-" }}{% endcapture %}{{ c }}
{% for i in a limit: 2 %}{% cycle "x", "y" %}{% cycle "g": 1, 2 %}{% increment n %}{% decrement m %}{{ forloop.index }}{% if i == "1" %}{% continue %}{% elsif false %}{% else %}{{ i }}{% endif %}{% unless true %}{% endunless %}{% else %}{% endfor %}
{% for i in a offset: continue %}{{ i }}{% break %}{% endfor %}{% case a.size %}{% when 3, 4 %}three{% else %}{% endcase %}
{% tablerow i in (1..4) cols: 2 %}{{ tablerowloop.col }}{% endtablerow %}{% ifchanged %}{{ a[0] }}{% endifchanged %}{% echo now | date: "%c", "Asia/Tokyo" %}
{% raw %}{{ x }}{% endraw %}{% comment %}c{% endcomment %}{% doc %}d{% enddoc %}{% # e %}{% liquid
 echo person.bio | escape
 %}{{ person.score | decimal: "one", "$" }}{{ "+61412345678" | rawPhone }}{{ 1234.5 | numberWithDelimiter: "de" }}{{ "a" | sha256 }}{{ 1.5 | times: 3 | round: 1 }}
{{ people.first-name }}{{ person.nope | default: "none" }}{% if false %}{% abort "x" %}{% endif %}
{% render 'line' for list as l, n: 2 %}{% include 'line' with a[1] as l %}{% for i in a %}{% render 'line', l: i %}{% include 'leave' %}{% endfor %}`

// everySnippet are the snippets of everyTag.
var everySnippet = map[string]string{
	"line":  `{{ l }}{{ n }}{{ forloop.index }}{{ person.bio }}{% increment n %}{% cycle "p", "q" %}{% ifchanged %}{{ l }}{% endifchanged %}{% assign m = l %}`,
	"leave": `{% if i == "2" %}{% break %}{% endif %}`,
}

// TestConcurrentRenders shares one parsed template and one data set among goroutines; the race detector watches.
func TestConcurrentRenders(t *testing.T) {
	t.Parallel()
	r := patient()
	req := liquid.Request{Parts: map[string]string{"html": everyTag, "subject": everyTag}, Data: sample(), Now: clock, Snippets: everySnippet}
	first, err := r.Render(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				res, err := r.Render(context.Background(), req)
				if err != nil || res.Parts["html"] != first.Parts["html"] || res.Parts["subject"] != first.Parts["subject"] {
					t.Errorf("got %q (%v)", res.Parts, err)
				}
				_, _ = r.Variables(req.Parts, everySnippet)
				_ = r.Inspect(req.Parts, everySnippet)
			}
		})
	}
	wg.Wait()
	if r.Panics() != 0 {
		t.Error("panicked")
	}
}

// TestManyGoodRendersBesideBadOnes checks that hostile templates leave good ones alone.
func TestManyGoodRendersBesideBadOnes(t *testing.T) {
	t.Parallel()
	r := &liquid.Renderer{Limits: liquid.Limits{Time: time.Minute}}
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			if i%10 == 0 {
				_, err := r.Render(context.Background(), liquid.Request{Parts: map[string]string{"html": `{% for i in (1..1000000000) %}{% endfor %}`}})
				wantError(t, err, liquid.KindLimit, "")
				return
			}
			res, err := r.Render(context.Background(), liquid.Request{Parts: map[string]string{"html": campaignTemplate}, Data: campaignData()})
			if err != nil || !strings.Contains(res.Parts["html"], "Hi Jo,") {
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
}

// TestCacheIsBounded renders more templates than fit and finds all answers right.
func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	for _, r := range []*liquid.Renderer{
		{CacheEntries: 2}, {CacheBytes: 6000}, {CacheEntries: -1}, {CacheBytes: 1},
	} {
		r.Limits.Time = time.Minute
		for round := range 3 {
			for i := range 5 {
				res, err := r.Render(t.Context(), liquid.Request{Parts: map[string]string{"text": fmt.Sprintf("{{ %d }}", i)}})
				if err != nil || res.Parts["text"] != fmt.Sprint(i) {
					t.Errorf("round %d: got %q (%v)", round, res.Parts, err)
				}
			}
		}
	}
}
