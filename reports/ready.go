package reports

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"deskstream/schemas"
)

const (
	// readyTimeout bounds all checks together.
	readyTimeout = 3 * time.Second
	// readyFresh is how long their results are told again: the path is open to everybody, and a check reads the positions of every table.
	readyFresh = time.Second
)

// readiness runs the checks of the process, for all who ask at the same time once. It is safe for concurrent use.
type readiness struct {
	checks []Check
	group  singleflight.Group

	mu   sync.Mutex
	at   time.Time
	last readyBody
}

type readyAnswer struct {
	Status   int
	TypeName string `header:"Content-Type"`
	Body     readyBody
}

type readyBody struct {
	Ready  bool              `json:"ready" doc:"All checks passed"`
	Checks map[string]string `json:"checks" doc:"ok, or why not, by part"`
}

func (s *server) ready(context.Context, *none) (*readyAnswer, error) {
	return s.readiness.answer(), nil
}

func (r *readiness) answer() *readyAnswer {
	out := &readyAnswer{Status: http.StatusOK, TypeName: "application/json", Body: r.ask()}
	if !out.Body.Ready {
		out.Status = http.StatusServiceUnavailable
	}
	return out
}

// ask gives the results, which may be as old as readyFresh. They must not be changed.
func (r *readiness) ask() readyBody {
	if last, fresh := r.told(); fresh {
		return last
	}
	body, _, _ := r.group.Do("", func() (any, error) {
		// One that looked before the run of the others ended, and comes here after it, has its results too.
		if last, fresh := r.told(); fresh {
			return last, nil
		}
		body := r.run()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.at, r.last = time.Now(), body
		return body, nil
	})
	return body.(readyBody)
}

// told gives the last results and whether they may be told again.
func (r *readiness) told() (readyBody, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last, !r.at.IsZero() && time.Since(r.at) < readyFresh
}

func (r *readiness) run() readyBody {
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	results := make([]string, len(r.checks))
	var wg sync.WaitGroup
	for i, c := range r.checks {
		wg.Go(func() { results[i] = checkResult(ctx, c) })
	}
	wg.Wait()
	body := readyBody{Ready: true, Checks: map[string]string{}}
	for i, c := range r.checks {
		body.Checks[c.Name] = results[i]
		body.Ready = body.Ready && results[i] == checkOK
	}
	return body
}

// checkOK is the result of a check that passed.
const checkOK = "ok"

// checkResult gives checkOK or why not. The path is open to everybody: addresses and the like stay in the log of the part itself.
func checkResult(ctx context.Context, c Check) string {
	done := make(chan error, 1)
	go func() { done <- c.Check(ctx) }()
	select {
	case err := <-done:
		return resultOf(err, c.Hint)
	case <-ctx.Done():
		return "no answer in time"
	}
}

// resultOf says why a check failed where that is for everybody: its hint, or a problem that a person has to solve.
func resultOf(err error, hint string) string {
	var p *schemas.Problem
	switch {
	case err == nil:
		return checkOK
	case hint != "":
		return "not ready: " + hint
	case errors.As(err, &p) && errors.Is(p, schemas.ErrConflict):
		return "not ready: " + p.Detail
	}
	return "not ready"
}
