package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"deskstream/schemas"
)

// Bounds of a client.
const (
	maxPause        = 10 * time.Minute // longest wait an answer can ask for
	maxTries        = 6                // of one request that fails for reasons that may pass
	maxThrottles    = 20               // of one request that is told to wait
	maxRefusals     = 4                // of one request that is refused with credentials that nothing but a person can replace
	refusalPause    = 2                // the first pause after such a refusal, as an exponent of the backoff
	maxBody         = 128 << 20        // of one answer, in bytes
	defaultTimeout  = 90 * time.Second
	defaultBackoff  = 500 * time.Millisecond
	longestBackoff  = 30 * time.Second
	errorBodyLength = 4 << 10
)

// errSlow marks a request that Zendesk did not answer in time. It is not tried again as it is: a smaller page may come through.
var errSlow = errors.New("no answer in time")

// StatusError is an answer other than success. It wraps the error class that fits the status.
type StatusError struct {
	Status int
	Path   string
	Body   []byte // its first 4 KiB
	Class  error
	Target string // the host of a redirect
}

func (e *StatusError) Error() string {
	if e.Target != "" {
		return fmt.Sprintf("zendesk %s: status %d: %v: a redirect to %.255q instead of an answer", e.Path, e.Status, e.Class, e.Target)
	}
	return fmt.Sprintf("zendesk %s: status %d: %v", e.Path, e.Status, e.Class)
}

// Unwrap gives the class.
func (e *StatusError) Unwrap() error { return e.Class }

func statusClass(status int) error {
	switch {
	case status == http.StatusUnauthorized:
		return schemas.ErrUnauthenticated
	case status == http.StatusForbidden:
		return schemas.ErrDenied
	case status == http.StatusNotFound:
		return schemas.ErrNotFound
	case status == http.StatusTooManyRequests, status >= 500, status == http.StatusRequestTimeout, status == http.StatusConflict:
		return schemas.ErrUnavailable
	}
	return schemas.ErrInvalid
}

// credentials prove to Zendesk who asks.
type credentials interface {
	// header gives the Authorization header.
	header(ctx context.Context) (string, error)
	// toleratedRefusals is how often a refusal may be one that passes: the same is asked again before renew is called.
	toleratedRefusals() int
	// renew is called when Zendesk refused used; nil means that header gives another one now.
	renew(ctx context.Context, used string) error
}

// Client reads from one Zendesk account. It waits for the account's rate limits, tries again what may pass, and only ever asks: its one
// write is the registration of a webhook. It is safe for concurrent use.
type Client struct {
	account string
	base    *url.URL
	http    *http.Client
	budget  *budget
	auth    credentials
	metrics *Metrics
	now     func() time.Time
	maxBody int64
	timeout time.Duration
	backoff time.Duration
	tries   int
	pausing func(until time.Time) // learns of long pauses; nil = nobody wants to know
}

// time gives Zendesk's time at one of ours, as far as its answers told: the exports refuse a start_time that is not long past by its clock.
func (c *Client) time(at time.Time) time.Time { return at.Add(time.Duration(c.budget.ahead.Load())) }

// Get reads a path like /api/v2/users/me.json and returns the body of a 200.
func (c *Client) Get(ctx context.Context, path string, query url.Values) ([]byte, error) {
	return c.do(ctx, http.MethodGet, path, query, nil)
}

// GetJSON reads a path into out.
func (c *Client) GetJSON(ctx context.Context, path string, query url.Values, out any) error {
	body, err := c.Get(ctx, path, query)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("zendesk %s: answer is not the JSON expected: %w: %w", path, schemas.ErrUnavailable, err)
	}
	return nil
}

// do sends a request until it is answered or there is no hope.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, body []byte) ([]byte, error) {
	failures, throttles, refusals, renewed := 0, 0, 0, false
	var refused time.Time
	for {
		auth, answer, err := c.attempt(ctx, refused, method, path, query, body)
		if err == nil {
			return answer.body, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("zendesk %s: %w", path, ctx.Err())
		}
		status := answer.status
		switch {
		case status == http.StatusUnauthorized && auth != "" && refusals < c.auth.toleratedRefusals():
			refusals++
			if err := schemas.Wait(ctx, c.delay(refusals+refusalPause)); err != nil {
				return nil, fmt.Errorf("zendesk %s: %w", path, err)
			}
		case status == http.StatusUnauthorized && !renewed && auth != "":
			renewed = true
			if err := c.auth.renew(ctx, auth); err != nil {
				return nil, fmt.Errorf("zendesk %s: %w", path, err)
			}
		case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable && answer.told:
			if throttles++; throttles > maxThrottles {
				return nil, err
			}
			if refused.IsZero() {
				refused = time.Now()
			}
			c.budget.of(path).pause(answer.pause(c.delay(throttles)))
		case !passing(status, err):
			return nil, err
		default:
			if failures++; failures >= c.tries || method != http.MethodGet {
				return nil, err
			}
			if err := schemas.Wait(ctx, c.delay(failures)); err != nil {
				return nil, fmt.Errorf("zendesk %s: %w", path, err)
			}
		}
	}
}

