package reports

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"deskstream/schemas"
)

const (
	// audienceLook is how often people that changed are looked for.
	audienceLook = time.Second
	// audienceLag is how long what was published is not relied on to be in the table of members.
	audienceLag = 10 * time.Minute
	// audienceWindow bounds the people looked at in one round, audienceChunk those evaluated together.
	audienceWindow = 3000
	audienceChunk  = 1000
	namesFresh     = time.Minute
)

// audienceWorker evaluates audiences for people that changed, and for everybody when an audience is new and when a day begins. It only
// publishes what it finds; the processor decides what is news, so that a second worker does no harm. It is not safe for concurrent use.
type audienceWorker struct {
	*server
	started  time.Time
	accounts []string
	names    filterNames
	index    audienceIndex              // of parsed
	known    time.Time                  // when names were read
	parsed   map[string]*parsedAudience // by id
	told     map[string]time.Time       // people by account and user: when something was published about them
	passed   map[string]time.Time       // audiences by id: when everybody was evaluated
	retry    map[string]time.Time       // audiences by id: when to try again to evaluate everybody
}

// parsedAudience is an audience with its filter read.
type parsedAudience struct {
	schemas.Audience
	filter *schemas.Filter // nil = it cannot be evaluated
	need   filterNeeds     // of the filter, now
	fires  []string        // activities that make people enter
}

func newAudienceWorker(s *server) *audienceWorker {
	return &audienceWorker{
		server: s, started: s.Now(), parsed: map[string]*parsedAudience{}, told: map[string]time.Time{}, passed: map[string]time.Time{},
		retry: map[string]time.Time{},
	}
}

