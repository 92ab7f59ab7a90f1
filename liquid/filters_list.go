package liquid

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

var listFilters = []filter{
	{name: "default", most: 1, run: defaultFilter, named: "allow_false", markup: asIs, tolerant: 1},
	{name: "size", run: size, tolerant: 1},
	{name: "first", run: first},
	{name: "last", run: last},
	{name: "join", most: 1, run: join, markup: asIs},
	{name: "reverse", run: reverse},
	{name: "concat", least: 1, most: 1, run: concat},
	{name: "compact", most: 1, run: compact},
	{name: "uniq", most: 1, run: uniq},
	{name: "map", least: 1, most: 1, run: mapFilter},
	{name: "sum", most: 1, run: sum},
	{name: "where", least: 1, most: 2, run: where},
	{name: "reject", least: 1, most: 2, run: reject},
	{name: "has", least: 1, most: 2, run: has},
	{name: "find", least: 1, most: 2, run: find},
	{name: "find_index", least: 1, most: 2, run: findIndex},
	{name: "sort", most: 1, run: sortFilter},
	{name: "sort_natural", most: 1, run: sortNatural},
}

// defaultFilter replaces nil, false, "", [] and {}; with allow_false: true it keeps false.
func defaultFilter(_ *state, in any, a arguments) (any, error) {
	keepFalse := truthy(a.named["allow_false"])
	if in == nil || in == false && !keepFalse || in != false && isEmpty(unmarked(in)) {
		if len(a.list) == 0 {
			return "", nil
		}
		return a.at(0), nil
	}
	return in, nil
}

func size(st *state, in any, _ arguments) (any, error) {
	switch v := in.(type) {
	case string:
		return countText(st, v)
	case []any:
		return int64(len(v)), nil
	case map[string]any, *Ordered:
		m, _ := asMap(v)
		return int64(len(m)), nil
	case interval:
		return v.size(), nil
	}
	return int64(0), nil
}

func first(st *state, in any, _ arguments) (any, error) {
	switch v := in.(type) {
	case []any:
		return element(v, 0), nil
	case interval:
		if v.size() > 0 {
			return v.from, nil
		}
	case map[string]any, *Ordered:
		return mapProperty(st, v, "first")
	}
	return nil, nil
}

func last(_ *state, in any, _ arguments) (any, error) {
	switch v := in.(type) {
	case []any:
		return element(v, -1), nil
	case interval:
		if v.size() > 0 {
			return v.to, nil
		}
	}
	return nil, nil
}

func join(st *state, in any, a arguments) (any, error) {
	list, err := toList(st, in)
	if err != nil {
		return nil, err
	}
	if isMarked(a.at(0)) || slices.ContainsFunc(list, isMarked) {
		return joinHTML(st, list, a)
	}
	glue, err := a.text(st, 0, " ")
	if err != nil {
		return nil, err
	}
	return joinText(st, list, glue)
}

// joinHTML joins a list of which an element, or the text between, is HTML: the others are escaped.
func joinHTML(st *state, list []any, a arguments) (any, error) {
	glue := any(" ")
	if len(a.list) > 0 {
		glue = a.list[0]
	}
	between, err := htmlOf(st, glue)
	if err != nil {
		return nil, err
	}
	if err := st.items(int64(len(list))); err != nil {
		return nil, err
	}
	parts := make([]any, len(list))
	for i, e := range list {
		if parts[i], err = htmlOf(st, plain(e)); err != nil {
			return nil, err
		}
	}
	s, err := joinText(st, parts, between)
	return marked(s), err
}

func joinText(st *state, list []any, glue string) (s string, err error) {
	var b []byte
	for i, e := range list {
		if i > 0 {
			if b, err = appendPart(st, b, glue); err != nil {
				return "", err
			}
		}
		if b, err = appendText(st, b, plain(e)); err != nil {
			return "", err
		}
	}
	return string(b), nil
}

func reverse(st *state, in any, _ arguments) (any, error) {
	list, err := copyList(st, in)
	slices.Reverse(list)
	return list, err
}

// copyList gives the input's list as one that may be changed.
func copyList(st *state, in any) ([]any, error) {
	list, err := toList(st, in)
	if err != nil {
		return nil, err
	}
	if err := st.items(int64(len(list))); err != nil {
		return nil, err
	}
	return append(make([]any, 0, len(list)), list...), nil
}

