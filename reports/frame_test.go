package reports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"deskstream/schemas"
)

// access lists every route of the API with who may call it. A route that is not here fails the test, so that nobody forgets to think
// about it.
var access = map[string][]string{
	"GET /healthz": nil, "GET /readyz": nil, "GET /metrics": nil, "GET /openapi.json": nil, "GET /docs": nil, "GET /docs.css": nil,
	"GET /v1/oauth/zendesk/callback": nil, webhooks: nil,

	"GET /v1/source-types": {"admin"}, "POST /v1/sources": {"admin"}, "GET /v1/sources": {"admin"}, "GET /v1/sources/{id}": {"admin"},
	"PATCH /v1/sources/{id}": {"admin"}, "DELETE /v1/sources/{id}": {"admin"}, "POST /v1/sources/{id}/authorize": {"admin"},
	"PUT /v1/sources/{id}/webhook": {"admin"}, "POST /v1/sources/{id}/webhook/register": {"admin"}, "POST /v1/sources/{id}/disconnect": {"admin"},
	"POST /v1/sources/{id}/reconnect": {"admin"}, "POST /v1/sources/{id}/archive": {"admin"}, "POST /v1/sources/{id}/restore": {"admin"},
	"POST /v1/sources/{id}/resync": {"admin"}, "POST /v1/sources/{id}/retention/preview": {"admin"}, "PUT /v1/sources/{id}/retention": {"admin"}, "GET /v1/sources/{id}/sync": {"admin"},
	"POST /v1/sources/{id}/identifiers/preview": {"admin"}, "GET /v1/sources/{id}/overview": {"admin"},
	"GET /v1/sources/{id}/activity": {"admin"}, "GET /v1/sources/{id}/audience": {"admin"},

	"GET /v1/people": {"people"}, "POST /v1/people": {"people"}, "POST /v1/people/merge": {"people"}, "GET /v1/people/{id}/merges": {"people"},
	"DELETE /v1/people/{id}": {"people"}, "GET /v1/erasures/{id}": {"people"}, "POST /v1/merges/{id}/undo": {"people"}, "POST /v1/audiences/explain": {"people"}, "POST /v1/people/snapshot": {"people"},
	"GET /v1/audiences": {"people"}, "POST /v1/audiences": {"people"}, "GET /v1/audiences/{id}": {"people"}, "PATCH /v1/audiences/{id}": {"people"},
	"DELETE /v1/audiences/{id}": {"people"}, "GET /v1/audiences/{id}/members": {"people"}, "GET /v1/audiences/{id}/entries": {"people"},
	"GET /v1/audiences/{id}/deliveries": {"people"}, "POST /v1/audiences/{id}/deliveries/{delivery}/retry": {"people"}, "PATCH /v1/people/{id}": {"people"}, "POST /v1/people/{id}/archive": {"people"}, "POST /v1/people/{id}/restore": {"people"}, "GET /v1/people/{id}": {"people"}, "GET /v1/people/{id}/activities": {"people"}, "GET /v1/organizations": {"people"},
	"GET /v1/organizations/{id}": {"people"}, "GET /v1/fields": {"people"}, "PATCH /v1/fields/{id}": {"people"},
	"POST /v1/fields": {"people"}, "DELETE /v1/fields/{id}": {"people"}, "GET /v1/activities": {"people"}, "GET /v1/activities/{activity}": {"people"},
	"PATCH /v1/activities/{activity}": {"people"}, "GET /v1/activities/{activity}/overview": {"people"}, "GET /v1/activities/{activity}/activity": {"people"},
	"GET /v1/activities/{activity}/audience": {"people"},

	"GET /v1/reports": {"reports"}, "GET /v1/reports/{metric}": {"reports"}, "GET /v1/reports/{metric}/sql": {"reports"},
	"GET /v1/tickets/{id}/facts": {"reports"}, "GET /v1/live": {"reports"},
	"GET /v1/keywords": {"reports"}, "POST /v1/keywords": {"reports"}, "DELETE /v1/keywords/{id}": {"reports"},

	"POST /v1/liquid/render/batch": {"render"}, "POST /v1/liquid/preview": {"render"}, "POST /v1/liquid/validate": {"render"},
	"GET /v1/liquid/snippets": {"render"}, "POST /v1/liquid/snippets": {"render"}, "GET /v1/liquid/snippets/{name}": {"render"}, "PUT /v1/liquid/snippets/{name}": {"render"},
	"DELETE /v1/liquid/snippets/{name}": {"render"}, "POST /v1/liquid/render": {"render"}, "GET /v1/liquid/merge-tags": {"render"},
}

