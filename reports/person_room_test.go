package reports

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"deskstream/schemas"
)

// ownFields makes as many custom fields as said, from one on, all of one value.
func ownFields(first, n int, value string) map[string]any {
	out := map[string]any{}
	for i := range n {
		out[fmt.Sprintf("f%03d", first+i)] = value
	}
	return out
}

// fullPeople has p_1 with 199 custom fields, p_2 with some 254 KiB of them, p_3 with one of p_2's and more, and p_4 with more than one may be given.
func fullPeople(t *testing.T) *testServer {
	t.Helper()
	s := newTestServer(t, openDatabase(t), func(o *Options) { o.Teller = foreteller{} })
	for id, custom := range []map[string]any{
		ownFields(0, 199, "x"), ownFields(0, 64, strings.Repeat("<", 4050)), ownFields(63, 10, strings.Repeat("y", 800)), ownFields(0, 300, "x"),
	} {
		own := fmt.Sprintf("p_%d", id+1)
		insertInto(t, s.db, schemas.TablePeople, schemas.PersonRow{
			Account: testAccount, PersonID: own, UserIDs: []int64{int64(id + 1)}, OwnIDs: []string{own}, Zendesk: "{}", Custom: jsonText(custom), UpdatedAt: testNow, CreatedAt: testNow,
		})
		insertInto(t, s.db, schemas.TablePersonAliases, schemas.PersonAlias{Account: testAccount, Alias: fmt.Sprintf("email:p%d@x.test", id+1), PersonID: own})
	}
	return s
}

// TestCustomFieldsThatDoNotFit: a person has 200 custom fields of 256 KiB at most. What would be more is refused and named, and nothing of the call is
// told; fields that are taken away make room, and who has more already may change and lose them.
func TestCustomFieldsThatDoNotFit(t *testing.T) {
	t.Parallel()
	s := fullPeople(t)
	long := strings.Repeat("z", 4000)
	for _, c := range []struct {
		person string
		custom map[string]any
		bad    []string
	}{
		{"p_1", map[string]any{"a": 1}, nil},
		{"p_1", map[string]any{"a": 1, "b": 2}, []string{"custom.b", "201 custom fields", "at most 200"}},
		{"p_1", map[string]any{"a": 1, "b": 2, "f000": nil}, nil},
		{"p_1", map[string]any{"a": 1, "b": nil, "f000": long}, nil},
		{"p_2", map[string]any{"a": long}, []string{"custom.a", "bytes", "262144"}},
		{"p_2", map[string]any{"a": long, "b": 1}, []string{"custom.a"}},
		{"p_2", map[string]any{"a": long, "f000": "short"}, nil},
		{"p_4", map[string]any{"f000": "y", "f001": nil}, nil},
		{"p_4", map[string]any{"a": 1}, []string{"custom.a", "301 custom fields"}},
	} {
		body := map[string]any{"custom": c.custom, "permissions": map[string]any{"email": false}}
		s.store.published = nil
		r := s.call("PATCH", "/v1/people/"+c.person, "people-key", body)
		if told := len(s.store.published) > 0; told != (c.bad == nil) || told != (r.StatusCode == http.StatusOK) {
			t.Errorf("%s %v: %d %.200s", c.person, slices.Sorted(maps.Keys(c.custom)), r.StatusCode, r.body)
		}
		if c.bad != nil {
			s.wantProblem(r, 422, "invalid-input", append(c.bad[1:], "body."+c.bad[0])...)
		}
		row := maps.Clone(body)
		row["email"] = "p" + c.person[2:] + "@x.test"
		s.store.published = nil
		var a upsertAnswer
		s.want(200, s.upload("application/json", "/v1/people", jsonText([]any{row})), &a)
		got := a.outcomes()[0]
		if c.bad == nil && got != "1 updated" || c.bad != nil && !strings.HasPrefix(got, "1 rejected "+c.bad[0]) || len(s.store.published) > 0 != (c.bad == nil) {
			t.Errorf("row of %s %v: %.200s", c.person, slices.Sorted(maps.Keys(c.custom)), got)
		}
	}
}

// TestRowsOfOnePersonDoNotFit: the rows of a request count together for their person, new or not.
func TestRowsOfOnePersonDoNotFit(t *testing.T) {
	t.Parallel()
	s := fullPeople(t)
	var rows []any
	for i := range 5 {
		rows = append(rows, map[string]any{"email": "new@x.test", "custom": ownFields(50*i, 50, "x")})
	}
	rows = append(rows, map[string]any{"email": "new@x.test", "custom": map[string]any{"f000": "other"}}, map[string]any{"email": "p1@x.test", "custom": map[string]any{"a": 1}},
		map[string]any{"email": "p1@x.test", "custom": map[string]any{"b": 1}}, map[string]any{"email": "p1@x.test", "custom": map[string]any{"a": nil, "b": 1}})
	var a upsertAnswer
	s.want(200, s.upload("application/json", "/v1/people", jsonText(rows)), &a)
	var got []string
	for _, line := range a.outcomes() {
		if line, _, _ = strings.Cut(line, ":"); !strings.Contains(line, "rejected") {
			line, _, _ = strings.Cut(line, " ")
		}
		got = append(got, line)
	}
	if want := []string{"1", "2", "3", "4", "5 rejected custom.f200", "6", "7", "8 rejected custom.b", "9"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestMergeOfPeopleThatDoNotFit: people who would have more custom fields than one may are not merged by hand, and a dry run says so too.
func TestMergeOfPeopleThatDoNotFit(t *testing.T) {
	t.Parallel()
	s := fullPeople(t)
	for _, dry := range []string{"true", "false"} {
		for others, part := range map[string]string{`"p_3"`: "bytes of JSON together", `"p_4"`: "300 custom fields", `"p_1","p_3","p_4"`: "300 custom fields"} {
			r := s.call("POST", "/v1/people/merge", "people-key", json.RawMessage(`{"survivor":"p_2","others":[`+others+`],"dry_run":`+dry+`}`))
			s.wantProblem(r, 409, "too-many-fields", part)
		}
	}
	if len(s.store.published) > 0 {
		t.Errorf("%d events", len(s.store.published))
	}
}
