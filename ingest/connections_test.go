package ingest

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
	"deskstream/schemas"
)

func newConnections(t *testing.T, d *desk, status schemas.SourceStatus) (*Connections, *memory) {
	t.Helper()
	store := newMemory()
	clients := newClients(t, store, d.URL())
	store.putSource(t, func(s *schemas.Source) {
		s.Status = status
		if status != schemas.SourceDraft && status != schemas.SourceAwaiting {
			s.Auth = schemas.Auth{Method: MethodAPIToken, Email: testEmail, Token: clients.Sealer.Seal(testSource, fieldToken, testToken)}
		}
	})
	return &Connections{
		Store: store, Sealer: clients.Sealer, Clients: clients, Now: time.Now, Log: testLog(t), PublicURL: "https://desk.test/",
	}, store
}

func problemCode(err error) string {
	p := new(schemas.Problem)
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}

func TestAuthorizeInput(t *testing.T) {
	t.Parallel()
	d := newDesk(t, zendesktest.Options{})
	c, store := newConnections(t, d, schemas.SourceDraft)
	for _, bad := range []struct {
		want string
		req  schemas.AuthorizeRequest
	}{
		{"body.method", schemas.AuthorizeRequest{Method: "password"}},
		{"body.email", schemas.AuthorizeRequest{Method: MethodAPIToken, Email: "nobody", Token: "x"}},
		{"body.email", schemas.AuthorizeRequest{Method: MethodAPIToken, Email: "Jo <jo@b.test>", Token: "x"}},
		{"body.token", schemas.AuthorizeRequest{Method: MethodAPIToken, Email: "a@b.test"}},
		{"body.token", schemas.AuthorizeRequest{Method: MethodAPIToken, Email: "a@b.test", Token: " "}},
		{"body.client_id", schemas.AuthorizeRequest{Method: MethodOAuth, ClientSecret: "x"}},
		{"body.client_secret", schemas.AuthorizeRequest{Method: MethodOAuth, ClientID: "x"}},
		{"body.client_secret", schemas.AuthorizeRequest{Method: MethodClientCredentials, ClientID: "x"}},
	} {
		_, err := c.Authorize(t.Context(), testSource, bad.req)
		p := new(schemas.Problem)
		if !errors.As(err, &p) || len(p.Fields) != 1 || p.Fields[0].Location != bad.want {
			t.Errorf("%+v: %v", bad.req, err)
		}
	}
	unknown := schemas.AuthorizeRequest{Method: MethodOAuth, ClientID: "x", ClientSecret: "x"}
	if _, err := c.Authorize(t.Context(), "nobody", unknown); !errors.Is(err, schemas.ErrNotFound) {
		t.Errorf("unknown source: %v", err)
	}
	if n := len(d.Requests()); n != 0 {
		t.Errorf("%d requests for input that cannot work", n)
	}
	if s, _ := store.Source(t.Context(), testSource); s.Status != schemas.SourceDraft {
		t.Errorf("status %s", s.Status)
	}
}

func TestAuthorizeToken(t *testing.T) {
	t.Parallel()
	d := newDesk(t, zendesktest.Options{})
	c, store := newConnections(t, d, schemas.SourceDraft)
	bad := schemas.AuthorizeRequest{Method: MethodAPIToken, Email: testEmail, Token: "wrong"}
	if _, err := c.Authorize(t.Context(), testSource, bad); problemCode(err) != CodeWrongCredentials {
		t.Fatalf("%v", err)
	}
	if s, _ := store.Source(t.Context(), testSource); s.Status != schemas.SourceDraft || s.Auth.Method != "" {
		t.Fatalf("refused credentials left %+v", s)
	}
	to, err := c.Authorize(t.Context(), testSource, schemas.AuthorizeRequest{Method: MethodAPIToken, Email: testEmail, Token: testToken})
	if err != nil || to != "" {
		t.Fatalf("%q %v", to, err)
	}
	s, _ := store.Source(t.Context(), testSource)
	if s.Status != schemas.SourceConnected || strings.Contains(string(store.sources[testSource]), testToken) {
		t.Errorf("status %s, or the token is stored readable", s.Status)
	}
}

