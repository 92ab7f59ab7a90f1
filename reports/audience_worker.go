package reports

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/jonboulle/clockwork"

	"deskstream/schemas"
)

const (
	// audienceLook is how often people that changed are looked for.
	audienceLook = time.Second
	// audienceLag is how long what was published is not relied on to be in the table of members.
	audienceLag = 10 * time.Minute
	// audienceChunk bounds the people that are evaluated together.
	audienceChunk = 1000
	namesFresh    = time.Minute
	// audiencesFresh is after what time audiences that another process stored are seen at the latest.
	audiencesFresh = 5 * time.Second
	// recallSettles is how long audiences must have been the same before what they look at is read into memory anew, recallFull how long
	// after there was no room for it that is tried again.
	recallSettles = time.Minute
	recallFull    = time.Hour
)

// audienceWorker evaluates audiences for people that changed, and for everybody when an audience is new and when a day begins. It only
// publishes what it finds; the processor decides what is news, so that a second worker does no harm. It is not safe for concurrent use.
type audienceWorker struct {
	*server
	started  time.Time
	day      string // the date in the account's zone, as it was looked at last
	listed   []schemas.Audience
	listedAt time.Time
	// unreadable are the ids of the audiences that were not listed, because their records cannot be read.
	unreadable []string
	edits      int64 // of the server, when they were listed
	accounts   []string
	names      filterNames
	index      audienceIndex // of parsed
	known      time.Time     // when names were read
	plan       *rosterPlan   // what the audiences look at
	planned    string        // the day on which that was found out
	book       nameBook      // names that activities have

	roster       *roster // nil = people are read as they change
	generation   uint64  // of the stream, as far as its rows told: what is read into memory may hold only older ones
	rosterKey    string  // what a roster depends on beside the plan
	recalled     bool    // there was a roster
	recallAt     time.Time
	mostInRoster uint64

	parsed   map[string]*parsedAudience // by id
	told     map[userRef]time.Time      // people by their first user: when something was published about them
	passedAt map[string]time.Time       // audiences by id: when everybody was evaluated
	retry    map[string]time.Time       // audiences by id: when to try again to evaluate everybody
}

// parsedAudience is an audience with its filter read.
type parsedAudience struct {
	schemas.Audience
	filter *schemas.Filter // nil = it cannot be evaluated
	need   filterNeeds     // of the filter, now
	fires  []string        // activities that make people enter
	bit    int             // its place in the roster, if there is one
}

func newAudienceWorker(s *server) *audienceWorker {
	return &audienceWorker{
		server: s, started: s.Now(), day: s.today(), parsed: map[string]*parsedAudience{}, told: map[userRef]time.Time{},
		passedAt: map[string]time.Time{}, retry: map[string]time.Time{}, mostInRoster: mostInRoster,
	}
}

// RunAudiences evaluates audiences by a clock (nil = the real one), which must agree with Options.Now, until ctx ends. Calling it for several
// APIs at a time is of no use and does no harm.
func (a *API) RunAudiences(ctx context.Context, clock clockwork.Clock) error {
	if clock == nil {
		clock = clockwork.NewRealClock()
	}
	hours := make(chan struct{}, 1)
	schedule, err := scheduleDays(clock, a.server.Location, hours)
	if err != nil {
		return fmt.Errorf("audiences: %w", err)
	}
	newAudienceWorker(a.server).run(ctx, clock, hours)
	if err := schedule.Shutdown(); err != nil {
		return fmt.Errorf("audiences: %w", err)
	}
	return nil
}

// scheduleDays tells at each full hour of a zone that a day may have begun: at midnight it has, and after the machine slept or its clock was
// set another hour finds it.
func scheduleDays(clock clockwork.Clock, zone *time.Location, hours chan<- struct{}) (gocron.Scheduler, error) {
	s, err := gocron.NewScheduler(gocron.WithClock(clock), gocron.WithLocation(zone))
	if err != nil {
		return nil, fmt.Errorf("scheduler: %w", err)
	}
	_, err = s.NewJob(gocron.CronJob("0 * * * *", false), gocron.NewTask(func() {
		select {
		case hours <- struct{}{}:
		default: // it knows already
		}
	}))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("job of the days: %w", err), s.Shutdown())
	}
	s.Start()
	return s, nil
}

