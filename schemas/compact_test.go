package schemas_test

import (
	"encoding/json"
	"testing"

	"deskstream/schemas"
)

// TestMarshal: texts take as few bytes as JSON needs, however deep they are; what is empty or left out is as json.Marshal has it.
func TestMarshal(t *testing.T) {
	t.Parallel()
	type values struct {
		Empty  *string                    `json:"empty,omitempty"`
		None   *string                    `json:"none,omitempty"`
		No     *bool                      `json:"no,omitempty"`
		Custom map[string]json.RawMessage `json:"custom,omitempty"`
	}
	got, err := schemas.Marshal(values{new(""), nil, new(false), map[string]json.RawMessage{
		"b": json.RawMessage(`[ "<\u003c\"\u2028" ]`), "a": json.RawMessage(`1.50`), "c": json.RawMessage("\"\xff\""),
	}})
	const want = `{"empty":"","no":false,"custom":{"a":1.50,"b":["<<\"` + "\u2028" + `"],"c":"` + "\ufffd" + `"}}`
	if string(got) != want || err != nil {
		t.Errorf("got %s (%v), want %s", got, err, want)
	}
	for in, want := range map[string]string{`"\u003c&"`: `"<&"`, ` [ "a" , 1 ] `: `["a",1]`, `null`: `null`, `{"a":1,"a":2}`: `{"a":1,"a":2}`, `x`: ``, ``: ``, `1 2`: ``} {
		if got, ok := schemas.Compact(json.RawMessage(in)); string(got) != want || ok != (want != "") {
			t.Errorf("%s: got %s, %t", in, got, ok)
		}
	}
}
