package main

import (
	"math"
	"os"
	"runtime/debug"
	"sync"
)

// softMemory is the size, in bytes, from which the Go runtime collects more often. What is live under full load is half of it.
const softMemory = 360 << 20

// limitMemory keeps the Go heap of the whole program small beside the engine's unless the environment says otherwise.
func limitMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(60)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softMemory)
	}
}

// room raises the limit of limitMemory by what parts of the program keep for good: the runtime would collect without end to get below. The
// zero value is ready.
type room struct {
	mu   sync.Mutex
	kept map[string]int // bytes by part
}

// of gives the function by which a part tells how many bytes it keeps.
func (r *room) of(part string) func(bytes int) {
	return func(bytes int) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.kept == nil {
			r.kept = map[string]int{}
		}
		r.kept[part] = bytes
		if os.Getenv("GOMEMLIMIT") == "" && debug.SetMemoryLimit(-1) != math.MaxInt64 {
			debug.SetMemoryLimit(softMemory + r.sum())
		}
	}
}

func (r *room) sum() (sum int64) {
	for _, bytes := range r.kept {
		sum += int64(bytes)
	}
	return sum
}
