package ingest_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deskstream/ingest"
	"deskstream/ingest/zendesktest"
	"deskstream/local"
	"deskstream/local/localtest"
	"deskstream/schemas"
	"deskstream/stream"
)

var _ ingest.Store = (*stream.Stream)(nil)

// collector is a processor that keeps the events it is given.
type collector struct {
	mu     sync.Mutex
	events []schemas.Event
}

func (c *collector) Keys([]schemas.Event, schemas.State) []string { return nil }

func (c *collector) Apply(events []schemas.Event, _ schemas.State) (schemas.Result, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, events...)
	return schemas.Result{}, nil
}

// ids returns how often each event id of a kind came.
func (c *collector) ids(kind schemas.Kind) map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]int{}
	for _, e := range c.events {
		if e.Kind == kind {
			out[e.ID]++
		}
	}
	return out
}

// world is ingest on a real stream and a simulated account.
type world struct {
	desk      *zendesktest.Server
	stream    *stream.Stream
	collector *collector
	conn      *ingest.Connections
	hooks     *httptest.Server
}

func newWorld(t *testing.T, account *zendesktest.Account) *world {
	t.Helper()
	server, err := local.StartNATS(local.NATSOptions{Dir: t.TempDir(), MaxStore: 1 << 30, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	conn, err := server.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	s, err := stream.Open(t.Context(), stream.Options{Conn: conn, Log: zerolog.Nop(), MaxBytesEvents: 256 << 20, MaxBytesTxn: 256 << 20})
	if err != nil {
		t.Fatal(err)
	}
	desk := zendesktest.NewServer(account, zendesktest.Options{
		APITokens: map[string]string{"token": ""}, IncrementalPerMinute: -1, PerMinute: -1,
	})
	if err := desk.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	w := &world{desk: desk, stream: s, collector: &collector{}}
	w.run(t)
	return w
}

// run starts every part of ingest the way a program wires it, and a processor behind it.
func (w *world) run(t *testing.T) {
	t.Helper()
	sealer, err := ingest.NewSealer([]byte(strings.Repeat("k", ingest.KeySize)))
	if err != nil {
		t.Fatal(err)
	}
	metrics := ingest.NewMetrics(nil)
	clients := &ingest.Clients{
		Store: w.stream, Sealer: sealer, Metrics: metrics, Now: time.Now, BaseURL: w.desk.URL(), IncrementalPerMinute: 100_000,
		RestPerMinute: 100_000,
	}
	directory := ingest.NewDirectory(w.stream, sealer, zerolog.Nop())
	if err := directory.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	poller := &ingest.Poller{Store: w.stream, Sources: directory, Clients: clients, Metrics: metrics, Now: time.Now}
	nudges := ingest.NewNudges(0)
	fetcher := &ingest.Fetcher{Nudges: nudges, Poller: poller, Debounce: 20 * time.Millisecond}
	mux := http.NewServeMux()
	mux.Handle("POST /webhooks/zendesk/{source_id}", &ingest.Webhook{
		Publisher: w.stream, Sources: directory, Metrics: metrics, Now: time.Now, Nudges: nudges,
		Recovered: func(id string) { poller.Kick(id) },
	})
	w.hooks = httptest.NewServer(mux)
	w.conn = &ingest.Connections{Store: w.stream, Sealer: sealer, Clients: clients, Now: time.Now, PublicURL: w.hooks.URL}

	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, part := range []func(context.Context) error{
		directory.Run, poller.Run, fetcher.Run,
	} {
		wg.Go(func() {
			if err := part(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	for p := range w.stream.Partitions() {
		wg.Go(func() {
			if err := w.stream.Process(ctx, p, w.collector); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() {
		w.hooks.Close()
		cancel()
		wg.Wait()
		// A connection that was dialled but never used keeps an HTTP server from closing for 5 seconds.
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := w.stream.Close(ctx); err != nil {
			t.Error(err)
		}
		if err := w.desk.Close(ctx); err != nil {
			t.Error(err)
		}
		if v := w.desk.Violations(); len(v) > 0 {
			t.Errorf("a read-only client sent %v", v)
		}
	})
}

// TestRealStream connects an account, reads its past and takes webhooks, each sent three times, over a real broker.
func TestRealStream(t *testing.T) {
	t.Parallel()
	account, err := zendesktest.History(3, 30, 8, time.Now().Add(-5*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, account)
	const id = "src_1"
	record := schemas.Source{Settings: schemas.Settings{ID: id, Type: "zendesk", Account: "acme", Status: schemas.SourceDraft}}
	if err := w.stream.PutSource(t.Context(), &record); err != nil {
		t.Fatal(err)
	}
	if _, err := w.conn.Authorize(t.Context(), id, schemas.AuthorizeRequest{Method: ingest.MethodAPIToken, Email: zendesktest.AdminEmail, Token: "token"}); err != nil {
		t.Fatal(err)
	}
	tickets, audits := len(account.Tickets()), 0
	for _, ticket := range account.Tickets() {
		list, err := account.Audits(ticket.ID)
		if err != nil {
			t.Fatal(err)
		}
		audits += len(list)
	}
	localtest.Eventually(t, "the past of the account", func() bool {
		return len(w.collector.ids(schemas.KindTicket)) == tickets && len(w.collector.ids(schemas.KindAudit)) == audits &&
			len(w.collector.ids(schemas.KindUser)) == len(account.Users())
	})
	for id, n := range w.collector.ids(schemas.KindAudit) {
		if n != 1 {
			t.Errorf("%s came %d times", id, n)
		}
	}

	if err := w.conn.RegisterWebhook(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	sub := account.Subscriptions()[0]
	sender := &zendesktest.Sender{Account: account, URL: sub.Endpoint, Secret: sub.Secret, Copies: 3, Wait: func(context.Context, time.Duration) error { return nil }}
	requester := account.Users()[len(account.Users())-1].ID
	localtest.Eventually(t, "the secret of the webhook in force", func() bool {
		made, err := account.CreateTicket(time.Now(), zendesktest.NewTicket{Requester: requester, Subject: "New", Body: "Now"})
		if err != nil {
			t.Fatal(err)
		}
		counts, err := sender.Flush(t.Context())
		return err == nil && counts.LastStatus == http.StatusOK && made.ID > 0
	})
	localtest.Eventually(t, "webhook, ticket and audit of the new ticket", func() bool {
		return len(w.collector.ids(schemas.KindWebhook)) > 0 && len(w.collector.ids(schemas.KindTicket)) > tickets &&
			len(w.collector.ids(schemas.KindAudit)) > audits
	})
	for id, n := range w.collector.ids(schemas.KindWebhook) {
		if n != 1 {
			t.Errorf("%s came %d times although the broker knows its id", id, n)
		}
	}
	localtest.Eventually(t, "every resource read to its end", func() bool {
		cursors, err := w.stream.Cursors(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		done := map[string]bool{}
		for _, cur := range cursors {
			done[cur.Resource] = cur.Done
		}
		for name := range maps.Keys(ingest.Intervals()) {
			if !done[name] {
				return false
			}
		}
		return true
	})
}
