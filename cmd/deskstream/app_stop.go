package main

import (
	"context"
	"errors"
	"time"

	"deskstream/sinks"
)

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
)

func (a *App) drainTime() time.Duration {
	if a.Tuning.drain > 0 {
		return a.Tuning.drain
	}
	return 8 * time.Second
}
