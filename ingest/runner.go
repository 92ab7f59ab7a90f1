package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-co-op/gocron/v2"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/rs/zerolog"

	"deskstream/schemas"
)

// Sizes of what a runner remembers to save work. Forgetting costs a request or an event that is known already, never data.
const (
	rememberEvents  = 50_000
	rememberUsers   = 200_000
	rememberTickets = 50_000
)

// runner polls one source.
type runner struct {
	p      *Poller
	source atomic.Pointer[schemas.Source]
	log    zerolog.Logger
	cancel context.CancelFunc
	work   sync.WaitGroup
	wake   chan struct{} // the record changed
	asked  chan struct{} // a resource was asked for
	nudges *Nudges       // objects of this source to fetch early

	seen    *lru.Cache[string, struct{}] // ids of events stored
	users   *lru.Cache[int64, int64]     // users stored, with the time of their version; 0 = asked for in vain
	audited *lru.Cache[int64, struct{}]  // tickets whose whole history was read

	roster      roster
	schedules   timetable
	deletedOrgs map[schemas.ZID]*deletedOrg          // guarded by the run of the organizations; nil before its first run
	absorbers   *lru.Cache[schemas.ZID, schemas.ZID] // of organizations deleted long ago; 0 = none

	mu       sync.Mutex
	states   map[string]*pollState
	jobs     map[string]gocron.Job
	contacts time.Time // the contact export was read up to here
}

// pollState is what a runner keeps of one resource.
type pollState struct {
	running  sync.Mutex // held by the run
	size     int        // rows to ask for; guarded by running
	failures int        // in a row; guarded by running
	fenced   int        // runs in a row that another writer was faster than; guarded by running
	paused   pausedAt   // guarded by running
	began    time.Time  // the newest back-fill that was read from its beginning; guarded by running
	next     time.Time  // when it is due, zero = now; guarded by runner.mu
	asked    bool       // to run as soon as the schedule stands; guarded by runner.mu
}

// pausedAt says which revision of the cursor of a run a told pause replaced, and by which.
type pausedAt struct{ from, to uint64 }

// current gives the cursor of a run the revision that is stored now, when all that changed is that a pause was told.
func (p *pollState) current(cur schemas.Cursor) schemas.Cursor {
	if cur.Revision == p.paused.from && p.paused.to != 0 {
		cur.Revision = p.paused.to
	}
	return cur
}

func newRunner(p *Poller, s schemas.Source) *runner {
	r := &runner{
		p: p, log: p.Log.With().Str("source", s.ID).Logger(), wake: make(chan struct{}, 1), asked: make(chan struct{}, 1), nudges: NewNudges(0),
		states: map[string]*pollState{}, jobs: map[string]gocron.Job{},
	}
	// The sizes are positive constants, the only thing New refuses is another.
	r.seen, _ = lru.New[string, struct{}](rememberEvents)
	r.users, _ = lru.New[int64, int64](rememberUsers)
	r.audited, _ = lru.New[int64, struct{}](rememberTickets)
	r.absorbers, _ = lru.New[schemas.ZID, schemas.ZID](maxDeletedOrgs)
	for _, res := range resources {
		r.states[res.name] = &pollState{size: p.PageSize}
	}
	r.source.Store(&s)
	return r
}

func (r *runner) start(ctx context.Context) {
	ctx, r.cancel = context.WithCancel(ctx)
	r.work.Go(func() { r.run(ctx) })
	r.work.Go(func() { r.fetchNudges(ctx) })
}

func (r *runner) stop() {
	r.cancel()
	r.work.Wait()
}

