package reports

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TestManyProbesCostOneCheck: all who ask at the same time are told the result of one run of the checks.
func TestManyProbesCostOneCheck(t *testing.T) {
	t.Parallel()
	var runs atomic.Int64
	begun, finish := make(chan struct{}), make(chan struct{})
	start := time.Now()
	r := readiness{checks: []Check{{Name: "slow", Check: func(context.Context) error {
		if runs.Add(1) == 1 {
			close(begun)
		}
		<-finish
		return nil
	}}}}
	var probes sync.WaitGroup
	probe := func() {
		if body := r.ask(); !body.Ready || body.Checks["slow"] != checkOK {
			t.Errorf("%+v", body)
		}
	}
	probes.Go(probe)
	<-begun
	for range 100 {
		probes.Go(probe)
	}
	close(finish)
	probes.Wait()
	probe()
	if n, most := runs.Load(), 1+int64(time.Since(start)/readyFresh); n > most {
		t.Errorf("the check ran %d times for 102 probes, %d is what the time allows", n, most)
	}
}

// TestProbesWithoutAnAPITellNoAddresses: a stage of its own says which part is not ready and what to do, and nothing of its errors, as the API does.
func TestProbesWithoutAnAPITellNoAddresses(t *testing.T) {
	t.Parallel()
	p := Probes{
		Ready: []Check{
			{Name: "stream", Check: func(context.Context) error { return nil }},
			{Name: "nats", Check: func(context.Context) error { return errors.New("secret-address refused") }, Hint: "look after it"},
			{Name: "stuck", Check: func(ctx context.Context) error { <-ctx.Done(); <-t.Context().Done(); return nil }},
		},
		Version: "v1", Gatherer: prometheus.NewRegistry(),
	}.Handler()
	ask := func(path string, into any) int {
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
		if strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: %s", path, w.Body)
		}
		if into != nil {
			if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
				t.Errorf("%s: %v: %s", path, err, w.Body)
			}
		}
		return w.Code
	}
	var body readyBody
	if status := ask("/readyz", &body); status != http.StatusServiceUnavailable {
		t.Errorf("/readyz: status %d", status)
	}
	for name, want := range map[string]string{"stream": "ok", "nats": "not ready: look after it", "stuck": "no answer in time"} {
		if body.Checks[name] != want {
			t.Errorf("%s: %s, want %s", name, body.Checks[name], want)
		}
	}
	var health healthAnswer
	if status := ask("/healthz", &health); status != http.StatusOK || health.Status != "ok" || health.Version != "v1" {
		t.Errorf("/healthz: status %d, %+v", status, health)
	}
	if status := ask("/metrics", nil); status != http.StatusOK {
		t.Errorf("/metrics: status %d", status)
	}
	if status := ask("/v1/people", nil); status != http.StatusNotFound {
		t.Errorf("/v1/people: status %d", status)
	}
}
