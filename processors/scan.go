package processors

import (
	"encoding/binary"
	"encoding/json/jsontext"
	"strings"
	"time"
	"unicode/utf8"

	"deskstream/schemas"
)

// scanner reads JSON of the form that Zendesk writes straight into Go values: without reflection, it costs a third. What it reads is what
// encoding/json reads. On everything else, be it broken or only unusual, it gives up and sets odd; encoding/json has the last word then.
// Unusual are members that stand twice or differ from those we know only in case, names with escapes, text that is not UTF-8, values of another
// type than expected, and deep nesting.
type scanner struct {
	b   []byte
	i   int
	odd bool
}

// scanDepth is how deep values that nobody reads may be nested.
const scanDepth = 64

// property is a member of an object that is read into a T.
type property[T any] struct {
	name string
	read func(*scanner, *T)
}

// scanObject reads an object, or null, which leaves v as it is. The members are listed in the order in which they mostly come.
func scanObject[T any](s *scanner, v *T, members []property[T]) {
	if s.null() {
		return
	}
	if !s.take('{') {
		s.odd = true
		return
	}
	var seen uint64
	next := 0
	for first := true; !s.odd; first = false {
		if s.end('}', first) {
			return
		}
		name := s.name()
		k := findMember(members, name, next)
		switch {
		case s.odd:
		case k < 0:
			s.odd = !plainName(name)
			s.skip(0)
		case seen&(1<<k) != 0:
			s.odd = true
		default:
			seen |= 1 << k
			next = k + 1
			members[k].read(s, v)
		}
	}
}

// findMember gives the place of a member, looked for first at next, or -1.
func findMember[T any](members []property[T], name []byte, next int) int {
	if next < len(members) && members[next].name == string(name) {
		return next
	}
	for k := range members {
		if members[k].name == string(name) {
			return k
		}
	}
	return -1
}

// plainName says whether a name that is none of ours cannot be one of ours in other letters.
func plainName(name []byte) bool {
	for _, c := range name {
		if c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}

// whole says whether the text has been read to its end.
func (s *scanner) whole() bool {
	s.space()
	return !s.odd && s.i == len(s.b)
}

func (s *scanner) space() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\n' || s.b[s.i] == '\t' || s.b[s.i] == '\r') {
		s.i++
	}
}

// take steps over a byte, with the space before it, if it comes next.
func (s *scanner) take(c byte) bool {
	s.space()
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

// end says whether an object or array ends here; else it steps over the comma before the next element.
func (s *scanner) end(closing byte, first bool) bool {
	if s.take(closing) {
		return true
	}
	if !first && !s.take(',') {
		s.odd = true
	}
	return false
}

func (s *scanner) word(w string) bool {
	if len(s.b)-s.i >= len(w) && string(s.b[s.i:s.i+len(w)]) == w {
		s.i += len(w)
		return true
	}
	return false
}

func (s *scanner) null() bool {
	s.space()
	return s.word("null")
}

// name reads the name of a member and the colon behind it.
func (s *scanner) name() []byte {
	raw, escaped := s.quoted()
	if escaped || !s.take(':') {
		s.odd = true
	}
	return raw
}

const (
	swarOnes  = 0x0101010101010101
	swarHighs = 0x8080808080808080
)

// quoted reads a string and gives what is between its quotes. Of escapes only the next byte is looked at.
func (s *scanner) quoted() (raw []byte, escaped bool) {
	if !s.take('"') {
		s.odd = true
		return nil, false
	}
	start := s.i
	for {
		// Eight bytes at a time, as long as none of them is a quote, a backslash or a control character.
		for s.i+8 <= len(s.b) {
			x := binary.LittleEndian.Uint64(s.b[s.i:])
			quote, back := x^swarOnes*'"', x^swarOnes*'\\'
			if ((quote-swarOnes)&^quote|(back-swarOnes)&^back|(x-swarOnes*' ')&^x)&swarHighs != 0 {
				break
			}
			s.i += 8
		}
		for ; ; s.i++ {
			if s.i >= len(s.b) || s.b[s.i] < ' ' {
				s.odd = true
				return nil, false
			}
			if s.b[s.i] == '"' {
				s.i++
				return s.b[start : s.i-1], escaped
			}
			if s.b[s.i] == '\\' {
				escaped = true
				s.i += 2
				break
			}
		}
	}
}

// text reads a string as it stands there where it has no escapes; null is "".
func (s *scanner) text() []byte {
	if s.null() {
		return nil
	}
	begin := s.i
	raw, escaped := s.quoted()
	if s.odd || !escaped && utf8.Valid(raw) {
		return raw
	}
	plain, err := jsontext.AppendUnquote(nil, s.b[begin:s.i])
	s.odd = err != nil
	return plain
}

func (s *scanner) string() string { return wordOf(s.text()) }

// rawText is schemas.Text.
func rawText(v []byte) string {
	if len(v) > 0 && v[0] == '"' {
		s := scanner{b: v}
		if text := s.string(); s.whole() {
			return text
		}
	}
	return schemas.Text(v)
}

// strings reads an array of strings; null is nil.
func (s *scanner) strings() []string {
	if s.null() {
		return nil
	}
	if !s.take('[') {
		s.odd = true
		return nil
	}
	list := []string{}
	for first := true; !s.odd && !s.end(']', first); first = false {
		if s.null() { // it would leave what the array held before
			s.odd = true
		}
		list = append(list, s.string())
	}
	return list
}

// flag reads true or false; null is nil.
func (s *scanner) flag() *bool {
	var v bool
	if s.truth(&v) {
		return new(v)
	}
	return nil
}

// truth reads true or false; null, of which it says that nothing was said, leaves v as it is.
func (s *scanner) truth(v *bool) (said bool) {
	switch {
	case s.null():
		return false
	case s.word("true"):
		*v = true
	case s.word("false"):
		*v = false
	default:
		s.odd = true
	}
	return true
}

// id reads an id, a number or a string of digits; null and "" are 0.
func (s *scanner) id() schemas.ZID {
	if s.null() {
		return 0
	}
	var raw []byte
	quoted := s.i < len(s.b) && s.b[s.i] == '"'
	if quoted {
		raw, _ = s.quoted()
	} else {
		raw = s.number()
	}
	n, digits := schemas.ZID(0), raw
	if len(raw) > 0 && raw[0] == '-' {
		digits = raw[1:]
	}
	none := quoted && len(raw) == 0
	if len(digits) > 18 || len(digits) == 0 && !none {
		s.odd = true
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			s.odd = true
			return 0
		}
		n = n*10 + schemas.ZID(c-'0')
	}
	if len(digits) < len(raw) {
		return -n
	}
	return n
}