func TestOAuth(t *testing.T) {
	t.Parallel()
	d := oauthDesk(t)
	c, store := newConnections(t, d, schemas.SourceDraft)
	req := schemas.AuthorizeRequest{Method: MethodOAuth, ClientID: "deskstream", ClientSecret: "s3cret"}
	to, err := c.Authorize(t.Context(), testSource, req)
	if err != nil {
		t.Fatal(err)
	}
	q, _ := url.Parse(to)
	if v := q.Query(); v.Get("code_challenge_method") != "S256" || v.Get("scope") != "read" || len(v.Get("state")) < 43 ||
		v.Get("redirect_uri") != "https://desk.test/v1/oauth/zendesk/callback" {
		t.Errorf("authorize address: %s", to)
	}
	if s, _ := store.Source(t.Context(), testSource); s.Status != schemas.SourceAwaiting {
		t.Errorf("status %s", s.Status)
	}
	if strings.Contains(string(store.sources[testSource]), "s3cret") {
		t.Error("client secret stored readable")
	}
	back := consent(t, to)
	for name, state := range map[string]string{
		"none": "", "foreign": "other." + back.Get("state")[len(testSource)+1:], "forged": testSource + "." + strings.Repeat("A", 43),
	} {
		if _, err := c.Callback(t.Context(), state, back.Get("code")); problemCode(err) != "unknown-state" {
			t.Errorf("%s state: %v", name, err)
		}
	}
	if s, err := c.Callback(t.Context(), back.Get("state"), back.Get("code")); err != nil || s.Status != schemas.SourceConnected {
		t.Fatalf("%v %v", s.Status, err)
	}
	if _, err := c.Callback(t.Context(), back.Get("state"), back.Get("code")); problemCode(err) != "unknown-state" {
		t.Errorf("state used twice: %v", err)
	}
}

func TestOAuthFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		secret string
		after  time.Duration
		code   func(string) string
		want   string
	}{
		"too late":     {secret: "s3cret", after: stateLife, want: "unknown-state"},
		"denied":       {secret: "s3cret", code: func(string) string { return "" }, want: "authorization-denied"},
		"wrong secret": {secret: "other", want: CodeWrongCredentials},
		"wrong code":   {secret: "s3cret", code: func(string) string { return "abc" }, want: CodeWrongCredentials},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := oauthDesk(t)
			conn, store := newConnections(t, d, schemas.SourceDraft)
			to, err := conn.Authorize(t.Context(), testSource, schemas.AuthorizeRequest{Method: MethodOAuth, ClientID: "deskstream", ClientSecret: c.secret})
			if err != nil {
				t.Fatal(err)
			}
			back := consent(t, to)
			code := back.Get("code")
			if c.code != nil {
				code = c.code(code)
			}
			conn.Now = func() time.Time { return time.Now().Add(c.after) }
			if _, err := conn.Callback(t.Context(), back.Get("state"), code); problemCode(err) != c.want {
				t.Fatalf("%v, want %s", err, c.want)
			}
			if s, _ := store.Source(t.Context(), testSource); s.Status != schemas.SourceAwaiting || s.Auth.AccessToken != "" {
				t.Fatalf("left behind: %+v", s)
			}
		})
	}
}

// TestOAuthOddAnswer: a code that Zendesk neither took nor refused is no wrong credential, and the authorization may be started again.
func TestOAuthOddAnswer(t *testing.T) {
	t.Parallel()
	for _, status := range []int{302, 403, 404, 409} {
		d := oauthDesk(t)
		c, store := newConnections(t, d, schemas.SourceDraft)
		d.Inject(zendesktest.Fault{Path: tokenPath, Status: status, Body: "<html>"})
		for _, want := range []string{"unavailable", ""} {
			to, err := c.Authorize(t.Context(), testSource, schemas.AuthorizeRequest{Method: MethodOAuth, ClientID: "deskstream", ClientSecret: "s3cret"})
			if err != nil {
				t.Fatal(err)
			}
			back := consent(t, to)
			_, err = c.Callback(t.Context(), back.Get("state"), back.Get("code"))
			if problemCode(err) != want || err != nil && (!errors.Is(err, schemas.ErrUnavailable) || !strings.Contains(err.Error(), "start again")) {
				t.Fatalf("%d: %v, want %q", status, err, want)
			}
		}
		if s, _ := store.Source(t.Context(), testSource); s.Status != schemas.SourceConnected {
			t.Errorf("%d: status %s", status, s.Status)
		}
	}
}