// run evaluates now and then, and when a day begins, until ctx ends.
func (w *audienceWorker) run(ctx context.Context, clock clockwork.Clock, hours <-chan struct{}) {
	tick := clock.NewTicker(audienceLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hours:
			w.day = w.today()
		case <-tick.Chan():
		}
		for more := true; more && ctx.Err() == nil; {
			var err error
			if more, err = w.round(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, schemas.ErrFenced) {
				w.Log.Warn().Err(err).Msg("audiences were not evaluated, will try again")
			}
		}
	}
}

// round evaluates what there is to evaluate; more says that it did not get to the end.
func (w *audienceWorker) round(ctx context.Context) (more bool, err error) {
	e, err := w.evaluation(ctx)
	if err != nil || e.revision == 0 {
		return false, err // there was never an audience
	}
	if err := w.load(ctx, e.Seq); err != nil {
		return false, err
	}
	before := e
	before.Passed = maps.Clone(e.Passed)
	if more, err = w.changes(ctx, &e); err != nil {
		return false, err
	}
	w.passes(ctx, &e)
	if before.Seq == e.Seq && before.Day == e.Day && maps.Equal(before.Passed, e.Passed) {
		return false, nil
	}
	return more, w.putEvaluation(ctx, &e)
}

// load reads the audiences and, when there is a new one and now and then, what filters can speak of. Changes up to a position are evaluated.
func (w *audienceWorker) load(ctx context.Context, evaluated uint64) error {
	if err := w.list(ctx); err != nil {
		return err
	}
	all := w.listed
	stale := w.Now().Sub(w.known) >= namesFresh
	parsed := map[string]*parsedAudience{}
	for _, a := range all {
		if p := w.parsed[a.ID]; p != nil && p.Generation == a.Generation {
			parsed[a.ID] = p
		} else {
			stale = true
		}
	}
	if stale {
		if err := w.learn(ctx); err != nil {
			return err
		}
	}
	for _, a := range all {
		if p := parsed[a.ID]; p == nil || p.filter == nil && stale {
			parsed[a.ID] = w.parse(a)
		}
	}
	if w.plan != nil && !stale && len(parsed) == len(w.parsed) && w.planned == w.day {
		return nil
	}
	w.parsed = parsed
	return w.replan(ctx, evaluated)
}

// list reads the audiences when one was stored here, and now and then.
func (w *audienceWorker) list(ctx context.Context) (err error) {
	edits := w.audienceEdits.Load()
	if w.edits == edits && w.Now().Sub(w.listedAt) < audiencesFresh {
		return nil
	}
	if w.listed, w.unreadable, err = w.everyAudience(ctx); err == nil {
		w.edits, w.listedAt = edits, w.Now()
	}
	return err
}

// replan finds out what the audiences look at. Changes up to a position are evaluated.
func (w *audienceWorker) replan(ctx context.Context, evaluated uint64) error {
	from := reach(w.Now(), w.Location)
	readable := w.choose(func(a *parsedAudience) bool { return a.filter != nil })
	for _, a := range readable {
		a.need = filterNeeds{}
		a.need.add(a.filter, from)
	}
	w.index, w.planned = newAudienceIndex(readable), w.day
	before := w.plan
	w.plan = newRosterPlan(readable, w.names, from)
	if before != nil && w.recalled && !before.covers(w.plan) {
		w.recallAt = w.Now().Add(recallSettles)
	}
	if before == nil || !slices.Equal(before.names, w.plan.names) {
		return w.readNames(ctx, evaluated)
	}
	return nil
}

// learn reads what filters can speak of.
func (w *audienceWorker) learn(ctx context.Context) (err error) {
	if w.accounts, err = w.server.accounts(ctx); err != nil {
		return err
	}
	if w.names, err = w.filterNames(ctx, w.accounts); err != nil {
		return err
	}
	sources, err := w.Sources.Sources(ctx)
	if err != nil {
		return storeError(err)
	}
	w.rosterKey = strings.Join(w.accounts, " ")
	for i := range sources {
		w.rosterKey += "\n" + sources[i].Account + jsonText(sources[i].Retention)
	}
	w.known = w.Now()
	maps.DeleteFunc(w.told, func(_ userRef, at time.Time) bool { return w.known.Sub(at) > audienceLag })
	return nil
}

// parse reads an audience's filter. One that speaks of something that is not there any more has none.
func (w *audienceWorker) parse(a schemas.Audience) *parsedAudience {
	p := &parsedAudience{Audience: a}
	if a.Deleted {
		return p
	}
	f, err := schemas.ParseFilter(a.Filter, "filter", w.names)
	if err != nil {
		w.Log.Warn().Err(err).Str("audience", a.ID).Msg("the filter cannot be evaluated, its members stay as they are")
		return p
	}
	p.filter, p.fires = f, f.Fires()
	if w.roster != nil {
		p.bit = w.roster.place(a.ID)
	}
	return p
}

