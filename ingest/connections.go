package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"deskstream/schemas"
)

// SecretOverlap is how long the former webhook secret stays valid after a change.
const SecretOverlap = 10 * time.Minute

// Connections carries out the steps of a source's life. Everything it learns is in the store, so that any number of processes may run
// one. All fields must be set. It is safe for concurrent use.
type Connections struct {
	Store   Store
	Sealer  *Sealer
	Clients *Clients
	Now     func() time.Time
	Log     zerolog.Logger
	// PublicURL is our address as Zendesk and the admin's browser see it.
	PublicURL string
}

// Authorize gives a source credentials. For api_token and client_credentials the account is checked and the source is connected when it
// returns; for oauth it returns the address to send the admin to, and Callback does the rest. Errors are Problems: of class
// schemas.ErrInvalid with one of the codes of Check or the bad fields, of class schemas.ErrConflict when the source is archived.
func (c *Connections) Authorize(ctx context.Context, id string, req schemas.AuthorizeRequest) (authorizeURL string, err error) {
	if err := validateRequest(req); err != nil {
		return "", err
	}
	s, err := c.Store.Source(ctx, id)
	if err != nil {
		return "", err
	}
	if s.Status == schemas.SourceArchived {
		return "", conflict("source-archived", "the source is archived: restore it first")
	}
	switch req.Method {
	case MethodOAuth:
		return c.begin(ctx, id, req)
	case MethodAPIToken:
		return "", c.withToken(ctx, s, req)
	default:
		return "", c.withClient(ctx, s, req)
	}
}

func validateRequest(r schemas.AuthorizeRequest) error {
	p := &schemas.Problem{Class: schemas.ErrInvalid, Code: "invalid-input", Detail: "the credentials are not complete"}
	need := func(value, location, message string) {
		if strings.TrimSpace(value) == "" {
			p.Fields = append(p.Fields, schemas.Field{Location: location, Message: message})
		}
	}
	switch r.Method {
	case MethodAPIToken:
		if a, err := mail.ParseAddress(r.Email); err != nil || a.Address != r.Email { // a name beside it is no part of what Zendesk takes
			need("", "body.email", "must be the e-mail address of an administrator of the Zendesk account")
		}
		need(r.Token, "body.token", "must be an API token of the Zendesk account")
	case MethodOAuth, MethodClientCredentials:
		need(r.ClientID, "body.client_id", "must be the unique identifier of an OAuth client of the Zendesk account")
		need(r.ClientSecret, "body.client_secret", "must be the secret of the OAuth client")
	default:
		need("", "body.method", "must be oauth, client_credentials or api_token")
	}
	if len(p.Fields) > 0 {
		return p
	}
	return nil
}

func (c *Connections) withToken(ctx context.Context, s schemas.Source, req schemas.AuthorizeRequest) error {
	if err := c.check(ctx, s.Account, apiToken{email: req.Email, token: req.Token}); err != nil {
		return err
	}
	_, err := c.connect(ctx, s.ID, schemas.Auth{
		Method: MethodAPIToken, Email: req.Email, Token: c.Sealer.Seal(s.ID, fieldToken, req.Token),
	})
	return err
}

func (c *Connections) withClient(ctx context.Context, s schemas.Source, req schemas.AuthorizeRequest) error {
	g, err := c.Clients.grant(ctx, s.Account, grantRequest{
		GrantType: MethodClientCredentials, ClientID: req.ClientID, ClientSecret: req.ClientSecret, Scope: scopeRead,
	})
	if noAccount(err) {
		return unknownAccount()
	}
	if err != nil {
		return explainGrant(err)
	}
	if err := c.check(ctx, s.Account, bearer(g.AccessToken)); err != nil {
		return err
	}
	_, err = c.connect(ctx, s.ID, c.sealGrant(s.ID, MethodClientCredentials, req.ClientID, req.ClientSecret, g))
	return err
}

func (c *Connections) check(ctx context.Context, account string, auth credentials) error {
	client, err := c.Clients.with(account, auth)
	if err != nil {
		return err
	}
	// A person waits for the answer, so there are fewer tries than in the background.
	quick := *client
	quick.tries, quick.timeout = 2, min(client.timeout, 20*time.Second)
	return inTime(ctx, func(ctx context.Context) error {
		return explainGrant(quick.Check(ctx, c.Now())) // A stored token may have to be renewed for it.
	})
}

// askTime is how long a person waits for Zendesk's answers: less than the 60 s within which ours has to be there, and long enough to ask
// again with a stored API token that was refused.
const askTime = 45 * time.Second

// inTime asks Zendesk something while a person waits.
func inTime(ctx context.Context, ask func(ctx context.Context) error) error {
	limit, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	err := ask(limit)
	if err != nil && limit.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: Zendesk did not answer within %s", schemas.ErrUnavailable, askTime)
	}
	return err
}

// connect stores credentials that passed the checks. The pollers see the change and start.
func (c *Connections) connect(ctx context.Context, id string, auth schemas.Auth) (schemas.Source, error) {
	if err := c.due(ctx, id); err != nil {
		return schemas.Source{}, err
	}
	s, err := c.edit(ctx, id, func(s *schemas.Source) error {
		if s.Status == schemas.SourceArchived {
			return conflict("source-archived", "the source is archived: restore it first")
		}
		s.Auth, s.Error, s.Status = auth, "", schemas.SourceConnected
		return nil
	})
	c.Clients.tokenSource(id).forget(ctx)
	return s, err
}

