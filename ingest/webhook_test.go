package ingest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"deskstream/ingest/zendesktest"
	"deskstream/local/localtest"
	"deskstream/schemas"
)

const testSecret = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="

var testNow = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

const ticketBody = `{"account_id":12,"detail":{"id":"5158","requester_id":"77"},"event":{"current":"SOLVED","previous":"OPEN"},
 "id":"cbe4028c-7239-495d-b020-f22348516046","subject":"zen:ticket:5158","time":"2026-03-04T05:06:00.123456789Z",
 "type":"zen:event-type:ticket.status_changed","zendesk_event_version":"2022-11-06"}`

// sharedDir is where reference data lie, or the test is skipped.
func sharedDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("DESKSTREAM_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared")
	}
	if _, err := os.Stat(filepath.Join(dir, "zendesk")); err != nil {
		t.Skip("reference data not found: set DESKSTREAM_SHARED to its folder")
	}
	return filepath.Join(dir, "zendesk")
}

func newWebhook(t testing.TB, store *memory) (*Webhook, http.Handler) {
	t.Helper()
	sealer := testSealer(t)
	if _, err := store.Source(t.Context(), testSource); err != nil {
		store.putSource(t, func(s *schemas.Source) {
			s.Webhook.Secret = sealer.Seal(testSource, fieldWebhookSecret, testSecret)
		})
	}
	d := NewDirectory(store, sealer, testLog(t))
	if err := d.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	go d.Run(t.Context())
	localtest.Eventually(t, "watch of sources", func() bool {
		store.mu.Lock()
		defer store.mu.Unlock()
		return len(store.watchers) > 0
	})
	h := &Webhook{
		Publisher: store, Sources: d, Metrics: NewMetrics(nil), Now: func() time.Time { return testNow }, Log: testLog(t), Nudges: NewNudges(0),
	}
	mux := http.NewServeMux()
	mux.Handle("POST /webhooks/zendesk/{source_id}", h)
	return h, mux
}

func delivery(body, secret, timestamp string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/webhooks/zendesk/"+testSource, strings.NewReader(body))
	r.Header.Set(headerTimestamp, timestamp)
	r.Header.Set(headerSignature, zendesktest.Sign(secret, timestamp, []byte(body)))
	r.Header.Set(headerInvocation, "01HAN96XNH1J7DY8D7RZ22QMT9")
	return r
}

