package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"time"

	"deskstream/schemas"
)

// Methods of authorization.
const (
	MethodAPIToken          = "api_token"
	MethodClientCredentials = "client_credentials"
	MethodOAuth             = "oauth"
)

const (
	tokenPath    = "/oauth/tokens"
	tokenTimeout = 20 * time.Second
)

// Outcomes of asking for a token that decide what may be done next.
var (
	// errGrantRefused says that Zendesk does not take the credential used: it is dead.
	errGrantRefused = errors.New("zendesk refused the grant")
	// errGrantUnknown says that the request was sent and its outcome is not known.
	errGrantUnknown = errors.New("outcome of the token request is unknown")
)

// refusals are the errors of RFC 6749, section 5.2: by them an answer is known to come from the token endpoint itself, whatever stands
// before it.
var refusals = []string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope"}

// grantError is an answer that gives no token. It is no StatusError, which tells of what is asked for with a token.
type grantError struct {
	status int
	until  time.Time // when Zendesk wants to be asked again; zero = it did not say
	class  error     // errGrantRefused, errGrantUnknown, or schemas.ErrUnavailable when Zendesk did not act on the request
}

func (e *grantError) Error() string {
	return fmt.Sprintf("token request: status %d: %v", e.status, e.class)
}

// Unwrap gives the class.
func (e *grantError) Unwrap() error { return e.class }

// grantRequest is the body of POST /oauth/tokens.
type grantRequest struct {
	GrantType    string `json:"grant_type"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret,omitempty"`
	Code         string `json:"code,omitempty"`
	CodeVerifier string `json:"code_verifier,omitempty"`
	RedirectURI  string `json:"redirect_uri,omitempty"`
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope,omitempty"`
}

// grantAnswer is what Zendesk gives: the refresh token is absent for client_credentials, the life for older clients.
type grantAnswer struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
	Error        string `json:"error"`
}

func (g grantAnswer) expires(now time.Time) *time.Time {
	if g.ExpiresIn <= 0 {
		return nil
	}
	at := now.Add(time.Duration(g.ExpiresIn) * time.Second).UTC().Truncate(time.Second)
	return &at
}

// grant asks for tokens once. The error wraps errGrantRefused, errGrantUnknown, or schemas.ErrUnavailable when Zendesk certainly did not
// act on the request.
func (c *Clients) grant(ctx context.Context, account string, req grantRequest) (grantAnswer, error) {
	c.once.Do(c.defaults)
	base, err := baseOf(c.BaseURL, account)
	if err != nil {
		return grantAnswer{}, err
	}
	body, err := json.Marshal(req)
	if err != nil {
		return grantAnswer{}, fmt.Errorf("token request: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, base.String()+tokenPath, bytes.NewReader(body))
	if err != nil {
		return grantAnswer{}, fmt.Errorf("token request: %w", err)
	}
	post.Header.Set("Content-Type", "application/json")
	post.Header.Set("Accept", "application/json")
	resp, err := c.http.Do(post)
	if err != nil {
		return grantAnswer{}, grantFailure(err)
	}
	defer resp.Body.Close()
	return readGrant(resp)
}

// grantFailure tells a request that never left from one that may have arrived.
func grantFailure(err error) error {
	op := new(net.OpError)
	if errors.As(err, &op) && op.Op == "dial" || errors.Is(err, schemas.ErrDenied) {
		return fmt.Errorf("token request: %w: %w", schemas.ErrUnavailable, err)
	}
	return fmt.Errorf("token request: %w: %w", errGrantUnknown, err)
}

func readGrant(resp *http.Response) (grantAnswer, error) {
	var g grantAnswer
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return g, fmt.Errorf("token request: %w: %w", errGrantUnknown, err)
	}
	parsed := json.Unmarshal(data, &g)
	if resp.StatusCode < 300 && parsed == nil && g.AccessToken != "" {
		return g, nil
	}
	e := &grantError{status: resp.StatusCode, class: grantClass(resp.StatusCode, g.Error)}
	if wait, told := schemas.RetryAfter(resp.Header, time.Now(), maxPause); told {
		e.until = time.Now().Add(wait)
	}
	return g, e
}

// grantClass judges an answer without a token. Only one that says so is a refusal, for it ends the source until a person helps; redirects,
// pages of a proxy and the like pass.
func grantClass(status int, code string) error {
	switch {
	case status == http.StatusUnauthorized, status >= 400 && status < 500 && slices.Contains(refusals, code):
		return errGrantRefused
	case status < 300, status >= 500 && status != http.StatusServiceUnavailable:
		return errGrantUnknown
	}
	return schemas.ErrUnavailable
}
