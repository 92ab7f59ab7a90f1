package stream

import (
	"context"
	"fmt"

	"deskstream/schemas"
)

// CaughtUp returns once everything that was published before the call is processed and what came of it is in its tables. Events that
// arrive meanwhile do not make it wait longer. Loops must be running; an error of class ErrUnavailable says that ctx ended first.
func (s *Stream) CaughtUp(ctx context.Context) error {
	for p := range s.partitions {
		newest, found, err := s.last(ctx, s.events, schemas.SubjectRaw(p))
		if err == nil && found {
			_, err = s.processed(ctx, p, newest.seq)
		}
		if err != nil {
			return fmt.Errorf("partition %d: not caught up: %w", p, err)
		}
	}
	i, err := s.info(ctx, s.txn)
	if err != nil {
		return err
	}
	if err := untilSo(ctx, func() (bool, error) { return s.sunk(ctx, i.State.LastSeq) }); err != nil {
		return fmt.Errorf("outputs up to %d: not caught up: %w", i.State.LastSeq, err)
	}
	return nil
}

// Purged says whether raw events of the past are gone, purged to keep within the size or the age of the stream or lost with it, so that a
// replay cannot make again all that was made from them.
func (s *Stream) Purged(ctx context.Context) (bool, error) {
	b := &boot{s: s, held: map[string]held{}}
	if err := b.look(ctx, s.events); err != nil {
		return false, err
	}
	if b.held[s.events].meta(metaPurged) != "" {
		return true, nil
	}
	l, err := s.readLedger(ctx) // knows of a purge before there was the mark
	if err != nil {
		return false, err
	}
	for p := range s.partitions {
		if l[schemas.SubjectRaw(p)].After > 0 {
			return true, nil
		}
	}
	return false, nil
}

// markPurged notes in EVENTS itself that raw events are gone, or with "" that nothing is left that was made of them.
func (s *Stream) markPurged(ctx context.Context, mark string) error {
	b := &boot{s: s, held: map[string]held{}}
	if err := b.look(ctx, s.events); err != nil {
		return err
	}
	return b.amend(ctx, s.events, map[string]string{metaPurged: mark})
}

// replayable refuses a replay that would remove what was made of raw events that are gone. One into another namespace removes nothing: it is
// refused only where nobody has said yet that it may go on without them.
func (s *Stream) replayable(ctx context.Context) error {
	if s.o.OnlyStored {
		return nil
	}
	if err := s.Whole(ctx); err != nil || s.namespace != "" {
		return err
	}
	purged, err := s.Purged(ctx)
	if err == nil && purged {
		err = eventsGone()
	}
	return err
}

func eventsGone() error {
	return &schemas.Problem{
		Class: schemas.ErrConflict, Code: "events-purged",
		Detail: "raw events of the past are gone, purged when their stream grew too large or lost with it; a replay would remove from state and tables " +
			"what was made of them. Nothing was changed. Either leave the tables as they are, or first resync every source with mode backfill, which " +
			"reads again what Zendesk still has, and then run `deskstream replay --only-stored-events`, which keeps only what the stored events hold",
	}
}
