package reports

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"deskstream/schemas"
)

// personIn gives one person of a list as it is shown.
func (s *testServer) personIn(path string) map[string]any {
	s.t.Helper()
	var p page[map[string]any]
	s.get(path, &p)
	i := slices.IndexFunc(p.Items, func(v map[string]any) bool { return v["id"] == "p_2001" })
	if i < 0 {
		s.t.Fatalf("the person is not in %s", path)
	}
	return p.Items[i]
}

// has tells whether a record has a value at a dotted path.
func has(record map[string]any, path string) bool {
	name, rest, further := strings.Cut(path, ".")
	v, ok := record[name]
	if !further || !ok {
		return ok
	}
	inner, _ := v.(map[string]any)
	return has(inner, rest)
}

func TestR38_FieldVisibility(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, filledDatabase(t), nil)
	show := func(id, body string) {
		t.Helper()
		var f recordField
		s.want(200, s.call("PATCH", "/v1/fields/"+id, "people-key", body), &f)
		if f.ID != id || f.Visible != strings.Contains(body, "true") {
			t.Errorf("%s: %+v", id, f)
		}
	}
	check := func(path string, shown, hidden []string) {
		t.Helper()
		person := s.personIn(path)
		for _, f := range shown {
			if !has(person, f) {
				t.Errorf("%s: %s is missing", path, f)
			}
		}
		for _, f := range hidden {
			if has(person, f) {
				t.Errorf("%s: %s is shown", path, f)
			}
		}
	}
	lists := []string{"/v1/people", "/v1/sources/" + testSource + "/audience"}
	for _, path := range lists {
		check(path, []string{"email", "permissions.sms", "zendesk.tags", "zendesk.fields.plan"}, []string{"zendesk.notes", "zendesk.details"})
	}
	s.store.fences = 2 // another writer is faster twice
	for _, id := range []string{"email", "permissions.sms", "zendesk.tags", "zendesk.fields.plan", "zendesk.tickets_total"} {
		show(id, `{"visible":false}`)
	}
	show("zendesk.notes", `{"visible":true}`)
	for _, path := range lists {
		check(path, []string{"first_name", "permissions.email", "zendesk.notes", "zendesk.fields.seats"},
			[]string{"email", "permissions.sms", "zendesk.tags", "zendesk.fields.plan", "zendesk.tickets_total", "zendesk.details"})
		named := s.personIn(path + "?columns=email,zendesk.tags,zendesk.details,zendesk.fields")
		fields, _ := named["zendesk.fields"].(map[string]any)
		if named["email"] != "jo@x.test" || named["zendesk.tags"] == nil || named["zendesk.details"] != "too" || fields["seats"] == nil || fields["plan"] != nil {
			t.Errorf("%s: %v", path, named)
		}
	}
	var p person
	s.get("/v1/people/p_2001", &p)
	if p.Email == "" || p.Zendesk["tags"] == nil || p.Zendesk["notes"] == nil || p.Zendesk["details"] == nil || p.Zendesk["tickets_total"] == nil {
		t.Errorf("a single person is not whole: %+v", p)
	}
	show("email", `{"visible":true}`)
	check(lists[0], []string{"email"}, []string{"zendesk.tags"})
}

func TestR38_OrganizationFieldVisibility(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, filledDatabase(t), nil)
	s.want(200, s.call("PATCH", "/v1/fields/organization.external_id", "people-key", `{"visible":false}`), nil)
	var p page[map[string]any]
	s.get("/v1/organizations", &p)
	one := p.Items[0]
	if one["name"] != "Org One" || has(one, "external_id") || has(one, "zendesk.notes") || !has(one, "zendesk.fields.tier") {
		t.Errorf("%v", one)
	}
	var o organization
	if s.get("/v1/organizations/701", &o); o.Zendesk["notes"] != "hidden" {
		t.Errorf("%+v", o)
	}
}

// TestR38_VisibilityIsShared asks a second process, which learns of a change a moment later, and both while the store is silent.
func TestR38_VisibilityIsShared(t *testing.T) {
	t.Parallel()
	now := testNow
	one := newTestServer(t, filledDatabase(t), nil)
	two := newTestServer(t, filledDatabase(t), func(o *Options) { o.Settings, o.Now = one.store, func() time.Time { return now } })
	two.personIn("/v1/people") // knows what was before
	one.want(200, one.call("PATCH", "/v1/fields/zendesk.tags", "people-key", `{"visible":false}`), nil)
	now = now.Add(settingFresh)
	if has(two.personIn("/v1/people"), "zendesk.tags") {
		t.Error("the second process does not know")
	}
	one.store.fail = errors.New("no answer")
	now = now.Add(time.Hour)
	if has(two.personIn("/v1/people"), "zendesk.tags") {
		t.Error("forgotten while the store is silent")
	}
	fresh := newTestServer(t, filledDatabase(t), func(o *Options) { o.Settings = one.store })
	fresh.wantProblem(fresh.call("GET", "/v1/people", "people-key", nil), 503, "unavailable")
}

func TestR39_FieldsNameTheirSource(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, filledDatabase(t), nil)
	s.want(200, s.call("PATCH", "/v1/fields/zendesk.fields.plan", "people-key", `{"visible":false}`), nil)
	var p page[recordField]
	s.get("/v1/fields?limit=500", &p)
	seen := 0
	for _, f := range p.Items {
		ours := strings.HasPrefix(strings.TrimPrefix(f.ID, "organization."), "zendesk.") || f.Record == "ticket"
		if ours != (f.Source == "zendesk") || ours != (f.Icon == "zendesk") {
			t.Errorf("%+v", f)
		}
		if f.ID == "zendesk.fields.plan" && !f.Visible || f.ID == "email" && f.Visible {
			seen++
		}
	}
	if seen != 2 {
		t.Errorf("%d of 2 fields are there as decided", seen)
	}
}

