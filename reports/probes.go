package reports

import (
	"encoding/json"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Probes are GET /healthz, /readyz and /metrics where there is no API. They answer as those of the API do.
type Probes struct {
	Ready    []Check             // checked by GET /readyz
	Version  string              // of the program
	Gatherer prometheus.Gatherer // what GET /metrics shows
	Keys     *Keyring            // of whom one is needed on GET /metrics; nil = none
}

// Handler gives the handler of the probes. It is safe for concurrent use.
func (p Probes) Handler() http.Handler {
	checks := &readiness{checks: p.Ready}
	metrics := metricsOf(p.Gatherer)
	if p.Keys != nil {
		metrics = p.Keys.guard(metrics)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeProbe(w, http.StatusOK, healthOf(p.Version))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		a := checks.answer()
		writeProbe(w, a.Status, a.Body)
	})
	mux.Handle("GET /metrics", metrics)
	return mux
}

func metricsOf(g prometheus.Gatherer) http.Handler {
	return promhttp.HandlerFor(g, promhttp.HandlerOpts{})
}

func writeProbe(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}
