package reports

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"deskstream/schemas"
)

// openLive opens a stream, closed at the end of the test.
func (s *testServer) openLive(t *testing.T) *http.Response {
	t.Helper()
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
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// TestLiveEndsWithItsKey: a stream goes no further than its key.
func TestLiveEndsWithItsKey(t *testing.T) {
	t.Parallel()
	var passed atomic.Int64
	s := newTestServer(t, filledDatabase(t), func(o *Options) { o.Now = func() time.Time { return testNow.Add(time.Duration(passed.Load())) } })
	resp := s.openLive(t)
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	if !lines.Scan() {
		t.Fatal("no message")
	}
	s.store.mu.Lock()
	i := slices.IndexFunc(s.store.keys, func(k schemas.Key) bool { return slices.Contains(k.Scopes, "reports") })
	s.store.keys = slices.Clone(s.store.keys)
	s.store.keys[i].RevokedAt = &testNow
	s.store.mu.Unlock()
	passed.Store(int64(keysFresh))
	for lines.Scan() { //nolint:revive // until the stream ends
	}
	if t.Context().Err() != nil || lines.Err() != nil {
		t.Errorf("%v", lines.Err())
	}
}

// TestLiveHead: a HEAD has the headers and no stream, so its connection takes the next request and nobody counts as a viewer.
func TestLiveHead(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, filledDatabase(t), nil)
	web := httptest.NewServer(s.handler)
	t.Cleanup(web.Close)
	t.Cleanup(s.live.end)
	client := web.Client()
	client.Timeout = 10 * time.Second
	reused := false
	ask := func(method, path string) *http.Response {
		t.Helper()
		trace := &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { reused = c.Reused }}
		r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), method, web.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer reports-key")
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp
	}
	if head := ask("HEAD", "/v1/live"); head.StatusCode != http.StatusOK || head.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%s %v", head.Status, head.Header)
	}
	if next := ask("HEAD", "/v1/reports"); next.StatusCode != http.StatusOK || !reused {
		t.Errorf("%s, reused %v", next.Status, reused)
	}
	s.live.mu.Lock()
	defer s.live.mu.Unlock()
	if s.live.viewers != 0 {
		t.Errorf("%d viewers", s.live.viewers)
	}
}

func TestLive(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	resp := s.openLive(t)
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
