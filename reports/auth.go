package reports

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"deskstream/schemas"
)

// The scopes of a key. A key with scope admin may do everything.
const (
	scopeAdmin   = schemas.ScopeAdmin
	scopePeople  = schemas.ScopePeople
	scopeReports = schemas.ScopeReports
	scopeRender  = schemas.ScopeRender
)

const (
	keysFresh = 5 * time.Second // how long a revoked key may still work where nobody tells of the change
	keysRetry = time.Second     // least time between two looks for a key that is not known
	keysStale = time.Minute     // how long known keys work while the store does not answer
)

// Keyring holds the stored keys in memory. It is safe for concurrent use.
type Keyring struct {
	now  func() time.Time
	keys cached[[]schemas.Key]
}

// NewKeyring makes the keyring of a store.
func NewKeyring(store KeyStore, now func() time.Time) *Keyring {
	return &Keyring{now: now, keys: cached[[]schemas.Key]{now: now, read: store.APIKeys, stale: keysStale}}
}

// Changed makes the next request read the keys again: one of them was made or revoked.
func (k *Keyring) Changed() { k.keys.change() }

// guard lets the requests through to next that the metrics of the API are given to, where there is no API.
func (k *Keyring) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := k.permit(r.Context(), r.Header.Get("Authorization"), metricsScopes); err != nil {
			writeProblem(w, problemOf(err))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// find returns the key with the given text, or an error of class schemas.ErrUnauthenticated.
func (k *Keyring) find(ctx context.Context, text string) (schemas.Key, error) {
	sum := sha256.Sum256([]byte(text))
	hash := []byte(hex.EncodeToString(sum[:]))
	keys, err := k.list(ctx, keysFresh)
	if err != nil {
		return schemas.Key{}, err
	}
	key, ok := match(keys, hash)
	if !ok { // it may have been made a moment ago
		if keys, err = k.list(ctx, keysRetry); err != nil {
			return schemas.Key{}, err
		}
		key, ok = match(keys, hash)
	}
	switch {
	case !ok:
		return key, unauthenticated("this API key is not known")
	case key.RevokedAt != nil:
		return key, unauthenticated("this API key was revoked")
	case key.ExpiresAt != nil && !k.now().Before(*key.ExpiresAt):
		return key, unauthenticated("this API key has expired")
	}
	return key, nil
}

func unauthenticated(detail string) error {
	return &schemas.Problem{Class: schemas.ErrUnauthenticated, Code: "unauthenticated", Detail: detail + "; send Authorization: Bearer <key>"}
}

// match looks at every key in constant time.
func match(keys []schemas.Key, hash []byte) (found schemas.Key, ok bool) {
	for _, key := range keys {
		if subtle.ConstantTimeCompare([]byte(key.Hash), hash) == 1 {
			found, ok = key, true
		}
	}
	return found, ok
}

// list returns the keys, read again when they are older than age.
func (k *Keyring) list(ctx context.Context, age time.Duration) ([]schemas.Key, error) {
	keys, err := k.keys.get(ctx, age)
	if err != nil {
		return nil, &schemas.Problem{Class: schemas.ErrUnavailable, Code: "keys-unavailable", Detail: "the API keys cannot be read now"}
	}
	return keys, nil
}

// authorize is a middleware of huma: it lets a request pass if its route is open or its key has one of the route's scopes.
func (s *server) authorize(ctx huma.Context, next func(huma.Context)) {
	scopes, _ := ctx.Operation().Metadata[metaScopes].([]string)
	if len(scopes) == 0 {
		next(ctx)
		return
	}
	if err := s.keys.permit(ctx.Context(), ctx.Header("Authorization"), scopes); err != nil {
		s.refuse(ctx, err)
		return
	}
	next(ctx)
}

func (k *Keyring) permit(ctx context.Context, header string, scopes []string) error {
	scheme, text, _ := strings.Cut(header, " ")
	if text = strings.TrimSpace(text); !strings.EqualFold(scheme, "Bearer") || text == "" {
		return unauthenticated("an API key is needed")
	}
	key, err := k.find(ctx, text)
	if err != nil {
		return err
	}
	if slices.Contains(key.Scopes, scopeAdmin) {
		return nil
	}
	for _, scope := range scopes {
		if slices.Contains(key.Scopes, scope) {
			return nil
		}
	}
	return &schemas.Problem{
		Class: schemas.ErrDenied, Code: "scope-missing",
		Detail: "this API key lacks a scope for the call; needed is " + strings.Join(scopes, " or "),
	}
}

// permitRequest is permit for handlers outside huma.
func (s *server) permitRequest(r *http.Request, scopes ...string) error {
	return s.keys.permit(r.Context(), r.Header.Get("Authorization"), scopes)
}
