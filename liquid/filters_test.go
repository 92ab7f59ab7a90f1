package liquid_test

import (
	"testing"
	"time"

	"deskstream/liquid"
)

func TestFilters(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		// default
		`{{ nil | default: "x" }}{{ false | default: "x" }}{{ "" | default: "x" }}`:                 "xxx",
		`{{ false | default: "x", allow_false: true }}{{ nope | default: "x", allow_false: true }}`: "falsex",
		`{{ 0 | default: "x" }}{{ 0.0 | default: "x" }}{{ " " | default: "x" }}`:                    "00.0 ",
		`{{ person.nope | default: person.first_name | upcase }}`:                                   "JO",
		`{{ nil | default }}`: "",

		// text
		`{{ "JOHN smith" | capitalize }} {{ "élan VITAL" | capitalize }}`:                       "John smith Élan vital",
		`{{ " a  b " | squish }}|{{ " a " | strip }}|`:                                          "a b|a|",
		`{{ "Ünïcode" | size }} {{ "Ünïcode" | slice: 1, 3 }} {{ person.first_name.size }}`:     "7 nïc 2",
		`{{ "a,b,,c,," | split: "," | join: "|" }}`:                                             "a|b||c",
		`{{ "<p>a<br>b</p><script>x</script>" | strip_html }}`:                                  "ab",
		`{{ "The quick brown" | truncate: 8 }} {{ "The quick brown" | truncatewords: 1, "!" }}`: "The q... The!",
		`{{ "a b&c/é" | url_encode }} {{ "%41%zz+b%" | url_decode }}`:                           "a+b%26c%2F%C3%A9 A%zz b%",
		`{{ "Hello, World! 3" | handleize }}`:                                                   "hello-world-3",
		`{{ 1 | pluralize: "ticket", "tickets" }} {{ 2 | pluralize: "ticket", "tickets" }}`:     "ticket tickets",
		`{{ "<a> & 'b'" | escape }}`:                                                            "&lt;a&gt; &amp; &#39;b&#39;",
		`{{ "</script>" | json }}`:                                                              `"\u003c/script\u003e"`,
		`{{ person.zendesk | json }}`:                                                           `{"fields":{"plan-tier":"gold"},"id":7,"tags":["vip","beta"]}`,
		`{{ person.zendesk.fields }}`:                                                           `{"plan-tier"=>"gold"}`,

		// numbers
		`{{ 0.1 | plus: 0.2 }} {{ 7 | divided_by: 2 }} {{ -7 | divided_by: 2 }} {{ -7 | modulo: 2 }}`:                    "0.3 3 -4 1",
		`{{ 2.5 | round }} {{ -2.5 | round }} {{ 1.005 | round: 2 }} {{ 1234 | round: -2 }}`:                             "3 -3 1.01 1200",
		`{{ 9223372036854775807 | plus: 1 }} {{ 9223372036854775807 | times: 2 }} {{ -9223372036854775808 | minus: 1 }}`: "9223372036854775808 18446744073709551614 -9223372036854775809",
		`{{ 1.0 }} {{ 100000000000000000000.0 }} {{ 0.00001 }} {{ -1.50 }}`:                                              "1.0 1.0e+20 1.0e-05 -1.5",
		`{{ "12abc" | plus: 1 }} {{ "1.5" | times: 2 }} {{ "abc" | to_number }} {{ "42" | to_number }}`:                  "13 3.0 0 42",
		`{{ 5 | at_least: 7 }}{{ 5 | at_most: 3 }}{{ -3.2 | abs }}{{ 3.2 | ceil }}{{ -3.2 | floor }}`:                    "733.24-4",

		// lists
		`{{ activities | map: "kind" | join: " " }}`:                                                 "zendesk.ticket-closed zendesk.ticket-created",
		`{{ activities | where: "kind", "zendesk.ticket-closed" | size }}`:                           "1",
		`{% assign a = activities | find: "kind", "zendesk.ticket-created" %}{{ a.ticket.subject }}`: "Two",
		`{{ "b,a,C" | split: "," | sort | join }} {{ "b,a,C" | split: "," | sort_natural | join }}`:  "C a b a b C",
		`{{ (1..5) | sum }} {{ (1..3) | reverse | join: "" }} {{ (5..1) | join }}`:                   "15 321 ",
		`{{ (1..1000000000) | size }} {{ (1..1000000000) | last }}`:                                  "1000000000 1000000000",

		// hashes
		`{{ "a" | md5 }}`:    "0cc175b9c0f1b6a831c399e269772661",
		`{{ "a" | sha1 }}`:   "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8",
		`{{ "a" | sha256 }}`: "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
		// RFC 2202 and RFC 4231, test case 2
		`{{ "what do ya want for nothing?" | hmac: "Jefe" }}`:        "750c783e6ab0b503eaa86e310a5db738",
		`{{ "what do ya want for nothing?" | hmac_sha1: "Jefe" }}`:   "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
		`{{ "what do ya want for nothing?" | hmac_sha256: "Jefe" }}`: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
	} {
		if got := renderText(t, source); got != want {
			t.Errorf("%s\n got %q\nwant %q", source, got, want)
		}
	}
}

