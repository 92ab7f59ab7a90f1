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

// TestBrazeFilters takes the examples of Braze's documentation (braze.com/docs, advanced filters).
func TestBrazeFilters(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`{{ "hey" | md5 }} {{ "hey" | sha1 }}`:                                         "6057f13c496ecf7fd777ceb9e79ae285 7f550a9f4c44173a37664d938f1355f0f92a47a7",
		`{{ "hey" | sha2 }}`:                                                           "fa690b82061edfd2852629aeba8a8977b57e40fcb77d1a7a28b26cba62591204",
		`{{ "blah" | base64 }}`:                                                        "YmxhaA==",
		`{{ "hey" | hmac_sha1_hex: "secret_key" }}`:                                    "2a3969bed25bfeefb00aca4063eb9590b4df8f0e",
		`{{ "hey" | hmac_sha1_base64: "secret_key" }}`:                                 "KjlpvtJb/u+wCspAY+uVkLTfjw4=",
		`{{ "hey" | hmac_sha256_hex: "secret_key" }}`:                                  "8df897f8da3d7992fe57c8dbc6f27578cfbf2dcc4d0fbb4000b8c924841d508e",
		`{{ "hey" | hmac_sha256_base64: "secret_key" }}`:                               "jfiX+No9eZL+V8jbxvJ1eM+/LcxND7tAALjJJIQdUI4=",
		`{{ "hey<>hi" | url_escape }} {{ "https://x.test/a b?c=d&e=é" | url_escape }}`: "hey%3C%3Ehi https://x.test/a%20b?c=d&e=%C3%A9",
		`{{ "hey<&>hi" | url_param_escape }} {{ "a/b=c d" | url_param_escape }}`:       "hey%3C%26%3Ehi a%2Fb%3Dc%20d",
		`{{ person.zendesk.fields | property_accessor: "plan-tier" }}[{{ person.email | property_accessor: "x" }}]`:    "gold[]",
		`{{ 123456 | number_with_delimiter }} {{ 1234.5 | number_with_delimiter }}[{{ nil | number_with_delimiter }}]`: "123,456 1,234.5[]",
		`{{ person.bio | json_escape }}`: `\u003cb\u003e\"Tom\" \u0026 'Ann'\u003c/b\u003e`,
	} {
		if got := renderText(t, source); got != want {
			t.Errorf("%s\n got %q\nwant %q", source, got, want)
		}
	}
}

// TestMoney checks amounts in thousandths by locale.
func TestMoney(t *testing.T) {
	t.Parallel()
	data := map[string]any{"p": map[string]any{"amount": 1234567, "currency": "USD"}, "free": map[string]any{"currency": "EUR"}, "n": 12345, "debt": -12345, "half": 1250}
	for source, want := range map[string]string{
		`{{ n | decimalWithDelimiter: "one", "€", "de" }} {{ n | decimalWithDelimiter: "one", "USD", "en" }} {{ n | decimalWithDelimiter: "one", "NOK", "no-NO" }}`: "€12,3 $12.3 12,3\u00a0kr",
		`{{ n | decimalWithDelimiter: "whole", "eur", "de" }} {{ 1234567890 | decimalWithDelimiter: "two", "", "de" }} {{ n | decimalWithDelimiter }}`:              "12\u00a0€ 1.234.567,89 12.35",
		`{{ debt | decimalWithDelimiter: "one", "€", "de" }} {{ debt | decimalWithDelimiter: "two", "USD" }} {{ half | decimalWithDelimiter: "one", "$" }}`:         "-€12,3 -$12.35 $1.3",
		`[{{ nil | decimalWithDelimiter: "one", "€" }}{{ "" | price }}{{ free | price }}]`:                                                                          "[]",
		`{{ p | price }} {{ p | price: "value" }} {{ p | price: "currency" }} {{ p | price: "currency_value", "whole", "de" }} {{ n | price: "value", "one" }}`:     "$1,234.57 1,234.57 USD 1.235\u00a0$ 12.3",
		`{{ "https://x.test/?a=b" | trackURL }}`:                                               "https://x.test/?a=b",
		`{{ n | type }} {{ p | type }} {{ "a" | type }} {{ nope | type }} {{ (1..2) | type }}`: "number hash string nil array",
	} {
		res := render(t, liquid.Request{Parts: map[string]string{"text": source}, Data: data})
		if got := res.Parts["text"]; got != want {
			t.Errorf("%s\n got %q\nwant %q", source, got, want)
		}
	}
	r := patient()
	for source, message := range map[string]string{
		`{{ 1 | price: "both" }}`:                                               "currency_value, value or currency",
		`{{ 1 | decimalWithDelimiter: "one", "€", "no locale" }}`:               "locale",
		`{{ 1 | decimalWithDelimiter: "one", "€", "` + repeat("x", 50) + `" }}`: "locale",
		`{{ 1 | decimalWithDelimiter: "one", "` + repeat("x", 200) + `" }}`:     "too long",
		`{{ "` + repeat("9", 300) + `" | price: "value" }}`:                     "too long",
	} {
		_, err := r.Render(t.Context(), liquid.Request{Parts: map[string]string{"text": source}})
		wantError(t, err, liquid.KindType, message)
	}
}

