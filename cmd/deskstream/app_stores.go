package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"deskstream/local"
	"deskstream/schemas"
	"deskstream/sinks"
	"deskstream/stream"
)

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

const (
	// tablesWait is how long the tables may take to be made by another stage, tablesLook how often it is looked.
	tablesWait = time.Minute
	tablesLook = 250 * time.Millisecond
)

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
		if err := schemas.Wait(ctx, tablesLook); err != nil {
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
