package reports

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"deskstream/schemas"
)

// upload posts people in a form of its own.
func (s *testServer) upload(kind, path, body string) response {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), "POST", path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer people-key")
	r.Header.Set("Content-Type", kind)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return response{w.Result(), w.Body.Bytes()}
}

// outcomes gives the rows of an answer as "line status reason".
func (a *upsertAnswer) outcomes() []string {
	var out []string
	for _, r := range a.Rows {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%d %s %s", r.Row, r.Status, r.Reason)))
	}
	return out
}

// arrive puts the people of some users into the tables, so that an upsert finds them again.
func (s *testServer) arrive(users ...schemas.ZID) {
	s.t.Helper()
	for _, id := range users {
		own := schemas.OwnPersonID(testAccount, id)
		insertInto(s.t, s.db, schemas.TablePeople, schemas.PersonRow{
			Account: testAccount, PersonID: own, UserIDs: []int64{int64(id)}, OwnIDs: []string{own}, Zendesk: "{}", Custom: "{}", UpdatedAt: testNow, CreatedAt: testNow,
		})
	}
}

func TestUpsertForms(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	people, aliases := fixturePeople()
	people[0].UpdatedAt = testNow
	insertInto(t, s.db, schemas.TablePeople, people...)
	insertInto(t, s.db, schemas.TablePersonAliases, aliases...)
	insertInto(t, s.db, schemas.TablePersonAliases, schemas.PersonAlias{Account: testAccount, Alias: schemas.OwnPersonID(testAccount, 2001), PersonID: "p_2001"})
	s.arrive(schemas.OwnUserID(testAccount, "email", "new@x.test"), schemas.OwnUserID(testAccount, "external-id", "z-1"), schemas.OwnUserID(testAccount, "phone-number", "+4930123456"))
	s.wantTaken("POST", "/v1/people", `[{"id":"p_1","first_name":null},{"external_id":"Z-1","permissions":{"email":true,"sms":null},"custom":{"plan":"gold","seats":[]}},{"email":"a@x.test","permissions":null}]`)
	for _, c := range []struct {
		kind, body string
		want       []string
		told       []string
	}{
		{
			"application/json", `[{"email":"New@X.test","first_name":"N"},{"email":"jo@x.test","last_name":"D"},{"email":"nope"},{"first_name":"A"},{"email":"a@x.test","age":3},5,
			{"external_id":"Z-1","email":"z@x.test","permissions":{"email":true,"sms":false},"custom":{"plan":"gold","seats":5}},{"id":"p_nobody","first_name":"A"},
			{"id":"zendesk:2001","email":7},{"phone_number":"+49 30 123456","language":"de"}]`,
			[]string{
				"1 updated", "2 updated", "3 rejected email: must be an address as jo@x.test", "4 rejected external_id: or id, email or phone_number must say who the person is",
				"5 rejected age: is no field of a person; accepted: id, first_name, last_name, email, phone_number, external_id, language, timezone, permissions, custom",
				"6 rejected row: must be a JSON object", "7 updated", "8 rejected id: there is no person of this id, address or external id",
				"9 rejected email: must be a text", "10 updated",
			},
			[]string{"new@x.test", `"id":2001,`, "z@x.test", `"language":"de"`},
		},
		{
			"application/x-ndjson", "{\"email\":\"jo@x.test\",\"first_name\":\"Jo\"}\n\n{broken\n{\"id\":\"p_2004\",\"timezone\":\"UTC\"}",
			[]string{"1 updated", "3 rejected row: must be a JSON object", "4 updated"},
			[]string{`"first_name":"Jo"`, `"timezone":"UTC"`},
		},
		{
			"text/csv; charset=utf-8", "\ufeffEmail,first_name,permissions.email,custom.plan\r\njo@x.test,\"Jo, \"\"J\"\"\",no,\r\njo@x.test,Jo,true,gold\r\njo@x.test,J\"o,true,x\r\na@x.test,one\r\n" +
				"jo@x.test,\"two\nlines\",,\r\nnew@x.test,,TRUE,\r\njo@x.test,\"open,,\r\njo@x.test,Last,,",
			[]string{
				"2 rejected permissions.email: must be true or false", "3 updated",
				"4 rejected row: has a quote in the wrong place; a value with quotes, commas or line breaks stands in quotes, and its quotes are doubled",
				"5 rejected row: has 2 values, the header has 4", "6 updated", "8 updated",
				"9 rejected row: has a quote in the wrong place; a value with quotes, commas or line breaks stands in quotes, and its quotes are doubled", "10 updated",
			},
			[]string{`"custom":{"plan":"gold"}`, `two\nlines`, `"email":true,"values":{"email":"new@x.test"}`, `"Last"`},
		},
	} {
		s.store.published = nil
		var a upsertAnswer
		s.want(200, s.upload(c.kind, "/v1/people", c.body), &a)
		if got := a.outcomes(); !slices.Equal(got, c.want) {
			t.Errorf("%s: got\n  %s\nwant\n  %s", c.kind, strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
		}
		if a.Created+a.Updated+a.Merged+a.Rejected != len(a.Rows) || len(s.store.published) != len(c.told) {
			t.Errorf("%s: %+v, %d events", c.kind, a, len(s.store.published))
			continue
		}
		for i, e := range s.store.published {
			if !strings.Contains(string(e.Data), c.told[i]) || e.Kind != schemas.KindPerson || e.Source != testSource {
				t.Errorf("%s: %s lacks %s", c.kind, e.Data, c.told[i])
			}
		}
	}
}

func TestUpsertThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, readOnly(t).db, nil)
	many := "[" + strings.Repeat("{},", 1000) + "{}]"
	for _, c := range [][4]string{
		{"application/json", `{"email":"jo@x.test"}`, "body", "NDJSON"},
		{"application/json", `[`, "body", "array"},
		{"application/json", `[]`, "body", "1 to 1000"},
		{"application/json", many, "body", "1001"},
		{"text/csv", "\n", "body", "1 to 1000"},
		{"text/csv", "email,shoe\n1,2", "body.header.shoe", "custom.<key>"},
		{"text/csv", "email,email\n1,2", "body.header.email", "more than once"},
		{"text/csv", "a\"b\n1", "body.header", "column names"},
		{"image/png", "x", "header.Content-Type", "text/csv"},
	} {
		s.wantProblem(s.upload(c[0], "/v1/people", c[1]), 422, "invalid-input", c[2], c[3])
	}
	s.wantProblem(s.upload("text/csv", "/v1/people?source=src_other", "email\na@x.test"), 404, "no-such-source")
	second := s.store.sources[testSource]
	second.ID, second.Account = "src_b", "other"
	s.store.set(second)
	s.wantProblem(s.upload("text/csv", "/v1/people", "email\na@x.test"), 422, "invalid-input", "query.source", "src_acme, src_b")
	if len(s.store.published) > 0 {
		t.Errorf("%d events", len(s.store.published))
	}
	s.store.fail = schemas.ErrUnavailable
	s.wantProblem(s.upload("text/csv", "/v1/people?source=src_b", "email,first_name\na@x.test,A"), 503, "unavailable")
}

