package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
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

// startStores locks the data folder and connects NATS and ClickHouse, inside or outside.
func (a *App) startStores(ctx context.Context) error {
	if err := a.lockData(); err != nil {
		return err
	}
	if err := a.startNATS(); err != nil {
		return err
	}
	if err := a.startTurn(ctx); err != nil {
		return err
	}
	if !a.needsClickHouse() {
		return nil
	}
	return a.startClickHouse(ctx)
}

func (a *App) needsClickHouse() bool { return a.Roles.sink || a.Roles.serve || a.Roles.process }

func (a *App) lockData() error {
	embedded := a.Config.NATSURL == "" || (a.Config.ClickHouseDSN == "" && a.needsClickHouse())
	if !embedded && (a.Config.SecretKey != "" || !a.needsKey()) {
		return nil // keeps nothing on disk
	}
	unlock, err := local.Lock(a.Config.Data)
	if err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	a.closers = append(a.closers, unlock)
	return nil
}

func (a *App) startNATS() (err error) {
	options := []nats.Option{nats.Name("deskstream"), nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond)}
	if a.Config.NATSURL != "" {
		a.conn, err = nats.Connect(a.Config.NATSURL, options...)
		if err != nil {
			return fmt.Errorf("--nats-url: no connection: %w", err)
		}
		a.closers = append(a.closers, a.conn.Close)
		a.control.URL = a.Config.NATSURL
		if a.Config.attached { // to the server of the running program, which it has looked at itself
			return nil
		}
		warnings, err := checkNATS(a.conn)
		for _, warning := range warnings {
			a.Log.Warn().Str("server", a.conn.ConnectedAddr()).Msg(warning)
		}
		return err
	}
	token := newSecret()
	a.store, err = startStore(local.NATSOptions{
		Dir: filepath.Join(a.Config.Data, natsFolder), Log: a.Log.With().Str("part", "nats").Logger(), Listen: "127.0.0.1:0", Token: token,
	})
	if err != nil {
		return err
	}
	a.closers = append(a.closers, a.store.close)
	if !a.store.server.SyncAlways() {
		return errors.New("embedded nats: it does not sync every write")
	}
	url := a.store.server.URL()
	a.control = control{URL: url, Token: token, ClickHouse: a.Config.ClickHouseDSN}
	if err := writeControl(a.Config.Data, a.control); err != nil {
		return err
	}
	// Through loopback, not through the in-process pipe: the pipe has no buffer, so every write waits for its reader.
	if a.conn, err = nats.Connect(url, append(options, nats.Token(token))...); err != nil {
		return fmt.Errorf("embedded nats: %w", err)
	}
	a.closers = append(a.closers, a.conn.Close)
	a.keeper = &storeKeeper{stopped: a.store.stopped, roomy: a.store.roomy, restart: a.store.restart, now: time.Now, log: a.Log.With().Str("part", "nats").Logger()}
	a.run(&a.sinking, "message store", func(ctx context.Context) error { return a.keeper.keep(ctx, storeLook) })
	return nil
}

func (a *App) startClickHouse(ctx context.Context) (err error) {
	dsn := a.Config.ClickHouseDSN
	if dsn == "" {
		a.engine, err = local.StartEngine(ctx, local.EngineOptions{
			Dir: filepath.Join(a.Config.Data, clickhouseFolder), Library: a.Config.Engine, TTLMergeSeconds: a.Tuning.ttlSeconds,
			Log: a.Log.With().Str("part", "engine").Logger(),
		})
		if err != nil {
			return err
		}
		if err := a.registry.Register(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "deskstream_engine_restarts_total", Help: "Restarts of the embedded engine after an unexpected end or under a query that nothing else ends.",
		}, func() float64 { return float64(a.engine.Restarts()) })); err != nil {
			return err
		}
		dsn = a.engine.DSN()
		a.control.ClickHouse = dsn
		if err := writeControl(a.Config.Data, a.control); err != nil {
			return err
		}
		a.closers = append(a.closers, func() {
			stop, cancel := context.WithDeadline(context.Background(), a.stopBy)
			defer cancel()
			if err := a.engine.Close(stop); err != nil {
				a.Log.Warn().Err(err).Msg("engine did not stop by itself")
			}
		})
	}
	a.live = dsn
	if a.dsn, err = intoDatabase(dsn, a.into); err != nil {
		return err
	}
	if a.fillsForUser() {
		if err := a.checkSecond(ctx); err != nil {
			return err
		}
	}
	if err := a.readyTables(ctx); err != nil {
		return err
	}
	if a.db, err = sinks.Open(ctx, a.dsn, sinks.Options{Now: a.Now, Registerer: a.registry}); err != nil {
		return err
	}
	a.closers = append(a.closers, func() { _ = a.db.Close() })
	return nil
}

