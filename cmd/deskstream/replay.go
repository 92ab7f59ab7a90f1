package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"deskstream/schemas"
	"deskstream/sinks"
)

type replayCmd struct {
	StoreFlags
	EngineFlags
	ListenFlags
	From    string `placeholder:"TIME" help:"Write again only what came of events received since (RFC 3339; default: everything)."`
	Rebuild bool   `help:"Go on with new streams in place of those that are lost or not the recorded ones; the refusal to start says what is lost with them."`
	Only    bool   `name:"only-stored-events" help:"Replay although raw events of the past are gone: what was made of them is removed from state and tables."`
	Into    string `help:"Build into this second database beside the live one, for comparison (embedded engine: deskstream_...); the live one is not touched and the program may run."`
}

var databaseName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

const (
	// ownDatabases is how the databases begin that the users of the embedded engine have rights to.
	ownDatabases = "deskstream_"
	// replayPatience is how long a replay goes on although the streams do not say how far it is: a busy machine may be late.
	replayPatience = time.Minute
)

// Run rebuilds state and tables from the raw stream and ends when everything is in its table.
func (c *replayCmd) Run(ctx context.Context, out *streams) error {
	from, err := c.since()
	if err != nil {
		return err
	}
	if c.Rebuild && c.Into != "" {
		return &settingError{"rebuild", "true", "--rebuild without --into: it replaces the streams of the live pipeline"}
	}
	if err := c.checkInto(); err != nil {
		return err
	}
	if c.Only && !from.IsZero() {
		return &settingError{"only-stored-events", "true", "--only-stored-events without --from: where raw events are gone, tables can only be made again as a whole"}
	}
	if err := c.wantPipeline(); err != nil {
		return err
	}
	config := Config{StoreFlags: c.StoreFlags, EngineFlags: c.EngineFlags, ListenFlags: c.ListenFlags}
	if c.Into != "" && config.running() {
		if err := config.attach(); err != nil {
			return err
		}
		config.Listen = "" // the running program has it
	}
	app := &App{
		Config: config, Roles: roles{process: true, sink: true}, Log: c.logger(out), Now: time.Now,
		replay: &from, into: c.Into, tool: true, rebuild: c.Rebuild, only: c.Only,
	}
	app.heap.limitUntil(ctx)
	todo := "start the replay again, or `deskstream run`, which goes on with it; until then tables are incomplete"
	if c.Into != "" {
		todo = "start the replay again; until then the tables in " + c.Into + " are incomplete"
	}
	if err = app.Start(ctx); err == nil {
		if c.Into == "" {
			defer app.Stop()
		} else {
			defer app.leave(false)
		}
		err = c.watch(ctx, app, out)
	}
	return unfinished(ctx, err, todo)
}

// since reads --from; zero when it is not given.
func (c *replayCmd) since() (from time.Time, err error) {
	if c.From == "" {
		return from, nil
	}
	if from, err = time.Parse(time.RFC3339, c.From); err != nil {
		return from, &settingError{"from", c.From, "a time of RFC 3339, e.g. " + time.Now().UTC().AddDate(0, 0, -1).Format(time.RFC3339)}
	}
	return from, nil
}

// checkInto wants a name that needs no quoting and, in the embedded engine, one that its users may have.
func (c *replayCmd) checkInto() error {
	switch {
	case c.Into == "", databaseName.MatchString(c.Into) && (c.ClickHouseDSN != "" || strings.HasPrefix(c.Into, ownDatabases)):
		return nil
	}
	return &settingError{"into", c.Into, "a database name: lower-case letters, digits and _, at most 63; with the embedded engine it begins with " + ownDatabases}
}

func (c *replayCmd) watch(ctx context.Context, app *App, out *streams) error {
	total := uint64(0)
	err := followReplay(ctx, app, out.err, "replay", func(processed, all, unsunk uint64) bool {
		total = all
		return processed >= all && unsunk == 0
	})
	if err != nil {
		return err
	}
	if err := app.stream.Drained(ctx); err != nil {
		return err
	}
	if app.stays {
		_, err := fmt.Fprintf(out.out, "\nnothing was replayed into %s, because raw events of the past are gone: its rows stay; "+
			"connect sources that are missing again, and resync the others with mode backfill\n", databaseOf(app.dsn))
		return err
	}
	if err := endReplay(ctx, app.stream, app.db); err != nil {
		return err
	}
	if err := applyRetention(ctx, app.stream, app.db); err != nil { // in another database nothing is outdated
		return err
	}
	if app.turn != nil {
		if err := app.turn.Held(ctx); err != nil {
			return err
		}
	}
	fmt.Fprintf(out.out, "\nreplayed %d events into %s\n", total, databaseOf(app.dsn))
	purged, err := app.stream.Purged(ctx)
	if err == nil && purged {
		fmt.Fprintln(out.out, "raw events of the past are gone: what was made of them is missing there")
	}
	return err
}

// interruptedError ends a tool that was interrupted with what is left to do.
type interruptedError struct{ todo string }

func (e *interruptedError) Error() string { return "interrupted before it was finished: " + e.todo }

// unfinished is what a tool ends with when it was interrupted, whatever came of that. A part of it that has said so already knows more.
func unfinished(ctx context.Context, err error, todo string) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	if _, said := errors.AsType[*interruptedError](err); said {
		return err
	}
	return &interruptedError{todo}
}

// followReplay shows the progress of a replay on w until it is far enough.
func followReplay(ctx context.Context, app *App, w io.Writer, name string, enough func(processed, total, unsunk uint64) bool) error {
	bar := progressbar.NewOptions64(1, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(name),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionThrottle(200*time.Millisecond))
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	answered := time.Now()
	for {
		processed, total, unsunk, err := app.stream.Progress(ctx)
		switch {
		case err == nil:
			answered = time.Now()
			bar.ChangeMax64(int64(total))
			_ = bar.Set64(int64(processed))
		case !errors.Is(err, schemas.ErrUnavailable) || time.Since(answered) > replayPatience:
			return err
		}
		if err == nil && enough(processed, total, unsunk) {
			_ = bar.Finish()
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-app.failures:
			return err
		case <-tick.C:
		}
	}
}

// intoDatabase gives the DSN of another database on the same server; "" is the same one.
func intoDatabase(dsn, database string) (string, error) {
	if database == "" {
		return dsn, nil
	}
	return sinks.WithDatabase(dsn, database)
}

// databaseOf gives the name of the database of a DSN, "" of one that cannot be used.
func databaseOf(dsn string) string {
	name, _ := sinks.Database(dsn)
	return name
}
