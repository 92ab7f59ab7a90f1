package liquid

import (
	"strings"
	"unsafe"
)

// compiler reads one source into a template. It works through the source once, keeping open blocks on a list of its own, so that no depth of
// the source turns into depth of the Go stack.
type compiler struct {
	source   string
	limits   *Limits
	scan     scanner
	nodes    []node
	places   []int
	skeleton skeletonBuilder
	parts    []part // of the sequence being read
	open     []openBlock
	floor    int  // blocks opened before the liquid tag being read
	liquid   int  // liquid tags inside each other
	trim     bool // the next text loses its leading space
	textEnd  int  // where the last text of the source ended
	noEndRaw bool // no endraw follows, so it is not looked for again
	tokens   int
	blocks   int
	paths    int
	inOutput bool // the expression being read is an output's
	uses     uses
	snippets []snippetUse
	loops    []Loop
	runs     []*int64 // of the loops around, how often each runs; nil where data decides
	faults   []*Error
}

// openBlock is a block tag whose end is still to come.
type openBlock struct {
	kind  *blockKind
	at    int
	node  node
	blank bool    // nothing in it writes anything but space
	texts []*text // its own texts of space, which go when it stays blank
	loop  bool    // it pushed a loop variable
}

// mostFaults is how many errors one parse reports.
const mostFaults = 20

// compile reads source. Every fault that is found is kept, up to mostFaults.
func compile(source string, limits *Limits) *compiler {
	c := &compiler{source: source, limits: limits, scan: scanner{source: source}}
	if len(source) > limits.Source {
		c.faults = []*Error{limitf("the template has %d bytes, more than %d", len(source), limits.Source)}
	} else {
		c.all()
	}
	return c
}

// parse compiles source into a template, which is nil when there are faults.
func parse(source string, limits *Limits) (*template, []*Error) {
	c := compile(source, limits)
	if len(c.faults) > 0 {
		return nil, c.faults
	}
	c.flush()
	t := &template{source: source, nodes: c.nodes, places: c.places, paths: c.paths, variables: c.uses.list(), snippets: c.snippets}
	t.size = len(source) + c.tokens*int(unsafe.Sizeof(token{})) + 4096
	if err := t.build(c.skeleton.String()); err != nil {
		return nil, []*Error{asError(err)}
	}
	return t, nil
}

// all reads pieces to the end of the source or to a fault that leaves no way on.
func (c *compiler) all() {
	for {
		p, ok, err := c.scan.next()
		if err != nil {
			c.faults = append(c.faults, err)
			return
		}
		if !ok {
			break
		}
		c.tokens++
		if c.tokens > c.limits.Tokens {
			c.faults = append(c.faults, c.tooManyTokens(p.start))
			return
		}
		if err := c.piece(p); err != nil {
			c.faults = append(c.faults, err)
			if err.Kind == KindLimit || len(c.faults) >= mostFaults {
				return
			}
		}
	}
	for _, b := range c.open {
		c.faults = append(c.faults, syntaxf("%s is not closed by end%s", b.kind.name, b.kind.name).at(c.source, b.at))
	}
}

func (c *compiler) tooManyTokens(at int) *Error {
	return limitf("the template has more than %d tokens", c.limits.Tokens).at(c.source, at)
}

func (c *compiler) piece(p piece) *Error {
	if p.kind == pieceText {
		c.text(p.body, p.start)
		c.textEnd = p.end
		return nil
	}
	if p.trimLeft {
		c.trimLastText(p.start)
	}
	c.trim = p.trimRight
	if p.kind == pieceOutput {
		return c.output(p.body, p.bodyAt, p)
	}
	name, rest, nameAt, restAt := splitTag(p.body)
	return c.tag(tagUse{name: name, at: p.bodyAt + nameAt, rest: rest, restAt: p.bodyAt + restAt, source: c.source[p.start:p.end]})
}

// text is literal text.
type text struct {
	value string
	at    int
}

func (t *text) position() int { return t.at }

func (t *text) run(st *state) error {
	if err := st.step(1); err != nil {
		return err
	}
	return st.write(t.value)
}

