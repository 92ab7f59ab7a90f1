package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/rs/zerolog"
	"golang.org/x/time/rate"

	"deskstream/ingest"
	"deskstream/local"
	"deskstream/sinks"
	"deskstream/stream"
)

// roles says which stages a process runs.
type roles struct{ ingest, process, sink, serve bool }

// App is the program wired together. Start brings the parts up in order, Stop takes them down in reverse; in between Addr tells where it
// listens.
//
//	webhook, poller ─▶ stream(raw) ─▶ process ─▶ stream(rows) ─▶ sink ─▶ ClickHouse ─▶ serve
//	     ingest                       one loop a partition      one loop a table      reports, liquid
type App struct {
	Config Config
	Roles  roles
	Log    zerolog.Logger
	Now    func() time.Time
	Tuning tuning

	store    *store
	keeper   *storeKeeper // of store
	conn     *nats.Conn
	engine   *local.Engine
	db       *sinks.DB
	stream   *stream.Stream
	webhook  *ingest.Webhook
	sources  *ingest.Directory
	clients  *ingest.Clients
	figures  *ingest.Metrics
	sealer   *ingest.Sealer
	server   *http.Server
	listener net.Listener
	registry *prometheus.Registry

	connections *ingest.Connections
	tombstones  tombstones
	heap        heap
	apiKey      string // the bootstrap key if it was made by this start
	live, dsn   string // DSNs of the live database and of the one in use, which is another one with into

	control control // of the parts that run inside

	replay    *time.Time   // not nil: rebuild from this time on
	into      string       // second database of a replay
	tool      bool         // ends when it has done its work
	namespace string       // of its streams; "" = replayNamespace
	turn      *stream.Turn // to fill it; nil: taken by the start
	rebuild   bool         // replace streams that are not the recorded ones
	only      bool         // a replay may remove what the stored events cannot make again
	stays     bool         // nothing is replayed, because raw events are gone with a stream that was rebuilt

	feeding  group // pollers and fetcher: what brings events in
	working  group // processors
	sinking  group // sinks and janitor
	closers  []func()
	failures chan error
	stopped  sync.Once
	stopBy   time.Time // set when it stops
}

// tuning holds what tests change so that they need not wait.
type tuning struct {
	sinkLinger  time.Duration
	webhookRate rate.Limit    // webhooks a second and source; 0 = the default of ingest
	ttlSeconds  int           // least time between two merges that delete expired rows
	question    time.Duration // how long a question to ClickHouse may take; 0 = the default of reports
	reread      time.Duration // how long tickets may be missing; 0 = the default of reports
	erase       time.Duration // how often archived people are looked for; 0 = the default of reports
	drain       time.Duration // how long Stop waits for rows under way; 0 = 8 s
	tables      time.Duration // how long a stage that does not make the tables waits for them; 0 = tablesWait
}

// group runs functions until its context ends and waits for all of them.
type group struct {
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

func (g *group) open() { g.ctx, g.cancel = context.WithCancel(context.Background()) }

func (g *group) stop() {
	if g.cancel != nil {
		g.cancel()
		g.wg.Wait()
	}
}

// Start brings up every part that the roles need. On an error everything that was started is stopped again.
func (a *App) Start(ctx context.Context) (err error) {
	a.failures = make(chan error, 16)
	a.registry = prometheus.NewRegistry()
	a.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, g := range []*group{&a.feeding, &a.working, &a.sinking} {
		g.open()
	}
	defer func() {
		if err != nil {
			a.Stop()
		}
	}()
	for _, step := range []func(context.Context) error{a.startStores, a.startStream, a.startSealer, a.startErasures, a.startWork, a.startHTTP, a.startIngest} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Addr is the address of the HTTP listener.
func (a *App) Addr() string {
	if a.listener == nil {
		return ""
	}
	return a.listener.Addr().String()
}

// run starts f in a group; an end of f before the group's context ends is a failure of the program.
func (a *App) run(g *group, name string, f func(context.Context) error) {
	g.wg.Go(func() {
		err := f(g.ctx)
		if g.ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errors.New("ended by itself")
		}
		a.fail(fmt.Errorf("%s: %w", name, err))
	})
}

// fail ends Wait. Behind many failures nobody waits for another one.
func (a *App) fail(err error) {
	select {
	case a.failures <- err:
	default:
	}
}

// Wait returns when ctx ends (nil) or a stage failed for good.
func (a *App) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-a.failures:
		return err
	}
}
