package liquid

import (
	"strconv"
	"strings"
	"time"
)

// strftime writes t by Ruby's strftime format: %-d, %_d, %03d, %^a, %#a, %:z and so on. A code that does not exist is written as it is.
func strftime(st *state, format string, t time.Time) (string, error) {
	if !strings.Contains(format, "%") {
		return format, st.read(len(format))
	}
	if err := st.text(len(format)); err != nil {
		return "", err
	}
	var b []byte
	for {
		i := strings.IndexByte(format, '%')
		if i < 0 {
			b = append(b, format...)
			break
		}
		b = append(b, format[:i]...)
		d, n := readDirective(format[i:])
		if d.width > st.limits.DateWidth {
			return "", limitf("a date padded to more than %d characters", st.limits.DateWidth)
		}
		piece, ok := d.write(t)
		if !ok {
			piece = format[i : i+n]
		}
		var err error
		if b, err = appendPart(st, b, piece); err != nil {
			return "", err
		}
		format = format[i+n:]
	}
	return string(b), nil
}

// directive is one code of a format.
type directive struct {
	pad    byte // '-' none, '_' spaces, '0' zeros, 0 the usual
	upper  bool
	swap   bool
	colons int
	width  int
	code   byte
}

// readDirective reads the code format begins with and gives its length.
func readDirective(format string) (directive, int) {
	var d directive
	i := 1
	for ; i < len(format); i++ {
		switch c := format[i]; {
		case c == '-' || c == '_' || c == '0' && d.width == 0:
			d.pad = c
			continue
		case c == '^':
			d.upper = true
			continue
		case c == '#':
			d.swap = true
			continue
		case c == ':':
			d.colons++
			continue
		case isDigit(c):
			d.width = min(d.width*10+int(c-'0'), 1<<20)
			continue
		}
		d.code = format[i]
		return d, i + 1
	}
	return d, i
}

// write gives the text of the directive for t; ok is false for a code that does not exist.
func (d directive) write(t time.Time) (string, bool) {
	if n, width, pad, ok := dateNumber(d.code, t); ok {
		return d.padded(strconv.FormatInt(n, 10), width, pad), true
	}
	switch d.code {
	case 'z':
		return d.offset(t), true
	case 'L', 'N':
		return d.fraction(t), true
	case '%':
		return "%", true
	}
	layout, ok := textCodes[d.code]
	if !ok {
		return "", false
	}
	s := t.Format(layout)
	switch {
	case d.upper || d.swap && d.code != 'p' && d.code != 'Z':
		s = strings.ToUpper(s)
	case d.swap:
		s = strings.ToLower(s)
	}
	return d.padded(s, 0, ' '), true
}

// textCodes are the codes that are written as Go layouts.
var textCodes = map[byte]string{
	'A': "Monday",
	'a': "Mon",
	'B': "January",
	'b': "Jan",
	'h': "Jan",
	'p': "PM",
	'P': "pm",
	'Z': "MST",
	'c': "Mon Jan _2 15:04:05 2006",
	'D': "01/02/06",
	'x': "01/02/06",
	'F': "2006-01-02",
	'R': "15:04",
	'r': "03:04:05 PM",
	'T': "15:04:05",
	'X': "15:04:05",
	'v': "_2-Jan-2006",
	'+': "Mon Jan _2 15:04:05 MST 2006",
	'n': "\n",
	't': "\t",
}

// dateNumber gives the number of a code with its usual width and padding.
func dateNumber(code byte, t time.Time) (n int64, width int, pad byte, ok bool) {
	small := func(n int) (int64, int, byte, bool) { return int64(n), 2, '0', true }
	switch code {
	case 'Y':
		return int64(t.Year()), 1, '0', true
	case 'C':
		return small(floorQuotient(t.Year(), 100))
	case 'y':
		return small(t.Year() - floorQuotient(t.Year(), 100)*100)
	case 'm':
		return small(int(t.Month()))
	case 'd':
		return small(t.Day())
	case 'e':
		return int64(t.Day()), 2, ' ', true
	case 'j':
		return int64(t.YearDay()), 3, '0', true
	case 'H':
		return small(t.Hour())
	case 'k':
		return int64(t.Hour()), 2, ' ', true
	case 'I':
		return small((t.Hour()+11)%12 + 1)
	case 'l':
		return int64((t.Hour()+11)%12 + 1), 2, ' ', true
	case 'M':
		return small(t.Minute())
	case 'S':
		return small(t.Second())
	case 's':
		return t.Unix(), 1, '0', true
	case 'u':
		return int64((t.Weekday()+6)%7) + 1, 1, '0', true
	case 'w':
		return int64(t.Weekday()), 1, '0', true
	case 'U':
		return small((t.YearDay() + 6 - int(t.Weekday())) / 7)
	case 'W':
		return small((t.YearDay() + 6 - int(t.Weekday()+6)%7) / 7)
	}
	year, week := t.ISOWeek()
	switch code {
	case 'G':
		return int64(year), 1, '0', true
	case 'g':
		return small(year - floorQuotient(year, 100)*100)
	case 'V':
		return small(week)
	}
	return 0, 0, 0, false
}

func floorQuotient(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// padded fills s up to the width that is asked for, or else to the usual one.
func (d directive) padded(s string, width int, pad byte) string {
	switch d.pad {
	case '-':
		return s
	case '_':
		pad = ' '
	case '0':
		pad = '0'
	}
	if d.width > 0 {
		width = d.width
	}
	if len(s) >= width {
		return s
	}
	fill := strings.Repeat(string(pad), width-len(s))
	if pad == '0' && strings.HasPrefix(s, "-") {
		return "-" + fill + s[1:]
	}
	return fill + s
}

// offset writes the distance from UTC.
func (d directive) offset(t time.Time) string {
	layout := "-0700"
	switch d.colons {
	case 1:
		layout = "-07:00"
	case 2:
		layout = "-07:00:00"
	}
	s := t.Format(layout)
	if d.width > len(s) && d.pad != '-' {
		s = s[:1] + strings.Repeat("0", d.width-len(s)) + s[1:]
	}
	return s
}

// fraction writes the part of the second: 3 digits for L, 9 for N, or as many as asked for.
func (d directive) fraction(t time.Time) string {
	digits := 9
	if d.code == 'L' {
		digits = 3
	}
	if d.width > 0 {
		digits = d.width
	}
	s := strconv.Itoa(1_000_000_000 + t.Nanosecond())[1:]
	if digits > len(s) {
		s += strings.Repeat("0", digits-len(s))
	}
	return s[:digits]
}
