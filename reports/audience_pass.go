package reports

import (
	"context"
	"slices"
	"time"

	"deskstream/schemas"
)

const (
	// passTimeout is how long one query over everybody may take, passPage how many people it gives at most: each further page looks at
	// everybody again. passTold is how many are told of together.
	passTimeout = 10 * time.Minute
	passPage    = 100_000
	passTold    = 1000
	passRetry   = time.Minute
)

// passes evaluates everybody for audiences whose filter is new, and for all when a day has begun. One that fails is tried again later and
// does not keep the others waiting.
func (w *audienceWorker) passes(ctx context.Context, e *evaluation) {
	for _, id := range w.unreadable {
		delete(e.Passed, id) // whoever changes until it can be read is not evaluated for it
	}
	due := w.choose(func(a *parsedAudience) bool {
		if !a.Deleted && a.filter == nil || e.Passed[a.ID] == a.Generation && (e.Day == w.day || a.Deleted || len(a.fires) > 0) {
			return false
		}
		if w.Now().Before(w.retry[a.ID]) {
			delete(e.Passed, a.ID)
			return false
		}
		return true
	})
	e.Day = w.day
	if w.roster != nil && len(due) > 0 {
		w.passed(ctx, e, due, w.sweep)
		return
	}
	for _, a := range due {
		w.passed(ctx, e, []*parsedAudience{a}, w.pass)
	}
}

// passed evaluates everybody for some audiences and notes how that went.
func (w *audienceWorker) passed(ctx context.Context, e *evaluation, some []*parsedAudience, pass func(context.Context, []*parsedAudience) error) {
	for _, a := range some {
		w.passedAt[a.ID] = w.Now()
	}
	err := pass(ctx, some)
	if err != nil {
		w.Log.Warn().Err(err).Str("audience", some[0].ID).Int("audiences", len(some)).Msg("not everybody was evaluated, will try again")
	}
	for _, a := range some {
		if err != nil {
			delete(e.Passed, a.ID)
			w.retry[a.ID] = w.Now().Add(passRetry)
			continue
		}
		e.Passed[a.ID] = a.Generation
		w.passedAt[a.ID] = w.Now()
	}
}

// sweep publishes how the members of some audiences differ from who matches now, all from memory.
func (w *audienceWorker) sweep(ctx context.Context, some []*parsedAudience) error {
	some = slices.DeleteFunc(slices.Clone(some), func(a *parsedAudience) bool { return len(a.fires) > 0 })
	for _, a := range some {
		a.bit = w.roster.place(a.ID) // one that was deleted has none yet
	}
	at := w.Now()
	var events []schemas.Event
	for lead := range w.roster.leads() {
		if err := ctx.Err(); err != nil {
			return err
		}
		c := w.roster.concerned(lead)
		v := schemas.AudienceVerdict{ID: schemas.ZID(c.who.userIDs[0]), At: at, Settle: true}
		unsure := w.unsure(c, at)
		for _, a := range some {
			in := !a.Deleted && !c.who.Archived && w.Match(a.filter, c.person, at, w.Location)
			if in != c.member(a) || unsure {
				a.tell(&v, in)
			}
		}
		if len(v.In)+len(v.Out) == 0 {
			continue
		}
		e, err := apiEvent(c.who.account, c.who.source(), schemas.KindAudience, at, v)
		if err != nil {
			return err
		}
		if events = append(events, e); len(events) == passTold {
			if err := w.publish(ctx, events); err != nil {
				return err
			}
			events = nil
		}
	}
	return w.publish(ctx, events)
}

// pass publishes how the table of members differs from who matches now, asking ClickHouse. Nobody matches an audience that was deleted. Who
// enters when something occurs is not a matter of now.
func (w *audienceWorker) pass(ctx context.Context, some []*parsedAudience) error {
	for _, a := range some {
		if len(a.fires) > 0 {
			continue
		}
		if err := w.ask(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

func (w *audienceWorker) ask(ctx context.Context, a *parsedAudience) error {
	at := w.Now()
	p := params{}
	p.texts("accounts", w.accounts)
	p.text("audience", a.ID)
	p.int("limit", passPage)
	matches := "0"
	if !a.Deleted {
		matches = (&filterSQL{params: p, now: at, zone: w.Location}).filter(a.filter)
	}
	for _, entering := range []bool{true, false} {
		if entering && a.Deleted {
			continue
		}
		if err := w.passPages(ctx, a, at, entering, matches, p); err != nil {
			return err
		}
	}
	return nil
}

// passRow is a person that enters or leaves.
type passRow struct {
	Account  string `ch:"account"`
	PersonID string `ch:"person_id"`
	UserID   int64  `ch:"user_id"`
	SourceID string `ch:"source_id"`
}

func (w *audienceWorker) passPages(ctx context.Context, a *parsedAudience, at time.Time, entering bool, matches string, p params) error {
	name := "audience_leaving"
	if entering {
		name = "audience_entering"
	}
	statement := sqlWith(name, matchPieces{matches})
	last := passRow{}
	for {
		p.text("after_account", last.Account)
		p.text("after_person", last.PersonID)
		rows, err := listWithin[passRow](ctx, w.server, passTimeout, name, statement, p)
		if err != nil || len(rows) == 0 {
			return err
		}
		for some := range slices.Chunk(rows, passTold) {
			if err := w.tell(ctx, a, at, entering, some); err != nil {
				return err
			}
		}
		if len(rows) < passPage {
			return nil
		}
		last = rows[len(rows)-1]
	}
}

func (w *audienceWorker) tell(ctx context.Context, a *parsedAudience, at time.Time, entering bool, rows []passRow) error {
	events := make([]schemas.Event, len(rows))
	for i, r := range rows {
		v := schemas.AudienceVerdict{ID: schemas.ZID(r.UserID), At: at, Settle: true}
		if entering {
			v.In = []schemas.AudienceRef{a.ref()}
		} else {
			v.Out = []schemas.AudienceRef{a.ref()}
		}
		var err error
		if events[i], err = apiEvent(r.Account, r.SourceID, schemas.KindAudience, at, v); err != nil {
			return err
		}
	}
	return w.publish(ctx, events)
}
