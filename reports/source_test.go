package reports

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"deskstream/schemas"
)

// empty is an offline server without sources.
func empty(t *testing.T, change func(*Options)) *testServer {
	t.Helper()
	s := offline(t, change)
	s.store.sources = map[string]schemas.Source{}
	return s
}

func TestR03_SourceTypes(t *testing.T) {
	t.Parallel()
	s := offline(t, nil)
	for _, q := range []string{"", "?category=customer-support", "?category=all"} {
		var p page[sourceType]
		s.get("/v1/source-types"+q, &p)
		if len(p.Items) != 1 || p.Items[0].Type != "zendesk" || p.NextCursor != nil {
			t.Errorf("%s: %+v", q, p)
		}
	}
	s.wantProblem(s.call("GET", "/v1/source-types?category=crm", "admin-key", nil), 422, "invalid-input", "customer-support")
}

func TestR07_CreateSource(t *testing.T) {
	t.Parallel()
	s := empty(t, nil)
	var v sourceView
	s.want(201, s.call("POST", "/v1/sources", "admin-key", `{"type":"zendesk","account":"https://acme.zendesk.com/"}`), &v)
	if v.Account != "acme" || v.Name != "acme" || v.Status != "draft" || v.Retention.Days != 90 || len(v.Fields.Writable) != 6 || v.OptIn.Email ||
		!slices.Equal(v.Identifiers, []string{"external-id", "email"}) || v.WebhookPath != "/webhooks/zendesk/"+v.ID || v.ID == "" {
		t.Errorf("%+v", v)
	}
	for _, slug := range activitySlugs {
		if days := v.Retention.For(slug); days != 90 {
			t.Errorf("%s is kept for %d days", slug, days)
		}
	}
	var again sourceView
	s.get("/v1/sources/"+v.ID, &again)
	var all page[sourceView]
	s.get("/v1/sources", &all)
	if again.ID != v.ID || len(all.Items) != 1 {
		t.Errorf("%+v %+v", again, all)
	}
}

// TestR55_R56_OneSource: an account has one source, whatever its status, and there is one account, unless more are allowed.
func TestR55_R56_OneSource(t *testing.T) {
	t.Parallel()
	one := offline(t, nil)
	several := offline(t, func(o *Options) { o.SeveralAccounts = true })
	for status, steps := range map[schemas.SourceStatus]string{
		schemas.SourceDraft: "; delete it", schemas.SourceAwaiting: "; delete it", schemas.SourceArchived: "; delete it",
		schemas.SourceConnected: "; disconnect, archive and delete it", schemas.SourceDisconnected: "; archive and delete it",
	} {
		for _, s := range []*testServer{one, several} {
			src := s.store.sources[testSource]
			src.Status = status
			s.store.set(src)
			s.wantProblem(s.call("POST", "/v1/sources", "admin-key", `{"type":"zendesk","account":"acme"}`), 409, "source-already-connected", "acme", string(status), steps)
		}
	}
	one.wantProblem(one.call("POST", "/v1/sources", "admin-key", `{"type":"zendesk","account":"globex"}`), 409, "source-already-connected", "one Zendesk account")
	several.want(201, several.call("POST", "/v1/sources", "admin-key", `{"type":"zendesk","account":"globex"}`), nil)
	delete(one.store.sources, testSource)
	one.want(201, one.call("POST", "/v1/sources", "admin-key", `{"type":"zendesk","account":"globex"}`), nil)
	several.wantPages("/v1/sources", 2)
}

func TestR08_CreateSourceWithEverything(t *testing.T) {
	t.Parallel()
	s := empty(t, nil)
	var v sourceView
	s.want(201, s.call("POST", "/v1/sources", "admin-key", `{"type":"zendesk","account":"acme","name":"Acme support",
		"opt_in":{"email":true,"sms":false,"confirmed_by":"owner@acme.test"},"retention":{"days":4000,"activities":{"ticket-created":5000}},
		"fields":{"writable":["email"],"only_if_empty":true},"archive_on_delete":true,"identifiers":["email"]}`), &v)
	if v.Name != "Acme support" || !v.OptIn.Email || v.OptIn.SMS || v.OptIn.ConfirmedBy != "owner@acme.test" || !v.OptIn.ConfirmedAt.Equal(testNow) ||
		v.Retention.For("ticket-created") != 5000 || v.Retention.For("ticket-closed") != 4000 || !v.Fields.OnlyIfEmpty || !v.ArchiveOnDelete || len(v.Identifiers) != 1 {
		t.Errorf("%+v", v)
	}
}