// readyTables brings the tables to this program's version. A stage that neither writes nor reads them waits for one that does it.
func (a *App) readyTables(ctx context.Context) error {
	if a.Roles.sink || a.Roles.serve {
		return sinks.Migrate(ctx, a.dsn)
	}
	limit, told := time.Now().Add(cmp.Or(a.Tuning.tables, tablesWait)), false
	for {
		have, want, err := sinks.Versions(ctx, a.dsn)
		switch {
		case err != nil || have >= want:
			return err
		case time.Now().After(limit):
			return fmt.Errorf("the tables have version %d and this program needs version %d: start `deskstream sink` or `deskstream serve` of this version, "+
				"which makes them", have, want)
		case !told:
			told = true
			a.Log.Warn().Int("have", have).Int("want", want).Msg("the tables are not there yet, waiting for a sink or serve stage to make them")
		}
		if err := rest(ctx, tablesLook); err != nil {
			return err
		}
	}
}

func (a *App) startStream(ctx context.Context) (err error) {
	options := stream.Options{
		Conn: a.conn, Log: a.Log.With().Str("part", "stream").Logger(), Now: a.Now, Registerer: a.registry,
		SinkLinger: a.Tuning.sinkLinger, Crash: crashFromEnvironment(), Admit: a.tombstones.redact,
	}
	switch {
	case a.into != "":
		options.Namespace = cmp.Or(a.namespace, replayNamespace)
	case a.db != nil:
		options.Meta = a.db
	}
	if a.keeper != nil {
		options.Unwritable = a.keeper.down.Load
	}
	if a.into == "" {
		options.Rows, options.Keeps = filepath.Join(a.Config.Data, "rows"), a.heap.keeper("rows")
	}
	options.Refill, options.OnlyStored = a.replay != nil && a.replay.IsZero() && a.into == "", a.only
	open := stream.Open
	if a.rebuild {
		open = stream.Rebuild
	}
	if a.stream, err = open(ctx, options); err != nil {
		return err
	}
	a.heap.waits(a.stream.Backlog)
	if a.fillsForUser() {
		return a.noteSecond(ctx)
	}
	return nil
}

// Stop drains: what brings events in ends first, then what is stored is processed and sunk, then the stores close. It is safe to call
// after a failed Start, and again, and takes at most about 15 s.
func (a *App) Stop() { a.stopped.Do(a.stop) }

func (a *App) stop() {
	a.stopBy = time.Now().Add(stopTime)
	drain, cancel := context.WithTimeout(context.Background(), a.drainTime())
	defer cancel()
	a.shutdown(drain)
	if a.feeding.cancel != nil {
		a.feeding.stop()
	}
	if a.stream != nil && a.Roles.process && a.Roles.sink {
		if err := a.stream.Drained(drain); err != nil {
			a.Log.Warn().Err(err).Msg("rows under way are left for the next start")
		}
	}
	a.working.stop()
	a.sinking.stop()
	if a.stream != nil {
		a.closeStream()
	}
	for i := len(a.closers) - 1; i >= 0; i-- {
		a.closers[i]()
	}
	a.closers = nil
}

// shutdown takes no more requests and waits for those under way, at most half of the time to drain: what they brought in needs the rest.
// Slower ones go on meanwhile.
func (a *App) shutdown(drain context.Context) {
	if a.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(drain, a.drainTime()/2)
	defer cancel()
	_ = a.server.Shutdown(ctx)
}

// closeStream records the positions of the streams. A ClickHouse that hangs is not waited for: its client does not look at a context while it
// connects.
func (a *App) closeStream() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	closed := make(chan error, 1)
	go func() { closed <- a.stream.Close(ctx) }()
	var err error
	select {
	case err = <-closed:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		a.Log.Warn().Err(err).Msg("stream positions were not recorded")
	}
}

// leave stops an app that filled a second database and removes its streams, and with discard the database.
func (a *App) leave(discard bool) {
	ctx, cancel := context.WithTimeout(context.Background(), discardTime)
	defer cancel()
	a.working.stop()
	a.sinking.stop()
	err := errors.Join(a.stream.Drop(ctx, discard), a.stream.Close(ctx))
	a.stream = nil
	if discard {
		err = errors.Join(err, sinks.DropDatabase(ctx, a.live, a.into))
	}
	if err != nil {
		a.Log.Warn().Err(err).Bool("database", discard).Msg("the streams of a second database, or it, were not removed; the next start of the sink stage does it")
	}
	a.Stop()
}

const (
	// discardTime bounds the removal of a second database.
	discardTime = 30 * time.Second
	// stopTime is when an engine that still runs is killed: after the time to drain, for the last writes and to close the streams.
	stopTime  = 13 * time.Second
	closeTime = 2 * time.Second
	// tablesWait is how long the tables may take to be made by another stage, tablesLook how often it is looked.
	tablesWait = time.Minute
	tablesLook = 250 * time.Millisecond
)

func (a *App) drainTime() time.Duration {
	if a.Tuning.drain > 0 {
		return a.Tuning.drain
	}
	return 8 * time.Second
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

// rest waits for a time, or gives the error of ctx when that ends first.
func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
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