func TestDates(t *testing.T) {
	t.Parallel()
	data := sample()
	data["t"] = clock
	for source, want := range map[string]string{
		`[{{ nil | date: "%Y" }}{{ "" | date: "%Y" }}{{ person.nope | date: "%Y" }}]`:                   "[]",
		`{{ "garbage" | date: "%Y" }} {{ true | date: "%Y" }}`:                                          "garbage true",
		`{{ "now" | date: "%F %T" }} {{ "today" | date: "%a" }} {{ now | date: "%H" }}`:                 "2024-06-04 15:15:00 Tue 15",
		`{{ 1152098955 | date: "%m/%d/%Y" }} {{ "1152098955" | date: "%Y" }} {{ "-115" | date: "%Y" }}`: "07/05/2006 2006 -115",
		`{{ "2024-06-04T15:15:00Z" | date: "%H:%M", "Asia/Tokyo" }}`:                                    "00:15",
		`{{ "2024-06-04T15:15:00+09:00" | date: "%H:%M %z" }}`:                                          "15:15 +0900",
		`{{ "March 14, 2016" | date: "%b %-d, %y" }} {{ "14 Mar 2016" | date: "%j" }}`:                  "Mar 14, 16 074",
		`{{ t | date: "%d %b %H:%M" }} {{ t | date: "" }}`:                                              "04 Jun 15:15 2024-06-04 15:15:00 +0000",
		`{{ t | in_time_zone: "Europe/Berlin" | date: "%H:%M %Z" }}`:                                    "17:15 CEST",
		`{{ t | date: "%Y %C %y %m %d %e %j %H %k %I %l %M %S %L %N %z %:z %Z %A %a %B %b %p %P %u %w %G %V %U %W %s %% %D %F %T %R %r" }}`: "2024 20 24 06 04  4 156 15 15 03  3 15 00 000 000000000 +0000 +00:00 UTC " +
			"Tuesday Tue June Jun PM pm 2 2 2024 23 22 23 1717514100 % 06/04/24 2024-06-04 15:15:00 15:15 03:15:00 PM",
		`{{ t | date: "%-m %_m %03d %^a %^B %#p %10A %-H%n%t%Q%" }}`: "6  6 004 TUE JUNE pm    Tuesday 15\n\t%Q%",

		`{{ t | dateFormatOrDefault: "mdy", "x" }} {{ t | dateFormatOrDefault: "mdyaw" }} {{ t | dateFormatOrDefault: "dmyaw" }} {{ t | dateFormatOrDefault: "mdys" }}`: "06/04/2024 Tuesday, June 4, 2024 Tuesday, 4 June, 2024 6/4/24",
		`{{ nil | dateFormatOrDefault: "mdy", "x" }}{{ "" | dateFormatOrDefault: "mdy", "y" }}{{ "no date" | dateFormatOrDefault: "mdy", "z" }}`:                        "xyz",
		`{{ t | dateFormatOrDefault: "odd" }}`: "2024-06-04 15:15:00 +0000",
		`{{ t | dateTimeFormatOrDefault: "mdy12" }}|{{ t | dateTimeFormatOrDefault: "ydm24" }}|{{ t | dateTimeFormatOrDefault: "mdy24aw" }}|{{ t | dateTimeFormatOrDefault: "mdy12aw" }}`:                                                                     "Jun 04 2024 3:15 PM|2024 04 Jun 15:15|15:15 Tuesday, June 4, 2024|3:15pm Tuesday, June 4, 2024",
		`{{ t | dateTimeFormatOrDefault: "mdy24n" }}|{{ t | dateTimeFormatOrDefault: "dmy12nd" }}|{{ t | dateTimeFormatOrDefault: "mdys24" }}|{{ t | dateTimeFormatOrDefault: "mdys24d" }}`:                                                                   "15:15 06/04/2024|04/06/2024 3:15pm|15:15 6/4/24|6/4/24 15:15",
		`{{ t | dateTimeFormatOrDefault: "h24" }} {{ t | dateTimeFormatOrDefault: "h12" }} {{ t | dateTimeFormatOrDefault: "min" }} {{ t | dateTimeFormatOrDefault: "p" }} {{ t | dateTimeFormatOrDefault: "dow" }} {{ t | dateTimeFormatOrDefault: "mon" }}`: "15 3 15 pm Tuesday June",
		`{{ t | timeInTimezone: "Asia/Tokyo", "mdy24" }}[{{ t | timeInTimezone: "Nowhere", "mdy24" }}]`:                                                                                                                                                       "Jun 05 2024 00:15[]",
	} {
		res := render(t, liquid.Request{Parts: map[string]string{"text": source}, Data: data, Now: clock})
		if got := res.Parts["text"]; got != want {
			t.Errorf("%s\n got %q\nwant %q", source, got, want)
		}
	}
}

