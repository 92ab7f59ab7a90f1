package liquid

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/osteele/liquid/parser"
	"github.com/osteele/liquid/render"
)

// template is one parsed source. It is immutable after parsing and shared by renders.
type template struct {
	source    string
	config    render.Config
	tree      render.Node
	nodes     []node // what the numbers in the tree's tags stand for
	places    []int  // where in the source each of them stands
	paths     int
	variables []Variable
	snippets  []snippetUse
	size      int // rough bytes in memory, for the cache
}

// node is one numbered tag of the tree: a sequence, a block, or the argument of a clause.
type node any

// blockNode is a block tag: it compiles into the function that renders the library's block.
type blockNode interface {
	block(t *template, b render.BlockNode) func(io.Writer, render.Context) error
}

// sequence is what stands between two block tags: texts, outputs and simple tags.
type sequence struct{ parts []part }

// part is a text, an output or a simple tag.
type part interface {
	run(*state) error
	position() int
}

// run renders the sequence.
func (s *sequence) run(st *state) error {
	for _, p := range s.parts {
		if st.signal != signalNone {
			return st.step(1)
		}
		if err := p.run(st); err != nil {
			if err = st.fault(err, p.position()); err != nil {
				return err
			}
		}
	}
	return nil
}

// stateOf finds the render's state in the library's bindings.
func stateOf(ctx render.Context) *state {
	st, _ := ctx.Get(stateKey).(*state)
	return st
}

// build hands the skeleton to the library, which makes the tree out of it.
func (t *template) build(skeleton string) error {
	t.config = render.NewConfig()
	t.config.TemplateStore = noFiles{}
	t.config.AddTag(shortNames["run"], func(number string) (func(io.Writer, render.Context) error, error) {
		s, err := nodeAt[*sequence](t, number)
		if err != nil {
			return nil, err
		}
		return func(_ io.Writer, ctx render.Context) error { return s.run(stateOf(ctx)) }, nil
	})
	for _, b := range blocks {
		definition := t.config.AddBlock(shortNames[b.name])
		for _, clause := range b.clauses {
			definition.Clause(shortNames[clause])
		}
		definition.Compiler(t.compileBlock)
	}
	tree, err := t.config.Compile(skeleton, parser.SourceLoc{Pathname: "template"})
	if err != nil {
		return fmt.Errorf("skeleton: %w", err)
	}
	t.tree = tree
	return nil
}

// compileBlock joins a block of the tree with its node.
func (t *template) compileBlock(b render.BlockNode) (func(io.Writer, render.Context) error, error) {
	n, err := nodeAt[blockNode](t, b.Args)
	if err != nil {
		return nil, err
	}
	run := n.block(t, b)
	number, _ := strconv.Atoi(b.Args)
	at := t.places[number]
	return func(w io.Writer, ctx render.Context) error {
		st := stateOf(ctx)
		if err := st.step(1); err != nil {
			return st.fault(err, at)
		}
		if st.signal != signalNone {
			return nil
		}
		return run(w, ctx)
	}, nil
}

// nodeAt gives the node with a number written in the skeleton.
func nodeAt[T any](t *template, number string) (T, error) {
	var none T
	i, err := strconv.Atoi(number)
	if err != nil || i < 0 || i >= len(t.nodes) {
		return none, fmt.Errorf("skeleton: no node %q", number)
	}
	n, ok := t.nodes[i].(T)
	if !ok {
		return none, fmt.Errorf("skeleton: node %d is %T", i, t.nodes[i])
	}
	return n, nil
}

// render runs the tree.
func (t *template) render(st *state) error {
	// The nodes write to the state's buffer, which has a limit; the library's writer stays empty.
	if err := render.Render(t.tree, io.Discard, map[string]any{stateKey: st}, t.config); err != nil {
		return err
	}
	return nil
}

// noFiles is a template store without templates; the library's own would open files.
type noFiles struct{}

// ReadTemplate refuses every name.
func (noFiles) ReadTemplate(name string) ([]byte, error) {
	return nil, &Error{Kind: KindDenied, Message: fmt.Sprintf("file %q is not opened", name)}
}

// shortNames are the names of tags in the skeleton. The library finds tags with a regular expression, whose cost goes by the character.
var shortNames = map[string]string{
	"run": "r", "if": "i", "unless": "u", "case": "c", "for": "f", "tablerow": "t", "capture": "p", "ifchanged": "g",
	"elsif": "s", "else": "e", "when": "w",
}

// skeletonBuilder writes the source the library parses: numbered tags only.
type skeletonBuilder struct{ strings.Builder }

func (s *skeletonBuilder) tag(name string, number int) {
	s.WriteString("{%")
	s.WriteString(shortNames[name])
	s.WriteByte(' ')
	s.WriteString(strconv.Itoa(number))
	s.WriteString("%}")
}

func (s *skeletonBuilder) end(name string) {
	s.WriteString("{%end")
	s.WriteString(shortNames[name])
	s.WriteString("%}")
}
