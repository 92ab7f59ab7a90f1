package zendesktest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// limits counts requests in fixed minutes, as Zendesk's ratelimit headers show it does.
type limits struct {
	now func() time.Time

	mu     sync.Mutex
	minute map[string]time.Time
	used   map[string]int
}

func newLimits(now func() time.Time) *limits {
	return &limits{now: now, minute: map[string]time.Time{}, used: map[string]int{}}
}

// take uses one request of a budget. It returns what is left, below zero when the budget was spent, and the time until
// the budget is full again.
func (l *limits) take(name string, budget int) (left int, reset time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if now.Sub(l.minute[name]) >= time.Minute || now.Before(l.minute[name]) {
		l.minute[name], l.used[name] = now, 0
	}
	l.used[name]++
	return budget - l.used[name], l.minute[name].Add(time.Minute).Sub(now)
}

// allow counts the request against its budgets and answers 429 when one is spent.
func (s *Server) allow(w http.ResponseWriter, _, path string) bool {
	if !strings.HasPrefix(path, "/api/v2/") {
		return true
	}
	if budget := s.opts.PerMinute; budget > 0 {
		left, reset := s.limits.take("account", budget)
		header := w.Header()
		shown := strconv.Itoa(max(0, left))
		header.Set("X-Rate-Limit", strconv.Itoa(budget))
		header.Set("X-Rate-Limit-Remaining", shown)
		header.Set("Ratelimit-Limit", strconv.Itoa(budget))
		header.Set("Ratelimit-Remaining", shown)
		header.Set("Ratelimit-Reset", seconds(reset))
		if left < 0 {
			tooMany(w, reset, "Number of allowed API requests per minute exceeded")
			return false
		}
	}
	if budget := s.opts.IncrementalPerMinute; budget > 0 && strings.HasPrefix(path, "/api/v2/incremental/") {
		left, reset := s.limits.take("incremental", budget)
		w.Header().Set("Zendesk-Ratelimit-Incremental-Exports",
			fmt.Sprintf("total=%d; remaining=%d; resets=%s", budget, max(0, left), seconds(reset)))
		if left < 0 {
			tooMany(w, reset, "Number of allowed incremental ticket export API requests per minute exceeded")
			return false
		}
	}
	return true
}

// tooMany answers like Zendesk's documentation shows it: a sentence, not JSON.
func tooMany(w http.ResponseWriter, reset time.Duration, text string) {
	w.Header().Set("Retry-After", seconds(reset))
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusTooManyRequests)
	_, _ = w.Write([]byte(text)) // A client that left needs no answer.
}

// seconds rounds up, so that a client that waits as told is not early.
func seconds(d time.Duration) string {
	return strconv.Itoa(int((d + time.Second - 1) / time.Second))
}

// Fault makes the server misbehave on matching requests.
type Fault struct {
	// Path is a prefix of the path without .json; "" matches all.
	Path string
	// Method is one method; "" matches all.
	Method string
	// Skip lets the first matching requests pass.
	Skip int
	// Times is how often the fault strikes; zero means once, negative always.
	Times int
	// Status is answered in place of the real answer; zero answers really, after Delay.
	Status int
	// RetryAfter is the header of the answer in seconds; zero leaves it out.
	RetryAfter int
	// Body is the answer's body; "" gives Zendesk's usual one.
	Body string
	// Delay is waited before anything else, or until the client leaves.
	Delay time.Duration
	// Duplicate answers the body that was last answered on the same path once more; exports and ratings only.
	Duplicate bool
	// Cut ends the connection without an answer.
	Cut bool
}

// Inject adds a fault; faults strike in the order they were added.
func (s *Server) Inject(f Fault) {
	if f.Times == 0 {
		f.Times = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// ClearFaults takes all faults away.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

func (s *Server) fault(method, path string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.Times == 0 || !strings.HasPrefix(path, f.Path) || f.Method != "" && f.Method != method {
			continue
		}
		if f.Duplicate && s.last[path] == nil {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times > 0 {
			f.Times--
		}
		return f
	}
	return nil
}

// misbehave carries a fault out and says whether the request is answered with that.
func (s *Server) misbehave(w *answer, r *http.Request, f *Fault) bool {
	if f.Delay > 0 {
		select {
		case <-time.After(f.Delay):
		case <-r.Context().Done():
			return true
		}
	}
	switch {
	case f.Cut:
		w.status = 0
		cut(w.ResponseWriter)
	case f.Duplicate:
		s.mu.Lock()
		body := s.last[cleanPath(r.URL.Path)]
		s.mu.Unlock()
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(body) // A client that left needs no answer.
	case f.Status != 0:
		s.refuse(w, f)
	default:
		return false
	}
	return true
}

func (s *Server) refuse(w http.ResponseWriter, f *Fault) {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
	switch {
	case f.Body != "":
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte(f.Body)) // A client that left needs no answer.
	case f.Status == http.StatusTooManyRequests:
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte("Number of allowed API requests per minute exceeded"))
	case f.Status == http.StatusNotFound:
		s.notFound(w)
	case f.Status == http.StatusForbidden:
		s.forbidden(w)
	case f.Status == http.StatusUnauthorized:
		s.json(w, f.Status, map[string]any{"error": "Couldn't authenticate you"})
	default:
		s.fail(w, f.Status, "InternalError", http.StatusText(f.Status))
	}
}

// cut drops the connection so that the client sees an unexpected end.
func cut(w http.ResponseWriter) {
	h, ok := w.(http.Hijacker)
	if !ok {
		return
	}
	if conn, _, err := h.Hijack(); err == nil {
		_ = conn.Close() // Dropping it is the purpose.
	}
}