// text adds literal text to the sequence.
func (c *compiler) text(value string, at int) {
	if c.trim {
		value = strings.TrimLeft(value, space)
		c.trim = false
	}
	if value == "" {
		return
	}
	t := &text{value, at}
	c.parts = append(c.parts, t)
	if len(c.open) == 0 {
		return
	}
	b := &c.open[len(c.open)-1]
	if strings.TrimLeft(value, space) == "" {
		b.texts = append(b.texts, t)
	} else {
		b.blank = false
	}
}

// trimLastText drops the space at the end of the text that ends at start. Only text of the template is trimmed, never output.
func (c *compiler) trimLastText(start int) {
	if len(c.parts) == 0 || c.textEnd != start {
		return
	}
	if t, ok := c.parts[len(c.parts)-1].(*text); ok {
		t.value = strings.TrimRight(t.value, space)
	}
}

// notBlank notes that the innermost open block writes something.
func (c *compiler) notBlank() {
	if len(c.open) > 0 {
		c.open[len(c.open)-1].blank = false
	}
}

// output reads a {{ }}.
func (c *compiler) output(body string, at int, p piece) *Error {
	c.notBlank()
	if strings.TrimLeft(body, space) == "" {
		return nil
	}
	o, err := c.outputOf(body, at, c.source[p.start:p.end])
	if err != nil {
		return err
	}
	c.parts = append(c.parts, o)
	return nil
}

func (c *compiler) outputOf(body string, at int, source string) (*output, *Error) {
	c.inOutput = true
	defer func() { c.inOutput = false }()
	p := c.expressionIn(body, at)
	start := p.tok.at
	head, calls, err := p.pipeline()
	if err != nil {
		return nil, err
	}
	if err := p.expectEnd(); err != nil {
		return nil, err
	}
	return newOutput(source, start, head, calls), nil
}

// flush ends the sequence being read and gives it a place in the tree.
func (c *compiler) flush() {
	if len(c.parts) == 0 {
		return
	}
	c.skeleton.tag("run", c.add(&sequence{c.parts}, c.parts[0].position()))
	c.parts = nil
}

// add numbers a node, which stands at offset at of the source.
func (c *compiler) add(n node, at int) int {
	c.nodes = append(c.nodes, n)
	c.places = append(c.places, at)
	return len(c.nodes) - 1
}

// openBlock begins a block.
func (c *compiler) openBlock(kind *blockKind, at int, n node) *Error {
	if len(c.open) >= c.limits.Nesting {
		return limitf("blocks nested deeper than %d", c.limits.Nesting).at(c.source, at)
	}
	if err := c.countBlock(at); err != nil {
		return err
	}
	c.flush()
	c.skeleton.tag(kind.name, c.add(n, at))
	c.open = append(c.open, openBlock{kind: kind, at: at, node: n, blank: true})
	return nil
}

// clause begins a clause of the innermost block.
func (c *compiler) clause(u tagUse, n node) *Error {
	c.flush()
	c.skeleton.tag(u.name, c.add(n, u.at))
	return c.countBlock(u.at)
}

// countBlock keeps the tree within the limit: building it is the one part of the work that is not interrupted.
func (c *compiler) countBlock(at int) *Error {
	c.blocks++
	if c.blocks > c.limits.Blocks {
		return limitf("more than %d block tags and clauses", c.limits.Blocks).at(c.source, at)
	}
	return nil
}

// closeBlock ends the innermost block, which name must fit.
func (c *compiler) closeBlock(name string, at int) *Error {
	if len(c.open) <= c.floor {
		return syntaxf("end%s without %s", name, name).at(c.source, at)
	}
	b := c.open[len(c.open)-1]
	if b.kind.name != name {
		return syntaxf("end%s inside %s, which is not closed by end%s", name, b.kind.name, b.kind.name).at(c.source, at)
	}
	c.flush()
	c.skeleton.end(name)
	c.open = c.open[:len(c.open)-1]
	if b.loop {
		c.uses.leave()
		c.runs = c.runs[:len(c.runs)-1]
	}
	blank := b.blank
	if blank && b.kind.dropsSpace {
		for _, t := range b.texts {
			t.value = ""
		}
	}
	if !blank && b.kind.name != "capture" || b.kind.writes {
		c.notBlank()
	}
	return nil
}
