package ingest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"deskstream/schemas"
)

const (
	leaseLife    = time.Minute            // longer than a refresh with its storing can take
	leasePoll    = 200 * time.Millisecond // how often one who waits for another's refresh looks
	renewAhead   = 2 * time.Minute        // before the end of an access token; the shortest life is 5 minutes
	storePatient = 40 * time.Second       // how long a new pair is tried to be stored
)

// progress is what a source record keeps of a grant that is under way. It is sealed, see progressField.
type progress struct {
	Lease   *lease   `json:"lease,omitempty"`
	Pending *pending `json:"pending,omitempty"`
}

// lease says who refreshes the tokens of a source: Zendesk ends both old tokens with each refresh, so that two at a time would lock each
// other out.
type lease struct {
	By    string    `json:"by"`
	Until time.Time `json:"until"`
}

// pending is an authorization that waits for the admin to come back from Zendesk.
type pending struct {
	State        string    `json:"state"` // SHA-256 of the state parameter, hexadecimal
	Verifier     string    `json:"verifier"`
	ClientID     string    `json:"client_id"`
	ClientSecret string    `json:"client_secret"`
	RedirectURI  string    `json:"redirect_uri"`
	Scope        string    `json:"scope"`
	Until        time.Time `json:"until"`
}

// progressField is where a record keeps its progress: the one secret field that the method in use has no need of.
func progressField(a *schemas.Auth) *string {
	if a.Method == MethodAPIToken {
		return &a.RefreshToken
	}
	return &a.Token
}

func (c *Clients) openProgress(s schemas.Source) (progress, error) {
	var p progress
	text, err := c.Sealer.Open(s.ID, fieldGrant, *progressField(&s.Auth))
	if err != nil || text == "" {
		return p, err
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return p, fmt.Errorf("source %s: stored grant: %w: %w", s.ID, schemas.ErrInvalid, err)
	}
	return p, nil
}

func (c *Clients) sealProgress(s *schemas.Source, p progress) error {
	field := progressField(&s.Auth)
	if p.Lease == nil && p.Pending == nil {
		*field = ""
		return nil
	}
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("source %s: grant: %w", s.ID, err)
	}
	*field = c.Sealer.Seal(s.ID, fieldGrant, string(text))
	return nil
}

// TokenSource keeps the access token of one source fresh. Over all processes at most one refresh is under way: within one by turns,
// between them by a lease on the source record. A new pair is stored before it is used for the first time. It is safe for concurrent use.
type TokenSource struct {
	clients *Clients
	id      string
	turn    chan struct{} // held by whoever reads or changes what is below

	access string
	until  time.Time // zero = no end known

	failure  error     // of the last request for a token, nil = it brought one
	failures int       // in a row
	again    time.Time // no token is asked for before
}

