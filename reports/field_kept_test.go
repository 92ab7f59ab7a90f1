package reports

import (
	"encoding/json"
	"slices"
	"testing"

	"deskstream/schemas"
)

// fieldOf gives a field of the list; nil when it is not there.
func (s *testServer) fieldOf(id string) *recordField {
	s.t.Helper()
	var p page[recordField]
	s.get("/v1/fields?limit=500", &p)
	if i := slices.IndexFunc(p.Items, func(f recordField) bool { return f.ID == id }); i >= 0 {
		return &p.Items[i]
	}
	return nil
}

func TestKeepField(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, filledDatabase(t), nil)
	var f recordField
	s.want(201, s.call("POST", "/v1/fields", "people-key", `{"key":"last_subject","activity":"ticket-created","attribute":"subject"}`), &f)
	if f.ID != "custom.last_subject" || f.Label != "Last subject" || f.Type != "text" || f.Source != "system" || f.Trackable || !f.Visible ||
		f.KeptFrom == nil || *f.KeptFrom != (keptFrom{Activity: "ticket-created", Attribute: "subject"}) {
		t.Errorf("%+v %+v", f, f.KeptFrom)
	}
	s.want(201, s.call("POST", "/v1/fields", "people-key", `{"key":"hours","label":"Took","activity":"ticket-solved","attribute":"resolution_minutes"}`), &f)
	if got := s.fieldOf("custom.hours"); got == nil || got.Label != "Took" || got.Type != "decimal" {
		t.Errorf("%+v", got)
	}
	s.want(201, s.call("POST", "/v1/fields", "people-key", `{"key":"visited","activity":"contact-created","attribute":"occurred_at"}`), nil)
	if err := s.tellFields(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.fillFields(t.Context()); err != nil {
		t.Fatal(err)
	}
	kinds := map[schemas.Kind]int{}
	for _, e := range s.store.published {
		kinds[e.Kind]++
		if e.Kind == schemas.KindFields {
			var told schemas.PersonFields
			if err := json.Unmarshal(e.Data, &told); err != nil || len(told.Kept) != 3 || told.Kept[0].Key != "last_subject" || told.Kept[0].ID == told.Kept[1].ID {
				t.Errorf("%s %v", e.Data, err)
			}
		}
	}
	// Tickets 1, 2, 4 and 6 have a creation within retention, one contact was created.
	if kinds[schemas.KindFields] != 1 || kinds[schemas.KindRecount] != 4 || kinds[schemas.KindPerson] != 1 {
		t.Errorf("%v", kinds)
	}
	if got := s.fieldOf("custom.last_subject"); !got.KeptFrom.Filled {
		t.Errorf("%+v", got.KeptFrom)
	}
	n := len(s.store.published)
	if err := s.fillFields(t.Context()); err != nil || len(s.store.published) != n {
		t.Errorf("filled again: %v", err)
	}
	s.wantProblem(s.call("PATCH", "/v1/people/p_2001", "people-key", `{"custom":{"hours":5}}`), 422, "invalid-input", "body.custom.hours", "ticket-solved")
	r := s.call("POST", "/v1/people", "admin-key", `[{"email":"a@x.test","custom":{"hours":5}}]`)
	var upserted upsertAnswer
	if s.want(200, r, &upserted); upserted.Rejected != 1 {
		t.Errorf("%s", r.body)
	}
	s.want(204, s.call("DELETE", "/v1/fields/custom.hours", "people-key", nil), nil)
	if s.fieldOf("custom.hours") != nil || s.fieldOf("custom.last_subject") == nil {
		t.Error("the field is still there, or the other one is not")
	}
	if err := s.fillFields(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, v, err := s.fieldSettings.load(t.Context()); err != nil || len(v.Ended) != 0 || len(v.Kept) != 2 || v.Version != 4 {
		t.Errorf("%+v %v", v, err)
	}
}

func TestKeepFieldRefusals(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, filledDatabase(t), nil)
	const path = "/v1/fields"
	for body, parts := range map[string][]string{
		`{"key":"Big","activity":"ticket-created","attribute":"subject"}`:               {"body.key"},
		`{"key":"tags","activity":"ticket-created","attribute":"subject"}`:              {"body.key"},
		`{"key":"a","activity":"ticket-made","attribute":"subject"}`:                    {"body.activity"},
		`{"key":"a","activity":"organization-created","attribute":"occurred_at"}`:       {"body.activity"},
		`{"key":"a","activity":"ticket-created","attribute":"shoe"}`:                    {"body.attribute", "subject"},
		`{"key":"a","activity":"ticket-created","attribute":"assignee_name"}`:           {"body.attribute"},
		`{"key":"a","activity":"ticket-note-added","attribute":"message"}`:              {"body.attribute", "agents"},
		`{"key":"a","activity":"ticket-created"}`:                                       {"attribute"},
		`{"key":"a","activity":"ticket-created","attribute":"subject","source":"mine"}`: {"body.source"},
	} {
		s.wantProblem(s.call("POST", path, "people-key", body), 422, "invalid-input", parts...)
	}
	s.wantProblem(s.call("POST", path, "people-key", `{"key":"tier","activity":"ticket-created","attribute":"subject"}`), 409, "field-exists", "custom.tier")
	s.wantProblem(s.call("DELETE", path+"/custom.tier", "people-key", nil), 404, "no-such-field", "kept_from")
	s.want(201, s.call("POST", path, "people-key", `{"key":"a","activity":"ticket-created","attribute":"subject"}`), nil)
	s.wantProblem(s.call("POST", path, "people-key", `{"key":"a","activity":"ticket-created","attribute":"status"}`), 409, "field-exists")
	s.wantProblem(s.call("PATCH", path+"/custom.a", "people-key", `{"tracked":true}`), 422, "invalid-input", "body.tracked")
}

// TestEndedFieldsGoFromPeople: those who have a value are worked out anew.
func TestEndedFieldsGoFromPeople(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, filledDatabase(t), nil)
	err := s.fieldSettings.change(t.Context(), func(v *fieldSettings) error {
		v.Version, v.Ended = 2, []endedField{{ID: "kf_1", Key: "tier"}}
		return nil
	})
	if err == nil {
		err = s.fillFields(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	var users []string
	for _, e := range s.store.published {
		var c schemas.PersonChange
		if err := json.Unmarshal(e.Data, &c); err != nil || e.Kind != schemas.KindPerson || e.Source != testSource {
			t.Errorf("%+v %v", e, err)
		}
		users = append(users, c.ID.String())
	}
	if !slices.Equal(users, []string{"2001", "2004"}) {
		t.Errorf("%v", users)
	}
}
