package ingest

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/time/rate"

	"deskstream/schemas"
)

// bucket bounds the requests of one kind to one account. It also stops them all for as long as Zendesk asks.
type bucket struct {
	name      string
	perMinute int
	limiter   *rate.Limiter
	log       zerolog.Logger

	mu    sync.Mutex
	until time.Time
	told  time.Time // the end of the pause that the log tells
}

func newBucket(name string, perMinute, burst int, log zerolog.Logger) *bucket {
	return &bucket{
		name: name, perMinute: perMinute, limiter: rate.NewLimiter(rate.Limit(float64(perMinute)/60), burst),
		log: log.With().Str("limit", name).Logger(),
	}
}

// longPause is how long a pause is that is told, or several of one request: shorter ones belong to reading at the pace of the limit.
const longPause = 5 * time.Second

// wait returns when a request may be sent, or with an error when that is not before ctx ends. waited says that it could not be sent at once.
// tell, which may be nil, learns of a long pause before it begins, and of a short one when the request is refused since long ago; refused is zero when it
// was not sent before.
func (b *bucket) wait(ctx context.Context, refused time.Time, tell func(until time.Time)) (waited bool, err error) {
	turn := b.limiter.Reserve()
	if pause := turn.Delay(); pause > 0 {
		waited = true
		if err := waitForRate(ctx, pause); err != nil {
			turn.Cancel()
			return true, err
		}
	}
	for {
		b.mu.Lock()
		until := b.until
		b.mu.Unlock()
		pause := time.Until(until)
		if pause <= 0 {
			return waited, nil
		}
		waited = true
		if tell != nil && (pause > longPause || !refused.IsZero() && until.Sub(refused) > longPause) {
			tell(until)
		}
		if err := waitForRate(ctx, pause); err != nil {
			return true, err
		}
	}
}

// waitForRate sleeps for as long as the rate is limited. Who cannot wait that long is told at once.
func waitForRate(ctx context.Context, pause time.Duration) error {
	if end, ok := ctx.Deadline(); ok && time.Until(end) < pause {
		return limited(pause)
	}
	return schemas.Wait(ctx, pause)
}

// pause lets no request through for d. Answers that ask for the same pause at about the same time are told once.
func (b *bucket) pause(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	until := time.Now().Add(d)
	if until.After(b.until) {
		b.until = until
	}
	if d > longPause && until.Sub(b.told) > longPause {
		b.told = until
		b.log.Warn().Time("until", until).Msg("Zendesk limits the rate: nothing is asked for until then")
	}
}

// slower takes a limit that Zendesk names when it is below ours.
func (b *bucket) slower(perMinute int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if perMinute > 0 && perMinute < b.perMinute {
		b.perMinute = perMinute
		b.limiter.SetLimit(rate.Limit(float64(perMinute) / 60))
	}
}

// budget is what Zendesk allows one account: the incremental exports share a small limit of their own.
type budget struct {
	incremental, rest *bucket
	ahead             atomic.Int64 // how far Zendesk's clock is ahead of ours, as far as answers told
}

// learnTime takes over what the time of an answer says about Zendesk's clock. sent and got are when it was asked for and there by ours. As long as ours
// may be right it counts; else Zendesk's is taken to be as early as it can be, so that nothing passes for read that is not.
func (b *budget) learnTime(h http.Header, sent, got time.Time) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	least, most := date.Sub(got), date.Add(time.Second).Sub(sent)
	if least <= 0 && most >= 0 {
		least = 0
	}
	b.ahead.Store(int64(least))
}

func (b *budget) of(path string) *bucket {
	if strings.HasPrefix(path, "/api/v2/incremental/") {
		return b.incremental
	}
	return b.rest
}

// quota is one limit as Zendesk's headers tell it; -1 means that the number was not told.
type quota struct {
	name                    string
	limit, remaining, reset int
}

// quotas reads the three families of rate-limit headers: rate-limit-* (2023), ratelimit-* (2024) and x-rate-limit-* for the account,
// and zendesk-ratelimit-<name>: total=100; remaining=97; resets=42 for one endpoint.
func quotas(h http.Header) []quota {
	var out []quota
	for _, family := range [][3]string{
		{"Ratelimit-Limit", "Ratelimit-Remaining", "Ratelimit-Reset"},
		{"Rate-Limit", "Rate-Limit-Remaining", "Rate-Limit-Reset"},
		{"X-Rate-Limit", "X-Rate-Limit-Remaining", ""},
	} {
		if h.Get(family[1]) != "" {
			out = append(out, quota{"account", headerInt(h.Get(family[0])), headerInt(h.Get(family[1])), headerInt(h.Get(family[2]))})
			break
		}
	}
	for key := range h {
		if name, ok := strings.CutPrefix(strings.ToLower(key), "zendesk-ratelimit-"); ok {
			out = append(out, endpointQuota(name, h.Get(key)))
		}
	}
	return out
}

func endpointQuota(name, value string) quota {
	q := quota{name, -1, -1, -1}
	for part := range strings.SplitSeq(value, ";") {
		key, number, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch strings.ToLower(key) {
		case "total":
			q.limit = headerInt(number)
		case "remaining":
			q.remaining = headerInt(number)
		case "resets":
			q.reset = headerInt(number)
		}
	}
	return q
}

func headerInt(s string) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 0 || n > 1_000_000 {
		return -1
	}
	return n
}

// learn takes over what the headers of an answer say.
func (b *budget) learn(path string, h http.Header, m *Metrics, account string) {
	incremental := b.of(path) == b.incremental
	for _, q := range quotas(h) {
		if q.remaining >= 0 {
			m.remains.WithLabelValues(account, q.name).Set(float64(q.remaining))
		}
		spent := q.remaining == 0 && q.reset > 0
		pause := min(time.Duration(q.reset)*time.Second, maxPause)
		switch {
		case q.name == "account":
			b.rest.slower(q.limit)
			if spent {
				b.rest.pause(pause)
				b.incremental.pause(pause)
			}
		case incremental && strings.Contains(q.name, "incremental"):
			b.incremental.slower(q.limit)
			if spent {
				b.incremental.pause(pause)
			}
		}
	}
}
