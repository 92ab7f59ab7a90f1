package reports

import (
	"context"
	"errors"
	"math"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/danielgtaylor/huma/v2"

	"deskstream/schemas"
)

const (
	problemType  = "application/problem+json"
	retrySeconds = "10" // what Retry-After says with 429 and 503 where nothing better is known
)

// Problem is the body of every error answer (RFC 9457). The last part of Type is a stable code.
type Problem struct { //nolint:errname // the word of RFC 9457
	Type   string          `json:"type" doc:"urn:deskstream:problem:<code>; the code is stable"`
	Title  string          `json:"title" doc:"The meaning of the status"`
	Status int             `json:"status" doc:"HTTP status"`
	Detail string          `json:"detail" doc:"What is wrong and what to do"`
	Errors []schemas.Field `json:"errors,omitempty" doc:"The bad fields: where each stands and what is accepted"`

	after time.Duration // what Retry-After says with 429 and 503, 0 = retrySeconds
}

// Error gives the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is read by huma.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is read by huma.
func (p *Problem) ContentType(string) string { return problemType }

// GetHeaders is read by huma.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	switch p.Status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		h.Set("Retry-After", retrySeconds)
		if p.after > 0 {
			h.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.after.Seconds()))))
		}
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="deskstream"`)
	}
	return h
}

// classes maps the error classes to status and code: the one place where a class becomes an answer.
var classes = []struct {
	class  error
	status int
	code   string
}{
	{schemas.ErrInvalid, http.StatusUnprocessableEntity, "invalid-input"},
	{schemas.ErrNotFound, http.StatusNotFound, "not-found"},
	{schemas.ErrConflict, http.StatusConflict, "conflict"},
	{schemas.ErrDenied, http.StatusForbidden, "denied"},
	{schemas.ErrUnauthenticated, http.StatusUnauthorized, "unauthenticated"},
	{schemas.ErrTooLarge, http.StatusRequestEntityTooLarge, "too-large"},
	{schemas.ErrFenced, http.StatusConflict, "changed-meanwhile"},
	{schemas.ErrUnavailable, http.StatusServiceUnavailable, "unavailable"},
	{errBusy, http.StatusTooManyRequests, "busy"},
	{errTimeout, http.StatusGatewayTimeout, "query-timeout"},
	{errTooManyRows, http.StatusUnprocessableEntity, "too-many-rows"},
	{errMemory, http.StatusServiceUnavailable, "out-of-memory"},
	{context.DeadlineExceeded, http.StatusGatewayTimeout, "query-timeout"},
	{context.Canceled, http.StatusServiceUnavailable, "cancelled"},
}

var (
	errBusy        = errors.New("too many requests of this kind are under way; try again in a few seconds")
	errTooManyRows = errors.New("the answer would have too many rows; ask for a longer interval, a shorter range or fewer groups")
	errMemory      = errors.New("the database has too little memory for the question now; try again in a few seconds, or ask for a shorter range or fewer groups")
	errTimeout     = errors.New("the question took longer than it may; ask for a shorter range or fewer groups")
)

// problemOf turns any error into its answer. An error of no class is a fault of ours: its text stays inside.
func problemOf(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	for _, c := range classes {
		if !errors.Is(err, c.class) {
			continue
		}
		p := newProblem(c.status, c.code, err.Error())
		if detail, ok := errors.AsType[*schemas.Problem](err); ok {
			p.Type, p.Detail, p.Errors, p.after = schemas.ProblemPrefix+detail.Code, detail.Detail, detail.Fields, detail.After
		}
		return p
	}
	return newProblem(http.StatusInternalServerError, "internal", "something went wrong on our side; the log of the process says what")
}

// blame names the field to which a problem is due.
func blame(err error, at string) error {
	p, ok := errors.AsType[*schemas.Problem](err)
	if !ok {
		return err
	}
	return &schemas.Problem{Class: p.Class, Code: p.Code, Detail: p.Detail, Fields: []schemas.Field{{Location: at, Message: p.Detail}}, After: p.After}
}

func newProblem(status int, code, detail string) *Problem {
	return &Problem{Type: schemas.ProblemPrefix + code, Title: http.StatusText(status), Status: status, Detail: detail}
}

// databaseError gives an error of ClickHouse a class. What it says may hold data of people, so only its number and name stay, and which
// part of a table is damaged.
func databaseError(what string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*clickhouse.Exception](err); ok {
		failed := &queryError{what: what, code: e.Code, name: e.Name, class: exceptionClass(e.Code)}
		if damage := schemas.DamageOf(int(e.Code), e.Message); damage != nil {
			failed.class = damage
		}
		return failed
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) { // of the context, or of the connection
		return errTimeout
	}
	if errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	return &queryError{what: what, name: "no answer", class: schemas.ErrUnavailable, err: err}
}

// Codes of ClickHouse's src/Common/ErrorCodes.cpp that are the question's or the moment's fault, not ours.
const (
	codeTooSlow          = 160
	codeTimeout          = 159
	codeTooManyQueries   = 202
	codeMemoryLimit      = 241
	codeTooManyRows      = 158
	codeTooManyRowsOrSet = 191
	codeResultTooLarge   = 396
)

func exceptionClass(code int32) error {
	switch code {
	case codeTimeout, codeTooSlow, codeTooManyRows, codeTooManyRowsOrSet:
		return errTimeout
	case codeMemoryLimit:
		return errMemory
	case codeResultTooLarge:
		return errTooManyRows
	case codeTooManyQueries:
		return errBusy
	}
	return nil
}

// queryError is a failed query without the text of the failure. class may be nil.
type queryError struct {
	what  string
	code  int32
	name  string
	class error
	err   error // of the connection, never of the server
}

// Error says which query failed and how.
func (e *queryError) Error() string {
	if e.class != nil && e.err == nil {
		return e.class.Error()
	}
	text := "query " + e.what + ": " + e.name
	if e.code != 0 {
		text += " (code " + strconv.Itoa(int(e.code)) + ")"
	}
	return text
}

// Unwrap gives the class.
func (e *queryError) Unwrap() error { return e.class }

// problemCodes names the problems that huma finds itself.
var problemCodes = map[int]string{
	http.StatusBadRequest: "invalid-input", http.StatusUnprocessableEntity: "invalid-input",
	http.StatusRequestEntityTooLarge: "too-large", http.StatusUnsupportedMediaType: "unsupported-media-type",
	http.StatusRequestTimeout: "timeout", http.StatusNotAcceptable: "not-acceptable",
}

// asOurProblem is a transformer of huma: what huma refuses before a handler runs leaves in the same form as everything else. Values
// are not repeated to the caller, because they may be secrets.
func asOurProblem(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	code := problemCodes[m.Status]
	if code == "" {
		code = "internal"
	}
	p := newProblem(m.Status, code, m.Detail)
	for _, e := range m.Errors {
		f := schemas.Field{Location: e.Location, Message: explain(ctx.Operation(), e)}
		if at, message, ok := faultPlace(f.Message); ok {
			f = schemas.Field{Location: at, Message: message}
		}
		p.Errors = append(p.Errors, f)
	}
	slices.SortFunc(p.Errors, func(a, b schemas.Field) int { return strings.Compare(a.Location+a.Message, b.Location+b.Message) })
	if len(p.Errors) > 0 {
		p.Detail = p.Errors[0].Location + ": " + p.Errors[0].Message
	}
	return p, nil
}

// explain adds to a refusal of an unknown field which ones there are.
func explain(op *huma.Operation, e *huma.ErrorDetail) string {
	if e.Message != "unexpected property" {
		return e.Message
	}
	if e.Location == "body.merge_strategy" {
		return "a Zendesk source has no merge strategy: contacts merge by `identifiers`"
	}
	known, ok := op.Metadata[metaFields].([]string)
	if !ok || strings.Count(e.Location, ".") != 1 {
		return "is not known"
	}
	return "is not known; accepted: " + strings.Join(known, ", ")
}
