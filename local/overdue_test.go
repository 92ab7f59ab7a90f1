//go:build (linux || darwin) && !noengine

package local

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"
)

// TestEngineEndsWhatNothingElseEnds: one call of a function that takes days. A query whose client reads its answer slowly goes on.
func TestEngineEndsWhatNothingElseEnds(t *testing.T) {
	t.Parallel()
	restarted := make(chan struct{}, 1)
	e := startEngine(t, EngineOptions{Dir: t.TempDir(), overdueEach: 200 * time.Millisecond, OnRestart: func() { restarted <- struct{}{} }})
	app := open(t, e.DSN())
	mustExec(t, app, "CREATE TABLE long (x String) ENGINE = MergeTree ORDER BY tuple()", "INSERT INTO long SELECT randomString(4500) FROM numbers(9900)")
	if runtime.GOOS == "linux" {
		rows, err := open(t, e.AnalystDSN()).Query(context.Background(), "SELECT x FROM long SETTINGS max_block_size = 100, max_execution_time = 1")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		eventually(t, time.Minute, func() error { // by when it was looked at often enough to be ended
			if number(t, app, "SELECT count() FROM system.processes WHERE user = 'analyst' AND elapsed > 4") != 1 {
				return fmt.Errorf("the query that is read slowly does not go on: %d restarts", e.Restarts())
			}
			return nil
		})
		if e.Restarts() != 0 {
			t.Fatalf("%d restarts", e.Restarts())
		}
	}
	const days = "SELECT arrayLevenshteinDistance(range(3000000), range(5, 3000000)) SETTINGS max_execution_time = 1"
	if err := answer(t, e.AnalystDSN(), days); err == nil {
		t.Error("it was answered")
	}
	select {
	case <-restarted:
	case <-time.After(time.Minute):
		t.Fatal("the engine was not restarted")
	}
	eventually(t, time.Minute, func() error { return answer(t, e.AnalystDSN(), "SELECT count() FROM long") })
	if got := number(t, app, "SELECT count() FROM long"); got != 9900 {
		t.Errorf("%d acknowledged rows are left of 9900", got)
	}
}
