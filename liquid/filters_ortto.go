package liquid

import (
	"strconv"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"
)

// orttoFilters are the filters that merge tags made in Ortto use (public code of its engine, github.com/autopilot3/liquid, and
// help.ortto.com). The order of arguments is Ortto's.
var orttoFilters = []filter{
	{name: "decimal", most: 2, run: decimalFilter},
	{name: "numberWithDelimiter", most: 2, run: numberWithDelimiter},
	{name: "decimalWithDelimiter", most: 3, run: decimalWithDelimiter},
	{name: "price", most: 3, run: price},
	{name: "trackURL", run: trackURL, markup: asIs},
	{name: "type", run: typeName, tolerant: 1},
	{name: "booleanFormat", most: 1, run: booleanFormat},
	{name: "dateFormatOrDefault", most: 2, run: dateFormatOrDefault, tolerant: 3, markup: asContent},
	{name: "dateTimeFormatOrDefault", most: 2, run: dateTimeFormatOrDefault, tolerant: 3, markup: asContent},
	{name: "timeInTimezone", least: 1, most: 2, run: timeInTimezone},
	{name: "hideCountryCodeAndDefault", most: 2, run: hideCountryCode, tolerant: 3, markup: asContent},
	{name: "rawPhone", run: rawPhone},
	{name: "setContains", least: 1, most: manyArguments, run: setContains(false), tolerant: 1},
	{name: "setContainsAll", least: 1, most: manyArguments, run: setContains(true), tolerant: 1},
	{name: "startsWith", least: 1, most: 1, run: affix(strings.HasPrefix), tolerant: 1},
	{name: "endsWith", least: 1, most: 1, run: affix(strings.HasSuffix), tolerant: 1},
}

// places gives the number of decimals Ortto's words stand for.
func places(word any, usual int) int {
	switch word {
	case "whole":
		return 0
	case "one":
		return 1
	case "two":
		return 2
	}
	return usual
}

// decimalFilter writes thousandths as a number with commas: 12345 | decimal: "one", "$" is $12.3. Nothing in gives nothing out.
func decimalFilter(st *state, in any, a arguments) (any, error) {
	if in == nil || in == "" {
		return "", nil
	}
	symbol, err := a.text(st, 1, "")
	if err != nil {
		return nil, err
	}
	n := places(a.at(0), 2)
	s := asDecimal(toNumber(in)).Shift(-3).StringFixed(int32(n))
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	if err := st.text(2*len(s) + len(symbol)); err != nil {
		return nil, err
	}
	return sign + symbol + withCommas(s), nil
}

// withCommas groups the digits before the point by threes.
func withCommas(s string) string {
	whole, rest, point := strings.Cut(s, ".")
	var b strings.Builder
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(whole[i])
	}
	if point {
		b.WriteString("." + rest)
	}
	return b.String()
}

func booleanFormat(st *state, in any, a arguments) (any, error) {
	var yes bool
	switch v := in.(type) {
	case nil:
		return "", nil
	case bool:
		yes = v
	default:
		s, err := toText(st, in)
		if err != nil || s == "" {
			return "", err
		}
		yes = strings.EqualFold(s, "true") || strings.EqualFold(s, "yes") || s == "1"
	}
	words := [2]string{"False", "True"}
	switch a.at(0) {
	case "yesNo":
		words = [2]string{"No", "Yes"}
	case "onOff":
		words = [2]string{"Off", "On"}
	}
	if yes {
		return words[1], nil
	}
	return words[0], nil
}

func dateFormatOrDefault(st *state, in any, a arguments) (any, error) {
	return formatByKey(st, in, a, dateKeys, timeKeys)
}

func dateTimeFormatOrDefault(st *state, in any, a arguments) (any, error) {
	return formatByKey(st, in, a, timeKeys, dateKeys)
}

// formatByKey writes a date by one of Ortto's keys, or the default when there is none.
func formatByKey(st *state, in any, a arguments, keys, others map[string]string) (any, error) {
	t, ok, err := st.instant(in, st.zone)
	if err != nil {
		return nil, err
	}
	if in == nil || in == "" || !ok || t.IsZero() {
		return a.at(1), nil
	}
	return writeByKey(st, in, t, a.at(0), keys, others)
}

// writeByKey writes t by key, by strftime when key holds a %, and else gives the value's own text.
func writeByKey(st *state, in any, t time.Time, key any, keys, others map[string]string) (any, error) {
	k, _ := key.(string)
	if layout, ok := keys[k]; ok {
		return t.Format(layout), nil
	}
	if layout, ok := others[k]; ok {
		return t.Format(layout), nil
	}
	if strings.Contains(k, "%") {
		return strftime(st, k, t)
	}
	return toText(st, in)
}

// timeInTimezone shows a time in a zone; an unknown zone gives nothing.
func timeInTimezone(st *state, in any, a arguments) (any, error) {
	name, _ := a.at(0).(string)
	zone, ok, err := st.namedZone(name)
	if !ok || err != nil {
		return "", err
	}
	t, ok, err := st.instant(in, zone)
	if err != nil || !ok {
		return "", err
	}
	return writeByKey(st, t, t, a.at(1), timeKeys, dateKeys)
}

var dateKeys = map[string]string{
	"mdy": "01/02/2006", "dmy": "02/01/2006", "ymd": "2006/01/02", "ydm": "2006/02/01",
	"mdyaw": "Monday, January 2, 2006", "mdya": "January 2, 2006", "mdys": "1/2/06",
	"dmyaw": "Monday, 2 January, 2006", "dmya": "2 January, 2006", "dmys": "2/1/06",
	"d": "2", "dd": "02", "m": "1", "mm": "01", "yy": "06", "yyyy": "2006",
}

