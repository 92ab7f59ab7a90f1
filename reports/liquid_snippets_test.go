package reports

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"deskstream/liquid"
	"deskstream/schemas"
)

func (s *testServer) put(name string, body any) response {
	return s.call("PUT", "/v1/liquid/snippets/"+name, "render-key", body)
}

func source(text string) map[string]any { return map[string]any{"source": text} }

func TestSnippets(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, filledDatabase(t), nil)
	var put putSnippetAnswer
	s.want(200, s.put("mail%2Ffooter", source("-- {{ organization.name }}{% render 'legal', year: 2026 %}")), &put)
	if put.Name != "mail/footer" || put.Revision == "" || !put.UpdatedAt.Equal(testNow) || !slices.Equal(put.Uses, []string{"legal"}) ||
		len(put.Warnings) != 1 || put.Warnings[0].Kind != liquid.KindSnippet || put.Warnings[0].Column != 30 {
		t.Errorf("%+v", put)
	}
	s.want(200, s.put("legal", source("(c) {{ year }}")), &put)
	if len(put.Warnings) != 0 || put.Warnings == nil {
		t.Errorf("%+v", put)
	}
	template := `{{ person.first_name }}{% render 'mail/footer' %}`
	if a := s.rendered(text(template, nil)); a.Parts["text"] != "Jo-- Org One(c) 2026" || !slices.Contains(a.Used, "organization.name") {
		t.Errorf("%+v", a)
	}
	if got := s.batch(fmt.Sprintf(`{"parts":{"text":%q}}`, template), `{"person":"p_2001"}`); got[0].Parts["text"] != "Jo-- Org One(c) 2026" {
		t.Errorf("%+v", got)
	}
	var preview previewAnswer
	s.want(200, s.call("POST", "/v1/liquid/preview", "render-key", text(template, map[string]any{"snippets": map[string]string{"legal": "{{ 1 | divided_by: 0 }}"}})), &preview)
	if len(preview.Errors) != 1 || preview.Errors[0].In != "legal" || !strings.HasPrefix(preview.Parts["text"], "Jo-- Org OneLiquid error") {
		t.Errorf("%+v", preview)
	}
	var valid validateAnswer
	s.want(200, s.call("POST", "/v1/liquid/validate", "render-key", map[string]any{"parts": map[string]string{"html": "{% render 'mail/footer' %}\n{% render 'legl' %}"}}), &valid)
	if valid.Valid || len(valid.Errors) != 1 || valid.Errors[0].Suggestion != "legal" || valid.Errors[0].Line != 2 || !slices.Equal(valid.Snippets, []string{"legl", "mail/footer"}) ||
		len(valid.Variables) != 1 || valid.Variables[0].Path != "organization.name" {
		t.Errorf("%+v", valid)
	}
	var refused templateProblem
	s.want(422, s.call("POST", "/v1/liquid/render", "render-key", text("{% render 'gone' %}{% render 'go' %}", nil)), &refused)
	if refused.Type != schemas.ProblemPrefix+"template-snippet" || len(refused.Errors) != 2 {
		t.Errorf("%+v", refused)
	}

	// A change is seen at once, and a snippet that is used cannot go.
	s.want(200, s.put("legal", source("(r)")), nil)
	if a := s.rendered(text(template, nil)); a.Parts["text"] != "Jo-- Org One(r)" {
		t.Errorf("%+v", a)
	}
	s.wantProblem(s.call("DELETE", "/v1/liquid/snippets/legal", "render-key", nil), 409, "snippet-in-use", "mail/footer")
	s.want(204, s.call("DELETE", "/v1/liquid/snippets/mail%2Ffooter", "render-key", nil), nil)
	s.want(204, s.call("DELETE", "/v1/liquid/snippets/legal", "render-key", nil), nil)
	s.wantProblem(s.call("DELETE", "/v1/liquid/snippets/legal", "render-key", nil), 404, "no-such-snippet")
	var list page[SnippetView]
	s.want(200, s.call("GET", "/v1/liquid/snippets", "render-key", nil), &list)
	if len(list.Items) != 0 {
		t.Errorf("%+v", list.Items)
	}
	s.want(200, s.put("legal", map[string]any{"source": "<b>again</b>", "revision": "0"}), nil)
	s.want(204, s.call("DELETE", "/v1/liquid/snippets/legal", "render-key", nil), nil)
	s.want(422, s.call("POST", "/v1/liquid/render", "render-key", text(template, nil)), nil)
}

