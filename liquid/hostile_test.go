package liquid_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"deskstream/liquid"
)

// A hostile template may take this long and build this much, whatever it does.
const (
	hostileTime  = 500 * time.Millisecond
	hostileAlloc = 64 << 20
)

// hostile is a template made to stall or kill the process. kinds are the accepted kinds of error; "ok" means a cheap answer is fine.
type hostile struct {
	name   string
	source string
	data   map[string]any
	kinds  string
}

// hostileSnippets are those that hostile templates use.
func hostileSnippets() map[string]string {
	return map[string]string{
		"self": `x{% render 'self' %}`, "include-self": `x{% include 'include-self' %}`, "twice": `{% render 'twice' %}{% render 'twice' %}`,
		"ping": `{% include 'pong' %}`, "pong": `{% render 'ping' %}`, "named": `{% include name %}`, "all": `{% render 'all' for (1..1000) %}`,
		"one": "x", "dense": repeat(`{%if a%}x{%endif%}y`, 5_000), "dense2": repeat(`{{a}}x`, 30_000), "long": repeat("x", 250_000), "long2": repeat("y", 250_000),
		"nested": repeat(`{%if true%}`, 90) + `{% include 'nested' %}` + repeat(`{%endif%}`, 90), "double": `{% assign s = s | append: s %}`, "broken": `{% if`,
	}
}

// ring is data that contains itself.
func ring() map[string]any {
	m := map[string]any{"name": "x"}
	m["self"] = m
	return m
}

// laughs is data whose every level holds the level below many times: little memory, endless to walk.
func laughs() any {
	var v any = "ha"
	for range 12 {
		v = []any{v, v, v, v, v, v, v, v, v, v}
	}
	return v
}

type danger struct{ called *bool }

// Danger must never be called by a template.
func (d *danger) Danger() string { *d.called = true; return "boom" }

func repeat(s string, n int) string { return strings.Repeat(s, n) }

