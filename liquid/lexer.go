package liquid

import "strings"

// tokenKind is the sort of a word in an expression.
type tokenKind int

const (
	tokenEnd     tokenKind = iota
	tokenName              // person, first-name, blank, and, contains
	tokenInteger           // 12, -3
	tokenFloat             // 1.5
	tokenText              // 'a', "a"; text holds what is between the quotes
	tokenCompare           // == != <> < > <= >=
	tokenRange             // ..
	tokenSymbol            // one of | : , . [ ] ( ) =
	tokenForeign           // anything else
)

// token is one word of an expression; at is its offset in the template's source.
type token struct {
	kind tokenKind
	text string
	at   int
}

func (t token) is(symbol byte) bool { return t.kind == tokenSymbol && t.text[0] == symbol }

func (t token) isName(name string) bool { return t.kind == tokenName && t.text == name }

// lexer reads the words of one expression. It is a small value; copying it is how the parser looks ahead.
type lexer struct {
	text string
	base int // offset of text in the source
	pos  int
}

// next reads one token. It has no failing inputs: what is not a word of the language comes as tokenForeign.
func (l *lexer) next() token {
	for l.pos < len(l.text) && strings.IndexByte(space, l.text[l.pos]) >= 0 {
		l.pos++
	}
	if l.pos >= len(l.text) {
		return token{kind: tokenEnd, at: l.base + l.pos}
	}
	start := l.pos
	kind := l.scan()
	t := token{kind: kind, text: l.text[start:l.pos], at: l.base + start}
	if kind == tokenText {
		t.text = t.text[1 : len(t.text)-1]
	}
	return t
}

// scan moves over one token that begins at the current place and tells its kind.
func (l *lexer) scan() tokenKind {
	c := l.text[l.pos]
	switch {
	case isDigit(c), c == '-' && l.pos+1 < len(l.text) && isDigit(l.text[l.pos+1]):
		return l.number()
	case isWord(c):
		return l.name()
	case c == '\'' || c == '"':
		return l.quoted(c)
	case c == '.' && strings.HasPrefix(l.text[l.pos:], ".."):
		l.pos += 2
		return tokenRange
	case strings.IndexByte("=!<>", c) >= 0:
		return l.compare()
	case strings.IndexByte("|:,.[]()", c) >= 0:
		l.pos++
		return tokenSymbol
	default:
		l.pos++
		return tokenForeign
	}
}

func (l *lexer) number() tokenKind {
	l.pos++
	l.digits()
	if l.pos+1 < len(l.text) && l.text[l.pos] == '.' && isDigit(l.text[l.pos+1]) {
		l.pos++
		l.digits()
		return tokenFloat
	}
	return tokenInteger
}

func (l *lexer) digits() {
	for l.pos < len(l.text) && isDigit(l.text[l.pos]) {
		l.pos++
	}
}

func (l *lexer) name() tokenKind {
	for l.pos < len(l.text) && (isWord(l.text[l.pos]) || l.text[l.pos] == '-') {
		l.pos++
	}
	if l.pos < len(l.text) && l.text[l.pos] == '?' {
		l.pos++
	}
	return tokenName
}

func (l *lexer) quoted(quote byte) tokenKind {
	end := strings.IndexByte(l.text[l.pos+1:], quote)
	if end < 0 {
		l.pos = len(l.text)
		return tokenForeign
	}
	l.pos += end + 2
	return tokenText
}

func (l *lexer) compare() tokenKind {
	if l.pos+1 < len(l.text) {
		switch l.text[l.pos : l.pos+2] {
		case "==", "!=", "<>", "<=", ">=":
			l.pos += 2
			return tokenCompare
		}
	}
	c := l.text[l.pos]
	l.pos++
	switch c {
	case '<', '>':
		return tokenCompare
	case '=':
		return tokenSymbol
	default:
		return tokenForeign
	}
}