func stamp(d time.Duration) string { return testNow.Add(d).Format(time.RFC3339) }

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestSignatureVectors(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(sharedDir(t), "webhooks")
	data, err := os.ReadFile(filepath.Join(dir, "signature_vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct{ Name, Secret, Timestamp, Body, Body_File, Signature string }
	}
	if err := json.Unmarshal(data, &file); err != nil || len(file.Vectors) < 2 {
		t.Fatalf("vectors: %v, %d", err, len(file.Vectors))
	}
	for _, v := range file.Vectors {
		body := []byte(v.Body)
		if v.Body_File != "" {
			if body, err = os.ReadFile(filepath.Join(dir, v.Body_File)); err != nil {
				t.Fatal(err)
			}
		}
		signers := []*signer{newSigner("another secret", time.Time{}), newSigner(v.Secret, time.Time{})}
		if !verifyAny(signers, testNow, v.Signature, v.Timestamp, body) {
			t.Errorf("%s: refused", v.Name)
		}
		if verifyAny(signers, testNow, v.Signature, v.Timestamp, append(slices.Clone(body), '\n')) {
			t.Errorf("%s: accepted with one byte more", v.Name)
		}
		if verifyAny(signers[:1], testNow, v.Signature, v.Timestamp, body) {
			t.Errorf("%s: accepted with another secret", v.Name)
		}
	}
}

func TestWebhookAnswers(t *testing.T) {
	t.Parallel()
	now := stamp(0)
	swapped := delivery(ticketBody, testSecret, now)
	swapped.Header.Set(headerSignature, zendesktest.Sign(testSecret, ticketBody, []byte(now)))
	drop := func(name string) *http.Request {
		r := delivery(ticketBody, testSecret, now)
		r.Header.Del(name)
		return r
	}
	longer := delivery(ticketBody, testSecret, now)
	longer.Body = io.NopCloser(strings.NewReader(ticketBody + " "))
	longer.ContentLength++
	badBase64 := delivery(ticketBody, testSecret, now)
	badBase64.Header.Set(headerSignature, "!!!")
	unknown := delivery(ticketBody, testSecret, now)
	unknown.URL.Path = "/webhooks/zendesk/nobody"
	chunked := delivery(strings.Repeat("x", MaxWebhookBody+1), testSecret, now)
	chunked.ContentLength = -1
	for name, c := range map[string]struct {
		request *http.Request
		status  int
	}{
		"right":                 {delivery(ticketBody, testSecret, now), 200},
		"5 minutes old":         {delivery(ticketBody, testSecret, stamp(-5*time.Minute)), 200},
		"5 minutes ahead":       {delivery(ticketBody, testSecret, stamp(5*time.Minute)), 200},
		"6 minutes old":         {delivery(ticketBody, testSecret, stamp(-6*time.Minute)), 401},
		"6 minutes ahead":       {delivery(ticketBody, testSecret, stamp(6*time.Minute)), 401},
		"timestamp no RFC 3339": {delivery(ticketBody, testSecret, "1772600767"), 401},
		"timestamp with space":  {delivery(ticketBody, testSecret, "2026-03-04 05:06:07Z"), 401},
		"timestamp with comma":  {delivery(ticketBody, testSecret, "2026-03-04T05:06:07,5Z"), 401},
		"timestamp other zone":  {delivery(ticketBody, testSecret, "2026-03-04T06:06:07+01:00"), 200},
		"wrong secret":          {delivery(ticketBody, "other", now), 401},
		"order swapped":         {swapped, 401},
		"body one byte longer":  {longer, 401},
		"no signature":          {drop(headerSignature), 401},
		"no timestamp":          {drop(headerTimestamp), 401},
		"signature not base64":  {badBase64, 401},
		"unknown source":        {unknown, 404},
		"1 MiB":                 {delivery(strings.Repeat("x", MaxWebhookBody), testSecret, now), 200},
		"1 MiB and a byte":      {delivery(strings.Repeat("x", MaxWebhookBody+1), testSecret, now), 413},
		"too large, no length":  {chunked, 413},
		"empty body":            {delivery("", testSecret, now), 200},
		"no JSON":               {delivery(`{"ticket_id":"12`, testSecret, now), 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := newMemory()
			_, h := newWebhook(t, store)
			w := serve(h, c.request)
			if w.Code != c.status {
				t.Fatalf("status %d, want %d: %s", w.Code, c.status, w.Body)
			}
			if got := len(store.all()); (got == 1) != (c.status == 200) {
				t.Fatalf("%d events stored with status %d", got, w.Code)
			}
			if c.status >= 400 && !strings.HasPrefix(w.Body.String(), `{"type":"urn:deskstream:problem:`) {
				t.Errorf("answered %s", w.Body)
			}
			if c.status >= 400 && w.Header().Get("Content-Type") != "application/problem+json" {
				t.Fatalf("content type %q", w.Header().Get("Content-Type"))
			}
		})
	}
}

