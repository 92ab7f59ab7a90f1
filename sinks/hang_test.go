package sinks

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"deskstream/schemas"
)

// hanging is an address of ClickHouse whose answers can be held back, as by a server that hangs.
type hanging struct {
	net.Listener
	target string
	asked  atomic.Int64 // bytes
	until  atomic.Int64 // bytes asked, from which on there are no answers
	again  chan struct{}
}

// holdAfter holds back what is answered after so many more bytes were asked.
func (h *hanging) holdAfter(bytes int64) {
	h.again = make(chan struct{})
	h.until.Store(h.asked.Load() + bytes)
}

func (h *hanging) release() {
	h.until.Store(math.MaxInt64)
	close(h.again)
}

// hang gives a database behind an address that can hang.
func hang(t *testing.T, dsn string) (*hanging, *DB) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	h := &hanging{target: u.Host}
	h.until.Store(math.MaxInt64)
	var lc net.ListenConfig
	if h.Listener, err = lc.Listen(t.Context(), "tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	go h.serve()
	u.Host = h.Addr().String()
	return h, openDB(t, u.String())
}

func (h *hanging) serve() {
	for {
		near, err := h.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", h.target)
		if err != nil {
			_ = near.Close()
			continue
		}
		go func() { _, _ = io.Copy(far, asking{near, h}); _ = far.Close() }()
		go func() { _, _ = io.Copy(near, heldBack{far, h}); _ = near.Close() }()
	}
}

// asking counts what a client says.
type asking struct {
	net.Conn
	*hanging
}

func (a asking) Read(p []byte) (int, error) {
	n, err := a.Conn.Read(p)
	a.asked.Add(int64(n))
	return n, err
}

// heldBack reads what a server says when it may be heard.
type heldBack struct {
	net.Conn
	*hanging
}

func (b heldBack) Read(p []byte) (int, error) {
	n, err := b.Conn.Read(p)
	if b.asked.Load() >= b.until.Load() {
		<-b.again
	}
	return n, err
}

// ended waits for what ends by itself once its context has ended.
func ended(t *testing.T, done <-chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(soonTime / 2): // less than the time that an insert may take
		t.Fatal("it goes on after its context has ended")
		return nil
	}
}

// A write ends with its context although ClickHouse is silent: here it stores the rows and does not say so. The rows are there once after
// the same writer or the one of the next start has looked.
func TestWriteEndsWithItsContext(t *testing.T) {
	t.Parallel()
	direct, dsn := testDB(t)
	for i, restarted := range []bool{false, true} {
		h, db := hang(t, dsn)
		w := NewWriter(db, schemas.TableActivities)
		if err := w.describe(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := db.inserts.do(t.Context(), ping); err != nil { // a connection is there
			t.Fatal(err)
		}
		b := pack(t, w.Table(), uint64(1+200*i), activities(200*i, 200*i+200, midMonth)...)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		h.holdAfter(8 << 10) // more than the statement, less than the rows
		go func() { done <- w.Write(ctx, b) }()
		soon(t, "the rows are stored", func() bool { return count(t, direct, "activities") == uint64(200*i+200) })
		cancel()
		err := ended(t, done)
		h.release()
		if !errors.Is(err, schemas.ErrUnavailable) {
			t.Errorf("%v, want unavailable", err)
		}
		if restarted {
			w, b.Recover = NewWriter(direct, w.Table()), true
		}
		if err := w.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if n := count(t, direct, "activities"); n != uint64(200*i+200) {
			t.Errorf("restarted %v: %d rows, want %d", restarted, n, 200*i+200)
		}
	}
}

// So does a write that first asks whether an idle connection lives, and one that connects.
func TestConnectionEndsWithItsContext(t *testing.T) {
	t.Parallel()
	_, dsn := testDB(t)
	h, db := hang(t, dsn)
	if err := db.inserts.do(t.Context(), ping); err != nil {
		t.Fatal(err)
	}
	db.inserts.idle[0].since = time.Now().Add(-idleLimit)
	h.holdAfter(1)
	defer h.release()
	for _, what := range []string{"idle", "new"} {
		ctx, cancel := context.WithCancel(t.Context())
		done, asked := make(chan error, 1), h.asked.Load()
		go func() { done <- db.inserts.do(ctx, ping) }()
		soon(t, what+" connection is used", func() bool { return h.asked.Load() > asked })
		cancel()
		if err := ended(t, done); !errors.Is(err, schemas.ErrUnavailable) {
			t.Errorf("%s connection: %v, want unavailable", what, err)
		}
	}
}
