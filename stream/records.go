package stream

import (
	"maps"
	"sync"
)

// records remembers what was recorded last, by stream.
type records struct {
	mu sync.Mutex
	by map[string]StreamMeta
}

func (r *records) set(m StreamMeta) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by == nil {
		r.by = map[string]StreamMeta{}
	}
	r.by[m.Stream] = m
}

func (r *records) all() map[string]StreamMeta {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.by)
}
