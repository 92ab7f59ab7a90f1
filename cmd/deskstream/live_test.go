package main

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
)

// liveMessage is a message of GET /v1/live.
type liveMessage struct {
	Counters map[string]int64 `json:"counters"`
	Newest   []liveActivity   `json:"newest"`
}

type liveActivity struct {
	Activity string `json:"activity"`
}

// TestLiveShowsWebhooks watches the live feed while webhooks arrive: each new ticket is told of, in the counters and among the newest activities.
func TestLiveShowsWebhooks(t *testing.T) {
	t.Parallel()
	account, err := zendesktest.History(1, 1, 1, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	app, api := startApp(t, serveAccount(t, account, zendesktest.AdminEmail).URL())
	source := connect(t, api, account.Subdomain, zendesktest.AdminEmail, 90)
	waitSynced(t, api, source)
	drained(t, app)
	messages := watchLive(t, api)
	before := liveUntil(t, messages, -1).Counters["tickets_unsolved"]
	run := time.Now().UnixNano()
	var took []time.Duration
	for i := range int64(5) {
		sent := time.Now()
		if status, err := postSigned(api.http, api.base+"/webhooks/zendesk/"+source, testSecret, loadBody(run, 2*(5000+i), 1_000_000, sent)); err != nil || status != http.StatusOK {
			t.Fatal(status, err)
		}
		m := liveUntil(t, messages, before+i+1)
		if !slices.Contains(m.Newest, liveActivity{"ticket-created"}) {
			t.Errorf("the new ticket is not among the newest: %+v", m.Newest)
		}
		took = append(took, time.Since(sent))
	}
	slices.Sort(took)
	t.Logf("from the webhook to the message: median %s, longest %s", took[2], took[4])

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := app.server.Shutdown(ctx); err != nil {
		t.Errorf("the server waits for the viewer of the live feed: %v", err)
	}
}

// liveUntil waits for a message with so many unsolved tickets; -1 takes any.
func liveUntil(t *testing.T, messages <-chan liveMessage, unsolved int64) liveMessage {
	t.Helper()
	limit := time.After(2 * time.Minute)
	for {
		select {
		case m, ok := <-messages:
			if !ok {
				t.Fatal("the feed ended")
			}
			if unsolved < 0 || m.Counters["tickets_unsolved"] == unsolved {
				return m
			}
		case <-limit:
			t.Fatalf("no message with %d unsolved tickets", unsolved)
		}
	}
}

// watchLive gives the messages of the live feed until the test or the feed ends.
func watchLive(t *testing.T, api *client) <-chan liveMessage {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, api.base+"/v1/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+api.key)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatal(res.Status, res.Header)
	}
	messages := make(chan liveMessage, 100)
	go func() {
		defer close(messages)
		defer res.Body.Close()
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var m liveMessage
				if err := json.Unmarshal([]byte(data), &m); err != nil {
					t.Errorf("%v: %s", err, data)
					return
				}
				messages <- m
			}
		}
	}()
	return messages
}
