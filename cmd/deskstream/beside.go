package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"deskstream/schemas"
	"deskstream/sinks"
	"deskstream/stream"
)

const (
	// replayNamespace is that of the streams of a replay into a second database.
	replayNamespace = "replay"
	// turnErasure is what the sink stage has the turn for, to clear away what was built beside the tables: for moments, so that others wait for
	// turnWait, looking every turnLook.
	turnErasure = "erasure"
	turnWait    = time.Minute
	turnLook    = 250 * time.Millisecond
	// settingSecond names the databases that replays have filled beside the live one.
	settingSecond = "second-databases"
)

// takeTurn takes the turn to build tables beside the live ones.
func takeTurn(ctx context.Context, nc *nats.Conn, what string) (*stream.Turn, error) {
	for until := time.Now().Add(turnWait); ; {
		t, err := stream.TakeTurn(ctx, stream.Options{Conn: nc, Log: zerolog.Nop()}, what)
		busy, ok := errors.AsType[*stream.BusyError](err)
		if !ok || busy.What != turnErasure || time.Now().After(until) {
			return t, err
		}
		if err := schemas.Wait(ctx, turnLook); err != nil {
			return nil, err
		}
	}
}

// startTurn takes the turn to fill a second database.
func (a *App) startTurn(ctx context.Context) (err error) {
	if a.into == "" || a.turn != nil {
		return nil
	}
	if a.turn, err = takeTurn(ctx, a.conn, "replay --into "+a.into); err == nil {
		a.closers = append(a.closers, a.turn.End)
	}
	return err
}

// fillsForUser says whether this is a replay into a database that its user keeps, and no verification.
func (a *App) fillsForUser() bool { return a.into != "" && a.namespace == "" }

// checkSecond refuses to fill a database that a pipeline has for itself: rows of this one's would outrank its own, which are removed in the end.
func (a *App) checkSecond(ctx context.Context) error {
	if name := databaseOf(a.live); a.into == name || a.into == name+verifySuffix {
		return &settingError{"into", a.into, "a database other than the live one and the one of `deskstream verify`"}
	}
	have, _, err := sinks.Versions(ctx, a.dsn)
	if err != nil || have == 0 {
		return err
	}
	db, err := sinks.Open(ctx, a.dsn, sinks.Options{Now: a.Now})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	live, err := isLive(ctx, db)
	if live {
		return &settingError{"into", a.into, "a database other than the live ones of other installations"}
	}
	return err
}

// isLive says whether a pipeline has a database for itself: it records its streams there, which is not done in a second database.
func isLive(ctx context.Context, db *sinks.DB) (bool, error) {
	recorded, err := db.LoadMeta(ctx)
	return len(recorded) > 0, err
}

// noteSecond notes the database that a replay is about to fill, so that an erasure finds it.
func (a *App) noteSecond(ctx context.Context) error {
	for {
		v, names, err := a.seconds(ctx)
		if err != nil || slices.Contains(names, a.into) {
			return err
		}
		if v.Value, err = json.Marshal(append(names, a.into)); err != nil {
			return fmt.Errorf("setting %s: %w", settingSecond, err)
		}
		if err := a.stream.PutSetting(ctx, &v); !errors.Is(err, schemas.ErrFenced) {
			return err
		}
	}
}

// seconds gives the databases that replays have filled.
func (a *App) seconds(ctx context.Context) (v schemas.Setting, names []string, err error) {
	if v, err = a.stream.Setting(ctx, settingSecond); err != nil || len(v.Value) == 0 {
		return v, nil, err
	}
	if err = json.Unmarshal(v.Value, &names); err != nil {
		err = fmt.Errorf("setting %s: %w", settingSecond, err)
	}
	return v, names, err
}

