package liquid

import "strings"

// path is a variable: a root and the segments after it.
type path struct {
	number   int        // among the paths of its template
	at       int        // its offset in the source
	root     string     // "" when the root is computed
	rootKeys []string   // keys to try in the data
	computed expression // the root, for [expression]
	segments []segment
	names    []string // canonical names, "*" for what is only known when rendering
	dotted   string   // names joined; the form in Missing, Used and Defaults
	below    string   // dotted without the root
	merge    bool     // the root is one of the merge-tag roots
}

// segment is one step down: a fixed key, or an expression.
type segment struct {
	key     string
	twins   []string
	dynamic expression
}

// path reads a variable path. Whether its root is a local variable shows when it is evaluated.
func (p *expressionParser) path() (expression, *Error) {
	v := &path{number: p.c.paths, at: p.tok.at}
	p.c.paths++
	names := []string{p.tok.text}
	if p.tok.kind == tokenName {
		v.root = p.tok.text
		p.advance()
	} else {
		s, err := p.bracket()
		if err != nil {
			return nil, err
		}
		v.root, v.computed = s.key, s.dynamic
		names[0] = s.name()
	}
	for p.tok.is('.') || p.tok.is('[') {
		if len(v.segments) >= p.c.limits.Path {
			return nil, limitf("a path of more than %d segments", p.c.limits.Path).at(p.c.source, v.at)
		}
		s, err := p.segment()
		if err != nil {
			return nil, err
		}
		v.segments = append(v.segments, s)
		names = append(names, s.name())
	}
	v.rootKeys = rootKeys(v.root)
	v.merge = v.computed == nil && isRoot(v.root)
	v.names = canonicalSegments(names)
	v.dotted = strings.Join(v.names, ".")
	v.below = strings.Join(v.names[1:], ".")
	p.c.notePath(v)
	return v, nil
}

func (s segment) name() string {
	if s.dynamic != nil {
		return "*"
	}
	return s.key
}

// segment reads ".name" or "[..]".
func (p *expressionParser) segment() (segment, *Error) {
	if p.tok.is('[') {
		return p.bracket()
	}
	p.advance()
	if p.tok.kind != tokenName {
		return segment{}, p.unexpected()
	}
	key := p.tok.text
	p.advance()
	return segment{key: key, twins: twins(key)}, nil
}

// bracket reads "[expression]". A quoted text is a fixed key.
func (p *expressionParser) bracket() (segment, *Error) {
	p.advance()
	e, err := p.operand()
	if err != nil {
		return segment{}, err
	}
	if err := p.expectSymbol(']'); err != nil {
		return segment{}, err
	}
	if l, ok := e.(literal); ok {
		if key, ok := l.value.(string); ok {
			return segment{key: key, twins: twins(key)}, nil
		}
	}
	return segment{dynamic: e}, nil
}

func (v *path) eval(st *state) (any, error) {
	value, _, err := v.find(st)
	return value, err
}

// find gives the variable's value, nil when there is none, and the canonical name of where in the data it comes from, "" when it comes
// from the template itself.
func (v *path) find(st *state) (value any, origin string, err error) {
	if err := st.step(1); err != nil {
		return nil, "", err
	}
	value, base, err := v.findRoot(st)
	if err != nil {
		return nil, "", err
	}
	for i := range v.segments {
		if value == nil {
			break
		}
		if value, err = v.segments[i].find(st, value); err != nil {
			return nil, "", err
		}
	}
	origin = v.origin(st, base)
	if origin != "" {
		st.markUsed(v, origin)
	}
	if len(st.defaults) > 0 && (value == nil || value == "") {
		if d, ok := st.defaults[origin]; ok {
			st.explain(origin, plain(d), FromDefaults)
			return plain(d), origin, nil
		}
	}
	if origin != "" {
		st.explain(origin, value, FromData)
		if value == nil {
			st.markMissing(v, origin)
		}
	}
	return value, origin, nil
}

// binding is what a root name stands for.
type binding struct {
	value  any
	origin string // where its value comes from in the data, "" for values made by the template
	data   bool   // it is data itself
}

// longestOrigin bounds the names that assignments in a loop can build.
const longestOrigin = 500

