package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"deskstream/ingest"
	"deskstream/processors"
	"deskstream/reports"
	"deskstream/schemas"
	"deskstream/sinks"
	"deskstream/stream"
)

// startHTTP opens the listener and serves what the roles offer: the API (serve), webhooks (ingest), health and metrics (all). A tool beside a running
// program has no listener.
func (a *App) startHTTP(ctx context.Context) (err error) {
	if a.Config.Listen == "" {
		return nil
	}
	var lc net.ListenConfig
	if a.listener, err = lc.Listen(ctx, "tcp", a.Config.Listen); err != nil {
		return &settingError{"listen", a.Config.Listen, fmt.Sprintf("an address that is free (%v)", err)}
	}
	if err := a.startConnections(ctx); err != nil {
		return err
	}
	mux := http.NewServeMux()
	a.server = ingest.NewServer(a.Config.Listen, mux)
	if a.Roles.ingest {
		mux.Handle("/webhooks/zendesk/{source_id}", a.webhook)
	}
	if a.Roles.serve {
		if err := a.serveAPI(ctx, mux); err != nil {
			return err
		}
	} else {
		a.probes(mux)
	}
	go func() {
		if err := a.server.Serve(a.listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
			a.fail(fmt.Errorf("http listener: %w", err))
		}
	}()
	return nil
}

// serveAPI serves the HTTP API, with a bootstrap key where there is no key yet.
func (a *App) serveAPI(ctx context.Context, mux *http.ServeMux) (err error) {
	if a.apiKey, err = bootstrapKey(ctx, a.stream, a.Config.APIKey, a.Now(), a.Log); err != nil {
		return err
	}
	api, err := a.api()
	if err != nil {
		return err
	}
	a.server.MaxHeaderBytes = reports.MaxHeaderBytes
	mux.Handle("/", api)
	a.server.RegisterOnShutdown(api.EndLive)
	a.run(&a.feeding, "reconciliation", api.Run)
	a.followKeys(api.KeysChanged)
	a.run(&a.feeding, "audiences", func(ctx context.Context) error { return api.RunAudiences(ctx, nil) })
	a.run(&a.feeding, "people who are due", func(ctx context.Context) error { return api.RunDue(ctx, nil) })
	return nil
}

// api builds the HTTP API on a ClickHouse pool of its own, so that a slow report never takes a connection from a sink.
func (a *App) api() (*reports.API, error) {
	db, err := openQueries(a.dsn)
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, func() { _ = db.Close() })
	return reports.New(reports.Options{
		DB:              db,
		Sources:         a.stream,
		Keys:            a.stream,
		Settings:        a.stream,
		Connections:     a.connections,
		Retention:       a.db,
		Events:          a.stream,
		Teller:          a.stream,
		Erasures:        a.stream,
		Deliveries:      a.stream,
		Group:           processors.Group,
		Match:           processors.Match,
		Location:        a.Config.location,
		Now:             a.Now,
		Seal:            a.sealer.Seal,
		PrivateTargets:  a.Config.Private,
		Log:             a.Log.With().Str("part", "api").Logger(),
		Registerer:      a.registry,
		Gatherer:        a.gatherer(),
		MetricsNeedKey:  a.Config.MetricsKey,
		SeveralAccounts: a.Config.SeveralAccts,
		Keeps:           a.heap.keeper("audiences"),
		Ready:           a.readiness(),
		Version:         version,
		RereadAfter:     a.Tuning.reread,
		EraseEvery:      a.Tuning.erase,
		QueryTimeout:    a.Tuning.question,
	})
}

func openQueries(dsn string) (driver.Conn, error) {
	o, err := sinks.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	o.MaxOpenConns, o.MaxIdleConns = 16, 4
	db, err := clickhouse.Open(o)
	if err != nil {
		return nil, fmt.Errorf("--clickhouse-dsn: %w", err)
	}
	return db, nil
}

// readiness is what must be in order to take events in and to answer.
func (a *App) readiness() []reports.Check {
	checks := []reports.Check{{Name: "stream", Check: a.stream.Health}}
	if a.store != nil {
		checks = append(checks, reports.Check{
			Name: "nats", Check: func(context.Context) error { return a.store.health() },
			Hint: stream.UnwritableHint,
		})
	}
	if a.sources != nil {
		checks = append(checks, reports.Check{
			Name: "credentials", Check: a.sources.Health,
			Hint: "the secret key does not open those of a connected source, which the log names: give the key that they are sealed with, or enter them again",
		})
	}
	return checks
}

// probes serves health and metrics of a stage that has no API.
func (a *App) probes(mux *http.ServeMux) {
	p := reports.Probes{Ready: a.readiness(), Version: version, Gatherer: a.gatherer()}
	if a.Config.MetricsKey {
		p.Keys = reports.NewKeyring(a.stream, a.Now)
		a.followKeys(p.Keys.Changed)
	}
	mux.Handle("/", p.Handler())
}

// followKeys calls changed with every change of an API key, so that a revoked one ends at once.
func (a *App) followKeys(changed func()) {
	a.run(&a.feeding, "API keys", func(ctx context.Context) error {
		return a.stream.WatchAPIKeys(ctx, func(schemas.Key) { changed() })
	})
}

// gatherer reads the positions of the pipeline for each scrape, so that lag and unsunk rows are those of now.
func (a *App) gatherer() prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if _, err := a.stream.Stats(ctx); err != nil {
			a.Log.Warn().Err(err).Msg("metrics of the streams are those of an earlier scrape")
		}
		return a.registry.Gather()
	})
}