func hostiles() []hostile {
	big := repeat("lorem <b> & ipsum\n", 50_000)
	doubling := func(step string) string {
		return `{% assign s = "0123456789abcdef" %}{% for i in (1..60) %}` + step + `{% endfor %}{{ s | size }}`
	}
	list := []hostile{
		{"endless for", `{% for i in (1..1000000000) %}x{% endfor %}`, nil, "limit"},
		{"endless empty for", `{% for i in (1..1000000000) %}{% endfor %}`, nil, "limit"},
		{"endless for with continue", `{% for i in (1..1000000000) %}{% continue %}{% endfor %}`, nil, "limit"},
		{"nested for", repeat(`{% for i in (1..1000) %}`, 20) + "x" + repeat(`{% endfor %}`, 20), nil, "limit"},
		{"nested for capturing", `{% for i in (1..100000) %}{% capture s %}{% for j in (1..100000) %}{{ j }}{% endfor %}{% endcapture %}{% endfor %}`, nil, "limit"},
		{"for over the largest range", `{% for i in (-9223372036854775808..9223372036854775807) %}x{% endfor %}`, nil, "limit"},
		{"for reversed", `{% for i in (1..1000000000) reversed %}x{% endfor %}`, nil, "limit"},
		{"for with a long body", `{% for i in (1..1000000000) %}` + repeat("<p>text</p>", 10_000) + `{% endfor %}`, nil, "limit"},
		{"break over many siblings", `{% for i in (1..1000000) %}{% continue %}` + repeat(`{% if a %}{% endif %}`, 4_000) + `{% endfor %}`, nil, "limit"},
		{"tablerow", `{% tablerow i in (1..1000000000) cols:3 %}x{% endtablerow %}`, nil, "limit"},
		{"tablerow empty", `{% tablerow i in (1..1000000000) %}{% endtablerow %}`, nil, "limit"},
		{"tablerow in tablerow", `{% tablerow i in (1..10000) %}{% tablerow j in (1..10000) cols: 0 %}{% endtablerow %}{% endtablerow %}`, nil, "limit"},
		{"cycle", `{% for i in (1..1000000000) %}{% cycle i: "a", "b" %}{% endfor %}`, nil, "limit"},
		{"increment", `{% for i in (1..1000000000) %}{% increment a %}{% endfor %}`, nil, "limit"},
		{"ifchanged", `{% for i in (1..1000000000) %}{% ifchanged %}{{ i }}{% endifchanged %}{% endfor %}`, nil, "limit"},
		{"case", `{% for i in (1..1000000) %}{% case i %}{% when ` + repeat("1, ", 10_000) + `2 %}x{% endcase %}{% endfor %}`, nil, "limit"},
		{"case printing for each match", `{% case 1 %}{% when ` + repeat("1, ", 20_000) + `1 %}` + repeat("x", 100_000) + `{% endcase %}`, nil, "limit"},
		{"long conditions", `{% for i in (1..1000000) %}{% if ` + repeat("nope or ", 20_000) + `nope %}x{% endif %}{% endfor %}`, nil, "limit"},

		{"append", doubling(`{% assign s = s | append: s %}`), nil, "limit"},
		{"prepend", doubling(`{% assign s = s | prepend: s %}`), nil, "limit"},
		{"capture", doubling(`{% capture s %}{{ s }}{{ s }}{% endcapture %}`), nil, "limit"},
		{"capture safe", doubling(`{% capture s %}{{ s | safe }}{{ s | raw }}{% endcapture %}`), nil, "limit"},
		{"assign chain", `{% assign s = "0123456789" %}{{ s` + repeat(" | append: s", 200) + ` }}`, nil, "limit"},
		{"replace", doubling(`{% assign s = s | replace: "0", s %}`), nil, "limit"},
		{"replace empty", doubling(`{% assign s = s | replace: "", s %}`), nil, "limit"},
		{"replace with much", `{{ big | replace: "l", big }}`, map[string]any{"big": big}, "limit"},
		{"replace_first", doubling(`{% assign s = s | replace_first: "0", s %}`), nil, "limit"},
		{"replace_last", doubling(`{% assign s = s | replace_last: "0", s %}`), nil, "limit"},
		{"newline_to_br", `{% assign s = big %}{% for i in (1..40) %}{% assign s = s | newline_to_br %}{% endfor %}`, map[string]any{"big": repeat("\n", 200_000)}, "limit"},
		{"escape", `{% assign s = big %}{% for i in (1..40) %}{% assign s = s | append: "<" | escape | upcase %}{% endfor %}`, map[string]any{"big": repeat("&", 100_000)}, "limit"},
		{"url_encode", doubling(`{% assign s = s | append: "%" | url_encode %}`) + doubling(`{% assign s = s | append: "%%%" | url_encode | append: s %}`), nil, "limit"},
		{"base64", doubling(`{% assign s = s | base64_encode | append: s %}`), nil, "limit"},
		{"json", doubling(`{% assign s = s | append: '"' | json | append: s %}`), nil, "limit"},
		{"truncate growing", doubling(`{% assign s = s | truncate: 0, s | append: s %}`), nil, "limit"},
		{"concat", `{% assign a = "1,2,3" | split: "," %}{% for i in (1..60) %}{% assign a = a | concat: a %}{% endfor %}{{ a | size }}`, nil, "limit"},
		{"split and join", doubling(`{% assign s = s | split: "" | join: "ab" %}`), nil, "limit"},
		{"join with itself", doubling(`{% assign a = s | split: "" %}{% assign s = a | join: s %}`), nil, "limit"},
		{"split a long text", `{% for i in (1..1000) %}{% assign a = big | split: "" %}{% endfor %}`, map[string]any{"big": big}, "limit"},
		{"split into millions", `{{ big | split: "" | join: "," | size }}`, map[string]any{"big": repeat("a", 20<<20)}, "limit"},
		{"upcase for ever", `{% for i in (1..100000) %}{% assign s = big | upcase %}{% endfor %}`, map[string]any{"big": big}, "limit"},
		{"size for ever", `{% for i in (1..100000) %}{{ big.size }}{% endfor %}`, map[string]any{"big": big}, "limit"},
		{"contains for ever", `{% for i in (1..100000) %}{% if big contains "zzz" %}{% endif %}{% endfor %}`, map[string]any{"big": big}, "limit"},
		{"equality for ever", `{% assign other = big | append: "" %}{% for i in (1..100000) %}{% if big == other %}{% endif %}{% endfor %}`, map[string]any{"big": big}, "limit"},
		{"order for ever", `{% assign other = big | append: "" %}{% for i in (1..100000) %}{% if big < other %}{% endif %}{% endfor %}`, map[string]any{"big": big}, "limit"},
		{"sha256 for ever", `{% for i in (1..100000) %}{{ big | sha256 }}{{ big | md5 }}{{ big | hmac_sha256: big }}{% endfor %}`, map[string]any{"big": big}, "limit"},
		{"strip_html", `{% for i in (1..1000) %}{{ big | strip_html | size }}{% endfor %}`, map[string]any{"big": repeat("<script", 100_000)}, "limit"},
		{"strip_html long", `{{ big | strip_html | size }}`, map[string]any{"big": repeat("<script><!--<style", 50_000)}, "ok"},
		{"escape_once", `{% for i in (1..1000) %}{{ big | escape_once | size }}{% endfor %}`, map[string]any{"big": repeat("&amp", 200_000)}, "limit"},
		{"output of much", `{% for i in (1..1000) %}{{ big }}{% endfor %}`, map[string]any{"big": big}, "limit"},
		{"output of a list of much", `{{ a }}`, map[string]any{"a": []any{big, big, big}}, "limit"},
		{"print nested data", `{% for i in (1..100000) %}{{ d }}{% endfor %}`, map[string]any{"d": campaignData()}, "limit"},

		{"join a range", `{{ (1..1000000000) | join }}`, nil, "limit"},
		{"size of a range", `{{ (1..1000000000) | size }}`, nil, "ok"},
		{"size of the largest range", `{{ (-9223372036854775808..9223372036854775807) | size }}`, nil, "ok"},
		{"first and last of a range", `{{ (1..1000000000) | first }}{{ (1..1000000000) | last }}`, nil, "ok"},
		{"range contains", `{% assign r = (1..1000000000) %}{% if r contains 5 %}x{% endif %}`, nil, "ok"},
		{"backward range", `{{ (5..1) | join }}{% for i in (5..1) %}x{% endfor %}`, nil, "ok"},
		{"range of huge ends", `{{ (1..99999999999999999999999999) | join }}`, nil, "type limit"},
		{"many ranges", `{% for i in (1..1000) %}{{ (1..90000) | join | size }}{% endfor %}`, nil, "limit"},
		{"sort for ever", `{% assign a = (1..90000) | reverse %}{% for i in (1..100) %}{% assign b = a | sort %}{% endfor %}`, nil, "limit"},
		{"uniq", `{% for i in (1..100) %}{{ (1..90000) | uniq | size }}{% endfor %}`, nil, "limit"},
		{"uniq of maps", `{% for i in (1..100) %}{{ a | uniq | size }}{% endfor %}`, map[string]any{"a": mapsOf(20_000)}, "limit"},
		{"map for ever", `{% for i in (1..1000) %}{{ a | map: "k" | size }}{% endfor %}`, map[string]any{"a": mapsOf(20_000)}, "limit"},
		{"where for ever", `{% for i in (1..1000) %}{{ a | where: "k", "v" | size }}{% endfor %}`, map[string]any{"a": mapsOf(20_000)}, "limit"},
		{"map keys for ever", `{% for i in (1..1000) %}{% for p in m %}{% break %}{% endfor %}{% endfor %}`, map[string]any{"m": bigMap(20_000)}, "limit"},
		{"equal lists for ever", `{% assign b = a | concat: a %}{% assign c = a | concat: a %}{% for i in (1..1000) %}{% if b == c %}{% endif %}{% endfor %}`, map[string]any{"a": mapsOf(20_000)}, "limit"},
		{"set for ever", `{% for i in (1..1000) %}{% if big | setContains: "q" %}{% endif %}{% endfor %}`, map[string]any{"big": repeat("ab,", 30_000)}, "limit"},

		{"nested ifs", repeat(`{% if true %}`, 1_000_000), nil, "limit"},
		{"nested ifs within the size", repeat(`{% if 1 %}`, 20_000), nil, "limit"},
		{"closed nested ifs", repeat(`{% if 1 %}`, 12_000) + repeat(`{%endif%}`, 12_000), nil, "limit"},
		{"nested captures", repeat(`{%capture a%}`, 15_000), nil, "limit"},
		{"nested liquid tags", `{%` + repeat(` liquid`, 30_000) + ` echo 1 %}`, nil, "limit"},
		{"nested comments", repeat(`{%comment%}`, 20_000), nil, "syntax"},
		{"comments with raws", `{%comment%}` + repeat(`{%raw%}`, 30_000), nil, "syntax"},
		{"nested brackets", `{{ a` + repeat(`[a`, 50_000) + ` }}`, nil, "limit"},
		{"nested ranges", `{{ ` + repeat(`(`, 200_000) + ` }}`, nil, "limit"},
		{"long path", `{{ a` + repeat(`.b`, 100_000) + ` }}`, nil, "limit"},
		{"long chain", `{{ a` + repeat(` | size`, 30_000) + ` }}`, nil, "limit"},
		{"many arguments", `{% cycle ` + repeat(`1,`, 110_000) + `1 %}`, nil, "limit"},
		{"many outputs", repeat(`{{a}}`, 50_000), nil, "ok limit"},
		{"many tags", repeat(`{%if a%}{%endif%}`, 15_000), nil, "limit"},
		{"many tags within the limit", repeat(`{%if a%}x{%endif%}y`, 5_000), nil, "ok limit"},
		{"many clauses", `{%if a%}` + repeat(`{%elsif a%}`, 4_990) + `{%endif%}`, nil, "ok"},
		{"many texts", repeat(`{{a}}x`, 43_000), nil, "ok limit"},
		{"many openings", repeat(`{{`, 130_000), nil, "syntax"},
		{"many braces", repeat(`{`, 260_000), nil, "ok syntax"},
		{"many errors", repeat(`{{ | }}`, 37_000), nil, "syntax"},
		{"many quotes", repeat(`{{ "`, 60_000), nil, "syntax"},
		{"names that grow", `{% assign a = person %}{% for i in (1..1000000) %}{% assign a = a.` + repeat("x", 400) + ` %}{{ a }}{% endfor %}`, nil, "limit"},
		{"names that grow in the source", `{% assign a = person %}` + repeat(`{% assign a = a.`+repeat("x", 500)+` %}{{ a }}`, 450), nil, "ok"},
		{"many long names", repeat(`{{ person.`+repeat("x", 1000)+` }}`, 240), nil, "ok"},
		{"big source", repeat("x", 10<<20), nil, "limit"},

		{"huge integer", `{{ 123456789012345678901234567890 }}`, nil, "ok"},
		{"huge integer in a loop", `{% for i in (1..3) limit: 99999999999999999999 %}x{% endfor %}`, nil, "type"},
		{"integer of many digits", `{{ ` + repeat("9", 200_000) + ` }}`, nil, "limit"},
		{"multiplying", `{% assign n = 9 %}{% for i in (1..100) %}{% assign n = n | times: n %}{% endfor %}{{ n }}`, nil, "limit"},
		{"multiplying fractions", `{% assign n = 1.5 %}{% for i in (1..100) %}{% assign n = n | times: n %}{% endfor %}{{ n }}`, nil, "type"},
		{"number of many digits in data", `{{ n | plus: 1 | times: 2 }}`, map[string]any{"n": repeat("9", 1_000_000)}, "ok limit"},
		{"smallest integer", `{{ -9223372036854775808 | abs }} {{ -9223372036854775808 | divided_by: -1 }} {{ -9223372036854775808 | modulo: -1 }} {{ -9223372036854775808 | times: -1 }}`, nil, "ok"},
		{"division by zero", `{{ 1 | divided_by: 0 }}`, nil, "type"},
		{"modulo by zero", `{{ 1 | modulo: 0 }}`, nil, "type"},
		{"modulo by zero float", `{{ 1 | modulo: 0.0 }}`, nil, "type"},
		{"rounding far", `{{ 1.23456 | round: 999999999 }} {{ 1.5 | round: -999999999 }} {{ 15 | round: -999999999 }}`, nil, "ok"},
		{"slice outside", `{{ "abc" | slice: -2, -1 }}{{ "abc" | slice: -9, 9 }}{{ "abc" | slice: 1, 9223372036854775807 }}{{ a | slice: -2, -1 | join }}`, map[string]any{"a": []any{1, 2, 3}}, "ok"},
		{"sort_natural with nil", `{{ a | sort_natural | join: "," }}{{ a | sort_natural: "k" | join }}`, map[string]any{"a": []any{"b", nil, "a"}}, "ok"},
		{"sort mixed", `{{ a | sort }}`, map[string]any{"a": []any{"b", 1, map[string]any{}}}, "type"},
		{"cycle with a forged forloop", `{% assign forloop = 1 %}{% cycle "a", "b" %}{{ forloop.index }}`, nil, "ok"},
		{"cycle with no values", `{% cycle %}`, nil, "syntax"},
		{"names that are not ASCII", `{{ größe }}`, nil, "syntax"},
		{"strftime width", `{{ 0 | date: "%1000000000d" }}`, nil, "limit"},
		{"strftime widths", `{{ 0 | date: "%99999N%99999z" }}`, nil, "limit"},
		{"strftime long", `{% for i in (1..100000) %}{{ 0 | date: f }}{% endfor %}`, map[string]any{"f": repeat("%c", 10_000)}, "limit"},
		{"strftime odd", `{{ 0 | date: "%" }}{{ 0 | date: "%-" }}{{ 0 | date: "%:::z %Q %é" }}`, nil, "ok"},
		{"date far away", `{{ 9223372036854775807 | date: "%Y" }}{{ -9223372036854775808 | date: "%c" }}{{ "99999999999999999999" | date: "%Y" }}`, nil, "ok"},
		{"date of much", `{{ big | date: "%Y" | size }}`, map[string]any{"big": big}, "ok"},
		{"zones that do not exist", `{% for i in (1..100000) %}{{ 0 | timeInTimezone: "Nowhere/Land", "mdy12" }}{% endfor %}`, nil, "limit"},
		{"zone of the file system", `{{ 0 | date: "%Y", "../../etc/passwd" }}`, nil, "type"},
		{"zone absolute", `{{ 0 | date: "%Y", "/etc/passwd" }}`, nil, "type"},
		{"zone of the machine", `{{ 0 | date: "%Y", "Local" }}`, nil, "type"},
		{"phones", `{% for i in (1..100000) %}{{ "+61412345678" | rawPhone }}{% endfor %}`, nil, "limit"},
		{"locales", `{% for i in (1..100000) %}{{ 1234 | numberWithDelimiter: "de-u-nu-arab" }}{% endfor %}`, nil, "limit"},
		{"decimal of much", `{{ n | decimal: "two", big }}`, map[string]any{"n": 12, "big": big}, "ok limit"},

		{"include", `{% include 'go.mod' %}`, nil, "snippet"},
		{"include outside", `{% include '../../../../etc/hostname' %}`, nil, "snippet"},
		{"include of a variable", `{% include f %}`, map[string]any{"f": "doc.go"}, "snippet"},
		{"render", `{% render 'doc.go' %}`, nil, "snippet"},
		{"self-render", `{% render 'self' %}`, nil, "limit"},
		{"self-include", `{% include 'include-self' %}`, nil, "limit"},
		{"render of itself twice", `{% render 'twice' %}`, nil, "limit"},
		{"snippets in a ring", `{% render 'ping' %}`, nil, "limit"},
		{"snippet by a name in a variable", `{% assign name = 'named' %}{% include 'named' %}`, nil, "limit"},
		{"render for each of many, nested", `{% render 'all' for (1..1000000000) %}`, nil, "limit"},
		{"render in an endless loop", `{% for i in (1..1000000000) %}{% render 'one' %}{% endfor %}`, nil, "limit"},
		{"render for an endless range", `{% render 'one' for (1..1000000000) %}`, nil, "limit"},
		{"include of many blocks, nested", `{% include 'nested' %}`, nil, "limit"},
		{"include that doubles", `{% assign s = "0123456789abcdef" %}{% for i in (1..60) %}{% include 'double' %}{% endfor %}`, nil, "limit"},
		{"dense snippet in a loop", `{% for i in (1..1000) %}{% render 'dense' %}{% endfor %}`, nil, "limit"},
		{"dense snippets", `{% include 'dense' %}{% include 'dense2' %}{% render 'dense' %}{% render 'dense2' %}`, nil, "limit ok"},
		{"more snippets than fit", `{% render 'long' %}{% render 'long2' %}{% render 'dense2' %}`, nil, "limit"},
		{"broken snippet", `{% for i in (1..1000000000) %}{% render 'broken' %}{% endfor %}`, nil, "syntax"},
		{"unknown snippets", `{% for i in (1..1000000000) %}{% include i %}{% endfor %}`, nil, "type"},
		{"unknown tag", `{% connected_content https://example.com %}`, nil, "syntax"},

		{"struct", `{{ p.Danger }}`, map[string]any{"p": danger{}}, "type"},
		{"pointer", `{{ p.Danger }}`, map[string]any{"p": &danger{}}, "type"},
		{"function", `{{ f }}`, map[string]any{"f": func() string { return "boom" }}, "type"},
		{"channel", `{{ f }}`, map[string]any{"f": make(chan int)}, "type"},
		{"typed map", `{{ f }}`, map[string]any{"f": map[string]string{}}, "type"},
		{"typed list", `{{ f }}`, map[string]any{"f": []any{[]string{"a"}}}, "type"},
		{"ring", `{{ r }}`, map[string]any{"r": ring()}, "limit"},
		{"billion laughs", `{{ r }}`, map[string]any{"r": laughs()}, "limit"},
	}
	return list
}