func TestSnippetLists(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, filledDatabase(t), nil)
	for _, name := range []string{"b", "a", "c"} {
		s.want(200, s.put(name, source("{{ "+name+" }}")), nil)
	}
	var names []string
	for path := "/v1/liquid/snippets?limit=2"; path != ""; {
		var p page[SnippetView]
		s.want(200, s.call("GET", path, "render-key", nil), &p)
		for _, v := range p.Items {
			names = append(names, v.Name+v.Source)
		}
		path = ""
		if p.NextCursor != nil {
			path = "/v1/liquid/snippets?limit=2&cursor=" + *p.NextCursor
		}
	}
	if !slices.Equal(names, []string{"a{{ a }}", "b{{ b }}", "c{{ c }}"}) {
		t.Errorf("%q", names)
	}
	var one SnippetView
	s.want(200, s.call("GET", "/v1/liquid/snippets/b", "render-key", nil), &one)
	if one.Source != "{{ b }}" {
		t.Errorf("%+v", one)
	}
	s.wantProblem(s.call("GET", "/v1/liquid/snippets/B", "render-key", nil), 404, "no-such-snippet", `did you mean`)
	s.wantProblem(s.call("GET", "/v1/liquid/snippets?cursor=x", "render-key", nil), 422, "invalid-input", "query.cursor")
}

func TestSnippetRevisions(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, filledDatabase(t), nil)
	var first putSnippetAnswer
	create := func(name string) response {
		return s.call("POST", "/v1/liquid/snippets", "render-key", map[string]any{"name": name, "source": "1"})
	}
	s.want(201, create("a"), &first)
	s.wantProblem(create("a"), 409, "changed-meanwhile", first.Revision)
	s.wantProblem(create("not a name"), 422, "invalid-input", `"name"`)
	s.wantProblem(s.put("a", map[string]any{"source": "2", "revision": "0"}), 409, "changed-meanwhile", first.Revision)
	s.want(200, s.put("a", map[string]any{"source": "2", "revision": first.Revision}), nil)
	s.wantProblem(s.put("a", map[string]any{"source": "3", "revision": first.Revision}), 409, "changed-meanwhile")
	s.store.fences = 2 // others are faster twice
	s.want(200, s.put("a", source("4")), nil)
	s.store.fences = 1
	var newest SnippetView
	s.want(200, s.call("GET", "/v1/liquid/snippets/a", "render-key", nil), &newest)
	s.wantProblem(s.put("a", map[string]any{"source": "5", "revision": newest.Revision}), 409, "changed-meanwhile")
}

func TestSnippetRefusals(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, filledDatabase(t), nil)
	for _, name := range []string{"a%20b", "..%2F..%2Fetc%2Fpasswd", "%2Fa", "a%2F", "%C3%A9", "a.liquid"} {
		s.wantProblem(s.put(name, source("x")), 422, "invalid-input", "\"name\"")
	}
	for body, part := range map[string]string{
		`{}`:                            "source",
		`{"source":5}`:                  "body.source",
		`{"source":"x","name":"y"}`:     "body.name",
		`{"source":"x","revision":"1"}`: "",
	} {
		if r := s.put("a", body); r.StatusCode != http.StatusUnprocessableEntity && r.StatusCode != http.StatusConflict || !strings.Contains(string(r.body), part) {
			t.Errorf("%s: %d %s", body, r.StatusCode, r.body)
		}
	}
	s.wantProblem(s.put("a", source(strings.Repeat("x", snippetBytes+1))), 422, "invalid-input", "body.source")
	var p templateProblem
	s.want(422, s.put("a", source("a\n{{ x | nope }}{% if %}")), &p)
	if len(p.Errors) < 2 || p.Errors[0].Line != 2 || p.Errors[0].Snippet == "" {
		t.Errorf("%+v", p)
	}
	s.wantProblem(s.call("PUT", "/v1/liquid/snippets/a", "reports-key", source("x")), 403, "scope-missing")
	s.wantProblem(s.call("POST", "/v1/liquid/render", "render-key", text("x", map[string]any{"snippets": map[string]any{"a": 1}})), 422, "invalid-input", "body.snippets.a")
}

func TestSnippetsAreBounded(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, filledDatabase(t), nil)
	for i := range snippetsBytes / snippetBytes {
		s.want(200, s.put(fmt.Sprint("big", i), source(strings.Repeat("x", snippetBytes))), nil)
	}
	s.wantProblem(s.put("more", source("x")), 409, "too-many-snippets")
	s.want(200, s.put("big0", source("smaller")), nil)
	s.want(200, s.put("more", source("x")), nil)
	for i := range mostSnippets {
		name := fmt.Sprint("n", i)
		s.store.settings[settingSnippet+name] = schemas.Setting{Value: []byte(`{"source":""}`), Revision: 1}
	}
	s.wantProblem(s.put("another", source("x")), 409, "too-many-snippets")
}

// TestSnippetsWithoutTheirStore checks that known snippets are used for a while when the store does not answer.
func TestSnippetsWithoutTheirStore(t *testing.T) {
	t.Parallel()
	clock := testNow
	s := newTestServer(t, filledDatabase(t), func(o *Options) { o.Now = func() time.Time { return clock } })
	s.want(200, s.put("a", source("text")), nil)
	body := map[string]any{"data": map[string]any{}, "parts": map[string]string{"text": "{% render 'a' %}"}}
	s.rendered(body)
	s.store.fail = schemas.ErrUnavailable
	clock = clock.Add(30 * time.Second)
	if a := s.rendered(body); a.Parts["text"] != "text" {
		t.Errorf("%+v", a)
	}
	clock = clock.Add(time.Minute)
	if r := s.call("POST", "/v1/liquid/render", "render-key", body); r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
}
