package reports

import (
	"testing"
)

// TestEveryReportByEveryDimension asks every report in every shape, because each shape is a statement of its own.
func TestEveryReportByEveryDimension(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	for _, m := range reportMetrics {
		t.Run(m.name, func(t *testing.T) {
			base := "/v1/reports/" + m.name + "?"
			if m.name == "keywords" {
				base += "phrase=refund&"
			}
			queries := []string{"", "as_of=2026-03-01T00:00:00Z", "interval=day&as_of=2026-03-01T00:00:00Z", "group_by=tag&group_by=assignee", "format=csv"}
			for _, d := range m.dimensions {
				v := "(none)"
				queries = append(queries, "group_by="+d.name, d.name+"="+v, "interval=week&group_by="+d.name+"&as_of=2026-03-01T00:00:00Z")
			}
			for _, o := range m.options {
				for _, v := range o.values {
					queries = append(queries, o.name+"="+v, o.name+"="+v+"&as_of=2026-03-01T00:00:00Z&group_by=assignee&group_by=status")
				}
			}
			for _, q := range queries {
				if r := s.call("GET", base+q, "admin-key", nil); r.StatusCode != 200 {
					t.Errorf("%s: %d %s", q, r.StatusCode, r.body)
				}
			}
		})
	}
}
