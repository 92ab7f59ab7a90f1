// Package localtest gives tests the real parts of package local: one ClickHouse engine per test binary with a database per
// test, and a NATS server per test. It is a package of its own so that the program does not link package testing.
package localtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"deskstream/local"
)

const (
	folderPattern = "deskstream-engine-test-*"
	// staleAfter is the age from which an engine folder that no test binary holds is removed. The engine itself ends soon
	// after its test binary.
	staleAfter = 10 * time.Minute
	startLimit = 2 * time.Minute
)

var (
	// shared is the engine of this test binary.
	shared = sync.OnceValues(startShared)
	// sharedLock keeps other test binaries from removing its folder. Once the engine runs only the end of the process unlocks it.
	sharedLock func()
)

// TestEngine returns the engine of this test binary and starts it at the first call. It skips the test when no engine is
// found, and fails instead when REQUIRE_ENGINE=1. DESKSTREAM_ENGINE may name the library. Expired rows are merged away within
// seconds (merge_with_ttl_timeout is 1). The engine ends with the test binary, never close it.
func TestEngine(tb testing.TB) *local.Engine {
	tb.Helper()
	e, err := shared()
	if errors.Is(err, local.ErrNoEngine) && os.Getenv("REQUIRE_ENGINE") != "1" {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// TestDatabase makes an empty database on the engine of TestEngine and returns the DSN of the pipeline user for it. It is
// dropped at the end of the test: connections opened later must be closed in a Cleanup or before.
func TestDatabase(tb testing.TB) string {
	tb.Helper()
	e := TestEngine(tb)
	name := "deskstream_" + randomName()
	if err := exec(e, "CREATE DATABASE "+name); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := exec(e, "DROP DATABASE IF EXISTS "+name+" SYNC"); err != nil {
			tb.Errorf("drop test database: %v", err)
		}
	})
	return withDatabase(tb, e.DSN(), name)
}

// AnalystDSN is the DSN of the read-only user for the database of a DSN from TestDatabase.
func AnalystDSN(tb testing.TB, dsn string) string {
	tb.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	return withDatabase(tb, TestEngine(tb).AnalystDSN(), strings.TrimPrefix(u.Path, "/"))
}

// TestNATS starts a server in a folder of the test and closes it at the end.
func TestNATS(tb testing.TB) *local.NATS {
	tb.Helper()
	n, err := local.StartNATS(local.NATSOptions{Dir: tb.TempDir(), MaxStore: 1 << 30, Log: zerolog.Nop()})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(n.Close)
	return n
}

// TestJetStream starts a server as TestNATS does and returns it with a JetStream client, closed at the end of the test.
func TestJetStream(tb testing.TB) (*local.NATS, *nats.Conn, jetstream.JetStream) {
	tb.Helper()
	n := TestNATS(tb)
	nc, err := n.Connect()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		tb.Fatal(err)
	}
	return n, nc, js
}

func startShared() (*local.Engine, error) {
	removeStale()
	dir, err := os.MkdirTemp("", folderPattern)
	if err != nil {
		return nil, fmt.Errorf("engine folder: %w", err)
	}
	if sharedLock, err = local.Lock(dir); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	e, err := local.StartEngine(ctx, local.EngineOptions{Dir: dir, Library: Library(), TTLMergeSeconds: 1, Log: zerolog.Nop()})
	if err != nil {
		_ = os.RemoveAll(dir)
		sharedLock()
	}
	return e, err
}

// Library is the path of the library for EngineOptions: the one named by DESKSTREAM_ENGINE, or the one below tools/engine of
// the checkout (tests run in the folders of their packages), or "" to search the usual places.
func Library() string {
	if p := os.Getenv("DESKSTREAM_ENGINE"); p != "" {
		return p
	}
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for {
		found, err := filepath.Glob(filepath.Join(dir, "tools", "engine", "node_modules", "@chdb", "lib-"+runtime.GOOS+"-*", "libchdb.so"))
		if err == nil && len(found) > 0 {
			return found[0]
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// removeStale removes what earlier test binaries left: they cannot remove the folder themselves, the engine ends after them.
func removeStale() {
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), folderPattern))
	if err != nil {
		return
	}
	for _, dir := range dirs {
		st, err := os.Stat(dir)
		if err != nil || time.Since(st.ModTime()) < staleAfter {
			continue
		}
		if unlock, err := local.Lock(dir); err == nil {
			_ = os.RemoveAll(dir)
			unlock()
		}
	}
}

func exec(e *local.Engine, statement string) error {
	u, err := url.Parse(e.DSN())
	if err != nil {
		return fmt.Errorf("engine DSN: %w", err)
	}
	password, _ := u.User.Password()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.HTTP()+"/", strings.NewReader(statement))
	if err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	req.Header.Set("X-Clickhouse-User", u.User.Username())
	req.Header.Set("X-Clickhouse-Key", password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", statement, resp.Status, strings.TrimSpace(string(b)))
	}
	return nil
}

func withDatabase(tb testing.TB, dsn, name string) string {
	tb.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

func randomName() string {
	b := make([]byte, 6)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return hex.EncodeToString(b)
}