// webhooks are described here and served elsewhere.
const webhooks = "POST /webhooks/zendesk/{source_id}"

// offline is a server whose database answers nothing.
func offline(t *testing.T, change func(*Options)) *testServer {
	t.Helper()
	return newTestServer(t, brokenDB{}, change)
}

// operations gives every route of the document as "METHOD path".
func operations(s *testServer) map[string]*huma.Operation {
	out := map[string]*huma.Operation{}
	for path, item := range s.api.OpenAPI().Paths {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "PATCH": item.Patch, "DELETE": item.Delete} {
			if op != nil {
				out[method+" "+path] = op
			}
		}
	}
	return out
}

func TestEveryRouteHasItsScopes(t *testing.T) {
	t.Parallel()
	s := offline(t, nil)
	found := operations(s)
	for name := range found {
		if _, listed := access[name]; !listed {
			t.Errorf("%s is not listed", name)
		}
	}
	replacer := strings.NewReplacer("{id}", testSource, "{metric}", "tickets_created", "{activity}", "ticket-created")
	for name, scopes := range access {
		if found[name] == nil {
			t.Errorf("%s does not exist", name)
			continue
		}
		method, path, _ := strings.Cut(replacer.Replace(name), " ")
		if name == webhooks {
			continue
		}
		if scopes == nil {
			if r := s.call(method, path, "", nil); r.StatusCode >= http.StatusUnauthorized && r.StatusCode <= http.StatusNotFound {
				t.Errorf("%s without a key: %d", name, r.StatusCode)
			}
			continue
		}
		s.wantProblem(s.call(method, path, "", nil), 401, "unauthenticated", "Authorization: Bearer")
		s.wantProblem(s.call(method, path, "wrong", nil), 401, "unauthenticated")
		for _, key := range []string{"people", "reports", "render", "no"} {
			if slices.Contains(scopes, key) {
				continue
			}
			s.wantProblem(s.call(method, path, key+"-key", nil), 403, "scope-missing", scopes[0])
		}
	}
}

func TestKeysWithTheScopePass(t *testing.T) {
	t.Parallel()
	s := offline(t, nil)
	for path, key := range map[string]string{"/v1/reports": "reports-key", "/v1/source-types": "admin-key"} {
		if r := s.call("GET", path, key, nil); r.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s", path, r.StatusCode, r.body)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/reports", nil)
	for header, status := range map[string]int{"bearer reports-key": 200, "Basic reports-key": 401, "Bearer": 401, "Bearer  ": 401, "reports-key": 401} {
		r.Header.Set("Authorization", header)
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("%q: %d, want %d", header, w.Code, status)
		}
	}
}