// RunAudiences evaluates audiences until ctx ends. Calling it for several APIs at a time is of no use and does no harm.
func (a *API) RunAudiences(ctx context.Context) error {
	w := newAudienceWorker(a.server)
	tick := time.NewTicker(audienceLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
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
	if err := w.load(ctx); err != nil {
		return false, err
	}
	before := e
	before.Passed = maps.Clone(e.Passed)
	w.passes(ctx, &e)
	if more, err = w.changes(ctx, &e); err != nil {
		return false, err
	}
	if before.Seq == e.Seq && before.Day == e.Day && maps.Equal(before.Passed, e.Passed) {
		return false, nil
	}
	return more, w.putEvaluation(ctx, &e)
}

// load reads the audiences and, when there is a new one and now and then, what filters can speak of.
func (w *audienceWorker) load(ctx context.Context) error {
	all, err := w.everyAudience(ctx)
	if err != nil {
		return err
	}
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
	w.parsed = parsed
	from := reach(w.Now(), w.Location)
	evaluated := w.choose(func(a *parsedAudience) bool { return a.filter != nil })
	for _, a := range evaluated {
		a.need = filterNeeds{}
		a.need.add(a.filter, from)
	}
	w.index = newAudienceIndex(evaluated)
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
	w.known = w.Now()
	maps.DeleteFunc(w.told, func(_ string, at time.Time) bool { return w.known.Sub(at) > audienceLag })
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

// changedUser is a user whose person may have changed.
type changedUser struct {
	Account string `ch:"account"`
	UserID  int64  `ch:"user_id"`
	Seq     uint64 `ch:"seq"`

	What []string `ch:"what"`
}

// changes evaluates the people that changed since the position that was reached, and moves it.
func (w *audienceWorker) changes(ctx context.Context, e *evaluation) (more bool, err error) {
	written, err := w.Events.Written(ctx)
	if err != nil {
		return false, err
	}
	if written < e.Seq {
		e.Seq = 0 // the stream was made anew
	}
	if written == e.Seq {
		return false, nil
	}
	from, to := e.Seq, written
	if len(w.index.lasting)+len(w.index.firing) > 0 {
		if to, err = w.evaluateChanges(ctx, from, written); err != nil {
			return false, err
		}
	}
	e.Seq = to
	return to < written, nil
}

// evaluateChanges evaluates who changed behind from, and tells up to where: at most written.
func (w *audienceWorker) evaluateChanges(ctx context.Context, from, written uint64) (uint64, error) {
	p := w.span(from, written)
	p.int("limit", audienceWindow)
	p.flag("organization_figures", slices.ContainsFunc(w.index.lasting, func(a *parsedAudience) bool { return a.need.organizationFigures }))
	rows, err := list[changedUser](ctx, w.server, "audience_changes", sqlText("audience_changes"), p)
	if err != nil {
		return from, err
	}
	to := written
	if len(rows) >= audienceWindow {
		to = rows[len(rows)-1].Seq
	}
	news, err := w.news(ctx, from, to)
	if err != nil {
		return from, err
	}
	for users := range slices.Chunk(w.concerned(rows, news), audienceChunk) {
		if err := w.evaluate(ctx, users, news); err != nil {
			return from, err
		}
	}
	return to, nil
}

// concerned gives the users whose changes can matter to any audience.
func (w *audienceWorker) concerned(rows []changedUser, news map[string][]newActivity) []changedUser {
	return slices.DeleteFunc(rows, func(r changedUser) bool {
		return len(w.index.touched(r.What)) == 0 && len(news[userKey(r.Account, r.UserID)]) == 0
	})
}

func (w *audienceWorker) span(from, to uint64) params {
	p := params{}
	p.texts("accounts", w.accounts)
	p.int("from", int64(from))
	p.int("to", int64(to))
	p.time("now", w.Now())
	return p
}

// evaluate evaluates the people of some users and publishes what differs from the table of members, or may do so.
func (w *audienceWorker) evaluate(ctx context.Context, users []changedUser, news map[string][]newActivity) error {
	at := w.Now()
	people, err := w.concernedPeople(ctx, users, news)
	if err != nil || len(people) == 0 {
		return err
	}
	members, err := w.members(ctx, people)
	if err != nil {
		return err
	}
	var events []schemas.Event
	for _, c := range people {
		v := w.verdict(c, members[c.who], at)
		v.Fired = w.fired(c, at)
		if len(v.In)+len(v.Out)+len(v.Fired) == 0 {
			continue
		}
		e, err := apiEvent(c.who.account, c.who.source(), schemas.KindAudience, at, v)
		if err != nil {
			return err
		}
		events = append(events, e)
		w.told[userKey(c.who.account, c.who.userIDs[0])] = at
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
func (w *audienceWorker) verdict(c *concerned, member map[string]bool, at time.Time) schemas.AudienceVerdict {
	v := schemas.AudienceVerdict{ID: schemas.ZID(c.who.userIDs[0]), At: at}
	unsure := at.Sub(w.started) < audienceLag || at.Sub(w.told[userKey(c.who.account, c.who.userIDs[0])]) < audienceLag
	for _, a := range c.touched {
		in := !c.who.Archived && w.Match(a.filter, c.person, at, w.Location)
		if in == member[a.ID] && !unsure && at.Sub(w.passed[a.ID]) >= audienceLag {
			continue
		}
		if in {
			v.In = append(v.In, a.ref())
		} else {
			v.Out = append(v.Out, a.ref())
		}
	}
	return v
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

// members gives the audiences that people are in as the table has it, under any of their own ids.
func (w *audienceWorker) members(ctx context.Context, people []*concerned) (map[*person]map[string]bool, error) {
	owners := map[string]*person{}
	var ids []string
	touched := map[string]bool{}
	for _, c := range people {
		for _, id := range append(slices.Clone(c.who.ownIDs), c.who.ID) {
			owners[c.who.account+" "+id] = c.who
			ids = append(ids, id)
		}
		for _, a := range c.touched {
			touched[a.ID] = true
		}
	}
	audiences := slices.Sorted(maps.Keys(touched))
	p := params{}
	p.texts("accounts", w.accounts)
	p.texts("audiences", audiences)
	p.texts("persons", ids)
	rows, err := list[schemas.AudienceMember](ctx, w.server, "audience_of_people", sqlText("audience_of_people"), p)
	out := map[*person]map[string]bool{}
	for _, r := range rows {
		who := owners[r.Account+" "+r.PersonID]
		if out[who] == nil {
			out[who] = map[string]bool{}
		}
		out[who][r.AudienceID] = true
	}
	return out, err
}