func mapsOf(n int) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = map[string]any{"k": fmt.Sprint("v", i), "n": i}
	}
	return list
}

func bigMap(n int) map[string]any {
	m := make(map[string]any, n)
	for i := range n {
		m[fmt.Sprint("key", i)] = i
	}
	return m
}

// TestHostile runs alone, as it measures the memory of the process.
func TestHostile(t *testing.T) {
	r := &liquid.Renderer{Limits: liquid.Limits{Time: 250 * time.Millisecond * slower}}
	warmUp(t, r)
	for _, h := range hostiles() {
		t.Run(h.name, func(t *testing.T) {
			var before, after runtime.MemStats
			goroutines := runtime.NumGoroutine()
			runtime.ReadMemStats(&before)
			watch := startWatch()
			_, err := r.Render(t.Context(), liquid.Request{Parts: map[string]string{"html": h.source}, Data: h.data, Snippets: hostileSnippets()})
			took := watch.took()
			runtime.ReadMemStats(&after)

			kind := "ok"
			var e *liquid.Error
			if errors.As(err, &e) {
				kind = e.Kind
			} else if err != nil {
				t.Fatalf("not an *Error: %v", err)
			}
			if !strings.Contains(" "+h.kinds+" ", " "+kind+" ") {
				t.Errorf("%v, want %s", err, h.kinds)
			}
			if took > hostileTime*slower {
				t.Errorf("took %s", took)
			}
			if built := after.TotalAlloc - before.TotalAlloc; built > hostileAlloc*wider {
				t.Errorf("built %d MiB", built>>20)
			}
			if n := runtime.NumGoroutine(); n > goroutines {
				t.Errorf("%d goroutines left behind", n-goroutines)
			}
			if r.Panics() != 0 {
				t.Fatalf("panicked: %v", err)
			}
			t.Logf("%s in %s, %d KiB built: %v", kind, took.Round(time.Millisecond), (after.TotalAlloc-before.TotalAlloc)>>10, err)
		})
	}
}

