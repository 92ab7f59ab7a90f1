package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/time/rate"

	"deskstream/schemas"
)

// Limits and defaults of the webhook endpoint.
const (
	MaxWebhookBody       = 1 << 20            // bytes
	DefaultWebhookWindow = 5 * time.Minute    // age of the signed timestamp, either way
	webhookBudget        = 4 * time.Second    // for storing; Zendesk gives up after 12 s, some accounts after 10
	DefaultWebhookRate   = rate.Limit(20_000) // requests a second and source: more than one process can take
	DefaultWebhookBurst  = 20_000
	badRate              = rate.Limit(50)
	badBurst             = 100
)

// Headers of a delivery (developer.zendesk.com/documentation/webhooks/verifying).
const (
	headerSignature  = "X-Zendesk-Webhook-Signature"
	headerTimestamp  = "X-Zendesk-Webhook-Signature-Timestamp"
	headerInvocation = "X-Zendesk-Webhook-Invocation-Id"
)

// Webhook answers POST /webhooks/zendesk/{source_id}: it checks the signature over the raw bytes, stores them as one event, and only
// then answers 200. Publisher, Sources, Metrics and Now must be set, the other fields may stay zero. It is safe for concurrent use;
// do not change the fields once it serves.
type Webhook struct {
	Publisher Publisher
	Sources   *Directory
	Metrics   *Metrics
	Now       func() time.Time
	Log       zerolog.Logger
	// Nudges gets the objects that the events speak of; nil = nobody fetches early.
	Nudges *Nudges
	// Recovered is called with the source id when an event is stored after earlier ones were not, because Zendesk may have given up on
	// those. It must not block; nil = nobody wants to know.
	Recovered func(source string)

	Window time.Duration // 0 = DefaultWebhookWindow
	Rate   rate.Limit    // 0 = DefaultWebhookRate
	Burst  int           // 0 = DefaultWebhookBurst

	once    sync.Once
	unknown *rate.Limiter
	gates   sync.Map // source id -> *gate; only sources that exist
}

// gate holds what the endpoint remembers of a source from one request to the next.
type gate struct {
	good   *rate.Limiter // requests with a valid signature
	bad    *rate.Limiter // the others
	missed atomic.Bool   // an event could not be stored since the last one that could
}

// reply is an answer. Zendesk resends after 429 and 503 with a Retry-After below 60 and after 409; every other error loses the event, so
// what may succeed later is a 503, and 409 and 500 never occur.
type reply struct {
	status int
	retry  string // Retry-After in seconds
	reason string // for the metric; "" = stored or dropped
	body   string
}

var (
	stored      = reply{status: 200, body: `{"status":"stored"}`}
	dropped     = reply{status: 200, body: `{"status":"dropped"}`}
	noSource    = problem(http.StatusNotFound, "", "unknown-source", "there is no such source")
	badSign     = problem(http.StatusUnauthorized, "", "bad-signature", "the signature does not match the body, the timestamp and the signing secret")
	locked      = problem(http.StatusServiceUnavailable, "30", "secret-unreadable", "the signing secret is sealed with another --secret-key; send it again")
	stale       = problem(http.StatusUnauthorized, "", "stale-timestamp", "the signature timestamp is missing, not RFC 3339, or too far from now")
	tooLarge    = problem(http.StatusRequestEntityTooLarge, "", "too-large", "the body may have at most 1 MiB")
	cutShort    = problem(http.StatusServiceUnavailable, "10", "incomplete-body", "the body could not be read to its end")
	longHeader  = problem(http.StatusRequestHeaderFieldsTooLarge, "", "header-too-large", "the headers may have at most 16 KiB")
	notPost     = problem(http.StatusMethodNotAllowed, "", "method-not-allowed", "webhooks are sent by POST")
	tooMany     = problem(http.StatusTooManyRequests, "5", "rate-limited", "too many requests")
	unstorable  = problem(http.StatusRequestEntityTooLarge, "", "too-large", "the body is larger than the event store takes")
	unavailable = problem(http.StatusServiceUnavailable, "10", "unavailable", "the event could not be stored; send it again")
)

func problem(status int, retry, reason, detail string) reply {
	return reply{status, retry, reason, `{"type":"` + schemas.ProblemPrefix + reason + `","title":"` + http.StatusText(status) + `","status":` +
		strconv.Itoa(status) + `,"detail":"` + detail + `"}`}
}