func TestR06_R15_SourceRefusals(t *testing.T) {
	t.Parallel()
	s := empty(t, nil)
	for body, parts := range map[string][]string{
		`{"type":"zendesk","account":"acme","opt_in":{"email":true}}`:                          {"body.opt_in.confirmed_by", "consent"},
		`{"type":"zendesk","account":"acme","opt_in":{"sms":true,"confirmed_by":" "}}`:         {"body.opt_in.confirmed_by"},
		`{"type":"zendesk","account":"a@b"}`:                                                   {"body.account"},
		`{"type":"zendesk","account":"evil.com/x"}`:                                            {"body.account"},
		`{"type":"zendesk","account":""}`:                                                      {"body.account"},
		`{"type":"zendesk"}`:                                                                   {"account"},
		`{"type":"intercom","account":"acme"}`:                                                 {"body.type", "zendesk"},
		`{"type":"zendesk","account":"acme","merge_strategy":"overwrite"}`:                     {"body.merge_strategy", "no merge strategy"},
		`{"type":"zendesk","account":"acme","archive":true}`:                                   {"body.archive", "archive_on_delete"},
		`{"type":"zendesk","account":"acme","fields":{"writable":["shoe-size"]}}`:              {"body.fields.writable[0]", "phone-number"},
		`{"type":"zendesk","account":"acme","fields":{"writable":["email","email"]}}`:          {"body.fields.writable[1]", "more than once"},
		`{"type":"zendesk","account":"acme","identifiers":[]}`:                                 {"body.identifiers"},
		`{"type":"zendesk","account":"acme","identifiers":["name"]}`:                           {"body.identifiers[0]", "external-id"},
		`{"type":"zendesk","account":"acme","retention":{"days":-1}}`:                          {"body.retention.days"},
		`{"type":"zendesk","account":"acme","retention":{"activities":{"ticket-exploded":1}}}`: {"ticket-exploded", "ticket-created"},
		`{"type":"zendesk","account":"acme","retention":{"activities":{"ticket-created":0}}}`:  {"ticket-created", "36500"},
		`{"type":"zendesk","account":"acme","retention":{"activities":{"ticket-created":89}}}`: {"body.retention.activities.ticket-created", "must be 90 to 36500 days"},
		`{"type":"zendesk","account":"acme","opt_in":{"email":"yes"}}`:                         {"body.opt_in.email", "boolean"},
	} {
		r := s.call("POST", "/v1/sources", "admin-key", body)
		s.wantProblem(r, 422, "invalid-input", parts...)
	}
	if len(s.store.sources) != 0 {
		t.Errorf("stored: %v", s.store.sources)
	}
}

func TestSecretsAreNeverShown(t *testing.T) {
	t.Parallel()
	s := offline(t, nil)
	src := s.store.sources[testSource]
	src.Auth = schemas.Auth{Method: "oauth", Token: "canary-1", ClientSecret: "canary-2", AccessToken: "canary-3", RefreshToken: "canary-4", ClientID: "canary-5"}
	src.Webhook = schemas.Webhook{Secret: "canary-6", Previous: "canary-7"}
	s.store.set(src)
	for _, path := range []string{"/v1/sources", "/v1/sources/" + testSource, "/v1/sources/" + testSource + "/sync"} {
		if r := s.call("GET", path, "admin-key", nil); strings.Contains(string(r.body), "canary") {
			t.Errorf("%s: %s", path, r.body)
		}
	}
	r := s.call("POST", "/v1/sources/"+testSource+"/authorize", "admin-key", `{"method":"api_token","email":"a@b.test","token":["canary"]}`)
	s.wantProblem(r, 422, "invalid-input", "body.token")
	if strings.Contains(string(r.body), "canary") {
		t.Errorf("%s", r.body)
	}
	var v sourceView
	s.get("/v1/sources/"+testSource, &v)
	if v.AuthMethod != "oauth" || !v.WebhookSecret {
		t.Errorf("%+v", v)
	}
}

