package liquid

import (
	"slices"
	"strings"
)

// Variable is a variable a template asks the data for. Path is its canonical way: aliases of the root are resolved, an element of a list
// that is looped over is "[]", and a step that is only known when rendering is "*". A path that is looped over appears itself as well.
type Variable struct {
	Path     []string `json:"path"`
	InOutput bool     `json:"in_output"` // in a {{ }} or echo, not only in conditions and loops
	Whole    bool     `json:"whole"`     // as it is, not only looped over: what is asked of its elements has paths of its own then

	Part   string `json:"part,omitempty"` // where it is used first; Inspect tells
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`

	at int
}

// String gives the path in the dotted form used in Result.Used and Result.Missing: activities[].ticket.subject.
func (v Variable) String() string { return dotted(v.Path) }

func dotted(path []string) string {
	return strings.ReplaceAll(strings.Join(path, "."), ".[]", "[]")
}

// uses collects the variables while a template is parsed.
type uses struct {
	found  map[string]Variable
	whole  map[string]int // how often each is used as it is
	loops  []loopName
	locals map[string][]string // assigned names; the path they stand for, nil when it is none
}

// loopName is a loop variable and the path of the elements it stands for, nil when it is none.
type loopName struct {
	name string
	path []string
}

// notePath is called for every variable path in the source.
func (c *compiler) notePath(v *path) {
	for _, p := range c.uses.resolve(v) {
		c.uses.add(Variable{Path: p, InOutput: c.inOutput, at: v.at})
		c.uses.count(p, 1)
	}
}

// noteLooped is called for a path that was noted and is looped over.
func (c *compiler) noteLooped(v *path) {
	for _, p := range c.uses.resolve(v) {
		c.uses.count(p, -1)
	}
}

func (u *uses) count(path []string, n int) {
	if u.whole == nil {
		u.whole = map[string]int{}
	}
	u.whole[keyOf(path)] += n
}

func keyOf(path []string) string { return strings.Join(path, "\x00") }

// add keeps the first use of a path.
func (u *uses) add(v Variable) {
	if u.found == nil {
		u.found = map[string]Variable{}
	}
	key := keyOf(v.Path)
	known, ok := u.found[key]
	if !ok {
		known = v
	}
	known.InOutput, known.Whole = known.InOutput || v.InOutput, known.Whole || v.Whole
	u.found[key] = known
}

// resolve gives the data paths v may stand for. An assigned name that is also a root of merge tags may stand for both, as the assignment may
// not be reached.
func (u *uses) resolve(v *path) [][]string {
	if v.computed != nil {
		return [][]string{v.names}
	}
	for i := len(u.loops) - 1; i >= 0; i-- {
		if l := u.loops[i]; l.name == v.root {
			return below(l.path, v)
		}
	}
	if len(u.loops) > 0 && (v.root == "forloop" || v.root == "tablerowloop") {
		return nil
	}
	base, assigned := u.locals[v.root]
	if !assigned {
		return [][]string{v.names}
	}
	out := below(base, v)
	if v.merge {
		out = append(out, v.names)
	}
	return out
}

// longestVariable bounds the paths that chains of assignments can build; data is not deeper.
const longestVariable = 40

func below(base []string, v *path) [][]string {
	if base == nil || len(base)+len(v.names) > longestVariable {
		return nil
	}
	return [][]string{slices.Concat(base, v.names[1:])}
}

// enter begins a loop over source, nil when the list is not a variable.
func (u *uses) enter(name string, source *path) {
	var path []string
	if source != nil {
		if paths := u.resolve(source); len(paths) > 0 {
			path = slices.Concat(paths[0], []string{"[]"})
		}
	}
	u.loops = append(u.loops, loopName{name, path})
}

func (u *uses) leave() { u.loops = u.loops[:len(u.loops)-1] }

// assign notes that name gets a value of the template, which comes from source unless that is nil.
func (u *uses) assign(name string, source *path) {
	if u.locals == nil {
		u.locals = map[string][]string{}
	}
	var path []string
	if source != nil {
		if paths := u.resolve(source); len(paths) > 0 {
			path = paths[0]
		}
	}
	u.locals[name] = path
}

// list gives the variables in order.
func (u *uses) list() []Variable {
	out := make([]Variable, 0, len(u.found))
	for key, v := range u.found {
		v.Whole = v.Whole || u.whole[key] > 0
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b Variable) int { return slices.Compare(a.Path, b.Path) })
	return out
}
