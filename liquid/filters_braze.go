package liquid

import (
	"crypto/sha1" // template authors ask for it by name
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"
)

// brazeFilters are the filters Braze has beside the standard ones (braze.com/docs, advanced filters).
var brazeFilters = []filter{
	{name: "sha2", run: digest(sha256.New)},
	{name: "base64", run: onText(encodeWith(base64.StdEncoding))},
	{name: "hmac_sha1_hex", least: 1, most: 1, run: keyedDigest(sha1.New, hex.EncodeToString)},
	{name: "hmac_sha256_hex", least: 1, most: 1, run: keyedDigest(sha256.New, hex.EncodeToString)},
	{name: "hmac_sha1_base64", least: 1, most: 1, run: keyedDigest(sha1.New, base64.StdEncoding.EncodeToString)},
	{name: "hmac_sha256_base64", least: 1, most: 1, run: keyedDigest(sha256.New, base64.StdEncoding.EncodeToString)},
	{name: "url_escape", run: onText(percentEncode(";/?:@&=+$,#[]"))},
	{name: "url_param_escape", run: onText(percentEncode(""))},
	{name: "property_accessor", least: 1, most: 1, run: propertyAccessor},
	{name: "number_with_delimiter", run: englishNumber},
	{name: "json_escape", run: jsonEscapeFilter},
}

// percentEncode makes a filter that writes every byte as %XX but letters, digits, -._~!*'() and those of keep.
func percentEncode(keep string) func(*state, string) (any, error) {
	return func(st *state, s string) (any, error) {
		if err := st.text(len(s) * 3); err != nil {
			return nil, err
		}
		if err := st.copies(1, len(s)*3); err != nil {
			return nil, err
		}
		const digits = "0123456789ABCDEF"
		b := make([]byte, 0, len(s)*3)
		for i := range len(s) {
			c := s[i]
			if isWord(c) || strings.IndexByte("-.~!*'()", c) >= 0 || strings.IndexByte(keep, c) >= 0 {
				b = append(b, c)
			} else {
				b = append(b, '%', digits[c>>4], digits[c&15])
			}
		}
		return string(b), nil
	}
}

// propertyAccessor takes a key of a map, for keys that are no names.
func propertyAccessor(st *state, in any, a arguments) (any, error) {
	key, err := a.text(st, 0, "")
	if err != nil {
		return nil, err
	}
	m, ok := asMap(in)
	if !ok {
		return nil, nil
	}
	return plain(m[key]), nil
}

// englishNumber puts commas between thousands.
func englishNumber(st *state, in any, _ arguments) (any, error) {
	if in == nil || in == "" {
		return "", nil
	}
	n := toNumber(in)
	switch n.(type) {
	case int64, float64:
	default:
		return nil, typef("the number is too big")
	}
	if err := st.step(localeSteps); err != nil {
		return nil, err
	}
	if err := st.alloc(localeBytes); err != nil {
		return nil, err
	}
	s := message.NewPrinter(language.English).Sprint(number.Decimal(n, number.MaxFractionDigits(15)))
	return s, st.text(len(s))
}

// jsonEscapeFilter writes a text as it stands inside the quotes of JSON.
func jsonEscapeFilter(st *state, in any, _ arguments) (any, error) {
	s, err := toText(st, in)
	if err != nil {
		return nil, err
	}
	b, err := appendJSONText(st, nil, s)
	if err != nil {
		return nil, err
	}
	return string(b[1 : len(b)-1]), nil
}
