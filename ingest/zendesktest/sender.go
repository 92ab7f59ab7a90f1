package zendesktest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

// Zendesk's delivery rules (zendesk help article on webhooks, quoted by two clients).
const (
	webhookTimeout = 12 * time.Second
	conflictTries  = 3
	timeoutTries   = 5
	retryAfterMax  = 60
)

// Sender delivers the webhooks of an account as Zendesk does. The zero values send each event once and in order. Given
// the same Seed and the same events it drops, doubles, delays and reorders the same ones. Use one Sender per account.
type Sender struct {
	Account *Account
	// URL takes every event, signed with Secret; when it is empty the account's subscriptions get what they asked for.
	URL    string
	Secret string
	// Client posts; nil means one of its own. Timeout is the wait for an answer; zero means 12 s.
	Client  *http.Client
	Timeout time.Duration
	// Now is the clock of the signature timestamps; nil means time.Now.
	Now func() time.Time
	// Wait pauses between attempts; nil waits really. Tests that do not want to wait return at once.
	Wait func(ctx context.Context, d time.Duration) error
	// RetryWait is the pause after a 409 or a timeout; zero means one second.
	RetryWait time.Duration

	// Seed makes the disturbances below repeatable.
	Seed uint64
	// Copies is how often each event is delivered; zero means once.
	Copies int
	// Duplicate, Drop and Late are chances from 0 to 1 that an event comes once more, never, or LateBy later.
	Duplicate, Drop, Late float64
	LateBy                time.Duration
	// Shuffle is the number of events within which the order is lost; below 2 the order is kept.
	Shuffle int
	// Parallel is the number of posts at a time; zero means one, which alone keeps the order.
	Parallel int

	mu     sync.Mutex
	rand   *rand.Rand
	late   []delayed
	counts Counts
}

// Counts is what a Sender did so far. Deliveries end as Accepted or GivenUp; Dropped events were never tried.
type Counts struct {
	Events, Dropped, Deliveries, Attempts, Accepted, GivenUp int64
	// LastStatus is the latest answer; zero when there was none.
	LastStatus int
}

type delayed struct {
	webhook Webhook
	due     time.Time
}

// target is one receiver of events.
type target struct{ id, url, secret string }

// Counts returns what was done so far; safe while Run runs.
func (s *Sender) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// Run delivers until ctx ends and then returns nil; what waits stays in the account's queue.
func (s *Sender) Run(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.Account.outbox.ready:
		case <-tick.C:
		}
		if err := s.send(ctx, s.now()); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// Flush delivers everything that waits, late events last, and returns when all have ended.
func (s *Sender) Flush(ctx context.Context) (Counts, error) {
	err := s.send(ctx, s.now())
	if err == nil {
		err = s.sendAll(ctx, s.takeLate(time.Time{}))
	}
	return s.Counts(), err
}

func (s *Sender) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

func (s *Sender) send(ctx context.Context, now time.Time) error {
	ready := append(s.takeLate(now), s.plan(s.Account.TakeWebhooks(), now)...)
	return s.sendAll(ctx, ready)
}

// takeLate returns the delayed events that are due; a zero time takes all.
func (s *Sender) takeLate(now time.Time) []Webhook {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Webhook
	rest := s.late[:0]
	for _, d := range s.late {
		if now.IsZero() || !d.due.After(now) {
			out = append(out, d.webhook)
			continue
		}
		rest = append(rest, d)
	}
	s.late = rest
	return out
}

// plan decides what becomes of each event: it is dropped, put off, or delivered once or more, in the order to send.
func (s *Sender) plan(events []Webhook, now time.Time) []Webhook {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rand == nil {
		s.rand = rand.New(rand.NewPCG(s.Seed, 0x5eed))
	}
	var out []Webhook
	for _, w := range events {
		s.counts.Events++
		copies := max(1, s.Copies)
		drop, again, late := s.rand.Float64() < s.Drop, s.rand.Float64() < s.Duplicate, s.rand.Float64() < s.Late
		if again {
			copies++
		}
		if drop {
			s.counts.Dropped++
			continue
		}
		for range copies {
			if late {
				s.late = append(s.late, delayed{w, now.Add(s.LateBy)})
				continue
			}
			out = append(out, w)
		}
	}
	for i := 0; s.Shuffle > 1 && i < len(out); i += s.Shuffle {
		part := out[i:min(i+s.Shuffle, len(out))]
		s.rand.Shuffle(len(part), func(x, y int) { part[x], part[y] = part[y], part[x] })
	}
	return out
}

