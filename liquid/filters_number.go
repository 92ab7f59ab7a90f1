package liquid

import "math/big"

var numberFilters = []filter{
	{name: "abs", run: abs},
	{name: "ceil", run: ceil},
	{name: "floor", run: floor},
	{name: "round", most: 1, run: round},
	{name: "plus", least: 1, most: 1, run: calculate('+')},
	{name: "minus", least: 1, most: 1, run: calculate('-')},
	{name: "times", least: 1, most: 1, run: calculate('*')},
	{name: "divided_by", least: 1, most: 1, run: func(st *state, in any, a arguments) (any, error) { return divide(st, in, a.at(0)) }},
	{name: "modulo", least: 1, most: 1, run: func(st *state, in any, a arguments) (any, error) { return modulo(st, in, a.at(0)) }},
	{name: "at_least", least: 1, most: 1, run: atLeast},
	{name: "at_most", least: 1, most: 1, run: atMost},
	{name: "to_number", run: func(_ *state, in any, _ arguments) (any, error) { return toNumber(in), nil }},
}

func calculate(operator byte) func(*state, any, arguments) (any, error) {
	return func(st *state, in any, a arguments) (any, error) { return arithmetic(st, in, operator, a.at(0)) }
}

func abs(st *state, in any, _ arguments) (any, error) {
	n := toNumber(in)
	if f, ok := n.(float64); ok {
		if f < 0 {
			f = -f
		}
		return f, nil
	}
	return shrink(st, new(big.Int).Abs(asBig(n)))
}

func ceil(st *state, in any, _ arguments) (any, error) {
	n := toNumber(in)
	if _, float := n.(float64); !float {
		return n, nil
	}
	return shrink(st, asDecimal(n).Ceil().BigInt())
}

func floor(st *state, in any, _ arguments) (any, error) {
	n := toNumber(in)
	if _, float := n.(float64); !float {
		return n, nil
	}
	return shrink(st, asDecimal(n).Floor().BigInt())
}

// round takes the number of places; what is no number counts as 0.
func round(st *state, in any, a arguments) (any, error) {
	places := int64(0)
	switch n := toNumber(a.at(0)).(type) {
	case int64:
		places = n
	case float64:
		places = int64(max(-10_000, min(n, 10_000)))
	}
	return roundTo(st, in, places)
}

func atLeast(_ *state, in any, a arguments) (any, error) {
	n, least := toNumber(in), toNumber(a.at(0))
	if compareNumbers(n, least) < 0 {
		return least, nil
	}
	return n, nil
}

func atMost(_ *state, in any, a arguments) (any, error) {
	n, most := toNumber(in), toNumber(a.at(0))
	if compareNumbers(n, most) > 0 {
		return most, nil
	}
	return n, nil
}