func TestWebhookEvent(t *testing.T) {
	t.Parallel()
	store := newMemory()
	h, mux := newWebhook(t, store)
	for range 3 {
		if w := serve(mux, delivery(ticketBody, testSecret, stamp(0))); w.Code != 200 {
			t.Fatal(w.Code)
		}
	}
	trigger := `{"ticket_id":"42","title":"a "broken" title"}`
	noInvocation := delivery(trigger, testSecret, stamp(0))
	noInvocation.Header.Del(headerInvocation)
	for _, r := range []*http.Request{delivery(trigger, testSecret, stamp(0)), noInvocation} {
		if w := serve(mux, r); w.Code != 200 {
			t.Fatal(w.Code)
		}
	}
	events := store.all()
	for i, want := range []struct {
		id   string
		kind schemas.Kind
		data string
	}{
		{"zd:acme:webhook:cbe4028c-7239-495d-b020-f22348516046", schemas.KindWebhook, ticketBody},
		{"zd:acme:webhook:cbe4028c-7239-495d-b020-f22348516046", schemas.KindWebhook, ticketBody},
		{"zd:acme:webhook:cbe4028c-7239-495d-b020-f22348516046", schemas.KindWebhook, ticketBody},
		{"zd:acme:trigger:01HAN96XNH1J7DY8D7RZ22QMT9", schemas.KindTrigger, trigger},
		{"zd:acme:webhook:", schemas.KindTrigger, trigger},
	} {
		e := events[i]
		if !strings.HasPrefix(e.ID, want.id) || e.Kind != want.kind || string(e.Data) != want.data || e.Via != "webhook" ||
			e.Source != testSource || e.Account != "acme" || !e.ReceivedAt.Equal(testNow) {
			t.Errorf("event %d: %+v", i, e)
		}
	}
	want := []Nudge{{testSource, NudgeTicket, 5158}, {testSource, NudgeTicket, 42}}
	if got := h.Nudges.take(); !slices.Equal(got, want) {
		t.Errorf("nudges %v, want %v", got, want)
	}
}

// TestWebhookEnvelopesWithPartsMissing: an envelope stays one without its id or its subject, so that what is wrong is said of it, and behind
// a byte order mark.
func TestWebhookEnvelopesWithPartsMissing(t *testing.T) {
	t.Parallel()
	store := newMemory()
	_, mux := newWebhook(t, store)
	const right = `{"id":"a","type":"zen:event-type:ticket.created","subject":"zen:ticket:5","detail":{"id":"5"}}`
	for i, c := range []struct{ body, data, id string }{
		{"\ufeff" + right, right, "zd:acme:webhook:a"},
		{strings.Replace(right, `"zen:ticket:5"`, `null`, 1), "", "zd:acme:webhook:a"},
		{strings.Replace(right, `"subject":"zen:ticket:5",`, ``, 1), "", "zd:acme:webhook:a"},
		{strings.Replace(right, `"id":"a",`, ``, 1), "", "zd:acme:trigger:01HAN96XNH1J7DY8D7RZ22QMT9"},
	} {
		if w := serve(mux, delivery(c.body, testSecret, stamp(0))); w.Code != 200 {
			t.Fatal(w.Code)
		}
		if e := store.all()[i]; e.Kind != schemas.KindWebhook || e.ID != c.id || string(e.Data) != cmp.Or(c.data, c.body) {
			t.Errorf("%s: %s %s %s", c.body, e.Kind, e.ID, e.Data)
		}
	}
}

func TestWebhookSecretRotation(t *testing.T) {
	t.Parallel()
	store := newMemory()
	h, mux := newWebhook(t, store)
	c := &Connections{Store: store, Sealer: testSealer(t), Now: func() time.Time { return testNow }, Clients: &Clients{Store: store}}
	if err := c.SetWebhookSecret(t.Context(), testSource, "a new secret"); err != nil {
		t.Fatal(err)
	}
	localtest.Eventually(t, "new secret works", func() bool { return serve(mux, delivery(ticketBody, "a new secret", stamp(0))).Code == 200 })
	if w := serve(mux, delivery(ticketBody, testSecret, stamp(0))); w.Code != 200 {
		t.Errorf("old secret within the overlap: %d", w.Code)
	}
	later := testNow.Add(SecretOverlap)
	h.Now = func() time.Time { return later }
	if w := serve(mux, delivery(ticketBody, testSecret, later.Format(time.RFC3339))); w.Code != 401 {
		t.Errorf("old secret behind the overlap: %d", w.Code)
	}
	if w := serve(mux, delivery(ticketBody, "a new secret", later.Format(time.RFC3339))); w.Code != 200 {
		t.Errorf("new secret behind the overlap: %d", w.Code)
	}
}