func concat(st *state, in any, a arguments) (any, error) {
	switch a.at(0).(type) {
	case []any, interval:
	default:
		return nil, typef("the argument must be a list")
	}
	list, err := toList(st, in)
	if err != nil {
		return nil, err
	}
	more, err := toList(st, a.at(0))
	if err != nil {
		return nil, err
	}
	if err := st.items(int64(len(list) + len(more))); err != nil {
		return nil, err
	}
	return append(append(make([]any, 0, len(list)+len(more)), list...), more...), nil
}

// itemProperty takes the property key of a list's element: of a map the value, of a text key itself when the text holds it. ok is false for
// elements that have no properties at all (nil, true, false); a number is an error. This is how the reference's array filters see them.
func itemProperty(st *state, item, key any) (v any, ok bool, err error) {
	if err := st.step(1); err != nil {
		return nil, false, err
	}
	name, isText := key.(string)
	switch item := unmarked(item).(type) {
	case map[string]any, *Ordered:
		if !isText {
			return nil, true, nil
		}
		m, _ := asMap(item)
		if v, ok := m[name]; ok {
			return plain(v), true, nil
		}
		for _, t := range twins(name) {
			if v, ok := m[t]; ok {
				return plain(v), true, nil
			}
		}
		return nil, true, nil
	case string:
		if !isText {
			return nil, false, typef("a text has no property that is not named by a text")
		}
		if err := st.read(len(item)); err != nil {
			return nil, false, err
		}
		if strings.Contains(item, name) {
			return name, true, nil
		}
		return nil, true, nil
	case nil, bool:
		return nil, false, nil
	}
	return nil, false, typef("an element of the list has no properties")
}