// passing says whether a failure may pass by itself. A timeout is left to the caller, who can ask for less.
func passing(status int, err error) bool {
	problem := new(schemas.Problem) // for a person, who decides
	if errors.As(err, &problem) || errors.Is(err, errSlow) || errors.Is(err, schemas.ErrDenied) || errors.Is(err, schemas.ErrTooLarge) || noHost(err) {
		return false
	}
	return status == 0 || status >= 500 || status == http.StatusConflict || status == http.StatusRequestTimeout
}

func (c *Client) delay(n int) time.Duration { return delay(c.backoff, n) }

// delay grows with each failure and is spread, so that many clients do not come back together.
func delay(backoff time.Duration, n int) time.Duration {
	d := min(backoff<<min(n-1, 10), longestBackoff)
	return d/2 + rand.N(d/2+1)
}

type answer struct {
	status int
	body   []byte
	told   bool // Retry-After was there
	after  time.Duration
}

func (a answer) pause(fallback time.Duration) time.Duration {
	if a.told {
		return max(a.after, 10*time.Millisecond)
	}
	return fallback
}

// attempt sends a request once, that may have been refused for its rate since some time. auth is the Authorization header that was sent.
func (c *Client) attempt(ctx context.Context, refused time.Time, method, path string, query url.Values, body []byte) (auth string, a answer, err error) {
	bucket := c.budget.of(path)
	waited, err := bucket.wait(ctx, refused, c.pausing)
	if err != nil {
		return "", a, fmt.Errorf("zendesk %s: waiting for the rate limit: %w", path, err)
	}
	if waited {
		c.metrics.waited.WithLabelValues(c.account, bucket.name).Inc()
	}
	if auth, err = c.auth.header(ctx); err != nil {
		return "", a, fmt.Errorf("zendesk %s: %w", path, err)
	}
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := c.request(limited, method, path, query, body, auth)
	if err != nil {
		return auth, a, err
	}
	a, err = c.send(req, path)
	c.metrics.requests.WithLabelValues(c.account, strconv.Itoa(a.status)).Inc()
	return auth, a, err
}

func (c *Client) request(ctx context.Context, method, path string, query url.Values, body []byte, auth string) (*http.Request, error) {
	u := *c.base
	u.Path += path
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("zendesk %s: %w", path, err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "deskstream")
	if auth != "" {
		req.Header.Set("Authorization", auth)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

func (c *Client) send(req *http.Request, path string) (answer, error) {
	sent := c.now()
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, c.failure(path, err)
	}
	defer resp.Body.Close()
	c.budget.learnTime(resp.Header, sent, c.now())
	c.budget.learn(path, resp.Header, c.metrics, c.account)
	a := answer{status: resp.StatusCode}
	a.after, a.told = schemas.RetryAfter(resp.Header, time.Now(), maxPause)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, errorBodyLength)) // What could be read is enough.
		class := statusClass(resp.StatusCode)
		if resp.StatusCode == http.StatusGatewayTimeout {
			class = fmt.Errorf("%w: %w", schemas.ErrUnavailable, errSlow)
		}
		return a, &StatusError{Status: resp.StatusCode, Path: path, Body: text, Class: class, Target: redirectHost(resp)}
	}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, c.maxBody+1))
	if err != nil {
		a.status = 0 // An answer that was cut is no answer.
		return a, c.failure(path, err)
	}
	if int64(len(a.body)) > c.maxBody {
		return a, fmt.Errorf("zendesk %s: answer of over %d bytes: %w", path, c.maxBody, schemas.ErrTooLarge)
	}
	return a, nil
}

// redirectHost gives no more of a redirect than its host: the rest may hold a cursor.
func redirectHost(resp *http.Response) string {
	to, err := resp.Location()
	if err != nil || resp.StatusCode > 399 {
		return ""
	}
	return to.Host
}

// failure classes an error of the network. The address is left out of the message: it may hold a cursor.
func (c *Client) failure(path string, err error) error {
	if u := new(url.Error); errors.As(err, &u) {
		err = u.Err
	}
	var timeout net.Error
	switch {
	case errors.Is(err, schemas.ErrDenied):
		return fmt.Errorf("zendesk %s: %w", path, err)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("zendesk %s: %w: %w", path, schemas.ErrUnavailable, errSlow)
	}
	return fmt.Errorf("zendesk %s: %w: %w", path, schemas.ErrUnavailable, err)
}

// maxListPages bounds the pages of one list, 100 rows each. Part of a list would pass for all of it, so a longer one is an error.
const maxListPages = 1000

// list reads a list to its end, page by page.
func (c *Client) list(ctx context.Context, path, rows string) ([]json.RawMessage, error) {
	var out []json.RawMessage
	after := ""
	var pages cycle
	for range maxListPages {
		query := url.Values{"page[size]": {"100"}}
		setListPage(query, after)
		body, err := c.Get(ctx, path, query)
		if err != nil {
			return nil, err
		}
		p, err := parsePage(body)
		if err != nil {
			return nil, err
		}
		found, err := p.list(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
		if after, err = nextListPage(p, c.base); err != nil || after == "" {
			return out, err
		}
		if pages.closed(after) {
			return nil, fmt.Errorf("zendesk %s: %w: Zendesk's %w", path, schemas.ErrUnavailable, errCycle)
		}
	}
	return nil, fmt.Errorf("zendesk %s: %w: no end after %d pages", path, schemas.ErrUnavailable, maxListPages)
}
