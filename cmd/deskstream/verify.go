package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"deskstream/schemas"
	"deskstream/sinks"
	"deskstream/stream"
)

type verifyCmd struct {
	StoreFlags
	EngineFlags
	Repair bool `help:"Put right what differs: everything is replayed into the same tables."`
	JSON   bool `name:"json" help:"Print the result as JSON."`
}

// verified is the result of a verification.
type verified struct {
	Clean    bool            `json:"clean"`    // nothing differed
	Repaired bool            `json:"repaired"` // what differed does so no longer
	Tables   []verifiedTable `json:"tables"`
}

// verifiedTable compares one table with what the stored events make of it.
type verifiedTable struct {
	Table     string   `json:"table"`
	Rows      uint64   `json:"rows"`      // in force
	Missing   int      `json:"missing"`   // keys that should have a row
	Different int      `json:"different"` // rows with other values
	Extra     int      `json:"extra"`     // rows that nothing accounts for
	Changing  int      `json:"changing"`  // rows that changed at every look, and so could not be compared
	More      bool     `json:"more"`      // there are more differences than were counted
	Examples  []string `json:"examples"`  // sorting keys of a few that differ
	Damaged   string   `json:"damaged"`   // why it could not be compared: its files cannot be read; "" = they can
}

// damaged are the tables that could not be compared.
func (v *verified) damaged() (tables []string) {
	for _, t := range v.Tables {
		if t.Damaged != "" {
			tables = append(tables, t.Table)
		}
	}
	return tables
}

func (t *verifiedTable) differs() bool { return t.Missing+t.Different+t.Extra > 0 || t.Damaged != "" }

const (
	// verifyNamespace is of the streams, verifySuffix of the database that a verification fills and removes.
	verifyNamespace = "verify"
	verifySuffix    = "_verify"
	// verifyKeys bounds the differences of a table that are looked into.
	verifyKeys = 10_000
	// verifyLooks bounds how often rows that change between two looks are looked at.
	verifyLooks = 6
	// verifyExamples bounds the keys that are shown of a table.
	verifyExamples = 3
)

// Run rebuilds everything beside the live tables and compares. It works on a running program too.
func (c *verifyCmd) Run(ctx context.Context, out *streams) error {
	if err := c.wantPipeline(); err != nil {
		return err
	}
	return unfinished(ctx, c.verify(ctx, out), "start it again; a repair that has begun is finished by that as well")
}

func (c *verifyCmd) verify(ctx context.Context, out *streams) error {
	live, err := c.openLive(ctx, out)
	if err != nil {
		return err
	}
	defer live.close()
	result, err := c.compare(ctx, live, out)
	if err != nil {
		return err
	}
	if !result.Clean && c.Repair {
		if result.Repaired, err = c.repair(ctx, live, result.damaged(), out); err != nil {
			return err
		}
	}
	if err := c.print(out.out, result); err != nil {
		return err
	}
	if !result.Clean && !result.Repaired {
		return errFailed
	}
	return nil
}

// installation is the live pipeline: of a running program, or brought up for the verification.
type installation struct {
	Config                // addresses of its NATS and ClickHouse
	stream *stream.Stream // of its own, beside those of the loops
	db     *sinks.DB
	turn   *stream.Turn // to build beside it
	closes []func()
}

func (i *installation) close() {
	for n := len(i.closes) - 1; n >= 0; n-- {
		i.closes[n]()
	}
}

// openLive attaches to the program that runs on the data folder; when none does, process and sink run here meanwhile.
func (c *verifyCmd) openLive(ctx context.Context, out *streams) (_ *installation, err error) {
	live := &installation{Config: Config{StoreFlags: c.StoreFlags, EngineFlags: c.EngineFlags}}
	defer func() {
		if err != nil {
			live.close()
		}
	}()
	if !live.running() {
		app := &App{Config: live.Config, Roles: roles{process: true, sink: true}, Log: c.logger(out), Now: time.Now, tool: true}
		app.heap.limitUntil(ctx)
		if err := app.Start(ctx); err != nil {
			return nil, err
		}
		live.closes = append(live.closes, app.Stop)
	}
	if err := live.attach(); err != nil {
		return nil, err
	}
	nc, done, err := openNATS(&live.BaseFlags, c.logger(out))
	if err != nil {
		return nil, err
	}
	live.closes = append(live.closes, done)
	if live.stream, err = stream.Open(ctx, stream.Options{Conn: nc, Log: c.logger(out), Now: time.Now}); err != nil {
		return nil, err
	}
	live.closes = append(live.closes, func() { _ = live.stream.Close(context.WithoutCancel(ctx)) })
	if live.turn, err = takeTurn(ctx, nc, "verify"); err != nil {
		return nil, err
	}
	live.closes = append(live.closes, live.turn.End)
	if live.db, err = sinks.Open(ctx, live.ClickHouseDSN, sinks.Options{Now: time.Now}); err != nil {
		return nil, err
	}
	live.closes = append(live.closes, func() { _ = live.db.Close() })
	if err := live.whole(ctx); err != nil {
		return nil, err
	}
	err = endReplay(ctx, live.stream, live.db) // of a replay that was cut off
	if damage, ok := errors.AsType[*schemas.DamageError](err); ok {
		log := c.logger(out)
		log.Warn().Err(damage).Msg("rows that a replay has not made again were not removed")
		err = nil // the comparison meets it, and a repair mends it
	}
	return live, err
}

// whole refuses to go on without the raw events of the past: tables made of those that are left differ without being wrong.
func (i *installation) whole(ctx context.Context) error {
	if err := i.stream.Whole(ctx); err != nil {
		return err
	}
	purged, err := i.stream.Purged(ctx)
	if err == nil && purged {
		err = fmt.Errorf("verify: %w: raw events of the past were purged, so the tables cannot be made again from those that are left", schemas.ErrConflict)
	}
	return err
}

