package main

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

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
)

// takeTurn takes the turn to build tables beside the live ones.
func takeTurn(ctx context.Context, nc *nats.Conn, what string) (*stream.Turn, error) {
	for until := time.Now().Add(turnWait); ; {
		t, err := stream.TakeTurn(ctx, stream.Options{Conn: nc, Log: zerolog.Nop()}, what)
		busy, ok := errors.AsType[*stream.BusyError](err)
		if !ok || busy.What != turnErasure || time.Now().After(until) {
			return t, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(turnLook):
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