// TestZones checks which zone a date is shown in: the argument's, else the request's, else the person's, else its own.
func TestZones(t *testing.T) {
	t.Parallel()
	const source = `{{ "2024-06-04T15:15:00Z" | date: "%H" }} {{ "2024-06-04T15:15:00Z" | date: "%H", "America/New_York" }} {{ now | date: "%H" }} {{ "2024-06-04" | date: "%d %H" }}`
	for _, c := range []struct {
		zone, person, want string
	}{
		{"", "", "15 11 15 04 00"},
		{"Asia/Tokyo", "", "00 11 00 04 00"},
		{"", "Europe/Berlin", "17 11 17 04 00"},
		{"Asia/Tokyo", "Europe/Berlin", "00 11 00 04 00"},
		{"", "Nowhere/Land", "15 11 15 04 00"},
	} {
		res := render(t, liquid.Request{
			Parts: map[string]string{"text": source}, Now: clock, TimeZone: c.zone,
			Data: map[string]any{"person": map[string]any{"time_zone": c.person}},
		})
		if got := res.Parts["text"]; got != c.want {
			t.Errorf("%q %q: got %q, want %q", c.zone, c.person, got, c.want)
		}
	}
	r := patient()
	_, err := r.Render(t.Context(), liquid.Request{Parts: map[string]string{"text": `{{ "2024-06-04" | date: "%b", "foo" }}`}})
	wantError(t, err, liquid.KindType, `time zone "foo" is not known`)
	res := render(t, liquid.Request{Parts: map[string]string{"text": `[{{ now }}{{ "now" | date: "%Y" }}]`}})
	if got := res.Parts["text"]; got != "[now]" {
		t.Errorf("without a time: %q", got)
	}
}

func TestOrttoFilters(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`{{ 12345 | decimal: "one", "$" }} {{ 12345 | decimal }} {{ 1234567890 | decimal: "whole" }} {{ -1500 | decimal: "two", "€" }}`:                                              "$12.3 12.35 1,234,568 -€1.50",
		`[{{ nil | decimal: "one", "$" }}{{ "" | decimal }}]`:                                                                                                                        "[]",
		`{{ 1234567.891 | numberWithDelimiter: "en", "whole" }} {{ 1234567 | numberWithDelimiter: "de" }} {{ 1234.5 | numberWithDelimiter: "en", "two" }}`:                           "1,234,568 1.234.567 1,234.50",
		`{{ true | booleanFormat: "yesNo" }} {{ false | booleanFormat: "onOff" }} {{ "true" | booleanFormat: "x" }} {{ false | booleanFormat }}[{{ nil | booleanFormat: "yesNo" }}]`: "Yes Off True False[]",
		`{{ "+61412345678" | hideCountryCodeAndDefault: true, "x" }} {{ "+61412345678" | hideCountryCodeAndDefault: false, "x" }}`:                                                   "412345678 +61412345678",
		`{{ "hello" | hideCountryCodeAndDefault: true, "x" }}{{ nil | hideCountryCodeAndDefault: true, "y" }}`:                                                                       "xy",
		`{{ "+61 412 345 678" | rawPhone }}[{{ "hello" | rawPhone }}]`:                                                                                                               "61412345678[]",
		`{{ list | setContains: "x" }} {{ list | setContains: "q", "y" }} {{ list | setContains: "q" }} {{ "a, b" | setContains: "b" }}`:                                             "true true false true",
		`{{ list | setContainsAll: "x", "y" }} {{ list | setContainsAll: "x", "q" }} {{ nil | setContains: "x" }}`:                                                                   "true false false",
		`{{ "abc" | startsWith: "ab" }} {{ "abc" | endsWith: "ab" }}`:                                                                                                                "true false",
	} {
		if got := renderText(t, source); got != want {
			t.Errorf("%s\n got %q\nwant %q", source, got, want)
		}
	}
	res := render(t, liquid.Request{
		Parts: map[string]string{"text": `{{ p | hideCountryCodeAndDefault: true }} {{ p | rawPhone }}`},
		Data:  map[string]any{"p": map[string]any{"c": "61", "n": "412345678"}},
	})
	if got := res.Parts["text"]; got != "412345678 61412345678" {
		t.Errorf("phone as map: %q", got)
	}
}

// TestScalars checks every type of number and time that data may hold.
func TestScalars(t *testing.T) {
	t.Parallel()
	data := map[string]any{
		"a": int8(1), "b": int16(2), "c": int32(3), "d": uint8(4), "e": uint16(5), "f": uint32(6), "g": uint(7), "h": uint64(1 << 63),
		"i": float32(1.5), "j": 2.0, "k": true, "l": time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC), "m": []any{int(1), nil, []any{uint8(2)}},
	}
	res := render(t, liquid.Request{Parts: map[string]string{
		"text": `{{ a }} {{ b }} {{ c }} {{ d }} {{ e }} {{ f }} {{ g }} {{ h }} {{ i }} {{ j }} {{ k }} {{ l }} {{ m }} {{ m | sum }} {{ m[0] | plus: a }}`,
	}, Data: data})
	if got := res.Parts["text"]; got != "1 2 3 4 5 6 7 9223372036854775808 1.5 2.0 true 2024-01-02 03:04:05 +0000 12 3 2" {
		t.Errorf("got %q", got)
	}
}
