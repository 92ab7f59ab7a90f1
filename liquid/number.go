package liquid

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

// isNumber tells whether v is a whole number or a float.
func isNumber(v any) bool {
	switch v.(type) {
	case int64, float64, *big.Int:
		return true
	}
	return false
}

// toNumber reads a value as the reference's number filters do: text with a point is a decimal, other text gives its leading whole number,
// everything that is no number is 0. The answer is int64, *big.Int or float64.
func toNumber(v any) any {
	switch v := v.(type) {
	case int64, float64, *big.Int:
		return v
	case string:
		return numberInText(strings.Trim(v, space))
	case marked:
		return numberInText(strings.Trim(string(v), space))
	}
	return int64(0)
}

// longestNumber is how many characters of a text are looked at for a number; more cannot fit the limit on whole numbers by far.
const longestNumber = 1300

func numberInText(s string) any {
	whole := wholePrefix(s)
	if len(whole) > longestNumber {
		return int64(0)
	}
	if rest := s[len(whole):]; len(rest) > 1 && rest[0] == '.' && whole != "" && whole != "-" && len(rest) <= longestNumber && allDigits(rest[1:]) {
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return f
		}
	}
	if n, err := strconv.ParseInt(whole, 10, 64); err == nil {
		return n
	}
	if n, ok := new(big.Int).SetString(whole, 10); ok {
		return n
	}
	return int64(0)
}

// wholePrefix gives the sign and digits s begins with.
func wholePrefix(s string) string {
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return s[:i]
}

func allDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}

// compareNumbers gives -1, 0 or 1.
func compareNumbers(a, b any) int {
	x, xOK := a.(int64)
	y, yOK := b.(int64)
	if xOK && yOK {
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	}
	if f, ok := a.(float64); ok {
		if g, ok := b.(float64); ok {
			switch {
			case f < g:
				return -1
			case f > g:
				return 1
			}
			return 0
		}
	}
	return exact(a).Cmp(exact(b))
}

// exact gives a number without loss.
func exact(v any) *big.Rat {
	switch v := v.(type) {
	case int64:
		return new(big.Rat).SetInt64(v)
	case *big.Int:
		return new(big.Rat).SetInt(v)
	case float64:
		if r := new(big.Rat).SetFloat64(v); r != nil {
			return r
		}
	}
	return new(big.Rat)
}

// asDecimal gives a number for decimal arithmetic: a float as the shortest decimal that means it.
func asDecimal(v any) decimal.Decimal {
	switch v := v.(type) {
	case int64:
		return decimal.NewFromInt(v)
	case *big.Int:
		return decimal.NewFromBigInt(v, 0)
	case float64:
		return decimal.NewFromFloat(v)
	}
	return decimal.Decimal{}
}

// fromDecimal gives a decimal as a float, refusing what a float cannot hold.
func fromDecimal(d decimal.Decimal) (any, error) {
	f := d.InexactFloat64()
	if checkFloat(f) != nil {
		return nil, typef("the result is out of range")
	}
	return f, nil
}

func asFloat(v any) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	case *big.Int:
		f, _ := new(big.Float).SetInt(v).Float64()
		return f
	}
	return 0
}

func asBig(v any) *big.Int {
	switch v := v.(type) {
	case int64:
		return big.NewInt(v)
	case *big.Int:
		return v
	}
	return new(big.Int)
}

// shrink gives a whole number as int64 where it fits, and refuses one over the limit.
func shrink(st *state, n *big.Int) (any, error) {
	if n.IsInt64() {
		return n.Int64(), nil
	}
	if n.BitLen() > st.limits.IntegerBits {
		return nil, limitf("a whole number of more than %d bits", st.limits.IntegerBits)
	}
	return n, st.alloc(len(n.Bits()) * 8)
}

// isFloat tells whether the pair calls for decimal arithmetic.
func isFloat(a, b any) bool {
	_, x := a.(float64)
	_, y := b.(float64)
	return x || y
}