func (t *TokenSource) lock(ctx context.Context) error {
	select {
	case t.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *TokenSource) unlock() { <-t.turn }

func (t *TokenSource) header(ctx context.Context) (string, error) {
	if err := t.lock(ctx); err != nil {
		return "", err
	}
	defer t.unlock()
	if t.access == "" || t.old(t.until) {
		if err := t.load(ctx, ""); err != nil {
			return "", err
		}
	}
	return bearer(t.access).header(ctx)
}

// toleratedRefusals is 0: a refused access token is renewed, and Zendesk's answer to that tells.
func (t *TokenSource) toleratedRefusals() int { return 0 }

// renew replaces the token of the header used. Of many callers with the same dead token the first refreshes and the others get its result.
func (t *TokenSource) renew(ctx context.Context, used string) error {
	if err := t.lock(ctx); err != nil {
		return err
	}
	defer t.unlock()
	if t.access != "" && used != "Bearer "+t.access {
		return nil
	}
	return t.load(ctx, t.access)
}

// forget drops the token in memory, because the record has another one now.
func (t *TokenSource) forget(ctx context.Context) {
	if t.lock(ctx) == nil {
		t.use("", time.Time{})
		t.unlock()
	}
}

// use takes a token over, and with it what failed before is past.
func (t *TokenSource) use(access string, until time.Time) {
	t.access, t.until = access, until
	t.failure, t.failures, t.again = nil, 0, time.Time{}
}

// postpone remembers that no token came, and when one is asked for again: after a little longer each time, and not before Zendesk's
// Retry-After. Until then all who need a token get this failure.
func (t *TokenSource) postpone(failure error) error {
	t.failures++
	t.failure, t.again = failure, time.Now().Add(delay(t.clients.Backoff, t.failures))
	if answered := new(grantError); errors.As(failure, &answered) && answered.until.After(t.again) {
		t.again = answered.until
	}
	return failure
}

func (t *TokenSource) old(until time.Time) bool {
	return !until.IsZero() && !t.clients.Now().Before(until.Add(-renewAhead))
}

// load takes the stored token, and refreshes it when it is the dead one or about to end.
func (t *TokenSource) load(ctx context.Context, dead string) error {
	for {
		s, err := t.clients.Store.Source(ctx, t.id)
		if err != nil {
			return err
		}
		if s.Error == schemas.Reauthorize {
			return fmt.Errorf("source %s: %w: authorize it again", t.id, schemas.ErrUnauthenticated)
		}
		access, err := t.clients.Sealer.Open(t.id, fieldAccessToken, s.Auth.AccessToken)
		if err != nil {
			return err
		}
		if access != "" && access != dead && !t.old(timeOf(s.Auth.ExpiresAt)) {
			t.use(access, timeOf(s.Auth.ExpiresAt))
			return nil
		}
		if t.failure != nil && time.Now().Before(t.again) {
			return t.failure
		}
		done, err := t.refresh(ctx, s)
		if done || err != nil {
			return err
		}
	}
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// refresh takes the lease and refreshes. done is false when the record has to be read again, after a wait where another holds the lease.
func (t *TokenSource) refresh(ctx context.Context, s schemas.Source) (done bool, err error) {
	p, err := t.clients.openProgress(s)
	if err != nil {
		return false, err
	}
	if p.Lease != nil && t.clients.Now().Before(p.Lease.Until) {
		return false, schemas.Wait(ctx, leasePoll)
	}
	p.Lease = &lease{rand.Text(), t.clients.Now().Add(leaseLife).UTC()}
	if err := t.clients.sealProgress(&s, p); err != nil {
		return false, err
	}
	switch err := t.clients.Store.PutSource(ctx, &s); {
	case errors.Is(err, schemas.ErrFenced):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("source %s: lease of the token: %w", t.id, err)
	}
	// From here on the caller's leaving must not stop it: the answer holds the only copy of the new pair.
	return true, t.exchange(context.WithoutCancel(ctx), s, p.Lease.By)
}

// exchange asks for new tokens and settles the record by what came of it. An unknown outcome is followed by one more request with the same
// refresh token, in sequence: if the first one was carried out, the pair it made is lost either way and this one is refused.
func (t *TokenSource) exchange(ctx context.Context, s schemas.Source, holder string) error {
	req, err := t.request(s)
	if err != nil {
		return err
	}
	g, err := t.clients.grant(ctx, s.Account, req)
	if errors.Is(err, errGrantUnknown) {
		t.clients.Log.Warn().Err(err).Str("source", t.id).Msg("token refresh in doubt, asking once more")
		g, err = t.clients.grant(ctx, s.Account, req)
	}
	count := t.clients.Metrics.refresh
	switch {
	case err == nil:
		count.WithLabelValues("ok").Inc()
		return t.keep(ctx, s, g)
	case errors.Is(err, errGrantRefused):
		count.WithLabelValues("refused").Inc()
		if failed := t.fail(ctx, s.Auth); failed != nil {
			return failed
		}
		return fmt.Errorf("source %s: %w: %w", t.id, schemas.ErrUnauthenticated, err)
	}
	count.WithLabelValues("failed").Inc()
	t.release(ctx, holder)
	return t.postpone(fmt.Errorf("source %s: %w: %w", t.id, schemas.ErrUnavailable, err))
}

func (t *TokenSource) request(s schemas.Source) (grantRequest, error) {
	secret, err := t.clients.Sealer.Open(t.id, fieldClientSecret, s.Auth.ClientSecret)
	if err != nil {
		return grantRequest{}, err
	}
	req := grantRequest{GrantType: MethodClientCredentials, ClientID: s.Auth.ClientID, ClientSecret: secret, Scope: scopeRead}
	if s.Auth.Method == MethodOAuth {
		req.GrantType, req.Scope = "refresh_token", ""
		req.RefreshToken, err = t.clients.Sealer.Open(t.id, fieldRefreshToken, s.Auth.RefreshToken)
	}
	return req, err
}

// keep stores the new pair, patiently, and only then makes it the token in use. The record may have changed meanwhile; as long as it still
// holds the credentials that were exchanged, the new ones belong into it.
func (t *TokenSource) keep(ctx context.Context, used schemas.Source, g grantAnswer) error {
	until := g.expires(t.clients.Now())
	err := t.clients.change(ctx, t.id, func(s *schemas.Source) (bool, error) {
		if !sameCredentials(s.Auth, used.Auth) {
			return false, nil
		}
		s.Auth.AccessToken = t.clients.Sealer.Seal(t.id, fieldAccessToken, g.AccessToken)
		s.Auth.RefreshToken = t.clients.Sealer.Seal(t.id, fieldRefreshToken, g.RefreshToken)
		s.Auth.ExpiresAt, s.Error = until, ""
		return true, t.clients.dropLease(s)
	})
	if err != nil {
		return fmt.Errorf("source %s: new tokens could not be stored: %w", t.id, err)
	}
	t.use(g.AccessToken, timeOf(until))
	return nil
}

// fail marks the source for a new authorization, unless its credentials were replaced meanwhile.
func (t *TokenSource) fail(ctx context.Context, used schemas.Auth) error {
	return t.clients.change(ctx, t.id, func(s *schemas.Source) (bool, error) {
		if !sameCredentials(s.Auth, used) {
			return false, nil
		}
		t.clients.Log.Error().Str("source", t.id).Msg("credentials refused, source must be authorized again")
		s.Error = schemas.Reauthorize
		return true, t.clients.dropLease(s)
	})
}

func sameCredentials(a, b schemas.Auth) bool {
	if a.Method == MethodAPIToken {
		return a.Method == b.Method && a.Email == b.Email && a.Token == b.Token
	}
	return a.Method == b.Method && a.RefreshToken == b.RefreshToken && a.AccessToken == b.AccessToken && a.ClientSecret == b.ClientSecret
}

// release gives the lease back, so that the next request need not wait for its end.
func (t *TokenSource) release(ctx context.Context, holder string) {
	err := t.clients.change(ctx, t.id, func(s *schemas.Source) (bool, error) {
		p, err := t.clients.openProgress(*s)
		if err != nil || p.Lease == nil || p.Lease.By != holder {
			return false, err
		}
		return true, t.clients.dropLease(s)
	})
	if err != nil {
		t.clients.Log.Warn().Err(err).Str("source", t.id).Msg("lease of the token runs to its end")
	}
}

func (c *Clients) dropLease(s *schemas.Source) error {
	p, err := c.openProgress(*s)
	if err != nil {
		return err
	}
	p.Lease = nil
	return c.sealProgress(s, p)
}

// change reads a source record, lets fn edit it and stores it; again when another writer was faster, and for a while when the store does
// not answer. fn is false when there is nothing to store.
func (c *Clients) change(ctx context.Context, id string, fn func(s *schemas.Source) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, storePatient)
	defer cancel()
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		err := c.changeOnce(ctx, id, fn)
		if err == nil || !errors.Is(err, schemas.ErrFenced) && !errors.Is(err, schemas.ErrUnavailable) {
			return err
		}
		if schemas.Wait(ctx, pause) != nil {
			return err
		}
	}
}

func (c *Clients) changeOnce(ctx context.Context, id string, fn func(s *schemas.Source) (bool, error)) error {
	s, err := c.Store.Source(ctx, id)
	if err != nil {
		return err
	}
	ok, err := fn(&s)
	if err != nil || !ok {
		return err
	}
	return c.Store.PutSource(ctx, &s)
}