// TestClientCredentialsOfNoAccount: a name without an account is told as such with an OAuth client too, as it is with an API token.
func TestClientCredentialsOfNoAccount(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{404: CodeUnknownAccount, 302: CodeUnknownAccount, 401: CodeWrongCredentials, 403: "unavailable"} {
		d := oauthDesk(t)
		c, _ := newConnections(t, d, schemas.SourceDraft)
		d.Inject(zendesktest.Fault{Path: tokenPath, Status: status, Body: "<html>"})
		_, err := c.Authorize(t.Context(), testSource, schemas.AuthorizeRequest{Method: MethodClientCredentials, ClientID: "deskstream", ClientSecret: "s3cret"})
		if problemCode(err) != want {
			t.Errorf("%d: %v, want %s", status, err, want)
		}
	}
}

// TestOAuthVerifier swaps the verifiers of two authorizations: Zendesk must refuse the code.
func TestOAuthVerifier(t *testing.T) {
	t.Parallel()
	d := oauthDesk(t)
	c, _ := newConnections(t, d, schemas.SourceDraft)
	req := schemas.AuthorizeRequest{Method: MethodOAuth, ClientID: "deskstream", ClientSecret: "s3cret"}
	first, err := c.Authorize(t.Context(), testSource, req)
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.Authorize(t.Context(), testSource, req)
	if err != nil {
		t.Fatal(err)
	}
	one, two := consent(t, first), consent(t, second)
	if _, err := c.Callback(t.Context(), one.Get("state"), one.Get("code")); problemCode(err) != "unknown-state" {
		t.Errorf("superseded authorization: %v", err)
	}
	if _, err := c.Callback(t.Context(), two.Get("state"), one.Get("code")); problemCode(err) != CodeWrongCredentials {
		t.Errorf("code of another verifier: %v", err)
	}
}

func TestR54_Lifecycle(t *testing.T) {
	t.Parallel()
	const (
		draft, awaiting, connected      = schemas.SourceDraft, schemas.SourceAwaiting, schemas.SourceConnected
		disconnected, archived, deleted = schemas.SourceDisconnected, schemas.SourceArchived, schemas.SourceStatus("deleted")
	)
	type edge struct{ from, to schemas.SourceStatus }
	steps := map[string]func(c *Connections, r *http.Request) error{
		"disconnect": func(c *Connections, r *http.Request) error {
			_, err := c.Disconnect(r.Context(), testSource)
			return err
		},
		"reconnect": func(c *Connections, r *http.Request) error {
			_, err := c.Reconnect(r.Context(), testSource)
			return err
		},
		"archive": func(c *Connections, r *http.Request) error { _, err := c.Archive(r.Context(), testSource); return err },
		"restore": func(c *Connections, r *http.Request) error { _, err := c.Restore(r.Context(), testSource); return err },
		"delete":  func(c *Connections, r *http.Request) error { return c.Delete(r.Context(), testSource) },
	}
	allowed := map[string][]edge{
		"disconnect": {{connected, disconnected}},
		"reconnect":  {{disconnected, connected}},
		"archive":    {{disconnected, archived}, {draft, archived}, {awaiting, archived}},
		"restore":    {{archived, disconnected}},
		"delete":     {{archived, deleted}, {draft, deleted}, {awaiting, deleted}},
	}
	missing := map[string]string{"archive/connected": "disconnect", "delete/connected": "disconnect", "delete/disconnected": "archive"}
	for name, do := range steps {
		for _, from := range []schemas.SourceStatus{draft, awaiting, connected, disconnected, archived} {
			t.Run(name+"/"+string(from), func(t *testing.T) {
				t.Parallel()
				c, store := newConnections(t, newDesk(t, zendesktest.Options{}), from)
				r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
				err := do(c, r)
				want := from
				ok := false
				for _, e := range allowed[name] {
					if e.from == from {
						want, ok = e.to, true
					}
				}
				switch {
				case ok && err != nil:
					t.Fatal(err)
				case !ok && !errors.Is(err, schemas.ErrConflict):
					t.Fatalf("%v, want a conflict", err)
				case !ok && !strings.Contains(err.Error(), missing[name+"/"+string(from)]):
					t.Fatalf("%v does not name the missing step", err)
				}
				s, err := store.Source(t.Context(), testSource)
				if want == deleted {
					if !errors.Is(err, schemas.ErrNotFound) {
						t.Fatalf("%v", err)
					}
				} else if s.Status != want {
					t.Fatalf("status %s, want %s", s.Status, want)
				}
			})
		}
	}
}