// choose gives audiences by id.
func (w *audienceWorker) choose(fits func(*parsedAudience) bool) []*parsedAudience {
	var out []*parsedAudience
	for _, id := range slices.Sorted(maps.Keys(w.parsed)) {
		if fits(w.parsed[id]) {
			out = append(out, w.parsed[id])
		}
	}
	return out
}

func (a *parsedAudience) ref() schemas.AudienceRef {
	return schemas.AudienceRef{ID: a.ID, Generation: a.Generation}
}

// changes evaluates the people that changed since the position that was reached, and moves it.
func (w *audienceWorker) changes(ctx context.Context, e *evaluation) (more bool, err error) {
	written, err := w.Events.Written(ctx)
	if err != nil {
		return false, err
	}
	if written < e.Seq {
		e.Seq = 0 // the stream was made anew
		w.forget()
	}
	if written, err = w.recall(ctx, written); err != nil {
		return false, err
	}
	if w.roster != nil && written < w.roster.settled {
		return false, nil // what is read next would be older than what is in memory
	}
	from := e.Seq
	if w.roster != nil {
		from = min(from, w.roster.at) // another worker may have moved the position
	}
	if written <= from {
		return false, nil
	}
	to := written
	if len(w.index.lasting)+len(w.index.firing) > 0 {
		if to, err = w.evaluateChanges(ctx, e, from, written); err != nil {
			return false, err
		}
	}
	e.Seq = max(e.Seq, to)
	return to < written, nil
}

// recall sees to it that what audiences look at of people is in memory. When there are audiences that look at more than what is there, it is
// read anew once no other one came for a while: until then people are read as they change. It gives the position that the tables have reached
// then.
func (w *audienceWorker) recall(ctx context.Context, written uint64) (uint64, error) {
	if r := w.roster; r != nil {
		if r.key == w.rosterKey && r.day == w.day && r.plan.covers(w.plan) {
			return written, nil
		}
		w.forget() // before another one is read, so that there is room
	}
	if len(w.index.lasting)+len(w.index.firing) == 0 || w.Now().Before(w.recallAt) {
		return written, nil
	}
	start := time.Now()
	r, err := w.loadRoster(ctx, written)
	switch {
	case err != nil && ctx.Err() == nil:
		w.Log.Warn().Err(err).Msg("what audiences look at of people could not be read into memory, will try again; until then they are read as they change")
		w.recallAt = w.Now().Add(recallSettles)
	case err == nil && r == nil:
		w.Log.Warn().Uint64("most", w.mostInRoster).Msg("there are too many people to keep in memory what audiences look at; they are read as they change, which costs more")
		w.recallAt = w.Now().Add(recallFull)
	}
	if err != nil || r == nil {
		w.forget()
		return written, ctx.Err()
	}
	w.roster, w.recalled = r, true
	kept := r.bytes()
	w.Keeps(kept + kept/4) // it grows
	w.metrics.users.Set(float64(len(r.rows)))
	w.metrics.memory.Set(float64(kept))
	w.Log.Info().Int("users", len(r.rows)).Dur("took_ms", time.Since(start)).Msg("what audiences look at of people is in memory")
	return w.Events.Written(ctx)
}

// forget gives up what is in memory.
func (w *audienceWorker) forget() {
	w.roster = nil
	w.Keeps(0)
	w.metrics.users.Set(0)
	w.metrics.memory.Set(0)
}

// evaluateChanges evaluates who changed behind from, and tells up to where: at most written. After people were read into memory nobody is
// evaluated before all rows that were in the tables then have come, because some of those that come are older.
func (w *audienceWorker) evaluateChanges(ctx context.Context, e *evaluation, from, written uint64) (to uint64, err error) {
	changes := &userChanges{byUser: map[userRef]*userChange{}}
	var activities []changedActivityRow
	to = from
	for more := true; more; {
		rows, err := w.rowsBetween(ctx, to, written)
		if err != nil {
			return from, err
		}
		w.rename(rows.names, e)
		if err := w.follow(ctx, rows, changes); err != nil {
			return from, err
		}
		activities = append(activities, rows.activities...)
		more = w.roster != nil && rows.to < w.roster.settled && rows.to > to
		to = rows.to
	}
	changes.addNews(activities, &w.index, w.book, w.Now())
	for users := range slices.Chunk(w.concerning(changes.order), audienceChunk) {
		if err := w.evaluate(ctx, users); err != nil {
			return from, err
		}
	}
	return to, nil
}

