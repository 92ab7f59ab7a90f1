package reports

import (
	"bytes"
	"encoding/json"
	"encoding/json/jsontext"
	"errors"
	"reflect"
	"slices"
	"strings"

	"deskstream/schemas"
)

// jsonFault says for the API what is wrong with JSON that cannot be decoded, and where in it, "" for the whole; "" when the text of the error does.
// Go's own text names types of the program.
func jsonFault(err error) (at, message string) {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return e.Field, acceptedFor(e)
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok && strings.HasSuffix(e.Error(), "exceeded max depth") {
		return "", "is nested too deep, at most 10000 objects and lists inside each other are read"
	}
	return "", ""
}

// within gives the location of what is at a place within another.
func within(outer, at string) string {
	if at == "" {
		return outer
	}
	return outer + "." + at
}

// givenTwice refuses a member or parameter of which only one value could be used.
const givenTwice = "is given more than once"

// doubled gives the place of a member that an object in JSON has twice, "" when there is none.
func doubled(text []byte) string {
	if jsontext.Value(text).IsValid() {
		return ""
	}
	_, err := jsontext.NewDecoder(bytes.NewBuffer(text)).ReadValue()
	fault, ok := errors.AsType[*jsontext.SyntacticError](err)
	if !ok || !errors.Is(err, jsontext.ErrDuplicateName) {
		return ""
	}
	return strings.Join(slices.Collect(fault.JSONPointer.Tokens()), ".")
}

// acceptedFor says what is accepted in the place of a value of the wrong type.
func acceptedFor(e *json.UnmarshalTypeError) string {
	kind := reflect.Invalid
	if e.Type != nil {
		kind = e.Type.Kind()
	}
	switch {
	case strings.HasPrefix(e.Value, "number") && kind == reflect.Float64:
		return "must be a number between -1.7976931348623157e308 and 1.7976931348623157e308"
	case kind >= reflect.Int && kind <= reflect.Uint64:
		return "must be a whole number that fits 64 bits"
	}
	return "must not be a " + strings.ReplaceAll(e.Value, "bool", "boolean")
}

// placedError is a fault at a place of a body or parameter. Of a body asOurProblem reads it again from its text: huma keeps no more than that.
type placedError struct{ at, message string }

// Error gives place and message.
func (f placedError) Error() string { return f.at + ": " + f.message }

// checkParameter refuses a parameter that is to be an object and is not JSON as bodies have to be.
func checkParameter(at, given string) error {
	var v any
	err := decodeText(at, []byte(given), &v)
	fault, placed := errors.AsType[placedError](err)
	switch {
	case err == nil:
		return nil
	case placed:
		return schemas.Invalid(fault.at, fault.message)
	case errors.Is(err, errNotUTF8):
		return schemas.Invalid(at, notUTF8)
	}
	return schemas.Invalid(at, "must be an object in JSON: "+err.Error())
}

// faultPlace takes the text of a placedError in a body apart.
func faultPlace(text string) (at, message string, ok bool) {
	i := strings.LastIndex(text, ": ")
	if i < 0 || !strings.HasPrefix(text, "body.") && !strings.HasPrefix(text, "body:") {
		return "", "", false
	}
	return text[:i], text[i+2:], true
}
