package sinks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deskstream/local"
	"deskstream/local/localtest"
	"deskstream/schemas"
)

// startEngine starts an engine of this test alone, to be killed, and opens its database.
func startEngine(t *testing.T, dir string) (*local.Engine, *DB) {
	t.Helper()
	e, err := local.StartEngine(t.Context(), local.EngineOptions{Dir: dir, Library: localtest.Library(), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), e.DSN(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e, db
}

func stopEngine(t *testing.T, e *local.Engine, db *DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_ = e.Close(ctx) // after a kill it says that the engine was killed
}

// killLater kills the engine after a while; the result is closed when it is done.
func killLater(t *testing.T, e *local.Engine, after time.Duration) <-chan struct{} {
	t.Helper()
	done := make(chan struct{})
	time.AfterFunc(after, func() {
		defer close(done)
		p, err := os.FindProcess(e.PID())
		if err == nil {
			err = p.Signal(syscall.SIGKILL)
		}
		if err != nil {
			t.Error(err)
		}
	})
	return done
}

// numbered is the n-th block of 1500 activities in three months.
func numbered(t *testing.T, n int) schemas.Block {
	t.Helper()
	const size = 1500
	rows := months(size)
	for i := range rows {
		rows[i].ActivityID = fmt.Sprintf("%d-%d", n, i)
	}
	return pack(t, schemas.TableActivities, uint64(1+n*size), rows...)
}

// The engine is killed between and during inserts, 10 times. Each block is in the table once, also without FINAL, and no row is
// missing. After each kill the writer is made anew and told to look first, as a restarted process is.
func TestKilledEngine(t *testing.T) {
	t.Parallel()
	localtest.TestEngine(t) // skips where there is none
	dir := t.TempDir()
	e, db := startEngine(t, dir)
	if err := Migrate(t.Context(), e.DSN()); err != nil {
		t.Fatal(err)
	}
	stopEngine(t, e, db)
	written := 0
	for kill := range 10 {
		written = writeUntilKilled(t, dir, written, kill)
	}
	e, db = startEngine(t, dir)
	defer stopEngine(t, e, db)
	b := numbered(t, written)
	b.Recover = true
	if err := NewWriter(db, schemas.TableActivities).Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	written++
	want := uint64(written * len(b.Messages))
	if n, distinct := count(t, db, "activities"), count(t, db, "(SELECT DISTINCT activity_id FROM activities)"); n != want || distinct != want {
		t.Errorf("%d rows, %d activities, want %d", n, distinct, want)
	}
	t.Logf("%d blocks", written)
}

// writeUntilKilled starts the engine, writes some blocks and kills the engine during the next ones. It returns the number of the block
// that failed.
func writeUntilKilled(t *testing.T, dir string, written, kill int) int {
	t.Helper()
	e, db := startEngine(t, dir)
	defer stopEngine(t, e, db)
	w := NewWriter(db, schemas.TableActivities)
	var killed <-chan struct{}
	for first := written; ; written++ {
		if written == first+1+kill%3 {
			killed = killLater(t, e, time.Duration(1+7*kill)*time.Millisecond)
		}
		b := numbered(t, written)
		b.Recover = written == first
		if err := w.Write(t.Context(), b); err != nil {
			if !errors.Is(err, schemas.ErrUnavailable) || killed == nil {
				t.Fatal(err)
			}
			<-killed
			return written
		}
	}
}

// Two processes write the same block at the same time, as a paused one and its successor may.
func TestRivals(t *testing.T) {
	t.Parallel()
	db, _ := testDB(t)
	for round := range 5 {
		b := pack(t, schemas.TableActivities, uint64(1+round*3000), activities(round*3000, round*3000+3000, day(3))...)
		var wg sync.WaitGroup
		errs := make([]error, 3)
		for i := range errs {
			wg.Go(func() {
				mine := b
				mine.Recover = i > 0
				errs[i] = NewWriter(db, b.Table).Write(t.Context(), mine)
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		if n := count(t, db, "activities"); n != uint64(3000*(round+1)) {
			t.Errorf("round %d: %d rows", round, n)
		}
	}
}
