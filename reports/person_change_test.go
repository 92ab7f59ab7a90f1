package reports

import (
	"encoding/json"
	"net/http"
	"testing"

	"deskstream/schemas"
)

// TestPatchPerson checks what goes to the processors: nothing here writes tables. The person's rows never change in this test, so the
// answer is what will be.
func TestPatchPerson(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, readOnly(t).db, nil)
	var p person
	s.want(200, s.call("PATCH", "/v1/people/email:jo@x.test", "people-key", `{"permissions":{"email":true}}`), &p) // as it is already
	if p.ID != "p_2001" || !p.Permissions.Email || len(s.store.published) != 2 {
		t.Fatalf("%+v, %d events", p, len(s.store.published))
	}
	for i, id := range []schemas.ZID{2001, 2004} {
		e := s.store.published[i]
		var c schemas.PersonChange
		if err := json.Unmarshal(e.Data, &c); err != nil {
			t.Fatal(err)
		}
		if e.Kind != schemas.KindPerson || e.Account != testAccount || e.Source != testSource || e.Via != "api" || e.ID == s.store.published[1-i].ID {
			t.Errorf("%+v", e)
		}
		if c.ID != id || !c.At.Equal(testNow) || c.Email == nil || !*c.Email || c.SMS != nil || c.Archived != nil {
			t.Errorf("%s", e.Data)
		}
	}
	for body, parts := range map[string][]string{
		`{}`:                              {"body", "permissions"},
		`{"permissions":{}}`:              {"body.permissions", "email", "sms"},
		`{"permissions":{"email":"no"}}`:  {"body.permissions.email"},
		`{"permissions":{"push":true}}`:   {"body.permissions.push"},
		`{"permissions":null}`:            {"body.permissions"},
		`{"email":"other@x.test"}`:        {"body.email"},
		`not JSON`:                        {},
		`{"permissions":{"email":null}}`:  {},
		`{"permissions":{"email":false}`:  {},
		`[{"permissions":{"sms":false}}]`: {"body"},
	} {
		if r := s.call("PATCH", "/v1/people/p_2001", "people-key", body); r.StatusCode != http.StatusUnprocessableEntity && r.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d", body, r.StatusCode)
		} else {
			s.wantProblem(r, r.StatusCode, "invalid-input", parts...)
		}
	}
	s.wantProblem(s.call("PATCH", "/v1/people/p_nobody", "people-key", `{"permissions":{"sms":false}}`), 404, "no-such-person")
	if len(s.store.published) != 2 {
		t.Errorf("%d events", len(s.store.published))
	}
	s.store.fail = schemas.ErrUnavailable
	s.wantProblem(s.call("POST", "/v1/people/p_2001/restore", "people-key", nil), 503, "unavailable")
}
