package liquid

import (
	"fmt"
	"strconv"
	"strings"
)

// filter is one filter: a function of the value before it and its arguments.
type filter struct {
	name        string
	least, most int // number of arguments
	run         func(st *state, in any, a arguments) (any, error)
	named       string // the one argument that is given by name, "" for none
	markup      markup // what it does with text that is HTML already
	zone        int    // its argument of this number, from 1, is a time zone, in whose place others are taken when it has no value; 0: none is
	tolerant    int    // with at least tolerant-1 arguments it deals with missing values itself; 0: it does not
}

// arguments are the evaluated arguments of one call. They are valid during the call only.
type arguments struct {
	list  []any
	named map[string]any
}

// at gives argument i, nil when it was not given.
func (a arguments) at(i int) any {
	if i < len(a.list) {
		return a.list[i]
	}
	return nil
}

// text gives argument i as text, or other when it was not given.
func (a arguments) text(st *state, i int, other string) (string, error) {
	if i >= len(a.list) {
		return other, nil
	}
	return toText(st, a.list[i])
}

// arity says in words how many arguments the filter takes.
func (f *filter) arity() string {
	switch {
	case f.most == 0:
		return "no arguments"
	case f.least == f.most && f.most == 1:
		return "1 argument"
	case f.least == f.most:
		return fmt.Sprintf("%d arguments", f.most)
	default:
		return fmt.Sprintf("%d to %d arguments", f.least, f.most)
	}
}

// manyArguments is the most a filter with an open list of arguments takes.
const manyArguments = 1000

// filters are all filters by name. Each pays for its work before doing it.
var filters = byName(textFilters, listFilters, numberFilters, dateFilters, hashFilters, orttoFilters, brazeFilters)

func byName(groups ...[]filter) map[string]*filter {
	all := map[string]*filter{}
	for _, g := range groups {
		for i := range g {
			all[g[i].name] = &g[i]
		}
	}
	return all
}

// wholeNumber reads an argument that must be a whole number: a number or a text of digits.
func wholeNumber(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case string:
		n, err := strconv.ParseInt(strings.Trim(v, space), 10, 64)
		return n, err == nil
	}
	return 0, false
}

// onText makes a filter's function of one that works on text alone.
func onText(f func(st *state, s string) (any, error)) func(*state, any, arguments) (any, error) {
	return func(st *state, in any, _ arguments) (any, error) {
		s, err := toText(st, in)
		if err != nil {
			return nil, err
		}
		return f(st, s)
	}
}

// shorter is onText for functions whose result is not longer than the input. copies is how many texts of that size they build on the way.
func shorter(copies int, f func(string) string) func(*state, any, arguments) (any, error) {
	return onText(func(st *state, s string) (any, error) {
		if err := st.text(len(s)); err != nil {
			return nil, err
		}
		if err := st.copies(copies, len(s)); err != nil {
			return nil, err
		}
		return f(s), nil
	})
}
