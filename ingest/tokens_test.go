package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
	"deskstream/local/localtest"
	"deskstream/schemas"
)

// oauthSource stores a connected OAuth source with a token pair that the desk gave.
func oauthSource(t *testing.T, d *desk, store *memory, clients *Clients) {
	t.Helper()
	c := &Connections{Store: store, Sealer: clients.Sealer, Clients: clients, Now: time.Now, Log: testLog(t), PublicURL: "http://127.0.0.1:1"}
	store.putSource(t, func(s *schemas.Source) { s.Status = schemas.SourceDraft })
	to, err := c.Authorize(t.Context(), testSource, schemas.AuthorizeRequest{Method: MethodOAuth, ClientID: "deskstream", ClientSecret: "s3cret"})
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
	if s, _ = store.Source(t.Context(), testSource); s.Error != schemas.Reauthorize {
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
	to, err := c.Authorize(t.Context(), testSource, schemas.AuthorizeRequest{Method: MethodOAuth, ClientID: "deskstream", ClientSecret: "s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	back := consent(t, to)
	if _, err := c.Callback(t.Context(), back.Get("state"), back.Get("code")); err != nil {
		t.Fatal(err)
	}
}

// expired gives a client that needs a new token, of which the endpoint answers with faults first, and that asks once.
func expired(t *testing.T, faults ...zendesktest.Fault) (*memory, *Client) {
	t.Helper()
	d, store := oauthDesk(t), newMemory()
	clients := newClients(t, store, d.URL())
	clients.Tries = 1
	oauthSource(t, d, store, clients)
	d.ExpireTokens()
	for _, f := range faults {
		f.Path = tokenPath
		d.Inject(f)
	}
	s, _ := store.Source(t.Context(), testSource)
	client, err := clients.For(s)
	if err != nil {
		t.Fatal(err)
	}
	return store, client
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
		"cut, then refused":   {[]zendesktest.Fault{{Cut: true}, {Status: 400, Body: `{"error":"invalid_grant"}`}}, schemas.ErrUnauthenticated, schemas.Reauthorize},
		"broken for a while":  {[]zendesktest.Fault{{Status: 500}, {Status: 500}}, schemas.ErrUnavailable, ""},
		"answer without pair": {[]zendesktest.Fault{{Status: 200, Body: `{}`}, {Status: 400, Body: `{"error":"invalid_grant"}`}}, schemas.ErrUnauthenticated, schemas.Reauthorize},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, client := expired(t, c.faults...)
			_, err := client.Get(t.Context(), "/api/v2/groups.json", nil)
			if !errors.Is(err, c.err) {
				t.Fatalf("%v, want %v", err, c.err)
			}
			s, _ := store.Source(t.Context(), testSource)
			if s.Error != c.state || s.Auth.Token != "" {
				t.Fatalf("error %q, lease left %t", s.Error, s.Auth.Token != "")
			}
			if c.state == "" {
				localtest.Eventually(t, "token", func() bool { _, err := client.Get(t.Context(), "/api/v2/groups.json", nil); return err == nil })
			}
		})
	}
}

// TestTokenOddAnswer: only an answer that says so is a refusal; the source goes on behind any other.
func TestTokenOddAnswer(t *testing.T) {
	t.Parallel()
	const page = "<html>Just a moment...</html>"
	for name, c := range map[string]struct {
		fault   zendesktest.Fault
		refused bool
	}{
		"redirect":              {zendesktest.Fault{Status: 302}, false},
		"page of a proxy":       {zendesktest.Fault{Status: 403, Body: page}, false},
		"bad request of a page": {zendesktest.Fault{Status: 400, Body: page}, false},
		"not found":             {zendesktest.Fault{Status: 404}, false},
		"conflict":              {zendesktest.Fault{Status: 409, Body: `{"error":"DatabaseConflict"}`}, false},
		"unprocessable":         {zendesktest.Fault{Status: 422, Body: `{"error":{"title":"x"}}`}, false},
		"error of OAuth in 500": {zendesktest.Fault{Status: 500, Body: `{"error":"invalid_grant"}`, Times: 2}, false},
		"unauthorized":          {zendesktest.Fault{Status: 401, Body: page}, true},
		"invalid grant":         {zendesktest.Fault{Status: 400, Body: `{"error":"invalid_grant"}`}, true},
		"invalid client":        {zendesktest.Fault{Status: 403, Body: `{"error":"unauthorized_client"}`}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, client := expired(t, c.fault)
			class, state := schemas.ErrUnavailable, ""
			if c.refused {
				class, state = schemas.ErrUnauthenticated, schemas.Reauthorize
			}
			if _, err := client.Get(t.Context(), "/api/v2/groups.json", nil); !errors.Is(err, class) {
				t.Fatalf("%v, want %v", err, class)
			}
			if s, _ := store.Source(t.Context(), testSource); s.Error != state {
				t.Fatalf("error %q, want %q", s.Error, state)
			}
			if !c.refused {
				localtest.Eventually(t, "token", func() bool { _, err := client.Get(t.Context(), "/api/v2/groups.json", nil); return err == nil })
			}
		})
	}
}

