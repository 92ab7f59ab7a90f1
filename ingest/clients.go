package ingest

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"deskstream/schemas"
)

// What Zendesk's smallest plans allow an account (developer.zendesk.com/api-reference/introduction/rate-limits).
const (
	DefaultIncrementalPerMinute = 10
	DefaultRestPerMinute        = 200
)

// Clients makes the clients of sources. All clients of an account share its rate limits, all of a source its tokens. Store, Sealer, Metrics
// and Now must be set. It is safe for concurrent use; do not change the fields after the first call.
type Clients struct {
	Store   Store
	Sealer  *Sealer
	Metrics *Metrics
	Now     func() time.Time
	Log     zerolog.Logger

	// BaseURL replaces DefaultBaseURL, for a test server or a proxy. It lifts the ban on private addresses.
	BaseURL string
	// IncrementalPerMinute and RestPerMinute bound the requests to one account; 0 = the defaults above.
	IncrementalPerMinute, RestPerMinute int
	// Timeout is the longest wait for an answer (0 = 90 s), Backoff the first pause after a failure (0 = 500 ms), Tries how often a
	// failing request is sent (0 = 6).
	Timeout time.Duration
	Backoff time.Duration
	Tries   int

	mostBody int64 // bytes of an answer; 0 = maxBody
	once     sync.Once
	http     *http.Client
	mu       sync.Mutex
	budgets  map[string]*budget // by account
	tokens   map[string]*TokenSource
}

func (c *Clients) defaults() {
	setDefault(&c.IncrementalPerMinute, DefaultIncrementalPerMinute)
	setDefault(&c.RestPerMinute, DefaultRestPerMinute)
	setDefault(&c.Timeout, defaultTimeout)
	setDefault(&c.Backoff, defaultBackoff)
	setDefault(&c.Tries, maxTries)
	setDefault(&c.mostBody, maxBody)
	c.http = newHTTP(c.BaseURL != "" && c.BaseURL != DefaultBaseURL)
	c.budgets, c.tokens = map[string]*budget{}, map[string]*TokenSource{}
}

// For returns a client with the stored credentials of a source.
func (c *Clients) For(s schemas.Source) (*Client, error) {
	auth, err := c.stored(s)
	if err != nil {
		return nil, err
	}
	return c.with(s.Account, auth)
}

func (c *Clients) stored(s schemas.Source) (credentials, error) {
	switch s.Auth.Method {
	case MethodAPIToken:
		token, err := c.Sealer.Open(s.ID, fieldToken, s.Auth.Token)
		if err != nil {
			return nil, err
		}
		return apiToken{s.Auth.Email, token, func(ctx context.Context) error { return c.tokenSource(s.ID).fail(ctx, s.Auth) }}, nil
	case MethodOAuth, MethodClientCredentials:
		return c.tokenSource(s.ID), nil
	}
	return nil, fmt.Errorf("source %s: %w: it has no credentials, authorize it first", s.ID, schemas.ErrUnauthenticated)
}

// with returns a client with credentials that need not be stored.
func (c *Clients) with(account string, auth credentials) (*Client, error) {
	c.once.Do(c.defaults)
	base, err := baseOf(c.BaseURL, account)
	if err != nil {
		return nil, err
	}
	return &Client{
		account: account, base: base, http: c.http, budget: c.budget(account), auth: auth, metrics: c.Metrics, now: c.Now,
		maxBody: c.mostBody, timeout: c.Timeout, backoff: c.Backoff, tries: c.Tries,
	}, nil
}

func (c *Clients) budget(account string) *budget {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.budgets[account]
	if b == nil {
		log := c.Log.With().Str("account", account).Logger()
		b = &budget{
			incremental: newBucket("incremental", c.IncrementalPerMinute, c.IncrementalPerMinute, log),
			rest:        newBucket("rest", c.RestPerMinute, max(1, c.RestPerMinute/4), log),
		}
		c.budgets[account] = b
	}
	return b
}

func (c *Clients) tokenSource(id string) *TokenSource {
	c.once.Do(c.defaults)
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tokens[id]
	if t == nil {
		t = &TokenSource{clients: c, id: id, turn: make(chan struct{}, 1)}
		c.tokens[id] = t
	}
	return t
}

// Follow drops what is kept and counted of a source and its account as soon as the source is deleted.
func (c *Clients) Follow(sources *Directory) {
	sources.Watch(func(s schemas.Source, deleted bool) {
		if !deleted {
			return
		}
		c.Metrics.forget(s.Account)
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.tokens, s.ID)
		delete(c.budgets, s.Account)
	})
}

// apiToken is an API token of an admin. It cannot be renewed.
type apiToken struct {
	email, token string
	refused      func(ctx context.Context) error // nil = nobody wants to know
}

func (a apiToken) header(context.Context) (string, error) {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(a.email+"/token:"+a.token)), nil
}

// toleratedRefusals holds for a stored token: one that was just typed in is refused at once, to the person who can correct it.
func (a apiToken) toleratedRefusals() int {
	if a.refused == nil {
		return 0
	}
	return maxRefusals
}

func (a apiToken) renew(ctx context.Context, _ string) error {
	if a.refused != nil {
		if err := a.refused(ctx); err != nil {
			return err
		}
	}
	return fmt.Errorf("the API token was refused: %w", schemas.ErrUnauthenticated)
}

// bearer is an access token as it is.
type bearer string

func (b bearer) header(context.Context) (string, error) { return "Bearer " + string(b), nil }

func (b bearer) toleratedRefusals() int { return 0 }

func (b bearer) renew(context.Context, string) error {
	return fmt.Errorf("the access token was refused: %w", schemas.ErrUnauthenticated)
}