// TestEveryDateCode goes through Ortto's codes for Tuesday, 4 June 2024, 15:15.
func TestEveryDateCode(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"mdy": "06/04/2024", "dmy": "04/06/2024", "ymd": "2024/06/04", "ydm": "2024/04/06", "mdyaw": "Tuesday, June 4, 2024", "mdya": "June 4, 2024", "mdys": "6/4/24",
		"dmyaw": "Tuesday, 4 June, 2024", "dmya": "4 June, 2024", "dmys": "4/6/24", "d": "4", "dd": "04", "m": "6", "mm": "06", "yy": "24", "yyyy": "2024",
		"mdy12": "Jun 04 2024 3:15 PM", "mdy24": "Jun 04 2024 15:15", "dmy12": "04 Jun 2024 3:15 PM", "dmy24": "04 Jun 2024 15:15", "ymd12": "2024 Jun 04 3:15 PM",
		"ymd24": "2024 Jun 04 15:15", "ydm12": "2024 04 Jun 3:15 PM", "ydm24": "2024 04 Jun 15:15",
		"mdy24aw": "15:15 Tuesday, June 4, 2024", "mdy12aw": "3:15pm Tuesday, June 4, 2024", "mdy24a": "15:15 June 4, 2024", "mdy12a": "3:15pm June 4, 2024",
		"mdy24n": "15:15 06/04/2024", "mdy12n": "3:15pm 06/04/2024", "mdy24nd": "06/04/2024 15:15", "mdy12nd": "06/04/2024 3:15pm", "mdys24": "15:15 6/4/24",
		"mdys12": "3:15pm 6/4/24", "mdys24d": "6/4/24 15:15", "mdys12d": "6/4/24 3:15pm", "dmy24aw": "15:15 Tuesday, 4 June, 2024", "dmy12aw": "3:15pm Tuesday, 4 June, 2024",
		"dmy24a": "15:15 4 June, 2024", "dmy12a": "3:15pm 4 June, 2024", "dmy24n": "15:15 04/06/2024", "dmy12n": "3:15pm 04/06/2024", "dmy24nd": "04/06/2024 15:15",
		"dmy12nd": "04/06/2024 3:15pm", "dmys24": "15:15 4/6/24", "dmys12": "3:15pm 4/6/24", "dmys24d": "4/6/24 15:15", "dmys12d": "4/6/24 3:15pm",
		"h24": "15", "h12": "3", "min": "15", "p": "pm", "dow": "Tuesday", "mon": "June",
	} {
		for _, filter := range []string{`dateFormatOrDefault: "` + key + `", "x"`, `dateTimeFormatOrDefault: "` + key + `", "x"`, `timeInTimezone: "UTC", "` + key + `"`} {
			res := render(t, liquid.Request{Parts: map[string]string{"text": `{{ t | ` + filter + ` }}`}, Data: map[string]any{"t": clock}})
			if got := res.Parts["text"]; got != want {
				t.Errorf("%s: got %q, want %q", filter, got, want)
			}
		}
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
