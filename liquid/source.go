package liquid

import "strings"

// pieceKind tells text, output and tag apart.
type pieceKind int

const (
	pieceText pieceKind = iota
	pieceOutput
	pieceTag
)

// piece is one token of a template's source: a stretch of text, a {{ }} or a {% %}, with the places of its parts in the source.
type piece struct {
	kind       pieceKind
	start, end int    // of the whole piece
	body       string // between the delimiters and their hyphens
	bodyAt     int    // where body starts
	trimLeft   bool   // opened with a hyphen: drop space before
	trimRight  bool   // closed with a hyphen: drop space after
}

// scanner cuts a template's source into pieces. As in the reference, a delimiter ends at the first match of its closing pair, over any
// number of lines and whatever stands between.
type scanner struct {
	source string
	pos    int
}

// next gives the next piece; ok is false at the end of the source.
func (s *scanner) next() (p piece, ok bool, err *Error) {
	if s.pos >= len(s.source) {
		return piece{}, false, nil
	}
	open := nextOpening(s.source[s.pos:])
	if open != 0 {
		if open < 0 {
			open = len(s.source) - s.pos
		}
		p = piece{kind: pieceText, start: s.pos, end: s.pos + open, body: s.source[s.pos : s.pos+open], bodyAt: s.pos}
		s.pos = p.end
		return p, true, nil
	}
	p, err = s.delimited()
	return p, err == nil, err
}

// nextOpening gives the offset of the first "{{" or "{%" in text, or -1.
func nextOpening(text string) int {
	for i := 0; ; i++ {
		j := strings.IndexByte(text[i:], '{')
		if j < 0 || i+j+1 >= len(text) {
			return -1
		}
		i += j
		if text[i+1] == '{' || text[i+1] == '%' {
			return i
		}
	}
}

// delimited reads the output or tag at the current place.
func (s *scanner) delimited() (piece, *Error) {
	kind, closing, name := pieceOutput, "}}", "output {{"
	if s.source[s.pos+1] == '%' {
		kind, closing, name = pieceTag, "%}", "tag {%"
	}
	length := strings.Index(s.source[s.pos+2:], closing)
	if length < 0 {
		return piece{}, syntaxf("%s is not closed by %s", name, closing).at(s.source, s.pos)
	}
	p := piece{kind: kind, start: s.pos, end: s.pos + 2 + length + 2, bodyAt: s.pos + 2, body: s.source[s.pos+2 : s.pos+2+length]}
	if strings.HasPrefix(p.body, "-") {
		p.trimLeft = true
		p.body, p.bodyAt = p.body[1:], p.bodyAt+1
	}
	if strings.HasSuffix(p.body, "-") {
		p.trimRight = true
		p.body = p.body[:len(p.body)-1]
	}
	s.pos = p.end
	return p, nil
}

// splitTag cuts a tag's body into its name and the rest, and says where in body each starts.
func splitTag(body string) (name, rest string, nameAt, restAt int) {
	nameAt = len(body) - len(strings.TrimLeft(body, space))
	end := nameAt
	for end < len(body) && isWord(body[end]) {
		end++
	}
	if end == nameAt && end < len(body) && body[end] == '#' {
		end++
	}
	return body[nameAt:end], body[end:], nameAt, end
}

// space is what whitespace control and expressions treat as space.
const space = " \t\r\n\v\f"

func isWord(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
