package liquid

import (
	"encoding/base64"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

var textFilters = []filter{
	{name: "append", least: 1, most: 1, run: appendFilter, markup: asHTML},
	{name: "prepend", least: 1, most: 1, run: prependFilter, markup: asHTML},
	{name: "capitalize", run: onText(capitalize), markup: asContent},
	{name: "downcase", run: onText(changeCase(strings.ToLower)), markup: asContent},
	{name: "upcase", run: onText(changeCase(strings.ToUpper)), markup: asContent},
	{name: "strip", run: shorter(0, func(s string) string { return strings.Trim(s, stripped) }), markup: asHTML},
	{name: "lstrip", run: shorter(0, func(s string) string { return strings.TrimLeft(s, stripped) }), markup: asHTML},
	{name: "rstrip", run: shorter(0, func(s string) string { return strings.TrimRight(s, stripped) }), markup: asHTML},
	{name: "squish", run: shorter(1, squish), markup: asHTML},
	{name: "strip_html", run: shorter(12, stripHTML), markup: asHTML},
	{name: "strip_newlines", run: shorter(1, stripNewlines), markup: asHTML},
	{name: "newline_to_br", run: newlineToBR, markup: asIs},
	{name: "escape", run: escapeFilter, markup: asIs},
	{name: "h", run: escapeFilter, markup: asIs},
	{name: "escape_once", run: escapeOnce, markup: asIs},
	{name: "raw", run: markFilter, markup: asIs},
	{name: "safe", run: markFilter, markup: asIs},
	{name: "remove", least: 1, most: 1, run: replaceAll, markup: asContent},
	{name: "remove_first", least: 1, most: 1, run: replaceFirst, markup: asContent},
	{name: "remove_last", least: 1, most: 1, run: replaceLast, markup: asContent},
	{name: "replace", least: 1, most: 2, run: replaceAll, markup: asContent},
	{name: "replace_first", least: 1, most: 2, run: replaceFirst, markup: asContent},
	{name: "replace_last", least: 2, most: 2, run: replaceLast, markup: asContent},
	{name: "slice", least: 1, most: 2, run: slice, markup: asContent},
	{name: "split", least: 1, most: 1, run: split, markup: asContent},
	{name: "truncate", most: 2, run: truncate, markup: asContent},
	{name: "truncatewords", most: 2, run: truncateWords, markup: asContent},
	{name: "url_encode", run: onText(urlEncode)},
	{name: "url_decode", run: onText(urlDecode), markup: asContent},
	{name: "base64_encode", run: onText(encodeWith(base64.StdEncoding))},
	{name: "base64_decode", run: onText(decodeWith(base64.StdEncoding))},
	{name: "base64_url_safe_encode", run: onText(encodeWith(base64.URLEncoding))},
	{name: "base64_url_safe_decode", run: onText(decodeWith(base64.URLEncoding))},
	{name: "handleize", run: shorter(2, handleize)},
	{name: "handle", run: shorter(2, handleize)},
	{name: "pluralize", least: 2, most: 2, run: pluralize, markup: asContent},
}

// stripped is what strip takes away: Ruby's idea of space includes NUL.
const stripped = space + "\x00"

// twoTexts gives the input and the first argument as text.
func twoTexts(st *state, in any, a arguments) (s, t string, err error) {
	if s, err = toText(st, in); err != nil {
		return "", "", err
	}
	t, err = a.text(st, 0, "")
	return s, t, err
}

func appendFilter(st *state, in any, a arguments) (any, error) {
	s, t, err := twoTexts(st, in, a)
	if err != nil {
		return nil, err
	}
	if err := st.text(len(s) + len(t)); err != nil {
		return nil, err
	}
	return s + t, nil
}

func prependFilter(st *state, in any, a arguments) (any, error) {
	s, t, err := twoTexts(st, in, a)
	if err != nil {
		return nil, err
	}
	if err := st.text(len(s) + len(t)); err != nil {
		return nil, err
	}
	return t + s, nil
}

// changeCase wraps a function that may lengthen a text a little: a letter in the other case has up to three bytes.
func changeCase(f func(string) string) func(*state, string) (any, error) {
	return func(st *state, s string) (any, error) {
		if err := st.text(len(s)); err != nil {
			return nil, err
		}
		out := f(s)
		if len(out) > st.limits.Text {
			return nil, limitf("a text of more than %d bytes", st.limits.Text)
		}
		return out, nil
	}
}

// capitalize puts the first letter in upper case and the rest in lower case.
func capitalize(st *state, s string) (any, error) {
	_, n := utf8.DecodeRuneInString(s)
	if err := st.copies(1, len(s)); err != nil {
		return nil, err
	}
	return changeCase(func(s string) string { return strings.ToUpper(s[:n]) + strings.ToLower(s[n:]) })(st, s)
}

// stripHTML removes scripts, styles and comments with their content, and all other tags. It looks for each kind of end only as long as there
// is one, so it takes linear time.
func stripHTML(s string) string {
	s = cutBetween(s, "<script", "</script>")
	s = cutBetween(s, "<!--", "-->")
	s = cutBetween(s, "<style", "</style>")
	return cutBetween(s, "<", ">")
}

// cutBetween removes everything from each from up to the next to.
func cutBetween(s, from, to string) string {
	if !strings.Contains(s, from) {
		return s
	}
	var b strings.Builder
	for {
		i := strings.Index(s, from)
		if i < 0 {
			break
		}
		n := strings.Index(s[i+len(from):], to)
		if n < 0 {
			break
		}
		b.WriteString(s[:i])
		s = s[i+len(from)+n+len(to):]
	}
	b.WriteString(s)
	return b.String()
}

func stripNewlines(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", ""), "\n", "")
}

// newlineToBR puts <br /> before each line break. In an HTML part the text is escaped first, and the result is HTML.
func newlineToBR(st *state, in any, _ arguments) (any, error) {
	s, err := toText(st, in)
	if err != nil {
		return nil, err
	}
	if _, isHTML := in.(marked); st.escape && !isHTML {
		if s, err = escapeHTML(st, s); err != nil {
			return nil, err
		}
	}
	const lineBreak = "<br />\n"
	if err := st.text(len(s) + strings.Count(s, "\n")*(len(lineBreak)-1)); err != nil {
		return nil, err
	}
	if err := st.copies(1, len(s)); err != nil {
		return nil, err
	}
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", lineBreak)
	return st.mark(s), nil
}

// mark makes s HTML where outputs are escaped.
func (st *state) mark(s string) any {
	if st.escape {
		return marked(s)
	}
	return s
}

func markFilter(st *state, in any, _ arguments) (any, error) {
	if _, ok := in.(marked); ok || in == nil {
		return in, nil
	}
	s, err := toText(st, in)
	return st.mark(s), err
}

// escapeFilter escapes. In an HTML part it leaves alone what is HTML already.
func escapeFilter(st *state, in any, _ arguments) (any, error) {
	if _, ok := in.(marked); ok || in == nil {
		return in, nil
	}
	s, err := toText(st, in)
	if err != nil {
		return nil, err
	}
	s, err = escapeHTML(st, s)
	return st.mark(s), err
}

// escapeOnce escapes, but keeps the entities that are there.
func escapeOnce(st *state, in any, _ arguments) (any, error) {
	if _, ok := in.(marked); ok || in == nil {
		return in, nil
	}
	s, err := toText(st, in)
	if err != nil {
		return nil, err
	}
	size := 0
	for i := range len(s) {
		size += len(escapedOnce(s, i))
	}
	if err := st.text(size); err != nil {
		return nil, err
	}
	if err := st.copies(1, size); err != nil {
		return nil, err
	}
	b := make([]byte, 0, size)
	for i := range len(s) {
		b = append(b, escapedOnce(s, i)...)
	}
	return st.mark(string(b)), nil
}

// escapedOnce gives what byte i of s becomes.
func escapedOnce(s string, i int) string {
	if strings.IndexByte(htmlSpecial, s[i]) < 0 || s[i] == '&' && isEntity(s[i+1:]) {
		return s[i : i+1]
	}
	return htmlEntity(s[i])
}

// isEntity tells whether s goes on as an entity after its &.
func isEntity(s string) bool {
	s = s[:min(len(s), 32)]
	name, _, ok := strings.Cut(s, ";")
	if !ok || name == "" {
		return false
	}
	if number, ok := strings.CutPrefix(name, "#"); ok {
		return allDigits(number) || len(number) > 1 && (number[0] == 'x' || number[0] == 'X') && isHex(number[1:])
	}
	for i := range len(name) {
		if !isWord(name[i]) || name[i] == '_' {
			return false
		}
	}
	return !isDigit(name[0])
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdefABCDEF") == "" }

// replacement reads the arguments of the replace and remove filters.
func replacement(st *state, in any, a arguments) (s, old, new string, err error) {
	if s, old, err = twoTexts(st, in, a); err != nil {
		return "", "", "", err
	}
	new, err = a.text(st, 1, "")
	return s, old, new, err
}

func replaceAll(st *state, in any, a arguments) (any, error) {
	s, old, new, err := replacement(st, in, a)
	if err != nil {
		return nil, err
	}
	if err := st.read(len(s)); err != nil {
		return nil, err
	}
	n := strings.Count(s, old)
	if n > 0 && len(new) > st.limits.Text/n {
		return nil, limitf("a text of more than %d bytes", st.limits.Text)
	}
	if err := st.text(len(s) + n*(len(new)-len(old))); err != nil {
		return nil, err
	}
	return strings.ReplaceAll(s, old, new), nil
}

func replaceFirst(st *state, in any, a arguments) (any, error) {
	s, old, new, err := replacement(st, in, a)
	if err != nil {
		return nil, err
	}
	return replaceAt(st, s, strings.Index(s, old), old, new)
}

func replaceLast(st *state, in any, a arguments) (any, error) {
	s, old, new, err := replacement(st, in, a)
	if err != nil {
		return nil, err
	}
	return replaceAt(st, s, strings.LastIndex(s, old), old, new)
}

func replaceAt(st *state, s string, i int, old, new string) (any, error) {
	if err := st.text(len(s) + len(new)); err != nil {
		return nil, err
	}
	if i < 0 {
		return s, nil
	}
	return s[:i] + new + s[i+len(old):], nil
}

// slice cuts a piece out of a text, by characters, or out of a list. A negative start counts from the end.
func slice(st *state, in any, a arguments) (any, error) {
	start, ok := wholeNumber(a.at(0))
	if !ok {
		return nil, typef("the start must be a whole number")
	}
	length := int64(1)
	if len(a.list) > 1 && a.list[1] != nil {
		if length, ok = wholeNumber(a.list[1]); !ok {
			return nil, typef("the length must be a whole number")
		}
	}
	if list, ok := in.([]any); ok {
		from, to := cutBounds(int64(len(list)), start, length)
		return list[from:to:to], nil
	}
	s, err := toText(st, in)
	if err != nil {
		return nil, err
	}
	if err := st.read(len(s)); err != nil {
		return nil, err
	}
	from, to := cutBounds(int64(utf8.RuneCountInString(s)), start, length)
	rest := s[characterOffset(s, from):]
	return rest[:characterOffset(rest, to-from)], nil
}

// cutBounds turns start and length into bounds within size.
func cutBounds(size, start, length int64) (from, to int64) {
	if start < 0 {
		start += size
	}
	if start < 0 || start >= size || length <= 0 {
		return 0, 0
	}
	return start, start + min(length, size-start)
}

// characterOffset gives the byte offset of character n, len(s) when s is shorter.
func characterOffset(s string, n int64) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

// split cuts a text at each separator: at any space for " ", into characters for "". Empty pieces at the end are dropped.
func split(st *state, in any, a arguments) (any, error) {
	s, by, err := twoTexts(st, in, a)
	if err != nil {
		return nil, err
	}
	if s == "" {
		return []any{}, nil
	}
	if err := st.read(len(s)); err != nil {
		return nil, err
	}
	var pieces int
	switch by {
	case " ":
		pieces = countFields(s)
	case "":
		pieces = utf8.RuneCountInString(s)
	default:
		pieces = strings.Count(s, by) + 1
	}
	if err := st.items(int64(pieces)); err != nil {
		return nil, err
	}
	// The texts of the pieces share the input; each needs a header on top of the list's element.
	if err := st.alloc(pieces * 16); err != nil {
		return nil, err
	}
	return splitInto(make([]any, 0, pieces), s, by), nil
}

func countFields(s string) int {
	n, inside := 0, false
	for i := range len(s) {
		blank := strings.IndexByte(space, s[i]) >= 0
		if !blank && !inside {
			n++
		}
		inside = !blank
	}
	return n
}

func splitInto(list []any, s, by string) []any {
	switch by {
	case " ":
		for f := range strings.FieldsFuncSeq(s, func(r rune) bool { return r < utf8.RuneSelf && strings.IndexByte(space, byte(r)) >= 0 }) {
			list = append(list, f)
		}
		return list
	case "":
		for len(s) > 0 {
			_, n := utf8.DecodeRuneInString(s)
			list = append(list, s[:n])
			s = s[n:]
		}
		return list
	}
	for piece := range strings.SplitSeq(s, by) {
		list = append(list, piece)
	}
	for len(list) > 0 && list[len(list)-1] == "" {
		list = list[:len(list)-1]
	}
	return list
}

// cutting reads the arguments of truncate and truncatewords.
func cutting(st *state, in any, a arguments, usual int64) (s string, n int64, end string, err error) {
	if s, err = toText(st, in); err != nil {
		return "", 0, "", err
	}
	n = usual
	if len(a.list) > 0 {
		var ok bool
		if n, ok = wholeNumber(a.list[0]); !ok {
			return "", 0, "", typef("the length must be a whole number")
		}
	}
	if end, err = a.text(st, 1, "..."); err != nil {
		return "", 0, "", err
	}
	return s, n, end, st.text(len(s) + len(end))
}

// truncate shortens a text to a number of characters, the end mark included.
func truncate(st *state, in any, a arguments) (any, error) {
	s, n, end, err := cutting(st, in, a, 50)
	if err != nil {
		return nil, err
	}
	if int64(utf8.RuneCountInString(s)) <= n {
		return s, nil
	}
	keep := max(0, n-int64(utf8.RuneCountInString(end)))
	return s[:characterOffset(s, keep)] + end, nil
}

// truncateWords shortens a text to a number of words, with single spaces between them.
func truncateWords(st *state, in any, a arguments) (any, error) {
	s, n, end, err := cutting(st, in, a, 15)
	if err != nil {
		return nil, err
	}
	n = max(n, 1)
	if int64(countFields(s)) <= n {
		return s, nil
	}
	if err := st.copies(3, len(s)); err != nil {
		return nil, err
	}
	var b strings.Builder
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return r < utf8.RuneSelf && strings.IndexByte(space, byte(r)) >= 0 }) {
		if n == 0 {
			break
		}
		n--
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(word)
	}
	return b.String() + end, nil
}

