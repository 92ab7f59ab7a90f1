package liquid

import (
	"errors"
	"strings"
	"time"
)

// condition is a chain of terms tied by and / or. As in the reference there are no parentheses and no precedence: the chain groups to the
// right, a and b or c is a and (b or c).
type condition struct {
	terms []term
}

// term is one comparison, or a bare value when compare is "". next is the word that ties it to the following term: "and", "or" or "".
type term struct {
	left, right expression
	compare     string
	next        string
	at          int
	constant    bool // no variable is in it
}

// test evaluates the condition.
func (c *condition) test(st *state) (bool, error) {
	var yes bool
	for i := range c.terms {
		t := &c.terms[i]
		if err := st.step(1); err != nil {
			return false, err
		}
		var err error
		if yes, err = t.test(st); err != nil {
			if err = t.excuse(st, err); err != nil {
				return false, err
			}
			yes = false
		}
		if t.next == "and" && !yes || t.next == "or" && yes {
			return yes, nil
		}
	}
	return yes, nil
}

// excuse makes a term false whose data is of the wrong type: what people's records hold must not stop a message. The error is noted. A term
// without data is the author's own mistake and stays one.
func (t *term) excuse(st *state, err error) error {
	var e *Error
	if t.constant || !errors.As(err, &e) || e.Kind != KindType {
		return err
	}
	return st.note(e, t.at)
}

func (t *term) test(st *state) (bool, error) {
	left, err := t.left.eval(st)
	if err != nil {
		return false, err
	}
	if t.compare == "" {
		return truthy(left), nil
	}
	right, err := t.right.eval(st)
	if err != nil {
		return false, err
	}
	return compare(st, unmarked(left), t.compare, unmarked(right))
}

func compare(st *state, left any, operator string, right any) (bool, error) {
	switch operator {
	case "==":
		return equal(st, left, right)
	case "!=", "<>":
		yes, err := equal(st, left, right)
		return !yes, err
	case "contains":
		return contains(st, left, right)
	}
	size, ok, err := order(st, left, right)
	if err != nil || !ok {
		return false, err
	}
	switch operator {
	case "<":
		return size < 0, nil
	case "<=":
		return size <= 0, nil
	case ">":
		return size > 0, nil
	default:
		return size >= 0, nil
	}
}

// condition reads terms up to the end of the expression.
func (p *expressionParser) condition() (*condition, *Error) {
	c := &condition{}
	for {
		t, err := p.term()
		if err != nil {
			return nil, err
		}
		if p.tok.isName("and") || p.tok.isName("or") {
			t.next = p.tok.text
			p.advance()
		}
		c.terms = append(c.terms, t)
		if t.next == "" {
			return c, p.expectEnd()
		}
	}
}

// term reads one comparison. Filters are accepted on both sides, beyond the reference, because Ortto's setContains and startsWith are made
// for conditions.
func (p *expressionParser) term() (t term, err *Error) {
	paths := p.c.paths
	defer func() { t.constant = p.c.paths == paths }()
	t.at = p.tok.at
	if t.left, err = p.filtered(); err != nil {
		return t, err
	}
	if p.tok.kind != tokenCompare && !p.tok.isName("contains") {
		return t, nil
	}
	t.compare = p.tok.text
	p.advance()
	t.right, err = p.filtered()
	return t, err
}

// truthy is false for nil and false only.
func truthy(v any) bool { return v != nil && v != false }

// equal compares by value: whole numbers and floats by size, lists and maps by their elements, never text with numbers.
func equal(st *state, a, b any) (bool, error) {
	if err := st.step(1); err != nil {
		return false, err
	}
	if yes, special := equalsEmpty(a, b); special {
		return yes, nil
	}
	switch a := a.(type) {
	case nil:
		return b == nil, nil
	case bool:
		return a == b, nil
	case string:
		return equalText(st, a, b)
	case []any:
		b, ok := b.([]any)
		if !ok {
			return false, nil
		}
		return equalLists(st, a, b)
	case map[string]any, *Ordered:
		x, _ := asMap(a)
		y, ok := asMap(b)
		if !ok {
			return false, nil
		}
		return equalMaps(st, x, y)
	case interval:
		return a == b, nil
	case time.Time:
		at, ok := asInstant(b)
		return ok && a.Equal(at), nil
	}
	if isNumber(a) && isNumber(b) {
		return compareNumbers(a, b) == 0, nil
	}
	return false, nil
}

