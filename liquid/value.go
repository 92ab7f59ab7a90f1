package liquid

import (
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The values templates work with: nil, bool, int64, *big.Int, float64, string, marked, time.Time, []any, map[string]any, *Ordered, interval,
// emptiness, blankness, *forloop and *rowloop. Lists and maps of the data are used as they are; what they hold goes through plain when it
// is taken out.

// emptiness and blankness are the words empty and blank.
type (
	emptiness struct{}
	blankness struct{}
)

// interval is a range of whole numbers, both ends included; it stays two numbers until a filter needs the list.
type interval struct{ from, to int64 }

// size is the number of elements, at most the largest int64.
func (r interval) size() int64 {
	if r.to < r.from {
		return 0
	}
	n := uint64(r.to) - uint64(r.from)
	if n >= 1<<63-1 {
		return 1<<63 - 1
	}
	return int64(n) + 1
}

// plain brings a scalar of the data to the type used here.
func plain(v any) any {
	switch v := v.(type) {
	case string, int64, float64, nil, bool, map[string]any, *Ordered, []any:
		return v
	case int:
		return int64(v)
	case int8:
		return int64(v)
	case int16:
		return int64(v)
	case int32:
		return int64(v)
	case uint8:
		return int64(v)
	case uint16:
		return int64(v)
	case uint32:
		return int64(v)
	case uint:
		return fromUint(uint64(v))
	case uint64:
		return fromUint(v)
	case float32:
		return float64(v)
	case json.Number:
		return fromJSONNumber(v)
	default:
		return v
	}
}

func fromUint(n uint64) any {
	if n < 1<<63 {
		return int64(n)
	}
	return new(big.Int).SetUint64(n)
}

// fromJSONNumber reads a number as int64, *big.Int or float64; nil when it is none.
func fromJSONNumber(text json.Number) any {
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return n
	}
	if !strings.ContainsAny(string(text), ".eE") {
		if n, ok := new(big.Int).SetString(string(text), 10); ok {
			return n
		}
	}
	if f, err := strconv.ParseFloat(string(text), 64); err == nil && checkFloat(f) == nil {
		return f
	}
	return nil
}

// countText counts a text's characters.
func countText(st *state, s string) (any, error) {
	return int64(utf8.RuneCountInString(s)), st.read(len(s))
}

// toText gives the text a value has in output and in filters.
func toText(st *state, v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case marked:
		return string(v), nil
	case nil:
		return "", nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	}
	b, err := appendText(st, nil, v)
	return string(b), err
}

// appendText appends a value's text to b. The text so far is kept within the limit for one text.
func appendText(st *state, b []byte, v any) ([]byte, error) {
	if err := st.step(1); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case string:
		return appendPart(st, b, v)
	case marked:
		return appendPart(st, b, string(v))
	case bool:
		return strconv.AppendBool(b, v), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case float64:
		return append(b, formatFloat(v)...), nil
	case *big.Int:
		return appendPart(st, b, v.String())
	case time.Time:
		return v.AppendFormat(b, "2006-01-02 15:04:05 -0700"), nil
	case interval:
		b = strconv.AppendInt(b, v.from, 10)
		return strconv.AppendInt(append(b, ".."...), v.to, 10), nil
	case []any:
		for _, e := range v {
			var err error
			if b, err = appendText(st, b, plain(e)); err != nil {
				return nil, err
			}
		}
		return b, nil
	case map[string]any, *Ordered:
		return appendMap(st, b, v)
	default:
		return b, nil
	}
}

// appendPart appends s after paying for it.
func appendPart(st *state, b []byte, s string) ([]byte, error) {
	if err := st.part(len(b), len(s)); err != nil {
		return nil, err
	}
	return append(b, s...), nil
}

// part pays for n bytes appended to size bytes: for them, for the room lost when the text is moved to grow, and for the copy at the end.
func (st *state) part(size, n int) error {
	if size+n > st.limits.Text {
		return limitf("a text of more than %d bytes", st.limits.Text)
	}
	if err := st.text(n); err != nil {
		return err
	}
	return st.copies(3, n)
}

