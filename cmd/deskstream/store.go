package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"deskstream/local"
)

const (
	// storeLook is how often the message store is looked at, storePatience how long it stays stopped before it is started anew.
	storeLook     = 2 * time.Second
	storePatience = 10 * time.Second
	// storeRoom is how much of the volume must be free for that, in bytes.
	storeRoom = 64 << 20
)

// store is the NATS server inside. A stream of it that could not be written stays as it is until the server is started anew, which clients do not notice
// but for a break: they find it at the same address. It is safe for concurrent use.
type store struct {
	mu      sync.Mutex
	options local.NATSOptions
	server  *local.NATS
	closed  bool
}

func startStore(o local.NATSOptions) (*store, error) {
	server, err := local.StartNATS(o)
	if err != nil {
		return nil, err
	}
	o.Listen = strings.TrimPrefix(server.URL(), "nats://")
	return &store{options: o, server: server}, nil
}

// health is nil when every stream can be used.
func (s *store) health() error { return s.ask((*local.NATS).Healthz) }

// stopped is nil unless the server must be started anew.
func (s *store) stopped() error { return s.ask((*local.NATS).Stopped) }

func (s *store) ask(question func(*local.NATS) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		return fmt.Errorf("nats server in %s: it did not start again", s.options.Dir)
	}
	return question(s.server)
}

func (s *store) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed = true; s.server != nil {
		s.server.Close()
	}
}

// restart ends the server and starts it again at the same address.
func (s *store) restart() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	if s.server != nil {
		s.server.Close()
	}
	s.server, err = local.StartNATS(s.options)
	return err
}

// roomy says whether there is room for the store.
func (s *store) roomy() bool {
	var v unix.Statfs_t
	return unix.Statfs(s.options.Dir, &v) == nil && v.Bavail*uint64(v.Bsize) >= storeRoom
}

// storeKeeper starts a store anew that stays stopped although there is room. down is true while it is stopped, as of the latest look, for anybody to read:
// asking the store itself takes as long as it takes to start.
type storeKeeper struct {
	stopped func() error
	roomy   func() bool
	restart func() error
	now     func() time.Time
	log     zerolog.Logger
	since   time.Time // it is stopped since then; zero = it works
	down    atomic.Bool
}

// keep looks after the store until ctx ends.
func (k *storeKeeper) keep(ctx context.Context, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			k.look()
		}
	}
}

func (k *storeKeeper) look() {
	err := k.stopped()
	k.down.Store(err != nil)
	switch {
	case err == nil:
		k.since = time.Time{}
		return
	case k.since.IsZero():
		k.since = k.now()
		k.log.Error().Err(err).Msg("the message store cannot be written; once there is room for it, it is started anew")
		return
	case k.now().Sub(k.since) < storePatience || !k.roomy():
		return
	}
	k.log.Warn().Err(err).Msg("the message store is started anew: it stopped after a write that failed, and there is room again")
	if err := k.restart(); err != nil {
		k.log.Error().Err(err).Msg("the message store did not start, will try again")
	}
	k.since = time.Time{}
}