func TestR53_WebhookStatus(t *testing.T) {
	t.Parallel()
	for status, stored := range map[schemas.SourceStatus]bool{
		schemas.SourceDraft: false, schemas.SourceAwaiting: false, schemas.SourceConnected: true, schemas.SourceDisconnected: false,
		schemas.SourceArchived: false,
	} {
		store := newMemory()
		_, mux := newWebhook(t, store)
		store.putSource(t, func(s *schemas.Source) { s.Status = status })
		d := serve(mux, delivery(ticketBody, testSecret, stamp(0)))
		if d.Code != 200 || (len(store.all()) == 1) != stored {
			t.Errorf("%s: status %d, %d events", status, d.Code, len(store.all()))
		}
		if w := serve(mux, delivery(ticketBody, "wrong", stamp(0))); w.Code != 401 {
			t.Errorf("%s: bad signature answered %d", status, w.Code)
		}
	}
}

// forgetful is a store that tells nobody of changes, and may not say what it has.
type forgetful struct {
	*memory
	broken atomic.Bool
}

func (f *forgetful) Source(ctx context.Context, id string) (schemas.Source, error) {
	if f.broken.Load() {
		return schemas.Source{}, errBroken
	}
	return f.memory.Source(ctx, id)
}

// TestWebhookRightAfterAChange: a delivery that comes before the endpoint was told of a source, its secret or its connection is taken; one
// that would be lost because that cannot be looked up is asked for again.
func TestWebhookRightAfterAChange(t *testing.T) {
	t.Parallel()
	store, sealer := &forgetful{memory: newMemory()}, testSealer(t)
	h := &Webhook{
		Publisher: store, Sources: NewDirectory(store, sealer, testLog(t)), Metrics: NewMetrics(nil), Now: func() time.Time { return testNow }, Log: testLog(t),
	}
	mux := http.NewServeMux()
	mux.Handle("POST /webhooks/zendesk/{source_id}", h)
	want := func(what, secret string, status, events int) {
		t.Helper()
		if w := serve(mux, delivery(ticketBody, secret, stamp(0))); w.Code != status || len(store.all()) != events {
			t.Errorf("%s: status %d, %d events; want %d, %d: %s", what, w.Code, len(store.all()), status, events, w.Body)
		}
	}
	want("no source", testSecret, 404, 0)
	store.broken.Store(true)
	want("perhaps no source", testSecret, 503, 0)
	store.broken.Store(false)
	set := func(secret string, status schemas.SourceStatus) {
		store.putSource(t, func(s *schemas.Source) {
			s.Webhook.Secret, s.Status = sealer.Seal(testSource, fieldWebhookSecret, secret), status
		})
	}
	set(testSecret, schemas.SourceDraft)
	want("a draft", testSecret, 200, 0)
	set(testSecret, schemas.SourceConnected)
	want("a source that was just connected", testSecret, 200, 1)
	set("another secret", schemas.SourceConnected)
	want("a secret that is just set", "another secret", 200, 2)
	store.broken.Store(true)
	want("perhaps a wrong secret", "a third secret", 503, 2)
	want("a known source", "another secret", 200, 3)
	store.broken.Store(false)
	want("a wrong secret", "a third secret", 401, 3)
}

func TestWebhookDeleted(t *testing.T) {
	t.Parallel()
	store := newMemory()
	_, mux := newWebhook(t, store)
	s, err := store.Source(t.Context(), testSource)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.DeleteSource(t.Context(), testSource, s.Revision); err != nil {
		t.Fatal(err)
	}
	localtest.Eventually(t, "deleted source answers 404", func() bool { return serve(mux, delivery(ticketBody, testSecret, stamp(0))).Code == 404 })
}

type publisherFunc func(ctx context.Context) error

