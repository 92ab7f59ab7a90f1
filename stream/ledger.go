package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"deskstream/schemas"
)

// ledgerName is where the ledger lies among the sinks' records; tables have no leading underscore.
const ledgerName = "_ledger"

// tally says how many messages of a filter there must be behind one sequence and through another. A damaged block of the store makes
// messages vanish without a trace: the server then counts them as deleted, as it does after every roll-up, so only a count of our own
// can tell. Of records, which are replaced, it is the subjects that are counted, wherever they are in the stream.
type tally struct {
	Stream  string `json:"stream"`
	Epoch   string `json:"epoch"`
	After   uint64 `json:"after"`
	Through uint64 `json:"through"`
	N       uint64 `json:"n"`
	Lost    uint64 `json:"lost,omitempty"` // records that were missing before; there may be as many new ones
}

// recordFilters are the subjects of EVENTS on which there is a record each that is replaced and never removed.
func recordFilters() []string {
	return []string{
		schemas.SubjectSource("*"), schemas.SubjectKey("*"), schemas.SubjectSetting("*"), schemas.SubjectErasure("*"), schemas.SubjectDelivery("*"),
	}
}

func (s *Stream) readLedger(ctx context.Context) (map[string]tally, error) {
	return s.ledgerIn(ctx, s.sink, s.intent(ledgerName))
}

// liveLedger is the one of the live pipeline, which is the only one that removes raw events; empty where there is no such pipeline.
func (s *Stream) liveLedger(ctx context.Context) (map[string]tally, error) {
	l, err := s.ledgerIn(ctx, schemas.StreamSink, schemas.SubjectSink(ledgerName))
	if errors.Is(err, nats.ErrNoResponders) {
		return nil, nil
	}
	return l, err
}

func (s *Stream) ledgerIn(ctx context.Context, stream, subject string) (map[string]tally, error) {
	l := map[string]tally{}
	m, found, err := s.last(ctx, stream, subject)
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

// noteRecords brings the ledger of the records up to what there is.
func (s *Stream) noteRecords(ctx context.Context) error {
	s.ledger.Lock()
	defer s.ledger.Unlock()
	l, err := s.readLedger(ctx)
	if err != nil {
		return err
	}
	i, err := s.info(ctx, s.events)
	if err != nil {
		return err
	}
	changed := false
	for _, filter := range recordFilters() {
		now := tally{Stream: s.events, Epoch: i.Config.Metadata[metaEpoch]}
		if now.N, err = s.subjects(ctx, s.events, filter); err != nil {
			return err
		}
		old := l[filter]
		if old.Epoch == now.Epoch {
			now.Lost = old.lacking(now.N)
		}
		changed = changed || now != old
		l[filter] = now
	}
	if !changed {
		return nil
	}
	return s.writeLedger(ctx, l)
}

// lacking gives the number of records that are missing when there are so many.
func (t tally) lacking(now uint64) uint64 { return t.Lost + t.N - min(t.N, now) }

// subjects gives the number of subjects of a filter that have messages.
func (s *Stream) subjects(ctx context.Context, name, filter string) (uint64, error) {
	st, err := s.js.Stream(ctx, name)
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w: %w", name, schemas.ErrUnavailable, err)
	}
	i, err := st.Info(ctx, jetstream.WithSubjectFilter(filter))
	if err != nil {
		return 0, fmt.Errorf("stream %s: subjects: %w: %w", name, schemas.ErrUnavailable, err)
	}
	return uint64(len(i.State.Subjects)), nil
}

// forget takes the tallies that which names out of the ledger: what they counted is gone and accepted.
func (s *Stream) forget(ctx context.Context, which func(filter string, t tally) bool) error {
	s.ledger.Lock()
	defer s.ledger.Unlock()
	l, err := s.readLedger(ctx)
	if err != nil {
		return err
	}
	maps.DeleteFunc(l, which)
	return s.writeLedger(ctx, l)
}

// missing gives the number of messages that are gone although nobody removed them.
func (s *Stream) missing(ctx context.Context, filter string, t tally) (uint64, error) {
	i, err := s.info(ctx, t.Stream)
	if err != nil || i.Config.Metadata[metaEpoch] != t.Epoch {
		return 0, err
	}
	if slices.Contains(recordFilters(), filter) {
		now, err := s.subjects(ctx, t.Stream, filter)
		return t.lacking(now), err
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