// origin joins the place of the root and the segments. In a loop the same join comes up every turn, so the last one is kept.
func (v *path) origin(st *state, base binding) string {
	switch {
	case base.data:
		return v.dotted
	case base.origin == "" || len(v.segments) == 0:
		return base.origin
	case len(base.origin)+len(v.below) > longestOrigin:
		return base.origin
	}
	kept := &st.origins[v.number]
	if kept.base != base.origin {
		kept.base, kept.joined = base.origin, base.origin+"."+v.below
	}
	return kept.joined
}

func (v *path) findRoot(st *state) (any, binding, error) {
	name, keys := v.root, v.rootKeys
	if v.computed != nil {
		n, err := v.computed.eval(st)
		if err != nil {
			return nil, binding{}, err
		}
		key, ok := unmarked(n).(string)
		if !ok {
			return nil, binding{}, nil
		}
		name, keys = key, rootKeys(key)
	}
	if b, ok := st.local(name); ok {
		return b.value, b, nil
	}
	if st.isolated && !isRoot(name) {
		return nil, binding{}, nil
	}
	for _, k := range keys {
		if value, ok := st.data[k]; ok {
			return plain(value), binding{data: true}, nil
		}
	}
	if name == "now" && !st.now.IsZero() {
		return st.inZone(st.now), binding{data: true}, nil
	}
	return nil, binding{data: true}, nil
}

// find takes the step s down from value.
func (s *segment) find(st *state, value any) (any, error) {
	if s.dynamic == nil {
		return property(st, value, s.key, s.twins)
	}
	key, err := s.dynamic.eval(st)
	if err != nil {
		return nil, err
	}
	switch key := unmarked(key).(type) {
	case string:
		return property(st, value, key, twins(key))
	case int64:
		return element(value, key), nil
	case float64:
		if key > -1e15 && key < 1e15 {
			return element(value, int64(key)), nil
		}
	}
	return nil, nil
}

// property looks a name up in value: a key of a map or its twin, or one of size, first, last.
func property(st *state, value any, key string, twins []string) (any, error) {
	switch value := value.(type) {
	case map[string]any:
		if e, ok := entry(value, key, twins); ok {
			return plain(e), nil
		}
		return mapProperty(st, value, key)
	case *Ordered:
		if e, ok := entry(value.values, key, twins); ok {
			return plain(e), nil
		}
		return mapProperty(st, value, key)
	case []any:
		return listProperty(value, key), nil
	case interval:
		return intervalProperty(value, key), nil
	case *forloop:
		return value.property(key), nil
	case *rowloop:
		return value.property(key), nil
	case string:
		if key == "size" {
			return countText(st, value)
		}
	case marked:
		if key == "size" {
			return countText(st, string(value))
		}
	}
	return nil, nil
}

// entry finds a key of a map, or its twin.
func entry(m map[string]any, key string, twins []string) (any, bool) {
	if e, ok := m[key]; ok {
		return e, true
	}
	for _, t := range twins {
		if e, ok := m[t]; ok {
			return e, true
		}
	}
	return nil, false
}

func mapProperty(st *state, v any, key string) (any, error) {
	m, _ := asMap(v)
	switch key {
	case "size":
		return int64(len(m)), nil
	case "first":
		if len(m) == 0 {
			return nil, nil
		}
		keys, err := keysOf(st, v)
		if err != nil {
			return nil, err
		}
		return []any{keys[0], plain(m[keys[0]])}, nil
	}
	return nil, nil
}

func listProperty(list []any, key string) any {
	switch key {
	case "size":
		return int64(len(list))
	case "first":
		return element(list, 0)
	case "last":
		return element(list, -1)
	}
	return nil
}

func intervalProperty(r interval, key string) any {
	switch key {
	case "size":
		return r.size()
	case "first":
		return r.from
	case "last":
		return r.to
	}
	return nil
}

// element gives the value at index i of a list, counting from its end when i is negative; nil where there is none.
func element(value any, i int64) any {
	list, ok := value.([]any)
	if !ok {
		return nil
	}
	if i < 0 {
		i += int64(len(list))
	}
	if i < 0 || i >= int64(len(list)) {
		return nil
	}
	return plain(list[i])
}
