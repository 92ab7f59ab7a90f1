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
			err = untilSo(ctx, func() (bool, error) {
				o, _, err := s.readOffset(ctx, p)
				return o.through(newest.seq), err
			})
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

// Purged says whether raw events of the past were purged to keep within the size or the age of the stream, so that a replay cannot make
// again all that was made from them.
func (s *Stream) Purged(ctx context.Context) (bool, error) {
	l, err := s.readLedger(ctx)
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