func equalText(st *state, a string, b any) (bool, error) {
	switch b := b.(type) {
	case string:
		if len(a) != len(b) {
			return false, nil
		}
		return a == b, st.read(len(a))
	case time.Time:
		at, ok := asInstant(a)
		return ok && b.Equal(at), nil
	}
	return false, nil
}

func equalLists(st *state, a, b []any) (bool, error) {
	if len(a) != len(b) {
		return false, nil
	}
	for i := range a {
		if yes, err := equal(st, unmarked(plain(a[i])), unmarked(plain(b[i]))); !yes || err != nil {
			return false, err
		}
	}
	return true, nil
}

func equalMaps(st *state, a, b map[string]any) (bool, error) {
	if len(a) != len(b) {
		return false, nil
	}
	for k, v := range a {
		w, ok := b[k]
		if !ok {
			return false, nil
		}
		if yes, err := equal(st, plain(v), plain(w)); !yes || err != nil {
			return false, err
		}
	}
	return true, nil
}

// equalsEmpty compares with the words empty and blank; special is false when neither is there.
func equalsEmpty(a, b any) (yes, special bool) {
	switch a.(type) {
	case emptiness:
		return isEmpty(b), true
	case blankness:
		return isBlank(b), true
	}
	switch b.(type) {
	case emptiness:
		return isEmpty(a), true
	case blankness:
		return isBlank(a), true
	}
	return false, false
}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any, *Ordered:
		m, _ := asMap(v)
		return len(m) == 0
	case interval:
		return v.size() == 0
	case emptiness:
		return true
	}
	return false
}

func isBlank(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return strings.TrimLeft(v, space) == ""
	case blankness:
		return true
	case emptiness:
		return false
	}
	return isEmpty(v)
}

// order compares two values by size. Numbers compare with numbers, text with text, times with times and with text that is a date; text with
// a number is an error as in the reference; anything else has no order.
func order(st *state, a, b any) (size int, ok bool, err error) {
	if err := st.step(1); err != nil {
		return 0, false, err
	}
	if isNumber(a) && isNumber(b) {
		return compareNumbers(a, b), true, nil
	}
	s, aText := a.(string)
	t, bText := b.(string)
	switch {
	case aText && bText:
		return strings.Compare(s, t), true, st.read(min(len(s), len(t)))
	case aText && isNumber(b), isNumber(a) && bText:
		return 0, false, typef("text and a number cannot be compared by size")
	}
	x, aTime := asInstantBeside(a, b)
	y, bTime := asInstantBeside(b, a)
	if aTime && bTime {
		return x.Compare(y), true, nil
	}
	return 0, false, nil
}

// contains tells whether a text holds a text, a list an element, a map a key, a range a number.
func contains(st *state, a, b any) (bool, error) {
	if !truthy(a) || !truthy(b) {
		return false, nil
	}
	switch a := a.(type) {
	case string:
		part, err := toText(st, b)
		if err != nil {
			return false, err
		}
		return strings.Contains(a, part), st.read(len(a))
	case []any:
		for _, e := range a {
			if yes, err := equal(st, unmarked(plain(e)), b); yes || err != nil {
				return yes, err
			}
		}
	case map[string]any, *Ordered:
		key, ok := b.(string)
		if !ok {
			return false, nil
		}
		m, _ := asMap(a)
		_, ok = m[key]
		return ok, nil
	case interval:
		n, ok := b.(int64)
		return ok && n >= a.from && n <= a.to, nil
	}
	return false, nil
}
