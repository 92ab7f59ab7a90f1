package liquid

import (
	"html"
	"slices"
	"strings"
)

// marked is text that is HTML already: it is written without escaping. Only renders of parts that are escaped have such text.
type marked string

// unmarked drops the mark of text that is HTML already.
func unmarked(v any) any {
	if m, ok := v.(marked); ok {
		return string(m)
	}
	return v
}

// markup says what a filter does with marked text among its input and arguments.
type markup int

const (
	asText    markup = iota // it is text like any other: what comes out is escaped when it is written
	asIs                    // the filter sees the marks itself
	asHTML                  // the filter works on HTML: texts without a mark are escaped before, and what comes out is HTML
	asContent               // the filter works on the characters that are shown, of which an entity is one, and what comes out is HTML again
)

// apply runs the filter. a.list is changed.
func (f *filter) apply(st *state, in any, a arguments) (any, error) {
	if f.markup == asIs || !isMarked(in) && !slices.ContainsFunc(a.list, isMarked) {
		return f.run(st, in, a)
	}
	if f.markup == asHTML {
		return f.onHTML(st, in, a)
	}
	if f.markup == asContent && !hasTags(in) && !slices.ContainsFunc(a.list, hasTags) {
		return f.onContent(st, in, a)
	}
	for i, v := range a.list {
		a.list[i] = unmarked(v)
	}
	return f.run(st, unmarked(in), a)
}

func (f *filter) onHTML(st *state, in any, a arguments) (any, error) {
	in, err := htmlOf(st, in)
	for i := 0; i < len(a.list) && err == nil; i++ {
		a.list[i], err = htmlOf(st, a.list[i])
	}
	if err != nil {
		return nil, err
	}
	out, err := f.run(st, in, a)
	if s, ok := out.(string); ok {
		return marked(s), err
	}
	return out, err
}

// htmlOf gives a value's text as HTML.
func htmlOf(st *state, v any) (string, error) {
	if m, ok := v.(marked); ok {
		return string(m), nil
	}
	s, err := toText(st, v)
	if err != nil {
		return "", err
	}
	return escapeHTML(st, s)
}

func (f *filter) onContent(st *state, in any, a arguments) (any, error) {
	in, err := contentOf(st, in)
	for i := 0; i < len(a.list) && err == nil; i++ {
		a.list[i], err = contentOf(st, a.list[i])
	}
	if err != nil {
		return nil, err
	}
	out, err := f.run(st, in, a)
	if err != nil {
		return nil, err
	}
	switch out := out.(type) {
	case string:
		return escapeMarked(st, out)
	case []any:
		return escapeMarkedList(st, out)
	}
	return out, nil
}

// contentOf gives the text that marked text without tags shows. Anything else stays as it is.
func contentOf(st *state, v any) (any, error) {
	m, ok := v.(marked)
	if !ok {
		return v, nil
	}
	s := string(m)
	if err := st.text(len(s)); err != nil {
		return nil, err
	}
	var b strings.Builder
	b.Grow(len(s))
	for {
		i := strings.IndexByte(s, '&')
		if i < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
		b.WriteString(s[:i])
		end := i + 1
		if isEntity(s[end:]) {
			end += strings.IndexByte(s[end:], ';') + 1
		}
		b.WriteString(html.UnescapeString(s[i:end]))
		s = s[end:]
	}
}

// hasTags tells whether v is marked text with more in it than text and entities.
func hasTags(v any) bool {
	m, ok := v.(marked)
	return ok && strings.Contains(string(m), "<")
}

func isMarked(v any) bool {
	_, ok := v.(marked)
	return ok
}

func escapeMarked(st *state, s string) (any, error) {
	s, err := escapeHTML(st, s)
	return marked(s), err
}

// escapeMarkedList escapes and marks the texts of a list.
func escapeMarkedList(st *state, list []any) (any, error) {
	if err := st.items(int64(len(list))); err != nil {
		return nil, err
	}
	out := make([]any, len(list))
	for i, e := range list {
		out[i] = e
		if s, ok := e.(string); ok {
			var err error
			if out[i], err = escapeMarked(st, s); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}
