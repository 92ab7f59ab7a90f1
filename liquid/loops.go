package liquid

import (
	"io"
	"strconv"

	"github.com/osteele/liquid/render"
)

// loop is the head shared by {% for %} and {% tablerow %}: variable in list, with limit, offset, cols and reversed.
type loop struct {
	at       int
	variable string
	list     expression
	source   *path  // list, when it is a variable
	name     string // what "offset: continue" goes by
	limit    expression
	offset   expression
	onward   bool // offset: continue
	reversed bool
	cols     expression
}

// readLoop reads a loop's head.
func (c *compiler) readLoop(u tagUse, rows bool) (l loop, err *Error) {
	p := c.expressionOf(u)
	l.at = u.at
	if l.variable, err = p.variableName(); err != nil {
		return l, err
	}
	if !p.tok.isName("in") {
		return l, p.fail("a loop reads: variable in list")
	}
	p.advance()
	start := p.tok.at
	if l.list, err = p.filtered(); err != nil {
		return l, err
	}
	if l.source, _ = l.list.(*path); l.source != nil {
		c.noteLooped(l.source)
	}
	l.name = l.variable + "-" + c.source[start:max(start, min(p.tok.at, len(c.source)))]
	for p.tok.kind != tokenEnd {
		if p.tok.is(',') {
			p.advance()
			continue
		}
		if err = l.option(p, rows); err != nil {
			return l, err
		}
	}
	return l, nil
}

// option reads one of the words after the list.
func (l *loop) option(p *expressionParser, rows bool) *Error {
	if p.tok.kind != tokenName {
		return p.unexpected()
	}
	name := p.tok.text
	if name == "reversed" && !rows {
		l.reversed = true
		p.advance()
		return nil
	}
	target := map[string]*expression{"limit": &l.limit, "offset": &l.offset}[name]
	if name == "cols" && rows {
		target = &l.cols
	}
	if target == nil {
		return p.fail("a loop has no option %q", cutText(name, 40))
	}
	p.advance()
	if err := p.expectSymbol(':'); err != nil {
		return err
	}
	if name == "offset" && p.tok.isName("continue") {
		l.onward = true
		p.advance()
		return nil
	}
	value, err := p.operand()
	*target = value
	return err
}

// turns is what a loop goes over: a list, or a range that stays two numbers.
type turns struct {
	list     []any
	from     int64 // first number of a range
	offset   int64
	size     int64
	reversed bool
	origin   string // of the elements
}

// at gives the element of turn i.
func (t *turns) at(i int64) any {
	if t.reversed {
		i = t.size - 1 - i
	}
	i += t.offset
	if t.list != nil {
		return plain(t.list[i])
	}
	return t.from + i
}

// turns evaluates a loop's head.
func (l *loop) turns(st *state) (turns, error) {
	v, origin, err := l.value(st)
	if err != nil {
		return turns{}, err
	}
	t, err := allTurns(st, v)
	if err != nil {
		return turns{}, err
	}
	if origin != "" {
		t.origin = origin + "[]"
	}
	offset, err := l.start(st)
	if err != nil {
		return turns{}, err
	}
	t.offset = max(0, min(offset, t.size))
	t.size -= t.offset
	if l.limit != nil {
		limit, given, err := loopNumber(st, l.limit, "limit")
		if err != nil {
			return turns{}, err
		}
		if given {
			t.size = max(0, min(limit, t.size))
		}
	}
	t.reversed = l.reversed
	return t, l.remember(st, t.offset+t.size)
}

// value evaluates the list and tells where in the data it comes from.
func (l *loop) value(st *state) (any, string, error) {
	if l.source != nil {
		return l.source.find(st)
	}
	v, err := l.list.eval(st)
	return v, "", err
}

// start gives the number of elements to leave out.
func (l *loop) start(st *state) (int64, error) {
	if l.onward {
		return st.resume[l.name], nil
	}
	if l.offset == nil {
		return 0, nil
	}
	n, _, err := loopNumber(st, l.offset, "offset")
	return n, err
}

// remember keeps where a later "offset: continue" goes on.
func (l *loop) remember(st *state, end int64) error {
	if st.resume == nil {
		st.resume = map[string]int64{}
	}
	st.resume[l.name] = end
	return st.alloc(16)
}

// loopNumber evaluates a limit, offset or number of columns. given is false for nil.
func loopNumber(st *state, e expression, what string) (n int64, given bool, err error) {
	v, err := e.eval(st)
	if err != nil || v == nil {
		return 0, false, err
	}
	n, ok := wholeNumber(v)
	if !ok {
		return 0, false, typef("%s must be a whole number", what)
	}
	return n, true, nil
}

// allTurns gives the elements of v: of a list, of a range, the key and value pairs of a map in its order, or a text as the one element.
// Anything else has none.
func allTurns(st *state, v any) (turns, error) {
	switch v := unmarked(v).(type) {
	case []any:
		return turns{list: v, size: int64(len(v))}, nil
	case interval:
		return turns{from: v.from, size: v.size()}, nil
	case map[string]any, *Ordered:
		pairs, err := mapPairs(st, v)
		return turns{list: pairs, size: int64(len(pairs))}, err
	case string:
		if v != "" {
			return turns{list: []any{v}, size: 1}, nil
		}
	}
	return turns{}, nil
}

func mapPairs(st *state, v any) ([]any, error) {
	m, _ := asMap(v)
	keys, err := keysOf(st, v)
	if err != nil {
		return nil, err
	}
	if err := st.items(int64(len(keys)) * 3); err != nil {
		return nil, err
	}
	pairs := make([]any, len(keys))
	for i, k := range keys {
		pairs[i] = []any{k, plain(m[k])}
	}
	return pairs, nil
}

