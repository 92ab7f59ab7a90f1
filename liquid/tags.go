package liquid

import (
	"strings"
)

// tagUse is one tag in the source.
type tagUse struct {
	name   string
	at     int
	rest   string // what follows the name
	restAt int
	source string // the whole tag
	line   bool   // it is a line of a liquid tag: source has no delimiters
}

// tag reads one tag.
func (c *compiler) tag(u tagUse) *Error {
	switch u.name {
	case "#":
		return c.inlineComment(u)
	case "comment":
		return c.skipComment(u)
	case "doc":
		return c.skipDoc(u)
	case "raw":
		return c.raw(u)
	case "liquid":
		return c.liquidTag(u)
	case "":
		if strings.TrimLeft(u.rest, space) == "" {
			return syntaxf("a tag without a name").at(c.source, u.at)
		}
		return syntaxf("a tag must begin with its name, not %q", cutText(strings.TrimLeft(u.rest, space), 20)).at(c.source, u.at)
	}
	if read, ok := simpleTags[u.name]; ok {
		return read(c, u)
	}
	return c.blockTag(u)
}

// simpleTags are the tags without a body.
var simpleTags = map[string]func(*compiler, tagUse) *Error{
	"assign":        (*compiler).assign,
	"echo":          (*compiler).echo,
	"increment":     (*compiler).increment,
	"decrement":     (*compiler).decrement,
	"cycle":         (*compiler).cycle,
	"break":         (*compiler).breakTag,
	"continue":      (*compiler).continueTag,
	"abort":         (*compiler).abort,
	"abort_message": (*compiler).abort,
	"render":        (*compiler).snippetTag,
	"include":       (*compiler).snippetTag,
}

func (c *compiler) expressionOf(u tagUse) *expressionParser { return c.expressionIn(u.rest, u.restAt) }

// assignment is {% assign name = value %}.
type assignment struct {
	at     int
	name   string
	head   expression
	source *path // where the value comes from, when it is data
	calls  []call
}

func (a *assignment) position() int { return a.at }

func (a *assignment) run(st *state) error {
	if err := st.step(1); err != nil {
		return err
	}
	var b binding
	var err error
	if a.source != nil {
		b.value, b.origin, err = a.source.find(st)
	} else {
		b.value, err = a.head.eval(st)
	}
	if err != nil {
		return err
	}
	if len(a.calls) > 0 {
		b.origin = ""
		if b.value, err = applyCalls(st, b.value, a.calls); err != nil {
			return err
		}
	}
	st.assign(a.name, b)
	return nil
}

func (c *compiler) assign(u tagUse) *Error {
	p := c.expressionOf(u)
	name, err := p.variableName()
	if err != nil {
		return err
	}
	if err := p.expectSymbol('='); err != nil {
		return err
	}
	a := &assignment{at: u.at, name: name}
	if a.head, a.calls, err = p.pipeline(); err != nil {
		return err
	}
	if err := p.expectEnd(); err != nil {
		return err
	}
	a.source, _ = a.head.(*path)
	c.uses.assign(name, a.source)
	c.parts = append(c.parts, a)
	return nil
}

// variableName reads a name that is given a value. As in the reference it may be digits only, which can then never be read.
func (p *expressionParser) variableName() (string, *Error) {
	if p.tok.kind != tokenName && p.tok.kind != tokenInteger || strings.HasSuffix(p.tok.text, "?") || p.tok.text[0] == '-' {
		return "", p.unexpected()
	}
	name := p.tok.text
	p.advance()
	return name, nil
}

func (c *compiler) echo(u tagUse) *Error {
	c.notBlank()
	if strings.TrimLeft(u.rest, space) == "" {
		return nil
	}
	source := u.source
	if u.line {
		source = "{% " + strings.Trim(source, space) + " %}"
	}
	o, err := c.outputOf(u.rest, u.restAt, source)
	if err != nil {
		return err
	}
	c.parts = append(c.parts, o)
	return nil
}

// counter is {% increment name %} or {% decrement name %}.
type counter struct {
	at   int
	name string
	down bool
}

func (n *counter) position() int { return n.at }

// run writes the number before counting up and after counting down, as the reference does.
func (n *counter) run(st *state) error {
	if err := st.step(1); err != nil {
		return err
	}
	if st.counters == nil {
		st.counters = map[string]int64{}
	}
	value := st.counters[n.name]
	if n.down {
		value--
		st.counters[n.name] = value
	} else {
		st.counters[n.name] = value + 1
	}
	return writeValue(st, value)
}

