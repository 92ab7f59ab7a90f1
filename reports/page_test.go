package reports

import "testing"

// TestCatalogsHavePages: lists of what the program offers are whole without a limit, and come in pages with one.
func TestCatalogsHavePages(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	for _, path := range []string{"/v1/liquid/merge-tags", "/v1/activities", "/v1/reports", "/v1/source-types"} {
		var whole page[map[string]any]
		if s.get(path, &whole); whole.NextCursor != nil || path == "/v1/liquid/merge-tags" && len(whole.Items) < 100 {
			t.Errorf("%s: %d items, further %v", path, len(whole.Items), whole.NextCursor)
		}
		s.wantPages(path, len(whole.Items))
	}
	var first, rest page[map[string]any]
	s.get("/v1/reports?limit=3", &first)
	s.get("/v1/reports?cursor="+*first.NextCursor, &rest)
	if len(first.Items) != 3 || len(rest.Items) != len(reportMetrics)-3 || rest.NextCursor != nil {
		t.Errorf("%d items, then %d", len(first.Items), len(rest.Items))
	}
	s.wantProblem(s.call("GET", "/v1/activities?cursor="+*first.NextCursor, "admin-key", nil), 422, "invalid-input", "query.cursor")
	gone, err := encodeCursor("reports", "gone")
	if err != nil {
		t.Fatal(err)
	}
	s.wantProblem(s.call("GET", "/v1/reports?cursor="+*gone, "admin-key", nil), 422, "invalid-input", "query.cursor", "begin anew")
}
