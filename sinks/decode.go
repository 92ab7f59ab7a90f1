package sinks

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf16"
	"unicode/utf8"
)

// decoder reads one JSON row after the other into cells. Rows are flat objects whose members are columns, so a decoder of our own is
// short, and it costs a fifth of decoding into a struct and copying from there (see BenchmarkDecode). It accepts what encoding/json
// accepts for the row structs, but for members that occur twice or are no column: those are errors.
type decoder struct {
	plan  *plan
	cells []cell
	seen  []bool
	// spare holds strings that had escapes. Cells point into it, so it is only emptied between rows.
	spare []byte

	line []byte
	at   int
}

func newDecoder(p *plan) *decoder {
	return &decoder{plan: p, cells: make([]cell, len(p.columns)), seen: make([]bool, len(p.columns))}
}

// Messages of a row that cannot be used. They never carry a value, which may be personal data.
var (
	errSyntax   = errors.New("is not a JSON object of columns")
	errTrailing = errors.New("has text behind its end")
	errString   = errors.New("must be a string")
	errInt      = errors.New("must be a whole number")
	errTime     = errors.New("must be a time in RFC 3339 form, such as 2026-01-31T08:00:00Z")
	errTexts    = errors.New("must be an array of strings")
	errInts     = errors.New("must be an array of whole numbers")
)

// decode reads one line. The cells are valid until the next call and share memory with the line.
func (d *decoder) decode(line []byte) error {
	d.line, d.at, d.spare = line, 0, d.spare[:0]
	clear(d.seen)
	if err := d.object(); err != nil {
		return err
	}
	for i, seen := range d.seen { // a row mostly has all columns
		if !seen {
			d.cells[i].clear()
		}
	}
	d.space()
	if d.at != len(d.line) {
		return errTrailing
	}
	return d.required()
}

// required refuses rows without their sorting key: they would land under the key of empty values and replace each other.
func (d *decoder) required() error {
	for _, i := range d.plan.key {
		if !d.seen[i] {
			return fmt.Errorf("%s is missing", d.plan.columns[i].name)
		}
	}
	if len(d.cells[d.plan.account].text) == 0 {
		return errors.New("account is empty")
	}
	return nil
}

func (d *decoder) object() error {
	d.space()
	if !d.take('{') {
		return errSyntax
	}
	d.space()
	if d.take('}') {
		return nil
	}
	for guess := 0; ; guess++ {
		i, err := d.member(guess)
		if err != nil {
			return err
		}
		guess = i
		d.space()
		switch {
		case d.take(','):
			d.space()
		case d.take('}'):
			return nil
		default:
			return errSyntax
		}
	}
}

// member reads a name and its value. guess is the column expected next: rows are written in the order of the columns.
func (d *decoder) member(guess int) (int, error) {
	i, err := d.name(guess)
	if err != nil {
		return 0, err
	}
	d.space()
	if err := d.value(&d.cells[i], &d.plan.columns[i].columnType); err != nil {
		return 0, fmt.Errorf("%s %w", d.plan.columns[i].name, err)
	}
	return i, nil
}

// name reads the name of a member and the colon behind it.
func (d *decoder) name(guess int) (int, error) {
	if guess < len(d.cells) && !d.seen[guess] && d.word(d.plan.columns[guess].member) {
		d.seen[guess] = true
		return guess, nil
	}
	name, ok := d.text()
	if !ok {
		return 0, errSyntax
	}
	i, ok := d.plan.index[string(name)]
	if !ok {
		return 0, fmt.Errorf("has a member %.40q, which is no column of the table", name)
	}
	if d.seen[i] {
		return 0, fmt.Errorf("%s occurs twice", name)
	}
	d.seen[i] = true
	d.space()
	if !d.take(':') {
		return 0, errSyntax
	}
	return i, nil
}

func (d *decoder) value(c *cell, t *columnType) error {
	if d.at < len(d.line) && d.line[d.at] == 'n' && d.word("null") {
		c.clear()
		return nil // the zero value, as encoding/json does
	}
	c.null = false
	switch t.kind {
	case kindText:
		return d.textValue(c)
	case kindInt:
		return d.intValue(&c.num, t.least, t.most)
	case kindTime:
		return d.timeValue(c)
	case kindTexts:
		c.list = c.list[:0]
		return d.array(errTexts, func() error {
			s, ok := d.textOrNull()
			c.list = append(c.list, s)
			return failed(ok, errTexts)
		})
	default:
		c.nums = c.nums[:0]
		return d.array(errInts, func() error {
			var n int64
			err := d.intOrNull(&n)
			c.nums = append(c.nums, n)
			return err
		})
	}
}

func failed(ok bool, err error) error {
	if ok {
		return nil
	}
	return err
}

func (d *decoder) textValue(c *cell) error {
	s, ok := d.text()
	c.text = s
	return failed(ok, errString)
}

func (d *decoder) textOrNull() ([]byte, bool) {
	if d.word("null") {
		return nil, true
	}
	return d.text()
}

func (d *decoder) intOrNull(n *int64) error {
	if d.word("null") {
		return nil
	}
	if d.intValue(n, math.MinInt64, math.MaxInt64) != nil {
		return errInts
	}
	return nil
}

func (d *decoder) timeValue(c *cell) error {
	s, ok := d.text()
	if !ok {
		return errTime
	}
	c.num, ok = parseTime(s)
	return failed(ok, errTime)
}

