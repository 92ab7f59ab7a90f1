package zendesktest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bounds of token lives (support.zendesk.com 10212201463962). A code lives two minutes.
const (
	accessLife, accessMin, accessMax    = 30 * time.Minute, 5 * time.Minute, 48 * time.Hour
	refreshLife, refreshMin, refreshMax = 30 * 24 * time.Hour, 7 * 24 * time.Hour, 90 * 24 * time.Hour
	codeLife                            = 120 * time.Second
)

// OAuthClient is an OAuth client of the account. Without a Secret it is a public one and needs PKCE.
type OAuthClient struct {
	ID     string
	Secret string
	// Redirects are the allowed redirect addresses; an empty list allows all.
	Redirects []string
}

type oauth struct {
	now     func() time.Time
	salt    string
	clients []OAuthClient

	mu     sync.Mutex
	made   int64
	codes  map[string]code
	tokens map[string]*token
	renews map[string]*token
}

type code struct {
	client, redirect, scope, challenge string
	expires                            time.Time
}

type token struct {
	id               int64
	access, refresh  string
	client, scope    string
	user             int64
	created, expires time.Time
	refreshExpires   time.Time
}

func newOAuth(salt string, clients []OAuthClient, now func() time.Time) *oauth {
	return &oauth{
		now: now, salt: salt, clients: clients,
		codes: map[string]code{}, tokens: map[string]*token{}, renews: map[string]*token{},
	}
}

// secret makes the next unguessable-looking, repeatable value.
func (o *oauth) secret() string {
	o.made++
	sum := sha256.Sum256([]byte(o.salt + "/oauth/" + strconv.FormatInt(o.made, 10)))
	return hex.EncodeToString(sum[:])
}

func (o *oauth) client(id string) (OAuthClient, bool) {
	i := slices.IndexFunc(o.clients, func(c OAuthClient) bool { return c.ID == id })
	if i < 0 {
		return OAuthClient{}, false
	}
	return o.clients[i], true
}

// valid returns a copy of the token with this value while it lives.
func (o *oauth) valid(access string) *token {
	o.mu.Lock()
	defer o.mu.Unlock()
	t, ok := o.tokens[access]
	if !ok || !o.now().Before(t.expires) {
		return nil
	}
	copied := *t
	return &copied
}

// ExpireTokens ends all access tokens at once; their refresh tokens still work.
func (s *Server) ExpireTokens() {
	s.oauth.mu.Lock()
	defer s.oauth.mu.Unlock()
	for _, t := range s.oauth.tokens {
		t.expires = s.opts.Now()
	}
}

// RevokeTokens forgets all tokens, as when the admin deletes the client.
func (s *Server) RevokeTokens() {
	s.oauth.mu.Lock()
	defer s.oauth.mu.Unlock()
	s.oauth.tokens, s.oauth.renews = map[string]*token{}, map[string]*token{}
}

// authorize is the consent page, already agreed to: it sends the browser back with a code.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	client, ok := s.oauth.client(q.Get("client_id"))
	back, err := url.Parse(q.Get("redirect_uri"))
	switch {
	case !ok:
		s.oauthFail(w, http.StatusBadRequest, "invalid_client", "no such client")
		return
	case err != nil || back.Host == "" || len(client.Redirects) > 0 && !slices.Contains(client.Redirects, q.Get("redirect_uri")):
		s.oauthFail(w, http.StatusBadRequest, "invalid_request", "redirect_uri is not one of the client's")
		return
	}
	values := back.Query()
	if state := q.Get("state"); state != "" {
		values.Set("state", state)
	}
	switch {
	case q.Get("response_type") != "code":
		values.Set("error", "unsupported_response_type")
	case client.Secret == "" && q.Get("code_challenge_method") != "S256":
		values.Set("error", "invalid_request")
	case s.opts.DenyAuthorization:
		values.Set("error", "access_denied")
		values.Set("error_description", "The end-user or authorization server denied the request.")
	default:
		values.Set("code", s.oauth.newCode(q))
	}
	back.RawQuery = values.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (o *oauth) newCode(q url.Values) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	value := o.secret()
	o.codes[value] = code{
		client: q.Get("client_id"), redirect: q.Get("redirect_uri"), scope: orRead(q.Get("scope")),
		challenge: q.Get("code_challenge"), expires: o.now().Add(codeLife),
	}
	return value
}

func orRead(scope string) string {
	if scope == "" {
		return "read"
	}
	return scope
}