// TestUpsertWithByteOrderMark: the mark that some programs write first is none of the rows' in any form.
func TestUpsertWithByteOrderMark(t *testing.T) {
	t.Parallel()
	for kind, body := range map[string]string{
		"": `[{"email":"a@x.test"}]`, "application/json": `[{"email":"a@x.test"}]`, "application/x-ndjson": `{"email":"a@x.test"}` + "\n", "text/csv": "email\na@x.test\n",
	} {
		rows, err := readRows(kind, []byte("\ufeff"+body))
		if err != nil || len(rows) != 1 || len(rows[0].bad) > 0 || textOf(rows[0].values.Email) != "a@x.test" {
			t.Errorf("%s: %d rows, %v", kind, len(rows), err)
		}
	}
}

// TestUpsertNamesLines: rows of CSV are named by the lines they begin on, whatever stands before them.
func TestUpsertNamesLines(t *testing.T) {
	t.Parallel()
	rows, err := readRows("text/csv", []byte("\n\r\nemail,first_name\r\n\n\nbad1,A\n\r\n\"bad2\",\"two\n\nlines\"\n\nbad\"3,A\n\nbad4\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []int
	for _, r := range rows {
		lines = append(lines, r.line)
	}
	if want := []int{6, 8, 12, 14}; !slices.Equal(lines, want) {
		t.Errorf("lines %v, want %v", lines, want)
	}
}

// TestUpsertOfOtherBytes: what is not UTF-8 is refused by row and field, and so is a request that says it is in another charset.
func TestUpsertOfOtherBytes(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, readOnly(t).db, nil)
	for kind, body := range map[string]string{
		"text/csv; charset=UTF-8":                 "email,first_name\na@x.test,Ren\xe9\nb@x.test,René",
		"application/json; charset=utf-8":         "[{\"email\":\"a@x.test\",\"first_name\":\"Ren\xe9\"},{\"email\":\"b@x.test\",\"first_name\":\"René\"}]",
		"application/x-ndjson; charset=\"utf-8\"": "{\"email\":\"a@x.test\",\"first_name\":\"Ren\xe9\"}\n{\"email\":\"b@x.test\",\"first_name\":\"René\"}",
	} {
		s.store.published = nil
		var a upsertAnswer
		s.want(200, s.upload(kind, "/v1/people", body), &a)
		if a.Rejected != 1 || a.Created != 1 || a.Rows[0].Reason != "first_name: must be in UTF-8" {
			t.Errorf("%s: %+v", kind, a)
		}
		if len(s.store.published) != 1 || !strings.Contains(string(s.store.published[0].Data), `"first_name":"René"`) {
			t.Errorf("%s: %d events", kind, len(s.store.published))
		}
	}
	for _, kind := range []string{"text/csv", "application/json", "application/x-ndjson"} {
		s.wantProblem(s.upload(kind+"; charset=iso-8859-1", "/v1/people", "[]"), 422, "invalid-input", "header.Content-Type", "utf-8")
	}
	s.wantProblem(s.call("PATCH", "/v1/people/p_2001", "people-key", "{\"first_name\":\"Ren\xe9\"}"), 400, "invalid-input", "body", "UTF-8")
}

// TestUpsertLengths: a row is held to the limits of PATCH and costs no other row, and whatever is stored can be looked up.
func TestUpsertLengths(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, readOnly(t).db, nil)
	letters := func(n int) string { return strings.Repeat("é", n) }
	var a upsertAnswer
	s.want(200, s.upload("application/x-ndjson", "/v1/people", `{"email":"a@x.test","first_name":"`+letters(255)+`"}
		{"email":"b@x.test","first_name":"`+letters(3<<20/2)+`","last_name":"`+letters(256)+`"}
		{"external_id":"`+letters(1024)+`","first_name":"C"}
		{"external_id":"`+letters(1025)+`","first_name":"D"}
		{"id":"`+letters(1034)+`","first_name":"E"}`), &a)
	want := []string{
		"1 created", "2 rejected first_name: must have at most 255 characters", "3 created", "4 rejected external_id: must have at most 1024 characters",
		"5 rejected id: must have at most 1033 characters",
	}
	if got := a.outcomes(); !slices.Equal(got, want) || len(a.Rows[1].Errors) != 2 || len(s.store.published) != 2 {
		t.Errorf("got\n  %s\n%d events", strings.Join(got, "\n  "), len(s.store.published))
	}
	for name, n := range longest {
		s.wantProblem(s.call("PATCH", "/v1/people/p_2001", "people-key", `{"`+name+`":"`+letters(n+1)+`"}`), 422, "invalid-input", "body."+name)
	}
	for _, path := range []string{"", "/activities", "/merges"} {
		s.wantProblem(s.call("GET", "/v1/people/external:"+letters(1024)+path, "people-key", nil), 404, "no-such-person")
		s.wantProblem(s.call("GET", "/v1/people/external:"+letters(1025)+path, "people-key", nil), 422, "invalid-input", "path.id")
	}
	s.wantProblem(s.call("PATCH", "/v1/people/external:"+letters(1024), "people-key", `{"first_name":"C"}`), 404, "no-such-person")
}

