package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"
)

type runCmd struct{ Config }

// Run runs every stage until the context ends.
func (c *runCmd) Run(ctx context.Context, out *streams) error {
	return runApp(ctx, &c.Config, roles{ingest: true, process: true, sink: true, serve: true}, out)
}

type ingestCmd struct {
	BaseFlags
	ListenFlags
	ClientFlags
	KeyFlags
	PollFlags
}

// Run runs webhooks and pollers.
func (c *ingestCmd) Run(ctx context.Context, out *streams) error {
	config := &Config{
		StoreFlags: StoreFlags{BaseFlags: c.BaseFlags}, ListenFlags: c.ListenFlags, ClientFlags: c.ClientFlags, KeyFlags: c.KeyFlags, PollFlags: c.PollFlags,
	}
	return runStage(ctx, config, roles{ingest: true}, out)
}

type processCmd struct {
	StoreFlags
	ListenFlags
}

// Run runs the processors.
func (c *processCmd) Run(ctx context.Context, out *streams) error {
	return runStage(ctx, &Config{StoreFlags: c.StoreFlags, ListenFlags: c.ListenFlags}, roles{process: true}, out)
}

type sinkCmd struct {
	StoreFlags
	ListenFlags
	KeyFlags
	DeliveryFlags
}

// Run runs the sinks.
func (c *sinkCmd) Run(ctx context.Context, out *streams) error {
	config := &Config{StoreFlags: c.StoreFlags, ListenFlags: c.ListenFlags, KeyFlags: c.KeyFlags, DeliveryFlags: c.DeliveryFlags}
	return runStage(ctx, config, roles{sink: true}, out)
}

type serveCmd struct {
	StoreFlags
	ListenFlags
	APIFlags
	ClientFlags
	KeyFlags
	DeliveryFlags
}

// Run runs the HTTP API.
func (c *serveCmd) Run(ctx context.Context, out *streams) error {
	config := &Config{
		StoreFlags: c.StoreFlags, ListenFlags: c.ListenFlags, APIFlags: c.APIFlags, ClientFlags: c.ClientFlags, KeyFlags: c.KeyFlags, DeliveryFlags: c.DeliveryFlags,
	}
	return runStage(ctx, config, roles{serve: true}, out)
}

// runStage runs one stage, which makes sense only on stores that other processes share.
func runStage(ctx context.Context, c *Config, r roles, out *streams) error {
	if c.NATSURL == "" {
		return &settingError{"nats-url", "", "the address of a NATS server, because a single stage shares it with the others; `deskstream run` needs none"}
	}
	if c.ClickHouseDSN == "" && (r.sink || r.serve || r.process) {
		return &settingError{
			"clickhouse-dsn", "", "the address of a ClickHouse server, because a single stage shares it with the others; `deskstream run` needs none",
		}
	}
	return runApp(ctx, c, r, out)
}

// runApp starts an App, says where it is, and stops it when the context ends or a stage fails.
func runApp(ctx context.Context, c *Config, r roles, out *streams) error {
	app := &App{Config: *c, Roles: r, Log: c.logger(out), Now: time.Now}
	app.heap.limitUntil(ctx)
	if err := app.Start(ctx); err != nil {
		return err
	}
	defer app.Stop()
	announce(app, out)
	return app.Wait(ctx)
}

func announce(app *App, out *streams) {
	if app.apiKey != "" {
		fmt.Fprintf(out.out, "API key (scope admin, shown only now): %s\n", app.apiKey)
	}
	where, api := app.Config.publicURL(app.Addr()), ""
	if app.Roles.serve {
		api = ", API at " + where + "/docs"
	}
	fmt.Fprintf(out.out, "deskstream %s on %s%s\n", version, where, api)
	if app.engine != nil && app.Roles.serve {
		fmt.Fprintf(out.out, "SQL on %s and %s, user analyst, password in %s\n", app.engine.HTTP(), app.engine.TCP(),
			filepath.Join(app.Config.Data, clickhouseFolder, "analyst.password"))
	}
}
