package reports

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestLive(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	web := httptest.NewServer(s.handler)
	t.Cleanup(web.Close)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, web.URL+"/v1/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer reports-key")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%v", resp.Header)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	var m liveMessage
	for m.Counters == nil && lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			if err := json.Unmarshal([]byte(data), &m); err != nil {
				t.Fatal(err)
			}
		}
	}
	if m.Counters["tickets_unsolved"] != 2 || m.Counters["people"] != 3 || m.Counters["activities_today"] != 44 || len(m.Newest) != 0 {
		t.Errorf("%+v", m)
	}
	for lines.Scan() { // the next message says that nothing has changed
		if lines.Text() == ": same" {
			s.live.end()
			for lines.Scan() {
			}
			return
		}
	}
	t.Error("no second message")
}
