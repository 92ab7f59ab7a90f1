package processors

// peekIDs reads up to two whole numbers that stand at the top level of a JSON object, without decoding the rest: most events repeat
// what is known, and the id is all it takes to see that. ok is false when data is not an object or ends too early; an absent key is 0.
func peekIDs(data []byte, keyA, keyB string) (a, b int64, ok bool) {
	p := peeker{b: data}
	if !p.skip('{') {
		return 0, 0, false
	}
	haveA, haveB := false, keyB == ""
	for {
		if p.space(); p.at('}') {
			return a, b, true
		}
		key, good := p.string()
		if !good || !p.skip(':') {
			return 0, 0, false
		}
		switch string(key) {
		case keyA:
			a, good = p.number()
			haveA = true
		case keyB:
			b, good = p.number()
			haveB = true
		default:
			good = p.value()
		}
		if !good {
			return 0, 0, false
		}
		if haveA && haveB {
			return a, b, true
		}
		if p.space(); p.at(',') {
			p.i++
			continue
		}
		return a, b, p.at('}')
	}
}

type peeker struct {
	b []byte
	i int
}

func (p *peeker) space() {
	for p.i < len(p.b) {
		switch p.b[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

func (p *peeker) at(c byte) bool { return p.i < len(p.b) && p.b[p.i] == c }

func (p *peeker) skip(c byte) bool {
	p.space()
	if !p.at(c) {
		return false
	}
	p.i++
	return true
}

// string gives the raw bytes between the quotes; keys of interest hold no escapes.
func (p *peeker) string() ([]byte, bool) {
	if !p.at('"') {
		return nil, false
	}
	p.i++
	for start := p.i; p.i < len(p.b); p.i++ {
		switch p.b[p.i] {
		case '\\':
			p.i++
		case '"':
			p.i++
			return p.b[start : p.i-1], true
		}
	}
	return nil, false
}

// number reads a whole number, also quoted; null and anything that is not a whole number is 0.
func (p *peeker) number() (int64, bool) {
	p.space()
	start := p.i
	if !p.value() {
		return 0, false
	}
	raw := p.b[start:p.i]
	if len(raw) > 1 && raw[0] == '"' {
		raw = raw[1 : len(raw)-1]
	}
	n, negative := int64(0), false
	for i, c := range raw {
		switch {
		case i == 0 && c == '-':
			negative = true
		case c >= '0' && c <= '9' && n < 1<<58:
			n = n*10 + int64(c-'0')
		default:
			return 0, true
		}
	}
	if negative {
		n = -n
	}
	return n, true
}

// value skips one value of any kind.
func (p *peeker) value() bool {
	p.space()
	for depth := 0; p.i < len(p.b); {
		switch p.b[p.i] {
		case '"':
			if _, ok := p.string(); !ok {
				return false
			}
		case '{', '[':
			depth++
			p.i++
			continue
		case '}', ']':
			depth--
			p.i++
			if depth < 0 {
				return false
			}
		case ' ', '\t', '\n', '\r', ',', ':':
			if depth == 0 {
				return false
			}
			p.i++
			continue
		default:
			for p.i < len(p.b) && !stops(p.b[p.i]) {
				p.i++
			}
		}
		if depth == 0 {
			return true
		}
	}
	return false
}

func stops(c byte) bool {
	switch c {
	case ' ', '\t', '\n', '\r', ',', ':', '{', '}', '[', ']', '"':
		return true
	}
	return false
}
