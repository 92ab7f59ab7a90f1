package reports

import (
	"errors"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the figures about the API itself.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	panics   prometheus.Counter
	queries  *prometheus.HistogramVec
	busy     prometheus.Counter
	missing  *prometheus.GaugeVec
	users    prometheus.Gauge
	memory   prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	buckets := []float64{.002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10}
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "deskstream_http_requests_total", Help: "Requests of the HTTP API by route and status.",
		}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "deskstream_http_request_seconds", Help: "Time until a request of the HTTP API was answered.", Buckets: buckets,
		}, []string{"route"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "deskstream_http_panics_total", Help: "Requests that ended in a fault of the program.",
		}),
		queries: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "deskstream_report_query_seconds", Help: "Time of ClickHouse queries by name.", Buckets: buckets,
		}, []string{"query"}),
		busy: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "deskstream_reports_refused_total", Help: "Reports refused because too many were under way.",
		}),
		missing: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "deskstream_missing_tickets", Help: "Tickets that Zendesk counts and that are not stored, as of its last count.",
		}, []string{"account"}),
		users: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "deskstream_audience_users", Help: "Users of whom what audiences look at is kept in memory; 0 = people are read as they change.",
		}),
		memory: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "deskstream_audience_bytes", Help: "About how much memory they took when they were read last.",
		}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.panics, m.queries, m.busy, m.missing, m.users, m.memory} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// outside wraps the routes with what every request gets: headers, protection against other sites, figures, and a net for panics.
func (s *server) outside(next http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, newProblem(http.StatusForbidden, "cross-origin", "a page of another site may not make this request"))
	}))
	return s.measured(withHeaders(s.caught(guard.Handler(next))))
}

// withHeaders sets headers for answers that are data: nothing in them may run, be framed, be guessed at or be kept by a cache.
func withHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// caught answers 500 after a panic; what happened goes to the log only.
func (s *server) caught(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler { //nolint:errorlint // the server compares it the same way
				panic(v)
			}
			s.metrics.panics.Inc()
			e := s.Log.Error().Str("route", r.Pattern).Str("stack", string(debug.Stack()))
			if fault, ok := v.(runtime.Error); ok { // its text holds no data, other values may
				e = e.Str("fault", fault.Error())
			}
			e.Msg("panic while answering")
			if o, ok := w.(*observed); !ok || o.status == 0 {
				writeProblem(w, problemOf(errPanic))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

var errPanic = errors.New("panic") // has no class: becomes the plain 500 problem

// measured counts requests by route.
func (s *server) measured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		o := &observed{ResponseWriter: w}
		next.ServeHTTP(o, r)
		route := r.Pattern
		if route == "" || route == "/" {
			route = "none"
		}
		status := o.status
		if status == 0 {
			status = http.StatusOK
		}
		s.metrics.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
		s.metrics.seconds.WithLabelValues(route).Observe(time.Since(start).Seconds())
		s.Log.Debug().Str("route", route).Int("status", status).Dur("took_ms", time.Since(start)).Msg("request")
	})
}

// observed remembers the status of an answer.
type observed struct {
	http.ResponseWriter
	status int
}

// WriteHeader remembers the status.
func (o *observed) WriteHeader(status int) {
	if o.status == 0 {
		o.status = status
	}
	o.ResponseWriter.WriteHeader(status)
}

// Write is an answer of 200 if nothing was said before.
func (o *observed) Write(b []byte) (int, error) {
	if o.status == 0 {
		o.status = http.StatusOK
	}
	return o.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (o *observed) Unwrap() http.ResponseWriter { return o.ResponseWriter }