// leftovers gives the streams that a killed verification or replay has left, with what is to be forgotten of them, and the database of a verification.
func (a *App) leftovers(ctx context.Context) (streams map[*stream.Stream]bool, verified string, err error) {
	streams = map[*stream.Stream]bool{}
	for namespace, forget := range map[string]bool{verifyNamespace: true, replayNamespace: false} {
		s, err := stream.Leftover(ctx, stream.Options{Conn: a.conn, Log: a.Log, Namespace: namespace})
		if err == nil {
			streams[s] = forget
		} else if !errors.Is(err, schemas.ErrNotFound) {
			return nil, "", err
		}
	}
	verified = databaseOf(a.live) + verifySuffix
	dsn, err := intoDatabase(a.live, verified)
	if err != nil {
		return nil, "", err
	}
	have, _, err := sinks.Versions(ctx, dsn)
	if have == 0 {
		verified = ""
	}
	return streams, verified, err
}

// clear removes what is left. The turn must be held.
func (a *App) clear(ctx context.Context) error {
	streams, verified, err := a.leftovers(ctx)
	for s, forget := range streams {
		err = errors.Join(err, s.Drop(ctx, forget))
	}
	if err == nil && verified != "" {
		err = sinks.DropDatabase(ctx, a.live, verified)
	}
	return err
}

// clearLeftovers removes what is left, unless somebody is at work there, who does it.
func (a *App) clearLeftovers(ctx context.Context) error {
	streams, verified, err := a.leftovers(ctx)
	if err != nil || len(streams) == 0 && verified == "" {
		return err
	}
	turn, err := stream.TakeTurn(ctx, stream.Options{Conn: a.conn, Log: a.Log}, turnErasure)
	if _, busy := errors.AsType[*stream.BusyError](err); busy {
		return nil
	}
	if err != nil {
		return err
	}
	defer turn.End()
	return a.clear(ctx)
}

// eraseBeside erases in what was built beside the tables, once nobody builds there: what was begun before the erasure would hold the person.
func (a *App) eraseBeside(ctx context.Context, all []*schemas.Erasure) error {
	turn, err := stream.TakeTurn(ctx, stream.Options{Conn: a.conn, Log: a.Log}, turnErasure)
	if busy, ok := errors.AsType[*stream.BusyError](err); ok {
		return fmt.Errorf("erasure: it ends when the program that builds beside the tables has ended (%s)", busy.What)
	}
	if err != nil {
		return err
	}
	defer turn.End()
	if err := a.clear(ctx); err != nil {
		return fmt.Errorf("erasure: what was left of a tool: %w", err)
	}
	_, names, err := a.seconds(ctx)
	for _, name := range names {
		if failed := a.eraseIn(ctx, name, all); failed != nil {
			err = errors.Join(err, fmt.Errorf("erasure: database %s: %w", name, failed))
		}
	}
	return err
}

// eraseIn erases in a database that a replay has filled, where the server has it.
func (a *App) eraseIn(ctx context.Context, name string, all []*schemas.Erasure) error {
	dsn, err := intoDatabase(a.live, name)
	if err != nil {
		return err
	}
	if have, _, err := sinks.Versions(ctx, dsn); err != nil || have == 0 {
		return err
	}
	db, err := sinks.Open(ctx, dsn, sinks.Options{Now: a.Now})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if live, err := isLive(ctx, db); err != nil || live { // by now it is another program's own
		return err
	}
	if err := sinks.Migrate(ctx, dsn); err != nil { // the statements are those of today's tables
		return err
	}
	for _, e := range all {
		part := *e
		if part.Tickets, part.Others, err = db.FindErased(ctx, e); err != nil {
			return err
		}
		part.Tickets = union(part.Tickets, e.Tickets)
		part.Others = slices.DeleteFunc(union(part.Others, e.Others), func(id int64) bool {
			_, requested := slices.BinarySearch(part.Tickets, id)
			return requested
		})
		if _, err := db.Erase(ctx, &part); err != nil {
			return err
		}
	}
	return nil
}

// union joins numbers, each once.
func union(a, b []int64) []int64 {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