// TestR53_PausesAreNoted: a pause lasts from the disconnect to the reconnect, through archive and restore too.
func TestR53_PausesAreNoted(t *testing.T) {
	t.Parallel()
	c, store := newConnections(t, newDesk(t, zendesktest.Options{}), schemas.SourceConnected)
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	c.Now = func() time.Time { return now }
	for n, step := range []func(context.Context, string) (schemas.Source, error){c.Disconnect, c.Archive, c.Restore, c.Reconnect, c.Disconnect} {
		now = now.Add(time.Hour)
		if _, err := step(t.Context(), testSource); err != nil {
			t.Fatalf("step %d: %v", n, err)
		}
	}
	s, err := store.Source(t.Context(), testSource)
	if err != nil {
		t.Fatal(err)
	}
	for clock, want := range map[string]bool{"09:59": false, "10:00": true, "12:30": true, "12:59": true, "13:00": false, "13:59": false, "14:00": true, "23:00": true} {
		at, _ := time.Parse("2006-01-02 15:04", "2026-03-02 "+clock)
		if s.Paused(at) != want {
			t.Errorf("%s: paused %t, want %t; %v", clock, !want, want, s.Pauses)
		}
	}
}

// TestPausesHaveWholeSeconds: what came in the second of a disconnect, before it, is no part of the pause, and neither is what comes in the second of
// the reconnect, behind it.
func TestPausesHaveWholeSeconds(t *testing.T) {
	t.Parallel()
	c, store := newConnections(t, newDesk(t, zendesktest.Options{}), schemas.SourceConnected)
	start, passed := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), time.Duration(0)
	c.Now = func() time.Time { return start.Add(passed) }
	for _, step := range []struct {
		after time.Duration
		do    func(context.Context, string) (schemas.Source, error)
	}{{950 * time.Millisecond, c.Disconnect}, {960 * time.Millisecond, c.Reconnect}, {5500 * time.Millisecond, c.Disconnect}, {9500 * time.Millisecond, c.Reconnect}} {
		passed = step.after
		if _, err := step.do(t.Context(), testSource); err != nil {
			t.Fatal(err)
		}
	}
	s, err := store.Source(t.Context(), testSource)
	if err != nil {
		t.Fatal(err)
	}
	for second := range 12 {
		if got, want := s.Paused(start.Add(time.Duration(second)*time.Second)), second > 5 && second < 9; got != want {
			t.Errorf("second %d: paused %t, want %t; %v", second, got, want, s.Pauses)
		}
	}
}

func TestReconnectChecksCredentials(t *testing.T) {
	t.Parallel()
	d := newDesk(t, zendesktest.Options{})
	c, store := newConnections(t, d, schemas.SourceDisconnected)
	fault("/api/v2/users/me", 401, "")(d)
	if _, err := c.Reconnect(t.Context(), testSource); problemCode(err) != CodeWrongCredentials {
		t.Fatalf("%v", err)
	}
	if s, _ := store.Source(t.Context(), testSource); s.Status != schemas.SourceDisconnected {
		t.Fatalf("status %s", s.Status)
	}
	d.ClearFaults()
	if _, err := c.Authorize(t.Context(), testSource, schemas.AuthorizeRequest{Method: MethodAPIToken, Email: testEmail, Token: testToken}); err != nil {
		t.Fatal(err)
	}
	if s, _ := store.Source(t.Context(), testSource); s.Status != schemas.SourceConnected || s.Error != "" {
		t.Fatalf("status %s, error %q", s.Status, s.Error)
	}
}