func (s *Sender) sendAll(ctx context.Context, events []Webhook) error {
	slots := make(chan struct{}, max(1, s.Parallel))
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		first error
	)
	for _, w := range events {
		for _, t := range s.targets(w) {
			if ctx.Err() != nil {
				group.Wait()
				return ctx.Err()
			}
			slots <- struct{}{}
			group.Go(func() {
				defer func() { <-slots }()
				if err := s.deliver(ctx, t, w); err != nil {
					mu.Lock()
					first = errors.Join(first, err)
					mu.Unlock()
				}
			})
		}
	}
	group.Wait()
	return first
}

func (s *Sender) targets(w Webhook) []target {
	if s.URL != "" {
		secret := s.Secret
		if secret == "" {
			secret = StaticSecret
		}
		return []target{{"01HAN96XNH1J7DY8D7RZ22QMT9", s.URL, secret}}
	}
	var out []target
	for _, h := range s.Account.Subscriptions() {
		if h.wants(w.Type) {
			out = append(out, target{h.ID, h.Endpoint, h.Secret})
		}
	}
	return out
}

// deliver sends one event to one receiver with all retries. Its only error is that of ctx.
func (s *Sender) deliver(ctx context.Context, t target, w Webhook) error {
	s.count(func(c *Counts) { c.Deliveries++ })
	sum := sha256.Sum256([]byte(t.id + w.ID))
	invocation := ulid(w.Time, int64(binary.BigEndian.Uint64(sum[:8])>>1))
	conflicts, timeouts := 0, 0
	for {
		status, after, err := s.attempt(ctx, t, w, invocation)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		wait := s.RetryWait
		if wait == 0 {
			wait = time.Second
		}
		switch {
		case err != nil && !timedOut(err), err == nil && !retryable(status, after):
			s.finish(status)
			return nil
		case err != nil:
			timeouts++
		case status == http.StatusConflict:
			conflicts++
		default:
			wait = time.Duration(after) * time.Second
		}
		if conflicts > conflictTries || timeouts > timeoutTries {
			s.finish(status)
			return nil
		}
		if err := s.wait(ctx, wait); err != nil {
			return err
		}
	}
}

func (s *Sender) finish(status int) {
	s.count(func(c *Counts) {
		c.LastStatus = status
		if status/100 == 2 {
			c.Accepted++
		} else {
			c.GivenUp++
		}
	})
}

// retryable says whether Zendesk tries again; after is the Retry-After of the answer in seconds, or -1.
func retryable(status, after int) bool {
	switch status {
	case http.StatusConflict:
		return true
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return after >= 0 && after < retryAfterMax
	}
	return false
}

func timedOut(err error) bool {
	var n net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

func (s *Sender) attempt(ctx context.Context, t target, w Webhook, invocation string) (status, after int, err error) {
	s.count(func(c *Counts) { c.Attempts++ })
	limit := s.Timeout
	if limit == 0 {
		limit = webhookTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader(w.Body))
	if err != nil {
		return 0, -1, fmt.Errorf("webhook %s: %w", t.id, err)
	}
	s.sign(req, t, w.Body, invocation)
	client := s.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, -1, fmt.Errorf("webhook %s: %w", t.id, err)
	}
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return 0, -1, fmt.Errorf("webhook %s: %w", t.id, err)
	}
	after, err = strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil {
		after = -1
	}
	return resp.StatusCode, after, nil
}

// sign sets the headers of a recorded delivery. The timestamp is that of the attempt.
func (s *Sender) sign(req *http.Request, t target, body []byte, invocation string) {
	timestamp := s.now().UTC().Format(time.RFC3339)
	h := req.Header
	h.Set("X-Zendesk-Webhook-Signature-Timestamp", timestamp)
	h.Set("X-Zendesk-Webhook-Signature", Sign(t.secret, timestamp, body))
	h.Set("X-Zendesk-Account-Id", strconv.FormatInt(s.Account.ID, 10))
	h.Set("X-Zendesk-Webhook-Id", t.id)
	h.Set("X-Zendesk-Webhook-Invocation-Id", invocation)
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("User-Agent", "Zendesk Webhook")
}

func (s *Sender) wait(ctx context.Context, d time.Duration) error {
	if s.Wait != nil {
		return s.Wait(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Sender) count(f func(*Counts)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.counts)
}