// forloop is the variable of that name inside a loop.
type forloop struct {
	name   string
	length int64
	index  int64 // from 0
	parent *forloop
}

func (f *forloop) property(key string) any {
	switch key {
	case "index":
		return f.index + 1
	case "index0":
		return f.index
	case "rindex":
		return f.length - f.index
	case "rindex0":
		return f.length - f.index - 1
	case "first":
		return f.index == 0
	case "last":
		return f.index == f.length-1
	case "length":
		return f.length
	case "name":
		return f.name
	case "parentloop":
		if f.parent != nil {
			return f.parent
		}
	}
	return nil
}

// forNode is {% for %}.
type forNode struct{ loop }

func readFor(c *compiler, u tagUse) (node, *Error) {
	l, err := c.readLoop(u, false)
	return &forNode{l}, err
}

func clauseOfFor(_ *compiler, _ node, u tagUse) (node, *Error) { return &choice{at: u.at}, nil }

func (n *forNode) block(_ *template, b render.BlockNode) func(io.Writer, render.Context) error {
	return func(w io.Writer, ctx render.Context) error {
		st := stateOf(ctx)
		t, err := n.turns(st)
		if err != nil {
			return st.fault(err, n.at)
		}
		if t.size == 0 {
			for _, otherwise := range b.Clauses {
				if err := ctx.RenderBlock(w, otherwise); err != nil {
					return err
				}
			}
			return nil
		}
		return n.turn(st, w, ctx, t)
	}
}

// turn renders the body once per turn.
func (n *forNode) turn(st *state, w io.Writer, ctx render.Context, t turns) error {
	f := &forloop{name: n.name, length: t.size, parent: st.loop}
	st.loop = f
	base := len(st.scopes)
	st.scopes = append(st.scopes, scope{"forloop", binding{value: f}}, scope{n.variable, binding{origin: t.origin}})
	defer func() {
		st.scopes = st.scopes[:base]
		st.loop = f.parent
	}()
	for i := range t.size {
		if err := st.step(1); err != nil {
			return st.fault(err, n.at)
		}
		f.index = i
		st.scopes[base+1].value = t.at(i)
		if err := children(w, ctx); err != nil {
			return err
		}
		if st.signal != signalNone {
			stop := st.signal == signalBreak
			st.signal = signalNone
			if stop {
				return nil
			}
		}
	}
	return nil
}

// rowloop is the variable tablerowloop.
type rowloop struct {
	forloop
	cols int64
}

func (r *rowloop) property(key string) any {
	switch key {
	case "col":
		return r.index%r.cols + 1
	case "col0":
		return r.index % r.cols
	case "row":
		return r.index/r.cols + 1
	case "col_first":
		return r.index%r.cols == 0
	case "col_last":
		return r.index%r.cols == r.cols-1
	case "name", "parentloop":
		return nil
	}
	return r.forloop.property(key)
}

// rowsNode is {% tablerow %}.
type rowsNode struct{ loop }

func readRows(c *compiler, u tagUse) (node, *Error) {
	l, err := c.readLoop(u, true)
	return &rowsNode{l}, err
}

func (n *rowsNode) block(*template, render.BlockNode) func(io.Writer, render.Context) error {
	return func(w io.Writer, ctx render.Context) error {
		st := stateOf(ctx)
		t, err := n.turns(st)
		if err != nil {
			return st.fault(err, n.at)
		}
		cols, err := n.columns(st, t.size)
		if err != nil {
			return st.fault(err, n.at)
		}
		if err := n.rows(st, w, ctx, t, cols); err != nil {
			return st.fault(err, n.at)
		}
		return nil
	}
}

// columns gives the width of the table, the whole list when none is asked for.
func (n *rowsNode) columns(st *state, size int64) (int64, error) {
	if n.cols == nil {
		return max(size, 1), nil
	}
	cols, given, err := loopNumber(st, n.cols, "cols")
	if !given || cols < 1 {
		cols = max(size, 1)
	}
	return cols, err
}

func (n *rowsNode) rows(st *state, w io.Writer, ctx render.Context, t turns, cols int64) error {
	r := &rowloop{forloop{length: t.size}, cols}
	base := len(st.scopes)
	st.scopes = append(st.scopes, scope{"tablerowloop", binding{value: r}}, scope{n.variable, binding{origin: t.origin}})
	defer func() { st.scopes = st.scopes[:base] }()
	if err := st.write("<tr class=\"row1\">\n"); err != nil {
		return err
	}
	for i := range t.size {
		if err := st.step(1); err != nil {
			return err
		}
		r.index = i
		st.scopes[base+1].value = t.at(i)
		if err := n.cell(st, w, ctx, r); err != nil {
			return err
		}
		stop := st.signal == signalBreak
		st.signal = signalNone
		if stop {
			break
		}
	}
	return st.write("</tr>\n")
}

// cell writes one cell, and the change of row after it.
func (n *rowsNode) cell(st *state, w io.Writer, ctx render.Context, r *rowloop) error {
	col := strconv.FormatInt(r.index%r.cols+1, 10)
	if err := st.write(`<td class="col` + col + `">`); err != nil {
		return err
	}
	if err := children(w, ctx); err != nil {
		return err
	}
	if err := st.write("</td>"); err != nil {
		return err
	}
	if r.property("col_last") == true && r.index < r.length-1 && st.signal != signalBreak {
		row := strconv.FormatInt(r.index/r.cols+2, 10)
		return st.write("</tr>\n<tr class=\"row" + row + `">`)
	}
	return nil
}