func TestR27_R44_PatchSource(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	path := "/v1/sources/" + testSource
	s.store.fences = 2 // another writer is faster twice
	var v sourceView
	s.want(200, s.call("PATCH", path, "admin-key", `{"name":"New","archive_on_delete":true,"identifiers":["phone-number"],"fields":{"writable":[]}}`), &v)
	if v.Name != "New" || !v.ArchiveOnDelete || v.Identifiers[0] != "phone-number" || len(v.Fields.Writable) != 0 || !v.UpdatedAt.Equal(testNow) {
		t.Errorf("%+v", v)
	}
	s.want(200, s.call("PATCH", path, "admin-key", `{"opt_in":{"sms":true,"confirmed_by":"me"}}`), &v)
	if v.Name != "New" || !v.OptIn.SMS || v.OptIn.ConfirmedAt == nil {
		t.Errorf("%+v", v)
	}
	const nothing = `{"name":null,"opt_in":null,"fields":null,"archive_on_delete":null,"identifiers":null}`
	s.wantTaken("PATCH", "/v1/sources/{id}", nothing)
	if s.want(200, s.call("PATCH", path, "admin-key", nothing), &v); v.Name != "New" || !v.OptIn.SMS || !v.ArchiveOnDelete || v.Identifiers[0] != "phone-number" {
		t.Errorf("%+v", v)
	}
	v = sourceView{}
	s.want(200, s.call("PATCH", path, "admin-key", `{"opt_in":{"sms":false}}`), &v)
	if v.OptIn.SMS || v.OptIn.ConfirmedBy != "" {
		t.Errorf("%+v", v)
	}
	s.wantProblem(s.call("PATCH", path, "admin-key", `{"retention":{"days":5}}`), 422, "invalid-input", "body.retention", "archive_on_delete")
	s.wantProblem(s.call("PATCH", path, "admin-key", `{"account":"x"}`), 422, "invalid-input", "body.account")
	s.wantProblem(s.call("PATCH", path, "admin-key", `{"name":" "}`), 422, "invalid-input", "body.name")
	s.wantProblem(s.call("PATCH", "/v1/sources/none", "admin-key", `{}`), 404, "no-such-source")
	s.store.fences = 100
	s.wantProblem(s.call("PATCH", path, "admin-key", `{"name":"x"}`), 409, "changed-meanwhile")
	if len(s.steps.calls) != 0 {
		t.Errorf("a setting caused %v", s.steps.calls)
	}
}

// TestR05_R09_R46_PatchKeepsSiblings: a change of one setting leaves those beside it as they are.
func TestR05_R09_R46_PatchKeepsSiblings(t *testing.T) {
	t.Parallel()
	s := offline(t, nil)
	for _, c := range []struct{ body, optIn, fields string }{
		{`{"fields":{"writable":["email"]}}`, "false false", "[email] false"},
		{`{"fields":{"only_if_empty":true}}`, "false false", "[email] true"},
		{`{"fields":{"writable":["language"]}}`, "false false", "[language] true"},
		{`{"fields":{}}`, "false false", "[language] true"},
		{`{"opt_in":{"email":true,"confirmed_by":"owner@acme.test"}}`, "true false", "[language] true"},
		{`{"opt_in":{"sms":true,"confirmed_by":"bob"}}`, "true true", "[language] true"},
		{`{"opt_in":{"email":false}}`, "false true", "[language] true"},
		{`{"opt_in":{},"fields":{"only_if_empty":false}}`, "false true", "[language] false"},
	} {
		var v sourceView
		s.want(200, s.call("PATCH", "/v1/sources/"+testSource, "admin-key", c.body), &v)
		if optIn, fields := fmt.Sprint(v.OptIn.Email, v.OptIn.SMS), fmt.Sprint(v.Fields.Writable, v.Fields.OnlyIfEmpty); optIn != c.optIn || fields != c.fields {
			t.Errorf("%s: opt-in %s, fields %s; want %s, %s", c.body, optIn, fields, c.optIn, c.fields)
		}
	}
}

