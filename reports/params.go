package reports

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// params are the values of a query, bound on the server as {name:Type}. The protocol carries them as text in ClickHouse's own
// notation, so each type has its own method; a value never becomes part of a statement that is run here.
type params map[string]string

// scalarEscape writes a String the way the server reads one. The driver leaves that to its caller: unescaped, a backslash, a tab or a
// newline ends the value early (error 457).
var scalarEscape = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`, "\x00", `\0`, "\b", `\b`, "\f", `\f`)

// quotedEscape writes a String inside an Array literal.
var quotedEscape = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\t", `\t`, "\n", `\n`, "\r", `\r`, "\x00", `\0`, "\b", `\b`, "\f", `\f`)

// text binds a String.
func (p params) text(name, v string) { p[name] = scalarEscape.Replace(v) }

// texts binds an Array(String).
func (p params) texts(name string, v []string) {
	var b strings.Builder
	b.WriteByte('[')
	for i, s := range v {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('\'')
		b.WriteString(quotedEscape.Replace(s))
		b.WriteByte('\'')
	}
	b.WriteByte(']')
	p[name] = b.String()
}

// int binds any integer type.
func (p params) int(name string, v int64) { p[name] = strconv.FormatInt(v, 10) }

// ints binds an Array of any integer type.
func (p params) ints(name string, v []int64) {
	b := []byte{'['}
	for i, n := range v {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, n, 10)
	}
	p[name] = string(append(b, ']'))
}

// flag binds a UInt8 of 0 or 1.
func (p params) flag(name string, v bool) {
	p[name] = "0"
	if v {
		p[name] = "1"
	}
}

// time binds a UInt32 of Unix seconds, cut to what a DateTime holds.
func (p params) time(name string, v time.Time) { p.int(name, unix32(v)) }

// times binds an Array(UInt32) of Unix seconds.
func (p params) times(name string, v []time.Time) {
	seconds := make([]int64, len(v))
	for i, t := range v {
		seconds[i] = unix32(t)
	}
	p.ints(name, seconds)
}

// unix32 gives Unix seconds within a DateTime's 1970 to 2106.
func unix32(t time.Time) int64 { return min(max(t.Unix(), 0), 1<<32-1) }

// parameterMark is where a statement takes a value.
var parameterMark = regexp.MustCompile(`\{(\w+):([\w()]+)\}`)

// literals puts the values into a statement that is shown, for clients that cannot bind any: one statement that they run as it is.
func (p params) literals(statement string) string {
	return parameterMark.ReplaceAllStringFunc(statement, func(mark string) string {
		found := parameterMark.FindStringSubmatch(mark)
		return literal(found[2], p[found[1]])
	})
}

// literal writes a bound value as it stands in a statement. Text tells its type; numbers and a list of nothing do not.
func literal(kind, value string) string {
	switch {
	case kind == "String":
		return "'" + strings.ReplaceAll(value, "'", `\'`) + "'" // all else is escaped
	case kind == "Array(String)" && value != "[]":
		return value
	}
	return "CAST(" + value + ", '" + kind + "')"
}