// TestUpsertOfRowsThatMeet: rows become of what those before them in the same request were told, as if each came for itself.
func TestUpsertOfRowsThatMeet(t *testing.T) {
	t.Parallel()
	var home schemas.Source
	home.ID, home.Account, home.Identifiers = testSource, testAccount, []string{"external-id", "email"}
	own := func(kind, value string) string {
		return schemas.OwnPersonID(testAccount, schemas.OwnUserID(testAccount, kind, value))
	}
	a, b, c, d := own("external-id", "a"), own("email", "b@x.test"), own("external-id", "c"), own("email", "d@x.test")
	for body, want := range map[string]struct{ outcomes, after []string }{
		`[{"email":"b@x.test","first_name":"B"},{"email":"B@x.test","last_name":"C"}]`: {outcomes: []string{"1 created", "2 updated"}},
		`[{"external_id":"a","email":"b@x.test"},{"email":"b@x.test","last_name":"C"},{"id":"external:A","last_name":"D"}]`: {
			outcomes: []string{"1 created", "2 updated", "3 updated"},
		},
		`[{"id":"external:a","last_name":"D"},{"external_id":"a"}]`: {
			outcomes: []string{"1 rejected id: there is no person of this id, address or external id", "2 created"},
		},
		`[{"external_id":"a"},{"email":"b@x.test"},{"external_id":"a","email":"b@x.test"},{"external_id":"a","email":"b@x.test"}]`: {
			[]string{"1 created", "2 created", "3 merged", "4 updated"}, []string{a, b},
		},
		`[{"external_id":"a"},{"email":"b@x.test"},{"id":"external:a","email":"b@x.test"}]`: {[]string{"1 created", "2 created", "3 merged"}, []string{a, b}},
		`[{"external_id":"a"},{"email":"b@x.test"},{"external_id":"c"},{"email":"d@x.test"},{"external_id":"a","email":"b@x.test"},
		{"external_id":"c","email":"d@x.test"},{"id":"external:a","email":"d@x.test"}]`: {
			[]string{"1 created", "2 created", "3 created", "4 created", "5 merged", "6 merged", "7 merged"}, []string{a, b, c, d},
		},
		// Whoever carries another external id is somebody else, whatever they share.
		`[{"external_id":"a","email":"b@x.test"},{"external_id":"c","email":"b@x.test"},{"external_id":"C","email":"b@x.test"},{"email":"b@x.test","last_name":"B"}]`: {
			outcomes: []string{"1 created", "2 created", "3 updated", "4 updated"},
		},
		`[{"email":"b@x.test","first_name":"B"},{"external_id":"a","email":"b@x.test"},{"external_id":"c","email":"b@x.test"}]`: {
			outcomes: []string{"1 created", "2 updated", "3 created"},
		},
		`[{"external_id":"a"},{"email":"b@x.test"},{"id":"external:a","email":"b@x.test"},{"external_id":"c","email":"b@x.test"}]`: {
			[]string{"1 created", "2 created", "3 merged", "4 created"}, []string{a, b},
		},
		`[{"external_id":"a"},{"id":"external:a","external_id":"c"},{"id":"external:c","external_id":"e"},{"external_id":"c"},{"external_id":"e"},{"external_id":"a"}]`: {
			outcomes: []string{
				"1 created", "2 updated", "3 updated", "4 created", "5 updated",
				"6 rejected external_id: was that of " + a + ", who carries another one now: say by id that it is this person, or take another external id",
			},
		},
	} {
		rows, err := readRows("", []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		meet, known := newDirectory(home, map[string]named{}), parties{}
		for _, r := range rows {
			if r.check(); len(r.bad) == 0 {
				r.aim(home, meet)
			}
		}
		after := map[string]named{}
		for _, id := range want.after {
			after[id] = named{PersonID: a}
		}
		var got upsertAnswer
		for _, r := range rows {
			got.Rows = append(got.Rows, r.result(after, known))
		}
		if !slices.Equal(got.outcomes(), want.outcomes) {
			t.Errorf("%s: %q, want %q", body, got.outcomes(), want.outcomes)
		}
	}
}

// TestUpsertOfAnotherExternalID: an address does not make a row the person's who carries another external id, unless external ids tell nobody apart.
func TestUpsertOfAnotherExternalID(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	people, aliases := fixturePeople()
	insertInto(t, s.db, schemas.TablePeople, people...)
	insertInto(t, s.db, schemas.TablePersonAliases, aliases...)
	holder := people[0]
	other := schemas.OwnUserID(testAccount, "external-id", "other-1")
	for _, c := range []struct {
		identifiers []string
		row, want   string
		user        schemas.ZID
	}{
		{[]string{"external-id", "email"}, `{"external_id":"Other-1","email":"` + holder.Email + `","first_name":"O"}`, "1 created", other},
		{[]string{"external-id"}, `{"external_id":"Other-1","email":"` + holder.Email + `","first_name":"O"}`, "1 created", other},
		{[]string{"external-id", "email"}, `{"external_id":"` + strings.ToUpper(holder.ExternalID) + `","email":"` + holder.Email + `","first_name":"O"}`, "1 updated", 0},
		{[]string{"external-id", "email"}, `{"id":"email:` + holder.Email + `","external_id":"Other-1"}`, "1 updated", 0},
		{[]string{"email"}, `{"external_id":"Other-1","email":"` + holder.Email + `","first_name":"O"}`, "1 updated", 0},
	} {
		source := s.store.sources[testSource]
		source.Identifiers = c.identifiers
		s.store.set(source)
		s.store.published = nil
		var a upsertAnswer
		s.want(200, s.upload("application/json", "/v1/people", "["+c.row+"]"), &a)
		var told schemas.PersonChange
		if err := json.Unmarshal(s.store.published[0].Data, &told); err != nil {
			t.Fatal(err)
		}
		if got := a.outcomes(); !slices.Equal(got, []string{c.want}) || told.ID != cmp.Or(c.user, schemas.ZID(holder.UserIDs[0])) {
			t.Errorf("%v %s: %q, told of %d", c.identifiers, c.row, got, told.ID)
		}
	}
}

// TestUpsertByAnotherName: whoever is found by a second address, or by a name of a record merged into them, keeps their own, and so does that record.
func TestUpsertByAnotherName(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	people, aliases := fixturePeople()
	people[1].ExternalID = "ZZ"
	aliases = append(aliases, schemas.PersonAlias{Account: testAccount, Alias: "email:emile@x.test", PersonID: "p_2002"})
	insertInto(t, s.db, schemas.TablePeople, people...)
	insertInto(t, s.db, schemas.TablePersonAliases, aliases...)
	for _, i := range []schemas.PersonIdentity{
		{Kind: "email", Value: "jo@x.test", UserID: 2001},
		{Kind: "email", Value: "second@x.test", UserID: 2001},
		{Kind: "email", Value: "merged@x.test", UserID: 2004},
		{Kind: "external-id", Value: "ab", UserID: 2001},
		{Kind: "external-id", Value: "cd", UserID: 2004},
	} {
		i.Account, i.CreatedAt = testAccount, testNow
		insertInto(t, s.db, schemas.TablePersonIdentities, i)
		prefix, _, _ := strings.Cut(i.Kind, "-")
		insertInto(t, s.db, schemas.TablePersonAliases, schemas.PersonAlias{Account: testAccount, Alias: prefix + ":" + i.Value, PersonID: "p_2001"})
	}
	for _, c := range []struct{ rows, want string }{
		{`{"email":"jo@x.test","first_name":"J"}`, `{"first_name":"J","email":"jo@x.test"}`},
		{`{"email":"Second@x.test","first_name":"J"}`, `{"first_name":"J"}`},
		{`{"email":"second@x.test","permissions":{"email":false}}`, `{}`},
		{`{"email":"second@x.test"}`, ``},
		{`{"email":"merged@x.test","first_name":"J"}`, `{"first_name":"J"}`},
		{`{"external_id":"CD","first_name":"J"}`, `{"first_name":"J"}`},
		{`{"external_id":"cd","email":"merged@x.test","first_name":"J"}`, `{"first_name":"J"}`},
		{`{"external_id":"cd","email":"new@x.test"}`, `{"email":"new@x.test"}`},
		{`{"external_id":"AB","email":"merged@x.test"}`, `{"external_id":"AB"}`},
		{`{"external_id":"AB","email":"second@x.test"}`, `{"email":"second@x.test","external_id":"AB"}`}, // the address is a value here
		{`{"id":"p_2001","email":"merged@x.test"}`, `{"email":"merged@x.test"}`},
		// The address of somebody with another external id leads nobody there.
		{`{"id":"p_2001","email":"emile@x.test"}`, `{"email":"emile@x.test","external_id":"AB"}`},
		{`{"external_id":"cd","email":"emile@x.test"}`, `{"email":"emile@x.test","external_id":"AB"}`},
		{`{"id":"p_2001","email":"emile@x.test","external_id":"new"}`, `{"email":"emile@x.test","external_id":"new"}`},
		{`{"external_id":"cd","first_name":"J"},{"external_id":"ab","first_name":"K"}`, `{"first_name":"J"} {"first_name":"K","external_id":"ab"}`},
		{`{"id":"p_2001","email":"new@x.test"},{"email":"new@x.test","first_name":"J"}`, `{"email":"new@x.test"} {"first_name":"J"}`},
	} {
		s.store.published = nil
		var a upsertAnswer
		s.want(200, s.upload("application/json", "/v1/people", "["+c.rows+"]"), &a)
		var told []string
		for _, e := range s.store.published {
			var change schemas.PersonChange
			if err := json.Unmarshal(e.Data, &change); err != nil || change.ID != 2001 {
				t.Errorf("%s: told of %d, %v", c.rows, change.ID, err)
			}
			values, err := json.Marshal(change.Values)
			if err != nil {
				t.Fatal(err)
			}
			told = append(told, string(values))
		}
		if got := strings.Join(told, " "); got != c.want || a.Updated != len(a.Rows) {
			t.Errorf("%s: told %s, want %s; %v", c.rows, got, c.want, a.outcomes())
		}
	}
}

// TestUpsertsOfOnePersonAtOnce: of upserts of a new person that run at one time, one says that it created it.
func TestUpsertsOfOnePersonAtOnce(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, readOnly(t).db, nil)
	upsert := func(email string) string {
		var a upsertAnswer
		s.want(200, s.upload("application/json", "/v1/people", `[{"email":"`+email+`"}]`), &a)
		return strings.Join(a.outcomes(), ", ")
	}
	var meanwhile []string
	s.store.reflects = func() {
		s.store.reflects = nil
		meanwhile = []string{upsert("At.Once@x.test"), upsert("at.once@x.test"), upsert("other@x.test")}
	}
	if first := upsert("at.once@x.test"); first != "1 created" || !slices.Equal(meanwhile, []string{"1 updated", "1 updated", "1 created"}) {
		t.Errorf("%s, meanwhile %q", first, meanwhile)
	}
	if later := upsert("at.once@x.test"); later != "1 created" || len(s.arriving.people) > 0 { // The tables have not got it: nothing here writes them.
		t.Errorf("later %s, %v noted", later, s.arriving.people)
	}
}

