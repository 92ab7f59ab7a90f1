package liquid

import (
	"cmp"
	"maps"
	"slices"
	"sort"
	"time"
)

// Inspection is what can be told about templates without data.
type Inspection struct {
	Errors    []Error    // at most twenty a part, in order of parts and places
	Warnings  []Error    // loops that cannot end within the limits, at most twenty
	Variables []Variable // what the parts ask the data for, each with its first place
	Loops     []Loop     // every loop
	Snippets  []string   // the names of snippets that the parts use, without those inside snippets; sorted
}

// Loop is a for or tablerow. Turns and Runs are nil where they depend on data.
type Loop struct {
	Part     string `json:"part"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Variable string `json:"variable"`
	Turns    *int64 `json:"turns"` // at most, for each time the loop is reached
	Runs     *int64 `json:"runs"`  // at most, with the loops around it

	at int
}

// Inspect parses the parts and the snippets they use and tells what is in them, also of parts with errors.
func (r *Renderer) Inspect(parts, snippets map[string]string) (in Inspection) {
	var err error
	defer func() {
		if err != nil {
			in.Errors = append(in.Errors, *asError(err))
		}
	}()
	defer r.guard(&err)
	r.prepare()
	i := inspector{renderer: r, out: &in, used: map[string]bool{}}
	i.walk = snippetWalk{renderer: r, known: snippets, sources: &i.sources, visited: map[string]bool{}, found: i.variable}
	for _, name := range partOrder(parts) {
		i.part(name, parts[name])
	}
	in.Variables = i.all.list()
	in.Snippets = slices.Sorted(maps.Keys(i.used))
	return in
}

// inspector is the work of one Inspect.
type inspector struct {
	renderer *Renderer
	out      *Inspection
	walk     snippetWalk
	sources  int
	all      uses
	used     map[string]bool // names of snippets

	name  string // of the part
	lines newlines
}

func (i *inspector) part(name, source string) {
	i.name, i.lines = name, newlinesOf(source)
	if i.sources += len(source); i.sources > i.renderer.limits.Sources {
		i.fault(limitf("the templates and their snippets have more than %d bytes together", i.renderer.limits.Sources))
		return
	}
	c := compile(source, &i.renderer.limits)
	first := len(i.out.Errors)
	defer func() {
		slices.SortStableFunc(i.out.Errors[first:], func(a, b Error) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	}()
	for _, f := range c.faults {
		i.fault(f)
	}
	for _, v := range c.uses.list() {
		i.variable(v)
	}
	for _, l := range c.loops {
		i.loop(l, source)
	}
	i.snippets(c.snippets, source, mostFaults-len(c.faults))
}

// snippets goes through the snippets of a part, each alone, so that all faults are found, up to most.
func (i *inspector) snippets(list []snippetUse, source string, most int) {
	for _, u := range list {
		if u.name != "" {
			i.used[u.name] = true
		}
		if most <= 0 {
			continue
		}
		if f := i.walk.visit([]snippetUse{u}, -1); f != nil {
			if f.In == "" {
				f = f.at(source, f.place)
			}
			i.fault(f)
			most--
		}
	}
}

func (i *inspector) fault(f *Error) {
	f.Part = i.name
	i.out.Errors = append(i.out.Errors, *f)
}

func (i *inspector) variable(v Variable) {
	v.Part = i.name
	v.Line, v.Column = i.lines.place(v.at)
	i.all.add(v)
}

func (i *inspector) loop(l Loop, source string) {
	l.Part = i.name
	l.Line, l.Column = i.lines.place(l.at)
	i.out.Loops = append(i.out.Loops, l)
	if l.Runs != nil && *l.Runs > i.renderer.limits.Ops && len(i.out.Warnings) < mostFaults {
		i.out.Warnings = append(i.out.Warnings, *i.renderer.endless(source, l))
	}
}

// endless is the warning of a loop that would be stopped.
func (r *Renderer) endless(source string, l Loop) *Error {
	e := limitf("the loop runs %d times, but a render is stopped after %d steps", *l.Runs, r.limits.Ops).at(source, l.at)
	e.Part = l.Part
	return e
}

// newlines are the places of a source's line ends, to find many places without reading the source for each.
type newlines []int

func newlinesOf(source string) newlines {
	var out newlines
	for i := range len(source) {
		if source[i] == '\n' {
			out = append(out, i)
		}
	}
	return out
}

// place gives line and column of a byte offset, both from 1.
func (n newlines) place(at int) (line, column int) {
	i := sort.SearchInts(n, at)
	if i == 0 {
		return 1, at + 1
	}
	return i + 1, at - n[i-1]
}

// noteLoop keeps what is known of a loop's length, and enters it for the loops inside.
func (c *compiler) noteLoop(l *loop) {
	found := Loop{Variable: l.variable, Turns: l.mostTurns(), at: l.at}
	if outer := len(c.runs); found.Turns != nil && (outer == 0 || c.runs[outer-1] != nil) {
		found.Runs = found.Turns
		if outer > 0 {
			found.Runs = product(*c.runs[outer-1], *found.Turns)
		}
	}
	c.runs = append(c.runs, found.Runs)
	c.loops = append(c.loops, found)
}

// product multiplies two counts, at most to the largest int64.
func product(a, b int64) *int64 {
	n, ok := smallArithmetic(a, '*', b)
	if !ok {
		n = 1<<63 - 1
	}
	return &n
}

// mostTurns gives the number of turns when the source alone tells it.
func (l *loop) mostTurns() *int64 {
	var turns *int64
	if r, ok := l.list.(between); ok {
		from, fromOK := wholeLiteral(r.from)
		to, toOK := wholeLiteral(r.to)
		if fromOK && toOK {
			n := interval{from, to}.size()
			if skip, ok := wholeLiteral(l.offset); ok {
				n = max(0, n-max(0, skip))
			}
			turns = &n
		}
	}
	if most, ok := wholeLiteral(l.limit); ok {
		most = max(0, most)
		if turns == nil || *turns > most {
			turns = &most
		}
	}
	return turns
}

func wholeLiteral(e expression) (int64, bool) {
	l, ok := e.(literal)
	if !ok {
		return 0, false
	}
	n, ok := l.value.(int64)
	return n, ok
}

// Value is what a variable of the data gave when it was looked at first.
type Value struct {
	Path  string `json:"path"`
	Type  string `json:"type"`  // text, number, boolean, time, list, object or none
	Value any    `json:"value"` // the scalar, texts cut to 200 characters; nil for lists and objects
	From  string `json:"from"`  // data, defaults or none
}

// Where a Value comes from.
const (
	FromData     = "data"
	FromDefaults = "defaults"
	FromNone     = "none"
)

// explained describes v.
func explained(path string, v any, from string) Value {
	out := Value{Path: path, From: from, Value: unmarked(v)}
	if v == nil {
		out.From = FromNone
	}
	switch v := out.Value.(type) {
	case nil:
		out.Type = "none"
	case string:
		out.Type, out.Value = "text", cutText(v, 200)
	case bool:
		out.Type = "boolean"
	case []any, interval:
		out.Type, out.Value = "list", nil
	case map[string]any, *Ordered:
		out.Type, out.Value = "object", nil
	default:
		out.Type = "number"
		if t, ok := v.(time.Time); ok {
			out.Type, out.Value = "time", t.Format(time.RFC3339)
		}
	}
	return out
}

// explain keeps what a variable gave, the first time.
func (st *state) explain(path string, v any, from string) {
	if !st.request.Explain || len(st.values) >= longestReport {
		return
	}
	if _, known := st.values[path]; known {
		return
	}
	if st.values == nil {
		st.values = map[string]Value{}
	}
	st.values[path] = explained(path, v, from)
}

// explanations gives the values in order of their paths.
func (st *state) explanations() []Value {
	return slices.SortedFunc(maps.Values(st.values), func(a, b Value) int { return cmp.Compare(a.Path, b.Path) })
}