// update takes the new record of the source over; cursors that were marked meanwhile run at once.
func (r *runner) update(s schemas.Source) {
	if before := r.source.Swap(&s); before.Revision == s.Revision {
		return
	}
	signal(r.wake)
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run reads everything that is due once, in order, and then keeps the schedule.
func (r *runner) run(ctx context.Context) {
	if !r.loadDue(ctx) {
		return
	}
	for _, res := range resources {
		if r.isDue(res.name) {
			r.poll(ctx, res, true)
		}
	}
	if ctx.Err() != nil {
		return
	}
	scheduler, err := r.schedule(ctx)
	if err != nil {
		r.log.Error().Err(err).Msg("schedule of the source could not be made")
		return
	}
	r.keep(ctx)
	if err := scheduler.Shutdown(); err != nil {
		r.log.Warn().Err(err).Msg("schedule of the source did not stop cleanly")
	}
}

// keep runs what is due outside the schedule: cursors marked by a resync, failing resources, and what was asked for.
func (r *runner) keep(ctx context.Context) {
	ticker := r.p.Clock.NewTicker(r.p.Retry)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
			if !r.loadDue(ctx) {
				return
			}
		case <-r.asked:
		case <-ticker.Chan():
		}
		r.kick(r.takeDue())
	}
}

// ask has resources run soon, and returns at once.
func (r *runner) ask(names []string) {
	r.mu.Lock()
	for _, name := range names {
		if state := r.states[name]; state != nil {
			state.asked = true
		}
	}
	r.mu.Unlock()
	signal(r.asked)
}

// takeDue gives the resources that are due or asked for, in their order.
func (r *runner) takeDue() (names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.p.Now()
	for _, res := range resources {
		state := r.states[res.name]
		if state.asked || !state.next.After(now) {
			names = append(names, res.name)
		}
		state.asked = false
	}
	return names
}

// loadDue reads from the stored cursors when each resource is due. It is false when ctx ended before the store answered.
func (r *runner) loadDue(ctx context.Context) bool {
	for {
		cursors, err := r.p.Store.Cursors(ctx, r.source.Load().ID)
		if err == nil {
			for _, cur := range cursors {
				r.sawContacts(cur)
				if state := r.states[cur.Resource]; state != nil {
					r.mu.Lock()
					state.next = r.nextRun(cur)
					r.mu.Unlock()
				}
			}
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		r.log.Warn().Err(err).Msg("cursors of the source not readable")
		if schemas.Wait(ctx, time.Second) != nil {
			return false
		}
	}
}

// nextRun gives when a resource is due by its cursor, zero = now. A run that is further away than any is put was put there by a clock that was ahead.
func (r *runner) nextRun(cur schemas.Cursor) time.Time {
	res, _ := findResource(cur.Resource)
	next, longest := timeOf(cur.NextRunAt), r.p.interval(res)
	if cur.State == "running" {
		longest = max(longest, maxPause) // it waits for Zendesk's limit
	}
	if next.After(r.p.Now().Add(longest + longest/2)) { // the clocks of several pollers differ a little
		return time.Time{}
	}
	return next
}

func (r *runner) isDue(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.states[name].next.After(r.p.Now())
}

// schedule gives every resource a job; the first run is when the stored cursor says.
func (r *runner) schedule(ctx context.Context) (gocron.Scheduler, error) {
	s, err := gocron.NewScheduler(gocron.WithClock(r.p.Clock), gocron.WithLocation(time.UTC), gocron.WithStopTimeout(20*time.Second))
	if err != nil {
		return nil, fmt.Errorf("scheduler: %w", err)
	}
	jobs := make(map[string]gocron.Job, len(resources))
	for _, res := range resources {
		r.mu.Lock()
		next := r.states[res.name].next
		r.mu.Unlock()
		start := gocron.WithStartImmediately()
		if next.After(r.p.Clock.Now()) {
			start = gocron.WithStartDateTimePast(next)
		}
		job, err := s.NewJob(
			gocron.DurationJob(r.p.interval(res)), gocron.NewTask(func() { r.poll(ctx, res, false) }), gocron.WithName(res.name),
			gocron.WithSingletonMode(gocron.LimitModeReschedule), gocron.WithStartAt(start),
		)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("job %s: %w", res.name, err), s.Shutdown())
		}
		jobs[res.name] = job
	}
	s.Start()
	// Nobody may ask for a run earlier: a scheduler that has not started would wait for ever.
	r.mu.Lock()
	defer r.mu.Unlock()
	r.jobs = jobs
	return s, nil
}

