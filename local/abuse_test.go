//go:build (linux || darwin) && !noengine

package local

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// abuses are connections that a port scanner, a wrong setting or a crashing client make. In batch mode several of them end
// the whole engine.
var abuses = map[string]func(address string){
	"reset":           func(a string) { send(a, nil, true) },
	"reset mid-hello": func(a string) { send(a, []byte{0, 5, 'h', 'e'}, true) },
	"hello and reset": func(a string) { send(a, nativeHello("app", "wrong"), true) },
	"garbage":         func(a string) { send(a, randomBytes(4096), false) },
	"http request":    func(a string) { send(a, []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), false) },
	"half request": func(a string) {
		send(a, []byte("POST /?query=SELECT%201 HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc"), true)
	},
	"long line": func(a string) { send(a, []byte(strings.Repeat("A", 1<<20)), false) },
	"tls": func(a string) {
		d := &tls.Dialer{NetDialer: &net.Dialer{Timeout: time.Second}, Config: &tls.Config{MinVersion: tls.VersionTLS12, ServerName: "x"}}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if c, err := d.DialContext(ctx, "tcp", a); err == nil {
			_ = c.Close()
		}
	},
}

func send(address string, b []byte, reset bool) {
	c, err := net.DialTimeout("tcp", address, 2*time.Second)
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(2 * time.Second))
	_, _ = c.Write(b)
	if reset {
		_ = c.(*net.TCPConn).SetLinger(0) // closing sends RST
		return
	}
	_, _ = c.Read(make([]byte, 1024))
}

// nativeHello is the first packet of the native protocol: type, client name, version, revision, database, user, password.
func nativeHello(user, password string) []byte {
	b := []byte{0, 4, 't', 'e', 's', 't', 26, 7, 0xbc, 0xa8, 3, 0}
	for _, s := range []string{user, password} {
		b = append(append(b, byte(len(s))), s...)
	}
	return b
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func TestEngineSurvivesAbuse(t *testing.T) {
	t.Parallel()
	e := startEngine(t, EngineOptions{Dir: t.TempDir()})
	pid := e.PID()
	alive := func(t *testing.T) {
		t.Helper()
		if got := number(t, open(t, e.DSN()), "SELECT toUInt64(7)"); got != 7 {
			t.Fatal(got)
		}
		if e.PID() != pid || e.Restarts() != 0 {
			t.Fatalf("the engine died: pid %d was %d, %d restarts", e.PID(), pid, e.Restarts())
		}
	}
	for _, address := range []string{e.TCP(), strings.TrimPrefix(e.HTTP(), "http://")} {
		for name, abuse := range abuses {
			for range 3 {
				abuse(address)
			}
			if e.PID() != pid {
				t.Fatalf("%s on %s killed the engine", name, address)
			}
		}
	}
	alive(t)
	wrongLogins(t, e)
	alive(t)
	brokenQueries(t, e)
	alive(t)
	manyConnections(t, e)
	alive(t)
}

func wrongLogins(t *testing.T, e *Engine) {
	t.Helper()
	for name, tt := range map[string]struct{ user, password, database string }{
		"wrong password":   {"app", "wrong", "deskstream"},
		"unknown user":     {"nobody", "x", "deskstream"},
		"unknown database": {"app", e.secrets.app, "nowhere"},
	} {
		u := url.URL{Scheme: "clickhouse", User: url.UserPassword(tt.user, tt.password), Host: e.TCP(), Path: "/" + tt.database}
		for range 3 {
			if err := answer(t, u.String(), "SELECT 1"); code(err) <= 0 {
				t.Errorf("%s, native: %v", name, err)
			}
			q := querier{url: e.HTTP() + "/?database=" + tt.database, user: tt.user, password: tt.password}
			if err := q.exec(context.Background(), "SELECT 1"); err == nil {
				t.Errorf("%s, HTTP: no error", name)
			}
		}
	}
}

// brokenQueries leaves queries in the middle, by cancelling and by resetting the connection under them.
func brokenQueries(t *testing.T, e *Engine) {
	t.Helper()
	for range 3 {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		err := open(t, e.DSN()).Exec(ctx, "SELECT sleepEachRow(1) FROM numbers(3)")
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(err.Error(), "timeout") {
			t.Errorf("cancelled query: %v", err)
		}
	}
	c := open(t, e.DSN())
	if err := c.Exec(context.Background(), "SELECT FROM WHERE"); code(err) != 62 {
		t.Errorf("syntax error: %v", err)
	}
	if err := c.Exec(context.Background(), "SELECT throwIf(number = 3) FROM numbers(10)"); code(err) != 395 {
		t.Errorf("exception: %v", err)
	}
}

// manyConnections opens more than max_connections (256) at once: the rest is refused or waits, and nothing dies.
func manyConnections(t *testing.T, e *Engine) {
	t.Helper()
	var wg sync.WaitGroup
	for range 500 {
		wg.Go(func() {
			c, err := connect(e.DSN())
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = c.Close() }()
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			_ = c.Ping(ctx) // may be refused
		})
	}
	wg.Wait()
}
