package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"deskstream/schemas"
)

// ledgerName is where the ledger lies among the sinks' records; tables have no leading underscore.
const ledgerName = "_ledger"

// tally says how many messages of a filter there must be behind one sequence and through another. A damaged block of the store makes
// messages vanish without a trace: the server then counts them as deleted, as it does after every roll-up, so only a count of our own
// can tell.
type tally struct {
	Stream  string `json:"stream"`
	Epoch   string `json:"epoch"`
	After   uint64 `json:"after"`
	Through uint64 `json:"through"`
	N       uint64 `json:"n"`
}

func (s *Stream) readLedger(ctx context.Context) (map[string]tally, error) {
	l := map[string]tally{}
	m, found, err := s.last(ctx, s.sink, s.intent(ledgerName))
	if err != nil || !found || len(m.data) == 0 {
		return l, err
	}
	if err := json.Unmarshal(m.data, &l); err != nil {
		return nil, fmt.Errorf("ledger at %d: %w", m.seq, err)
	}
	return l, nil
}

func (s *Stream) writeLedger(ctx context.Context, l map[string]tally) error {
	data, err := json.Marshal(l)
	if err == nil {
		_, err = s.store(ctx, rolled(s.intent(ledgerName), data))
	}
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

// note brings the ledger of a filter up to the end of its stream, beginning at below. What is missing stays counted for as long as the
// range it was missed in is not purged as a whole.
func (s *Stream) note(ctx context.Context, name, filter string, below uint64) error {
	s.ledger.Lock()
	defer s.ledger.Unlock()
	l, err := s.readLedger(ctx)
	if err != nil {
		return err
	}
	old, known := l[filter]
	lacking := uint64(0)
	if known && below <= old.Through {
		if lacking, err = s.missing(ctx, filter, old); err != nil {
			return err
		}
	}
	i, err := s.info(ctx, name)
	if err != nil {
		return err
	}
	t := tally{Stream: name, Epoch: i.Config.Metadata[metaEpoch], After: max(below, 1) - 1, Through: i.State.LastSeq}
	// Messages stored between the two counts make the tally smaller, never larger: no false alarm follows from it.
	from, err := s.count(ctx, name, filter, t.After+1)
	if err != nil {
		return err
	}
	behind, err := s.count(ctx, name, filter, t.Through+1)
	if err != nil {
		return err
	}
	if t.N = from - min(from, behind) + lacking; t == old {
		return nil
	}
	l[filter] = t
	return s.writeLedger(ctx, l)
}

// AcceptGaps forgets the messages known to be missing, once the sources were synced again.
func (s *Stream) AcceptGaps(ctx context.Context) error { return s.writeLedger(ctx, map[string]tally{}) }

// missing gives the number of messages that are gone although nobody purged them.
func (s *Stream) missing(ctx context.Context, filter string, t tally) (uint64, error) {
	i, err := s.info(ctx, t.Stream)
	if err != nil || i.Config.Metadata[metaEpoch] != t.Epoch {
		return 0, err
	}
	behind, err := s.count(ctx, t.Stream, filter, t.Through+1)
	if err != nil {
		return 0, err
	}
	from, err := s.count(ctx, t.Stream, filter, t.After+1)
	if err != nil {
		return 0, err
	}
	return t.N - min(t.N, from-min(from, behind)), nil
}

// gaps reports messages that are gone although nobody purged them.
func (s *Stream) gaps(ctx context.Context) error {
	l, err := s.readLedger(ctx)
	if err != nil {
		return err
	}
	total := uint64(0)
	var all []error
	for filter, t := range l {
		n, err := s.missing(ctx, filter, t)
		if err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		if now, err := s.readLedger(ctx); err != nil || now[filter] != t {
			continue // purged meanwhile
		}
		total += n
		all = append(all, fmt.Errorf("stream %s: %w: %d messages of %s between %d and %d are gone, the store is damaged: sync the sources again and accept the gap", t.Stream, schemas.ErrUnavailable, n, filter, t.After+1, t.Through))
	}
	s.metrics.gaps.Set(float64(total))
	return errors.Join(all...)
}
