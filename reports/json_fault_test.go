package reports

import (
	"strings"
	"testing"
)

// TestNumbersBeyondFloats checks that numbers no part of the program can hold, and values nested too deep, are refused in words of the API.
func TestNumbersBeyondFloats(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	const accepted, whole = "must be a number between -1.79", "must be a number"
	for _, c := range []struct {
		method, path, key, body string
		status                  int
		parts                   []string
	}{
		{"POST", "/v1/liquid/render", "render-key", `{"parts":{"text":"x"},"data":{"x":1e999}}`, 400, []string{"body.data.x", accepted}},
		{"POST", "/v1/liquid/render", "render-key", `{"parts":{"text":"x"},"data":{"x":{"y":[1,-1e999]}}}`, 400, []string{"body.data.x.y", accepted}},
		{"POST", "/v1/liquid/render", "render-key", `{"parts":{"text":"x"},"data":{},"defaults":{"a.b":1e999}}`, 400, []string{"body.defaults.a.b", accepted}},
		{"POST", "/v1/liquid/render", "render-key", `{"parts":{"text":"x"},"data":{},"activities":1e999}`, 400, []string{"body.activities", whole}},
		{"POST", "/v1/liquid/render", "render-key", `{"parts":{"text":"x"},"data":` + deep(5000) + `}`, 422, []string{"body.data", "nested too deep: at most 32"}},
		{"POST", "/v1/liquid/render", "render-key", `{"parts":{"text":"x"},"data":{},"request":` + deep(5000) + `}`, 422, []string{"body.request", "nested too deep: at most 32"}},
		{"POST", "/v1/liquid/render", "render-key", `{"parts":{"text":"x"},"data":` + deep(20_000) + `}`, 400, []string{"body", `"location":"body","message":"is nested too deep, at most 10000`}},
		{"POST", batchPath, "render-key", `{"parts":{"text":"x"},"campaign":{"a":1e999}}`, 422, []string{"body[0].campaign.a", accepted}},
		{"PATCH", "/v1/people/p_2001", "people-key", `{"custom":{"x":1e999}}`, 400, []string{"body.custom.x", accepted}},
		{"POST", "/v1/audiences", "people-key", `{"name":"A","filter":{"field":"custom.x","op":"is","value":1e999}}`, 400, []string{"body.filter.value", accepted}},
	} {
		r := s.call(c.method, c.path, c.key, c.body)
		s.wantProblem(r, c.status, "invalid-input", c.parts...)
		if answer := string(r.body); strings.Contains(answer, "json:") || strings.Contains(answer, "float64") || strings.Contains(answer, "Go ") {
			t.Errorf("%s %.80s: %s", c.path, c.body, answer)
		}
	}
}
