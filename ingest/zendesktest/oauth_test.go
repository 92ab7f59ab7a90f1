package zendesktest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"
)

const back = "http://127.0.0.1/callback"

func (w *world) post(t *testing.T, path string, body map[string]any, bearer string) (int, map[string]any) {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+path, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	status, _, answer := do(t, req)
	return status, answer
}

func (w *world) bearer(t *testing.T, path, token string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	status, _, body := do(t, req)
	return status, body
}

// consent visits the consent page and returns what it sends back.
func (w *world) consent(t *testing.T, extra url.Values) url.Values {
	t.Helper()
	q := url.Values{
		"response_type": {"code"}, "client_id": {"deskstream"}, "redirect_uri": {back}, "scope": {"read"}, "state": {"s1"},
	}
	for k, v := range extra {
		q[k] = v
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/oauth/authorizations/new?"+q.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	to, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || resp.StatusCode != http.StatusFound {
		t.Fatalf("consent: %d %v", resp.StatusCode, err)
	}
	return to.Query()
}

func TestCodeFlowWithPKCEAndRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{Clients: []OAuthClient{{ID: "deskstream", Redirects: []string{back}}}})
	verifier := "a-verifier-of-at-least-forty-three-characters-x"
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	pkce := url.Values{"code_challenge": {challenge}, "code_challenge_method": {"S256"}}
	if got := w.consent(t, nil).Get("error"); got != "invalid_request" {
		t.Errorf("public client without PKCE: error %q", got)
	}
	answer := w.consent(t, pkce)
	if answer.Get("state") != "s1" {
		t.Errorf("state %q", answer.Get("state"))
	}
	request := map[string]any{
		"grant_type": "authorization_code", "code": answer.Get("code"), "client_id": "deskstream", "redirect_uri": back,
		"code_verifier": "wrong",
	}
	if status, body := w.post(t, "/oauth/tokens", request, ""); status != 400 || body["error"] != "invalid_grant" {
		t.Errorf("wrong verifier: %d %v", status, body)
	}
	request["code"], request["code_verifier"] = w.consent(t, pkce).Get("code"), verifier
	status, first := w.post(t, "/oauth/tokens", request, "")
	if status != 201 || first["expires_in"] != 1800.0 || first["token_type"] != "bearer" {
		t.Fatalf("token: %d %v", status, first)
	}
	if status, _ := w.post(t, "/oauth/tokens", request, ""); status != 400 {
		t.Errorf("a code works twice: %d", status)
	}
	old := first["access_token"].(string)
	if status, body := w.bearer(t, "/api/v2/users/me.json", old); status != 200 || body["user"].(map[string]any)["role"] != "admin" {
		t.Errorf("me: %d %v", status, body)
	}
	renew := map[string]any{"grant_type": "refresh_token", "refresh_token": first["refresh_token"], "client_id": "deskstream"}
	status, second := w.post(t, "/oauth/tokens", renew, "")
	if status != 201 {
		t.Fatalf("refresh: %d %v", status, second)
	}
	if status, _ := w.bearer(t, "/api/v2/groups", old); status != 401 {
		t.Errorf("old access token still works: %d", status)
	}
	if status, _ := w.post(t, "/oauth/tokens", renew, ""); status != 400 {
		t.Errorf("old refresh token still works: %d", status)
	}
	now := second["access_token"].(string)
	if status, body := w.bearer(t, "/api/v2/oauth/tokens/current", now); status != 200 || body["token"].(map[string]any)["expires_at"] == nil {
		t.Errorf("current token: %d %v", status, body)
	}
	w.clock.Add(30 * time.Minute)
	if status, _ := w.bearer(t, "/api/v2/groups", now); status != 401 {
		t.Errorf("expired token still works: %d", status)
	}
}

func TestCodesAndScopesEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{Clients: []OAuthClient{{ID: "deskstream", Secret: "top"}}})
	request := map[string]any{
		"grant_type": "authorization_code", "code": w.consent(t, nil).Get("code"), "client_id": "deskstream",
		"client_secret": "top", "redirect_uri": back,
	}
	w.clock.Add(2 * time.Minute)
	if status, body := w.post(t, "/oauth/tokens", request, ""); status != 400 {
		t.Errorf("code after two minutes: %d %v", status, body)
	}
	for _, c := range []struct {
		name   string
		change map[string]any
		status int
	}{
		{"wrong secret", map[string]any{"client_secret": "no"}, 401},
		{"unknown client", map[string]any{"client_id": "no"}, 401},
		{"too long a life", map[string]any{"expires_in": 48*3600 + 1}, 400},
		{"too short a life", map[string]any{"expires_in": 10}, 400},
		{"unknown grant", map[string]any{"grant_type": "password"}, 400},
		{"fine", map[string]any{"expires_in": 300}, 201},
	} {
		req := map[string]any{"grant_type": "client_credentials", "client_id": "deskstream", "client_secret": "top", "scope": "tickets:read"}
		for k, v := range c.change {
			req[k] = v
		}
		status, body := w.post(t, "/oauth/tokens", req, "")
		if status != c.status {
			t.Errorf("%s: %d %v, want %d", c.name, status, body, c.status)
		}
		if status != 201 {
			continue
		}
		if _, ok := body["refresh_token"]; ok {
			t.Error("client_credentials gives a refresh token")
		}
		token := body["access_token"].(string)
		if status, _ := w.bearer(t, "/api/v2/incremental/tickets/cursor?start_time=0", token); status != 200 {
			t.Errorf("tickets:read may not read tickets: %d", status)
		}
		if status, _ := w.bearer(t, "/api/v2/incremental/users/cursor?start_time=0", token); status != 403 {
			t.Errorf("tickets:read may read users: %d", status)
		}
	}
}

func TestWebhooksAreRegistered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{Clients: []OAuthClient{{ID: "deskstream", Secret: "top"}}})
	token := func(scope string) string {
		_, body := w.post(t, "/oauth/tokens", map[string]any{
			"grant_type": "client_credentials", "client_id": "deskstream", "client_secret": "top", "scope": scope,
		}, "")
		return body["access_token"].(string)
	}
	hook := map[string]any{"webhook": map[string]any{
		"name": "deskstream", "endpoint": "https://desk.test/hook", "http_method": "POST", "request_format": "json", "status": "active",
		"subscriptions": []string{"zen:event-type:ticket.created"},
	}}
	if status, _ := w.post(t, "/api/v2/webhooks", hook, token("read")); status != 403 {
		t.Errorf("read scope may register webhooks: %d", status)
	}
	both := token("read webhooks:write")
	status, made := w.post(t, "/api/v2/webhooks", hook, both)
	if status != 201 {
		t.Fatalf("register: %d %v", status, made)
	}
	id := made["webhook"].(map[string]any)["id"].(string)
	status, secret := w.bearer(t, "/api/v2/webhooks/"+id+"/signing_secret", both)
	if want := w.Subscriptions()[0].Secret; status != 200 || secret["signing_secret"].(map[string]any)["secret"] != want {
		t.Errorf("secret: %d %v", status, secret)
	}
	delete(hook["webhook"].(map[string]any), "subscriptions")
	if status, _ := w.post(t, "/api/v2/webhooks", hook, both); status != 400 {
		t.Errorf("without subscriptions: %d", status)
	}
}
