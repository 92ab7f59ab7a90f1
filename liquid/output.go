package liquid

import (
	"strconv"
	"strings"
)

// output is a {{ }} or an echo tag.
type output struct {
	source   string // as it stands in the template, for the policy "keep"
	at       int
	head     expression
	calls    []call
	variable *path // head, when it is a variable
	tolerant bool  // the chain deals with a missing value itself
	listed   bool  // the value is written as it is or replaced by a default, so a list of a merge tag gets commas
}

// newOutput finishes an output of c's template.
func newOutput(source string, at int, head expression, calls []call) *output {
	o := &output{source: source, at: at, head: head, calls: calls, listed: true}
	o.variable, _ = head.(*path)
	for _, c := range calls {
		if c.filter.tolerant > 0 && len(c.args) >= c.filter.tolerant-1 {
			o.tolerant = true
		}
		o.listed = o.listed && c.filter.name == "default"
	}
	return o
}

func (o *output) position() int { return o.at }

func (o *output) run(st *state) error {
	if err := st.step(1); err != nil {
		return err
	}
	st.lacking = ""
	b, err := st.bind(o.head)
	if err != nil {
		return err
	}
	if kept, err := o.missing(st); kept || err != nil {
		return err
	}
	b.value, err = applyCalls(st, b.value, o.calls)
	if err != nil && !isKind(err, KindType) {
		return err
	}
	// An argument without a value is why a filter fails, so the policy for it comes first.
	if kept, err := o.missing(st); kept || err != nil {
		return err
	}
	if err != nil {
		return err
	}
	return o.write(st, b)
}

// missing applies the policy for a variable that has no value; kept is true when the output is dealt with.
func (o *output) missing(st *state) (kept bool, err error) {
	if st.lacking == "" || o.tolerant {
		return false, nil
	}
	switch st.request.Missing {
	case MissingError:
		return false, &Error{Kind: KindMissing, Message: cutText(st.lacking, 200) + " has no value and no default"}
	case MissingKeep:
		return true, st.write(o.source)
	}
	return false, nil
}

// write writes what the filters gave. b has the origin of what they were given.
func (o *output) write(st *state, b binding) error {
	if list, ok := b.value.([]any); ok && o.listed && b.origin != "" && o.variable.fromMergeData(b.origin) {
		return writeMergeList(st, list)
	}
	return writeValue(st, b.value)
}

// fromMergeData tells whether a value of this origin belongs to a merge tag.
func (v *path) fromMergeData(origin string) bool {
	if v.merge {
		return true
	}
	root, _, _ := strings.Cut(origin, ".")
	return isRoot(strings.TrimSuffix(root, "[]"))
}

// writeMergeList writes a list of a merge tag, such as tags: "vip, beta". A list made by the template prints without separator, as in the
// reference.
func writeMergeList(st *state, list []any) error {
	flat, err := flatten(st, list)
	if err != nil {
		return err
	}
	for i, e := range flat {
		if i > 0 {
			if err := st.write(", "); err != nil {
				return err
			}
		}
		if err := writeValue(st, plain(e)); err != nil {
			return err
		}
	}
	return nil
}

// writeValue writes a value, escaped where the part calls for it.
func writeValue(st *state, v any) error {
	switch v := v.(type) {
	case nil:
		return nil
	case marked:
		return st.write(string(v))
	case int64:
		var digits [20]byte
		return st.write(string(strconv.AppendInt(digits[:0], v, 10)))
	case string:
		return st.writeValueText(v)
	case []any:
		for _, e := range v {
			if err := st.step(1); err != nil {
				return err
			}
			if err := writeValue(st, plain(e)); err != nil {
				return err
			}
		}
		return nil
	}
	s, err := toText(st, v)
	if err != nil {
		return err
	}
	return st.writeValueText(s)
}

// writeValueText writes text that came out of a value.
func (st *state) writeValueText(s string) error {
	if err := st.read(len(s)); err != nil {
		return err
	}
	if !st.escape {
		return st.write(s)
	}
	for {
		i := indexSpecial(s)
		if i < 0 {
			return st.write(s)
		}
		if err := st.write(s[:i]); err != nil {
			return err
		}
		if err := st.write(htmlEntity(s[i])); err != nil {
			return err
		}
		s = s[i+1:]
	}
}

const htmlSpecial = `&<>"'`

// indexSpecial finds the first character that has to be escaped, or -1.
func indexSpecial(s string) int {
	for i := range len(s) {
		switch s[i] {
		case '&', '<', '>', '"', '\'':
			return i
		}
	}
	return -1
}

// htmlEntity gives the entity of one of htmlSpecial.
func htmlEntity(c byte) string {
	switch c {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	case '"':
		return "&quot;"
	default:
		return "&#39;"
	}
}

// escapeHTML escapes s into a new text.
func escapeHTML(st *state, s string) (string, error) {
	size := len(s)
	for i := range len(s) {
		if strings.IndexByte(htmlSpecial, s[i]) >= 0 {
			size += len(htmlEntity(s[i])) - 1
		}
	}
	if size == len(s) {
		return s, st.read(len(s))
	}
	if err := st.text(size); err != nil {
		return "", err
	}
	if err := st.copies(1, size); err != nil {
		return "", err
	}
	b := make([]byte, 0, size)
	for i := range len(s) {
		if strings.IndexByte(htmlSpecial, s[i]) >= 0 {
			b = append(b, htmlEntity(s[i])...)
		} else {
			b = append(b, s[i])
		}
	}
	return string(b), nil
}

// collapseLines makes s one line: each run of space that holds a line break becomes one space, other control characters go, and so do
// spaces at both ends. A subject must not be able to add header lines.
func collapseLines(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	var spaces []byte
	broken := false
	for _, r := range s {
		switch {
		case isLineBreak(r):
			broken = true
		case r == ' ' || r == '\t':
			spaces = append(spaces, byte(r))
		case r < ' ' || r == 0x7f:
		default:
			if broken {
				spaces = append(spaces[:0], ' ')
			}
			if b.Len() > 0 {
				b.Write(spaces)
			}
			spaces, broken = spaces[:0], false
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isLineBreak(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', 0x85, 0x2028, 0x2029:
		return true
	}
	return false
}
