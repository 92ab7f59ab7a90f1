package ingest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"deskstream/schemas"
)

const (
	scopeRead     = "read"
	scopeWebhooks = "read webhooks:write"
	stateLife     = 10 * time.Minute
	callbackPath  = "/v1/oauth/zendesk/callback"
)

// begin stores what the callback needs and returns the address of Zendesk's consent page. State is 256 random bits behind the source id;
// the record keeps its hash, so that any process can take the callback and a reader of the store cannot make one.
func (c *Connections) begin(ctx context.Context, id string, req schemas.AuthorizeRequest) (string, error) {
	secret := randomText()
	p := pending{
		State: hashState(secret), Verifier: randomText(), ClientID: req.ClientID, ClientSecret: req.ClientSecret,
		RedirectURI: strings.TrimSuffix(c.PublicURL, "/") + callbackPath, Scope: scopeRead, Until: c.Now().Add(stateLife).UTC(),
	}
	if req.WebhookScope {
		p.Scope = scopeWebhooks
	}
	var account string
	err := c.Clients.change(ctx, id, func(s *schemas.Source) (bool, error) {
		account = s.Account
		if s.Status == schemas.SourceDraft {
			s.Status = schemas.SourceAwaiting
		}
		before, err := c.Clients.openProgress(*s)
		if err != nil {
			before = progress{} // sealed with a key that is lost: who authorizes again starts anew
		}
		before.Pending = &p
		return true, c.Clients.sealProgress(s, before)
	})
	if err != nil {
		return "", err
	}
	base, err := baseOf(c.Clients.BaseURL, account)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(p.Verifier))
	query := url.Values{
		"response_type": {"code"}, "client_id": {p.ClientID}, "redirect_uri": {p.RedirectURI}, "scope": {p.Scope},
		"state": {id + "." + secret}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	return base.String() + "/oauth/authorizations/new?" + query.Encode(), nil
}

func randomText() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // Never fails (crypto/rand).
	return base64.RawURLEncoding.EncodeToString(b)
}

func hashState(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Callback ends an OAuth authorization with the state and code Zendesk sent the admin back with, and connects the source. A state works once
// and for 10 minutes; an empty code means that the admin said no. Nothing is stored unless the checks of the account pass.
func (c *Connections) Callback(ctx context.Context, state, code string) (schemas.Source, error) {
	id, p, err := c.redeemState(ctx, state)
	if err != nil {
		return schemas.Source{}, err
	}
	if code == "" {
		return schemas.Source{}, refuse("authorization-denied", "Zendesk sent no code: the authorization was not given")
	}
	s, err := c.Store.Source(ctx, id)
	if err != nil {
		return schemas.Source{}, err
	}
	g, err := c.Clients.grant(context.WithoutCancel(ctx), s.Account, grantRequest{
		GrantType: "authorization_code", ClientID: p.ClientID, ClientSecret: p.ClientSecret, Code: code, CodeVerifier: p.Verifier,
		RedirectURI: p.RedirectURI, Scope: p.Scope,
	})
	if err != nil {
		return schemas.Source{}, explainGrant(err)
	}
	if err := c.check(ctx, s.Account, bearer(g.AccessToken)); err != nil {
		return schemas.Source{}, err
	}
	return c.connect(ctx, id, c.sealGrant(id, MethodOAuth, p.ClientID, p.ClientSecret, g))
}

// redeemState finds the pending authorization of a state and removes it, so that the state cannot be used again.
func (c *Connections) redeemState(ctx context.Context, state string) (id string, p pending, err error) {
	unknown := refuse("unknown-state", "this authorization is not known, was used before or is older than 10 minutes; start it again")
	id, secret, ok := strings.Cut(state, ".")
	if !ok || id == "" || len(secret) > 128 {
		return "", p, unknown
	}
	err = c.Clients.change(ctx, id, func(s *schemas.Source) (bool, error) {
		kept, err := c.Clients.openProgress(*s)
		if err != nil {
			return false, err
		}
		if kept.Pending == nil || subtle.ConstantTimeCompare([]byte(kept.Pending.State), []byte(hashState(secret))) != 1 {
			return false, unknown
		}
		p, kept.Pending = *kept.Pending, nil
		if err := c.Clients.sealProgress(s, kept); err != nil {
			return false, err
		}
		return true, nil
	})
	switch {
	case errors.Is(err, schemas.ErrNotFound):
		return "", p, unknown
	case err != nil:
		return "", p, err
	case !c.Now().Before(p.Until):
		return "", p, unknown
	}
	return id, p, nil
}

// noAccount says that a token was asked for where no account answers.
func noAccount(err error) bool {
	answered := new(grantError)
	if errors.Is(err, errGrantRefused) || !errors.As(err, &answered) {
		return noHost(err)
	}
	return answered.status == http.StatusNotFound || answered.status >= 300 && answered.status < 400
}

// explainGrant turns a failed request for a token into a Problem where the answer tells.
func explainGrant(err error) error {
	answered := new(grantError)
	switch {
	case errors.Is(err, errGrantRefused):
		return refuse(CodeWrongCredentials, "Zendesk gave no token for this OAuth client; check its id, its secret and its redirect address")
	case errors.As(err, &answered) && answered.status == http.StatusTooManyRequests:
		return limited(max(time.Until(answered.until), 0))
	case errors.As(err, &answered):
		return &schemas.Problem{
			Class: schemas.ErrUnavailable, Code: "unavailable",
			Detail: fmt.Sprintf("Zendesk gave no token at this moment (status %d): start again in a minute", answered.status),
		}
	case errors.Is(err, errGrantUnknown):
		return errors.Join(schemas.ErrUnavailable, err)
	}
	return err
}

func (c *Connections) sealGrant(id, method, clientID, clientSecret string, g grantAnswer) schemas.Auth {
	return schemas.Auth{
		Method: method, ClientID: clientID,
		ClientSecret: c.Sealer.Seal(id, fieldClientSecret, clientSecret),
		AccessToken:  c.Sealer.Seal(id, fieldAccessToken, g.AccessToken),
		RefreshToken: c.Sealer.Seal(id, fieldRefreshToken, g.RefreshToken),
		ExpiresAt:    g.expires(c.Now()),
	}
}