// TestLimitedRateIsTold: while Zendesk limits the rate a person is told so at once, and nobody is kept waiting when it does not any more.
func TestLimitedRateIsTold(t *testing.T) {
	t.Parallel()
	token := schemas.AuthorizeRequest{Method: MethodAPIToken, Email: testEmail, Token: testToken}
	client := schemas.AuthorizeRequest{Method: MethodClientCredentials, ClientID: "deskstream", ClientSecret: "s3cret"}
	authorize := func(req schemas.AuthorizeRequest) func(ctx context.Context, c *Connections) error {
		return func(ctx context.Context, c *Connections) error {
			_, err := c.Authorize(ctx, testSource, req)
			return err
		}
	}
	for name, c := range map[string]struct {
		path   string
		status schemas.SourceStatus
		ask    func(ctx context.Context, c *Connections) error
	}{
		"authorize":           {"/api/v2/users/me", schemas.SourceDraft, authorize(token)},
		"Support":             {"/api/v2/incremental", schemas.SourceDraft, authorize(token)},
		"token of a client":   {tokenPath, schemas.SourceDraft, authorize(client)},
		"account of a client": {"/api/v2/users/me", schemas.SourceDraft, authorize(client)},
		"reconnect": {"/api/v2/users/me", schemas.SourceDisconnected, func(ctx context.Context, c *Connections) error {
			_, err := c.Reconnect(ctx, testSource)
			return err
		}},
		"webhook": {"/api/v2/webhooks", schemas.SourceConnected, func(ctx context.Context, c *Connections) error {
			return c.RegisterWebhook(ctx, testSource)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := oauthDesk(t)
			conn, _ := newConnections(t, d, c.status)
			d.Inject(zendesktest.Fault{Path: c.path, Status: 429, RetryAfter: 3600})
			began := time.Now()
			for range 2 {
				err := c.ask(t.Context(), conn)
				p := new(schemas.Problem)
				if !errors.As(err, &p) || p.Code != CodeRateLimited || !errors.Is(err, schemas.ErrUnavailable) {
					t.Fatal(err)
				}
				if p.After < maxPause-10*time.Second || p.After > maxPause {
					t.Errorf("try again after %s", p.After)
				}
				if c.path == tokenPath {
					break // What one person is told about tokens binds no other.
				}
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("answered after %s", took)
			}
		})
	}
}

func TestResync(t *testing.T) {
	t.Parallel()
	d := newDesk(t, zendesktest.Options{})
	c, store := newConnections(t, d, schemas.SourceConnected)
	later := time.Now().Add(time.Hour)
	through := time.Now().Add(-time.Hour)
	for _, name := range []string{schemas.ResourceTickets, schemas.ResourceUsers} {
		_, err := store.PutCursor(t.Context(), testSource, schemas.Cursor{Resource: name, Cursor: "abc", Done: true, NextRunAt: &later, Through: &through})
		if err != nil {
			t.Fatal(err)
		}
	}
	before, _ := store.Source(t.Context(), testSource)
	if err := c.Resync(t.Context(), testSource, ResyncDelta); err != nil {
		t.Fatal(err)
	}
	after, _ := store.Source(t.Context(), testSource)
	cur := store.cursor(testSource, schemas.ResourceTickets)
	if cur.Cursor != "abc" || !cur.Done || cur.NextRunAt.After(time.Now()) || after.Revision == before.Revision {
		t.Errorf("delta: %+v", cur)
	}
	if err := c.Resync(t.Context(), testSource, ResyncBackfill); err != nil {
		t.Fatal(err)
	}
	cur = store.cursor(testSource, schemas.ResourceTickets)
	if age := time.Since(*cur.Start); cur.Cursor != "" || cur.Done || cur.Through != nil || age < 89*24*time.Hour || age > 91*24*time.Hour {
		t.Errorf("backfill: %+v", cur)
	}
	if cur = store.cursor(testSource, schemas.ResourceUsers); cur.Start.Unix() != 0 {
		t.Errorf("backfill of users: %+v", cur)
	}
	if err := c.Resync(t.Context(), testSource, "all"); !errors.Is(err, schemas.ErrInvalid) {
		t.Errorf("%v", err)
	}
	for status, cause := range map[schemas.SourceStatus]string{schemas.SourceDisconnected: "", schemas.SourceConnected: schemas.Reauthorize} {
		store.putSource(t, func(s *schemas.Source) { s.Status, s.Error = status, cause })
		for _, mode := range []string{ResyncDelta, ResyncBackfill} {
			if err := c.Resync(t.Context(), testSource, mode); !errors.Is(err, schemas.ErrConflict) || !strings.Contains(err.Error(), "authorize") {
				t.Errorf("%s %s %s: %v", status, cause, mode, err)
			}
		}
	}
}