// edit changes a record and its time of change.
func (c *Connections) edit(ctx context.Context, id string, fn func(s *schemas.Source) error) (schemas.Source, error) {
	var out schemas.Source
	err := c.Clients.change(ctx, id, func(s *schemas.Source) (bool, error) {
		before := s.Status
		if err := fn(s); err != nil {
			return false, err
		}
		now := c.Now().UTC()
		s.UpdatedAt = now.Truncate(time.Second)
		s.Moved(before, now)
		out = *s
		return true, nil
	})
	if err != nil {
		return schemas.Source{}, err
	}
	return out, nil
}

// SetWebhookSecret stores the signing secret of the account's webhook. The former one stays valid for SecretOverlap, unless it was sealed with
// a key that is lost.
func (c *Connections) SetWebhookSecret(ctx context.Context, id, secret string) error {
	if len(secret) < 8 || len(secret) > 512 {
		return schemas.Invalid("body.signing_secret", "must be the signing secret as Zendesk shows it, 8 to 512 characters")
	}
	_, err := c.edit(ctx, id, func(s *schemas.Source) error {
		old, err := c.Sealer.Open(id, fieldWebhookSecret, s.Webhook.Secret)
		if err != nil {
			c.Log.Warn().Err(err).Str("source", id).Msg("former webhook secret is given up")
		}
		if old == secret {
			return nil
		}
		s.Webhook = schemas.Webhook{Secret: c.Sealer.Seal(id, fieldWebhookSecret, secret)}
		if old != "" {
			until := c.Now().Add(SecretOverlap).UTC()
			s.Webhook.Previous, s.Webhook.PreviousUntil = c.Sealer.Seal(id, fieldWebhookPrevious, old), &until
		}
		return nil
	})
	return err
}

// Modes of Resync.
const (
	ResyncDelta    = "delta"
	ResyncBackfill = "backfill"
)

// Resync makes all streams of a connected source run now: from where they stand (delta, also "") or from as far back as the longest
// retention reaches (backfill). Both may be repeated: what is known already changes nothing.
func (c *Connections) Resync(ctx context.Context, id, mode string) error {
	if mode != ResyncDelta && mode != ResyncBackfill && mode != "" {
		return schemas.Invalid("body.mode", "must be delta or backfill")
	}
	s, err := c.Store.Source(ctx, id)
	if err != nil {
		return err
	}
	if s.Status != schemas.SourceConnected {
		return conflict("source-not-connected", "the source is not connected: authorize or reconnect it first")
	}
	if s.Error == schemas.Reauthorize {
		return conflict("source-not-authorized", "Zendesk does not take the credentials of the source any more: authorize it again first")
	}
	if mode == ResyncBackfill {
		return c.backfill(ctx, s)
	}
	if err := c.due(ctx, id); err != nil {
		return err
	}
	return c.wake(ctx, id)
}

// backfill reads a source again from as far back as the longest retention reaches.
func (c *Connections) backfill(ctx context.Context, s schemas.Source) error {
	if err := c.rewind(ctx, s); err != nil {
		return err
	}
	return c.wake(ctx, s.ID)
}

// wake changes nothing but the time of the record: the change is what wakes the pollers, in whichever process they run.
func (c *Connections) wake(ctx context.Context, id string) error {
	_, err := c.edit(ctx, id, func(*schemas.Source) error { return nil })
	return err
}

// due marks all cursors of a source to run now.
func (c *Connections) due(ctx context.Context, id string) error {
	return c.cursors(ctx, id, nil, func(cur *schemas.Cursor) {})
}

// Widen makes all streams start again where the source's retention reaches to now, because activities that were dropped have to be made
// again. What is known already changes nothing. A source that is not read now begins there when it is.
func (c *Connections) Widen(ctx context.Context, id string) error {
	s, err := c.Store.Source(ctx, id)
	if err != nil {
		return err
	}
	return c.backfill(ctx, s)
}

// rewind sends all cursors back to the start of the longest retention.
func (c *Connections) rewind(ctx context.Context, s schemas.Source) error {
	now := c.Now().UTC()
	return c.cursors(ctx, s.ID, nil, func(cur *schemas.Cursor) {
		start := backfillStart(cur.Resource, s, now)
		cur.Cursor, cur.Start, cur.Through, cur.Done, cur.Rows = "", &start, nil, false, 0
		cur.BeganAt, cur.First = &now, nil
	})
}

// cursors edits the cursors of some resources of a source (nil = of all) and marks them to run now; each again when its poller was faster.
func (c *Connections) cursors(ctx context.Context, id string, names []string, fn func(cur *schemas.Cursor)) error {
	left := map[string]bool{}
	for try := 0; ; try++ {
		all, err := c.Store.Cursors(ctx, id)
		if err != nil {
			return err
		}
		if try == 0 {
			for _, cur := range all {
				if names == nil || slices.Contains(names, cur.Resource) {
					left[cur.Resource] = true
				}
			}
		}
		for _, cur := range all {
			if !left[cur.Resource] {
				continue
			}
			fn(&cur)
			now := c.Now().UTC()
			cur.NextRunAt = &now
			_, err := c.Store.PutCursor(ctx, id, cur)
			if err == nil {
				delete(left, cur.Resource)
			} else if !errors.Is(err, schemas.ErrFenced) {
				return err
			}
		}
		if len(left) == 0 {
			return nil
		}
		if try > 50 {
			return conflict("source-busy", "the source is being read at this moment; try again")
		}
		if err := schemas.Wait(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}