// kick runs resources now, in their order, each beside its schedule. A resource that is running is left to finish. Before the schedule
// stands everything is read anyway.
func (r *runner) kick(names []string) {
	for _, name := range names {
		r.mu.Lock()
		job := r.jobs[name]
		r.states[name].next = time.Time{}
		r.mu.Unlock()
		if job == nil {
			continue
		}
		if err := job.RunNow(); err != nil {
			r.log.Debug().Err(err).Str("resource", name).Msg("poll not started early")
		}
	}
}

// poll runs one resource once, unless it runs already, or unless another process ran it a moment ago and now is not forced.
func (r *runner) poll(ctx context.Context, res resource, forced bool) {
	state := r.states[res.name]
	if ctx.Err() != nil || !state.running.TryLock() {
		return
	}
	defer state.running.Unlock()
	began := r.p.Now()
	cur, err := r.cursor(ctx, res)
	if err != nil {
		r.log.Warn().Err(err).Str("resource", res.name).Msg("cursor not readable")
		return
	}
	state.paused = pausedAt{}
	r.mu.Lock()
	forced = forced || state.next.IsZero()
	r.mu.Unlock()
	r.readAnew(res, state, cur)
	if next := r.nextRun(cur); !forced && next.After(began.Add(r.p.interval(res)/2)) {
		r.mu.Lock()
		state.next = next
		r.mu.Unlock()
		return
	}
	if res.name == schemas.ResourceOrganizations && r.deletedOrgs == nil {
		r.deletedOrgs, cur = map[schemas.ZID]*deletedOrg{}, lookBack(cur, began)
	}
	cur, err = r.read(ctx, res, state, cur)
	if res.name == schemas.ResourceSchedules && res.unavailable(err) {
		cur, err = r.noSchedules(ctx, res, cur, err)
	}
	if ctx.Err() != nil {
		return // What was read is stored; the rest is read after the next start.
	}
	r.finish(ctx, res, state, cur, began, err)
}

// readAnew forgets what was stored when a back-fill begins: it is to go through the pipeline again, because the retention may be longer now. A
// stream that is empty keeps a cursor without a position, and begins no back-fill by it.
func (r *runner) readAnew(res resource, state *pollState, cur schemas.Cursor) {
	began := timeOf(cur.BeganAt)
	if cur.Cursor != "" || began.Equal(state.began) || res.walk == walkWhole || res.walk == walkRecent || res.walk == walkCount {
		return
	}
	state.began = began
	r.seen.Purge()
	r.audited.Purge()
	if res.name == schemas.ResourceUsers {
		r.users.Purge()
	}
}

// read reads a resource to its present end and gives its cursor as it is stored. A panic fails this run alone.
func (r *runner) read(ctx context.Context, res resource, state *pollState, cur schemas.Cursor) (schemas.Cursor, error) {
	err := guarded(r.log.With().Str("resource", res.name).Logger(), func() (err error) {
		if res.walk == walkCount {
			cur, err = r.countTickets(ctx, res, state, cur)
		} else {
			cur, err = r.walk(ctx, res, state, cur)
		}
		return err
	})
	if !errors.Is(err, errPanic) {
		return cur, err
	}
	// Pages may have been stored before it.
	stored, failure := r.cursor(ctx, res)
	if failure != nil {
		return cur, errors.Join(err, failure)
	}
	return stored, err
}

// cursor reads the stored cursor of a resource, or makes its first one.
func (r *runner) cursor(ctx context.Context, res resource) (schemas.Cursor, error) {
	cur, err := r.p.Store.Cursor(ctx, r.source.Load().ID, res.name)
	if err != nil || cur.Revision != 0 {
		return cur, err
	}
	now := r.p.Now().UTC()
	start := backfillStart(res.name, *r.source.Load(), now)
	return schemas.Cursor{Resource: res.name, State: "running", Start: &start, BeganAt: &now}, nil
}

