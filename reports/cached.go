package reports

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	// readRetry is how long after a read that failed what is known is given without another try.
	readRetry = time.Second
	// readMost is how long a read may take before another one begins.
	readMost = time.Minute
	// forEver is how long what is known is given where it is better than nothing, whatever its age.
	forEver = time.Duration(math.MaxInt64)
)

// cached is a value that is read from elsewhere, and what is known of it. Those who ask at the same time wait for one read, which runs outside of
// the lock, and each no longer than its own context. The read goes on without them, for those to come. While it fails, what is known is given.
// It is safe for concurrent use.
type cached[T any] struct {
	now   func() time.Time
	read  func(context.Context) (T, error)
	stale time.Duration // how old what is known may be where it cannot be read; 0 = it is not given then

	group singleflight.Group

	mu      sync.Mutex
	value   T
	at      time.Time // when it was read; zero = nothing is known
	changed bool      // it was, since then
	failed  time.Time // when it could not be read since then
	epoch   uint64    // a read that began in an earlier one tells of what was before
}

// get gives the value, read again when what is known is not younger than fresh. Where that is 0 the read begins after the call of get.
func (c *cached[T]) get(ctx context.Context, fresh time.Duration) (T, error) {
	c.mu.Lock()
	if c.holds(fresh) {
		defer c.mu.Unlock()
		return c.value, nil
	}
	if fresh <= 0 {
		c.begin()
	}
	epoch := c.epoch
	read := c.group.DoChan("", func() (any, error) { return c.load(context.WithoutCancel(ctx), epoch) })
	c.mu.Unlock()
	select {
	case r := <-read:
		return r.Val.(T), r.Err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// known gives what is known, whatever its age; ok is false where nothing is.
func (c *cached[T]) known() (value T, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value, !c.at.IsZero()
}

// set makes a value known that was just stored.
func (c *cached[T]) set(value T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begin()
	c.keep(value)
}

// change has the next one who asks read again. What is known holds where that fails.
func (c *cached[T]) change() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begin()
	c.changed, c.failed = true, time.Time{}
}

// forget has the next one who asks read again, and nothing is known where that fails.
func (c *cached[T]) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begin()
	var none T
	c.value, c.at, c.failed = none, time.Time{}, time.Time{}
}

// begin parts the reads that are under way from those to come.
func (c *cached[T]) begin() {
	c.epoch++
	c.group.Forget("")
}

// holds says whether what is known is given without a read.
func (c *cached[T]) holds(fresh time.Duration) bool {
	if c.at.IsZero() || fresh <= 0 {
		return false
	}
	now := c.now()
	if old := now.Sub(c.at); !c.changed && old >= 0 && old < fresh {
		return true
	}
	since := now.Sub(c.failed)
	return !c.failed.IsZero() && since >= 0 && since < readRetry && c.usable(now)
}

// usable says whether what is known is given where it cannot be read.
func (c *cached[T]) usable(now time.Time) bool {
	return c.stale > 0 && !c.at.IsZero() && now.Sub(c.at) <= c.stale
}

// load reads the value for those who wait, and keeps it unless it was changed meanwhile.
func (c *cached[T]) load(ctx context.Context, epoch uint64) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, readMost)
	defer cancel()
	value, err := c.read(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	current := c.epoch == epoch
	if err == nil {
		if current {
			c.keep(value)
		}
		return value, nil
	}
	if current {
		c.failed = now
	}
	if c.usable(now) {
		return c.value, nil
	}
	var none T
	return none, err
}

func (c *cached[T]) keep(value T) {
	c.value, c.at, c.changed, c.failed = value, c.now(), false, time.Time{}
}
