//go:build (linux || darwin) && !noengine

package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/rs/zerolog"
)

// needLibrary skips the test when there is no engine, and fails it when there must be one.
func needLibrary(t *testing.T) string {
	t.Helper()
	path, err := testLibrary()
	if err != nil && os.Getenv("REQUIRE_ENGINE") != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func testLibrary() (string, error) {
	if p := os.Getenv("DESKSTREAM_ENGINE"); p != "" {
		return FindLibrary(p)
	}
	installed := filepath.Join("..", "tools", "engine", "node_modules", "@chdb", libraryPackage(), libraryFile)
	if notALibrary(installed) == "" {
		return FindLibrary(installed)
	}
	return FindLibrary("")
}

// startEngine starts an engine of the test's own; the test may close it itself.
func startEngine(t *testing.T, o EngineOptions) *Engine {
	t.Helper()
	e, err := tryEngine(t, o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func tryEngine(t *testing.T, o EngineOptions) (*Engine, error) {
	t.Helper()
	o.Library = needLibrary(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	e, err := StartEngine(ctx, o)
	if err == nil {
		t.Cleanup(func() { closeEngine(t, e) })
	}
	return e, err
}

func closeEngine(t *testing.T, e *Engine) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	began := time.Now()
	if err := e.Close(ctx); err != nil {
		t.Error(err)
	}
	return time.Since(began)
}

// shared is one engine for all tests that neither stop nor break it.
var shared struct {
	once   sync.Once
	engine *Engine
	dir    string
	err    error
}

func sharedEngine(t *testing.T) *Engine {
	t.Helper()
	library := needLibrary(t)
	shared.once.Do(func() {
		if shared.dir, shared.err = os.MkdirTemp("", "deskstream-local-*"); shared.err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		shared.engine, shared.err = StartEngine(ctx, EngineOptions{Dir: shared.dir, Library: library, TTLMergeSeconds: 1})
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.engine
}

func closeShared() {
	if shared.engine == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := shared.engine.Close(ctx); err != nil {
		fmt.Println(err)
	}
	_ = os.RemoveAll(shared.dir)
}

func open(t *testing.T, dsn string) clickhouse.Conn {
	t.Helper()
	c, err := connect(dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func connect(dsn string) (clickhouse.Conn, error) {
	o, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	return clickhouse.Open(o)
}

func mustExec(t *testing.T, c clickhouse.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if err := c.Exec(context.Background(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func number(t *testing.T, c clickhouse.Conn, query string) uint64 {
	t.Helper()
	var n uint64
	if err := c.QueryRow(context.Background(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// code is the server's error code, 0 without error, -1 for an error that is not the server's.
func code(err error) int32 {
	var e *clickhouse.Exception
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e.Code
	default:
		return -1
	}
}

func TestEngineSettingsAreEffective(t *testing.T) {
	t.Parallel()
	e := sharedEngine(t)
	if !strings.HasPrefix(e.Version(), "26.") {
		t.Errorf("version %q", e.Version())
	}
	c := open(t, e.DSN())
	for query, want := range map[string]string{
		"SELECT currentDatabase()": "deskstream",
		"SELECT currentUser()":     "app",
		"SELECT timezone()":        "UTC",
		"SELECT value FROM system.merge_tree_settings WHERE name = 'fsync_after_insert'":                      "1",
		"SELECT value FROM system.merge_tree_settings WHERE name = 'fsync_part_directory'":                    "1",
		"SELECT value FROM system.merge_tree_settings WHERE name = 'non_replicated_deduplication_window'":     "10000",
		"SELECT value FROM system.merge_tree_settings WHERE name = 'max_suspicious_broken_parts'":             "1000",
		"SELECT value FROM system.merge_tree_settings WHERE name = 'merge_with_ttl_timeout'":                  "1",
		"SELECT value FROM system.settings WHERE name = 'async_insert'":                                       "0",
		"SELECT value FROM system.settings WHERE name = 'insert_deduplicate'":                                 "1",
		"SELECT value FROM system.settings WHERE name = 'deduplicate_blocks_in_dependent_materialized_views'": "1",
		"SELECT value FROM system.settings WHERE name = 'max_threads_min_free_memory_per_thread'":             "67108864",
		"SELECT value FROM system.server_settings WHERE name = 'max_server_memory_usage'":                     "700000000",
		"SELECT value FROM system.server_settings WHERE name = 'background_pool_size'":                        "2",
		"SELECT value FROM system.server_settings WHERE name = 'max_concurrent_queries'":                      "60",
	} {
		var got string
		if err := c.QueryRow(context.Background(), query).Scan(&got); err != nil {
			t.Errorf("%s: %v", query, err)
		} else if got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}

func TestEngineKeepsItsDataOverAStop(t *testing.T) {
	t.Parallel()
	o := EngineOptions{Dir: filepath.Join(t.TempDir(), "space & <angle>")}
	first := startEngine(t, o)
	c := open(t, first.DSN())
	mustExec(t, c, "CREATE TABLE kept (x UInt64) ENGINE = MergeTree ORDER BY x", "INSERT INTO kept SELECT number FROM numbers(100000)")
	t.Logf("resident memory %d MB", residentMB(first.PID()))
	_ = c.Close()
	if took := closeEngine(t, first); took > 3*time.Second {
		t.Errorf("stop without open connections took %s", took)
	}
	if err := first.Healthz(); err == nil {
		t.Error("a closed engine reports health")
	}

	second := startEngine(t, o)
	if first.secrets != second.secrets {
		t.Error("the passwords changed")
	}
	c = open(t, second.DSN())
	if got := number(t, c, "SELECT count() FROM kept"); got != 100_000 {
		t.Errorf("%d rows after the restart", got)
	}
	// With a table engine on disk the log's second start fails, and the table is missing.
	eventually(t, time.Minute, func() error {
		mustExec(t, c, "SYSTEM FLUSH LOGS")
		if number(t, c, "SELECT count() FROM system.query_log WHERE query LIKE '%FROM kept%'") == 0 {
			return errors.New("system.query_log is empty")
		}
		return nil
	})
	for _, f := range []string{"app.password", "analyst.password", "users.xml", "config.xml"} {
		if st, err := os.Stat(filepath.Join(o.Dir, f)); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, mode %v, want 0600", f, err, st.Mode())
		}
	}
	// The connection stays open: the engine waits for it a while, then stops all the same.
	took := closeEngine(t, second)
	t.Logf("stop with an open connection took %s", took)
	if took > 15*time.Second {
		t.Errorf("stop with an open connection took %s", took)
	}
}

// residentMB reads the process' resident memory; 0 where the system has no /proc.
func residentMB(pid int) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmRSS:" {
			kb, _ := strconv.Atoi(f[1])
			return kb / 1024
		}
	}
	return 0
}

func TestEngineFolderIsExclusive(t *testing.T) {
	t.Parallel()
	e := sharedEngine(t)
	began := time.Now()
	_, err := tryEngine(t, EngineOptions{Dir: shared.dir})
	if err == nil || !strings.Contains(err.Error(), shared.dir) {
		t.Fatalf("second engine on the folder: %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the error took %s", took)
	}
	if err := e.Healthz(); err != nil {
		t.Error(err)
	}
}

// The library locks the data folder too. A start must not take an engine that never lets go for one that is just ending.
func TestEngineFolderHeldByAForeignEngine(t *testing.T) {
	t.Parallel()
	e := sharedEngine(t)
	o, err := EngineOptions{Dir: t.TempDir()}.filled()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(shared.dir, "data"), filepath.Join(o.Dir, "data")); err != nil {
		t.Fatal(err)
	}
	p, err := freePorts()
	if err != nil {
		t.Fatal(err)
	}
	_, err = startProcess(context.Background(), e.library, o, e.secrets, p)
	if !errors.Is(err, errFolderLocked) || !strings.Contains(err.Error(), "Cannot lock file") {
		t.Fatalf("got %v, want errFolderLocked with the engine's words", err)
	}
}

func TestEngineAvoidsOccupiedPorts(t *testing.T) {
	t.Parallel()
	needLibrary(t)
	for name, choose := range map[string]func(taken, free int) ports{
		"native": func(taken, free int) ports { return ports{taken, free} },
		"http":   func(taken, free int) ports { return ports{free, taken} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			other, err := freePorts()
			if err != nil {
				t.Fatal(err)
			}
			p := choose(l.Addr().(*net.TCPAddr).Port, other.tcp)
			e := startEngine(t, EngineOptions{Dir: t.TempDir(), ports: p})
			if e.ports == p {
				t.Fatalf("it claims to listen on the occupied ports %v", p)
			}
			if got := number(t, open(t, e.DSN()), "SELECT toUInt64(7)"); got != 7 {
				t.Fatal(got)
			}
		})
	}
}

func TestEngineComesBackWhenKilled(t *testing.T) {
	t.Parallel()
	restarted := make(chan struct{}, 1)
	var log logBuffer
	e := startEngine(t, EngineOptions{Dir: t.TempDir(), OnRestart: func() { restarted <- struct{}{} }, Log: zerolog.New(&log)})
	dsn, pid := e.DSN(), e.PID()
	c := open(t, dsn)
	mustExec(t, c, "CREATE TABLE kept (x UInt64) ENGINE = MergeTree ORDER BY x", "INSERT INTO kept SELECT number FROM numbers(1000)")
	began := time.Now()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-restarted
	t.Logf("back after %s", time.Since(began))
	if e.DSN() != dsn || e.PID() == pid || e.Restarts() != 1 || e.Healthz() != nil {
		t.Errorf("dsn kept %v, pid %d then %d, restarts %d, health %v", e.DSN() == dsn, pid, e.PID(), e.Restarts(), e.Healthz())
	}
	eventually(t, time.Minute, func() error { return c.Ping(context.Background()) })
	if got := number(t, c, "SELECT count() FROM kept"); got != 1000 {
		t.Errorf("%d acknowledged rows are left of 1000", got)
	}
	_ = c.Close()
	closeEngine(t, e)
	for _, want := range []string{"engine ended unexpectedly", "signal: killed", "engine restarted"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, log.String())
		}
	}
	for _, secret := range []string{e.secrets.app, e.secrets.analyst} {
		if strings.Contains(log.String(), secret) {
			t.Error("the log holds a password")
		}
	}
}

// A port that someone else has for a moment must not change the DSN.
func TestEngineWaitsForItsPortAfterACrash(t *testing.T) {
	t.Parallel()
	restarted := make(chan struct{}, 1)
	var log logBuffer
	e := startEngine(t, EngineOptions{Dir: t.TempDir(), OnRestart: func() { restarted <- struct{}{} }, Log: zerolog.New(&log)})
	dsn, tcp := e.DSN(), e.TCP()
	if err := syscall.Kill(e.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	var l net.Listener
	eventually(t, time.Minute, func() (err error) {
		l, err = net.Listen("tcp", tcp)
		return err
	})
	// At least one attempt must have met the occupied port.
	eventually(t, time.Minute, func() error {
		if !strings.Contains(log.String(), "port taken") {
			return errors.New("no restart has failed")
		}
		return nil
	})
	if e.Healthz() == nil {
		t.Error("an engine without its port reports health")
	}
	_ = l.Close()
	<-restarted
	if e.DSN() != dsn {
		t.Errorf("the DSN changed from %s to %s", dsn, e.DSN())
	}
	if got := number(t, open(t, dsn), "SELECT toUInt64(7)"); got != 7 {
		t.Error(got)
	}
}

// logBuffer is what a test reads while the engine writes to it.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestEngineEndsWithItsParent(t *testing.T) {
	t.Parallel()
	needLibrary(t)
	dir := t.TempDir()
	parent := startRole(t, "engine", dir)
	pid, err := strconv.Atoi(parent.line(t))
	if err != nil {
		t.Fatal(err)
	}
	parent.kill(t)
	// At once: the folder's lock is free, but the child may still be there.
	e := startEngine(t, EngineOptions{Dir: dir})
	// It gives up its lock some instants before it is gone.
	eventually(t, time.Minute, func() error { return ended(pid) })
	if got := number(t, open(t, e.DSN()), "SELECT count() FROM kept"); got != 1000 {
		t.Errorf("%d acknowledged rows are left of 1000", got)
	}
}

// The engine of a killed parent must shut down in order, not just end. It removes its status file then, which a killed one
// leaves behind.
func TestEngineOfAKilledParentStopsInOrder(t *testing.T) {
	t.Parallel()
	needLibrary(t)
	for name, tt := range map[string]struct {
		kill  func(parent *roleProcess, child int)
		clean bool
	}{
		"parent killed": {func(p *roleProcess, _ int) { p.kill(t) }, true},
		"child killed":  {func(_ *roleProcess, child int) { _ = syscall.Kill(child, syscall.SIGKILL) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			parent := startRole(t, "engine", dir)
			child, err := strconv.Atoi(parent.line(t))
			if err != nil {
				t.Fatal(err)
			}
			if !tt.clean { // or the parent would start another child
				if err := parent.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
					t.Fatal(err)
				}
			}
			tt.kill(parent, child)
			eventually(t, time.Minute, func() error { return ended(child) })
			_, err = os.Stat(filepath.Join(dir, "data", "status"))
			if clean := errors.Is(err, os.ErrNotExist); clean != tt.clean {
				t.Errorf("stopped in order: %v, want %v (%v)", clean, tt.clean, err)
			}
		})
	}
}

// ended is nil once a process is gone.
func ended(pid int) error {
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) && !zombie(pid) {
		return fmt.Errorf("process %d is still there", pid)
	}
	return nil
}

// zombie is true for an ended process that nobody has waited for, as in a container without a reaping first process.
func zombie(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(b), ") Z ")
}

// holdEngine is a helper process: it stores rows, prints the child's process id and waits to be killed.
func holdEngine(dir string) error {
	library, err := testLibrary()
	if err != nil {
		return err
	}
	e, err := StartEngine(context.Background(), EngineOptions{Dir: dir, Library: library})
	if err != nil {
		return err
	}
	c, err := connect(e.DSN())
	if err != nil {
		return err
	}
	for _, s := range []string{"CREATE TABLE kept (x UInt64) ENGINE = MergeTree ORDER BY x", "INSERT INTO kept SELECT number FROM numbers(1000)"} {
		if err := c.Exec(context.Background(), s); err != nil {
			return err
		}
	}
	fmt.Println(e.PID())
	select {}
}

func TestEngineCloseKillsWhatDoesNotStop(t *testing.T) {
	t.Parallel()
	e := startEngine(t, EngineOptions{Dir: t.TempDir()})
	if err := syscall.Kill(e.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if err := e.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := syscall.Kill(e.PID(), 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the child is still there: %v", err)
	}
	if err := e.Close(context.Background()); err != nil {
		t.Errorf("second close: %v", err)
	}
}

func TestEngineStartCanBeCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := StartEngine(ctx, EngineOptions{Dir: t.TempDir(), Library: needLibrary(t)}); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

func TestEngineSaysWhatIsWrongWithTheLibrary(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("uses a library of linux")
	}
	text := filepath.Join(t.TempDir(), "libchdb.so")
	if err := os.WriteFile(text, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	other, err := filepath.Glob("/lib*/x86_64-linux-gnu/libm.so.6")
	if err != nil || len(other) == 0 {
		other = []string{text}
	}
	for _, tt := range []struct {
		name, library string
		want          []string
	}{
		{"text file", text, []string{"cannot be loaded", text}},
		{"other library", other[0], []string{other[0]}},
		{"missing", "/nowhere/libchdb.so", []string{"/nowhere/libchdb.so does not exist"}},
		{"folder", "/tmp", []string{"is not a file"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := StartEngine(context.Background(), EngineOptions{Dir: t.TempDir(), Library: tt.library})
			if err == nil {
				t.Fatal("it started")
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q does not say %q", err, w)
				}
			}
		})
	}
}
