package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
	"deskstream/schemas"
)

const (
	testEmail = "admin@acme.test"
	testToken = "api-token-of-the-admin"
)

// desk is a simulated account with an admin, listening on loopback.
type desk struct {
	*zendesktest.Server
	admin zendesktest.User
}

func newDesk(t testing.TB, o zendesktest.Options) *desk {
	t.Helper()
	a := zendesktest.NewAccount("acme")
	admin, err := a.CreateUser(time.Now().Add(-200*24*time.Hour), zendesktest.NewUser{Name: "Ada Admin", Email: testEmail, Role: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	d := serveAccount(t, a, o)
	d.admin = admin
	return d
}

// serveAccount listens on loopback, without limits on requests unless o names some, and holds the client to reading.
func serveAccount(t testing.TB, a *zendesktest.Account, o zendesktest.Options) *desk {
	t.Helper()
	if o.APITokens == nil {
		o.APITokens = map[string]string{testToken: ""}
	}
	if o.IncrementalPerMinute == 0 {
		o.IncrementalPerMinute = -1
	}
	if o.PerMinute == 0 {
		o.PerMinute = -1
	}
	s := zendesktest.NewServer(a, o)
	if err := s.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.Close(ctx)
		if v := s.Violations(); len(v) > 0 {
			t.Errorf("a read-only client sent %v", v)
		}
	})
	return &desk{Server: s}
}

func newClients(t testing.TB, store *memory, base string) *Clients {
	t.Helper()
	return &Clients{
		Store: store, Sealer: testSealer(t), Metrics: NewMetrics(nil), Now: time.Now, Log: testLog(t), BaseURL: base,
		IncrementalPerMinute: 100_000, RestPerMinute: 100_000, Backoff: time.Millisecond, Timeout: 5 * time.Second,
	}
}

func adminClient(t testing.TB, base string) *Client {
	t.Helper()
	c, err := newClients(t, newMemory(), base).with("acme", apiToken{email: testEmail, token: testToken})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestClientRetries(t *testing.T) {
	t.Parallel()
	d := newDesk(t, zendesktest.Options{})
	c := adminClient(t, d.URL())
	for _, f := range []zendesktest.Fault{
		{Status: 500, Times: 2}, {Status: 502}, {Cut: true}, {Status: 429, RetryAfter: 1}, {Status: 429}, {Status: 503, RetryAfter: 1},
	} {
		f.Path = "/api/v2/groups"
		d.Inject(f)
	}
	began := time.Now()
	if _, err := c.Get(t.Context(), "/api/v2/groups.json", nil); err != nil {
		t.Fatal(err)
	}
	if n := len(d.Requests()); n != 8 {
		t.Errorf("%d requests, want 8", n)
	}
	if took := time.Since(began); took < 2*time.Second {
		t.Errorf("Retry-After of twice a second ignored: %s", took)
	}
}

func TestClientGivesUp(t *testing.T) {
	t.Parallel()
	for status, class := range map[int]error{
		400: schemas.ErrInvalid, 401: schemas.ErrUnauthenticated, 403: schemas.ErrDenied, 404: schemas.ErrNotFound, 422: schemas.ErrInvalid,
		500: schemas.ErrUnavailable,
	} {
		d := newDesk(t, zendesktest.Options{})
		d.Inject(zendesktest.Fault{Status: status, Times: -1})
		_, err := adminClient(t, d.URL()).Get(t.Context(), "/api/v2/groups.json", nil)
		if !errors.Is(err, class) {
			t.Errorf("%d: %v, want %v", status, err, class)
		}
		want := 1
		if status == 500 {
			want = maxTries
		}
		if n := len(d.Requests()); n != want {
			t.Errorf("%d: %d requests, want %d", status, n, want)
		}
	}
}

func TestClientTimeout(t *testing.T) {
	t.Parallel()
	d := newDesk(t, zendesktest.Options{})
	d.Inject(zendesktest.Fault{Delay: 2 * time.Second, Times: -1})
	c := adminClient(t, d.URL())
	c.timeout = 50 * time.Millisecond
	_, err := c.Get(t.Context(), "/api/v2/groups.json", nil)
	if !errors.Is(err, errSlow) || !errors.Is(err, schemas.ErrUnavailable) {
		t.Fatalf("%v", err)
	}
	if n := len(d.Requests()); n > 1 {
		t.Fatalf("a timeout was tried %d times", n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Get(ctx, "/api/v2/groups.json", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%v", err)
	}
}

func TestClientLimitsAnswer(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2000)) }))
	defer srv.Close()
	c := adminClient(t, srv.URL)
	c.maxBody = 1999
	if _, err := c.Get(t.Context(), "/api/v2/groups.json", nil); !errors.Is(err, schemas.ErrTooLarge) {
		t.Fatalf("%v", err)
	}
	c.maxBody = 2000
	if _, err := c.Get(t.Context(), "/api/v2/groups.json", nil); err != nil {
		t.Fatal(err)
	}
}

