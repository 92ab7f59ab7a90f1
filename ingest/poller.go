package ingest

import (
	"context"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/rs/zerolog"

	"deskstream/schemas"
)

// Poller reads every connected source on a schedule of its own per resource. It is the truth of the pipeline: webhooks are only faster.
// Store, Sources, Clients, Metrics and Now must be set. Run it once; the other methods are safe for concurrent use. Several processes may
// poll the same sources: pages are stored with a compare-and-set on the cursor, and whoever comes second discards its page.
type Poller struct {
	Store   Store
	Sources *Directory
	Clients *Clients
	Metrics *Metrics
	Now     func() time.Time
	Log     zerolog.Logger

	// Intervals replaces the default interval of a resource, see Intervals().
	Intervals map[string]time.Duration
	// Clock drives the schedule; nil = the real one. It must agree with Now.
	Clock clockwork.Clock
	// PageSize is the number of rows asked for at a time; 0 = 1000, which is also the most Zendesk gives.
	PageSize int
	// Retry is how soon a failing resource is tried again (0 = 30 s); it doubles with each failure up to the resource's interval or
	// 15 minutes, whichever is less.
	Retry time.Duration

	once sync.Once
	wake chan struct{}

	mu      sync.Mutex
	runners map[string]*runner // by source id
}

const (
	maxPageSize  = 1000
	defaultRetry = 30 * time.Second
	longestRetry = 15 * time.Minute
)

func (p *Poller) defaults() {
	setDefault(&p.PageSize, maxPageSize)
	setDefault(&p.Retry, defaultRetry)
	if p.Clock == nil {
		p.Clock = clockwork.NewRealClock()
	}
	p.wake = make(chan struct{}, 1)
	p.runners = map[string]*runner{}
}

// Run polls until ctx ends and returns when all of it has stopped.
func (p *Poller) Run(ctx context.Context) error {
	p.once.Do(p.defaults)
	p.Sources.Watch(func(schemas.Source, bool) { signal(p.wake) })
	for {
		p.reconcile(ctx)
		select {
		case <-ctx.Done():
			p.stopAll()
			return nil
		case <-p.wake:
		}
	}
}

// reconcile starts and stops runners until they are those of the sources to be read, and tells the running ones that a record changed. A
// source that must be authorized again stands still until its record changes.
func (p *Poller) reconcile(ctx context.Context) {
	wanted := map[string]schemas.Source{}
	for _, s := range p.Sources.Sources() {
		if s.Missing() == "" {
			wanted[s.ID] = s
		}
	}
	p.mu.Lock()
	var stopped []*runner
	for id, r := range p.runners {
		if _, ok := wanted[id]; !ok {
			stopped = append(stopped, r)
			delete(p.runners, id)
		}
	}
	for id, s := range wanted {
		if r := p.runners[id]; r != nil {
			r.update(s)
			continue
		}
		p.runners[id] = newRunner(p, s)
		p.runners[id].start(ctx)
	}
	p.mu.Unlock()
	for _, r := range stopped {
		r.stop()
	}
}

func (p *Poller) stopAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, r := range p.runners {
		r.stop()
		delete(p.runners, id)
	}
}

func (p *Poller) runner(source string) *runner {
	p.once.Do(p.defaults)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.runners[source]
}

// Kick makes resources of a source run now; none named means all but the daily contact sync with its memberships and the count of tickets. It
// returns at once and does nothing for a source that is not polled here.
func (p *Poller) Kick(source string, names ...string) {
	r := p.runner(source)
	if r == nil {
		return
	}
	if len(names) == 0 {
		for _, res := range resources {
			if res.name != schemas.ResourceUsers && res.name != schemas.ResourceMemberships && res.name != schemas.ResourceTicketCounts {
				names = append(names, res.name)
			}
		}
	}
	r.ask(names)
}

func (p *Poller) interval(r resource) time.Duration {
	if d := p.Intervals[r.name]; d > 0 {
		return d
	}
	return r.interval
}