var timeKeys = orttoTimeKeys()

// orttoTimeKeys spells the keys out: an order (mdy, dmy), how the date is written, and 12 or 24 hours.
func orttoTimeKeys() map[string]string {
	keys := map[string]string{"h24": "15", "h12": "3", "min": "04", "p": "pm", "dow": "Monday", "mon": "January"}
	for order, date := range map[string]string{"mdy": "Jan 02 2006", "dmy": "02 Jan 2006", "ymd": "2006 Jan 02", "ydm": "2006 02 Jan"} {
		keys[order+"12"] = date + " 3:04 PM"
		keys[order+"24"] = date + " 15:04"
	}
	for _, order := range []string{"mdy", "dmy"} {
		for hours, clock := range map[string]string{"12": "3:04pm", "24": "15:04"} {
			keys[order+hours+"aw"] = clock + " " + dateKeys[order+"aw"]
			keys[order+hours+"a"] = clock + " " + dateKeys[order+"a"]
			keys[order+hours+"n"] = clock + " " + dateKeys[order]
			keys[order+hours+"nd"] = dateKeys[order] + " " + clock
			keys[order+"s"+hours] = clock + " " + dateKeys[order+"s"]
			keys[order+"s"+hours+"d"] = dateKeys[order+"s"] + " " + clock
		}
	}
	return keys
}

// phone is a telephone number: country code and national number, digits only.
type phone struct{ country, national string }

// toPhone reads a number written with its country code, or a map of Ortto's form with c and n.
func toPhone(st *state, in any) (phone, bool, error) {
	if m, ok := asMap(in); ok {
		country, err := toText(st, plain(m["c"]))
		if err != nil {
			return phone{}, false, err
		}
		national, err := toText(st, plain(m["n"]))
		p := phone{strings.TrimPrefix(country, "+"), national}
		return p, allDigits(p.country) && allDigits(p.national), err
	}
	s, err := toText(st, in)
	if err != nil || s == "" || len(s) > 40 {
		return phone{}, false, err
	}
	if err := st.step(500); err != nil {
		return phone{}, false, err
	}
	n, err := phonenumbers.Parse(s, "")
	if err != nil {
		return phone{}, false, nil //nolint:nilerr // text that is no number is not an error of the template
	}
	return phone{strconv.Itoa(int(n.GetCountryCode())), phonenumbers.GetNationalSignificantNumber(n)}, true, nil
}

// hideCountryCode writes a phone number without its country code, or with it when the first argument is false; what is no number gives the
// second argument.
func hideCountryCode(st *state, in any, a arguments) (any, error) {
	p, ok, err := toPhone(st, in)
	if err != nil {
		return nil, err
	}
	switch {
	case !ok:
		return a.at(1), nil
	case truthy(a.at(0)) && a.at(0) != "false":
		return p.national, nil
	default:
		return "+" + p.country + p.national, nil
	}
}

func rawPhone(st *state, in any, _ arguments) (any, error) {
	p, ok, err := toPhone(st, in)
	if !ok || err != nil {
		return "", err
	}
	return p.country + p.national, nil
}

// setContains tells whether a list, or a text of values with commas between, holds any (or all) of the arguments.
func setContains(all bool) func(*state, any, arguments) (any, error) {
	return func(st *state, in any, a arguments) (any, error) {
		set, err := toSet(st, in)
		if err != nil {
			return nil, err
		}
		for _, wanted := range a.list {
			s, err := toText(st, wanted)
			if err != nil {
				return nil, err
			}
			if _, ok := set[s]; ok != all {
				return !all, nil
			}
		}
		return all, nil
	}
}

func toSet(st *state, in any) (map[string]struct{}, error) {
	if s, ok := in.(string); ok {
		if err := st.items(int64(strings.Count(s, ",")) + 1); err != nil {
			return nil, err
		}
		set := map[string]struct{}{}
		for part := range strings.SplitSeq(s, ",") {
			if err := st.alloc(64); err != nil {
				return nil, err
			}
			set[strings.Trim(part, space)] = struct{}{}
		}
		return set, nil
	}
	list, err := toList(st, in)
	if err != nil {
		return nil, err
	}
	set := map[string]struct{}{}
	for _, e := range list {
		s, err := toText(st, plain(e))
		if err != nil {
			return nil, err
		}
		if err := st.alloc(64); err != nil {
			return nil, err
		}
		if err := st.step(1); err != nil {
			return nil, err
		}
		set[s] = struct{}{}
	}
	return set, nil
}

func affix(test func(s, part string) bool) func(*state, any, arguments) (any, error) {
	return func(st *state, in any, a arguments) (any, error) {
		s, part, err := twoTexts(st, in, a)
		if err != nil {
			return nil, err
		}
		return test(s, part), st.read(len(part))
	}
}

// typeName names the sort of a value: nil, boolean, number, string, time, array or hash.
func typeName(_ *state, in any, _ arguments) (any, error) {
	switch in.(type) {
	case nil:
		return "nil", nil
	case bool:
		return "boolean", nil
	case string:
		return "string", nil
	case time.Time:
		return "time", nil
	case []any, interval:
		return "array", nil
	case map[string]any, *Ordered:
		return "hash", nil
	}
	if isNumber(in) {
		return "number", nil
	}
	return "nil", nil
}
