package ingest

import "sync"

// NudgeKind says what an early fetch is for.
type NudgeKind uint8

// The kinds of nudges.
const (
	NudgeTicket NudgeKind = iota // a ticket with its audits
	NudgeUser                    // a user
	NudgeRating                  // the satisfaction ratings since the last poll; the id is that of the ticket
)

var nudgeNames = [...]string{"ticket", "user", "rating"}

// Nudge names an object of a source that a webhook spoke of, to be fetched before the next poll.
type Nudge struct {
	Source string
	Kind   NudgeKind
	ID     int64
}

// DefaultNudges is how many nudges wait at most.
const DefaultNudges = 10_000

// Nudges is a bounded set of objects to fetch soon. What does not fit is dropped: the poll covers it. It is safe for concurrent use.
type Nudges struct {
	limit int
	ready chan struct{}

	mu      sync.Mutex
	waiting map[Nudge]struct{}
	order   []Nudge
}

// NewNudges makes an empty set that holds at most limit nudges; 0 means DefaultNudges.
func NewNudges(limit int) *Nudges {
	if limit <= 0 {
		limit = DefaultNudges
	}
	return &Nudges{limit: limit, ready: make(chan struct{}, 1), waiting: map[Nudge]struct{}{}}
}

// Add puts a nudge into the set and returns at once. It is false when the set is full.
func (n *Nudges) Add(nudge Nudge) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.waiting[nudge]; ok {
		return true
	}
	if len(n.order) >= n.limit {
		return false
	}
	n.waiting[nudge] = struct{}{}
	n.order = append(n.order, nudge)
	signal(n.ready)
	return true
}

// Len says how many nudges wait.
func (n *Nudges) Len() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.order)
}

// take empties the set and returns what was in it, oldest first.
func (n *Nudges) take() []Nudge {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := n.order
	n.order = nil
	clear(n.waiting)
	return out
}