// TestCustomTextsAreMeasuredAsTheyAreKept: a text of a field of the customer's own is as long as its JSON without escapes for HTML, however it comes, and
// goes to the processors so.
func TestCustomTextsAreMeasuredAsTheyAreKept(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, readOnly(t).db, nil)
	ways := map[string]func(text string) response{
		"PATCH": func(text string) response {
			return s.call("PATCH", "/v1/people/p_2001", "people-key", `{"custom":{"tier":"`+text+`"}}`)
		},
		"application/json": func(text string) response {
			return s.upload("application/json", "/v1/people", `[{"email":"jo@x.test","custom":{"tier":"`+text+`"}}]`)
		},
		"application/x-ndjson": func(text string) response {
			return s.upload("application/x-ndjson", "/v1/people", `{"email":"jo@x.test","custom":{"tier":"`+text+`"}}`)
		},
		"text/csv": func(text string) response {
			return s.upload("text/csv", "/v1/people", "email,custom.tier\njo@x.test,"+text)
		},
	}
	for way, send := range ways {
		for n, takes := range map[int]bool{700: true, 4094: true, 4095: false} {
			s.store.published = nil
			text := strings.Repeat("<", n)
			if r := send(text); r.StatusCode == http.StatusOK != takes && way == "PATCH" || (len(s.store.published) > 0) != takes {
				t.Errorf("%s of %d: %d %.200s, %d events", way, n, r.StatusCode, r.body, len(s.store.published))
			}
			if takes && (len(s.store.published) == 0 || !strings.Contains(string(s.store.published[0].Data), `{"tier":"`+text+`"}`)) {
				t.Errorf("%s of %d: not told as it is", way, n)
			}
		}
	}
}

