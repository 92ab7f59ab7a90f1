package liquid

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"deskstream/schemas"
)

// This file holds the tags render and include, which put a snippet into the text. Snippets come with the request; no file is opened.

// snippetTag is {% render 'name' %}, whose snippet sees merge tags and what it is given, or {% include 'name' %}, whose snippet sees and changes
// all variables around it.
type snippetTag struct {
	at       int
	name     string     // "" when it is computed
	computed expression // the name, of include only
	isolated bool       // render
	bound    expression // after with or for; nil for none
	each     bool       // after for: once for each element
	alias    string     // the name under which bound is seen; "" is the snippet's
	given    []namedArgument
}

func (g *snippetTag) position() int { return g.at }

// snippetTag reads either tag.
func (c *compiler) snippetTag(u tagUse) *Error {
	c.notBlank()
	p := c.expressionOf(u)
	g := &snippetTag{at: u.at, isolated: u.name == "render"}
	switch {
	case p.tok.kind == tokenText:
		g.name = p.tok.text
		p.advance()
	case g.isolated:
		return p.fail("render takes the name of a snippet in quotes")
	default:
		computed, err := p.operand()
		if err != nil {
			return err
		}
		g.computed = computed
	}
	if err := g.options(p); err != nil {
		return err
	}
	c.parts = append(c.parts, g)
	c.snippets = append(c.snippets, g.use(c))
	return nil
}

// options reads what follows the name.
func (g *snippetTag) options(p *expressionParser) (err *Error) {
	if (p.tok.isName("with") || p.tok.isName("for")) && !p.peek().is(':') {
		g.each = p.tok.isName("for")
		p.advance()
		if g.bound, err = p.operand(); err != nil {
			return err
		}
	}
	if p.tok.isName("as") && !p.peek().is(':') {
		p.advance()
		if g.alias, err = p.variableName(); err != nil {
			return err
		}
	}
	for p.tok.kind != tokenEnd {
		if p.tok.is(',') {
			p.advance()
			continue
		}
		if p.tok.kind != tokenName || !p.peek().is(':') {
			return p.unexpected()
		}
		name := p.tok.text
		p.advance()
		p.advance()
		value, err := p.operand()
		if err != nil {
			return err
		}
		g.given = append(g.given, namedArgument{name, value})
	}
	return nil
}

// run renders the snippet.
func (g *snippetTag) run(st *state) error {
	if err := st.step(1); err != nil {
		return err
	}
	name, err := g.snippetName(st)
	if err != nil {
		return err
	}
	t, err := st.snippet(name)
	if err != nil {
		return err
	}
	if st.depth >= st.limits.Snippets {
		return limitf("snippets nested deeper than %d", st.limits.Snippets)
	}
	given, err := g.evaluate(st)
	if err != nil {
		return err
	}
	st.depth++
	defer func() { st.depth-- }()
	if g.isolated {
		err = g.render(st, name, t, given)
	} else {
		err = g.include(st, name, t, given)
	}
	var e *Error
	if errors.As(err, &e) && e.In == "" {
		e.In = name
	}
	return err
}

func (g *snippetTag) snippetName(st *state) (string, error) {
	if g.computed == nil {
		return g.name, nil
	}
	v, err := g.computed.eval(st)
	if err != nil {
		return "", err
	}
	name, ok := unmarked(v).(string)
	if !ok {
		return "", typef("the name of a snippet must be a text")
	}
	return name, nil
}

// snippet finds a snippet of the request.
func (st *state) snippet(name string) (*template, error) {
	if t, ok := st.snippets[name]; ok {
		return t, nil
	}
	source, ok := st.request.Snippets[name]
	if !ok {
		return nil, unknownSnippet(name, st.request.Snippets)
	}
	if err := st.look(); err != nil {
		return nil, err
	}
	t, faults := st.renderer.counted(source, &st.sources)
	if len(faults) > 0 {
		faults[0].In = name
		return nil, faults[0]
	}
	if st.snippets == nil {
		st.snippets = map[string]*template{}
	}
	st.snippets[name] = t
	return t, nil
}

