package zendesktest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"
)

// receiver takes webhooks and answers what answer says, 200 when it is nil.
type receiver struct {
	mu      sync.Mutex
	headers []http.Header
	bodies  [][]byte
	answer  func(n int, w http.ResponseWriter)
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	r.headers, r.bodies = append(r.headers, req.Header.Clone()), append(r.bodies, body)
	n := len(r.bodies)
	r.mu.Unlock()
	if r.answer != nil {
		r.answer(n, w)
	}
}

func (r *receiver) ids(t *testing.T) []string {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, b := range r.bodies {
		var e struct{ ID string }
		if err := json.Unmarshal(b, &e); err != nil {
			t.Fatal(err)
		}
		out = append(out, e.ID)
	}
	return out
}

func (r *receiver) start(t *testing.T) string {
	t.Helper()
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	return srv.URL
}

// busy is an account with n webhooks waiting.
func busy(t *testing.T, n int) *Account {
	t.Helper()
	a := NewAccount("acme")
	a.SetWebhooks(false)
	u, err := a.CreateUser(testStart, NewUser{Name: "Cid", Email: "cid@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	a.SetWebhooks(true)
	for i := range n / 2 {
		// Two events each: created and comment_added.
		if _, err := a.CreateTicket(testStart, NewTicket{Requester: u.ID, Subject: fmt.Sprint(i), Body: "Hello"}); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

func noWait(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func TestSignMatchesPublicVectors(t *testing.T) {
	t.Parallel()
	path := shared(t, "zendesk", "webhooks", "signature_vectors.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			Name, Secret, Timestamp, Body, Signature string
			BodyFile                                 string `json:"body_file"`
		}
	}
	if err := json.Unmarshal(data, &file); err != nil || len(file.Vectors) == 0 {
		t.Fatalf("vectors: %v", err)
	}
	for _, v := range file.Vectors {
		body := []byte(v.Body)
		if v.BodyFile != "" {
			if body, err = os.ReadFile(filepath.Join(filepath.Dir(path), v.BodyFile)); err != nil {
				t.Fatal(err)
			}
		}
		if got := Sign(v.Secret, v.Timestamp, body); got != v.Signature {
			t.Errorf("%s: %s, want %s", v.Name, got, v.Signature)
		}
	}
}

func TestSenderSignsAndRetriesLikeZendesk(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name               string
		status, retryAfter int
		attempts           int64
		accepted           bool
	}{
		{"accepted", 200, 0, 1, true},
		{"conflict", 409, 0, 4, false},
		{"busy, with a short wait", 503, 5, 3, true},
		{"too many, with a short wait", 429, 59, 3, true},
		{"busy without a wait", 503, -1, 1, false},
		{"busy with a long wait", 503, 60, 1, false},
		{"broken", 500, 0, 1, false},
		{"unauthorized", 401, 0, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := &receiver{answer: func(n int, w http.ResponseWriter) {
				if c.accepted && n >= 3 {
					return
				}
				if c.retryAfter >= 0 && c.status != 200 {
					w.Header().Set("Retry-After", fmt.Sprint(c.retryAfter))
				}
				w.WriteHeader(c.status)
			}}
			clock := &ticker{at: testStart}
			now := func() time.Time { clock.Add(time.Second); return clock.Now() }
			a := busy(t, 2)
			s := &Sender{Account: a, URL: r.start(t), Secret: "shh", Wait: noWait, Now: now}
			a.outbox.waiting = a.outbox.waiting[:1]
			got, err := s.Flush(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got.Attempts != c.attempts || (got.Accepted == 1) != c.accepted || got.Accepted+got.GivenUp != 1 {
				t.Errorf("counts %+v", got)
			}
			stamps := map[string]bool{}
			for i, h := range r.headers {
				stamp := h.Get("X-Zendesk-Webhook-Signature-Timestamp")
				if stamps[stamp] {
					t.Errorf("timestamp %s is used twice", stamp)
				}
				stamps[stamp] = true
				if h.Get("X-Zendesk-Webhook-Signature") != Sign("shh", stamp, r.bodies[i]) {
					t.Error("wrong signature")
				}
				if id := h.Get("X-Zendesk-Webhook-Invocation-Id"); len(id) != 26 || id != r.headers[0].Get("X-Zendesk-Webhook-Invocation-Id") {
					t.Errorf("invocation id %q changes over retries", id)
				}
			}
		})
	}
}

func TestSenderRetriesTimeouts(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	r := &receiver{answer: func(int, http.ResponseWriter) { <-release }}
	url := r.start(t)
	t.Cleanup(func() { close(release) })
	a := busy(t, 2)
	a.outbox.waiting = a.outbox.waiting[:1]
	s := &Sender{Account: a, URL: url, Wait: noWait, Timeout: 30 * time.Millisecond}
	got, err := s.Flush(t.Context())
	if err != nil || got.Attempts != 6 || got.GivenUp != 1 {
		t.Errorf("counts %+v, %v, want one event given up after 6 attempts", got, err)
	}
}

func TestSenderDisturbsTheSameWayForASeed(t *testing.T) {
	t.Parallel()
	run := func(s *Sender) ([]string, Counts) {
		r := &receiver{}
		s.Account, s.URL, s.Wait = busy(t, 60), r.start(t), noWait
		counts, err := s.Flush(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return r.ids(t), counts
	}
	plain, _ := run(&Sender{})
	thrice, counts := run(&Sender{Copies: 3})
	if len(thrice) != 180 || counts.Accepted != 180 || len(slices.Compact(slices.Clone(thrice))) != 60 {
		t.Errorf("three times 60 events came as %d", len(thrice))
	}
	wild := func(seed uint64) *Sender {
		return &Sender{Seed: seed, Drop: 0.1, Duplicate: 0.2, Late: 0.1, LateBy: time.Hour, Shuffle: 10}
	}
	one, counts := run(wild(4))
	two, _ := run(wild(4))
	if !reflect.DeepEqual(one, two) {
		t.Error("two runs of one seed differ")
	}
	if other, _ := run(wild(5)); reflect.DeepEqual(one, other) {
		t.Error("another seed does the same")
	}
	if counts.Dropped == 0 || slices.Equal(one, plain) || int64(len(one)) <= 60-counts.Dropped {
		t.Errorf("nothing was dropped, doubled or mixed up: %+v", counts)
	}
}

func TestRunDeliversToSubscriptionsUntilCancelled(t *testing.T) {
	t.Parallel()
	r := &receiver{}
	a := busy(t, 0)
	h := a.Subscribe(testStart, "ours", r.start(t), "zen:event-type:ticket.created")
	user := a.Users()[0].ID
	ctx, cancel := context.WithCancel(t.Context())
	s := &Sender{Account: a}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	if _, err := a.CreateTicket(testStart, NewTicket{Requester: user, Subject: "x", Body: "y"}); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(time.Minute)
	for s.Counts().Accepted == 0 {
		select {
		case <-deadline:
			t.Fatalf("nothing came: %+v", s.Counts())
		case <-time.After(5 * time.Millisecond):
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if len(r.bodies) != 1 {
		t.Errorf("%d events, want ticket.created alone", len(r.bodies))
	}
	stamp := r.headers[0].Get("X-Zendesk-Webhook-Signature-Timestamp")
	if r.headers[0].Get("X-Zendesk-Webhook-Signature") != Sign(h.Secret, stamp, r.bodies[0]) {
		t.Error("not signed with the secret of the subscription")
	}
}