// follow collects what rows change about users, and brings them into the memory.
func (w *audienceWorker) follow(ctx context.Context, rows *changedRows, changes *userChanges) error {
	rows.changes(changes)
	organizations := rows.touchedOrganizations(w.plan.organizationFigures)
	if w.roster == nil {
		for i := range rows.activities {
			changes.addActivity(&rows.activities[i])
		}
		return w.readPeopleOf(ctx, organizations, changes)
	}
	if err := w.roster.take(rows, changes); err != nil {
		w.generation = w.roster.generation
		w.forget()
		return err
	}
	w.metrics.users.Set(float64(len(w.roster.rows)))
	w.roster.peopleOf(organizations, changes)
	if !w.plan.organizationFigures || len(organizations) == 0 {
		return nil
	}
	return w.readFigures(ctx, w.roster, organizations)
}

// concerning gives the users whose changes can matter to any audience.
func (w *audienceWorker) concerning(users []*userChange) []*userChange {
	return slices.DeleteFunc(users, func(u *userChange) bool { return len(u.news) == 0 && len(w.index.touched(u.what)) == 0 })
}

// evaluate evaluates the people of some users and publishes what differs from the table of members, or may do so.
func (w *audienceWorker) evaluate(ctx context.Context, users []*userChange) (err error) {
	at := w.Now()
	var people []*concerned
	if w.roster != nil {
		people = w.roster.people(users, &w.index)
	} else if people, err = w.readPeople(ctx, users); err != nil {
		return err
	}
	var events []schemas.Event
	for _, c := range people {
		v := w.verdict(c, at)
		v.Fired = w.fired(c, at)
		if len(v.In)+len(v.Out)+len(v.Fired) == 0 {
			continue
		}
		e, err := apiEvent(c.who.account, c.who.source(), schemas.KindAudience, at, v)
		if err != nil {
			return err
		}
		events = append(events, e)
		w.told[c.ref()] = at
	}
	return w.publish(ctx, events)
}

func (w *audienceWorker) publish(ctx context.Context, events []schemas.Event) error {
	if len(events) == 0 {
		return nil
	}
	if err := w.Events.Publish(ctx, events...); err != nil {
		return fmt.Errorf("verdicts about %d people: %w", len(events), err)
	}
	return nil
}

// verdict says what differs from what the table of members has. Where something was published just before, the table may not have it yet:
// then all is told.
func (w *audienceWorker) verdict(c *concerned, at time.Time) schemas.AudienceVerdict {
	v := schemas.AudienceVerdict{ID: schemas.ZID(c.who.userIDs[0]), At: at}
	unsure := at.Sub(w.started) < audienceLag || w.unsure(c, at)
	for _, a := range c.touched {
		in := !c.who.Archived && w.Match(a.filter, c.person, at, w.Location)
		if in != c.member(a) || unsure || at.Sub(w.passedAt[a.ID]) < audienceLag {
			a.tell(&v, in)
		}
	}
	return v
}

// unsure says whether the table of members may not have yet what was published about a person.
func (w *audienceWorker) unsure(c *concerned, at time.Time) bool {
	told, ok := w.told[c.ref()]
	return ok && at.Sub(told) < audienceLag
}

// tell adds to a verdict whether its person is in the audience.
func (a *parsedAudience) tell(v *schemas.AudienceVerdict, in bool) {
	if in {
		v.In = append(v.In, a.ref())
	} else {
		v.Out = append(v.Out, a.ref())
	}
}

// fired gives the activities that make a person enter audiences.
func (w *audienceWorker) fired(c *concerned, at time.Time) []schemas.AudienceFiring {
	var out []schemas.AudienceFiring
	if c.who.Archived {
		return nil
	}
	for _, x := range c.news {
		bound := *c.person
		bound.News = &x.seen
		for _, a := range w.index.byActivity[x.Activity.Activity] {
			if x.OccurredAt.Unix() >= a.Since.Unix() && w.Match(a.filter, &bound, at, w.Location) {
				out = append(out, schemas.AudienceFiring{Audience: a.ID, Since: a.Since, Activity: x.Activity})
			}
		}
	}
	return out
}
