package liquid

import (
	"errors"
	"fmt"
	"strings"
)

// Kinds of Error.
const (
	KindSyntax   = "syntax"   // the template cannot be parsed
	KindLimit    = "limit"    // the template or its rendering is over a limit
	KindType     = "type"     // a value, an argument, an option or the data is of the wrong sort
	KindMissing  = "missing"  // a value is not there and the request asks for an error then
	KindSnippet  = "snippet"  // the template uses a snippet that does not exist
	KindDenied   = "denied"   // a file was asked for
	KindInternal = "internal" // a fault of this package; counted by Renderer.Panics
)

// Error says why a template was refused or failed. Line and Column count from 1, Column in bytes; both are 0 where the fault is not at
// a place in the template (options, data).
type Error struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
	Part    string `json:"part,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Snippet string `json:"snippet,omitempty"` // the line of the template, cut to 80 characters
	// Suggestion is the name that was probably meant by an unknown one.
	Suggestion string `json:"suggestion,omitempty"`
	// In is the snippet that Line and Column are in, "" for the part itself.
	In string `json:"in,omitempty"`

	place int // offset in the part's source, until Line and Column are set from it
}

// Error gives place, kind and message in one line.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Part != "" {
		fmt.Fprintf(&b, "part %s, ", e.Part)
	}
	if e.In != "" {
		fmt.Fprintf(&b, "snippet %s, ", e.In)
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d, column %d, ", e.Line, e.Column)
	}
	fmt.Fprintf(&b, "%s: %s", e.Kind, e.Message)
	return b.String()
}

func limitf(format string, a ...any) *Error {
	return &Error{Kind: KindLimit, Message: fmt.Sprintf(format, a...)}
}

func typef(format string, a ...any) *Error {
	return &Error{Kind: KindType, Message: fmt.Sprintf(format, a...)}
}

func syntaxf(format string, a ...any) *Error {
	return &Error{Kind: KindSyntax, Message: fmt.Sprintf(format, a...)}
}

// isKind tells whether err is an *Error of this kind.
func isKind(err error, kind string) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == kind
}

// asError finds the *Error in err's chain; anything else is a fault of this package.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: KindInternal, Message: err.Error()}
}

// at fills in e's place from a byte offset into source, unless e already has one.
func (e *Error) at(source string, pos int) *Error {
	if e.Line > 0 {
		return e
	}
	pos = max(0, min(pos, len(source)))
	start := strings.LastIndexByte(source[:pos], '\n') + 1
	e.Line = strings.Count(source[:pos], "\n") + 1
	e.Column = pos - start + 1
	line, _, _ := strings.Cut(source[start:], "\n")
	e.Snippet = cutText(strings.TrimSpace(line), 80)
	return e
}

// abortion is how a template's own decision not to be sent travels up; it is not a failure.
type abortion struct{ reason string }

func (a *abortion) Error() string { return "aborted: " + a.reason }