func unknownSnippet(name string, known map[string]string) *Error {
	e := &Error{Kind: KindSnippet, Message: "there is no snippet \"" + cutText(name, 80) + "\""}
	return e.suggesting(schemas.Nearest(name, slices.Sorted(maps.Keys(known))))
}

// evaluate gives what the snippet is given: the named arguments in order, and what is bound last.
func (g *snippetTag) evaluate(st *state) ([]binding, error) {
	list := make([]binding, 0, len(g.given)+1)
	for _, a := range g.given {
		b, err := st.bind(a.value)
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	bound := binding{}
	if g.bound != nil {
		var err error
		if bound, err = st.bind(g.bound); err != nil {
			return nil, err
		}
	}
	return append(list, bound), st.alloc(48 * len(list))
}

// bind evaluates e and keeps where in the data it comes from.
func (st *state) bind(e expression) (b binding, err error) {
	if v, ok := e.(*path); ok {
		b.value, b.origin, err = v.find(st)
		return b, err
	}
	b.value, err = e.eval(st)
	return b, err
}

// boundName is the name under which the snippet sees what it is bound to.
func (g *snippetTag) boundName(snippet string) string {
	if g.alias != "" {
		return g.alias
	}
	return snippet[strings.LastIndexByte(snippet, '/')+1:]
}

// render renders the snippet with a scope of its own, once or once for each element.
func (g *snippetTag) render(st *state, name string, t *template, given []binding) error {
	bound := given[len(given)-1]
	var list turns
	if g.each {
		var err error
		if list, err = allTurns(st, bound.value); err != nil {
			return err
		}
	}
	switch bound.value.(type) {
	case []any, interval, map[string]any, *Ordered:
	default:
		return g.renderOnce(st, name, t, given, bound, nil)
	}
	if !g.each {
		return g.renderOnce(st, name, t, given, bound, nil)
	}
	element := binding{}
	if bound.origin != "" {
		element.origin = bound.origin + "[]"
	}
	f := &forloop{name: name, length: list.size}
	for i := range list.size {
		f.index, element.value = i, list.at(i)
		if err := g.renderOnce(st, name, t, given, element, f); err != nil {
			return err
		}
	}
	return nil
}

func (g *snippetTag) renderOnce(st *state, name string, t *template, given []binding, bound binding, f *forloop) error {
	outer := st.frame
	defer func() { st.frame = outer }()
	if err := st.enter(name, t); err != nil {
		return err
	}
	st.isolated = true
	for i, a := range g.given {
		st.assign(a.name, given[i])
	}
	if f != nil {
		st.assign("forloop", binding{value: f})
	}
	if bound.value != nil {
		st.assign(g.boundName(name), bound)
	}
	return t.render(st)
}

// include renders the snippet with all variables around it, once, or once for each element of a bound list.
func (g *snippetTag) include(st *state, name string, t *template, given []binding) error {
	bound := given[len(given)-1]
	if g.bound == nil {
		var err error
		if bound, err = st.bind(&path{root: name, rootKeys: rootKeys(name), names: []string{name}, dotted: name, number: -1}); err != nil {
			return err
		}
	}
	list, isList := bound.value.([]any)
	if !isList {
		return g.includeOnce(st, name, t, given, bound)
	}
	element := binding{}
	if bound.origin != "" {
		element.origin = bound.origin + "[]"
	}
	for _, e := range list {
		element.value = plain(e)
		if err := g.includeOnce(st, name, t, given, element); err != nil {
			return err
		}
		if st.signal != signalNone {
			return nil
		}
	}
	return nil
}

func (g *snippetTag) includeOnce(st *state, name string, t *template, given []binding, bound binding) error {
	outer, base := st.frame, len(st.scopes)
	if err := st.enter(name, t); err != nil {
		return err
	}
	inner := st.frame
	st.frame = outer
	st.name, st.template, st.seen, st.origins = inner.name, inner.template, inner.seen, inner.origins
	defer func() {
		st.name, st.template, st.seen, st.origins = outer.name, outer.template, outer.seen, outer.origins
		st.scopes = st.scopes[:base]
	}()
	for i, a := range g.given {
		st.scopes = append(st.scopes, scope{a.name, given[i]})
	}
	st.scopes = append(st.scopes, scope{g.boundName(name), bound})
	return t.render(st)
}

// snippetUse is a snippet that a template uses, for finding variables without rendering.
type snippetUse struct {
	name     string // "" when it is computed
	isolated bool
	given    map[string][]string // names it is given, with the data paths they stand for; nil where they stand for none
	at       int
}

func (g *snippetTag) use(c *compiler) snippetUse {
	u := snippetUse{name: g.name, isolated: g.isolated, at: g.at, given: map[string][]string{}}
	for _, a := range g.given {
		u.given[a.name] = c.uses.pathOf(a.value)
	}
	if g.bound != nil && (g.name != "" || g.alias != "") {
		bound := c.uses.pathOf(g.bound)
		if bound != nil && g.each {
			bound = slices.Concat(bound, []string{"[]"})
		}
		u.given[g.boundName(g.name)] = bound
	}
	return u
}

// pathOf gives the data path an expression stands for, nil when it is none.
func (u *uses) pathOf(e expression) []string {
	v, ok := e.(*path)
	if !ok {
		return nil
	}
	if paths := u.resolve(v); len(paths) > 0 {
		return paths[0]
	}
	return nil
}

// snippetWalk goes through the snippets that templates use, each once.
type snippetWalk struct {
	renderer *Renderer
	known    map[string]string
	sources  *int
	visited  map[string]bool
	found    func(Variable)
}

// visit gives the variables in the snippets of uses. The place of each is that of the tag in the part.
func (w *snippetWalk) visit(list []snippetUse, at int) *Error {
	for _, u := range list {
		place := at
		if place < 0 {
			place = u.at
		}
		names := []string{u.name}
		if u.name == "" { // it can be any of them
			names = slices.Sorted(maps.Keys(w.known))
		}
		for _, name := range names {
			if err := w.enter(name, u, place); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *snippetWalk) enter(name string, u snippetUse, at int) *Error {
	if w.visited[name] {
		return nil
	}
	w.visited[name] = true
	source, ok := w.known[name]
	if !ok {
		e := unknownSnippet(name, w.known)
		e.place = at
		return e
	}
	t, faults := w.renderer.counted(source, w.sources)
	if len(faults) > 0 {
		faults[0].In = name
		return faults[0]
	}
	for _, v := range t.variables {
		for _, p := range u.outside(v.Path) {
			w.found(Variable{Path: p, InOutput: v.InOutput, Whole: v.Whole, at: at})
		}
	}
	return w.visit(u.inside(t.snippets), at)
}

// inside gives the snippets that this one uses with what they are given as paths of the data.
func (u snippetUse) inside(list []snippetUse) []snippetUse {
	out := slices.Clone(list)
	for i := range out {
		given := make(map[string][]string, len(out[i].given))
		for name, path := range out[i].given {
			given[name] = nil
			if path == nil {
				continue
			}
			if paths := u.outside(path); len(paths) > 0 {
				given[name] = paths[0]
			}
		}
		out[i].given = given
	}
	return out
}

// outside gives the data paths that a path inside the snippet may stand for.
func (u snippetUse) outside(path []string) [][]string {
	given, ok := u.given[path[0]]
	if !ok {
		if u.isolated && !isRoot(path[0]) && path[0] != "*" {
			return nil
		}
		return [][]string{slices.Clone(path)}
	}
	var out [][]string
	if given != nil && len(given)+len(path) <= longestVariable {
		out = append(out, slices.Concat(given, path[1:]))
	}
	if isRoot(path[0]) {
		out = append(out, slices.Clone(path))
	}
	return out
}