// TestTokenPauses: a token endpoint that fails is asked again by one after a growing while and not before its Retry-After, however many need
// a token; all of them get the failure until then.
func TestTokenPauses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault    zendesktest.Fault
		backoff  time.Duration
		least    int
		earliest func(n int) time.Duration // from the first request for a token to the nth
	}{
		"Retry-After": {
			zendesktest.Fault{Status: 429, RetryAfter: 60, Times: -1},
			time.Millisecond, 1,
			func(n int) time.Duration { return time.Duration(n-1) * time.Minute },
		},
		"pages": {
			zendesktest.Fault{Status: 403, Body: "<html>", Times: -1},
			50 * time.Millisecond, 3,
			func(n int) time.Duration { return 25*time.Millisecond<<(n-1) - 25*time.Millisecond }, // after 25 to 50, 50 to 100, 100 to 200 ms
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := oauthDesk(t)
			store := newMemory()
			clients := newClients(t, store, d.URL())
			clients.Backoff = c.backoff
			oauthSource(t, d, store, clients)
			d.ExpireTokens()
			d.ForgetRequests()
			c.fault.Path = tokenPath
			d.Inject(c.fault)
			s, _ := store.Source(t.Context(), testSource)
			client, err := clients.For(s)
			if err != nil {
				t.Fatal(err)
			}
			client.tries = 1
			var wg sync.WaitGroup
			begun := time.Now()
			for time.Since(begun) < 350*time.Millisecond || tokenRequests(d) < c.least && time.Since(begun) < time.Minute {
				time.Sleep(10 * time.Millisecond)
				for range 5 {
					wg.Go(func() {
						if _, err := client.Get(t.Context(), "/api/v2/groups.json", nil); !errors.Is(err, schemas.ErrUnavailable) {
							t.Error(err)
						}
					})
				}
			}
			wg.Wait()
			if n, took := tokenRequests(d), time.Since(begun); n < c.least || c.earliest(n) > took {
				t.Errorf("%d requests for a token in %s, want %d or more, the last not before %s", n, took, c.least, c.earliest(n))
			}
			d.ClearFaults()
			oauthSourceAgain(t, d, store, clients)
			if s, _ = store.Source(t.Context(), testSource); s.Error != "" {
				t.Fatalf("error %q", s.Error)
			}
			if client, err = clients.For(s); err != nil {
				t.Fatal(err)
			}
			if _, err := client.Get(t.Context(), "/api/v2/groups.json", nil); err != nil {
				t.Errorf("with new credentials: %v", err)
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
	if _, err := conn.Authorize(t.Context(), testSource, schemas.AuthorizeRequest{Method: MethodClientCredentials, ClientID: "deskstream", ClientSecret: "s3cret"}); err != nil {
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

// TestAPITokenRefusedForAMoment: only a refusal that stays asks a person for help.
func TestAPITokenRefusedForAMoment(t *testing.T) {
	t.Parallel()
	d := newDesk(t, zendesktest.Options{})
	d.Inject(zendesktest.Fault{Status: 401, Times: maxRefusals})
	r := newRig(t, d, nil)
	s, _ := r.store.Source(t.Context(), testSource)
	c, err := r.clients.For(s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get(t.Context(), "/api/v2/groups.json", nil); err != nil {
		t.Fatal(err)
	}
	if s, _ = r.store.Source(t.Context(), testSource); s.Error != "" {
		t.Errorf("error %q", s.Error)
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
	if s, _ = store.Source(t.Context(), testSource); s.Error != schemas.Reauthorize {
		t.Errorf("error %q", s.Error)
	}
	if n := len(d.Requests()); n != maxRefusals+1 {
		t.Errorf("%d requests before the refusal was believed, want %d", n, maxRefusals+1)
	}
	if strings.Contains(fmt.Sprint(err), "revoked") || strings.Contains(fmt.Sprint(err), testEmail) {
		t.Errorf("error tells a secret: %v", err)
	}
}
