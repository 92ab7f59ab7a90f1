package reports

import (
	"context"
	"slices"
	"strings"
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
	today := w.today()
	for _, a := range w.choose(func(a *parsedAudience) bool { return a.Deleted || a.filter != nil }) {
		if e.Passed[a.ID] == a.Generation && (e.Day == today || a.Deleted || len(a.fires) > 0) {
			continue
		}
		if w.Now().Before(w.retry[a.ID]) {
			delete(e.Passed, a.ID)
			continue
		}
		w.passed[a.ID] = w.Now()
		if err := w.pass(ctx, a); err != nil {
			w.Log.Warn().Err(err).Str("audience", a.ID).Msg("not everybody was evaluated, will try again")
			delete(e.Passed, a.ID)
			w.retry[a.ID] = w.Now().Add(passRetry)
			continue
		}
		e.Passed[a.ID] = a.Generation
		w.passed[a.ID] = w.Now()
	}
	e.Day = today
}

// pass publishes how the table of members differs from who matches now. Nobody matches an audience that was deleted. Who enters when
// something occurs is not a matter of now.
func (w *audienceWorker) pass(ctx context.Context, a *parsedAudience) error {
	if len(a.fires) > 0 {
		return nil
	}
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
	statement := strings.ReplaceAll(sqlText(name), "/*filter*/", matches)
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
