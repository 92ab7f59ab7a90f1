package liquid

import (
	"context"
	"time"
)

// opsPerCheck is how many steps pass between two looks at the clock and at the caller's context.
const opsPerCheck = 1024

// bytesPerOp is how many bytes of text a filter may read or write for one step, so that scanning long texts is paid for too.
const bytesPerOp = 256

// budget is what is left of the limits during one render. It belongs to one render and is never shared.
type budget struct {
	limits   *Limits
	ctx      context.Context
	deadline time.Time
	ops      int64
	check    int64 // the ops count at which the clock is looked at next
	bytes    int64
}

func newBudget(ctx context.Context, limits *Limits) budget {
	return budget{limits: limits, ctx: ctx, deadline: time.Now().Add(limits.Time), check: min(opsPerCheck, limits.Ops+1)}
}

// step pays n steps.
func (b *budget) step(n int64) error {
	b.ops += n
	if b.ops < b.check {
		return nil
	}
	return b.look()
}

// look compares steps, clock and context with the limits.
func (b *budget) look() error {
	if b.ops > b.limits.Ops {
		return limitf("more than %d steps", b.limits.Ops)
	}
	b.check = min(b.ops+opsPerCheck, b.limits.Ops+1)
	if err := b.ctx.Err(); err != nil {
		return limitf("stopped by the caller: %v", err)
	}
	if time.Now().After(b.deadline) {
		return limitf("longer than %s", b.limits.Time)
	}
	return nil
}

// alloc pays n bytes. It is called before they are allocated.
func (b *budget) alloc(n int) error {
	b.bytes += int64(n)
	if n < 0 || b.bytes > b.limits.Alloc {
		return limitf("more than %d bytes built in total", b.limits.Alloc)
	}
	return nil
}

// read pays for looking at n bytes of text.
func (b *budget) read(n int) error { return b.step(int64(n/bytesPerOp) + 1) }

// text pays for building a text of n bytes.
func (b *budget) text(n int) error {
	if n < 0 || n > b.limits.Text {
		return limitf("a text of more than %d bytes", b.limits.Text)
	}
	if err := b.alloc(n); err != nil {
		return err
	}
	return b.read(n)
}

// copies pays for n texts of size bytes that are built on the way to one that text pays for.
func (b *budget) copies(n, size int) error { return b.alloc(n * size) }

// items pays for building a list of n elements.
func (b *budget) items(n int64) error {
	if n < 0 || n > int64(b.limits.Items) {
		return limitf("a list of more than %d elements", b.limits.Items)
	}
	if err := b.alloc(int(n) * 16); err != nil {
		return err
	}
	return b.step(n/4 + 1)
}