// ServeHTTP answers one delivery. A panic on the way is answered like a store that does not answer.
func (h *Webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	h.once.Do(h.defaults)
	id := r.PathValue("source_id")
	answer := unavailable
	defer func() {
		if p := recover(); p != nil {
			h.Log.Error().Str("source", id).Interface("panic", p).Msg("webhook failed")
			answer = unavailable
		}
		h.write(w, answer)
		h.Metrics.latency.Observe(time.Since(began).Seconds())
	}()
	answer = h.handle(w, r, id)
}

func (h *Webhook) defaults() {
	setDefault(&h.Window, DefaultWebhookWindow)
	setDefault(&h.Rate, DefaultWebhookRate)
	setDefault(&h.Burst, DefaultWebhookBurst)
	h.unknown = rate.NewLimiter(badRate, badBurst)
	h.Sources.Watch(func(s schemas.Source, deleted bool) {
		if deleted {
			h.gates.Delete(s.ID)
		}
	})
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (h *Webhook) handle(w http.ResponseWriter, r *http.Request, id string) reply {
	if r.Method != http.MethodPost {
		return notPost
	}
	if headerSize(r) > maxHeader { // a server that the API shares lets more in
		return longHeader
	}
	body, err := readBody(w, r)
	if tooBig := new(http.MaxBytesError); errors.As(err, &tooBig) {
		return tooLarge
	}
	if err != nil {
		return cutShort
	}
	e, refused := h.known(r.Context(), id, r.Header, body)
	if refused != nil {
		if !h.failures(e).Allow() {
			return tooMany
		}
		return *refused
	}
	g := h.gate(id)
	if !g.good.Allow() {
		return tooMany
	}
	if e.source.Status != schemas.SourceConnected {
		h.Metrics.dropped.WithLabelValues(string(e.source.Status)).Inc()
		return dropped
	}
	return h.store(r, e, g, bytes.TrimPrefix(body, byteOrderMark))
}

// byteOrderMark may stand before a JSON text, and readers of JSON take it for an error.
var byteOrderMark = []byte("\xef\xbb\xbf")

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > MaxWebhookBody {
		return nil, &http.MaxBytesError{Limit: MaxWebhookBody}
	}
	var buf bytes.Buffer
	if r.ContentLength > 0 {
		buf.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := io.Copy(&buf, http.MaxBytesReader(w, r.Body, MaxWebhookBody))
	return buf.Bytes(), err
}

// known checks a delivery against the source. What would lose it is said only by the newest record: the one in memory may be a moment
// older, and Zendesk sends as soon as a source is connected.
func (h *Webhook) known(ctx context.Context, id string, header http.Header, body []byte) (*entry, *reply) {
	e := h.Sources.get(id)
	refused := h.check(e, header, body)
	if refused == &stale || refused == nil && e.source.Status == schemas.SourceConnected {
		return e, refused
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), webhookBudget)
	defer cancel()
	newest, err := h.Sources.renew(ctx, id)
	if err != nil {
		h.Log.Warn().Err(err).Str("source", id).Msg("whether a webhook is to be refused is not known")
		return e, &unavailable
	}
	if newest != e {
		refused = h.check(newest, header, body)
	}
	return newest, refused
}

// check verifies the signature and then the timestamp; nil = both are right. It takes as long for a source that is not there.
func (h *Webhook) check(e *entry, header http.Header, body []byte) *reply {
	now := h.Now()
	timestamp := header.Get(headerTimestamp)
	var signers []*signer
	if e != nil {
		signers = e.signers
	}
	genuine := verifyAny(signers, now, header.Get(headerSignature), timestamp, body)
	current := fresh(timestamp, now, h.Window)
	switch {
	case e == nil:
		return &noSource
	case !genuine && e.locked:
		return &locked
	case !genuine:
		return &badSign
	case !current:
		return &stale
	}
	return nil
}

// failures limits the requests that fail, apart from the others, so that they cannot use up what the source's real events need.
func (h *Webhook) failures(e *entry) *rate.Limiter {
	if e == nil {
		return h.unknown
	}
	return h.gate(e.source.ID).bad
}

