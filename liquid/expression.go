package liquid

import (
	"errors"
	"math/big"
	"strconv"
)

// expression is a compiled expression. It is immutable and shared by renders.
type expression interface {
	eval(*state) (any, error)
}

// literal is a constant.
type literal struct{ value any }

func (l literal) eval(*state) (any, error) { return l.value, nil }

// between is a range (from..to) whose ends are known when it is evaluated.
type between struct{ from, to expression }

func (b between) eval(st *state) (any, error) {
	from, err := b.end(st, b.from)
	if err != nil {
		return nil, err
	}
	to, err := b.end(st, b.to)
	if err != nil {
		return nil, err
	}
	return interval{from, to}, nil
}

func (b between) end(st *state, e expression) (int64, error) {
	v, err := e.eval(st)
	if err != nil {
		return 0, err
	}
	n, ok := toNumber(v).(int64)
	if !ok {
		if f, isFloat := toNumber(v).(float64); isFloat && f > -1e18 && f < 1e18 {
			return int64(f), nil
		}
		return 0, typef("the end of a range must be a whole number that fits 64 bits")
	}
	return n, nil
}

// pipeline is a value led through filters.
type pipeline struct {
	head  expression
	calls []call
}

// call is one use of a filter.
type call struct {
	filter *filter
	args   []expression
	named  []namedArgument
	at     int
}

type namedArgument struct {
	name  string
	value expression
}

func (p *pipeline) eval(st *state) (any, error) {
	v, err := p.head.eval(st)
	if err != nil {
		return nil, err
	}
	return applyCalls(st, v, p.calls)
}

// applyCalls leads v through filters. Arguments live on a stack of the render, so that a call costs no allocation.
func applyCalls(st *state, v any, calls []call) (any, error) {
	for i := range calls {
		c := &calls[i]
		if err := st.step(1); err != nil {
			return nil, err
		}
		base := len(st.stack)
		var in arguments
		for n, e := range c.args {
			lacking := st.lacking
			a, err := e.eval(st)
			if err != nil {
				st.stack = st.stack[:base]
				return nil, err
			}
			if n == c.filter.zone-1 {
				st.lacking = lacking
			}
			st.stack = append(st.stack, a)
		}
		in.list = st.stack[base:]
		for _, n := range c.named {
			a, err := n.value.eval(st)
			if err != nil {
				st.stack = st.stack[:base]
				return nil, err
			}
			if in.named == nil {
				in.named = map[string]any{}
			}
			in.named[n.name] = unmarked(a)
		}
		out, err := c.filter.apply(st, v, in)
		clear(st.stack[base:])
		st.stack = st.stack[:base]
		if err != nil {
			return nil, inFilter(err, c)
		}
		v = out
	}
	return v, nil
}

// inFilter names the filter in a failure.
func inFilter(err error, c *call) error {
	var e *Error
	if errors.As(err, &e) && e.Line == 0 && (e.Kind == KindType || e.Kind == KindLimit) {
		e.Message = c.filter.name + ": " + e.Message
	}
	return err
}

// expressionParser reads one expression out of a tag or output. The first fault stops it.
type expressionParser struct {
	c     *compiler
	lex   lexer
	tok   token
	depth int
}

// expressionIn starts a parser on text, which stands at offset base of the source.
func (c *compiler) expressionIn(text string, base int) *expressionParser {
	p := &expressionParser{c: c, lex: lexer{text: text, base: base}}
	p.advance()
	return p
}

func (p *expressionParser) advance() {
	p.tok = p.lex.next()
	p.c.tokens++
}

func (p *expressionParser) fail(format string, a ...any) *Error {
	return syntaxf(format, a...).at(p.c.source, p.tok.at)
}

// peek gives the token after the current one.
func (p *expressionParser) peek() token {
	ahead := p.lex
	return ahead.next()
}

func (p *expressionParser) unexpected() *Error {
	switch {
	case p.tok.kind == tokenEnd:
		return p.fail("the expression ends too early")
	case p.tok.kind == tokenForeign && (p.tok.text[0] == '\'' || p.tok.text[0] == '"'):
		return p.fail("a quote is not closed")
	case p.tok.kind == tokenForeign && p.tok.text[0] >= 0x80:
		return p.fail("a name may only hold letters a-z, digits, _ and -; write other names as ['name']")
	default:
		return p.fail("unexpected %q", cutText(p.tok.text, 40))
	}
}

// expectEnd refuses anything that is left over.
func (p *expressionParser) expectEnd() *Error {
	if p.tok.kind != tokenEnd {
		return p.unexpected()
	}
	return nil
}

// expectSymbol moves over one symbol.
func (p *expressionParser) expectSymbol(symbol byte) *Error {
	if !p.tok.is(symbol) {
		if p.tok.kind == tokenEnd {
			return p.fail("%q is missing at the end", string(symbol))
		}
		return p.unexpected()
	}
	p.advance()
	return nil
}