// tokenRequest is the body of POST /oauth/tokens, JSON or form.
type tokenRequest struct {
	GrantType    string `json:"grant_type"`
	Code         string `json:"code"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	RedirectURI  string `json:"redirect_uri"`
	Verifier     string `json:"code_verifier"`
	RefreshToken string `json:"refresh_token"`
	Scope        string `json:"scope"`
	ExpiresIn    int64  `json:"expires_in"`
	RefreshIn    int64  `json:"refresh_token_expires_in"`
}

func readTokenRequest(r *http.Request) (tokenRequest, error) {
	var t tokenRequest
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "application/json" {
		err := json.NewDecoder(io.LimitReader(r.Body, 1<<16)).Decode(&t)
		return t, err
	}
	if err := r.ParseForm(); err != nil {
		return t, err
	}
	f := r.PostForm
	t = tokenRequest{
		GrantType: f.Get("grant_type"), Code: f.Get("code"), ClientID: f.Get("client_id"),
		ClientSecret: f.Get("client_secret"), RedirectURI: f.Get("redirect_uri"), Verifier: f.Get("code_verifier"),
		RefreshToken: f.Get("refresh_token"), Scope: f.Get("scope"),
		ExpiresIn: int64(number(f.Get("expires_in"), 0, 1<<31-1)), RefreshIn: int64(number(f.Get("refresh_token_expires_in"), 0, 1<<31-1)),
	}
	return t, nil
}

// token answers POST /oauth/tokens.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	req, err := readTokenRequest(r)
	if err != nil {
		s.oauthFail(w, http.StatusBadRequest, "invalid_request", "body is neither JSON nor a form")
		return
	}
	client, ok := s.oauth.client(req.ClientID)
	if !ok || client.Secret != "" && req.ClientSecret != "" && req.ClientSecret != client.Secret {
		s.oauthFail(w, http.StatusUnauthorized, "invalid_client", "Client authentication failed due to unknown client or wrong secret.")
		return
	}
	if !inBounds(req.ExpiresIn, accessMin, accessMax) || !inBounds(req.RefreshIn, refreshMin, refreshMax) {
		s.oauthFail(w, http.StatusBadRequest, "invalid_request", "expires_in or refresh_token_expires_in is out of bounds")
		return
	}
	t, code, why := s.oauth.grant(client, req)
	if t == nil {
		s.oauthFail(w, http.StatusBadRequest, code, why)
		return
	}
	s.json(w, http.StatusCreated, t.body(s.opts.Now()))
}

func inBounds(secs int64, least, most time.Duration) bool {
	d := time.Duration(secs) * time.Second
	return secs == 0 || d >= least && d <= most
}

func (s *Server) oauthFail(w http.ResponseWriter, status int, code, why string) {
	s.json(w, status, map[string]any{"error": code, "error_description": why})
}

func (t *token) body(now time.Time) map[string]any {
	body := map[string]any{
		"access_token": t.access, "token_type": "bearer", "scope": t.scope,
		"expires_in": int64(t.expires.Sub(now) / time.Second),
	}
	if t.refresh != "" {
		body["refresh_token"] = t.refresh
		body["refresh_token_expires_in"] = int64(t.refreshExpires.Sub(now) / time.Second)
	}
	return body
}

// grant makes the tokens of a request, or says which OAuth error stops it.
func (o *oauth) grant(client OAuthClient, req tokenRequest) (made *token, code, why string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch req.GrantType {
	case "authorization_code":
		return o.redeem(client, req)
	case "refresh_token":
		return o.renew(client, req)
	case "client_credentials":
		if client.Secret == "" || req.ClientSecret != client.Secret {
			return nil, "invalid_client", "client_credentials needs the secret of a confidential client"
		}
		return o.issue(client.ID, orRead(req.Scope), req, false), "", ""
	}
	return nil, "unsupported_grant_type", fmt.Sprintf("grant_type %q is not supported", req.GrantType)
}

const badGrant = "The provided authorization grant is invalid, expired, revoked, or does not match the redirection URI."

func (o *oauth) redeem(client OAuthClient, req tokenRequest) (made *token, code, why string) {
	c, ok := o.codes[req.Code]
	delete(o.codes, req.Code)
	if !ok || c.client != client.ID || c.redirect != req.RedirectURI || !o.now().Before(c.expires) {
		return nil, "invalid_grant", badGrant
	}
	if c.challenge != "" {
		sum := sha256.Sum256([]byte(req.Verifier))
		if base64.RawURLEncoding.EncodeToString(sum[:]) != strings.TrimRight(c.challenge, "=") {
			return nil, "invalid_grant", badGrant
		}
	} else if req.ClientSecret != client.Secret {
		return nil, "invalid_client", "the client secret or a code_verifier is needed"
	}
	return o.issue(client.ID, c.scope, req, true), "", ""
}

// renew gives a new pair and kills the old one at once.
func (o *oauth) renew(client OAuthClient, req tokenRequest) (made *token, code, why string) {
	old, ok := o.renews[req.RefreshToken]
	if !ok || old.client != client.ID || !o.now().Before(old.refreshExpires) {
		return nil, "invalid_grant", badGrant
	}
	delete(o.renews, old.refresh)
	delete(o.tokens, old.access)
	return o.issue(client.ID, old.scope, req, true), "", ""
}

func (o *oauth) issue(client, scope string, req tokenRequest, renewable bool) *token {
	now := o.now()
	t := &token{access: o.secret(), client: client, scope: scope, created: now, expires: now.Add(lifetime(req.ExpiresIn, accessLife))}
	t.id = o.made
	o.tokens[t.access] = t
	if renewable {
		t.refresh, t.refreshExpires = o.secret(), now.Add(lifetime(req.RefreshIn, refreshLife))
		o.renews[t.refresh] = t
	}
	return t
}

func lifetime(secs int64, standard time.Duration) time.Duration {
	if secs == 0 {
		return standard
	}
	return time.Duration(secs) * time.Second
}

// currentToken shows the token in use; for API tokens there is none.
func (s *Server) currentToken(w http.ResponseWriter, r *http.Request) {
	c, ok := s.identify(r)
	switch {
	case !ok:
		s.json(w, http.StatusUnauthorized, map[string]any{"error": "Couldn't authenticate you"})
		return
	case c.token == nil:
		s.notFound(w)
		return
	}
	t := c.token
	body := map[string]any{
		"id": t.id, "url": s.Account.url("oauth/tokens/" + strconv.FormatInt(t.id, 10)), "client_id": t.client,
		"user_id": c.user.ID, "token": t.access[:10], "scopes": strings.Fields(t.scope), "refresh_token": nil,
		"created_at": stamp(t.created), "used_at": stamp(s.opts.Now()), "expires_at": stamp(t.expires),
	}
	if t.refresh != "" {
		body["refresh_token"] = t.refresh[:10]
	}
	s.json(w, http.StatusOK, map[string]any{"token": body})
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
