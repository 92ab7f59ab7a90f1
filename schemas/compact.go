package schemas

import (
	"encoding/json"
	"encoding/json/jsontext"
	jsonv2 "encoding/json/v2"
)

// Marshal is json.Marshal but for what a page in HTML would need: `<`, `>` and `&` stand for themselves, also in raw JSON within v. Escaped they take six
// bytes each, and seven within another text.
func Marshal(v any) ([]byte, error) {
	return jsonv2.Marshal(v, json.DefaultOptionsV1(), jsontext.EscapeForHTML(false), jsontext.EscapeForJS(false), jsontext.PreserveRawStrings(false))
}

// Compact writes JSON as Marshal does; ok is false where it is none.
func Compact(raw json.RawMessage) (compact json.RawMessage, ok bool) {
	v := jsontext.Value(raw).Clone()
	if v.Format(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
		return nil, false
	}
	return json.RawMessage(v), true
}