// TestUpsertOfTooMuch: what has too many rows or columns is refused once that is seen, whatever stands behind; of names that mean nothing some are named.
func TestUpsertOfTooMuch(t *testing.T) {
	t.Parallel()
	for kind, body := range map[string]string{
		"application/json":     "[" + strings.Repeat("{},", 1001) + "broken",
		"application/x-ndjson": strings.Repeat("{}\n", 100_000),
		"text/csv":             "email\n" + strings.Repeat("x\n", 100_000),
	} {
		if rows, err := readRows(kind, []byte(body)); len(rows) != maxUpsert+1 || err != nil {
			t.Errorf("%s: %d rows are read (%v)", kind, len(rows), err)
		}
	}
	for _, body := range []string{"[{}", "[{} {}]", "[{},]", "[{}] 1", "{}", "null", ""} {
		if rows, err := readRows("", []byte(body)); err == nil {
			t.Errorf("%s: %d rows", body, len(rows))
		}
	}
	s := newTestServer(t, readOnly(t).db, nil)
	columns := func(n int) string {
		out := []string{"email"}
		for i := range n - 1 {
			out = append(out, fmt.Sprintf("custom.c%d", i))
		}
		return strings.Join(out, ",") + "\n"
	}
	row := "jo@x.test" + strings.Repeat(",", 999) + "\n"
	for what, c := range map[string]struct{ body, part string }{
		"columns": {columns(1001) + row, "1000 columns"},
		"unknown": {"email" + strings.Repeat(",shoe", 999) + "\n" + row, "body.header.shoe"},
		"many":    {strings.Repeat(",", 4_000_000), "1000 columns"},
	} {
		began := time.Now()
		r := s.upload("text/csv", "/v1/people", c.body)
		s.wantProblem(r, 422, "invalid-input", c.part)
		if took := time.Since(began); took > 5*time.Second || len(r.body) > 10_000 {
			t.Errorf("%s: %d bytes in %s", what, len(r.body), took)
		}
	}
	if rows, err := readRows("text/csv", []byte(columns(1000)+row)); err != nil || len(rows) != 1 || len(rows[0].bad) > 0 {
		t.Errorf("as many columns as there may be: %v", err)
	}
	var members []string
	for i := range 100_000 {
		members = append(members, fmt.Sprintf(`"m%d":1`, i))
	}
	var a upsertAnswer
	s.want(200, s.upload("application/json", "/v1/people", "[{"+strings.Join(members, ",")+`,"custom":{`+strings.Join(members, ",")+"}}]"), &a)
	if a.Rejected != 1 || len(a.Rows[0].Errors) != maxUnknown {
		t.Errorf("%d rejected, %d errors", a.Rejected, len(a.Rows[0].Errors))
	}
}