func (f publisherFunc) Publish(ctx context.Context, _ ...schemas.Event) error { return f(ctx) }

func TestWebhookStoreFails(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	for name, publish := range map[string]publisherFunc{
		"refuses": func(context.Context) error { return errBroken },
		"hangs":   func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"panics":  func(context.Context) error { panic("broken") },
		"odd":     func(context.Context) error { return errors.New("never seen") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, mux := newWebhook(t, newMemory())
			h.Publisher = publish
			h.Recovered = func(string) { calls.Add(1) }
			began := time.Now()
			w := serve(mux, delivery(ticketBody, testSecret, stamp(0)))
			if w.Code != 503 || w.Header().Get("Retry-After") != "10" {
				t.Fatalf("status %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Fatalf("answered after %s", took)
			}
		})
	}
}

// TestWebhookTooLargeForTheStore: what the store never takes is not asked for again.
func TestWebhookTooLargeForTheStore(t *testing.T) {
	t.Parallel()
	h, mux := newWebhook(t, newMemory())
	h.Publisher = publisherFunc(func(context.Context) error { return schemas.ErrTooLarge })
	if w := serve(mux, delivery(ticketBody, testSecret, stamp(0))); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413", w.Code)
	}
}

func TestWebhookRecovery(t *testing.T) {
	t.Parallel()
	store := newMemory()
	h, mux := newWebhook(t, store)
	var recovered []string
	h.Recovered = func(id string) { recovered = append(recovered, id) }
	store.fail(errBroken)
	serve(mux, delivery(ticketBody, testSecret, stamp(0)))
	store.fail(nil)
	for range 3 {
		serve(mux, delivery(ticketBody, testSecret, stamp(0)))
	}
	if !slices.Equal(recovered, []string{testSource}) {
		t.Fatalf("recovered %v, want once", recovered)
	}
}