func TestFieldRefusals(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, filledDatabase(t), nil)
	path := "/v1/fields/zendesk.tags"
	s.wantProblem(s.call("PATCH", "/v1/fields/zendesk.shoe_size", "people-key", `{"visible":true}`), 404, "no-such-field", "GET /v1/fields")
	s.wantProblem(s.call("PATCH", path, "people-key", `{}`), 422, "invalid-input", "visible")
	s.wantProblem(s.call("PATCH", path, "people-key", `{"visible":"no"}`), 422, "invalid-input", "body.visible", "boolean")
	s.wantProblem(s.call("PATCH", path, "people-key", `{"visible":null}`), 422, "invalid-input", "visible")
	s.wantProblem(s.call("PATCH", path, "people-key", `{"visible":true,"label":"x"}`), 422, "invalid-input", "body.label", "visible")
	s.store.fences = 100
	s.wantProblem(s.call("PATCH", path, "people-key", `{"visible":true}`), 409, "changed-meanwhile")
	if len(s.store.settings) != 0 {
		t.Errorf("stored: %v", s.store.settings)
	}
}

func TestFieldTracking(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, filledDatabase(t), nil)
	byID := func() map[string]recordField {
		var p page[recordField]
		s.get("/v1/fields?limit=500", &p)
		out := map[string]recordField{}
		for _, f := range p.Items {
			out[f.ID] = f
		}
		return out
	}
	fields := byID()
	for id, trackable := range map[string]bool{
		"email": true, "zendesk.phone": true, "zendesk.fields.plan": true, "custom.tier": true, "permissions.email": false, "created_at": false, "zendesk.tags": false,
		"zendesk.notes": false, "zendesk.tickets_total": false, "zendesk.organization_id": false, "organization.name": false,
	} {
		f, ok := fields[id]
		if !ok || f.Trackable != trackable || f.Tracked {
			t.Errorf("%s: %v %+v", id, ok, f)
		}
		if trackable {
			continue
		}
		s.wantProblem(s.call("PATCH", "/v1/fields/"+id, "people-key", `{"tracked":true}`), 422, "invalid-input", "body.tracked", "trackable")
	}
	if f := fields["custom.tier"]; f.Label != "Tier" || f.Type != "text" || f.Source != "system" || f.Record != "person" {
		t.Errorf("%+v", f)
	}
	var f recordField
	s.store.fences = 2 // another writer is faster twice
	s.want(200, s.call("PATCH", "/v1/fields/zendesk.phone", "people-key", `{"tracked":true}`), &f)
	if !f.Tracked || !f.TrackedSince.Equal(testNow) || !f.Visible {
		t.Errorf("%+v", f)
	}
	s.want(200, s.call("PATCH", "/v1/fields/custom.favorite_color", "people-key", `{"tracked":true,"visible":false}`), &f) // nobody has it yet
	s.want(200, s.call("PATCH", "/v1/fields/zendesk.phone", "people-key", `{"tracked":true}`), nil)                        // it is already
	fields = byID()
	if f := fields["custom.favorite_color"]; !f.Tracked || f.Visible || f.Label != "Favorite color" || !fields["zendesk.phone"].Tracked {
		t.Errorf("%+v", f)
	}
	f = recordField{}
	s.want(200, s.call("PATCH", "/v1/fields/zendesk.phone", "people-key", `{"tracked":false}`), &f)
	if f.Tracked || f.TrackedSince != nil || byID()["zendesk.phone"].Tracked {
		t.Errorf("%+v", f)
	}
	var told []schemas.PersonFields
	for _, e := range s.store.published {
		var v schemas.PersonFields
		if err := json.Unmarshal(e.Data, &v); err != nil || e.Kind != schemas.KindFields || e.Account != testAccount {
			t.Errorf("%+v %v", e, err)
		}
		told = append(told, v)
	}
	if len(told) != 3 || told[0].Version != 1 || len(told[1].Tracked) != 2 || told[1].Tracked[1].Label != "Phone" || len(told[2].Tracked) != 1 || told[2].Version != 3 {
		t.Errorf("%+v", told)
	}
	if err := s.tellFields(t.Context()); err != nil || len(s.store.published) != 3 {
		t.Errorf("told again: %v", err)
	}
	s.store.deleted = []string{"second"} // an account that comes later
	if err := s.tellFields(t.Context()); err != nil || len(s.store.published) != 4 || s.store.published[3].Account != "second" {
		t.Errorf("a new account was not told: %v", err)
	}
}

func TestTypesOfOwnFields(t *testing.T) {
	t.Parallel()
	for want, types := range map[string][][]string{
		"text": {{"String"}, {"Int64", "String"}, {"Bool", "Int64"}, {"Bool", "Int64", "UInt64"}, {"Object"}}, "decimal": {{"Int64"}, {"Double", "Int64"}}, "boolean": {{"Bool"}},
		"list": {{"Array"}, {"Array", "String"}, {"Int64", "String", "Array"}},
	} {
		for _, list := range types {
			if got := ownType(list); got != want {
				t.Errorf("%v: %s, want %s", list, got, want)
			}
		}
	}
}
