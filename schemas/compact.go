package schemas

import (
	"encoding/json"
	"encoding/json/jsontext"
	jsonv2 "encoding/json/v2"
)

// Marshal is json.Marshal but for what a page in HTML would need: `<`, `>` and `&` stand for themselves, also in raw JSON within v. Escaped they take six
// bytes each, and seven within another text.
func Marshal(v any) ([]byte, error) {
	v1 := json.DefaultOptionsV1() //nolint:govet // of go1.27 without the experiment that this is built with
	return jsonv2.Marshal(v, v1, jsontext.EscapeForHTML(false), jsontext.EscapeForJS(false), jsontext.PreserveRawStrings(false))
}

// Compact writes JSON as Marshal does; ok is false where it is none.
func Compact(raw json.RawMessage) (compact json.RawMessage, ok bool) {
	v := raw.Clone()
	if v.Format(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
		return nil, false
	}
	return v, true
}
