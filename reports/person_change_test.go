package reports

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

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
		`{}`:                              {"body", "permissions", "first_name"},
		`{"permissions":{}}`:              {"body", "permissions.email", "permissions.sms"},
		`{"permissions":{"email":"no"}}`:  {"body.permissions.email"},
		`{"permissions":{"push":true}}`:   {"body.permissions.push"},
		`{"permissions":null}`:            {"body"},
		`{"email":"no address"}`:          {"body.email", "jo@x.test"},
		`{"email":5}`:                     {"body.email"},
		`{"phone_number":"030 1234567"}`:  {"body.phone_number", "country code"},
		`{"language":"!!"}`:               {"body.language", "BCP 47"},
		`{"timezone":"Mars/Olympus"}`:     {"body.timezone", "IANA"},
		`{"custom":{"A b":1}}`:            {"body.custom.A b", "a-z"},
		`{"custom":{"a":{"b":1}}}`:        {"body.custom.a", "list of texts"},
		`{"custom":{"a":[1]}}`:            {"body.custom.a"},
		`{"archived":true}`:               {"body.archived"},
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

// TestPatchPersonFields checks that decisions go to every user of a person and values to the one that leads.
func TestPatchPersonFields(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, readOnly(t).db, nil)
	var p person
	s.want(200, s.call("PATCH", "/v1/people/p_2001", "people-key", // as it is already, so that nobody waits
		`{"email":" JO@x.test ","phone_number":"+1 415 555 0100","permissions":{"sms":false},"custom":{"tier":"A"}}`), &p)
	if p.Email != "jo@x.test" || p.Custom["tier"] != "A" || len(s.store.published) != 2 {
		t.Fatalf("%+v, %d events", p, len(s.store.published))
	}
	want := []string{
		`{"id":2001,"at":"2026-03-20T12:00:00Z","sms":false,"values":{"email":"jo@x.test","phone_number":"+14155550100"},"custom":{"tier":"A"}}`,
		`{"id":2004,"at":"2026-03-20T12:00:00Z","sms":false}`,
	}
	for i, e := range s.store.published {
		if string(e.Data) != want[i] {
			t.Errorf("%s, want %s", e.Data, want[i])
		}
	}
	s.want(200, s.call("PATCH", "/v1/people/p_2001", "people-key", `{"first_name":"Jo"}`), &p)
	if len(s.store.published) != 3 {
		t.Errorf("%d events", len(s.store.published))
	}
}

// TestPatchBehindAnotherClock: a change is newer than what is known of the person, also where that was told by a clock that was ahead.
func TestPatchBehindAnotherClock(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	for i, c := range []struct {
		ahead time.Duration
		want  string
	}{{-time.Hour, "2026-03-20T12:00:00Z"}, {0, "2026-03-20T12:00:00Z"}, {5 * time.Second, "2026-03-20T12:00:06Z"}} {
		id := fmt.Sprint("p_", i+1)
		insertInto(t, s.db, schemas.TablePeople, schemas.PersonRow{
			Account: testAccount, PersonID: id, UserIDs: []int64{int64(i + 1)}, OwnIDs: []string{id}, UpdatedAt: testNow.Add(c.ahead), Zendesk: "{}", Custom: "{}",
		})
		s.want(200, s.call("PATCH", "/v1/people/"+id, "people-key", `{"first_name":"Jo"}`), nil)
		s.want(200, s.call("POST", "/v1/people", "people-key", `[{"id":"`+id+`","first_name":"Jo"}]`), nil)
		if n := len(s.store.published); n != 2*(i+1) {
			t.Fatalf("%d events", n)
		}
		for _, e := range s.store.published[2*i:] {
			if got := string(e.Data); !strings.Contains(got, `"at":"`+c.want+`"`) {
				t.Errorf("%s ahead: %s", c.ahead, got)
			}
		}
	}
}

// TestLongNumbers: numbers are shown, rendered and filtered by as they were written, whatever a float64 makes of them.
func TestLongNumbers(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	insertInto(t, s.db, schemas.TablePeople, schemas.PersonRow{
		Account: testAccount, PersonID: "p_1", UserIDs: []int64{1}, OwnIDs: []string{"p_1"}, Zendesk: `{"fields":{"ref":9007199254740993}}`,
		Custom: `{"n":360001234567890123,"tenth":0.10,"whole":5.0}`,
	})
	holds := func(r response, parts ...string) {
		t.Helper()
		s.want(200, r, nil)
		for _, part := range parts {
			if !strings.Contains(string(r.body), part) {
				t.Errorf("%s lacks %s", r.body, part)
			}
		}
	}
	holds(s.call("GET", "/v1/people/p_1", "people-key", nil), `"n":360001234567890123,`, `"tenth":0.10,`, `"ref":9007199254740993`)
	filter := url.QueryEscape(`{"field":"custom.n","op":"between","value":[360001234567890000,360001234567891000]}`)
	holds(s.call("GET", "/v1/people?columns=custom.n&filter="+filter, "people-key", nil), `"custom.n":360001234567890123`)
	holds(s.call("PATCH", "/v1/people/p_1", "people-key", `{"custom":{"m":123456789012345678901234567890,"tenth":null}}`),
		`"m":123456789012345678901234567890,"n":360001234567890123,"whole":5.0`)
	if e := s.store.published[0]; !strings.Contains(string(e.Data), `"m":123456789012345678901234567890`) {
		t.Errorf("%s", e.Data)
	}
	holds(s.call("POST", "/v1/liquid/render", "render-key",
		`{"person":"p_1","parts":{"text":"{{ person.custom.n }} {{ person.custom.n | plus: 1 }} {{ person.custom.tenth }} {{ person.custom.whole }} {{ person.zendesk.fields.ref }}"}}`),
		"360001234567890123 360001234567890124 0.1 5 9007199254740993")
}

// TestPatchThatMerges: when an identifier makes the person one with another, the answer is the person that it is then.
func TestPatchThatMerges(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	people, aliases := fixturePeople()
	insertInto(t, s.db, schemas.TablePeople, people...)
	insertInto(t, s.db, schemas.TablePersonAliases, aliases...)
	s.store.reflects = func() {
		one, gone := people[0], people[1]
		one.UserIDs, one.OwnIDs = []int64{2001, 2004, 2002}, []string{"p_2001", "p_2004", "p_2002"}
		one.UpdatedAt, gone.UpdatedAt = testNow, testNow
		gone.IsDeleted = 1
		insertInto(t, s.db, schemas.TablePeople, one, gone)
		insertInto(t, s.db, schemas.TablePersonAliases, schemas.PersonAlias{Account: testAccount, Alias: "p_2002", PersonID: "p_2001"},
			schemas.PersonAlias{Account: testAccount, Alias: "zendesk:2002", PersonID: "p_2001"})
	}
	var p person
	s.want(200, s.call("PATCH", "/v1/people/zendesk:2002", "people-key", `{"email":"jo@x.test"}`), &p)
	if p.ID != "p_2001" || p.FirstName != "Jo" || strings.Join(p.MergedFrom, " ") != "p_2004 p_2002" {
		t.Errorf("%s %q, from %v", p.ID, p.FirstName, p.MergedFrom)
	}
}