// appendMap writes a map the way the reference does: {"a"=>1}.
func appendMap(st *state, b []byte, v any) ([]byte, error) {
	m, _ := asMap(v)
	keys, err := keysOf(st, v)
	if err != nil {
		return nil, err
	}
	b = append(b, '{')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ", "...)
		}
		if b, err = appendInspected(st, b, k); err != nil {
			return nil, err
		}
		b = append(b, "=>"...)
		if b, err = appendInspected(st, b, plain(m[k])); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// appendInspected writes a value inside a map.
func appendInspected(st *state, b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "nil"...), nil
	case string:
		return appendQuoted(st, b, v)
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ", "...)
			}
			var err error
			if b, err = appendInspected(st, b, plain(e)); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	default:
		return appendText(st, b, v)
	}
}

// appendQuoted writes a text in quotes.
func appendQuoted(st *state, b []byte, s string) ([]byte, error) {
	size := len(s) + 2 + strings.Count(s, `"`) + strings.Count(s, `\`) + strings.Count(s, "\n")
	if err := st.part(len(b), size); err != nil {
		return nil, err
	}
	b = append(b, '"')
	for i := range len(s) {
		switch s[i] {
		case '"', '\\':
			b = append(b, '\\', s[i])
		case '\n':
			b = append(b, `\n`...)
		default:
			b = append(b, s[i])
		}
	}
	return append(b, '"'), nil
}

// toList gives the list a list filter works on, as the reference's input iterator does: nested lists are flattened, a range is written out,
// nil is no element and anything else is one.
func toList(st *state, v any) ([]any, error) {
	switch v := v.(type) {
	case nil, emptiness, blankness:
		return nil, nil
	case []any:
		return flatten(st, v)
	case interval:
		return intervalList(st, v)
	default:
		return []any{v}, nil
	}
}

// intervalList writes a range out, if it is short enough.
func intervalList(st *state, r interval) ([]any, error) {
	n := r.size()
	if err := st.items(n); err != nil {
		return nil, err
	}
	if err := st.alloc(int(n) * 8); err != nil {
		return nil, err
	}
	list := make([]any, n)
	for i := range list {
		list[i] = r.from + int64(i)
	}
	return list, nil
}

// flatten gives list with the lists inside it dissolved and its scalars plain. Without any of that to do it is the list itself.
func flatten(st *state, list []any) ([]any, error) {
	if err := st.step(int64(len(list)/4) + 1); err != nil {
		return nil, err
	}
	if isFlat(list) {
		return list, nil
	}
	n, err := countFlat(st, list)
	if err != nil {
		return nil, err
	}
	if err := st.items(n); err != nil {
		return nil, err
	}
	return appendFlat(make([]any, 0, n), list), nil
}

func isFlat(list []any) bool {
	for _, e := range list {
		switch e.(type) {
		case string, int64, float64, nil, bool, map[string]any, *Ordered, marked, time.Time, *big.Int:
		default:
			return false
		}
	}
	return true
}

// countFlat counts the elements. How deep lists lie in each other is bounded by the limit on data, as templates cannot build nested lists
// that are deeper.
func countFlat(st *state, list []any) (int64, error) {
	var n int64
	for _, e := range list {
		if err := st.step(1); err != nil {
			return 0, err
		}
		inner, ok := e.([]any)
		if !ok {
			n++
			continue
		}
		m, err := countFlat(st, inner)
		if err != nil {
			return 0, err
		}
		n += m
	}
	return n, nil
}

func appendFlat(out, list []any) []any {
	for _, e := range list {
		if inner, ok := e.([]any); ok {
			out = appendFlat(out, inner)
		} else {
			out = append(out, plain(e))
		}
	}
	return out
}

// cutText shortens s to at most n characters.
func cutText(s string, n int) string {
	count := 0
	for i := range s {
		if count == n {
			return s[:i] + "…"
		}
		count++
	}
	return s
}
