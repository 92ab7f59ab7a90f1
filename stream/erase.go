package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"deskstream/schemas"
)

// erasePage and erasePageBytes bound the events that are redacted in one go.
const (
	erasePage      = 200
	erasePageBytes = 4 << 20
)

// Redact gives what may be kept of an event's data: the same, less, or nil for nothing. It must leave alone what it gave once.
type Redact func(*schemas.Event) []byte

// admit gives the events as Options.Admit lets them be stored. Those of which nothing may stay are left out.
func (s *Stream) admit(events []schemas.Event) []schemas.Event {
	if s.o.Admit == nil {
		return events
	}
	out := make([]schemas.Event, 0, len(events))
	for _, e := range events {
		kept := e.Data
		if len(e.Data) > 0 {
			kept = s.o.Admit(&e)
		}
		if changed := !bytes.Equal(kept, e.Data); changed {
			s.metrics.erased.Inc()
			if kept == nil {
				continue
			}
		}
		e.Data = kept
		out = append(out, e)
	}
	return out
}

// Settle returns once everything that is stored about an account is processed and in its tables, and will not be written again. It
// gives the sequence of TXN up to which that holds. Loops must be running.
func (s *Stream) Settle(ctx context.Context, account string) (through uint64, err error) {
	p := schemas.Partition(account, s.partitions)
	raw, _, err := s.last(ctx, s.events, schemas.SubjectRaw(p))
	if err != nil {
		return 0, err
	}
	if through, err = s.processed(ctx, p, raw.seq); err != nil {
		return 0, err
	}
	return through, untilSo(ctx, func() (bool, error) { return s.sunk(ctx, through) })
}

// sunk says whether all outputs up to a sequence are in their tables for good.
func (s *Stream) sunk(ctx context.Context, through uint64) (bool, error) {
	intents, err := s.intents(ctx)
	if err != nil {
		return false, err
	}
	for _, table := range schemas.Tables {
		m, found, err := s.next(ctx, s.txn, s.outputs(table), intents[table].through()+1)
		if err != nil || found && m.seq <= through {
			return false, err
		}
	}
	return true, nil
}

// stale is a stored event of which less, or nothing, may be kept.
type stale struct {
	seq  uint64
	kept *nats.Msg // nil: nothing
}

// EraseRaw goes through the raw events of an account and overwrites on disk those of which redact keeps less than all; what it keeps is
// stored as a new event, which tells the processor nothing new. It gives the number of events overwritten. When it is cut off it can be
// called again.
func (s *Stream) EraseRaw(ctx context.Context, account string, redact Redact) (erased uint64, err error) {
	filter := schemas.SubjectRaw(schemas.Partition(account, s.partitions))
	last, _, err := s.last(ctx, s.events, filter)
	if err != nil {
		return 0, err
	}
	for from := uint64(1); from <= last.seq && ctx.Err() == nil; {
		var page []stale
		if page, from, err = s.staleEvents(ctx, account, from, last.seq, redact); err != nil {
			return erased, err
		}
		if err := s.replaceEvents(ctx, filter, page); err != nil {
			return erased, fmt.Errorf("erase: %w", err)
		}
		erased += uint64(len(page))
	}
	return erased, ctx.Err()
}

// staleEvents reads from a sequence on until there is enough to do; next is where to go on.
func (s *Stream) staleEvents(ctx context.Context, account string, from, last uint64, redact Redact) (page []stale, next uint64, err error) {
	next, size := from, 0
	err = s.each(ctx, s.events, schemas.SubjectRaw(schemas.Partition(account, s.partitions)), from, func(m storedMessage) error {
		if m.seq > last || len(page) == erasePage || size > erasePageBytes {
			return errStop
		}
		next = m.seq + 1
		e := received(m)
		if e.Account != account || len(e.Data) == 0 {
			return nil
		}
		kept := redact(&e)
		switch {
		case kept == nil:
			page = append(page, stale{seq: m.seq})
		case !bytes.Equal(kept, e.Data):
			e.Data = kept
			page = append(page, stale{m.seq, s.message(e)})
		}
		size += len(m.data)
		return nil
	})
	if err == nil && len(page) == 0 && size <= erasePageBytes {
		next = last + 1
	}
	return page, next, err
}

// replaceEvents stores what is kept, then overwrites the events. The messages carry no Msg-Id: the server would take them for the ones
// they replace.
func (s *Stream) replaceEvents(ctx context.Context, filter string, page []stale) error {
	var kept []*nats.Msg
	seqs := make([]uint64, 0, len(page))
	for _, x := range page {
		if x.kept != nil {
			kept = append(kept, x.kept)
		}
		seqs = append(seqs, x.seq)
	}
	if len(kept) > 0 {
		if _, err := s.timedCommit(ctx, "erase", kept); err != nil {
			return err
		}
	}
	s.crash("erase.kept")
	return s.overwrite(ctx, s.events, filter, seqs)
}

// overwrite deletes messages of a filter and overwrites them on disk. The ledger is brought in line first, so that they are not taken
// for lost ones.
func (s *Stream) overwrite(ctx context.Context, name, filter string, seqs []uint64) error {
	if len(seqs) == 0 {
		return nil
	}
	s.ledger.Lock()
	defer s.ledger.Unlock()
	if err := s.disown(ctx, filter, seqs); err != nil {
		return err
	}
	for _, seq := range seqs {
		if err := s.secureDelete(ctx, name, seq); err != nil && s.present(ctx, name, filter, seq) {
			return err
		}
		s.crash("erase.overwritten")
	}
	return nil
}

// present says whether a message is there, or may be.
func (s *Stream) present(ctx context.Context, name, filter string, seq uint64) bool {
	m, found, err := s.next(ctx, name, filter, seq)
	return err != nil || found && m.seq == seq
}

// disown takes messages that are about to be deleted out of the ledger.
func (s *Stream) disown(ctx context.Context, filter string, seqs []uint64) error {
	l, err := s.readLedger(ctx)
	if err != nil {
		return err
	}
	t, known := l[filter]
	n := uint64(0)
	for _, seq := range seqs {
		if known && seq > t.After && seq <= t.Through {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	t.N -= min(t.N, n)
	l[filter] = t
	return s.writeLedger(ctx, l)
}

// EraseDead drops the dead letters of an account of whose events redact does not keep all, and gives their number.
func (s *Stream) EraseDead(ctx context.Context, account string, redact Redact) (erased uint64, err error) {
	var seqs []uint64
	err = s.each(ctx, s.txn, s.prefix+".dead.*", 1, func(m storedMessage) error {
		l := letter(m)
		if e := l.Event; e.Account == account && len(e.Data) > 0 && !bytes.Equal(redact(&e), l.Event.Data) {
			seqs = append(seqs, m.seq)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("dead letters: %w", err)
	}
	for _, seq := range seqs {
		if err := s.DeadDrop(ctx, seq); err != nil && !errors.Is(err, schemas.ErrNotFound) {
			return erased, err
		}
		erased++
	}
	return erased, nil
}