func urlEncode(st *state, s string) (any, error) {
	if err := st.text(len(s) * 3); err != nil {
		return nil, err
	}
	if err := st.copies(1, len(s)*3); err != nil {
		return nil, err
	}
	return url.QueryEscape(s), nil
}

// urlDecode leaves a % that begins no code as it is.
func urlDecode(st *state, s string) (any, error) {
	if err := st.text(len(s)); err != nil {
		return nil, err
	}
	if err := st.copies(1, len(s)); err != nil {
		return nil, err
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			b = append(b, ' ')
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1:i+3]):
			b = append(b, hexDigit(s[i+1])<<4|hexDigit(s[i+2]))
			i += 2
		default:
			b = append(b, s[i])
		}
	}
	if !utf8.Valid(b) {
		return nil, typef("the decoded text is not UTF-8")
	}
	return string(b), nil
}

func hexDigit(c byte) byte {
	switch {
	case isDigit(c):
		return c - '0'
	case c >= 'a':
		return c - 'a' + 10
	default:
		return c - 'A' + 10
	}
}

func encodeWith(e *base64.Encoding) func(*state, string) (any, error) {
	return func(st *state, s string) (any, error) {
		size := e.EncodedLen(len(s))
		if err := st.text(size); err != nil {
			return nil, err
		}
		if err := st.copies(2, size); err != nil {
			return nil, err
		}
		return e.EncodeToString([]byte(s)), nil
	}
}

