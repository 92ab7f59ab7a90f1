package liquid

import (
	"strings"

	"github.com/bojanz/currency"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"
)

// What formatting by a locale costs: the libraries look it up in tables.
const (
	localeSteps = 200
	localeBytes = 4 << 10
)

// locale reads the argument that names a locale, English when there is none.
func (st *state) locale(a arguments, i int) (language.Tag, error) {
	name, err := a.text(st, i, "en")
	if err != nil {
		return language.Und, err
	}
	if err := st.step(localeSteps); err != nil {
		return language.Und, err
	}
	if err := st.alloc(localeBytes); err != nil {
		return language.Und, err
	}
	if len(name) > 35 {
		return language.Und, typef("locale %q is not known", cutText(name, 40))
	}
	tag, err := language.Parse(name)
	if err != nil {
		return language.Und, typef("locale %q is not known", name)
	}
	return tag, nil
}

// numberWithDelimiter groups a number the way of a locale; it is not divided.
func numberWithDelimiter(st *state, in any, a arguments) (any, error) {
	if in == nil || in == "" {
		return "", nil
	}
	tag, err := st.locale(a, 0)
	if err != nil {
		return nil, err
	}
	n := toNumber(in)
	switch n.(type) {
	case int64, float64:
	default:
		return nil, typef("the number is too big")
	}
	scale := number.MaxFractionDigits(3)
	if p := places(a.at(1), -1); p >= 0 {
		scale = number.Scale(p)
	}
	s := message.NewPrinter(tag).Sprint(number.Decimal(n, scale))
	return s, st.text(len(s))
}

// decimalWithDelimiter writes thousandths the way of a locale, with a symbol in front, or with a currency by its code of three letters where
// the locale puts it: 12345 | decimalWithDelimiter: "one", "USD", "en" is $12.3.
func decimalWithDelimiter(st *state, in any, a arguments) (any, error) {
	if in == nil || in == "" {
		return "", nil
	}
	symbol, err := a.text(st, 1, "")
	if err != nil {
		return nil, err
	}
	tag, err := st.locale(a, 2)
	if err != nil {
		return nil, err
	}
	return writeMoney(st, in, symbol, tag, places(a.at(0), 2))
}

// price writes {amount, currency}, the amount in thousandths: with its currency (currency_value), without (value), or the currency's code
// alone (currency).
func price(st *state, in any, a arguments) (any, error) {
	amount, code := in, ""
	if m, ok := asMap(in); ok {
		amount = plain(m["amount"])
		var err error
		if code, err = toText(st, plain(m["currency"])); err != nil {
			return nil, err
		}
	}
	if amount == nil || amount == "" {
		return "", nil
	}
	tag, err := st.locale(a, 2)
	if err != nil {
		return nil, err
	}
	switch a.at(0) {
	case "currency":
		return code, nil
	case "value":
		code = ""
	case nil, "currency_value":
	default:
		return nil, typef("the first argument must be currency_value, value or currency")
	}
	return writeMoney(st, amount, code, tag, places(a.at(1), 2))
}

// longestSymbol bounds what stands for a currency.
const longestSymbol = 100

// writeMoney writes thousandths with digits after the point. symbol is put in front unless it is the code of a currency.
func writeMoney(st *state, thousandths any, symbol string, tag language.Tag, digits int) (any, error) {
	d := asDecimal(toNumber(thousandths)).Shift(-3).Round(int32(digits))
	if len(symbol) > longestSymbol || d.NumDigits() > 100 {
		return nil, typef("the amount or its currency is too long")
	}
	code := strings.ToUpper(strings.TrimSpace(symbol))
	known := code != "" && currency.IsValid(code)
	if !known {
		code = "USD" // only the digits of it are written
	}
	amount, err := currency.NewAmount(d.String(), code)
	if err != nil {
		return nil, typef("%q is not an amount", cutText(d.String(), 40))
	}
	f := currency.NewFormatter(currency.NewLocale(tag.String()))
	f.MinDigits, f.MaxDigits = uint8(digits), uint8(digits)
	if known {
		s := f.Format(amount)
		return s, st.text(len(s))
	}
	f.CurrencyDisplay = currency.DisplayNone
	s := strings.TrimSpace(f.Format(amount))
	sign := ""
	if d.IsNegative() {
		sign, s = "-", strings.TrimLeft(s, "-\u2212\u200e")
	}
	return sign + symbol + s, st.text(len(sign) + len(symbol) + len(s))
}

// trackURL marks a link for tracking in Ortto. Nothing is tracked here: it is the address itself.
func trackURL(_ *state, in any, _ arguments) (any, error) { return in, nil }
