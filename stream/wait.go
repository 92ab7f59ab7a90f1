package stream

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"deskstream/schemas"
)

const (
	// shortestLook is how long untilSo waits at least between two looks.
	shortestLook = 20 * time.Millisecond
	// lookShare is how many times longer it waits than it looks, because looking takes the server some time.
	lookShare = 4
)

// untilSo looks until it is so.
func untilSo(ctx context.Context, look func() (bool, error)) error {
	for {
		begun := time.Now()
		if ok, err := look(); err != nil || ok {
			return err
		}
		if err := schemas.Wait(ctx, max(shortestLook, lookShare*time.Since(begun))); err != nil {
			return fmt.Errorf("%w: %w", schemas.ErrUnavailable, err)
		}
	}
}

// processed returns once the events of a partition up to a raw sequence are processed and what came of them is where it belongs. It gives the sequence
// of TXN up to which that lies.
func (s *Stream) processed(ctx context.Context, p int, seq uint64) (through uint64, err error) {
	err = untilSo(ctx, func() (bool, error) {
		o, fence, err := s.readOffset(ctx, p)
		through = fence
		return o.through(seq), err
	})
	return through, err
}

// backoff doubles the wait between tries.
type backoff struct{ first, most, next time.Duration }

func newBackoff(first, most time.Duration) *backoff {
	return &backoff{first: first, most: most, next: first}
}

func (b *backoff) reset() { b.next = b.first }

// sleep waits or returns early when ctx ends. The wait varies so that rivals fall out of step.
func (b *backoff) sleep(ctx context.Context) {
	wait := b.next/2 + time.Duration(float64(b.next)*jitter())
	b.next = min(2*b.next, b.most)
	_ = schemas.Wait(ctx, wait)
}

// jitter is a number from 0 to 1 that spreads retries.
func jitter() float64 { return rand.Float64() }