// TestEveryFilterIsPaidFor calls each filter without end on big inputs, under limits a 32nd of the usual. Like TestHostile it runs alone.
func TestEveryFilterIsPaidFor(t *testing.T) {
	if slower > 1 {
		t.Skip("measures memory, which the race detector changes")
	}
	r := &liquid.Renderer{Limits: liquid.Limits{
		Ops: 500_000 / 32, Alloc: 32 << 20 / 32, Text: 1 << 20 / 32, Output: 1 << 20 / 32, Items: 100_000 / 32, Time: 250 * time.Millisecond * slower,
	}}
	warmUp(t, r)
	data := map[string]any{
		"words": repeat("a B\t", 8_000), "markup": repeat("<a>&\n", 5_000), "codes": repeat("%41", 10_000), "base": repeat("QUJD", 7_000),
		"commas": repeat("a,", 3_000), "one": "a", "maps": mapsOf(3_000), "map": bigMap(3_000), "texts": textsOf(500, repeat("xY ", 3_000)),
		"numbers": repeat("9", 30_000), "when": "2024-06-04", "wide": repeat("ⱥİ", 6_000),
	}
	inputs := []string{"words", "markup", "codes", "base", "commas", "maps", "map", "texts", "numbers", "when", "wide", "(1..3000)"}
	for name, arguments := range liquid.FilterArguments() {
		for _, in := range inputs {
			for n := arguments[0]; n <= arguments[1]; n++ {
				args := map[int]string{0: "", 1: ": one", 2: ": one, words", 3: ": one, 3, words"}[n]
				if n > 0 && in == "texts" {
					args = strings.Replace(args, "one", "words", 1)
				}
				source := "{% for i in (1..100000) %}{% assign s = " + in + " | append_nothing %}{% endfor %}"
				source = strings.Replace(source, "append_nothing", name+args, 1)
				checkPaid(t, r, source, data)
			}
		}
	}
	if r.Panics() != 0 {
		t.Error("panicked")
	}
}

