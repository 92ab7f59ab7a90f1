//go:build (linux || darwin) && !noengine

package local

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"
)

const (
	// portAttempts is how often a start chooses other ports before it gives up.
	portAttempts = 8
	// orphanLimit is how long a start waits for an engine whose parent was killed to let go of the data folder. Such an
	// engine ends within stopLimit.
	orphanLimit = 25 * time.Second

	firstBackOff = 100 * time.Millisecond
	lastBackOff  = 5 * time.Second
	// calm is how long a child must have run for the next failure to start again at the first back-off.
	calm = time.Minute
	// samePorts is how often a restart insists on the old ports before it takes others and the DSN changes.
	samePorts = 15
)

// Engine is a ClickHouse engine in a child process, restarted when it dies. Its methods are safe for concurrent use.
//
// The engine is reachable only through its own ports on 127.0.0.1, with the users app (the pipeline, all rights on the
// database) and analyst (reads only, with limits). A restart looks like any short outage of a server: connections break, and
// acknowledged rows are there afterwards.
type Engine struct {
	options EngineOptions
	library string
	secrets secrets
	unlock  func()

	stop    context.CancelFunc // ends the supervisor's waiting
	stopped chan struct{}      // closed when the supervisor and the look at its queries have returned
	closing sync.Once

	mu       sync.Mutex
	child    *process // nil while there is none
	pid      int
	ports    ports
	restarts int
	version  string
	down     error // why there is no child, nil while there is one
}

// StartEngine starts the engine and returns when it answers queries and its database exists. ctx ends the start, not the
// engine; the caller must call Close. Errors carry the engine's last output; one that wraps ErrNoEngine means that no library
// was found. A folder that another engine uses is an error, except for an engine whose parent was killed just now: its end is
// waited for.
func StartEngine(ctx context.Context, o EngineOptions) (*Engine, error) {
	o, err := o.filled()
	if err != nil {
		return nil, err
	}
	library, err := FindLibrary(o.Library)
	if err != nil {
		return nil, err
	}
	unlock, err := lockFile(o.Dir, "engine.lock")
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	e := &Engine{options: o, library: library, unlock: unlock, stopped: make(chan struct{})}
	if err := e.start(ctx); err != nil {
		unlock()
		return nil, err
	}
	if err := confinable(); err != nil {
		o.Log.Warn().AnErr("reason", err).
			Msg("users of SQL can read the files of this program's user with ClickHouse's function file(), and make empty ones with sqlite(): this system cannot confine the engine")
	}
	supervised, stop := context.WithCancel(context.Background())
	e.stop = stop
	first := e.child
	go func() {
		defer close(e.stopped)
		var both sync.WaitGroup
		both.Go(func() { e.supervise(supervised, first) })
		both.Go(func() { e.endOverdue(supervised) })
		both.Wait()
	}()
	return e, nil
}

// start makes the first child, on ports of its own choice.
func (e *Engine) start(ctx context.Context) error {
	var err error
	if e.secrets, err = loadSecrets(e.options.Dir); err != nil {
		return err
	}
	orphan := time.Now().Add(orphanLimit)
	for attempt := 1; ; {
		p := e.options.ports
		if p == (ports{}) || attempt > 1 {
			if p, err = freePorts(); err != nil {
				return err
			}
		}
		c, err := startProcess(ctx, e.library, e.options, e.secrets, p)
		switch {
		case err == nil:
			e.running(c, p)
			return nil
		case errors.Is(err, errPortTaken) && attempt < portAttempts:
			attempt++
		case errors.Is(err, errFolderLocked) && time.Now().Before(orphan):
			if !sleep(ctx, 250*time.Millisecond) {
				return err
			}
		default:
			return err
		}
	}
}

func (e *Engine) running(c *process, p ports) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.child, e.ports, e.pid, e.version, e.down = c, p, c.cmd.Process.Pid, c.tail.libraryVersion(), nil
}

// supervise replaces the child each time it ends, until the engine is closed.
func (e *Engine) supervise(ctx context.Context, c *process) {
	var backOff time.Duration
	for started := time.Now(); ; started = time.Now() {
		select {
		case <-ctx.Done():
			return
		case <-c.done:
		}
		if ctx.Err() != nil {
			return
		}
		if time.Since(started) > calm {
			backOff = 0
		}
		e.lost(c)
		if c, backOff = e.restart(ctx, backOff); c == nil {
			return
		}
		if e.options.OnRestart != nil {
			e.options.OnRestart()
		}
	}
}

