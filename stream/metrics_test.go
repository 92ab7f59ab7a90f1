package stream

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestMetricOfAnotherMeaningIsTold: a metric whose name somebody else registered with another meaning is refused, not lost. Those of an earlier pipeline
// are gone on with.
func TestMetricOfAnotherMeaningIsTold(t *testing.T) {
	t.Parallel()
	r := prometheus.NewRegistry()
	first, err := newMetrics(r, "")
	if err != nil {
		t.Fatal(err)
	}
	first.published.Inc()
	if again, err := newMetrics(r, ""); err != nil || counterValue(t, again.published) != 1 {
		t.Fatalf("a second pipeline: %v", err)
	}
	r = prometheus.NewRegistry()
	r.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "deskstream_spills_total", Help: "Of another kind."}))
	_, o := testOptions(t)
	o.Registerer = r
	if _, err := Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "deskstream_spills_total") {
		t.Errorf("%v, want the name of the metric", err)
	}
}
