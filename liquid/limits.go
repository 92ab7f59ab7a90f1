package liquid

import "time"

// Limits bounds what one render may cost. A field that is zero (or negative) takes its default. Going over any of them is an *Error of kind
// KindLimit. Limits on the source hold per part or snippet, Output per part, Sources, Ops, Alloc and Time for all of one request together.
type Limits struct {
	Source  int // bytes of one part's template; default 256 KiB
	Nesting int // blocks inside blocks, brackets inside brackets, liquid tags inside liquid tags; default 100
	Blocks  int // block tags and their clauses; default 5,000
	Filters int // filters in one chain; default 100
	Path    int // segments of one variable path; default 100
	Tokens  int // tags, outputs, texts and words of expressions in one part; default 100,000

	Sources  int // bytes of all parts of a request and all snippets they use; default 512 KiB
	Snippets int // snippets inside snippets; default 20

	Ops    int64         // steps: nodes, loop turns, comparisons, list elements; default 500,000
	Output int           // bytes of text one part may give; default 1 MiB
	Text   int           // bytes of one text built by a filter or a capture; default 1 MiB
	Items  int           // elements of one list built by a filter; default 100,000
	Alloc  int64         // bytes built in total; default 32 MiB
	Time   time.Duration // wall time; default 250 ms

	IntegerBits int // size of whole numbers; default 4,096
	DateWidth   int // padding width in a date format; default 100

	DataDepth  int // maps and lists inside each other in the request's data; default DataDepth
	DataValues int // values in the request's data; default 250,000
}

// DataDepth is the default of Limits.DataDepth.
const DataDepth = 32

// withDefaults gives l with every unset field at its default.
func (l Limits) withDefaults() Limits {
	for _, f := range []struct {
		field *int
		value int
	}{
		{&l.Source, 256 << 10},
		{&l.Nesting, 100},
		{&l.Blocks, 5000},
		{&l.Filters, 100},
		{&l.Path, 100},
		{&l.Tokens, 100_000},
		{&l.Sources, 512 << 10},
		{&l.Snippets, 20},
		{&l.Output, 1 << 20},
		{&l.Text, 1 << 20},
		{&l.Items, 100_000},
		{&l.IntegerBits, 4096},
		{&l.DateWidth, 100},
		{&l.DataDepth, DataDepth},
		{&l.DataValues, 250_000},
	} {
		if *f.field <= 0 {
			*f.field = f.value
		}
	}
	if l.Ops <= 0 {
		l.Ops = 500_000
	}
	if l.Alloc <= 0 {
		l.Alloc = 32 << 20
	}
	if l.Time <= 0 {
		l.Time = 250 * time.Millisecond
	}
	return l
}
