package reports

import (
	"context"
	"sync"

	"golang.org/x/sync/singleflight"
)

// flights lets identical reports that are asked for at the same time share one computation. It ends early only when nobody waits for it
// any more. The zero value is ready; it is safe for concurrent use.
type flights struct {
	group singleflight.Group

	mu   sync.Mutex
	open map[string]*flight
}

// flight is one computation and those who wait for it.
type flight struct {
	ctx     context.Context // it ends with the last of the callers, not with one of them
	cancel  context.CancelFunc
	waiting int
}

// encoded is a report as it is sent.
type encoded struct {
	kind    string
	body    []byte
	headers map[string]string
}

// do gives what compute gives, computed for this caller or for another one with the same key. The first caller's values are in its ctx.
func (f *flights) do(ctx context.Context, key string, compute func(context.Context) (encoded, error)) (encoded, error) {
	result, leave := f.join(ctx, key, compute)
	defer leave()
	select {
	case r := <-result:
		if r.Err != nil {
			return encoded{}, r.Err
		}
		return r.Val.(encoded), nil
	case <-ctx.Done():
		return encoded{}, context.Cause(ctx)
	}
}

func (f *flights) join(ctx context.Context, key string, compute func(context.Context) (encoded, error)) (<-chan singleflight.Result, func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := f.open[key]
	if at == nil {
		at = &flight{}
		at.ctx, at.cancel = context.WithCancel(context.WithoutCancel(ctx))
		if f.open == nil {
			f.open = map[string]*flight{}
		}
		f.open[key] = at
	}
	at.waiting++
	result := f.group.DoChan(key, func() (any, error) { return compute(at.ctx) })
	return result, func() { f.leave(key, at) }
}

// leave ends a flight with its last caller. Forgotten, it does not answer those who come later.
func (f *flights) leave(key string, at *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at.waiting--; at.waiting > 0 {
		return
	}
	at.cancel()
	f.group.Forget(key)
	delete(f.open, key)
}