// TestR06_Confirmations: who confirmed which channel and when is kept for good, and so is when a channel was switched off.
func TestR06_Confirmations(t *testing.T) {
	t.Parallel()
	now := testNow
	s := empty(t, func(o *Options) { o.Now = func() time.Time { return now } })
	var v sourceView
	s.want(201, s.call("POST", "/v1/sources", "admin-key", `{"type":"zendesk","account":"acme","opt_in":{"email":true,"confirmed_by":"owner"}}`), &v)
	path := "/v1/sources/" + v.ID
	for _, c := range []struct{ body, by string }{
		{`{"opt_in":{"email":true,"sms":true,"confirmed_by":"owner"}}`, "owner"}, // email is confirmed by the same already
		{`{"opt_in":{"sms":true,"confirmed_by":"bob"}}`, "bob"},
		{`{"opt_in":{"sms":false,"confirmed_by":"eve"}}`, "owner"},
		{`{"opt_in":{"sms":false}}`, "owner"},
		{`{"opt_in":{"email":false},"name":"Other"}`, ""},
	} {
		now = now.Add(time.Hour)
		v = sourceView{}
		if s.want(200, s.call("PATCH", path, "admin-key", c.body), &v); v.OptIn.ConfirmedBy != c.by || (v.OptIn.ConfirmedAt == nil) != (c.by == "") {
			t.Errorf("%s: %+v", c.body, v.OptIn)
		}
	}
	s.want(200, s.call("POST", path+"/archive", "admin-key", nil), nil)
	s.get(path, &v)
	var got []string
	for _, c := range v.Confirmations {
		got = append(got, fmt.Sprintf("%s %t %s +%s", c.Channel, c.On, c.ConfirmedBy, c.At.Sub(testNow)))
	}
	want := []string{"email true owner +0s", "sms true owner +1h0m0s", "sms true bob +2h0m0s", "sms false eve +3h0m0s", "email false  +5h0m0s"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	s.wantProblem(s.call("PATCH", path, "admin-key", `{"opt_in":{"confirmed_by":"bob"}}`), 422, "invalid-input", "body.opt_in.confirmed_by", "opt_in.sms")
}

func TestAuthorize(t *testing.T) {
	t.Parallel()
	s := offline(t, nil)
	path := "/v1/sources/" + testSource + "/authorize"
	var a authorizeAnswer
	s.want(200, s.call("POST", path, "admin-key", `{"method":"oauth","client_id":"c","client_secret":"s"}`), &a)
	if !strings.HasPrefix(a.AuthorizeURL, "https://acme.zendesk.com/") || a.Status != "awaiting_authorization" || s.steps.last.WebhookScope {
		t.Errorf("%+v %+v", a, s.steps.last)
	}
	s.want(200, s.call("POST", path, "admin-key", `{"method":"oauth","client_id":"c","client_secret":"s","webhook_scope":true}`), nil)
	if s.steps.last != (schemas.AuthorizeRequest{Method: "oauth", ClientID: "c", ClientSecret: "s", WebhookScope: true}) {
		t.Errorf("%+v", s.steps.last)
	}
	a = authorizeAnswer{}
	s.want(200, s.call("POST", path, "admin-key", `{"method":"api_token","email":"a@b.test","token":"t"}`), &a)
	if a.AuthorizeURL != "" || a.Status != "connected" || s.steps.last != (schemas.AuthorizeRequest{Method: "api_token", Email: "a@b.test", Token: "t"}) {
		t.Errorf("%+v %+v", a, s.steps.last)
	}
	s.wantProblem(s.call("POST", path, "admin-key", `{"method":"magic"}`), 422, "invalid-input", "body.method", "client_credentials")
	s.wantProblem(s.call("POST", "/v1/sources/none/authorize", "admin-key", `{"method":"api_token","email":"a","token":"b"}`), 404, "no-such-source")
	s.steps.err = schemas.Invalid("body.token", "must be an API token")
	s.wantProblem(s.call("POST", path, "admin-key", `{"method":"api_token","email":"a@b.test"}`), 422, "invalid-input", "body.token")
	s.steps.err = &schemas.Problem{Class: schemas.ErrInvalid, Code: "not-administrator", Detail: "an administrator is needed"}
	s.wantProblem(s.call("POST", path, "admin-key", `{"method":"api_token","email":"a","token":"b"}`), 422, "not-administrator", "administrator")
	s.steps.err = &schemas.Problem{Class: schemas.ErrUnavailable, Code: "zendesk-rate-limited", Detail: "wait", After: 61500 * time.Millisecond}
	r := s.call("POST", path, "admin-key", `{"method":"api_token","email":"a","token":"b"}`)
	if s.wantProblem(r, 503, "zendesk-rate-limited", "wait"); r.Header.Get("Retry-After") != "62" {
		t.Errorf("Retry-After %q", r.Header.Get("Retry-After"))
	}
	s.steps.err = errors.New("no route to host")
	s.wantProblem(s.call("POST", path, "admin-key", `{"method":"api_token","email":"a","token":"b"}`), 503, "unavailable")
}

func TestOAuthCallback(t *testing.T) {
	t.Parallel()
	s := offline(t, nil)
	path := "/v1/oauth/zendesk/callback"
	r := s.call("GET", path+"?state=a&code=b", "", nil)
	s.want(200, r, nil)
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") || !slices.Equal(s.steps.calls, []string{"callback a b " + testSource}) {
		t.Errorf("%s %v", r.Header.Get("Content-Type"), s.steps.calls)
	}
	link := regexp.MustCompile(`<a href="([^"]+)">`).FindSubmatch(r.body)
	if link == nil {
		t.Fatalf("no link: %s", r.body)
	}
	s.want(200, s.call("GET", string(link[1]), "", nil), nil)
	s.want(400, s.call("GET", path, "", nil), nil)
	r = s.call("GET", path+"?error=access_denied&error_description=%3Cscript%3E", "", nil)
	s.want(400, r, nil)
	s.want(400, s.call("GET", path+"?error=access_denied&state=a", "", nil), nil)
	if last := s.steps.calls[len(s.steps.calls)-1]; last != "callback a  "+testSource {
		t.Errorf("a denied state is used up: %q", last)
	}
	s.steps.err = &schemas.Problem{Class: schemas.ErrInvalid, Code: "wrong-state", Detail: `the state "<script>" is over`}
	r = s.call("GET", path+"?state=%3Cscript%3E&code=b", "", nil)
	s.want(400, r, nil)
	if strings.Contains(string(r.body), "<script>") {
		t.Errorf("%s", r.body)
	}
	s.steps.err = errors.New("no route to host")
	s.want(503, s.call("GET", path+"?state=a&code=b", "", nil), nil)
}