// arithmetic applies one of + - * to two numbers.
func arithmetic(st *state, a any, operator byte, b any) (any, error) {
	a, b = toNumber(a), toNumber(b)
	if isFloat(a, b) {
		return decimalArithmetic(a, operator, b)
	}
	x, xOK := a.(int64)
	y, yOK := b.(int64)
	if xOK && yOK {
		if n, ok := smallArithmetic(x, operator, y); ok {
			return n, nil
		}
	}
	p, q := asBig(a), asBig(b)
	if operator == '*' && p.BitLen()+q.BitLen() > st.limits.IntegerBits+1 {
		return nil, limitf("a whole number of more than %d bits", st.limits.IntegerBits)
	}
	n := new(big.Int)
	switch operator {
	case '+':
		n.Add(p, q)
	case '-':
		n.Sub(p, q)
	default:
		n.Mul(p, q)
	}
	return shrink(st, n)
}

// smallArithmetic works on 64 bits; ok is false when the result does not fit.
func smallArithmetic(x int64, operator byte, y int64) (n int64, ok bool) {
	switch operator {
	case '+':
		n = x + y
		return n, (n > x) == (y > 0)
	case '-':
		n = x - y
		return n, (n < x) == (y > 0)
	default:
		if x == 0 || y == 0 {
			return 0, true
		}
		n = x * y
		return n, n/y == x && (x != -1 || y != math.MinInt64) && (y != -1 || x != math.MinInt64)
	}
}

func decimalArithmetic(a any, operator byte, b any) (any, error) {
	p, q := asDecimal(a), asDecimal(b)
	switch operator {
	case '+':
		return fromDecimal(p.Add(q))
	case '-':
		return fromDecimal(p.Sub(q))
	default:
		return fromDecimal(p.Mul(q))
	}
}

// divide divides; whole numbers round towards minus infinity.
func divide(st *state, a, b any) (any, error) {
	a, b = toNumber(a), toNumber(b)
	if isZero(b) {
		return nil, typef("divided by 0")
	}
	if isFloat(a, b) {
		f := asFloat(a) / asFloat(b)
		if checkFloat(f) != nil {
			return nil, typef("the result is out of range")
		}
		return f, nil
	}
	q, _ := floorDivide(asBig(a), asBig(b))
	return shrink(st, q)
}

// modulo gives the rest of divide; it has the sign of b.
func modulo(st *state, a, b any) (any, error) {
	a, b = toNumber(a), toNumber(b)
	if isZero(b) {
		return nil, typef("divided by 0")
	}
	if isFloat(a, b) {
		p, q := asDecimal(a), asDecimal(b)
		r := p.Mod(q)
		if !r.IsZero() && r.IsNegative() != q.IsNegative() {
			r = r.Add(q)
		}
		return fromDecimal(r)
	}
	_, r := floorDivide(asBig(a), asBig(b))
	return shrink(st, r)
}

func floorDivide(a, b *big.Int) (q, r *big.Int) {
	q, r = new(big.Int).QuoRem(a, b, new(big.Int))
	if r.Sign() != 0 && r.Sign() != b.Sign() {
		q.Sub(q, big.NewInt(1))
		r.Add(r, b)
	}
	return q, r
}

func isZero(v any) bool {
	switch v := v.(type) {
	case int64:
		return v == 0
	case float64:
		return v == 0
	}
	return false
}

// roundTo rounds half away from zero. With places <= 0 the result is a whole number.
func roundTo(st *state, v any, places int64) (any, error) {
	v = toNumber(v)
	if _, float := v.(float64); !float && places >= 0 {
		return v, nil
	}
	if places > 340 {
		return v, nil
	}
	if places < -2000 {
		return int64(0), nil
	}
	d := asDecimal(v).Round(int32(places))
	if places > 0 {
		return fromDecimal(d)
	}
	return shrink(st, d.BigInt())
}

// formatFloat writes a float like Ruby's Float#to_s: always with a point, scientific from 1e16 on and below 1e-4.
func formatFloat(f float64) string {
	a := math.Abs(f)
	if a != 0 && (a < 1e-4 || a >= 1e16) {
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		return mantissa + "e" + exponent
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
