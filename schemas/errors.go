package schemas

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Error classes. Every error that leaves a package wraps at most one of them; the stream loop and the HTTP edge are the only places
// that turn a class into an action.
var (
	// ErrInvalid is input that can never be used as it is: a dead letter in the loop, 422 at the edge.
	ErrInvalid = errors.New("invalid")
	// ErrNotFound is a thing that does not exist (404).
	ErrNotFound = errors.New("not found")
	// ErrConflict is a step that the present state does not allow (409).
	ErrConflict = errors.New("conflict")
	// ErrDenied is a missing right (403), ErrUnauthenticated a missing or wrong proof of identity (401).
	ErrDenied          = errors.New("denied")
	ErrUnauthenticated = errors.New("unauthenticated")
	// ErrUnavailable is a part that does not answer now; the same call may succeed later (503).
	ErrUnavailable = errors.New("unavailable")
	// ErrFenced says that another writer has moved on: drop what is in memory and read the state of record again.
	ErrFenced = errors.New("fenced by another writer")
	// ErrTooLarge is input over a documented limit (413).
	ErrTooLarge = errors.New("too large")
)

// ProblemPrefix stands before the code in the `type` of a problem.
const ProblemPrefix = "urn:deskstream:problem:"

// Problem is an error with a stable machine-readable code, as in RFC 9457's last part of `type`, and the bad fields.
//
//nolint:errname // the field's word for it (RFC 9457) is problem
type Problem struct {
	Class  error         // one of the classes above; never nil
	Code   string        // kebab-case, e.g. "source-already-connected"
	Detail string        // one sentence for a person: what is wrong and what to do
	Fields []Field       // empty when no single field is to blame
	After  time.Duration // when to try again, 0 = not known
}

// Field names one bad input: Location is where it stands ("body.account", "query.tz"), Message says what is accepted.
type Field struct {
	Location string `json:"location"`
	Message  string `json:"message"`
}

func (p *Problem) Error() string {
	parts := make([]string, 0, len(p.Fields))
	for _, f := range p.Fields {
		parts = append(parts, f.Location+": "+f.Message)
	}
	if said := strings.Join(parts, "; "); said != "" && said != p.Detail {
		return fmt.Sprintf("%s: %s (%s)", p.Code, p.Detail, said)
	}
	return fmt.Sprintf("%s: %s", p.Code, p.Detail)
}

// Unwrap gives the class, so that errors.Is works on a Problem.
func (p *Problem) Unwrap() error { return p.Class }

// Invalid builds the Problem of one bad field.
func Invalid(location, message string) *Problem {
	return &Problem{Class: ErrInvalid, Code: "invalid-input", Detail: location + ": " + message, Fields: []Field{{location, message}}}
}