func TestR45_Steps(t *testing.T) {
	t.Parallel()
	s := offline(t, nil)
	base := "/v1/sources/" + testSource
	for _, c := range []struct {
		method, path, body string
		status             int
		call, now          string
	}{
		{"PUT", "/webhook", `{"signing_secret":"abc"}`, 200, "secret abc", "connected"},
		{"POST", "/webhook/register", "", 200, "register", "connected"},
		{"POST", "/disconnect", "", 200, "disconnect", "disconnected"},
		{"POST", "/archive", "", 200, "archive", "archived"},
		{"POST", "/restore", "", 200, "restore", "disconnected"},
		{"POST", "/reconnect", "", 200, "reconnect", "connected"},
		{"POST", "/resync", `{"mode":"backfill"}`, 202, "resync backfill", ""},
		{"POST", "/resync", `{}`, 202, "resync delta", ""},
		{"POST", "/resync", "", 202, "resync delta", `"mode":"delta"`},
		{"DELETE", "", "", 204, "delete", ""},
	} {
		var body any
		if c.body != "" {
			body = c.body
		}
		s.steps.calls = nil
		r := s.call(c.method, base+c.path, "admin-key", body)
		if r.StatusCode != c.status || !slices.Equal(s.steps.calls, []string{c.call + " " + testSource}) || !strings.Contains(string(r.body), c.now) {
			t.Errorf("%s %s: %d %v %s", c.method, c.path, r.StatusCode, s.steps.calls, r.body)
		}
		if r := s.call(c.method, "/v1/sources/none"+c.path, "admin-key", body); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s %s of none: %d", c.method, c.path, r.StatusCode)
		}
	}
	s.wantProblem(s.call("PUT", base+"/webhook", "admin-key", `{"signing_secret":""}`), 422, "invalid-input", "body.signing_secret")
	s.wantProblem(s.call("POST", base+"/resync", "admin-key", `{"mode":"all"}`), 422, "invalid-input", "body.mode", "backfill")
	s.wantProblem(s.call("POST", base+"/resync", "admin-key", `{"mod":"delta"}`), 422, "invalid-input", "body.mod", "accepted: mode")
	s.wantProblem(s.call("POST", base+"/resync", "admin-key", `{`), 400, "invalid-input", "body")
	s.steps.err = &schemas.Problem{Class: schemas.ErrConflict, Code: "source-not-archived", Detail: "the source is connected: disconnect it, then archive it first"}
	s.wantProblem(s.call("DELETE", base, "admin-key", nil), 409, "source-not-archived", "archive it first")
}