// client gives a client for the run of a resource. How long Zendesk has it wait is told in the stored cursor.
func (r *runner) client(ctx context.Context, res resource, state *pollState, s schemas.Source) (*Client, error) {
	client, err := r.p.Clients.For(s)
	if err == nil {
		client.pausing = func(until time.Time) { r.tellPause(ctx, res, state, until) }
	}
	return client, err
}

// tellPause stores that a run waits, and until when.
func (r *runner) tellPause(ctx context.Context, res resource, state *pollState, until time.Time) {
	cur, err := r.cursor(ctx, res)
	if err != nil {
		r.log.Warn().Err(err).Str("resource", res.name).Msg("cursor not readable")
		return
	}
	before := cur.Revision
	until = until.UTC().Truncate(time.Second).Add(time.Second)
	cur.State, cur.NextRunAt, cur.LastError = "running", &until, "Zendesk limits the rate: waiting until "+until.Format(time.RFC3339)
	if cur, err = r.p.Store.PutCursor(ctx, r.source.Load().ID, cur); err != nil {
		if !errors.Is(err, schemas.ErrFenced) {
			r.log.Warn().Err(err).Str("resource", res.name).Msg("pause not stored")
		}
		return
	}
	if before != state.paused.to || before == 0 {
		state.paused.from = before
	}
	state.paused.to = cur.Revision
}

// finish stores how a run ended and when the next one is due.
func (r *runner) finish(ctx context.Context, res resource, state *pollState, cur schemas.Cursor, began time.Time, failure error) {
	interval := r.p.interval(res)
	result := "ok"
	cur.State, cur.LastError, state.failures = "idle", "", failuresAfter(state.failures, failure)
	switch {
	case failure == nil && !cur.Done: // The count waits for the tickets.
		interval = min(interval, r.p.Retry)
	case failure == nil:
	case res.unavailable(failure):
		result = "unavailable"
		cur.Done, cur.LastError, state.failures = true, "not available on this Zendesk account's plan", 0
	case errors.Is(failure, errDisconnected): // It may be connected again before this runner is told.
		result, interval = "fenced", min(interval, r.p.Retry)
	case errors.Is(failure, schemas.ErrFenced):
		result = "fenced"
		r.noteFenced(res.name, state)
	default:
		result = "failed"
		cur.State, cur.LastError = "failing", failure.Error()
		interval = min(interval, r.p.Retry<<min(state.failures-1, 10), max(longestRetry, r.p.Retry))
		r.log.Warn().Err(failure).Str("resource", res.name).Int("failures", state.failures).Msg("poll failed")
	}
	ended := r.p.Now()
	next := began.Add(interval)
	if result == "failed" {
		next = ended.Add(interval)
	}
	r.mu.Lock()
	state.next = next
	r.mu.Unlock()
	r.p.Metrics.runs.WithLabelValues(r.source.Load().Account, res.name, result).Inc()
	r.p.Metrics.took.WithLabelValues(res.name).Observe(ended.Sub(began).Seconds())
	if result == "fenced" {
		return // The record is the other's to write.
	}
	state.fenced = 0
	ranAt, nextAt := began.UTC(), next.UTC()
	cur.LastRunAt, cur.NextRunAt = &ranAt, &nextAt
	if _, err := r.p.Store.PutCursor(ctx, r.source.Load().ID, state.current(cur)); err != nil && !errors.Is(err, schemas.ErrFenced) {
		r.log.Warn().Err(err).Str("resource", res.name).Msg("end of the poll not stored")
	}
}

// fencedToTell is how many runs in a row another writer must be faster than until that is told. Between two pollers it happens now and then.
const fencedToTell = 5

// noteFenced tells once when a resource is always read by somebody else.
func (r *runner) noteFenced(resource string, state *pollState) {
	if state.fenced++; state.fenced == fencedToTell {
		r.log.Warn().Str("resource", resource).Int("polls", state.fenced).
			Msg("another process stored the position of this resource during each of the last polls: is there a second poller of this source?")
	}
}

func failuresAfter(before int, failure error) int {
	if failure == nil || errors.Is(failure, schemas.ErrFenced) {
		return 0
	}
	return before + 1
}
