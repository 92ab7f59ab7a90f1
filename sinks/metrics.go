package sinks

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count by table.
type metrics struct {
	rows     *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	probes   *prometheus.CounterVec
	reinsert *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "deskstream_sink_rows_total", Help: "Rows that ClickHouse acknowledged.",
		}, []string{"table"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "deskstream_sink_insert_seconds", Help: "Time of one insert of one partition.",
			Buckets: prometheus.ExponentialBuckets(0.002, 2.5, 10),
		}, []string{"table"}),
		probes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "deskstream_sink_probes_total", Help: "Looks whether a block is stored already, by what was found: present, absent or torn.",
		}, []string{"table", "found"}),
		reinsert: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "deskstream_sink_lost_tokens_total", Help: "Inserts that ClickHouse dropped as repeated although their rows were gone; they were inserted again.",
		}, []string{"table"}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.rows, m.seconds, m.probes, m.reinsert} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("sink metrics: %w", err)
		}
	}
	return m, nil
}