func TestR23_Sync(t *testing.T) {
	t.Parallel()
	s := offline(t, nil)
	first, through, began := testNow.AddDate(0, 0, -10), testNow.AddDate(0, 0, -4), testNow.Add(-30*time.Minute)
	ran, next := testNow.Add(-time.Hour), testNow.Add(time.Hour)
	s.store.cursors[testSource] = []schemas.Cursor{
		{Resource: "users", State: "failing", Done: true, Rows: 7, LastError: "429", First: &first, Through: &through, LastRunAt: &ran, NextRunAt: &next},
		{Resource: "tickets", State: "running", First: &first, Through: &through, BeganAt: &began},
		{Resource: "ticket_events", State: "running", First: &first, Through: &first, BeganAt: &began},
	}
	var a syncAnswer
	s.get("/v1/sources/"+testSource+"/sync", &a)
	byName := map[string]syncStream{}
	var names []string
	for _, v := range a.Streams {
		byName[v.Stream] = v
		names = append(names, v.Stream)
	}
	if !slices.Equal(names, append(slices.Clone(schemas.Resources), schemas.ResourceTicketCounts)) {
		t.Errorf("streams %v", names)
	}
	users, tickets, events, groups := byName["users"], byName["tickets"], byName["ticket_events"], byName["groups"]
	if users.Progress != nil || users.SecondsLeft != nil || *users.LastError != "429" || users.Rows != 7 || *users.LagSeconds != 4*86400 ||
		!users.LastRunAt.Equal(ran) || !users.NextRunAt.Equal(next) {
		t.Errorf("%+v", users)
	}
	if *tickets.Progress != 0.6 || *tickets.SecondsLeft != 20*60 || tickets.LastError != nil {
		t.Errorf("%+v", tickets)
	}
	if *events.Progress != 0 || events.SecondsLeft != nil || groups.State != "waiting" || groups.Through != nil || groups.LagSeconds != nil {
		t.Errorf("%+v %+v", events, groups)
	}
	if a.InitialSyncDone || *a.SecondsLeft != 20*60 || a.Completeness != nil {
		t.Errorf("%+v", a)
	}
	s.store.cursors[testSource] = nil
	for _, r := range schemas.Resources {
		s.store.cursors[testSource] = append(s.store.cursors[testSource], schemas.Cursor{Resource: r, State: "idle", Done: true})
	}
	a = syncAnswer{}
	s.get("/v1/sources/"+testSource+"/sync", &a)
	if !a.InitialSyncDone || a.SecondsLeft != nil {
		t.Errorf("%+v", a)
	}
	s.wantProblem(s.call("GET", "/v1/sources/none/sync", "admin-key", nil), 404, "no-such-source")
}

