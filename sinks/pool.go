package sinks

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/clickhouse-go/v2"
)

// idleLimit is the age after which an idle connection is asked whether it still lives: the server may have been restarted.
const idleLimit = 2 * time.Second

// pool holds the connections for inserts. They are ch-go's, whose columns cost a third of those of clickhouse-go, see
// BenchmarkWriteActivities.
type pool struct {
	dsn     *clickhouse.Options
	slots   chan struct{}
	longest time.Duration // of one use, the connection included

	mu     sync.Mutex
	idle   []idleConn
	closed bool
}

type idleConn struct {
	*ch.Client
	since time.Time
}

func newPool(dsn *clickhouse.Options, size int, longest time.Duration) *pool {
	return &pool{dsn: dsn, slots: make(chan struct{}, size), longest: longest}
}

// do runs f on a connection and keeps it when f succeeded. After an error the state of a connection is unknown, it is closed.
func (p *pool) do(ctx context.Context, f func(context.Context, *ch.Client) error) error {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return unavailable(fmt.Errorf("wait for a free connection: %w", ctx.Err()))
	}
	defer func() { <-p.slots }()
	ctx, cancel := context.WithTimeout(ctx, p.longest)
	defer cancel()
	c, err := p.get(ctx)
	if err != nil {
		return err
	}
	if err := use(ctx, c, f); err != nil || c.IsClosed() {
		_ = c.Close()
		return unavailable(err)
	}
	p.put(c)
	return nil
}

// use closes the connection when ctx ends: ch-go looks at its context only between two packets, and a server that hangs sends none.
func use(ctx context.Context, c *ch.Client, f func(context.Context, *ch.Client) error) error {
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { _ = c.Close(); close(closed) })
	err := f(ctx, c)
	if !stop() {
		<-closed
	}
	return err
}

func (p *pool) get(ctx context.Context) (*ch.Client, error) {
	for {
		c, ok := p.pop()
		if !ok {
			return p.dial(ctx)
		}
		if time.Since(c.since) < idleLimit || use(ctx, c.Client, ping) == nil {
			return c.Client, nil
		}
		_ = c.Close()
	}
}

func ping(ctx context.Context, c *ch.Client) error { return c.Ping(ctx) }

func (p *pool) pop() (idleConn, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return idleConn{}, false
	}
	c := p.idle[n-1]
	p.idle = p.idle[:n-1]
	return c, true
}

func (p *pool) put(c *ch.Client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = c.Close()
		return
	}
	p.idle = append(p.idle, idleConn{Client: c, since: time.Now()})
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.idle {
		_ = c.Close()
	}
	p.idle = nil
}

// dial tries the addresses in turn.
func (p *pool) dial(ctx context.Context) (*ch.Client, error) {
	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()
	if closed {
		return nil, unavailable(errClosed)
	}
	var err error
	for _, addr := range p.dsn.Addr {
		var c *ch.Client
		if c, err = ch.Dial(ctx, p.options(addr)); err == nil {
			return c, nil
		}
	}
	return nil, unavailable(fmt.Errorf("clickhouse: %w", err))
}

func (p *pool) options(addr string) ch.Options {
	o := ch.Options{
		Address: addr, Database: p.dsn.Auth.Database, User: p.dsn.Auth.Username, Password: p.dsn.Auth.Password,
		ClientName: "deskstream", TLS: p.dsn.TLS, DialTimeout: p.dsn.DialTimeout, HandshakeTimeout: 30 * time.Second,
		// The context of each use has a deadline and ends the connection; a server that merges hard may be silent for long.
		ReadTimeout: ch.NoTimeout,
		Compression: compressions[p.dsn.Compression.Method],
	}
	for name, value := range p.dsn.Settings {
		o.Settings = append(o.Settings, ch.Setting{Key: name, Value: fmt.Sprint(value), Important: true})
	}
	return o
}

var compressions = map[clickhouse.CompressionMethod]ch.Compression{
	clickhouse.CompressionNone:  ch.CompressionDisabled,
	clickhouse.CompressionLZ4:   ch.CompressionLZ4,
	clickhouse.CompressionLZ4HC: ch.CompressionLZ4HC,
	clickhouse.CompressionZSTD:  ch.CompressionZSTD,
}
