package reports

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"deskstream/schemas"
)

// checker reads JSON that is not a whole body, such as a line, by the rules in its type's tags.
type checker struct {
	registry huma.Registry
	schema   *huma.Schema
	known    []string
	open     []string // members that may hold anything
}

func checkerOf[T any](api huma.API) checker {
	t := reflect.TypeFor[T]()
	registry := api.OpenAPI().Components.Schemas
	schema := registry.Schema(t, true, t.Name())
	return checker{registry, schema, jsonFields(t), openMembers(registry, schema)}
}

// read decodes text into v, and gives what is wrong with it. at is the location of the text.
func (c checker) read(text []byte, at string, v any) fieldErrors {
	if !utf8.Valid(text) {
		return fieldErrors{{Location: at, Message: notUTF8}}
	}
	var plain any
	if err := unmarshalOutline(func(v any) error { return json.Unmarshal(text, v) }, c.open, &plain); err != nil {
		return fieldErrors{lineFault(err, at)}
	}
	if place := doubled(text); place != "" {
		return fieldErrors{{Location: within(at, place), Message: givenTwice}}
	}
	var found huma.ValidateResult
	path := huma.NewPathBuffer([]byte{}, 0)
	path.Push(at)
	huma.Validate(c.registry, c.schema, path, huma.ModeWriteToServer, plain, &found)
	var bad fieldErrors
	for _, err := range found.Errors {
		if e, ok := err.(*huma.ErrorDetail); ok { //nolint:errorlint // huma's list holds nothing else
			bad = append(bad, schemas.Field{Location: e.Location, Message: c.explain(e.Message)})
		}
	}
	slices.SortFunc(bad, func(a, b schemas.Field) int { return strings.Compare(a.Location+a.Message, b.Location+b.Message) })
	if len(bad) > 0 {
		return bad
	}
	if err := json.Unmarshal(text, v); err != nil {
		bad = fieldErrors{lineFault(err, at)}
	}
	return bad
}

func lineFault(err error, at string) schemas.Field {
	if place, message := jsonFault(err); place != "" {
		return schemas.Field{Location: within(at, place), Message: message}
	}
	return schemas.Field{Location: at, Message: "must be one JSON object on one line"}
}

// explain adds to a refusal of an unknown field which ones there are.
func (c checker) explain(message string) string {
	if message != "unexpected property" {
		return message
	}
	return "is not known; accepted: " + strings.Join(c.known, ", ")
}