func TestR19_RegisterWebhook(t *testing.T) {
	t.Parallel()
	d := newDesk(t, zendesktest.Options{})
	c, store := newConnections(t, d, schemas.SourceConnected)
	for range 2 {
		if err := c.RegisterWebhook(t.Context(), testSource); err != nil {
			t.Fatal(err)
		}
	}
	hooks := d.Account.Subscriptions()
	if len(hooks) != 1 || hooks[0].Endpoint != "https://desk.test/webhooks/zendesk/"+testSource || len(hooks[0].Events) != len(WebhookEvents) {
		t.Fatalf("%+v", hooks)
	}
	s, _ := store.Source(t.Context(), testSource)
	if secret, err := c.Sealer.Open(testSource, fieldWebhookSecret, s.Webhook.Secret); err != nil || secret != hooks[0].Secret {
		t.Errorf("%q %v", secret, err)
	}
	c.PublicURL = "ftp://x"
	if err := c.RegisterWebhook(t.Context(), testSource); !errors.Is(err, schemas.ErrInvalid) {
		t.Errorf("%v", err)
	}
}

func TestRegisterWebhookWithoutRight(t *testing.T) {
	t.Parallel()
	d := oauthDesk(t)
	store := newMemory()
	clients := newClients(t, store, d.URL())
	oauthSource(t, d, store, clients)
	c := &Connections{Store: store, Sealer: clients.Sealer, Clients: clients, Now: time.Now, Log: testLog(t), PublicURL: "https://desk.test"}
	if err := c.RegisterWebhook(t.Context(), testSource); problemCode(err) != "webhook-scope-missing" {
		t.Errorf("%v", err)
	}
	if len(d.Account.Subscriptions()) != 0 {
		t.Error("created all the same")
	}
}

// TestR19_OAuthWebhookScope: OAuth asks for the right to create webhooks only when that is wished, and a renewed token has it too.
func TestR19_OAuthWebhookScope(t *testing.T) {
	t.Parallel()
	d := oauthDesk(t)
	c, _ := newConnections(t, d, schemas.SourceDraft)
	for _, wished := range []bool{false, true} {
		to, err := c.Authorize(t.Context(), testSource, schemas.AuthorizeRequest{Method: MethodOAuth, ClientID: "deskstream", ClientSecret: "s3cret", WebhookScope: wished})
		if err != nil {
			t.Fatal(err)
		}
		back := consent(t, to)
		if _, err := c.Callback(t.Context(), back.Get("state"), back.Get("code")); err != nil {
			t.Fatal(err)
		}
		d.ExpireTokens()
		if err := c.RegisterWebhook(t.Context(), testSource); (err == nil) != wished {
			t.Errorf("wished %t: %v", wished, err)
		}
	}
	if len(d.Account.Subscriptions()) != 1 {
		t.Error("not created")
	}
}

func TestRegisterWebhookWithClientCredentials(t *testing.T) {
	t.Parallel()
	d := oauthDesk(t)
	store := newMemory()
	clients := newClients(t, store, d.URL())
	store.putSource(t, func(s *schemas.Source) { s.Status = schemas.SourceDraft })
	c := &Connections{Store: store, Sealer: clients.Sealer, Clients: clients, Now: time.Now, Log: testLog(t), PublicURL: "https://desk.test"}
	if _, err := c.Authorize(t.Context(), testSource, schemas.AuthorizeRequest{Method: MethodClientCredentials, ClientID: "deskstream", ClientSecret: "s3cret"}); err != nil {
		t.Fatal(err)
	}
	if err := c.RegisterWebhook(t.Context(), testSource); err != nil {
		t.Fatal(err)
	}
	if len(d.Account.Subscriptions()) != 1 {
		t.Error("not created")
	}
}