// compare rebuilds into a database beside the live one, compares, and removes it.
func (c *verifyCmd) compare(ctx context.Context, live *installation, out *streams) (*verified, error) {
	name := databaseOf(live.ClickHouseDSN) + verifySuffix
	app := &App{
		Config: live.Config, Roles: roles{process: true, sink: true}, Log: c.logger(out), Now: time.Now,
		replay: &time.Time{}, into: name, tool: true, namespace: verifyNamespace, turn: live.turn,
	}
	if err := sinks.DropDatabase(ctx, live.ClickHouseDSN, name); err != nil { // of a verification that was cut off
		return nil, err
	}
	app.heap.limitUntil(ctx)
	if err := app.Start(ctx); err != nil {
		return nil, err
	}
	defer app.leave(true)
	if err := followReplay(ctx, app, out.err, "rebuild", func(processed, total, _ uint64) bool { return processed >= total }); err != nil {
		return nil, err
	}
	if err := caughtUp(ctx, live.stream, app.stream); err != nil {
		return nil, err
	}
	if err := applyRetention(ctx, app.stream, app.db); err != nil {
		return nil, err
	}
	result := &verified{Clean: true}
	for _, table := range schemas.Tables {
		t, err := compareTable(ctx, live, app, table, name)
		if damage, ok := errors.AsType[*schemas.DamageError](err); ok && damage.Database != name {
			t, err = &verifiedTable{Table: table, Examples: []string{}, Damaged: damage.Error()}, nil
		}
		if err != nil {
			return nil, err
		}
		result.Clean = result.Clean && !t.differs()
		result.Tables = append(result.Tables, *t)
	}
	if err := live.whole(ctx); err != nil { // they may be purged meanwhile
		return nil, err
	}
	return result, live.turn.Held(ctx)
}

func caughtUp(ctx context.Context, all ...*stream.Stream) error {
	for _, s := range all {
		if err := s.CaughtUp(ctx); err != nil {
			return err
		}
	}
	return nil
}

// compareTable looks again at what differs, with everything caught up in between: what differs only because one side is ahead is then
// the same or another difference, and only what stays as it was counts.
func compareTable(ctx context.Context, live *installation, app *App, table, other string) (*verifiedTable, error) {
	rows, diffs, err := live.db.Compare(ctx, table, other, verifyKeys+1)
	if err != nil {
		return nil, err
	}
	t := &verifiedTable{Table: table, Rows: rows, More: len(diffs) > verifyKeys, Examples: []string{}}
	open := map[string]sinks.Difference{}
	for _, d := range diffs {
		open[d.Key] = d
	}
	for look := 1; look < verifyLooks && len(open) > 0; look++ {
		if err := caughtUp(ctx, live.stream, app.stream); err != nil {
			return nil, err
		}
		if _, diffs, err = live.db.Compare(ctx, table, other, verifyKeys+1); err != nil {
			return nil, err
		}
		still := map[string]sinks.Difference{}
		for _, d := range diffs {
			switch before, known := open[d.Key]; {
			case known && before == d:
				t.count(d)
			case known:
				still[d.Key] = d
			}
		}
		open = still
	}
	t.Changing = len(open)
	return t, nil
}

func (t *verifiedTable) count(d sinks.Difference) {
	switch {
	case d.Here == 0:
		t.Missing++
	case d.There == 0:
		t.Extra++
	default:
		t.Different++
	}
	if len(t.Examples) < verifyExamples {
		t.Examples = append(t.Examples, d.Key)
	}
}

// repair replays everything into the live tables, where it outranks the rows there are, removes what the replay did not confirm, and
// compares once more. Parts that were damaged before go first, rows and all: the replay makes these again, and could not remove them.
func (c *verifyCmd) repair(ctx context.Context, live *installation, damaged []string, out *streams) (bool, error) {
	parts := map[string][]string{}
	for _, table := range damaged {
		var err error
		if parts[table], err = live.db.DamagedParts(ctx, table); err != nil {
			return false, err
		}
	}
	if err := live.stream.ResetForReplay(ctx, time.Time{}); err != nil {
		return false, err
	}
	for table, damaged := range parts {
		if err := live.db.DropParts(ctx, table, damaged); err != nil {
			return false, err
		}
	}
	if err := endReplay(ctx, live.stream, live.db); err != nil {
		return false, err
	}
	again, err := c.compare(ctx, live, out)
	if err != nil {
		return false, err
	}
	return again.Clean, nil
}

// verdict sums a result up.
func (c *verifyCmd) verdict(result *verified) string {
	switch {
	case result.Clean:
		return "clean"
	case result.Repaired:
		return "repaired"
	case c.Repair:
		return "tables differ after the repair too: start it again, and look for another program that writes to this database if that goes on"
	}
	return "tables differ; --repair puts them right"
}

func (c *verifyCmd) print(w io.Writer, result *verified) error {
	if c.JSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(result)
	}
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "TABLE\tROWS\tMISSING\tDIFFERENT\tEXTRA")
	for _, t := range result.Tables {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\n", t.Table, t.Rows, t.Missing, t.Different, t.Extra)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, t := range result.Tables {
		if t.Damaged != "" {
			fmt.Fprintln(w, t.Damaged)
		}
		for _, key := range t.Examples {
			fmt.Fprintf(w, "%s differs at %s\n", t.Table, key)
		}
	}
	_, err := fmt.Fprintln(w, c.verdict(result))
	return err
}
