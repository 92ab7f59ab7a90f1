package reports

import (
	"net/url"
	"strings"
	"testing"
)

// TestFilterInTheAddressIsReadAsInABody: what is no JSON there, or could be read in two ways, is refused with what is wrong and where.
func TestFilterInTheAddressIsReadAsInABody(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	for filter, want := range map[string][2]string{
		`{"field":"email","field":"phone_number","op":"has_value"}`:                     {"query.filter.field", givenTwice},
		`{"field":"email","op":"has_value","op":"has_no_value"}`:                        {"query.filter.op", givenTwice},
		`{"all":[{"field":"email","op":"has_value"}],"all":[{"field":"id","op":"is"}]}`: {"query.filter.all", givenTwice},
		`{"not":{"any":[{"field":"email","op":"is","value":"a","value":"b"}]}}`:         {"query.filter.not.any.0.value", givenTwice},
		`NaN`:                                  {"query.filter", "must be an object in JSON: invalid character 'N' looking for beginning of value"},
		`{"field":"email","op":"has_value"} x`: {"query.filter", "must be an object in JSON: invalid character 'x' after top-level value"},
		"{\"field\":\"email\",\"op\":\"is\",\"value\":\"\xff\"}": {"query.filter", notUTF8},
		`{"field":"custom.x","op":"is","value":1e999}`:           {"query.filter.value", "must be a number between"},
		`[]`: {"query.filter", "must be an object"},
	} {
		r := s.call("GET", "/v1/people?"+url.Values{"filter": {filter}}.Encode(), "people-key", nil)
		s.wantProblem(r, 422, "invalid-input", `"location":"`+want[0]+`","message":"`+want[1])
	}
}

// TestMembersGivenTwiceAreRefused: of two members of one name no value is taken silently, wherever they stand; the answer names them.
func TestMembersGivenTwiceAreRefused(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	const twice = "is given more than once"
	for _, c := range []struct {
		method, path, key, body string
		status                  int
		where                   string
	}{
		{"PATCH", "/v1/people/p_2001", "people-key", `{"first_name":"A","first_name":"B"}`, 400, "body.first_name"},
		{"PATCH", "/v1/people/p_2001", "people-key", `{"custom":{"x":1,"x":2}}`, 400, "body.custom.x"},
		{"POST", "/v1/audiences", "people-key", `{"name":"A","filter":{"field":"email","op":"is","value":"a","value":"b"}}`, 400, "body.filter.value"},
		{"POST", "/v1/liquid/render", "render-key", `{"parts":{"text":"x"},"data":{"x":{"y":[{"z":1,"z":2}]}}}`, 400, "body.data.x.y.0.z"},
		{"POST", "/v1/liquid/render", "render-key", `{"parts":{"text":"x"},"parts":{"text":"y"},"data":{}}`, 400, "body.parts"},
		{"POST", batchPath, "render-key", `{"parts":{"text":"x"},"campaign":{"a":1,"a":2}}`, 422, "body[0].campaign.a"},
	} {
		s.wantProblem(s.call(c.method, c.path, c.key, c.body), c.status, "invalid-input", `"location":"`+c.where+`","message":"`+twice+`"`)
	}
	for _, body := range []string{`[{"email":"a@x.test","email":"b@x.test"}]`, `[{"email":"a@x.test","permissions":{"email":true,"email":false}}]`} {
		rows, err := readRows("application/json", []byte(body))
		if err != nil || len(rows) != 1 || len(rows[0].bad) != 1 || rows[0].bad[0].Message != twice || !strings.HasSuffix(rows[0].bad[0].Location, "email") {
			t.Errorf("%s: %+v, %v", body, rows, err)
		}
	}
	if rows := readLines([]byte("{\"id\":\"1\",\"id\":\"2\"}\n{\"id\":\"3\"}\n")); len(rows) != 2 || len(rows[0].bad) != 1 || rows[0].bad[0].Location != "id" || len(rows[1].bad) != 0 {
		t.Errorf("lines: %+v", rows)
	}
}
