package liquid_test

import (
	"errors"
	"strings"
	"testing"

	"deskstream/liquid"
)

// fuzzSeeds are templates of every kind: good, faulty and hostile.
func fuzzSeeds() []string {
	seeds := []string{
		everyTag, campaignTemplate,
		`{{ a.b['c'][d.e].first | append: "x", 'y' | default: z, allow_false: true }}`,
		`{%- if a == b and c != d or e contains "f" -%}{%- elsif g >= 1.5 -%}{%- else -%}{%- endif -%}`,
		"{% liquid\n if a\n echo b\n endif\n%}",
		`{% for i in (a..b) reversed, limit: c offset: continue %}{{ forloop.parentloop.index }}{% endfor %}`,
		"{{", "{%", "{{ }}", "{% %}", "{%-", "{{-", "{% raw %}{{", "{% comment %}{% raw %}", "{%#", "{{ 'a", "{{ a | }}", "{{ -", "{{ 1..2 }}",
		`{% render 'self' %}`, `{% include 'self' with x as y, z: 1 %}`, `{% render 'a' for x as b, c: person %}{% include a %}`,
		`{{ x | date: "%Y-%-m %^b %10N %:::z" }}`, `{{ "\xff\xfe" | upcase | json | escape_once }}`, "{\x00{ a }}",
	}
	for _, h := range hostiles() {
		if len(h.source) < 2000 {
			seeds = append(seeds, h.source)
		}
	}
	return seeds
}

// FuzzParse checks that no source makes parsing panic or blame itself, and that errors have places in the source.
func FuzzParse(f *testing.F) {
	for _, s := range fuzzSeeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		r := &liquid.Renderer{CacheEntries: -1}
		for _, e := range r.Inspect(map[string]string{"html": source}, map[string]string{"self": source, "a": "{{ a }}"}).Errors {
			switch e.Kind {
			case liquid.KindSyntax, liquid.KindLimit, liquid.KindSnippet:
			default:
				t.Errorf("%q: %v", source, &e)
			}
			if lines := strings.Count(source, "\n") + 1; e.Line > lines {
				t.Errorf("%q: %v, but there are %d lines", source, &e, lines)
			}
		}
		if r.Panics() != 0 {
			t.Errorf("%q panics", source)
		}
	})
}

// FuzzRender checks that no template panics, that limits hold, that every failure is of a known kind, and that values in HTML cannot bring
// markup in.
func FuzzRender(f *testing.F) {
	for _, s := range fuzzSeeds() {
		f.Add(s, "<script>\"'&")
	}
	f.Fuzz(func(t *testing.T, source, value string) {
		limits := liquid.Limits{Output: 64 << 10, Text: 64 << 10, Ops: 100_000, Items: 10_000}
		r := &liquid.Renderer{Limits: limits, CacheEntries: -1}
		data := sample()
		data["a"], data["b"], data["x"], data["s"] = value, map[string]any{"c": []any{value, 1, nil}}, []any{value, 2.5, "2024-01-01"}, value
		res, err := r.Render(t.Context(), liquid.Request{
			Parts: map[string]string{"html": source}, Data: data, Now: clock, Explain: true, Snippets: map[string]string{"self": source, "a": value},
		})
		if r.Panics() != 0 {
			t.Fatalf("%q panics: %v", source, err)
		}
		var e *liquid.Error
		if err != nil && (!errors.As(err, &e) || e.Kind == liquid.KindInternal) {
			t.Errorf("%q: %v", source, err)
		}
		out := res.Parts["html"]
		if len(out) > limits.Output {
			t.Errorf("%q: %d bytes", source, len(out))
		}
		if !mayWriteMarkup(source) && strings.ContainsAny(out, "<>\"'") {
			t.Errorf("%q writes markup: %q", source, out)
		}
	})
}

// mayWriteMarkup tells whether a template can write markup on purpose: its own text, marked values, line breaks as tags, table rows.
func mayWriteMarkup(source string) bool {
	for _, s := range []string{"<", ">", `"`, "'", "raw", "safe", "newline_to_br", "tablerow", "include", "render"} {
		if strings.Contains(source, s) {
			return true
		}
	}
	return false
}