func textsOf(n int, s string) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = s
	}
	return list
}

func checkPaid(t *testing.T, r *liquid.Renderer, source string, data map[string]any) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	watch := startWatch()
	_, err := r.Render(context.Background(), liquid.Request{Parts: map[string]string{"html": source}, Data: data})
	took := watch.took()
	runtime.ReadMemStats(&after)
	var e *liquid.Error
	if err != nil && !errors.As(err, &e) || e != nil && e.Kind != liquid.KindLimit && e.Kind != liquid.KindType {
		t.Errorf("%s: %v", source, err)
	}
	if built := after.TotalAlloc - before.TotalAlloc; built > hostileAlloc/32 || took > hostileTime*slower {
		t.Errorf("%s: built %d KiB in %s: %v", source, built>>10, took, err)
	}
}

// stopwatch measures wall time and the time the process had a processor, so that a busy machine fails no test.
type stopwatch struct {
	wall time.Time
	used time.Duration
}

func startWatch() stopwatch { return stopwatch{time.Now(), processorTime()} }

// took gives the smaller of the two times.
func (w stopwatch) took() time.Duration { return min(time.Since(w.wall), processorTime()-w.used) }

func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// warmUp loads what is loaded once per process, so that it is not counted.
func warmUp(t *testing.T, r *liquid.Renderer) {
	t.Helper()
	_, err := r.Render(t.Context(), liquid.Request{Parts: map[string]string{
		"html": `{{ "+61412345678" | rawPhone }}{{ 1234 | numberWithDelimiter: "de" }}{{ 1 | price }}{{ 1 | decimalWithDelimiter: "one", "EUR", "de" }}{{ 0 | date: "%Y", "Asia/Tokyo" }}`,
	}})
	if err != nil {
		t.Fatal(err)
	}
}