// TestSyncOfSourceThatStandsStill: nothing is planned for a source that is not read, and where its credentials are dead every stream says so.
func TestSyncOfSourceThatStandsStill(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change  func(s *schemas.Source)
		refused bool
	}{
		"disconnected":         {func(s *schemas.Source) { s.Status = schemas.SourceDisconnected }, false},
		"refused":              {func(s *schemas.Source) { s.Error = schemas.Reauthorize }, true},
		"refused, then halted": {func(s *schemas.Source) { s.Status, s.Error = schemas.SourceDisconnected, schemas.Reauthorize }, true},
	} {
		s := offline(t, nil)
		src := s.store.sources[testSource]
		c.change(&src)
		s.store.set(src)
		first, through, began := testNow.AddDate(0, 0, -10), testNow.AddDate(0, 0, -4), testNow.Add(-30*time.Minute)
		next := testNow.Add(-time.Minute)
		s.store.cursors[testSource] = []schemas.Cursor{
			{Resource: "users", State: "idle", Done: true, Through: &through, NextRunAt: &next},
			{Resource: "tickets", State: "running", First: &first, Through: &through, BeganAt: &began, NextRunAt: &next},
		}
		var a syncAnswer
		s.get("/v1/sources/"+testSource+"/sync", &a)
		for _, v := range a.Streams {
			told := v.State == "reauthorize" && v.LastError != nil && strings.Contains(*v.LastError, "authorize it again")
			if v.NextRunAt != nil || v.SecondsLeft != nil || told != c.refused {
				t.Errorf("%s: %+v", name, v)
			}
		}
		if a.SecondsLeft != nil || len(a.Streams) <= len(schemas.Resources) {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// TestR40_SourceView opens the details and every tab of a source.
func TestR40_SourceView(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	for tab, part := range map[string]string{
		"": `"name":"Acme"`, "/sync": `"streams":[`, "/overview": `"activities_per_day":[`, "/activity": `"occurred_at":`, "/audience": `"email":"jo@x.test"`,
	} {
		r := s.call("GET", "/v1/sources/"+testSource+tab, "admin-key", nil)
		if r.StatusCode != http.StatusOK || !strings.Contains(string(r.body), part) {
			t.Errorf("%q: %d %s", tab, r.StatusCode, r.body)
		}
		if r := s.call("GET", "/v1/sources/none"+tab, "admin-key", nil); r.StatusCode != http.StatusNotFound {
			t.Errorf("%q of none: %d", tab, r.StatusCode)
		}
	}
}

func TestR41_Overview(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	var a overviewAnswer
	s.get("/v1/sources/"+testSource+"/overview", &a)
	if a.Records != (recordCounts{3, 2}) || a.TotalActivities != 65 || a.LastDays != 49 || len(a.ActivitiesPerDay) != 14 ||
		a.ActivitiesPerDay[0] != (dayCount{"2026-03-07", 4}) || a.ActivitiesPerDay[13] != (dayCount{"2026-03-20", 37}) || a.ActivitiesPerDay[5].Count != 0 {
		t.Errorf("%+v", a)
	}
}

func TestR42_R43_FeedAndAudience(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	var p page[feedItem]
	s.get("/v1/sources/"+testSource+"/activity?limit=2", &p)
	if len(p.Items) != 2 || p.Items[0].Activity != "ticket-note-added" || p.Items[0].Person.ID != "p_2001" || p.Items[0].Person.Name != "Jo <b>Day</b>" || p.NextCursor == nil ||
		p.Items[1].Attributes["score"] != "bad" {
		t.Fatalf("%+v", p)
	}
	s.get("/v1/sources/"+testSource+"/activity?limit=2&cursor="+*p.NextCursor, &p)
	if len(p.Items) != 1 || p.Items[0].Activity != "contact-created" || p.NextCursor != nil {
		t.Errorf("%+v", p) // older ones lie outside the 7 days
	}
	var people page[map[string]any]
	s.get("/v1/sources/"+testSource+"/audience?sort=email&columns=email,zendesk.tags", &people)
	if len(people.Items) != 3 || people.Items[2]["email"] != "jo@x.test" || len(people.Items[2]) != 3 || people.Items[2]["id"] != "p_2001" {
		t.Errorf("%+v", people)
	}
}
