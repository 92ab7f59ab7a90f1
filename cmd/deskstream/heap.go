package main

import (
	"context"
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// softMemory is the size, in bytes, from which the Go runtime collects more often. Under full load what is live comes close to it, and the
	// size is burstMemory then. While a long backlog is worked off more is live, and it is mostMemory.
	softMemory, burstMemory, mostMemory = 360 << 20, 400 << 20, 1 << 30
	// leastGrowth and mostGrowth bound by how many percent of what is live the heap grows until it is collected.
	leastGrowth, mostGrowth = 30, 400
	// The collector is meant to take a share of the processors between cheapShare and dearShare, and no more than mostShare, for which memory is
	// given. It is looked at every collectLook.
	cheapShare, dearShare, mostShare = 0.04, 0.08, 0.15
	collectLook                      = 500 * time.Millisecond
	// burstLooks and lastingLooks are how many looks in a row must see more than mostShare until the limit rises to burstMemory and beyond. A
	// load that lasts is known at once where lastingEvents wait to be processed.
	burstLooks, lastingLooks, lastingEvents = 6, 60, 20_000
	// quickest is by how much the growth is multiplied at once, at most: a backlog is worked off at full speed soon after it began.
	quickest = 4
)

// heap keeps the Go heap of the whole program small beside the engine's, unless the environment says otherwise: it grows little while
// there is little to do, up to softMemory where collecting costs more, and beyond where nearly all of that is live. The zero value limits
// nothing.
type heap struct {
	mu      sync.Mutex
	limited bool
	limit   int64          // bytes, without what is kept
	kept    map[string]int // bytes by part of the program
	waiting func() uint64  // events that wait to be processed; nil before there is a stream
}

// heapLimited is whether a heap of this process is limited: there is one Go heap, however many programs share it.
var heapLimited atomic.Bool

// limitUntil limits the heap, adapting to the load, until ctx ends. A heap that is limited already is left as it is.
func (h *heap) limitUntil(ctx context.Context) {
	if !heapLimited.CompareAndSwap(false, true) {
		return
	}
	grows, percent, most := os.Getenv("GOGC") == "", 0, debug.SetMemoryLimit(-1)
	if grows {
		percent = debug.SetGCPercent(leastGrowth)
	}
	h.begin(os.Getenv("GOMEMLIMIT") == "")
	go func() {
		h.adapt(ctx, grows)
		if grows {
			debug.SetGCPercent(percent)
		}
		h.end(most)
		heapLimited.Store(false)
	}()
}

// adapt sets the limit, and by how many percent the heap grows if that is ours to say, from what collecting has cost of late.
func (h *heap) adapt(ctx context.Context, grows bool) {
	tick := time.NewTicker(collectLook)
	defer tick.Stop()
	a, before := allowance{growth: leastGrowth, limit: softMemory, fixed: !grows}, readCollector()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := readCollector()
		was := a
		a.look(now.share(before), h.behind())
		before = now
		if a.growth != was.growth { // the runtime stops the program for either
			debug.SetGCPercent(a.growth)
		}
		if a.limit != was.limit {
			h.setLimit(a.limit)
		}
	}
}

// allowance is how far the heap may grow.
type allowance struct {
	growth int   // percent of what is live
	fixed  bool  // growth is not ours to say
	limit  int64 // bytes
	dear   int   // looks in a row at which collecting took more than mostShare
}

// look takes note of the share of the processors that collecting has taken of late, and of whether there is work that lasts.
func (a *allowance) look(share float64, behind bool) {
	switch {
	case a.fixed:
	case behind:
		a.growth = mostGrowth
	default:
		a.growth = nextGrowth(a.growth, share)
	}
	switch a.dear++; {
	case share <= mostShare:
		a.dear = 0
	case behind:
		a.dear = lastingLooks
	}
	most := int64(burstMemory)
	if a.dear >= lastingLooks {
		most = mostMemory
	}
	// The heap may grow more before it may grow beyond the limit.
	if a.dear == 0 || a.dear >= burstLooks && (a.fixed || a.growth == mostGrowth) {
		a.limit = nextLimit(a.limit, share, most)
	}
}

// nextGrowth is by how many percent the heap may grow when collecting has taken a share of the processors. That share falls as the growth
// rises, so the more there is too much of it, the further the growth goes up.
func nextGrowth(percent int, share float64) int {
	switch {
	case share > dearShare:
		return min(int(math.Round(float64(percent)*min(max(share/cheapShare, 2), quickest))), mostGrowth)
	case share < cheapShare:
		return max(percent-percent/10, leastGrowth)
	}
	return percent
}

// nextLimit is the size from which the runtime collects more often, in bytes, when collecting has taken a share of the processors. It rises to
// most.
func nextLimit(bytes int64, share float64, most int64) int64 {
	switch {
	case share > mostShare:
		return max(bytes, min(2*bytes, most))
	case share < cheapShare:
		return max(bytes-bytes/16, softMemory)
	}
	return bytes
}

// collector is the processor time of the program so far, in seconds.
type collector struct{ collecting, all float64 }

// readCollector asks the runtime, which brings these figures up to date with each collection. What it collects on idle processors costs
// nobody anything.
func readCollector() collector {
	samples := []metrics.Sample{
		{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/cpu/classes/gc/mark/idle:cpu-seconds"}, {Name: "/cpu/classes/total:cpu-seconds"},
	}
	metrics.Read(samples)
	return collector{collecting: samples[0].Value.Float64() - samples[1].Value.Float64(), all: samples[2].Value.Float64()}
}

// share is the part of the processors that collecting took since an earlier time; 0 when nothing was collected.
func (c collector) share(since collector) float64 {
	if c.all <= since.all {
		return 0
	}
	return (c.collecting - since.collecting) / (c.all - since.all)
}

// keeper gives the function by which a part of the program tells how many bytes it keeps for good. The limit is raised by that: the runtime
// would collect without end to get below.
func (h *heap) keeper(part string) func(bytes int) {
	return func(bytes int) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.kept == nil {
			h.kept = map[string]int{}
		}
		h.kept[part] = bytes
		h.apply()
	}
}

// waits gives the function that tells how many events wait to be processed.
func (h *heap) waits(events func() uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting = events
}

// behind says whether there is work that lasts.
func (h *heap) behind() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.waiting != nil && h.waiting() >= lastingEvents
}

// begin limits the heap to softMemory and what is kept, if that is ours to say.
func (h *heap) begin(ours bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.limited, h.limit = ours, softMemory
	h.apply()
}

// setLimit limits the heap to bytes and what is kept.
func (h *heap) setLimit(bytes int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.limit = bytes
	h.apply()
}

// end gives the runtime the limit back that it had.
func (h *heap) end(bytes int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.limited {
		h.limited = false
		debug.SetMemoryLimit(bytes)
	}
}

// apply tells the runtime the limit; mu is held.
func (h *heap) apply() {
	if !h.limited {
		return
	}
	limit := h.limit
	for _, kept := range h.kept {
		limit += int64(kept)
	}
	debug.SetMemoryLimit(limit)
}
