package stream

import (
	"context"
	"fmt"
	"sync"
	"time"

	"deskstream/schemas"
)

// watch calls fn with the newest record of every subject and then with every change until ctx ends.
func (s *Stream) watch(ctx context.Context, filter string, fn func(storedMessage)) error {
	wait := newBackoff(100*time.Millisecond, 5*time.Second)
	for ctx.Err() == nil {
		w := &watcher{s: s, filter: filter, fn: fn}
		if err := w.run(ctx); err != nil && ctx.Err() == nil {
			s.o.Log.Warn().Err(err).Str("filter", filter).Msg("watch is interrupted")
			wait.sleep(ctx)
		}
	}
	return nil
}

// watcher is one life of a watch.
type watcher struct {
	s      *Stream
	filter string
	fn     func(storedMessage)
	stuck  uint64 // message that was there but not delivered when the watcher looked last

	mu    sync.Mutex // held while fn runs
	seq   uint64     // of the message received last
	ended bool       // fn belongs to the next life
}

func (w *watcher) run(ctx context.Context) error {
	stop, err := w.s.follow(ctx, w.s.events, w.filter, 0, w.take)
	if err != nil {
		return err
	}
	defer stop()
	looks := time.NewTicker(watchdog)
	defer looks.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-looks.C:
			if err := w.look(ctx); err != nil {
				return err
			}
		}
	}
}

func (w *watcher) take(m storedMessage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	w.seq = m.seq
	w.fn(m)
}

// look finds out whether the silent reader has missed something: an ordered consumer begins anew when the heartbeats of the server end, when its own is
// gone and behind a lost connection, but ends for good where the server refuses a request of it. A server that does not answer is left to it.
func (w *watcher) look(ctx context.Context) error {
	if !w.mu.TryLock() {
		return nil // fn runs
	}
	seq := w.seq
	w.mu.Unlock()
	m, found, err := w.s.next(ctx, w.s.events, w.filter, seq+1)
	if err != nil || !found || m.seq != w.stuck {
		w.stuck = m.seq
		return nil
	}
	if !w.mu.TryLock() {
		return nil
	}
	defer w.mu.Unlock()
	if w.seq >= m.seq {
		return nil
	}
	w.ended = true
	return fmt.Errorf("watch: %w: message %d was not delivered", schemas.ErrUnavailable, m.seq)
}
