package ingest

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

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
	srv := httptest.NewServer(http.RedirectHandler(other.URL+"/x?cursor=SECRET", http.StatusFound))
	defer srv.Close()
	_, err := adminClient(t, srv.URL).Get(t.Context(), "/api/v2/groups.json", nil)
	if host := strings.TrimPrefix(other.URL, "http://"); err == nil || !strings.Contains(err.Error(), "redirect to \""+host+"\"") || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("%v, want a redirect to %s", err, host)
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
		"[::]:443": false, "198.18.0.1:443": false, "[::7f00:1]:443": false, "203.0.113.9:443": false, "nonsense": false,
	} {
		if err := schemas.DialPublic("tcp", address, nil); (err == nil) != ok {
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

func TestR04_AccountNames(t *testing.T) {
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

func TestR01_R02_AccountCheck(t *testing.T) {
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

// TestShortPausesAreToldTogether: a request that Zendesk refuses again and again tells of its pauses once they are long together, be each of them short.
func TestShortPausesAreToldTogether(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		refused time.Duration
		want    int
	}{{0, 0}, {time.Second, 0}, {longPause, 1}} {
		b := newBucket("test", 600, 1, zerolog.Nop())
		b.pause(20 * time.Millisecond)
		var since time.Time
		if c.refused != 0 {
			since = time.Now().Add(-c.refused)
		}
		told := 0
		if waited, err := b.wait(t.Context(), since, func(time.Time) { told++ }); err != nil || !waited || told != c.want {
			t.Errorf("refused for %s: told %d times, waited %v, %v", c.refused, told, waited, err)
		}
	}
}