// properties gives the property of each element, or the elements themselves when no property is asked for.
func properties(st *state, list []any, a arguments) ([]any, error) {
	if a.at(0) == nil {
		return list, nil
	}
	if err := st.items(int64(len(list))); err != nil {
		return nil, err
	}
	out := make([]any, len(list))
	for i, e := range list {
		v, _, err := itemProperty(st, plain(e), a.at(0))
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func mapFilter(st *state, in any, a arguments) (any, error) {
	list, err := toList(st, in)
	if err != nil {
		return nil, err
	}
	if a.at(0) == nil {
		return nil, typef("the property must be a text")
	}
	return properties(st, list, a)
}

func compact(st *state, in any, a arguments) (any, error) {
	return choose(st, in, a, func(v any, _ int) (bool, error) { return v != nil, nil })
}

// choose gives the elements for which keep, seeing the property or the element, says yes.
func choose(st *state, in any, a arguments, keep func(v any, i int) (bool, error)) (any, error) {
	list, err := toList(st, in)
	if err != nil {
		return nil, err
	}
	values, err := properties(st, list, a)
	if err != nil {
		return nil, err
	}
	if err := st.items(int64(len(list))); err != nil {
		return nil, err
	}
	out := make([]any, 0, len(list))
	for i, e := range list {
		yes, err := keep(plain(values[i]), i)
		if err != nil {
			return nil, err
		}
		if yes {
			out = append(out, e)
		}
	}
	return out, nil
}

func uniq(st *state, in any, a arguments) (any, error) {
	known := map[string]struct{}{}
	return choose(st, in, a, func(v any, _ int) (bool, error) {
		key, err := identity(st, v)
		if err != nil {
			return false, err
		}
		if _, ok := known[key]; ok {
			return false, nil
		}
		if err := st.alloc(len(key) + 64); err != nil {
			return false, err
		}
		known[key] = struct{}{}
		return true, nil
	})
}

// identity gives a text that is the same for equal values only.
func identity(st *state, v any) (string, error) {
	switch v := unmarked(v).(type) {
	case string:
		return "s" + v, st.text(len(v))
	case int64:
		return "i" + strconv.FormatInt(v, 10), st.step(1)
	case time.Time:
		return "t" + v.UTC().Format(time.RFC3339Nano), st.step(1)
	}
	b, err := appendInspected(st, []byte("v"), v)
	return string(b), err
}

func sum(st *state, in any, a arguments) (any, error) {
	list, err := toList(st, in)
	if err != nil {
		return nil, err
	}
	values, err := properties(st, list, a)
	if err != nil {
		return nil, err
	}
	total := any(int64(0))
	for _, v := range values {
		if err := st.step(1); err != nil {
			return nil, err
		}
		if total, err = arithmetic(st, total, '+', plain(v)); err != nil {
			return nil, err
		}
	}
	return total, nil
}

// search is the shared part of where, reject, has, find and find_index: visit sees for each element whether it matches and says whether to
// go on. An element matches when its property equals the second argument, or is truthy when there is none. found is false when an element
// cannot have properties: the filters then give nothing, as the reference does.
func search(st *state, in any, a arguments, visit func(i int, item any, match bool) bool) (found bool, err error) {
	list, err := toList(st, in)
	if err != nil {
		return false, err
	}
	target := a.at(1)
	for i, e := range list {
		item := plain(e)
		v, ok, err := itemProperty(st, item, a.at(0))
		if err != nil || !ok {
			return false, err
		}
		match := truthy(v)
		if target != nil {
			if match, err = equal(st, v, target); err != nil {
				return false, err
			}
		}
		if !visit(i, item, match) {
			return true, nil
		}
	}
	return true, nil
}

// filtering gives the elements whose match is want.
func filtering(st *state, in any, a arguments, want bool) (any, error) {
	var out []any
	var payment error
	ok, err := search(st, in, a, func(_ int, item any, match bool) bool {
		if match == want {
			payment = st.alloc(32)
			out = append(out, item)
		}
		return payment == nil
	})
	switch {
	case err != nil:
		return nil, err
	case payment != nil:
		return nil, payment
	case !ok:
		return nil, nil
	case out == nil:
		return []any{}, nil
	}
	return out, nil
}

func where(st *state, in any, a arguments) (any, error)  { return filtering(st, in, a, true) }
func reject(st *state, in any, a arguments) (any, error) { return filtering(st, in, a, false) }

func has(st *state, in any, a arguments) (any, error) {
	found := false
	ok, err := search(st, in, a, func(_ int, _ any, match bool) bool {
		found = found || match
		return !match
	})
	if err != nil || !ok {
		return nil, err
	}
	return found, nil
}

func find(st *state, in any, a arguments) (any, error) {
	var found any
	_, err := search(st, in, a, func(_ int, item any, match bool) bool {
		if match {
			found = item
		}
		return !match
	})
	return found, err
}

func findIndex(st *state, in any, a arguments) (any, error) {
	var found any
	_, err := search(st, in, a, func(i int, _ any, match bool) bool {
		if match {
			found = int64(i)
		}
		return !match
	})
	return found, err
}

// sortFilter sorts by value, nil last. Values that have no order among each other are an error.
func sortFilter(st *state, in any, a arguments) (any, error) {
	return sortBy(st, in, a, func(x, y any) (int, error) {
		size, ok, err := order(st, x, y)
		if err == nil && !ok {
			err = typef("the elements cannot be compared")
		}
		return size, err
	})
}

// sortNatural sorts by text without regard to case, nil last.
func sortNatural(st *state, in any, a arguments) (any, error) {
	return sortBy(st, in, a, func(x, y any) (int, error) {
		s, err := toText(st, x)
		if err != nil {
			return 0, err
		}
		t, err := toText(st, y)
		if err != nil {
			return 0, err
		}
		return compareFolded(s, t), st.read(min(len(s), len(t)))
	})
}

// compareFolded compares texts with A to Z as lower case.
func compareFolded(s, t string) int {
	for i := range min(len(s), len(t)) {
		if x, y := lower(s[i]), lower(t[i]); x != y {
			return int(x) - int(y)
		}
	}
	return len(s) - len(t)
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// sortable is an element and what it is sorted by.
type sortable struct{ item, key any }

// sortBy sorts by the property or the elements themselves. Every comparison is paid for; after a failure the rest are skipped.
func sortBy(st *state, in any, a arguments, compare func(x, y any) (int, error)) (any, error) {
	list, err := copyList(st, in)
	if err != nil {
		return nil, err
	}
	keys, err := properties(st, list, a)
	if err != nil {
		return nil, err
	}
	if err := st.items(2 * int64(len(list))); err != nil {
		return nil, err
	}
	pairs := make([]sortable, len(list))
	for i, e := range list {
		pairs[i] = sortable{e, unmarked(plain(keys[i]))}
	}
	var fault error
	slices.SortStableFunc(pairs, func(x, y sortable) int {
		if fault != nil {
			return 0
		}
		size, err := compareNilLast(st, x.key, y.key, compare)
		fault = err
		return size
	})
	for i, p := range pairs {
		list[i] = p.item
	}
	return list, fault
}

func compareNilLast(st *state, x, y any, compare func(x, y any) (int, error)) (int, error) {
	switch {
	case x == nil && y == nil:
		return 0, st.step(1)
	case x == nil:
		return 1, st.step(1)
	case y == nil:
		return -1, st.step(1)
	}
	return compare(x, y)
}
