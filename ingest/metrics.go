package ingest

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Metrics counts what ingest does. One value is shared by all parts of the package; make it with NewMetrics.
type Metrics struct {
	accepted *prometheus.CounterVec // kind
	rejected *prometheus.CounterVec // reason
	dropped  *prometheus.CounterVec // status
	latency  prometheus.Histogram
	nudges   *prometheus.CounterVec // result

	runs      *prometheus.CounterVec   // account, resource, result
	rows      *prometheus.CounterVec   // account, resource
	pages     *prometheus.CounterVec   // account, resource
	through   *prometheus.GaugeVec     // account, resource
	fenced    *prometheus.CounterVec   // resource
	requests  *prometheus.CounterVec   // account, status
	waited    *prometheus.CounterVec   // account, bucket
	remains   *prometheus.GaugeVec     // account, limit
	refresh   *prometheus.CounterVec   // result
	fetched   *prometheus.CounterVec   // kind
	oversized *prometheus.CounterVec   // kind
	took      *prometheus.HistogramVec // resource
}

// NewMetrics registers the metrics of ingest. A nil reg gives metrics that nobody reads.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	f := promauto.With(reg)
	count := func(name, help string, labels ...string) *prometheus.CounterVec {
		return f.NewCounterVec(prometheus.CounterOpts{Name: "deskstream_" + name, Help: help}, labels)
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return f.NewGaugeVec(prometheus.GaugeOpts{Name: "deskstream_" + name, Help: help}, labels)
	}
	return &Metrics{
		accepted: count("webhook_accepted_total", "Webhooks stored and answered 200.", "kind"),
		rejected: count("webhook_rejected_total", "Webhooks not answered 200.", "reason"),
		dropped:  count("webhook_dropped_total", "Webhooks answered 200 and not stored, because the source does not take data.", "status"),
		latency: f.NewHistogram(prometheus.HistogramOpts{
			Name: "deskstream_webhook_seconds", Help: "Time from the start of a webhook request to its answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}),
		nudges:    count("webhook_nudges_total", "Objects named by webhooks for an early fetch.", "result"),
		runs:      count("poll_runs_total", "Runs of a poll.", "account", "resource", "result"),
		rows:      count("poll_rows_total", "Rows read by polls and stored.", "account", "resource"),
		pages:     count("poll_pages_total", "Pages read by polls.", "account", "resource"),
		through:   gauge("poll_through_seconds", "Epoch second up to which the data of a poll is complete.", "account", "resource"),
		fenced:    count("poll_fenced_total", "Pages discarded because another poller was faster.", "resource"),
		requests:  count("poll_requests_total", "Requests to Zendesk by status; 0 is no answer.", "account", "status"),
		waited:    count("poll_waits_total", "Requests that had to wait for the rate limit.", "account", "bucket"),
		remains:   gauge("poll_ratelimit_remaining", "Requests Zendesk still allows, as its headers say.", "account", "limit"),
		refresh:   count("poll_token_refresh_total", "Renewals of access tokens.", "result"),
		fetched:   count("poll_fetched_total", "Objects fetched because a webhook named them.", "kind"),
		oversized: count("poll_oversized_total", "Objects left out because they are too large to be stored.", "kind"),
		took: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "deskstream_poll_seconds", Help: "Duration of a poll run.", Buckets: prometheus.ExponentialBuckets(.01, 4, 9),
		}, []string{"resource"}),
	}
}

// forget drops the figures of an account.
func (m *Metrics) forget(account string) {
	of := prometheus.Labels{"account": account}
	for _, c := range []*prometheus.CounterVec{m.runs, m.rows, m.pages, m.requests, m.waited} {
		c.DeletePartialMatch(of)
	}
	for _, g := range []*prometheus.GaugeVec{m.through, m.remains} {
		g.DeletePartialMatch(of)
	}
}