func TestWebhookRateLimits(t *testing.T) {
	t.Parallel()
	h, mux := newWebhook(t, newMemory())
	h.Rate, h.Burst = rate.Limit(0.001), 20
	limited := 0
	for range 3 * badBurst {
		if serve(mux, delivery(ticketBody, "wrong", stamp(0))).Code == 429 {
			limited++
		}
	}
	if limited == 0 {
		t.Fatal("bad signatures are never limited")
	}
	for i := range 20 {
		if w := serve(mux, delivery(ticketBody, testSecret, stamp(0))); w.Code != 200 {
			t.Fatalf("good request %d starved: %d", i, w.Code)
		}
	}
	w := serve(mux, delivery(ticketBody, testSecret, stamp(0)))
	if w.Code != 429 || w.Header().Get("Retry-After") != "5" {
		t.Fatalf("status %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
}

// listen serves h on loopback with the production limits, cut down so that the test is quick.
func listen(t *testing.T, h http.Handler) string {
	t.Helper()
	s := NewServer("", h)
	if s.ReadHeaderTimeout != 5*time.Second || s.ReadTimeout != 15*time.Second || s.WriteTimeout == 0 || s.IdleTimeout == 0 || s.MaxHeaderBytes != 16<<10 {
		t.Fatalf("limits: %+v", s)
	}
	s.ReadHeaderTimeout, s.ReadTimeout = 300*time.Millisecond, time.Second
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

// drip writes one byte at a time until the other side closes or a deadline, and says whether it was cut.
func drip(t *testing.T, addr, first, more string) bool {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return false
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, first); err != nil {
		return true
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_, _ = io.Copy(io.Discard, conn)
	}()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for i := range 100 {
		select {
		case <-closed:
			return true
		case <-tick.C:
			if _, err := conn.Write([]byte{more[i%len(more)]}); err != nil {
				return true
			}
		}
	}
	return false
}

func TestSlowClients(t *testing.T) {
	t.Parallel()
	_, mux := newWebhook(t, newMemory())
	addr := listen(t, mux)
	path := "POST /webhooks/zendesk/" + testSource + " HTTP/1.1\r\nHost: x\r\n"
	var wg sync.WaitGroup
	var uncut atomic.Int32
	for i := range 200 {
		wg.Go(func() {
			first, more := path, "X-A: b\r\n"
			if i%2 == 1 {
				first, more = path+"Content-Length: 100000\r\n\r\n", "a"
			}
			if !drip(t, addr, first, more) {
				uncut.Add(1)
			}
		})
	}
	client := &http.Client{Timeout: 5 * time.Second}
	var took []time.Duration
	for range 51 {
		r := delivery(ticketBody, testSecret, stamp(0))
		req, err := http.NewRequest(http.MethodPost, "http://"+addr+r.URL.Path, strings.NewReader(ticketBody))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = r.Header
		began := time.Now()
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatal(resp.StatusCode)
		}
		took = append(took, time.Since(began))
	}
	wg.Wait()
	if uncut.Load() > 0 {
		t.Errorf("%d slow connections were not cut", uncut.Load())
	}
	slices.Sort(took)
	if median := took[len(took)/2]; median > 500*time.Millisecond {
		t.Errorf("a normal request took %s beside 200 slow ones", median)
	}
}

func TestNudgesOf(t *testing.T) {
	t.Parallel()
	body := func(kind, subject, detail, event string) string {
		return fmt.Sprintf(`{"id":"a","type":"zen:event-type%s","subject":%q,"detail":%s,"event":%s}`, kind, subject, detail, event)
	}
	for name, c := range map[string]struct {
		body string
		want []Nudge
	}{
		"ticket":       {body(":ticket.created", "zen:ticket:5", `{"id":"5"}`, `{}`), []Nudge{{"s", NudgeTicket, 5}}},
		"slash form":   {body("/ticket.created", "zen:ticket:5", `{"id":5}`, `{}`), []Nudge{{"s", NudgeTicket, 5}}},
		"messaging":    {body(":messaging_ticket.message_added", "zen:messaging_ticket:5", `{"id":"5"}`, `{}`), []Nudge{{"s", NudgeTicket, 5}}},
		"csat":         {body(":ticket.csat_received", "zen:ticket:5", `{"id":"5"}`, `{}`), []Nudge{{"s", NudgeTicket, 5}, {"s", NudgeRating, 5}}},
		"user":         {body(":user.created", "zen:user:6", `{"id":"6"}`, `{}`), []Nudge{{"s", NudgeUser, 6}}},
		"user merged":  {body(":user.merged", "zen:user:6", `{"id":"6"}`, `{"user":{"id":"7"}}`), []Nudge{{"s", NudgeUser, 6}, {"s", NudgeUser, 7}}},
		"organization": {body(":organization.created", "zen:organization:6", `{"id":"6"}`, `{}`), nil},
		"null detail":  {body(":ticket.created", "zen:ticket:5", `null`, `{}`), nil},
		"trigger":      {`{"ticket_id":"99","title":"x"}`, []Nudge{{"s", NudgeTicket, 99}}},
		"trigger XML":  {`<ticket><ticket_id>99</ticket_id></ticket>`, []Nudge{{"s", NudgeTicket, 99}}},
		"trigger form": {`title=a&ticket_id=99`, []Nudge{{"s", NudgeTicket, 99}}},
		"nothing":      {`hello`, nil},
	} {
		env, ok := scanEnvelope([]byte(c.body))
		if got := nudgesOf("s", env, ok, []byte(c.body)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestScanEnvelopeAgreesWithDecoding(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(sharedDir(t), "webhooks")
	for _, name := range []string{"ticket_created.docs.json", "user_active_changed.docs.json", "user_deleted.recorded.body", "user_group_membership_created.body"} {
		body, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		want, err := schemas.DecodeEnvelope(body)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := scanEnvelope(body)
		if !ok || string(got.id) != want.ID || string(got.kind) != want.Type || string(got.name()) != want.Name() {
			t.Errorf("%s: %q %q, want %+v", name, got.id, got.kind, want)
		}
		if got.object == 0 {
			t.Errorf("%s: no object id", name)
		}
	}
}

func FuzzWebhookScan(f *testing.F) {
	f.Add([]byte(ticketBody))
	f.Add([]byte(`{"id":"a\"b","type":"zen:event-type:x","subject":"s","detail":[[{"a":"}"}]],"event":{"user":{"id":3}}}`))
	f.Add([]byte(`{"ticket_id":"5`))
	f.Add([]byte("{\"id\":\"\\\\\",\x00"))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, ok := scanEnvelope(body)
		schemas.TriggerTicket(body)
		if !ok {
			return
		}
		if len(e.id) == 0 {
			return
		}
		if !plainID(e.id) {
			t.Fatalf("id %q", e.id)
		}
		// What encoding/json reads without doubt the scan must read the same way.
		var want struct {
			ID      string          `json:"id"`
			Type    string          `json:"type"`
			Subject json.RawMessage `json:"subject"`
		}
		if json.Unmarshal(body, &want) == nil && !bytes.Contains(body, []byte(`\`)) && bytes.Count(body, []byte(`"id"`)) == 1 &&
			!bytes.EqualFold(body, body[:0]) && want.ID != "" && want.ID != string(e.id) {
			t.Fatalf("id %q, want %q", e.id, want.ID)
		}
	})
}

func BenchmarkWebhook(b *testing.B) {
	_, mux := newWebhook(b, newMemory())
	body := ticketBody + strings.Repeat(" ", 2048-len(ticketBody))
	b.ReportAllocs()
	for b.Loop() {
		if w := serve(mux, delivery(body, testSecret, stamp(0))); w.Code != 200 && w.Code != 429 {
			b.Fatal(w.Code)
		}
	}
}

func BenchmarkVerifyAndScan(b *testing.B) {
	body := []byte(ticketBody + strings.Repeat(" ", 2048-len(ticketBody)))
	signers := []*signer{newSigner(testSecret, time.Time{})}
	timestamp := stamp(0)
	signature := zendesktest.Sign(testSecret, timestamp, body)
	b.ReportAllocs()
	for b.Loop() {
		if !verifyAny(signers, testNow, signature, timestamp, body) {
			b.Fatal("refused")
		}
		scanEnvelope(body)
	}
}

// TestWebhookSecretOfAnotherKey has a source that another process sealed: whether a delivery is genuine is not known, so it has to come
// again, until the secret is entered here.
func TestWebhookSecretOfAnotherKey(t *testing.T) {
	t.Parallel()
	other, err := NewSealer(bytes.Repeat([]byte{7}, KeySize))
	if err != nil {
		t.Fatal(err)
	}
	store := newMemory()
	store.putSource(t, func(s *schemas.Source) {
		s.Auth = schemas.Auth{}
		s.Webhook.Secret = other.Seal(testSource, fieldWebhookSecret, testSecret)
	})
	h, handler := newWebhook(t, store)
	w := serve(handler, delivery(ticketBody, testSecret, stamp(0)))
	if retry := w.Header().Get("Retry-After"); w.Code != http.StatusServiceUnavailable || retry != "30" {
		t.Errorf("status %d, Retry-After %q; want 503 after 30", w.Code, retry)
	}
	if err := h.Sources.Health(t.Context()); err == nil || !strings.Contains(err.Error(), testSource) {
		t.Errorf("health: %v; want the source named", err)
	}
	c := &Connections{Store: store, Sealer: h.Sources.sealer, Clients: &Clients{Store: store}, Now: h.Now, Log: h.Log}
	if err := c.SetWebhookSecret(t.Context(), testSource, testSecret); err != nil {
		t.Fatal(err)
	}
	localtest.Eventually(t, "the secret that was entered", func() bool { return h.Sources.Health(t.Context()) == nil })
	if w := serve(handler, delivery(ticketBody, testSecret, stamp(0))); w.Code != http.StatusOK {
		t.Errorf("status %d once the secret was entered here", w.Code)
	}
}
