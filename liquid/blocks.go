package liquid

import (
	"io"
	"strings"

	"github.com/osteele/liquid/render"
)

// blockKind describes a block tag.
type blockKind struct {
	name       string
	clauses    []string
	read       func(*compiler, tagUse) (node, *Error)
	clause     func(c *compiler, block node, u tagUse) (node, *Error)
	dropsSpace bool // its texts go when nothing in it writes anything but space
	writes     bool // it writes something itself
}

// blocks are the block tags.
var blocks = []*blockKind{
	{name: "if", clauses: []string{"elsif", "else"}, read: readIf, clause: clauseOfIf, dropsSpace: true},
	{name: "unless", clauses: []string{"elsif", "else"}, read: readIf, clause: clauseOfIf, dropsSpace: true},
	{name: "case", clauses: []string{"when", "else"}, read: readCase, clause: clauseOfCase, dropsSpace: true},
	{name: "for", clauses: []string{"else"}, read: readFor, clause: clauseOfFor, dropsSpace: true},
	{name: "tablerow", read: readRows, writes: true},
	{name: "capture", read: readCapture},
	{name: "ifchanged", read: readIfChanged},
}

func findBlock(name string) *blockKind {
	for _, b := range blocks {
		if b.name == name {
			return b
		}
	}
	return nil
}

// blockTag reads the beginning, a clause or the end of a block.
func (c *compiler) blockTag(u tagUse) *Error {
	if kind := findBlock(u.name); kind != nil {
		return c.beginBlock(kind, u)
	}
	if name, ok := strings.CutPrefix(u.name, "end"); ok && findBlock(name) != nil {
		return c.closeBlock(name, u.at)
	}
	for _, kind := range blocks {
		for _, clause := range kind.clauses {
			if clause == u.name {
				return c.clauseTag(u)
			}
		}
	}
	return syntaxf("unknown tag %q", cutText(u.name, 40)).at(c.source, u.at).suggesting(meantTag(u.name))
}

// beginBlock opens a block even when its head is faulty, so that its end is not reported as well.
func (c *compiler) beginBlock(kind *blockKind, u tagUse) *Error {
	if len(c.open) >= c.limits.Nesting {
		return limitf("blocks nested deeper than %d", c.limits.Nesting).at(c.source, u.at)
	}
	n, err := kind.read(c, u)
	if openErr := c.openBlock(kind, u.at, n); openErr != nil {
		return openErr
	}
	if err != nil {
		return err
	}
	c.enterLoop(n)
	return nil
}

// enterLoop tells the list of variables which name now stands for the elements of which list.
func (c *compiler) enterLoop(n node) {
	var l *loop
	switch n := n.(type) {
	case *forNode:
		l = &n.loop
	case *rowsNode:
		l = &n.loop
	default:
		return
	}
	c.uses.enter(l.variable, l.source)
	c.noteLoop(l)
	c.open[len(c.open)-1].loop = true
}

func (c *compiler) clauseTag(u tagUse) *Error {
	if len(c.open) > c.floor {
		b := c.open[len(c.open)-1]
		for _, clause := range b.kind.clauses {
			if clause != u.name {
				continue
			}
			n, err := b.kind.clause(c, b.node, u)
			if err != nil {
				return err
			}
			return c.clause(u, n)
		}
		return syntaxf("%s inside %s", u.name, b.kind.name).at(c.source, u.at)
	}
	return syntaxf("%s outside of a block", u.name).at(c.source, u.at)
}

// choice is one branch of an if: nil condition is always chosen.
type choice struct {
	at   int
	when *condition
}

// ifNode is {% if %} or {% unless %}.
type ifNode struct {
	choice
	negate bool
}

func readIf(c *compiler, u tagUse) (node, *Error) {
	n := &ifNode{choice{u.at, nil}, u.name == "unless"}
	var err *Error
	n.when, err = c.expressionOf(u).condition()
	return n, err
}

func clauseOfIf(c *compiler, _ node, u tagUse) (node, *Error) {
	if u.name == "else" {
		return &choice{u.at, nil}, nil
	}
	when, err := c.expressionOf(u).condition()
	return &choice{u.at, when}, err
}

// block renders the first branch whose condition holds. Branches after an else are never reached.
func (n *ifNode) block(t *template, b render.BlockNode) func(io.Writer, render.Context) error {
	branches := make([]*choice, len(b.Clauses))
	for i, clause := range b.Clauses {
		branches[i], _ = nodeAt[*choice](t, clause.Args)
	}
	return func(w io.Writer, ctx render.Context) error {
		st := stateOf(ctx)
		yes, err := n.when.test(st)
		if err != nil {
			return st.fault(err, n.at)
		}
		if yes != n.negate {
			return children(w, ctx)
		}
		for i, branch := range branches {
			if branch.when != nil {
				if yes, err = branch.when.test(st); err != nil {
					return st.fault(err, branch.at)
				}
			}
			if yes || branch.when == nil {
				return ctx.RenderBlock(w, b.Clauses[i])
			}
		}
		return nil
	}
}