func TestKeysEnd(t *testing.T) {
	t.Parallel()
	now := testNow
	s := offline(t, func(o *Options) { o.Now = func() time.Time { return now } })
	expired, revoked := keyOf("expired", "admin"), keyOf("revoked", "admin")
	expired.ExpiresAt, revoked.RevokedAt = new(now.Add(time.Minute)), &now
	s.store.keys = append(s.store.keys, expired, revoked)
	s.want(200, s.call("GET", "/v1/sources", "expired", nil), nil)
	s.wantProblem(s.call("GET", "/v1/sources", "revoked", nil), 401, "unauthenticated", "revoked")
	now = now.Add(time.Minute)
	s.wantProblem(s.call("GET", "/v1/sources", "expired", nil), 401, "unauthenticated", "expired")

	s.store.keys = append(s.store.keys, keyOf("fresh", "admin"))
	now = now.Add(2 * time.Second)
	s.want(200, s.call("GET", "/v1/sources", "fresh", nil), nil)
	reads := s.store.reads
	for range 20 {
		s.call("GET", "/v1/sources", "guess", nil)
	}
	if s.store.reads > reads+1 {
		t.Errorf("guesses read the keys %d times", s.store.reads-reads)
	}
}

func TestKeysWhileTheStoreIsAway(t *testing.T) {
	t.Parallel()
	now := testNow
	s := offline(t, func(o *Options) { o.Now = func() time.Time { return now } })
	s.store.fail = errors.New("away")
	r := s.call("GET", "/v1/reports", "reports-key", nil)
	s.wantProblem(r, 503, "keys-unavailable")
	if r.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	s.store.fail = nil
	s.want(200, s.call("GET", "/v1/reports", "reports-key", nil), nil)
	s.store.fail, now = errors.New("away"), now.Add(30*time.Second)
	s.want(200, s.call("GET", "/v1/reports", "reports-key", nil), nil)
	now = now.Add(time.Hour)
	s.wantProblem(s.call("GET", "/v1/reports", "reports-key", nil), 503, "keys-unavailable")
}

func TestProblems(t *testing.T) {
	t.Parallel()
	s := offline(t, nil)
	s.wantProblem(s.call("GET", "/v1/nothing", "admin-key", nil), 404, "no-such-route")
	s.wantProblem(s.call("GET", "/", "", nil), 404, "no-such-route")
	r := s.call("PUT", "/v1/sources", "admin-key", nil)
	s.wantProblem(r, 405, "method-not-allowed", "GET, POST")
	if r.Header.Get("Allow") != "GET, POST" {
		t.Errorf("Allow: %s", r.Header.Get("Allow"))
	}
	s.wantProblem(s.call("GET", "/v1/sources?limt=5&x=1", "admin-key", nil), 422, "invalid-input", "query.limt", "query.x", "accepted: limit, cursor")
	s.wantProblem(s.call("GET", "/v1/activities/ticket-created?limit=5", "admin-key", nil), 422, "invalid-input", "query.limit", "takes no parameters")
	s.wantProblem(s.call("GET", "/v1/activities?limit=501", "admin-key", nil), 422, "invalid-input", "query.limit")
	s.wantProblem(s.call("GET", "/v1/activities?limit=0", "admin-key", nil), 422, "invalid-input", "query.limit")
	s.wantProblem(s.call("GET", "/v1/people?limit=5&limit=6&q=a&q=a", "admin-key", nil), 422, "invalid-input", "query.limit", "query.q", "is given more than once")
	s.wantProblem(s.call("GET", "/v1/live?x=1", "admin-key", nil), 422, "invalid-input", "query.x", "takes no parameters")
	s.wantProblem(s.call("GET", "/v1/people?limt=5", "admin-key", nil), 422, "invalid-input", "query.limt", "accepted: filter, q, columns, sort, limit, cursor")
	s.wantProblem(s.call("GET", "/v1/people?limit=501", "admin-key", nil), 422, "invalid-input", "query.limit")
	s.wantProblem(s.call("GET", "/v1/people?limit=x", "admin-key", nil), 422, "invalid-input", "query.limit")
	s.wantProblem(s.call("GET", "/v1/people?%zz", "admin-key", nil), 422, "invalid-input", "query")
	s.wantProblem(s.call("GET", "/v1/people?sort=hash", "admin-key", nil), 422, "invalid-input", "query.sort", "-updated_at")
	s.wantProblem(s.call("GET", "/v1/people?cursor=!", "admin-key", nil), 422, "invalid-input", "query.cursor")
	for column, want := range map[string]string{
		"zendesk.id": "accepted behind zendesk. are fields, external_id, user_id", "zendesk.nope": "zendesk.nope is no field", "zendesk.tags.x": "has no parts", "email.x": "has no parts",
		"permissions.fax": "are email, sms", "organization.zendesk": "are id, name",
	} {
		s.wantProblem(s.call("GET", "/v1/people?columns=email,"+column, "admin-key", nil), 422, "invalid-input", "query.columns", want)
	}
	s.wantProblem(s.call("GET", "/v1/people?columns=password", "admin-key", nil), 422, "invalid-input", "query.columns", "first_name")
	s.wantProblem(s.call("POST", "/v1/sources", "admin-key", "{"), 400, "invalid-input", "body")
	s.wantProblem(s.call("POST", "/v1/sources", "admin-key", ""), 400, "invalid-input")
	s.wantProblem(s.call("POST", "/v1/sources", "admin-key", `"`+strings.Repeat("x", 2<<20)+`"`), 413, "too-large")
	s.wantProblem(s.call("GET", "/v1/reports/tickets_created", "admin-key", nil), 503, "unavailable")
	if body := string(s.call("GET", "/v1/reports/tickets_created", "admin-key", nil).body); strings.Contains(body, "secret-address") {
		t.Errorf("internals show: %s", body)
	}
}