func TestClientRefusesRedirects(t *testing.T) {
	t.Parallel()
	var followed atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Store(true) }))
	defer other.Close()
	srv := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
	defer srv.Close()
	if _, err := adminClient(t, srv.URL).Get(t.Context(), "/api/v2/groups.json", nil); err == nil {
		t.Error("redirect taken for an answer")
	}
	if followed.Load() {
		t.Error("redirect followed")
	}
}

func TestPublicOnly(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"104.16.51.111:443": true, "[2606:4700::1]:443": true,
		"127.0.0.1:443": false, "10.1.2.3:443": false, "172.16.0.1:443": false, "192.168.1.1:443": false, "169.254.169.254:80": false,
		"100.64.0.1:443": false, "0.0.0.0:443": false, "0.1.2.3:443": false, "224.0.0.1:443": false, "255.255.255.255:443": false,
		"[::1]:443": false, "[fe80::1]:443": false, "[fd00::1]:443": false, "[::ffff:127.0.0.1]:443": false, "[64:ff9b::7f00:1]:443": false,
		"[::]:443": false, "198.18.0.1:443": false, "nonsense": false,
	} {
		if err := publicOnly(address); (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestDialerRefusesPrivateAddresses(t *testing.T) {
	t.Parallel()
	var reached atomic.Bool
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	defer srv.Close()
	c := adminClient(t, srv.URL)
	c.http = newHTTP(false)
	if _, err := c.Get(t.Context(), "/api/v2/users/me.json", nil); !errors.Is(err, schemas.ErrDenied) {
		t.Errorf("%v", err)
	}
	if reached.Load() {
		t.Error("a private address was reached")
	}
}

func TestAccountNames(t *testing.T) {
	t.Parallel()
	clients := newClients(t, newMemory(), "")
	for _, name := range []string{
		"evil.com/", "a@b", "a.b", "-a", "a-", "A", "", " ", "a b", "a/b", "a?b", "a#b", "a:80", "xn--a.b", "münchen", "a%2eb", "..",
		strings.Repeat("a", 64), "acme.zendesk.com", "https://acme", "a\nb", "127.0.0.1", "[::1]",
	} {
		if c, err := clients.with(name, bearer("x")); err == nil {
			t.Errorf("%q accepted: %s", name, c.base)
		} else if !errors.Is(err, schemas.ErrInvalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"acme", "a", "a-1", "0", "xn--mnchen-3ya", strings.Repeat("a", 63)} {
		c, err := clients.with(name, bearer("x"))
		if err != nil || c.base.Host != name+".zendesk.com" || c.base.Scheme != "https" {
			t.Errorf("%q: %v %v", name, c, err)
		}
	}
}

func TestSameHost(t *testing.T) {
	t.Parallel()
	base := &url.URL{Scheme: "https", Host: "acme.zendesk.com"}
	for next, ok := range map[string]bool{
		"https://acme.zendesk.com/api/v2/groups.json?page[after]=a": true,
		"http://acme.zendesk.com/api/v2/groups.json?page=2":         false,
		"https://evil.com/api/v2/groups.json?page=2":                false,
		"https://acme.zendesk.com.evil.com/x?page=2":                false,
		"https://acme.zendesk.com:444/x?page=2":                     false,
		"https://user@acme.zendesk.com/x?page=2":                    false,
		"//169.254.169.254/latest?page=2":                           false,
		"/api/v2/groups.json?page=2":                                false,
		"https://127.0.0.1/x?page=2":                                false,
		":":                                                         false,
	} {
		if _, err := sameHost(base, next); (err == nil) != ok {
			t.Errorf("%s: %v", next, err)
		}
	}
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header http.Header
		want   quota
	}{
		"2023":     {http.Header{"Rate-Limit": {"700"}, "Rate-Limit-Remaining": {"693"}, "Rate-Limit-Reset": {"58"}}, quota{"account", 700, 693, 58}},
		"2024":     {http.Header{"Ratelimit-Limit": {"700"}, "Ratelimit-Remaining": {"0"}, "Ratelimit-Reset": {"8"}}, quota{"account", 700, 0, 8}},
		"old":      {http.Header{"X-Rate-Limit": {"700"}, "X-Rate-Limit-Remaining": {"1"}}, quota{"account", 700, 1, -1}},
		"endpoint": {http.Header{"Zendesk-Ratelimit-Tickets-Index": {"total=100; remaining=97; resets=42"}}, quota{"tickets-index", 100, 97, 42}},
		"nonsense": {http.Header{"Ratelimit-Limit": {"x"}, "Ratelimit-Remaining": {"-3"}, "Ratelimit-Reset": {"99999999999999"}}, quota{"account", -1, -1, -1}},
	} {
		got := quotas(c.header)
		if len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if got := quotas(http.Header{}); len(got) != 0 {
		t.Errorf("no headers: %v", got)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		"0": 0, "17": 17 * time.Second, "99999": maxPause, testNow.Add(time.Minute).Format(http.TimeFormat): time.Minute,
		testNow.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		if got, ok := retryAfter(http.Header{"Retry-After": {value}}, testNow); !ok || got != want {
			t.Errorf("%q: %s %v, want %s", value, got, ok, want)
		}
	}
	for _, value := range []string{"", "-1", "soon"} {
		if got, ok := retryAfter(http.Header{"Retry-After": {value}}, testNow); ok {
			t.Errorf("%q: %s", value, got)
		}
	}
}

// TestBudget counts what reaches an account that never refuses: the exports have their own bucket, and a spent limit is waited out.
func TestBudget(t *testing.T) {
	t.Parallel()
	var hits atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hits.Add(1) == 1 && strings.Contains(r.URL.Path, "groups") {
			w.Header().Set("Ratelimit-Limit", "60")
			w.Header().Set("Ratelimit-Remaining", "0")
			w.Header().Set("Ratelimit-Reset", "1")
		}
		_, _ = w.Write([]byte("{}"))
	}))
	defer srv.Close()
	clients := newClients(t, newMemory(), srv.URL)
	clients.IncrementalPerMinute = 10
	c, err := clients.with("acme", bearer("x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get(t.Context(), "/api/v2/groups.json", nil); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := c.Get(t.Context(), "/api/v2/groups.json", nil); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 900*time.Millisecond {
		t.Errorf("a spent limit was waited for only %s", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	exports := 0
	for ctx.Err() == nil {
		if _, err := c.Get(ctx, "/api/v2/incremental/tickets/cursor.json", nil); err == nil {
			exports++
		}
	}
	if exports != 10 {
		t.Errorf("%d exports in a moment, want the burst of 10", exports)
	}
	other, err := clients.with("acme", bearer("y"))
	if err != nil || other.budget != c.budget {
		t.Errorf("two clients of an account do not share its limits: %v", err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		token string
		setup func(d *desk)
		code  string
	}{
		"admin":             {token: testToken},
		"wrong credentials": {token: "wrong", code: CodeWrongCredentials},
		"refused":           {token: testToken, code: CodeWrongCredentials, setup: fault("/api/v2/users/me", 401, "")},
		"unknown account": {token: testToken, code: CodeUnknownAccount, setup: fault("/api/v2/users/me", 404,
			`{"error":{"title":"No help desk at acme.zendesk.com","message":"There is no help desk configured at this address."}}`)},
		"no page":      {token: testToken, code: CodeUnknownAccount, setup: fault("/api/v2/users/me", 404, "<html>not found</html>")},
		"no endpoint":  {token: testToken, code: CodeNoSupport, setup: fault("/api/v2/users/me", 404, `{"error":"InvalidEndpoint","description":"Not found"}`)},
		"not Zendesk":  {token: testToken, code: CodeUnknownAccount, setup: fault("/api/v2/users/me", 200, "<html>hello</html>")},
		"Sell":         {token: testToken, code: CodeNoSupport, setup: fault("/api/v2/incremental", 404, "")},
		"Sell refuses": {token: testToken, code: CodeNoSupport, setup: fault("/api/v2/incremental", 403, "")},
		"agent": {token: testToken, code: CodeNotAdministrator, setup: func(d *desk) {
			role := "agent"
			if err := d.Account.UpdateUser(time.Now(), d.admin.ID, zendesktest.UserChange{Role: &role}); err != nil {
				panic(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, zendesktest.Options{})
			if c.setup != nil {
				c.setup(d)
			}
			client, err := newClients(t, newMemory(), d.URL()).with("acme", apiToken{email: testEmail, token: c.token})
			if err != nil {
				t.Fatal(err)
			}
			err = client.Check(t.Context(), time.Now())
			p := new(schemas.Problem)
			switch {
			case c.code == "" && err != nil:
				t.Fatal(err)
			case c.code != "" && (!errors.As(err, &p) || p.Code != c.code || !errors.Is(err, schemas.ErrInvalid)):
				t.Fatalf("%v, want %s", err, c.code)
			}
		})
	}
}

func fault(path string, status int, body string) func(d *desk) {
	return func(d *desk) { d.Inject(zendesktest.Fault{Path: path, Status: status, Body: body, Times: -1}) }
}

// oauthSource stores a connected OAuth source with a token pair that the desk gave.
func oauthSource(t *testing.T, d *desk, store *memory, clients *Clients) {
	t.Helper()
	c := &Connections{Store: store, Sealer: clients.Sealer, Clients: clients, Now: time.Now, Log: testLog(t), PublicURL: "http://127.0.0.1:1"}
	store.putSource(t, func(s *schemas.Source) { s.Status = schemas.SourceDraft })
	to, err := c.Authorize(t.Context(), testSource, AuthorizeRequest{Method: MethodOAuth, ClientID: "deskstream", ClientSecret: "s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	back := consent(t, to)
	if _, err := c.Callback(t.Context(), back.Get("state"), back.Get("code")); err != nil {
		t.Fatal(err)
	}
}

// consent follows the admin to Zendesk's consent page and gives what it sends back.
func consent(t *testing.T, to string) url.Values {
	t.Helper()
	resp, err := newHTTP(true).Get(to)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		t.Fatalf("status %d: %v", resp.StatusCode, err)
	}
	return back.Query()
}

func oauthDesk(t *testing.T) *desk {
	t.Helper()
	return newDesk(t, zendesktest.Options{Clients: []zendesktest.OAuthClient{{ID: "deskstream", Secret: "s3cret"}}})
}

func tokenRequests(d *desk) int {
	n := 0
	for _, r := range d.Requests() {
		if r.Path == tokenPath {
			n++
		}
	}
	return n
}

// TestTokenRotation lets two processes, each with many users, find the token expired at once: exactly one refresh happens.
func TestTokenRotation(t *testing.T) {
	t.Parallel()
	d := oauthDesk(t)
	store := newMemory()
	first := newClients(t, store, d.URL())
	second := newClients(t, store, d.URL())
	oauthSource(t, d, store, first)
	for round := range 3 {
		d.ExpireTokens()
		d.ForgetRequests()
		var wg sync.WaitGroup
		for i := range 20 {
			clients := []*Clients{first, second}[i%2]
			wg.Go(func() {
				s, err := store.Source(t.Context(), testSource)
				if err != nil {
					t.Error(err)
					return
				}
				c, err := clients.For(s)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := c.Get(t.Context(), "/api/v2/groups.json", nil); err != nil {
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		wg.Wait()
		if n := tokenRequests(d); n != 1 {
			t.Fatalf("round %d: %d refreshes, want 1", round, n)
		}
	}
	s, _ := store.Source(t.Context(), testSource)
	if s.Error != "" || s.Auth.Token != "" {
		t.Errorf("left behind: error %q, grant %q", s.Error, s.Auth.Token)
	}
}

// TestTokenStoredBeforeUse stops the store while a refresh is under way: the new token must not be used until it is stored.
func TestTokenStoredBeforeUse(t *testing.T) {
	t.Parallel()
	d := oauthDesk(t)
	store := newMemory()
	clients := newClients(t, store, d.URL())
	oauthSource(t, d, store, clients)
	d.ExpireTokens()
	d.ForgetRequests()
	puts, usedEarly := 0, 0
	store.before = func(op string) {
		if op != "source" {
			return
		}
		// The second write stores the new pair: nothing may have been answered with it before.
		if puts++; puts == 2 {
			for _, r := range d.Requests() {
				if r.Path != tokenPath && r.Status == 200 {
					usedEarly++
				}
			}
		}
	}
	s, _ := store.Source(t.Context(), testSource)
	c, err := clients.For(s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get(t.Context(), "/api/v2/groups.json", nil); err != nil {
		t.Fatal(err)
	}
	if puts != 2 || usedEarly != 0 {
		t.Errorf("%d writes, %d uses before the second", puts, usedEarly)
	}
}

func TestTokenRefused(t *testing.T) {
	t.Parallel()
	d := oauthDesk(t)
	store := newMemory()
	clients := newClients(t, store, d.URL())
	oauthSource(t, d, store, clients)
	d.RevokeTokens()
	d.ForgetRequests()
	s, _ := store.Source(t.Context(), testSource)
	c, err := clients.For(s)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := c.Get(t.Context(), "/api/v2/groups.json", nil); !errors.Is(err, schemas.ErrUnauthenticated) {
			t.Fatalf("%v", err)
		}
	}
	if s, _ = store.Source(t.Context(), testSource); s.Error != Reauthorize {
		t.Errorf("error %q", s.Error)
	}
	if n := tokenRequests(d); n != 1 {
		t.Errorf("%d refreshes with a dead token", n)
	}
	oauthSourceAgain(t, d, store, clients)
	s, _ = store.Source(t.Context(), testSource)
	if c, err = clients.For(s); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get(t.Context(), "/api/v2/groups.json", nil); err != nil || s.Error != "" {
		t.Errorf("after a new authorization: %v, error %q", err, s.Error)
	}
}

func oauthSourceAgain(t *testing.T, d *desk, store *memory, clients *Clients) {
	t.Helper()
	c := &Connections{Store: store, Sealer: clients.Sealer, Clients: clients, Now: time.Now, Log: testLog(t), PublicURL: "http://127.0.0.1:1"}
	to, err := c.Authorize(t.Context(), testSource, AuthorizeRequest{Method: MethodOAuth, ClientID: "deskstream", ClientSecret: "s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	back := consent(t, to)
	if _, err := c.Callback(t.Context(), back.Get("state"), back.Get("code")); err != nil {
		t.Fatal(err)
	}
}

// TestTokenUnknownOutcome answers a refresh in ways that leave its outcome open.
func TestTokenUnknownOutcome(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		faults []zendesktest.Fault
		err    error
		state  string
	}{
		"cut once":            {[]zendesktest.Fault{{Cut: true}}, nil, ""},
		"error once":          {[]zendesktest.Fault{{Status: 500}}, nil, ""},
		"busy":                {[]zendesktest.Fault{{Status: 429, RetryAfter: 1}}, schemas.ErrUnavailable, ""},
		"cut, then refused":   {[]zendesktest.Fault{{Cut: true}, {Status: 400, Body: `{"error":"invalid_grant"}`}}, schemas.ErrUnauthenticated, Reauthorize},
		"broken for a while":  {[]zendesktest.Fault{{Status: 500}, {Status: 500}}, schemas.ErrUnavailable, ""},
		"answer without pair": {[]zendesktest.Fault{{Status: 200, Body: `{}`}, {Status: 400, Body: `{"error":"invalid_grant"}`}}, schemas.ErrUnauthenticated, Reauthorize},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := oauthDesk(t)
			store := newMemory()
			clients := newClients(t, store, d.URL())
			clients.Tries = 1
			oauthSource(t, d, store, clients)
			d.ExpireTokens()
			for _, f := range c.faults {
				f.Path = tokenPath
				d.Inject(f)
			}
			s, _ := store.Source(t.Context(), testSource)
			client, err := clients.For(s)
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Get(t.Context(), "/api/v2/groups.json", nil)
			if !errors.Is(err, c.err) {
				t.Fatalf("%v, want %v", err, c.err)
			}
			s, _ = store.Source(t.Context(), testSource)
			if s.Error != c.state || s.Auth.Token != "" {
				t.Fatalf("error %q, lease left %t", s.Error, s.Auth.Token != "")
			}
			if c.state == "" {
				if _, err := client.Get(t.Context(), "/api/v2/groups.json", nil); err != nil {
					t.Fatalf("next request: %v", err)
				}
			}
		})
	}
}

// TestTokenLeaseOfTheDead leaves a lease behind, as a killed process does.
func TestTokenLeaseOfTheDead(t *testing.T) {
	t.Parallel()
	d := oauthDesk(t)
	store := newMemory()
	clients := newClients(t, store, d.URL())
	var ahead atomic.Int64
	clients.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	oauthSource(t, d, store, clients)
	d.ExpireTokens()
	store.putSource(t, func(s *schemas.Source) {
		if err := clients.sealProgress(s, progress{Lease: &lease{"dead", time.Now().Add(leaseLife)}}); err != nil {
			t.Fatal(err)
		}
	})
	s, _ := store.Source(t.Context(), testSource)
	c, err := clients.For(s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := c.Get(ctx, "/api/v2/groups.json", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("while the lease runs: %v", err)
	}
	ahead.Store(int64(leaseLife + time.Second))
	if _, err := c.Get(t.Context(), "/api/v2/groups.json", nil); err != nil {
		t.Fatalf("behind the lease: %v", err)
	}
}

func TestClientCredentialsRenew(t *testing.T) {
	t.Parallel()
	d := oauthDesk(t)
	store := newMemory()
	clients := newClients(t, store, d.URL())
	store.putSource(t, func(s *schemas.Source) { s.Status = schemas.SourceDraft })
	conn := &Connections{Store: store, Sealer: clients.Sealer, Clients: clients, Now: time.Now, Log: testLog(t)}
	if _, err := conn.Authorize(t.Context(), testSource, AuthorizeRequest{Method: MethodClientCredentials, ClientID: "deskstream", ClientSecret: "s3cret"}); err != nil {
		t.Fatal(err)
	}
	d.ExpireTokens()
	s, _ := store.Source(t.Context(), testSource)
	if s.Status != schemas.SourceConnected || s.Auth.RefreshToken != "" {
		t.Fatalf("%+v", s)
	}
	c, err := clients.For(s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get(t.Context(), "/api/v2/groups.json", nil); err != nil {
		t.Fatal(err)
	}
	if n := tokenRequests(d); n != 2 {
		t.Errorf("%d token requests, want 2", n)
	}
}

func TestAPITokenRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t, zendesktest.Options{})
	store := newMemory()
	clients := newClients(t, store, d.URL())
	store.putSource(t, func(s *schemas.Source) {
		s.Auth = schemas.Auth{Method: MethodAPIToken, Email: testEmail, Token: clients.Sealer.Seal(testSource, fieldToken, "revoked")}
	})
	s, _ := store.Source(t.Context(), testSource)
	c, err := clients.For(s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get(t.Context(), "/api/v2/groups.json", nil); !errors.Is(err, schemas.ErrUnauthenticated) {
		t.Fatalf("%v", err)
	}
	if s, _ = store.Source(t.Context(), testSource); s.Error != Reauthorize {
		t.Errorf("error %q", s.Error)
	}
	if strings.Contains(fmt.Sprint(err), "revoked") || strings.Contains(fmt.Sprint(err), testEmail) {
		t.Errorf("error tells a secret: %v", err)
	}
}

func TestErrorsTellNoSecrets(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	addr := srv.URL
	c := adminClient(t, addr)
	c.tries = 1
	_, refused := c.Get(t.Context(), "/api/v2/x.json", url.Values{"cursor": {"SECRETCURSOR"}})
	srv.Close()
	_, down := c.Get(t.Context(), "/api/v2/x.json", url.Values{"cursor": {"SECRETCURSOR"}})
	for _, err := range []error{refused, down} {
		if err == nil || strings.Contains(err.Error(), testToken) || strings.Contains(err.Error(), "SECRETCURSOR") {
			t.Errorf("%v", err)
		}
	}
	if !strings.Contains(refused.Error(), strconv.Itoa(http.StatusTeapot)) {
		t.Errorf("%v", refused)
	}
}
