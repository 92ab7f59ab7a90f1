package reports

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
)

// TestIdenticalReportsShareOneComputation holds all places, so that requests meet, and counts the queries they make together.
func TestIdenticalReportsShareOneComputation(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, filledDatabase(t), func(o *Options) { o.HeavyQueries = 1 })
	release, err := s.admit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{
		"tickets_created?from=2026-03-01&to=2026-03-31", "tickets_created?to=2026-03-31&from=2026-03-01",
		"tickets_created?from=2026-03-01&to=2026-03-31&format=csv", "tickets_created?from=2026-03-02&to=2026-03-31",
	}
	const each = 5
	bodies := make([]string, each*len(paths))
	var callers sync.WaitGroup
	for i := range bodies {
		callers.Go(func() {
			r := s.call(http.MethodGet, "/v1/reports/"+paths[i%len(paths)], "reports-key", nil)
			s.want(http.StatusOK, r, nil)
			bodies[i] = string(r.body)
		})
	}
	for s.flights.callers() < len(bodies) {
		runtime.Gosched()
	}
	release()
	callers.Wait()
	if n := s.asked("tickets_created"); n != 3 {
		t.Errorf("%d queries for 3 questions", n)
	}
	for i, body := range bodies {
		if body == "" || body != bodies[i%len(paths)] {
			t.Errorf("caller %d got %q", i, body)
		}
	}
	if bodies[0] != bodies[1] || bodies[0] == bodies[2] || bodies[0] == bodies[3] {
		t.Error("the answers are mixed up")
	}
	if n := s.flights.callers(); n != 0 {
		t.Errorf("%d still wait", n)
	}
}

func (f *flights) callers() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, at := range f.open {
		n += at.waiting
	}
	return n
}

func TestFlightEndsWithItsLastCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f flights
		runs := 0
		ended := make(chan error, 1)
		compute := func(ctx context.Context) (encoded, error) {
			if runs++; runs > 1 {
				return encoded{kind: "second"}, nil
			}
			<-ctx.Done()
			ended <- ctx.Err()
			return encoded{}, ctx.Err()
		}
		ask := func() (context.CancelFunc, chan error) {
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				_, err := f.do(ctx, "k", compute)
				done <- err
			}()
			synctest.Wait()
			return cancel, done
		}
		leaveFirst, first := ask()
		leaveSecond, second := ask()
		leaveFirst()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		synctest.Wait()
		if runs != 1 || len(ended) != 0 {
			t.Errorf("%d runs; ended %d though one still waits", runs, len(ended))
		}
		leaveSecond()
		<-second
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		// The one that was given up does not answer who comes later.
		if out, err := f.do(t.Context(), "k", compute); err != nil || out.kind != "second" {
			t.Errorf("%+v %v", out, err)
		}
	})
}