// pipeline reads a value and its filters. Without filters it is the value alone.
func (p *expressionParser) pipeline() (head expression, calls []call, err *Error) {
	head, err = p.operand()
	if err != nil {
		return nil, nil, err
	}
	for p.tok.is('|') {
		p.advance()
		if len(calls) >= p.c.limits.Filters {
			return nil, nil, limitf("more than %d filters in a chain", p.c.limits.Filters).at(p.c.source, p.tok.at)
		}
		one, err := p.call()
		if err != nil {
			return nil, nil, err
		}
		calls = append(calls, one)
	}
	return head, calls, nil
}

// filtered is pipeline as one expression.
func (p *expressionParser) filtered() (expression, *Error) {
	head, calls, err := p.pipeline()
	if err != nil || len(calls) == 0 {
		return head, err
	}
	return &pipeline{head, calls}, nil
}

// call reads a filter's name and arguments.
func (p *expressionParser) call() (call, *Error) {
	if p.tok.kind != tokenName {
		return call{}, p.unexpected()
	}
	name := p.tok
	f := filters[name.text]
	if f == nil {
		return call{}, p.fail("unknown filter %q", cutText(name.text, 40)).suggesting(meantFilter(name.text))
	}
	c := call{filter: f, at: name.at}
	p.advance()
	if p.tok.is(':') {
		p.advance()
		if err := p.arguments(&c); err != nil {
			return call{}, err
		}
	}
	if len(c.args) < f.least || len(c.args) > f.most {
		return call{}, syntaxf("filter %s takes %s, not %d", f.name, f.arity(), len(c.args)).at(p.c.source, name.at)
	}
	return c, nil
}

// arguments reads positional and named arguments up to the next filter or the end.
func (p *expressionParser) arguments(c *call) *Error {
	for {
		if p.tok.kind == tokenName && p.peek().is(':') {
			if err := p.namedArgument(c); err != nil {
				return err
			}
		} else {
			e, err := p.operand()
			if err != nil {
				return err
			}
			c.args = append(c.args, e)
		}
		if !p.tok.is(',') {
			return nil
		}
		p.advance()
		if p.tok.kind == tokenEnd || p.tok.is('|') {
			return nil
		}
	}
}

func (p *expressionParser) namedArgument(c *call) *Error {
	name := p.tok
	if name.text != c.filter.named {
		return p.fail("filter %s has no argument named %q", c.filter.name, cutText(name.text, 40))
	}
	p.advance()
	p.advance()
	e, err := p.operand()
	if err != nil {
		return err
	}
	c.named = append(c.named, namedArgument{name.text, e})
	return nil
}

// operand reads a literal, a range or a variable path.
func (p *expressionParser) operand() (expression, *Error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > p.c.limits.Nesting {
		return nil, limitf("brackets nested deeper than %d", p.c.limits.Nesting).at(p.c.source, p.tok.at)
	}
	if p.c.tokens > p.c.limits.Tokens {
		return nil, p.c.tooManyTokens(p.tok.at)
	}
	t := p.tok
	switch t.kind {
	case tokenText:
		p.advance()
		return literal{t.text}, nil
	case tokenInteger:
		return p.integer()
	case tokenFloat:
		return p.float()
	case tokenName:
		return p.nameOrLiteral()
	case tokenSymbol:
		switch t.text {
		case "(":
			return p.between()
		case "[":
			return p.path()
		}
	}
	return nil, p.unexpected()
}

func (p *expressionParser) integer() (expression, *Error) {
	t := p.tok
	if n, err := strconv.ParseInt(t.text, 10, 64); err == nil {
		p.advance()
		return literal{n}, nil
	}
	if len(t.text) > p.c.limits.IntegerBits/3 {
		return nil, limitf("a whole number of more than %d bits", p.c.limits.IntegerBits).at(p.c.source, t.at)
	}
	n, ok := new(big.Int).SetString(t.text, 10)
	if !ok || n.BitLen() > p.c.limits.IntegerBits {
		return nil, limitf("a whole number of more than %d bits", p.c.limits.IntegerBits).at(p.c.source, t.at)
	}
	p.advance()
	return literal{n}, nil
}

func (p *expressionParser) float() (expression, *Error) {
	f, err := strconv.ParseFloat(p.tok.text, 64)
	if err != nil {
		return nil, p.fail("a number out of range")
	}
	p.advance()
	return literal{f}, nil
}

func (p *expressionParser) between() (expression, *Error) {
	p.advance()
	from, err := p.operand()
	if err != nil {
		return nil, err
	}
	if p.tok.kind != tokenRange {
		return nil, p.unexpected()
	}
	p.advance()
	to, err := p.operand()
	if err != nil {
		return nil, err
	}
	if err := p.expectSymbol(')'); err != nil {
		return nil, err
	}
	return between{from, to}, nil
}

// nameOrLiteral reads one of the named constants, or a path.
func (p *expressionParser) nameOrLiteral() (expression, *Error) {
	value, ok := constants[p.tok.text]
	if ok && !p.peek().is('.') && !p.peek().is('[') {
		p.advance()
		return literal{value}, nil
	}
	return p.path()
}

var constants = map[string]any{
	"nil": nil, "null": nil, "true": true, "false": false, "empty": emptiness{}, "blank": blankness{},
}