// lost notes that the child is gone.
func (e *Engine) lost(c *process) {
	_ = c.life.Close()
	e.options.Log.Error().AnErr("exit", c.err).Int("pid", c.cmd.Process.Pid).Str("output", c.tail.last()).Msg("engine ended unexpectedly, it will be restarted")
	e.mu.Lock()
	defer e.mu.Unlock()
	e.child, e.down = nil, fmt.Errorf("engine ended unexpectedly: %w", exitError(c.err))
}

func exitError(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// restart tries until a child is ready; it returns nil when the engine is being closed. It keeps the ports, so that pools
// made from the DSN recover by themselves, and takes others only when someone else keeps the old ones for good.
func (e *Engine) restart(ctx context.Context, backOff time.Duration) (*process, time.Duration) {
	p := e.ports
	for taken := 0; ; {
		backOff = nextBackOff(backOff)
		if !sleep(ctx, backOff) {
			return nil, 0
		}
		c, err := startProcess(ctx, e.library, e.options, e.secrets, p)
		if err == nil {
			e.restarted(c, p)
			return c, backOff
		}
		if ctx.Err() != nil {
			return nil, 0
		}
		e.options.Log.Error().Err(err).Dur("back_off", backOff).Msg("engine restart failed")
		if errors.Is(err, errPortTaken) {
			taken++
		}
		if taken >= samePorts {
			if other, err := freePorts(); err == nil {
				p = other
			}
		}
	}
}

func (e *Engine) restarted(c *process, p ports) {
	moved := p != e.ports
	e.running(c, p)
	e.mu.Lock()
	e.restarts++
	n := e.restarts
	e.mu.Unlock()
	e.options.Log.Warn().Int("restarts", n).Int("pid", c.cmd.Process.Pid).Bool("other_ports", moved).Msg("engine restarted")
}

func nextBackOff(d time.Duration) time.Duration {
	if d == 0 {
		return firstBackOff
	}
	return min(2*d, lastBackOff)
}

// sleep returns false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// DSN is how the pipeline connects: clickhouse://app:<password>@127.0.0.1:<port>/<database>. It stays the same over restarts
// of the child, except when another program takes the port meanwhile and keeps it.
func (e *Engine) DSN() string { return e.dsn("app", e.secrets.app) }

// AnalystDSN is how ad-hoc queries connect: the user may only read, within limits of time, memory and rows.
func (e *Engine) AnalystDSN() string { return e.dsn("analyst", e.secrets.analyst) }

func (e *Engine) dsn(user, password string) string {
	u := url.URL{Scheme: "clickhouse", User: url.UserPassword(user, password), Host: e.TCP(), Path: "/" + e.options.Database}
	return u.String()
}

// TCP is the host:port of the native protocol.
func (e *Engine) TCP() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return fmt.Sprintf("127.0.0.1:%d", e.ports.tcp)
}

// HTTP is the base URL of the HTTP interface, without a slash at the end.
func (e *Engine) HTTP() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return fmt.Sprintf("http://127.0.0.1:%d", e.ports.http)
}

// PID is the process id of the child, of the last one while there is none.
func (e *Engine) PID() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.pid
}

// Version is what the library calls itself, for example "26.7.3".
func (e *Engine) Version() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.version
}

// Restarts counts the restarts after an unexpected end of the child.
func (e *Engine) Restarts() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.restarts
}

// Healthz returns nil while the child runs, and why it does not otherwise.
func (e *Engine) Healthz() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.down
}

// Close stops the engine and releases its folder. The callers' connection pools must be closed first: with open connections a
// stop takes about 5 s instead of 0.05 s. When ctx ends first the child is killed, and the error says so. Further calls
// return nil at once.
func (e *Engine) Close(ctx context.Context) error {
	var err error
	e.closing.Do(func() {
		e.stop()
		<-e.stopped
		e.mu.Lock()
		c := e.child
		e.child, e.down = nil, errors.New("engine is closed")
		e.mu.Unlock()
		if c != nil {
			err = c.stop(ctx)
		}
		e.unlock()
	})
	return err
}