func TestClassesBecomeStatus(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		status int
	}{
		{schemas.Invalid("body.x", "no"), 422},
		{fmt.Errorf("x: %w", schemas.ErrNotFound), 404},
		{schemas.ErrConflict, 409},
		{schemas.ErrDenied, 403},
		{schemas.ErrUnauthenticated, 401},
		{schemas.ErrUnavailable, 503},
		{schemas.ErrFenced, 409},
		{schemas.ErrTooLarge, 413},
		{errBusy, 429},
		{databaseError("x", context.DeadlineExceeded), 504},
		{databaseError("x", errors.New("dial")), 503},
		{errors.New("secret internals"), 500},
		{&schemas.Problem{Class: schemas.ErrInvalid, Code: "not-administrator", Detail: "no"}, 422},
	} {
		p := problemOf(c.err)
		if p.Status != c.status || p.Detail == "" || strings.Contains(p.Detail, "internals") {
			t.Errorf("%v: %d %s, want %d", c.err, p.Status, p.Detail, c.status)
		}
	}
}

func TestPanicsShowNothing(t *testing.T) {
	t.Parallel()
	s := offline(t, func(o *Options) {
		o.Ready = []Check{{Name: "fine", Check: func(context.Context) error { return nil }}}
	})
	h := s.outside(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("jo@x.test") }))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/v1/x", nil))
	if w.Code != 500 || strings.Contains(w.Body.String(), "jo@") || w.Header().Get("Content-Type") != problemType {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if r := s.call("GET", "/metrics", "", nil); !strings.Contains(string(r.body), "deskstream_http_panics_total 1") {
		t.Error("the panic was not counted")
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	s := offline(t, nil)
	for _, path := range []string{"/healthz", "/v1/reports", "/nothing", "/docs"} {
		h := s.call("GET", path, "admin-key", nil).Header
		if h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") ||
			strings.Contains(h.Get("Content-Security-Policy"), "unsafe") {
			t.Errorf("%s: %v", path, h)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/sources", strings.NewReader("{}"))
	r.Header.Set("Authorization", "Bearer admin-key")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if w.Code != 403 || !strings.Contains(w.Body.String(), "cross-origin") {
		t.Errorf("another site's request: %d %s", w.Code, w.Body)
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	block := make(chan struct{})
	defer close(block)
	s := offline(t, func(o *Options) {
		o.Ready = []Check{
			{Name: "stream", Check: func(context.Context) error { return nil }},
			{Name: "poller", Check: func(context.Context) error { return errors.New("secret-address refused") }, Hint: "look after it"},
			{Name: "stuck", Check: func(context.Context) error { <-block; return nil }},
			{Name: "damaged", Check: func(context.Context) error {
				lost := &schemas.Problem{Class: schemas.ErrConflict, Code: "messages-lost", Detail: "messages are gone"}
				return errors.Join(errors.New("secret-address is slow"), lost)
			}},
		}
	})
	r := s.call("GET", "/readyz", "", nil)
	var body readyBody
	s.want(503, r, &body)
	want := map[string]string{"clickhouse": "not ready", "stream": "ok", "poller": "not ready: look after it", "stuck": "no answer in time", "damaged": "not ready: messages are gone"}
	for name, v := range want {
		if body.Checks[name] != v {
			t.Errorf("%s: %s, want %s", name, body.Checks[name], v)
		}
	}
	if body.Ready || strings.Contains(string(r.body), "secret") {
		t.Errorf("%s", r.body)
	}
	s.wantDeclared("GET", "/readyz", r)
}

// wantDeclared holds that the document has the status of an answer, and its body for it.
func (s *testServer) wantDeclared(method, path string, r response) {
	s.t.Helper()
	s.wantDescribed(method, path, fmt.Sprintf("responses/%d", r.StatusCode), string(r.body))
}

// wantTaken holds that the document describes a body that was taken.
func (s *testServer) wantTaken(method, path, body string) {
	s.t.Helper()
	s.wantDescribed(method, path, "requestBody", body)
}

func (s *testServer) wantDescribed(method, path, part, text string) {
	s.t.Helper()
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(s.call("GET", "/openapi.json", "", nil).body)))
	if err != nil {
		s.t.Fatal(err)
	}
	body, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		s.t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("deskstream:api", document); err != nil {
		s.t.Fatal(err)
	}
	place := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(path)
	schema, err := compiler.Compile(fmt.Sprintf("deskstream:api#/paths/%s/%s/%s/content/application~1json/schema", place, strings.ToLower(method), part))
	if err != nil {
		s.t.Errorf("%s %s %s: %v", method, path, part, err)
	} else if err := schema.Validate(body); err != nil {
		s.t.Errorf("%s %s %s: %v\n%s", method, path, part, err, text)
	}
}

func TestMetricsMayNeedAKey(t *testing.T) {
	t.Parallel()
	s := offline(t, func(o *Options) { o.MetricsNeedKey = true })
	s.wantProblem(s.call("GET", "/metrics", "", nil), 401, "unauthenticated")
	s.want(200, s.call("GET", "/metrics", "reports-key", nil), nil)
	if r := s.call("GET", "/metrics", "admin-key", nil); !strings.Contains(string(r.body), `deskstream_http_requests_total{route="GET /metrics",status="401"} 1`) {
		t.Errorf("%s", r.body)
	}
}

// TestOpenAPI holds that the document is OpenAPI 3.1 of the right form, names every route, and that its schemas compile.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	s := offline(t, nil)
	r := s.call("GET", "/openapi.json", "", nil)
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(r.body)))
	if err != nil {
		t.Fatal(err)
	}
	root := document.(map[string]any)
	if root["openapi"] != "3.1.0" || root["info"].(map[string]any)["version"] != "test" {
		t.Errorf("openapi %v, info %v", root["openapi"], root["info"])
	}
	paths := root["paths"].(map[string]any)
	own := paths["/openapi.json"].(map[string]any)["get"].(map[string]any)["responses"].(map[string]any)["200"]
	if !strings.Contains(fmt.Sprint(own), "schema:map[type:object]") {
		t.Errorf("the document describes itself as %v", own)
	}
	ids := map[string]bool{}
	for name := range access {
		method, path, _ := strings.Cut(name, " ")
		op, _ := paths[path].(map[string]any)[strings.ToLower(method)].(map[string]any)
		if op == nil || op["operationId"] == "" || op["summary"] == "" || op["responses"] == nil {
			t.Errorf("%s is not described: %v", name, op)
			continue
		}
		if id := op["operationId"].(string); ids[id] {
			t.Errorf("operation id %s comes twice", id)
		} else {
			ids[id] = true
		}
		for _, part := range strings.Split(path, "/") {
			if strings.HasPrefix(part, "{") && !strings.Contains(fmt.Sprint(op["parameters"]), strings.Trim(part, "{}")) {
				t.Errorf("%s does not describe %s", name, part)
			}
		}
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("deskstream:api", document); err != nil {
		t.Fatal(err)
	}
	for name := range root["components"].(map[string]any)["schemas"].(map[string]any) {
		if _, err := compiler.Compile("deskstream:api#/components/schemas/" + name); err != nil {
			t.Errorf("schema %s: %v", name, err)
		}
	}
}