func (h *Webhook) gate(id string) *gate {
	if g, ok := h.gates.Load(id); ok {
		return g.(*gate)
	}
	g, _ := h.gates.LoadOrStore(id, &gate{good: rate.NewLimiter(h.Rate, h.Burst), bad: rate.NewLimiter(badRate, badBurst)})
	return g.(*gate)
}

func (h *Webhook) store(r *http.Request, e *entry, g *gate, body []byte) reply {
	event, env, isEnvelope := webhookEvent(e.source, h.Now(), r.Header, body)
	// A sender that gave up must not take the write with it: the outcome decides whether a poll has to make up for it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), webhookBudget)
	defer cancel()
	if err := h.Publisher.Publish(ctx, event); err != nil {
		g.missed.Store(true)
		h.Log.Warn().Err(err).Str("source", e.source.ID).Str("event", event.ID).Msg("webhook not stored")
		if errors.Is(err, schemas.ErrTooLarge) {
			return unstorable // however often it comes
		}
		return unavailable
	}
	h.Metrics.accepted.WithLabelValues(string(event.Kind)).Inc()
	if g.missed.CompareAndSwap(true, false) && h.Recovered != nil {
		h.Recovered(e.source.ID)
	}
	h.nudge(e.source.ID, env, isEnvelope, body)
	return stored
}

// webhookEvent makes the event of a delivery. Its id is the envelope's, which all deliveries of one event share; where there is none, as in a
// trigger, the invocation's stands in, which retries share; a body with neither is known by its hash.
func webhookEvent(s schemas.Source, now time.Time, header http.Header, body []byte) (schemas.Event, envelope, bool) {
	event := schemas.Event{
		Kind: schemas.KindTrigger, Source: s.ID, Account: s.Account, Via: "webhook", ReceivedAt: now.UTC(), Data: body,
	}
	env, ok := scanEnvelope(body)
	if ok {
		event.Kind = schemas.KindWebhook
	}
	switch invocation := header.Get(headerInvocation); {
	case len(env.id) > 0 && ok:
		event.ID = "zd:" + s.Account + ":webhook:" + string(env.id)
	case plainID([]byte(invocation)):
		event.ID = "zd:" + s.Account + ":trigger:" + invocation
	default:
		sum := sha256.Sum256(body)
		event.ID = "zd:" + s.Account + ":webhook:" + hex.EncodeToString(sum[:])
	}
	return event, env, ok
}

func (h *Webhook) nudge(source string, env envelope, isEnvelope bool, body []byte) {
	if h.Nudges == nil {
		return
	}
	for _, n := range nudgesOf(source, env, isEnvelope, body) {
		result := "queued"
		if !h.Nudges.Add(n) {
			result = "dropped"
		}
		h.Metrics.nudges.WithLabelValues(result).Inc()
	}
}

// nudgesOf says what an event makes worth fetching.
func nudgesOf(source string, env envelope, isEnvelope bool, body []byte) []Nudge {
	if !isEnvelope {
		if id := schemas.TriggerTicket(body); id > 0 {
			return []Nudge{{source, NudgeTicket, id}}
		}
		return nil
	}
	var out []Nudge
	name := env.name()
	switch {
	case env.object <= 0:
	case bytes.HasPrefix(name, []byte("ticket.csat_")):
		out = append(out, Nudge{source, NudgeTicket, env.object}, Nudge{source, NudgeRating, env.object})
	case bytes.HasPrefix(name, []byte("ticket.")), bytes.HasPrefix(name, []byte("messaging_ticket.")):
		out = append(out, Nudge{source, NudgeTicket, env.object})
	case bytes.HasPrefix(name, []byte("user.")):
		out = append(out, Nudge{source, NudgeUser, env.object})
		if env.other > 0 {
			out = append(out, Nudge{source, NudgeUser, env.other})
		}
	}
	return out
}

func (h *Webhook) write(w http.ResponseWriter, a reply) {
	if a.reason != "" {
		h.Metrics.rejected.WithLabelValues(a.reason).Inc()
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	if a.reason != "" {
		header.Set("Content-Type", "application/problem+json")
	}
	if a.retry != "" {
		header.Set("Retry-After", a.retry)
	}
	if a.status == http.StatusMethodNotAllowed {
		header.Set("Allow", http.MethodPost)
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body) // A sender that left needs no answer.
}