func (d *decoder) array(bad error, element func() error) error {
	if !d.take('[') {
		return bad
	}
	d.space()
	if d.take(']') {
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		d.space()
		if d.take(']') {
			return nil
		}
		if !d.take(',') {
			return bad
		}
		d.space()
	}
}

func (d *decoder) space() {
	for d.at < len(d.line) {
		switch d.line[d.at] {
		case ' ', '\t', '\r', '\n':
			d.at++
		default:
			return
		}
	}
}

func (d *decoder) take(b byte) bool {
	if d.at < len(d.line) && d.line[d.at] == b {
		d.at++
		return true
	}
	return false
}

func (d *decoder) word(s string) bool {
	if len(d.line)-d.at >= len(s) && string(d.line[d.at:d.at+len(s)]) == s {
		d.at += len(s)
		return true
	}
	return false
}

// intValue reads a number without fraction and exponent, as encoding/json does for integers.
func (d *decoder) intValue(out *int64, least, most int64) error {
	negative := d.take('-')
	start := d.at
	var n uint64
	for d.at < len(d.line) && '0' <= d.line[d.at] && d.line[d.at] <= '9' {
		if n > math.MaxUint64/10-1 {
			return fmt.Errorf("must be within %d and %d", least, most)
		}
		n = n*10 + uint64(d.line[d.at]-'0')
		d.at++
	}
	digits := d.at - start
	if digits == 0 || digits > 1 && d.line[start] == '0' || d.at < len(d.line) && bytes.IndexByte([]byte(".eE"), d.line[d.at]) >= 0 {
		return errInt
	}
	limit := uint64(most)
	if negative {
		limit = uint64(-(least + 1)) + 1
		if least == 0 {
			limit = 0
		}
	}
	if n > limit {
		return fmt.Errorf("must be within %d and %d", least, most)
	}
	*out = int64(n)
	if negative {
		*out = -int64(n)
	}
	return nil
}

// plain marks the bytes of a string that stand for themselves and need no look at UTF-8.
var plain = func() (t [256]bool) {
	for b := ' '; b < utf8.RuneSelf; b++ {
		t[b] = b != '"' && b != '\\'
	}
	return t
}()

// text reads a string. The result points into the line where it can.
func (d *decoder) text() ([]byte, bool) {
	if !d.take('"') {
		return nil, false
	}
	start, i := d.at, d.at
	ascii := true
	for i = d.plainRun(i); i < len(d.line); i++ {
		b := d.line[i]
		if plain[b] {
			continue
		}
		switch {
		case b == '"':
			d.at = i + 1
			s := d.line[start:i]
			if ascii || utf8.Valid(s) {
				return s, true
			}
			return d.escaped(start)
		case b == '\\':
			return d.escaped(start)
		case b < ' ':
			return nil, false
		default:
			ascii = false
		}
	}
	return nil, false
}

// plainRun steps over plain bytes from i on, eight at a time, and gives where to look further. Texts are mostly long and plain.
func (d *decoder) plainRun(i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(d.line); i += 8 {
		x := binary.LittleEndian.Uint64(d.line[i:])
		quote, back := x^ones*'"', x^ones*'\\'
		if ((quote-ones)&^quote|(back-ones)&^back|(x-ones*' ')&^x|x)&highs != 0 {
			break
		}
	}
	return i
}

// escaped reads a string that has escapes or bytes that are not UTF-8, from start behind its quote.
func (d *decoder) escaped(start int) ([]byte, bool) {
	from := len(d.spare)
	for i := start; i < len(d.line); {
		if next := d.plainRun(i); next > i {
			d.spare = append(d.spare, d.line[i:next]...)
			i = next
			continue
		}
		switch b := d.line[i]; {
		case b == '"':
			d.at = i + 1
			return d.spare[from:len(d.spare):len(d.spare)], true
		case b == '\\':
			n, ok := d.escape(d.line[i:])
			if !ok {
				return nil, false
			}
			i += n
		case b < ' ':
			return nil, false
		case b < utf8.RuneSelf:
			d.spare = append(d.spare, b)
			i++
		default:
			r, n := utf8.DecodeRune(d.line[i:]) // what is not UTF-8 becomes U+FFFD
			d.spare = utf8.AppendRune(d.spare, r)
			i += n
		}
	}
	return nil, false
}

// escape appends what the escape at the start of s stands for and gives its length.
func (d *decoder) escape(s []byte) (int, bool) {
	if len(s) < 2 {
		return 0, false
	}
	if s[1] != 'u' {
		i := bytes.IndexByte([]byte(`"\/bfnrt`), s[1])
		if i < 0 {
			return 0, false
		}
		d.spare = append(d.spare, "\"\\/\b\f\n\r\t"[i])
		return 2, true
	}
	r, ok := hexRune(s)
	if !ok {
		return 0, false
	}
	n := 6
	if utf16.IsSurrogate(r) {
		low, ok := hexRune(s[6:])
		if r = utf16.DecodeRune(r, low); ok && r != utf8.RuneError {
			n = 12
		} else {
			r = utf8.RuneError
		}
	}
	d.spare = utf8.AppendRune(d.spare, r)
	return n, true
}

// hexRune reads \uXXXX.
func hexRune(s []byte) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, b := range s[2:6] {
		switch {
		case '0' <= b && b <= '9':
			r = r<<4 | rune(b-'0')
		case 'a' <= b|0x20 && b|0x20 <= 'f':
			r = r<<4 | rune(b|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