// children renders the body of the block. The nodes write to the state; w is only the library's own writer handed back to it.
func children(w io.Writer, ctx render.Context) error {
	if err := ctx.RenderChildren(w); err != nil {
		return err
	}
	return nil
}

// caseNode is {% case %}.
type caseNode struct {
	at    int
	value expression
}

// caseClause is a when, or an else when values is nil.
type caseClause struct {
	at     int
	values []expression
}

func readCase(c *compiler, u tagUse) (node, *Error) {
	p := c.expressionOf(u)
	value, err := p.filtered()
	if err == nil {
		err = p.expectEnd()
	}
	return &caseNode{u.at, value}, err
}

func clauseOfCase(c *compiler, _ node, u tagUse) (node, *Error) {
	n := &caseClause{at: u.at}
	if u.name == "else" {
		return n, nil
	}
	p := c.expressionOf(u)
	for {
		v, err := p.operand()
		if err != nil {
			return nil, err
		}
		n.values = append(n.values, v)
		if !p.tok.is(',') && !p.tok.isName("or") {
			return n, p.expectEnd()
		}
		p.advance()
		if p.tok.kind == tokenEnd {
			return n, nil
		}
	}
}

// block renders every when that matches, once for each matching value, and an else when nothing has matched before it: this is what the
// reference does.
func (n *caseNode) block(t *template, b render.BlockNode) func(io.Writer, render.Context) error {
	clauses := make([]*caseClause, len(b.Clauses))
	for i, clause := range b.Clauses {
		clauses[i], _ = nodeAt[*caseClause](t, clause.Args)
	}
	return func(w io.Writer, ctx render.Context) error {
		st := stateOf(ctx)
		value, err := n.value.eval(st)
		if err != nil {
			return st.fault(err, n.at)
		}
		matched := false
		for i, clause := range clauses {
			times, err := clause.matches(st, unmarked(value), matched)
			if err != nil {
				return st.fault(err, clause.at)
			}
			matched = matched || times > 0 && clause.values != nil
			for range times {
				if err := ctx.RenderBlock(w, b.Clauses[i]); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// matches counts how often the clause is rendered.
func (c *caseClause) matches(st *state, value any, matched bool) (int, error) {
	if c.values == nil {
		if matched {
			return 0, nil
		}
		return 1, nil
	}
	times := 0
	for _, e := range c.values {
		v, err := e.eval(st)
		if err != nil {
			return 0, err
		}
		yes, err := equal(st, value, unmarked(v))
		if err != nil {
			return 0, err
		}
		if yes {
			times++
		}
	}
	return times, nil
}

// captureNode is {% capture name %}.
type captureNode struct {
	at   int
	name string
}

func readCapture(c *compiler, u tagUse) (node, *Error) {
	p := c.expressionOf(u)
	if p.tok.kind == tokenText {
		// Old templates write the name in quotes; the reference accepts it.
		p = c.expressionIn(p.tok.text, p.tok.at+1)
	}
	name, err := p.variableName()
	if err == nil {
		err = p.expectEnd()
	}
	if err == nil {
		c.uses.assign(name, nil)
	}
	return &captureNode{u.at, name}, err
}

// block keeps what the body writes. In an HTML part that is HTML already: its outputs were escaped and its text is the author's.
func (n *captureNode) block(*template, render.BlockNode) func(io.Writer, render.Context) error {
	return func(w io.Writer, ctx render.Context) error {
		st := stateOf(ctx)
		s, err := st.divert("a captured text", func() error { return children(w, ctx) })
		if err != nil {
			return st.fault(err, n.at)
		}
		if st.escape {
			st.assign(n.name, binding{value: marked(s)})
		} else {
			st.assign(n.name, binding{value: s})
		}
		return nil
	}
}

// ifChangedNode is {% ifchanged %}: its body is written when it differs from what was written by the last one.
type ifChangedNode struct{ at int }

func readIfChanged(c *compiler, u tagUse) (node, *Error) {
	return &ifChangedNode{u.at}, c.expressionOf(u).expectEnd()
}

func (n *ifChangedNode) block(*template, render.BlockNode) func(io.Writer, render.Context) error {
	return func(w io.Writer, ctx render.Context) error {
		st := stateOf(ctx)
		s, err := st.divert("the text of ifchanged", func() error { return children(w, ctx) })
		if err != nil {
			return st.fault(err, n.at)
		}
		if st.changed != nil && *st.changed == s {
			return st.read(len(s))
		}
		st.changed = &s
		return st.write(s)
	}
}