func decodeWith(e *base64.Encoding) func(*state, string) (any, error) {
	return func(st *state, s string) (any, error) {
		if err := st.text(len(s)); err != nil {
			return nil, err
		}
		if err := st.copies(1, len(s)); err != nil {
			return nil, err
		}
		b, err := e.DecodeString(s)
		if err != nil || !utf8.Valid(b) {
			return nil, typef("the text is not base64 of UTF-8")
		}
		return string(b), nil
	}
}

// handleize makes a text fit for addresses: lower case, everything but letters and digits as single hyphens.
func handleize(s string) string {
	return joinWords(strings.ToLower(s), "-", func(r rune) bool {
		return r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

func squish(s string) string { return joinWords(s, " ", unicode.IsSpace) }

// joinWords puts glue between the words of s, which lie between the characters for which apart is true. glue is one character.
func joinWords(s, glue string, apart func(rune) bool) string {
	var b strings.Builder
	b.Grow(len(s))
	for word := range strings.FieldsFuncSeq(s, apart) {
		if b.Len() > 0 {
			b.WriteString(glue)
		}
		b.WriteString(word)
	}
	return b.String()
}

// pluralize gives the first argument for 1 and the second for any other number.
func pluralize(_ *state, in any, a arguments) (any, error) {
	if compareNumbers(toNumber(in), int64(1)) == 0 {
		return a.at(0), nil
	}
	return a.at(1), nil
}
