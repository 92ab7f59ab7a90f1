package reports

import (
	"context"
	"slices"
	"sync"
	"time"

	"deskstream/schemas"
)

const (
	// landedLook is how often it is asked at most what is in the tables.
	landedLook = time.Second
	// landedFollow is how often it is asked when nobody asks for a report: the next one is to tell of the present, not of the last one.
	landedFollow = 5 * time.Second
	// landedMarks bounds the marks of a source that are waited for.
	landedMarks = 64
)

// landings remember how far what the tables have is complete. The pollers say what they have stored, and while processors and sinks are behind,
// the tables have less. So what a poller says counts from when all events that were stored then are in the tables. It is safe for concurrent use.
type landings struct {
	server *server

	mu      sync.Mutex
	sources map[string]*landing // by source id
}

// landing is how far the data of a source is complete in the tables; through is nil as long as that is not known.
type landing struct {
	through *time.Time
	waiting []mark    // in the order in which they came
	said    time.Time // up to when the poller has read
	look    cached[struct{}]
}

// mark is up to when a poller has read, and where what it has read is.
type mark struct {
	through   time.Time
	stored    uint64 // the newest event then
	processed bool   // all of them
	output    uint64 // once they are processed: what came of them lies up to here
}

// through gives the instant up to which the tables are complete; nil as long as that is not known of one source. It must be asked before
// the tables are, since it tells of them as they are now.
func (l *landings) through(ctx context.Context, sources []synced) (*time.Time, error) {
	var all *time.Time
	known := true
	for i := range sources {
		if !sources[i].reads() {
			continue
		}
		at, err := l.of(ctx, &sources[i])
		if err != nil {
			return nil, err
		}
		known, all = known && at != nil, earlier(all, at)
	}
	if !known {
		return nil, nil
	}
	return all, nil
}

// keepLanded follows the sources until ctx ends.
func (s *server) keepLanded(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		sources, err := s.syncedSources(ctx)
		if err == nil {
			_, err = s.landed.through(ctx, sources)
		}
		if err != nil && ctx.Err() == nil {
			s.Log.Debug().Err(err).Msg("how far the tables are complete was not found out, will try again")
		}
	}
}

// of gives the instant for one source. A poller that began anew may have said more before than it says now.
func (l *landings) of(ctx context.Context, src *synced) (*time.Time, error) {
	read := src.through()
	at, behind := l.told(src, read)
	if at == nil {
		return nil, nil
	}
	if behind {
		if _, err := at.look.get(ctx, landedLook); err != nil {
			return nil, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if at.through == nil {
		return nil, nil
	}
	return earlier(at.through, read), nil
}

// told notes what the poller of a source has said, and says whether the tables may be behind it; nil where it has said nothing.
func (l *landings) told(src *synced, read *time.Time) (at *landing, behind bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if read == nil {
		delete(l.sources, src.ID)
		return nil, false
	}
	if at = l.sources[src.ID]; at == nil {
		at = &landing{}
		l.sources[src.ID] = at
		account := src.Account
		at.look.now = l.server.Now
		at.look.read = func(ctx context.Context) (struct{}, error) { return struct{}{}, l.look(ctx, account, at) }
	}
	at.said = *read
	return at, !at.newest(*read) || len(at.waiting) > 0
}

// newest says whether nothing newer than an instant was said.
func (at *landing) newest(read time.Time) bool {
	if n := len(at.waiting); n > 0 {
		return at.waiting[n-1].through.Equal(read)
	}
	return at.through != nil && at.through.Equal(read)
}

// look asks where events and their outputs are, and takes over what is in the tables.
func (l *landings) look(ctx context.Context, account string, at *landing) error {
	l.mu.Lock()
	m := mark{through: at.said}
	l.mu.Unlock()
	var processed, output uint64
	var err error
	if m.stored, processed, output, err = l.server.Events.Position(ctx, account); err != nil {
		return storeError(err)
	}
	if !l.mark(at, m, processed, output) {
		return nil
	}
	written, err := l.server.Events.Written(ctx)
	if err != nil {
		return storeError(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(at.waiting) > 0 && at.waiting[0].processed && at.waiting[0].output <= written {
		at.through, at.waiting = &at.waiting[0].through, at.waiting[1:]
	}
	at.waiting = slices.Clone(at.waiting)
	return nil
}

// mark has a mark waited for, notes which ones are processed, and says whether the oldest is.
func (l *landings) mark(at *landing, m mark, processed, output uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !at.newest(m.through) {
		if len(at.waiting) == landedMarks { // the newest one gives way: the others will be in the tables before it
			at.waiting = at.waiting[:landedMarks-1]
		}
		at.waiting = append(at.waiting, m)
	}
	for i := range at.waiting {
		if m := &at.waiting[i]; !m.processed && m.stored <= processed {
			m.processed, m.output = true, output
		}
	}
	return len(at.waiting) > 0 && at.waiting[0].processed
}

// reads says whether the source has a poller that reads tickets.
func (src *synced) reads() bool {
	return slices.ContainsFunc(src.cursors, func(c schemas.Cursor) bool { return slices.Contains(ticketResources, c.Resource) })
}

// through gives up to when the poller has read all that tickets are made of; nil as long as it has not said so.
func (src *synced) through() (through *time.Time) {
	for _, c := range src.cursors {
		if !slices.Contains(ticketResources, c.Resource) {
			continue
		}
		if c.Through == nil {
			return nil
		}
		through = earlier(through, c.Through)
	}
	return through
}

// earlier gives the earlier one of two instants, of which one may be missing.
func earlier(a, b *time.Time) *time.Time {
	if b == nil || a != nil && !b.Before(*a) {
		return a
	}
	at := b.UTC()
	return &at
}
