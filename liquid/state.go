package liquid

import (
	"errors"
	"time"
)

// signal says that a loop is being left or its next turn called for.
type signal int

const (
	signalNone signal = iota
	signalBreak
	signalContinue
)

// stateKey is the one name in the library's bindings. Templates cannot reach it: their names are looked up in the state, not there.
const stateKey = "state"

// state is everything one render changes. It belongs to one render and is never shared.
type state struct {
	budget

	request  *Request
	data     map[string]any
	defaults map[string]any // by canonical path
	now      time.Time
	zone     *time.Location // nil when neither request nor person names one

	frame
	escape bool // outputs are HTML-escaped
	out    *buffer
	stack  []any // arguments of the filter being called

	renderer *Renderer
	snippets map[string]*template // used so far
	sources  int                  // bytes of the templates used so far
	depth    int                  // snippets inside each other

	used, missing map[string]struct{}
	lacking       string           // the first variable without a value in the output being written
	values        map[string]Value // by path, when the request asks for them
	notes         []Error          // errors that did not fail the render
	partName      string           // of the part being rendered
}

// frame is what belongs to one part, or to one snippet with a scope of its own.
type frame struct {
	template *template
	name     string   // of the snippet
	seen     []bool   // by path: it is in used
	origins  []origin // by path

	isolated bool    // only merge tags are seen of the data
	scopes   []scope // loop variables, innermost last
	locals   map[string]binding
	counters map[string]int64
	cycles   map[string]int
	resume   map[string]int64 // where "offset: continue" goes on, by loop name
	changed  *string          // what ifchanged wrote last
	loop     *forloop
	signal   signal
}

// frameBytes is about what rendering a template costs before anything in it is rendered, with what the library makes for it.
const frameBytes = 1800

// enter begins a frame for a template.
func (st *state) enter(name string, t *template) error {
	if err := st.alloc(frameBytes + 40*t.paths); err != nil {
		return err
	}
	st.frame = frame{template: t, name: name, seen: make([]bool, t.paths), origins: make([]origin, t.paths)}
	return st.step(int64(t.paths/64) + 2)
}

// scope is one loop variable.
type scope struct {
	name string
	binding
}

// origin is a joined name and what it was joined to.
type origin struct{ base, joined string }

// buffer collects text up to a limit.
type buffer struct {
	text  []byte
	limit int
	of    string // what the limit is of, for its message
}

// begin prepares st for the next part.
func (st *state) begin(name string, t *template, escape bool, out *buffer) error {
	st.partName, st.escape, st.out = name, escape, out
	return st.enter("", t)
}

// write appends to the current output.
func (st *state) write(s string) error {
	b := st.out
	if len(s) > b.limit-len(b.text) {
		return limitf("%s is longer than %d bytes", b.of, b.limit)
	}
	if err := st.grow(len(s)); err != nil {
		return err
	}
	b.text = append(b.text, s...)
	return nil
}

// grow makes room for n more bytes, paying for the new memory.
func (st *state) grow(n int) error {
	b := st.out
	if cap(b.text)-len(b.text) >= n {
		return nil
	}
	size := max(2*cap(b.text), len(b.text)+n, 256)
	if err := st.alloc(size); err != nil {
		return err
	}
	grown := make([]byte, len(b.text), size)
	copy(grown, b.text)
	b.text = grown
	return nil
}

// divert runs f with its output going to a text of its own.
func (st *state) divert(of string, f func() error) (string, error) {
	outer := st.out
	st.out = &buffer{limit: st.limits.Text, of: of}
	err := f()
	inner := st.out
	st.out = outer
	if err != nil {
		return "", err
	}
	if err := st.alloc(len(inner.text)); err != nil {
		return "", err
	}
	return string(inner.text), nil
}

// local finds a loop variable, an assigned variable or a counter.
func (st *state) local(name string) (binding, bool) {
	for i := len(st.scopes) - 1; i >= 0; i-- {
		if st.scopes[i].name == name {
			return st.scopes[i].binding, true
		}
	}
	if b, ok := st.locals[name]; ok {
		return b, true
	}
	if n, ok := st.counters[name]; ok {
		return binding{value: n}, true
	}
	return binding{}, false
}

// assign sets a variable for the rest of the part.
func (st *state) assign(name string, b binding) {
	if st.locals == nil {
		st.locals = map[string]binding{}
	}
	st.locals[name] = b
}

// longestReport is how many paths the used and missing lists hold at most.
const longestReport = 1000

// markUsed notes that the template asked the data for v.
func (st *state) markUsed(v *path, origin string) {
	if v.number < 0 || st.seen[v.number] || len(st.used) >= longestReport {
		return
	}
	st.seen[v.number] = true
	if st.used == nil {
		st.used = map[string]struct{}{}
	}
	st.used[origin] = struct{}{}
}

// markMissing notes that v has no value.
func (st *state) markMissing(v *path, origin string) {
	if v.number < 0 {
		return
	}
	if st.lacking == "" {
		st.lacking = origin
	}
	if len(st.missing) >= longestReport {
		return
	}
	if st.missing == nil {
		st.missing = map[string]struct{}{}
	}
	st.missing[origin] = struct{}{}
}

// inZone shows t in the zone of the request or the person, when there is one.
func (st *state) inZone(t time.Time) time.Time {
	if st.zone == nil {
		return t
	}
	return t.In(st.zone)
}

// fault gives an error its place. In inline mode errors that lie in values are written into the text instead and rendering goes on.
func (st *state) fault(err error, pos int) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	if st.request.Errors != ErrorsInline || e.Kind != KindType && e.Kind != KindMissing {
		return e.at(st.template.source, pos)
	}
	if err := st.note(e, pos); err != nil {
		return err
	}
	return st.writeValueText("Liquid error: " + e.Message)
}

// mostNotes is how many errors that do not fail the render are kept.
const mostNotes = 100

// note keeps an error that does not fail the render. Finding its place means reading the source.
func (st *state) note(e *Error, pos int) error {
	if len(st.notes) >= mostNotes {
		return nil
	}
	if err := st.read(len(st.template.source)); err != nil {
		return err
	}
	e.at(st.template.source, pos).Part = st.partName
	if e.In == "" {
		e.In = st.name
	}
	st.notes = append(st.notes, *e)
	return nil
}
