package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"deskstream/local"
	"deskstream/schemas"
	"deskstream/stream"
)

// TestStoreIsStartedAnew: a store that stays stopped is started anew once there is room, and not before.
func TestStoreIsStartedAnew(t *testing.T) {
	t.Parallel()
	now, well, room, restarts := time.Unix(1000, 0), error(nil), true, 0
	k := storeKeeper{
		stopped: func() error { return well }, roomy: func() bool { return room }, now: func() time.Time { return now }, log: zerolog.Nop(),
		restart: func() error { restarts++; return errors.New("not yet") },
	}
	broken := errors.New("write error")
	for _, step := range []struct {
		what     string
		well     error
		room     bool
		wait     time.Duration
		restarts int
	}{
		{"works", nil, true, 0, 0},
		{"stopped", broken, true, 0, 0},
		{"stopped for a moment", broken, true, storePatience - 1, 0},
		{"works again", nil, true, 0, 0},
		{"stopped", broken, false, 0, 0},
		{"for long, without room", broken, false, time.Hour, 0},
		{"with room", broken, true, 0, 1},
		{"the start failed", broken, true, storeLook, 1},
		{"and is tried again", broken, true, storePatience, 2},
	} {
		now, well, room = now.Add(step.wait), step.well, step.room
		if k.look(); restarts != step.restarts {
			t.Errorf("%s: %d restarts, want %d", step.what, restarts, step.restarts)
		}
		if k.down.Load() != (step.well != nil) {
			t.Errorf("%s: down is %v", step.what, k.down.Load())
		}
	}
}

// TestStoreRestartsUnderItsClients: who is connected finds the server again, with what it had, at the same address.
func TestStoreRestartsUnderItsClients(t *testing.T) {
	t.Parallel()
	token := newSecret()
	s, err := startStore(local.NATSOptions{Dir: t.TempDir(), Log: zerolog.Nop(), Listen: "127.0.0.1:0", Token: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	again := make(chan struct{}, 1)
	nc, err := nats.Connect(s.server.URL(), nats.Token(token), nats.MaxReconnects(-1), nats.ReconnectWait(time.Millisecond), nats.ReconnectHandler(func(*nats.Conn) { again <- struct{}{} }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := nc.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.AddStream(&nats.StreamConfig{Name: "kept", Subjects: []string{"kept"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish("kept", []byte("before")); err != nil {
		t.Fatal(err)
	}
	if err := s.restart(); err != nil || s.stopped() != nil {
		t.Fatal(err, s.stopped())
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	select {
	case <-again:
	case <-ctx.Done():
		t.Fatal("the client did not come back")
	}
	if m, err := js.GetMsg("kept", 1); err != nil || string(m.Data) != "before" {
		t.Errorf("%v %v, want what was stored before", m, err)
	}
	if s.close(); s.restart() != nil || s.stopped() == nil {
		t.Error("a closed store was started again")
	}
}

// TestStoppedStoreIsToldToCallers: what cannot be stored because the store stopped says so, as /readyz does.
func TestStoppedStoreIsToldToCallers(t *testing.T) {
	t.Parallel()
	app := &App{
		Config: quickConfig(t.TempDir(), noZendesk),
		Roles:  roles{ingest: true}, Now: time.Now, Log: zerolog.Nop(), Tuning: tuning{drain: time.Second},
	}
	begin(t, app)
	app.store.close()
	eventually(t, time.Minute, func() error {
		e := schemas.Event{ID: "e1", Kind: schemas.KindAudit, Source: "src_1", Account: "acme", Via: "poll", ReceivedAt: time.Now(), Data: []byte("{}")}
		if err := app.stream.Publish(t.Context(), e); err == nil || !strings.Contains(err.Error(), stream.UnwritableHint) {
			return fmt.Errorf("published: %w", err)
		}
		return nil
	})
}
