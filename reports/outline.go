package reports

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// outline decodes bodies for a check by their schema: what stands in the members that may hold anything is passed over, because the check
// would not look at it. A body is decoded twice, for the check and into its type, and the roots of templates are most of it.
type outline struct {
	huma.API
	open []string // members of the body that may hold anything
}

// Config is read by huma.
func (o *outline) Config() huma.Config { return o.API.(interface{ Config() huma.Config }).Config() }

// Unmarshal is called by huma: with a *any for the check, then with the body's own type.
func (o *outline) Unmarshal(contentType string, data []byte, v any) error {
	plain, ok := v.(*any)
	if !ok {
		return o.API.Unmarshal(contentType, data, v)
	}
	return unmarshalOutline(func(v any) error { return o.API.Unmarshal(contentType, data, v) }, o.open, plain)
}

// unmarshalOutline decodes into plain but for the open members.
func unmarshalOutline(unmarshal func(any) error, open []string, plain *any) error {
	var members map[string]json.RawMessage
	if len(open) > 0 && unmarshal(&members) == nil && members != nil {
		if found, ok := outlined(members, open); ok {
			*plain = found
			return nil
		}
	}
	return unmarshal(plain)
}

// outlined decodes the members of an object but for the open ones, which are true, or nil for null. It is not ok where only decoding all of it
// tells what is wrong.
func outlined(members map[string]json.RawMessage, open []string) (map[string]any, bool) {
	out := make(map[string]any, len(members))
	for name, text := range members {
		var v any = true
		switch {
		case string(text) == "null":
			v = nil
		case !slices.Contains(open, name) || mayOverflow(text):
			if json.Unmarshal(text, &v) != nil {
				return nil, false
			}
		}
		out[name] = v
	}
	return out, true
}

// mayOverflow tells whether a number in JSON could be beyond a float64: it has an exponent, or hundreds of digits.
func mayOverflow(text []byte) bool {
	digits := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
			if digits++; digits > 300 {
				return true
			}
		case digits > 0 && (c == 'e' || c == 'E'):
			return true
		case c == '"':
			digits, i = 0, stringEnd(text, i+1)
		default:
			digits = 0
		}
	}
	return false
}

// stringEnd gives the place of the quote that ends the string which begins at i.
func stringEnd(text []byte, i int) int {
	for {
		n := bytes.IndexByte(text[i:], '"')
		if n < 0 {
			return len(text)
		}
		slashes := 0
		for slashes < n && text[i+n-1-slashes] == '\\' {
			slashes++
		}
		i += n + 1
		if slashes%2 == 0 {
			return i - 1
		}
	}
}

// openMembers lists the members of an object whose schema takes anything.
func openMembers(registry huma.Registry, schema *huma.Schema) (names []string) {
	for schema.Ref != "" {
		schema = registry.SchemaFromRef(schema.Ref)
	}
	for name, s := range schema.Properties {
		if s.Type == "" && s.Ref == "" && s.Enum == nil && s.OneOf == nil && s.AnyOf == nil && s.AllOf == nil && s.Not == nil {
			names = append(names, name)
		}
	}
	return names
}