// time reads a time in RFC 3339 form; null is none.
func (s *scanner) time() (t time.Time) {
	if s.null() {
		return t
	}
	if raw, escaped := s.quoted(); escaped || s.odd || t.UnmarshalText(raw) != nil {
		s.odd = true
	}
	return t
}

// number reads a number.
func (s *scanner) number() []byte {
	start := s.i
	if s.i < len(s.b) && s.b[s.i] == '-' {
		s.i++
	}
	if n := s.digits(); n == 0 || n > 1 && s.b[s.i-n] == '0' {
		s.odd = true
	}
	if s.i < len(s.b) && s.b[s.i] == '.' {
		s.i++
		s.odd = s.odd || s.digits() == 0
	}
	if s.i < len(s.b) && s.b[s.i]|0x20 == 'e' {
		if s.i++; s.i < len(s.b) && (s.b[s.i] == '+' || s.b[s.i] == '-') {
			s.i++
		}
		s.odd = s.odd || s.digits() == 0
	}
	return s.b[start:s.i]
}

func (s *scanner) digits() int {
	start := s.i
	for s.i < len(s.b) && '0' <= s.b[s.i] && s.b[s.i] <= '9' {
		s.i++
	}
	return s.i - start
}

// raw reads a value of any kind as it stands there.
func (s *scanner) raw() []byte {
	s.space()
	start := s.i
	s.skip(0)
	s.odd = s.odd || !utf8.Valid(s.b[start:s.i])
	return s.b[start:s.i:s.i]
}

// skip steps over a value of any kind.
func (s *scanner) skip(depth int) {
	s.space()
	if s.odd = s.odd || s.i == len(s.b) || depth > scanDepth; s.odd {
		return
	}
	switch c := s.b[s.i]; c {
	case '"':
		begin := s.i
		if _, escaped := s.quoted(); escaped && !s.odd {
			s.odd = !jsontext.Value(s.b[begin:s.i]).IsValid()
		}
	case '{', '[':
		s.i++
		for first := true; !s.odd && !s.end(c+2, first); first = false {
			if c == '{' {
				s.name()
			}
			s.skip(depth + 1)
		}
	case 't', 'f', 'n':
		s.odd = !s.word("true") && !s.word("false") && !s.word("null")
	default:
		s.number()
	}
}

// words are those that come again and again, so that they need not be made anew.
var words = newWords(
	"NEW", "OPEN", "PENDING", "HOLD", "SOLVED", "CLOSED", "LOW", "NORMAL", "HIGH", "URGENT", "QUESTION", "INCIDENT", "PROBLEM", "TASK",
	"web", "email", "api", "chat", "messaging", "mobile", "voice", "zen:event-type:ticket.created", "zen:event-type:ticket.status_changed",
	"zen:event-type:ticket.comment_added", "zen:event-type:ticket.agent_assignment_changed", "zen:event-type:ticket.group_assignment_changed",
	"zen:event-type:ticket.tags_changed", "zen:event-type:ticket.priority_changed",
)

// wordTable holds words and their lower case, by length.
type wordTable [64][]wordPair

type wordPair struct{ word, lower string }

func newWords(list ...string) *wordTable {
	var t wordTable
	for _, w := range list {
		t[len(w)] = append(t[len(w)], wordPair{w, strings.ToLower(w)})
	}
	return &t
}

// wordOf makes a string, or finds it among the words.
func wordOf(b []byte) string {
	if len(b) < len(words) {
		for i := range words[len(b)] {
			if w := &words[len(b)][i]; w.word == string(b) {
				return w.word
			}
		}
	}
	return string(b)
}

// lower is strings.ToLower.
func lower(s string) string {
	if len(s) < len(words) {
		for i := range words[len(s)] {
			if w := &words[len(s)][i]; w.word == s {
				return w.lower
			}
		}
	}
	return strings.ToLower(s)
}
