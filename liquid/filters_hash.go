package liquid

import (
	"crypto/hmac"
	"crypto/md5"  // template authors ask for it by name, for gravatar and the like
	"crypto/sha1" // as above
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"math/big"
	"strconv"
	"time"
	"unicode/utf8"
)

var hashFilters = []filter{
	{name: "md5", run: digest(md5.New)},
	{name: "sha1", run: digest(sha1.New)},
	{name: "sha256", run: digest(sha256.New)},
	{name: "hmac", least: 1, most: 1, run: keyedDigest(md5.New, hex.EncodeToString)},
	{name: "hmac_sha1", least: 1, most: 1, run: keyedDigest(sha1.New, hex.EncodeToString)},
	{name: "hmac_sha256", least: 1, most: 1, run: keyedDigest(sha256.New, hex.EncodeToString)},
	{name: "json", run: jsonFilter},
	{name: "inspect", run: jsonFilter},
}

// hashSlower is how many times slower a digest goes through text than other filters.
const hashSlower = 4

func digest(method func() hash.Hash) func(*state, any, arguments) (any, error) {
	return onText(func(st *state, s string) (any, error) {
		if err := st.read(len(s) * hashSlower); err != nil {
			return nil, err
		}
		if err := st.text(len(s)); err != nil {
			return nil, err
		}
		h := method()
		h.Write([]byte(s))
		return hex.EncodeToString(h.Sum(nil)), nil
	})
}

func keyedDigest(method func() hash.Hash, write func([]byte) string) func(*state, any, arguments) (any, error) {
	return func(st *state, in any, a arguments) (any, error) {
		s, key, err := twoTexts(st, in, a)
		if err != nil {
			return nil, err
		}
		if err := st.read((len(s) + len(key)) * hashSlower); err != nil {
			return nil, err
		}
		if err := st.text(len(s) + len(key)); err != nil {
			return nil, err
		}
		h := hmac.New(method, []byte(key))
		h.Write([]byte(s))
		return write(h.Sum(nil)), nil
	}
}

// jsonFilter writes a value as JSON that cannot end a script element: < > & and the line separators are written as escapes. In an HTML part
// it is escaped like any other output, which is right inside attributes; inside a script it is followed by raw.
func jsonFilter(st *state, in any, _ arguments) (any, error) {
	b, err := appendJSON(st, nil, in)
	return string(b), err
}

func appendJSON(st *state, b []byte, v any) ([]byte, error) {
	if err := st.step(1); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case float64:
		return append(b, formatFloat(v)...), nil
	case *big.Int:
		return append(b, v.String()...), nil
	case string:
		return appendJSONText(st, b, v)
	case marked:
		return appendJSONText(st, b, string(v))
	case time.Time:
		return appendJSONText(st, b, v.Format(time.RFC3339Nano))
	case []any:
		return appendJSONList(st, b, v)
	case map[string]any, *Ordered:
		return appendJSONMap(st, b, v)
	}
	s, err := toText(st, v)
	if err != nil {
		return nil, err
	}
	return appendJSONText(st, b, s)
}

func appendJSONList(st *state, b []byte, list []any) ([]byte, error) {
	b = append(b, '[')
	for i, e := range list {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendJSON(st, b, plain(e)); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

func appendJSONMap(st *state, b []byte, v any) ([]byte, error) {
	m, _ := asMap(v)
	keys, err := keysOf(st, v)
	if err != nil {
		return nil, err
	}
	b = append(b, '{')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendJSONText(st, b, k); err != nil {
			return nil, err
		}
		b = append(b, ':')
		if b, err = appendJSON(st, b, plain(m[k])); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func appendJSONText(st *state, b []byte, s string) ([]byte, error) {
	size := len(s) + 2
	for _, r := range s {
		if n := len(jsonEscape(r)); n > 0 {
			size += n
		}
	}
	if err := st.part(len(b), size); err != nil {
		return nil, err
	}
	b = append(b, '"')
	for _, r := range s {
		if e := jsonEscape(r); e != "" {
			b = append(b, e...)
		} else {
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"'), nil
}

// jsonEscape gives the escape a character is written as, "" for itself.
func jsonEscape(r rune) string {
	switch r {
	case '"':
		return `\"`
	case '\\':
		return `\\`
	case '\n':
		return `\n`
	case '\r':
		return `\r`
	case '\t':
		return `\t`
	}
	if r < ' ' || r == '<' || r == '>' || r == '&' || r == 0x2028 || r == 0x2029 {
		const digits = "0123456789abcdef"
		return string([]byte{'\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15]})
	}
	return ""
}