// TestOpenAPIOfBrowsersAndZendesk holds what the document says of the two addresses that no client of the API asks.
func TestOpenAPIOfBrowsersAndZendesk(t *testing.T) {
	t.Parallel()
	found := operations(offline(t, nil))
	op := found["GET /v1/oauth/zendesk/callback"]
	if names := queryNames(op); !slices.Equal(names, []string{"state", "code", "error"}) {
		t.Errorf("the callback takes %v", names)
	}
	for status, r := range op.Responses {
		if len(r.Content) != 1 || r.Content["text/html"] == nil {
			t.Errorf("the callback answers %s with %v", status, r.Content)
		}
	}
	op = found["POST /webhooks/zendesk/{source_id}"]
	for _, status := range []string{"200", "401", "404", "405", "413", "429", "431", "503"} {
		r := op.Responses[status]
		switch {
		case r == nil:
			t.Errorf("%s of webhooks is not described", status)
		case status == "200":
			if r.Content["application/json"] == nil {
				t.Errorf("a webhook is answered by %v", r.Content)
			}
		case r.Content[problemType] == nil || (r.Headers["Retry-After"] != nil) != (status == "429" || status == "503"):
			t.Errorf("a webhook is answered %s by %v with %v", status, r.Content, r.Headers)
		}
	}
}

