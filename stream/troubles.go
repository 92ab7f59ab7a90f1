package stream

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// troubles remembers which part of the work is failing since when.
type troubles struct {
	mu    sync.Mutex
	since map[string]trouble
}

type trouble struct {
	at  time.Time
	err error
}

// set notes an error of a part, or with nil that it works again.
func (t *troubles) set(part string, now time.Time, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		delete(t.since, part)
		return
	}
	if t.since == nil {
		t.since = map[string]trouble{}
	}
	old, failing := t.since[part]
	if failing {
		now = old.at
	}
	t.since[part] = trouble{now, err}
}

// lasting gives the errors that have been there for a while.
func (t *troubles) lasting(now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []error
	for part, tr := range t.since {
		if now.Sub(tr.at) >= troubleAfter {
			all = append(all, fmt.Errorf("%s fails since %s: %w", part, tr.at.UTC().Format(time.RFC3339), tr.err))
		}
	}
	return errors.Join(all...)
}
