package reports

import (
	"context"
	"fmt"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/jonboulle/clockwork"

	"deskstream/schemas"
)

const (
	// archivedFor is how long people stay archived: on the 30th day they are erased.
	archivedFor = 29 * 24 * time.Hour
	// dueEvery is how often they are looked for, dueBatch how many are erased at a time.
	dueEvery = time.Hour
	dueBatch = 100
)

// RunDue erases people who were archived long enough ago, and those whom Zendesk deleted for good, now and every hour of a clock (nil = the real
// one) until ctx ends. The clock must agree with Options.Now. Calling it for several APIs at a time is of no use and does no harm.
func (a *API) RunDue(ctx context.Context, clock clockwork.Clock) error {
	if clock == nil {
		clock = clockwork.NewRealClock()
	}
	s, err := gocron.NewScheduler(gocron.WithClock(clock), gocron.WithLocation(time.UTC))
	if err != nil {
		return fmt.Errorf("scheduler: %w", err)
	}
	_, err = s.NewJob(gocron.DurationJob(a.server.EraseEvery), gocron.NewTask(func() {
		if err := a.server.eraseDue(ctx); err != nil && ctx.Err() == nil {
			a.server.Log.Warn().Err(err).Msg("people who are due were not erased, will try again")
		}
	}), gocron.WithSingletonMode(gocron.LimitModeWait), gocron.WithStartAt(gocron.WithStartImmediately()))
	if err != nil {
		return fmt.Errorf("erasure of people who are due: %w", err)
	}
	s.Start()
	<-ctx.Done()
	if err := s.Shutdown(); err != nil {
		return fmt.Errorf("erasure of people who are due: %w", err)
	}
	return nil
}

// eraseDue asks for the erasure of everybody who is due. It leaves the rest to the next time when one takes long.
func (s *server) eraseDue(ctx context.Context) error {
	accounts, err := s.accounts(ctx)
	if err != nil {
		return err
	}
	for _, statement := range []string{"archived_due", "deleted_due"} {
		for more := true; more && ctx.Err() == nil; {
			if more, err = s.eraseSome(ctx, statement, accounts); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *server) eraseSome(ctx context.Context, statement string, accounts []string) (more bool, err error) {
	p := params{}
	p.texts("accounts", accounts)
	p.time("before", s.Now().Add(-archivedFor))
	p.text("mark", schemas.PersonDeletedForGood)
	p.int("limit", dueBatch)
	found := s.Now()
	rows, err := list[schemas.PersonRow](ctx, s, statement, sqlText(statement), p)
	if err != nil {
		return false, err
	}
	ended := len(rows) == dueBatch
	for i := range rows {
		e, err := s.recordErasure(ctx, personOf(&rows[i]), found)
		if err != nil {
			return false, err
		}
		s.Log.Info().Str("erasure", e.ID).Str("due", statement).Msg("a person who is due is erased")
		ended = s.awaitErasure(ctx, e).State == schemas.ErasureDone && ended
	}
	return ended, nil
}