func (c *compiler) increment(u tagUse) *Error { return c.counter(u, false) }
func (c *compiler) decrement(u tagUse) *Error { return c.counter(u, true) }

func (c *compiler) counter(u tagUse, down bool) *Error {
	c.notBlank()
	p := c.expressionOf(u)
	name, err := p.variableName()
	if err != nil {
		return err
	}
	if err := p.expectEnd(); err != nil {
		return err
	}
	c.uses.assign(name, nil)
	c.parts = append(c.parts, &counter{u.at, name, down})
	return nil
}

// cycle is {% cycle group: a, b, c %}. Its place in the round belongs to the render, so renders that share a template do not disturb each
// other.
type cycle struct {
	at     int
	group  expression // nil when the values name the group
	key    string
	values []expression
}

func (y *cycle) position() int { return y.at }

func (y *cycle) run(st *state) error {
	if err := st.step(1); err != nil {
		return err
	}
	key := y.key
	if y.group != nil {
		v, err := y.group.eval(st)
		if err != nil {
			return err
		}
		s, err := toText(st, v)
		if err != nil {
			return err
		}
		key = "group " + s
	}
	if st.cycles == nil {
		st.cycles = map[string]int{}
	}
	if err := st.alloc(len(key)); err != nil {
		return err
	}
	turn := st.cycles[key]
	next := turn + 1
	if next >= len(y.values) {
		next = 0
	}
	st.cycles[key] = next
	if turn >= len(y.values) {
		return nil
	}
	v, err := y.values[turn].eval(st)
	if err != nil {
		return err
	}
	return writeValue(st, v)
}

func (c *compiler) cycle(u tagUse) *Error {
	c.notBlank()
	p := c.expressionOf(u)
	y := &cycle{at: u.at, key: "list " + strings.Join(strings.Fields(u.rest), " ")}
	first, err := p.operand()
	if err != nil {
		return err
	}
	if p.tok.is(':') {
		p.advance()
		y.group = first
		if first, err = p.operand(); err != nil {
			return err
		}
	}
	y.values = []expression{first}
	for p.tok.is(',') {
		p.advance()
		if p.tok.kind == tokenEnd {
			break
		}
		v, err := p.operand()
		if err != nil {
			return err
		}
		y.values = append(y.values, v)
	}
	if err := p.expectEnd(); err != nil {
		return err
	}
	c.parts = append(c.parts, y)
	return nil
}

// leaving is {% break %} or {% continue %}.
type leaving struct {
	at   int
	sign signal
}

func (l *leaving) position() int { return l.at }

// run asks the innermost loop to stop or go on. Outside of any loop it ends the part, as in the reference.
func (l *leaving) run(st *state) error {
	st.signal = l.sign
	return st.step(1)
}

func (c *compiler) breakTag(u tagUse) *Error    { return c.leaving(u, signalBreak) }
func (c *compiler) continueTag(u tagUse) *Error { return c.leaving(u, signalContinue) }

func (c *compiler) leaving(u tagUse, sign signal) *Error {
	c.notBlank()
	c.parts = append(c.parts, &leaving{u.at, sign})
	return c.expressionOf(u).expectEnd()
}

// aborting is {% abort "reason" %}, also written {% abort_message('reason') %} as Braze does.
type aborting struct {
	at     int
	reason expression
}

func (a *aborting) position() int { return a.at }

func (a *aborting) run(st *state) error {
	if a.reason == nil {
		return &abortion{}
	}
	v, err := a.reason.eval(st)
	if err != nil {
		return err
	}
	reason, err := toText(st, v)
	if err != nil {
		return err
	}
	return &abortion{cutText(reason, 1000)}
}

func (c *compiler) abort(u tagUse) *Error {
	p := c.expressionOf(u)
	a := &aborting{at: u.at}
	c.parts = append(c.parts, a)
	if p.tok.kind == tokenEnd {
		return nil
	}
	bracketed := p.tok.is('(')
	if bracketed {
		p.advance()
	}
	if !bracketed || !p.tok.is(')') {
		reason, err := p.filtered()
		if err != nil {
			return err
		}
		a.reason = reason
	}
	if bracketed {
		if err := p.expectSymbol(')'); err != nil {
			return err
		}
	}
	return p.expectEnd()
}