// TestStopsWithTheCaller checks that a render ends when its context does.
func TestStopsWithTheCaller(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := patient()
	_, err := r.Render(ctx, liquid.Request{Parts: map[string]string{"text": `{% for i in (1..100000) %}{{ i }}{% endfor %}`}})
	wantError(t, err, liquid.KindLimit, "stopped by the caller")
}

// TestWallTime checks that time alone stops a render whose steps are not counted.
func TestWallTime(t *testing.T) {
	t.Parallel()
	r := &liquid.Renderer{Limits: liquid.Limits{Ops: 1 << 60, Time: 20 * time.Millisecond}}
	start := time.Now()
	_, err := r.Render(t.Context(), liquid.Request{Parts: map[string]string{"text": `{% for i in (1..1000000000000) %}{% endfor %}`}})
	wantError(t, err, liquid.KindLimit, "longer than 20ms")
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}

// TestNoMethodCalled checks that nothing of bound Go values runs.
func TestNoMethodCalled(t *testing.T) {
	t.Parallel()
	called := false
	r := &liquid.Renderer{}
	for _, v := range []any{danger{&called}, &danger{&called}} {
		_, err := r.Render(t.Context(), liquid.Request{
			Parts: map[string]string{"text": `{{ p.Danger }}{{ l[0].Danger }}`}, Data: map[string]any{"l": []any{v}},
		})
		wantError(t, err, liquid.KindType, "data.l.0")
	}
	if called {
		t.Error("a method was called")
	}
}

// wantError checks kind and message of an error.
func wantError(t *testing.T, err error, kind, message string) {
	t.Helper()
	var e *liquid.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an error of kind %s", err, kind)
	}
	if e.Kind != kind || !strings.Contains(e.Error(), message) {
		t.Errorf("got %v, want kind %s with %q", e, kind, message)
	}
}
