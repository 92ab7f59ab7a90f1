package zendesktest

import (
	"context"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

// caller is who makes a request.
type caller struct {
	user  User
	scope []string
	token *token
}

type callerKey struct{}

func callerOf(r *http.Request) caller {
	c, _ := r.Context().Value(callerKey{}).(caller)
	return c
}

// identify reads the Authorization header. ok is false for none and for wrong or expired credentials.
func (s *Server) identify(r *http.Request) (caller, bool) {
	kind, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch strings.ToLower(kind) {
	case "bearer":
		return s.bearer(value)
	case "basic":
		return s.basic(value)
	}
	return caller{}, false
}

func (s *Server) bearer(value string) (caller, bool) {
	t := s.oauth.valid(value)
	if t == nil {
		return caller{}, false
	}
	u, err := s.Account.User(t.user)
	if t.user == 0 {
		u, err = s.admin()
	}
	return caller{user: u, scope: strings.Fields(t.scope), token: t}, err == nil && u.Active
}

// basic checks base64(email/token:api_token).
func (s *Server) basic(value string) (caller, bool) {
	raw, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return caller{}, false
	}
	name, secret, ok := strings.Cut(string(raw), ":")
	email, isToken := strings.CutSuffix(name, "/token")
	holder, known := s.opts.APITokens[secret]
	if !ok || !isToken || !known || holder != "" && !strings.EqualFold(holder, email) {
		return caller{}, false
	}
	for _, u := range s.Account.Users() {
		if u.Active && u.Email != nil && strings.EqualFold(*u.Email, email) {
			return caller{user: u, scope: []string{"read", "write"}}, true
		}
	}
	return caller{}, false
}

// admin is the first active admin of the account.
func (s *Server) admin() (User, error) {
	for _, u := range s.Account.Users() {
		if u.Active && u.Role == "admin" {
			return u, nil
		}
	}
	return User{}, ErrNotFound
}

// need lets a request through when the caller has the role (admin, or agent for any staff) and the scope.
func (s *Server) need(role, scope string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, ok := s.identify(r)
		switch {
		case !ok && strings.HasPrefix(strings.ToLower(r.Header.Get("Authorization")), "bearer "):
			s.json(w, http.StatusUnauthorized, map[string]any{
				"error":             "invalid_token",
				"error_description": "The access token provided is expired, revoked, malformed or invalid for other reasons.",
			})
		case !ok:
			s.json(w, http.StatusUnauthorized, map[string]any{"error": "Couldn't authenticate you"})
		case !c.user.Staff(), role == "admin" && c.user.Role != "admin", !c.may(scope, r.URL.Path):
			s.forbidden(w)
		default:
			h(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, c)))
		}
	}
}

// may checks the scope: read and write are global, resource:read and resource:write hold for paths of the resource.
func (c caller) may(scope, path string) bool {
	_, verb, narrow := strings.Cut(scope, ":")
	if !narrow {
		verb = scope
	}
	if slices.Contains(c.scope, verb) || slices.Contains(c.scope, scope) {
		return true
	}
	rest := strings.TrimPrefix(strings.TrimPrefix(path, "/api/v2/"), "incremental/")
	resource, _, _ := strings.Cut(rest, "/")
	// Recorded by others: audits and ticket events need the global read scope.
	return slices.Contains(c.scope, resource+":"+verb) && !strings.HasSuffix(path, "/audits")
}

// me shows the caller. Wrong credentials get the anonymous user with status 200 (recorded by node-zendesk).
func (s *Server) me(w http.ResponseWriter, r *http.Request) {
	c, ok := s.identify(r)
	if !ok {
		s.json(w, http.StatusOK, map[string]any{"user": map[string]any{"name": "Anonymous user"}})
		return
	}
	s.json(w, http.StatusOK, map[string]any{"user": c.user})
}
