package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"testing"
)

func TestGrowthFollowsWhatCollectingCosts(t *testing.T) {
	percent := leastGrowth
	for range 20 {
		next := nextGrowth(percent, 2*dearShare)
		if next < percent || next > mostGrowth {
			t.Fatalf("while collecting is dear the growth went from %d to %d %%", percent, next)
		}
		percent = next
	}
	if percent != mostGrowth {
		t.Errorf("the heap may grow by %d %% where collecting stays dear, want %d", percent, mostGrowth)
	}
	for _, c := range []struct {
		share float64
		want  int
	}{{1.1 * dearShare, 2.2 * leastGrowth}, {1.5 * dearShare, 3 * leastGrowth}, {0.5, quickest * leastGrowth}} {
		if next := nextGrowth(leastGrowth, c.share); next != c.want {
			t.Errorf("from a share of %v the growth went from %d to %d %%, want %d", c.share, leastGrowth, next, c.want)
		}
	}
	if next := nextGrowth(percent, (cheapShare+dearShare)/2); next != percent {
		t.Errorf("between the bounds the growth went from %d to %d %%", percent, next)
	}
	for range 80 {
		percent = nextGrowth(percent, 0)
	}
	if percent != leastGrowth {
		t.Errorf("the heap may grow by %d %% where collecting costs nothing, want %d", percent, leastGrowth)
	}
}

func TestLimitFollowsWhatCollectingCosts(t *testing.T) {
	limit := int64(softMemory)
	for _, most := range []int64{burstMemory, mostMemory} {
		for range 20 {
			limit = nextLimit(limit, 2*mostShare, most)
		}
		if limit != most {
			t.Errorf("where collecting stays dear the limit became %d, want %d", limit, most)
		}
	}
	if next := nextLimit(limit, 2*mostShare, burstMemory); next != limit {
		t.Errorf("the limit fell from %d to %d while collecting was dear", limit, next)
	}
	if next := nextLimit(limit, dearShare, mostMemory); next != limit {
		t.Errorf("between the bounds the limit went from %d to %d", limit, next)
	}
	for range 20 {
		limit = nextLimit(limit, 0, mostMemory)
	}
	if limit != softMemory {
		t.Errorf("where collecting costs nothing the limit became %d, want %d", limit, softMemory)
	}
}

// TestLimitWaitsForALoadThatLasts: a short burst has the soft limit, a longer one some more, a load that lasts what it needs; what is given
// goes back.
func TestLimitWaitsForALoadThatLasts(t *testing.T) {
	a := allowance{growth: leastGrowth, limit: softMemory}
	for range 5 {
		for range burstLooks - 1 {
			a.look(2*mostShare, false)
		}
		if a.look(dearShare, false); a.limit != softMemory {
			t.Fatalf("a burst made the limit %d", a.limit)
		}
	}
	for range lastingLooks - 1 {
		a.look(2*mostShare, false)
	}
	if a.growth != mostGrowth || a.limit != burstMemory {
		t.Errorf("under a longer burst the growth is %d %% and the limit %d", a.growth, a.limit)
	}
	if a.look(2*mostShare, false); a.growth != mostGrowth || a.limit <= burstMemory {
		t.Errorf("under a load that lasts the growth is %d %% and the limit %d", a.growth, a.limit)
	}
	for range 80 {
		a.look(0, false)
	}
	if a.growth != leastGrowth || a.limit != softMemory {
		t.Errorf("behind the load the growth is %d %% and the limit %d", a.growth, a.limit)
	}
	a.look(0, true)
	if a.growth != mostGrowth || a.limit != softMemory {
		t.Errorf("where many events wait the growth is %d %% and the limit %d before collecting is dear", a.growth, a.limit)
	}
	if a.look(2*mostShare, true); a.limit <= softMemory {
		t.Error("where many events wait the limit did not rise at once")
	}
	fixed := allowance{growth: leastGrowth, limit: softMemory, fixed: true}
	for range burstLooks {
		fixed.look(2*mostShare, false)
	}
	if fixed.growth != leastGrowth || fixed.limit <= softMemory {
		t.Errorf("with a growth that is not ours it became %d %% and the limit %d", fixed.growth, fixed.limit)
	}
}

func TestCollectorShare(t *testing.T) {
	before, after := collector{collecting: 1, all: 100}, collector{collecting: 3, all: 150}
	if got := after.share(before); got != 0.04 {
		t.Errorf("share %v, want 0.04", got)
	}
	if got := before.share(before); got != 0 {
		t.Errorf("share %v while nothing was collected, want 0", got)
	}
}

// The figures have the names that this runtime knows, and the environment comes before what the program would set.
func TestHeapIsLimited(t *testing.T) {
	runtime.GC() // the figures are as of the last collection
	if now := readCollector(); now.all <= 0 || now.collecting <= 0 {
		t.Errorf("the runtime tells %+v of its processor time", now)
	}
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetGCPercent(percent); debug.SetMemoryLimit(limit) })
	for _, c := range []struct {
		growth, memory string
		percent        int
		limit          int64
	}{
		{"", "", leastGrowth, softMemory + 7},
		{"100", "", 100, softMemory + 7},
		{"", "1GiB", leastGrowth, limit},
	} {
		debug.SetGCPercent(100)
		debug.SetMemoryLimit(limit)
		t.Setenv("GOGC", c.growth)
		t.Setenv("GOMEMLIMIT", c.memory)
		ctx, cancel := context.WithCancel(t.Context())
		var h, other heap
		h.limitUntil(ctx)
		h.keeper("rows")(7)
		other.limitUntil(ctx)
		other.keeper("rows")(1 << 30) // there is one heap, and it has its limit
		if got := debug.SetGCPercent(100); got != c.percent {
			t.Errorf("GOGC=%s: the growth became %d %%, want %d", c.growth, got, c.percent)
		}
		if got := debug.SetMemoryLimit(-1); got != c.limit {
			t.Errorf("GOMEMLIMIT=%s: the limit became %d, want %d", c.memory, got, c.limit)
		}
		cancel()
		for heapLimited.Load() {
			runtime.Gosched()
		}
		if got := debug.SetMemoryLimit(-1); got != limit {
			t.Errorf("the limit is %d afterwards, it was %d", got, limit)
		}
	}
}