// TestNullableMembers holds that the schemas of answers take the null that they answer.
func TestNullableMembers(t *testing.T) {
	t.Parallel()
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(offline(t, nil).call("GET", "/openapi.json", "", nil).body)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("deskstream:api", document); err != nil {
		t.Fatal(err)
	}
	schemas := document.(map[string]any)["components"].(map[string]any)["schemas"].(map[string]any)
	for _, member := range []string{
		"TicketFacts/csat", "TicketFacts/touch", "AudienceView/deliver", "RetentionAnswer/job", "PreviewAnswer/person", "RenderInputBody/activity_id",
		"RenderInputBody/missing", "SourcePatchBody/name", "SourcePatchBody/opt_in", "SourceInputBody/retention", "OptInInput/email",
	} {
		name, member, _ := strings.Cut(member, "/")
		if schemas[name] == nil {
			t.Errorf("no schema %s", name)
			continue
		}
		schema, err := compiler.Compile("deskstream:api#/components/schemas/" + name + "/properties/" + member)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(nil); err != nil {
			t.Errorf("%s.%s: %v", name, member, err)
		}
	}
	refused := document.(map[string]any)["paths"].(map[string]any)["/v1/liquid/render"].(map[string]any)["post"].(map[string]any)["responses"].(map[string]any)["422"]
	if !strings.Contains(fmt.Sprint(refused), "TemplateProblem") || schemas["TemplateProblem"] == nil {
		t.Errorf("a refused template is answered by %v", refused)
	}
}

