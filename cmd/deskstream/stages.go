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

type ingestCmd struct{ Config }

// Run runs webhooks and pollers.
func (c *ingestCmd) Run(ctx context.Context, out *streams) error {
	return runStage(ctx, &c.Config, roles{ingest: true}, out)
}

type processCmd struct{ Config }

// Run runs the processors.
func (c *processCmd) Run(ctx context.Context, out *streams) error {
	return runStage(ctx, &c.Config, roles{process: true}, out)
}

type sinkCmd struct{ Config }

// Run runs the sinks.
func (c *sinkCmd) Run(ctx context.Context, out *streams) error {
	return runStage(ctx, &c.Config, roles{sink: true}, out)
}

type serveCmd struct{ Config }

// Run runs the HTTP API.
func (c *serveCmd) Run(ctx context.Context, out *streams) error {
	return runStage(ctx, &c.Config, roles{serve: true}, out)
}

// runStage runs one stage, which makes sense only on stores that other processes share.
func runStage(ctx context.Context, c *Config, r roles, out *streams) error {
	if c.NATSURL == "" {
		return &settingError{"nats-url", "", "the address of a NATS server, because a single stage shares it with the others; `deskstream run` needs none"}
	}
	if c.ClickHouseDSN == "" && (r.sink || r.serve || r.process) {
		return &settingError{"clickhouse-dsn", "", "the address of a ClickHouse server, because a single stage shares it with the others; `deskstream run` needs none"}
	}
	return runApp(ctx, c, r, out)
}

// runApp starts an App, says where it is, and stops it when the context ends or a stage fails.
func runApp(ctx context.Context, c *Config, r roles, out *streams) error {
	if err := c.Validate(); err != nil {
		return err
	}
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
	url := app.Config.publicURL(app.Addr())
	if app.apiKey != "" {
		fmt.Fprintf(out.out, "API key (scope admin, shown only now): %s\n", app.apiKey)
	}
	if app.Addr() != "" {
		fmt.Fprintf(out.out, "deskstream %s on %s, API at %s/docs\n", version, url, url)
	}
	if app.engine != nil && app.Roles.serve {
		fmt.Fprintf(out.out, "SQL on %s and %s, user analyst, password in %s\n", app.engine.HTTP(), app.engine.TCP(),
			filepath.Join(app.Config.Data, "clickhouse", "analyst.password"))
	}
}
