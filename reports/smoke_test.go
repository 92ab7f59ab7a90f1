package reports

import (
	"fmt"
	"net/http"
	"testing"
)

// TestEveryReportByEveryDimension asks every report by every dimension, as key and as filter, now and in the past, because each is a
// statement of its own.
func TestEveryReportByEveryDimension(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	for _, m := range reportMetrics {
		t.Run(m.name, func(t *testing.T) {
			base := "/v1/reports/" + m.name + "?"
			if m.name == "keywords" {
				base += "phrase=refund&"
			}
			names := dimensionNames(m.dimensions)
			var queries []string
			for i := 0; i < len(names); i += 2 {
				a, b := names[i], names[(i+1)%len(names)]
				queries = append(queries, fmt.Sprintf("group_by=%s&group_by=%s&%s=(none)&%s=(none)&as_of=2026-03-05T00:00:00Z&interval=week", a, b, a, b))
			}
			for _, o := range m.options {
				for _, v := range o.values {
					queries = append(queries, o.name+"="+v+"&group_by=assignee&group_by=status")
				}
			}
			for _, q := range queries {
				if r := s.as(t).call("GET", base+q, "admin-key", nil); r.StatusCode != http.StatusOK {
					t.Errorf("%s: %d %s", q, r.StatusCode, r.body)
				}
			}
		})
	}
}