// TestAnswersFollowTheDocument compiles schemas of the document and holds real answers against them.
func TestAnswersFollowTheDocument(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(s.call("GET", "/openapi.json", "", nil).body)))
	if err != nil {
		t.Fatal(err)
	}
	for path, name := range map[string]string{
		"/v1/reports/csat?interval=week&group_by=assignee": "ReportAnswer", "/v1/people/p_2001": "Person", "/v1/tickets/1/facts": "TicketFacts",
		"/v1/sources/" + testSource + "/overview": "OverviewAnswer", "/v1/sources/" + testSource + "/sync": "SyncAnswer", "/v1/nothing": "Problem",
		"/v1/tickets/2/facts": "TicketFacts", "/v1/tickets/3/facts": "TicketFacts",
	} {
		compiler := jsonschema.NewCompiler()
		if err := compiler.AddResource("deskstream:api", document); err != nil {
			t.Fatal(err)
		}
		schema, err := compiler.Compile("deskstream:api#/components/schemas/" + name)
		if err != nil {
			t.Fatal(err)
		}
		r := s.call("GET", path, "admin-key", nil)
		body, err := jsonschema.UnmarshalJSON(strings.NewReader(string(r.body)))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(body); err != nil {
			t.Errorf("%s: %v\n%s", path, err, r.body)
		}
	}
}

func TestDocs(t *testing.T) {
	t.Parallel()
	s := offline(t, nil)
	r := s.call("GET", "/docs", "", nil)
	s.want(200, r, nil)
	for _, want := range []string{
		"GET /v1/reports/{metric}", "exclude_merged", "<h2>Sources</h2>", "<p>Zendesk activities", "<p>Calls of /v1", "Authorization: Bearer dsk_...", "deskstream keys create",
	} {
		if !strings.Contains(string(r.body), want) {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.Contains(string(r.body), "<script") || strings.Contains(string(r.body), "https://") {
		t.Error("the page asks for more than itself")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	if _, err := New(Options{}); !errors.Is(err, errMissing) {
		t.Errorf("%v", err)
	}
}

// TestCursorsOfOtherLists: a position of another list is refused; the first page again would have a client go in a circle.
func TestCursorsOfOtherLists(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	first := func(path string) string {
		var p page[json.RawMessage]
		if s.get(path+"?limit=1", &p); p.NextCursor == nil {
			t.Fatalf("%s has one page", path)
		}
		return *p.NextCursor
	}
	activities := "/v1/sources/" + testSource + "/activity"
	given := map[string]string{"/v1/people": first("/v1/people"), activities: first(activities), "/v1/organizations": first("/v1/organizations")}
	for _, path := range append(slices.Collect(maps.Keys(given)), "/v1/audiences", "/v1/keywords", "/v1/liquid/snippets") {
		for from, cursor := range given {
			if from != path {
				s.wantProblem(s.call("GET", path+"?cursor="+cursor, "admin-key", nil), 422, "invalid-input", "query.cursor")
			}
		}
		s.wantProblem(s.call("GET", path+"?cursor=e30", "admin-key", nil), 422, "invalid-input", "query.cursor")
	}
}

func FuzzCursor(f *testing.F) {
	good, _ := encodeCursor("activities", feedPosition{5, "x"})
	f.Add(*good)
	f.Add("e30")
	f.Add("bnVsbA")
	f.Fuzz(func(t *testing.T, s string) {
		var position feedPosition
		if _, err := decodeCursor("activities", s, &position); err != nil && !errors.Is(err, schemas.ErrInvalid) {
			t.Fatal(err)
		}
		again, err := encodeCursor("activities", position)
		if err != nil || *again == "" {
			t.Fatal(err)
		}
	})
}

// TestHealth names the version.
func TestHealth(t *testing.T) {
	t.Parallel()
	s := offline(t, nil)
	var body map[string]string
	r := s.call("GET", "/healthz", "", nil)
	s.want(200, r, nil)
	if err := json.Unmarshal(r.body, &body); err != nil || body["status"] != "ok" || body["version"] != "test" {
		t.Errorf("%s %v", r.body, err)
	}
}
