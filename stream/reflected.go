package stream

import (
	"context"
	"encoding/json"
	"fmt"

	"deskstream/schemas"
)

// Reflected returns once everything that was published for an account before the call is processed and what came of it is in the given
// tables. It returns an error of class ErrUnavailable when ctx ends first. Events of others that arrive meanwhile do not make it wait
// longer. Activities are not among the tables it can wait for.
func (s *Stream) Reflected(ctx context.Context, account string, tables ...string) error {
	p := schemas.Partition(account, s.partitions)
	newest, found, err := s.last(ctx, s.events, schemas.SubjectRaw(p))
	if err != nil || !found {
		return err
	}
	_, err = s.processed(ctx, p, newest.seq)
	for _, table := range tables {
		if err == nil {
			err = s.written(ctx, table, p)
		}
	}
	if err != nil {
		return fmt.Errorf("account %s: what was published is not in the tables yet: %w", account, err)
	}
	return nil
}

// written returns once the outputs that a table has from a partition now are in it.
func (s *Stream) written(ctx context.Context, table string, p int) error {
	out, found, err := s.last(ctx, s.txn, s.own(schemas.SubjectOut(table, p)))
	if err != nil || !found {
		return err
	}
	return untilSo(ctx, func() (bool, error) {
		m, found, err := s.last(ctx, s.sink, s.intent(table))
		if err != nil || !found {
			return false, err
		}
		var i intent
		if err := json.Unmarshal(m.data, &i); err != nil {
			return false, fmt.Errorf("intent of %s: %w", table, err)
		}
		return i.through() >= out.seq, nil
	})
}

// Position gives the newest event that is stored for an account, up to which one its events are processed, and up to where what came of those
// lies among all outputs: it is in the tables once Written has reached that.
func (s *Stream) Position(ctx context.Context, account string) (stored, processed, output uint64, err error) {
	p := schemas.Partition(account, s.partitions)
	o, _, err := s.readOffset(ctx, p)
	if err != nil {
		return 0, 0, 0, err
	}
	if o.through(o.In) {
		processed = o.In
	}
	i, err := s.info(ctx, s.txn) // after the record, so that all that came with it is in
	if err != nil {
		return 0, 0, 0, fmt.Errorf("stream: position of account %s: %w", account, err)
	}
	newest, _, err := s.last(ctx, s.events, schemas.SubjectRaw(p))
	return newest.seq, processed, i.State.LastSeq, err
}

// Written gives the position up to which everything that the processors put out is in the tables. It is 0 before anything was.
func (s *Stream) Written(ctx context.Context) (uint64, error) {
	i, err := s.info(ctx, s.txn)
	if err != nil {
		return 0, fmt.Errorf("stream: position of the tables: %w", err)
	}
	intents, err := s.intents(ctx)
	if err != nil {
		return 0, err
	}
	through := i.State.LastSeq
	for _, table := range schemas.Tables {
		first, found, err := s.next(ctx, s.txn, s.outputs(table), intents[table].through()+1)
		if err != nil {
			return 0, fmt.Errorf("stream: position of %s: %w", table, err)
		}
		if found {
			through = min(through, first.seq-1)
		}
	}
	return through, nil
}

// Newest gives for each table a position behind which it has no row. A table that never had one is missing.
func (s *Stream) Newest(ctx context.Context) (map[string]uint64, error) {
	intents, err := s.intents(ctx)
	if err != nil {
		return nil, fmt.Errorf("stream: newest rows: %w", err)
	}
	newest := make(map[string]uint64, len(intents))
	for table, i := range intents {
		newest[table] = i.To
	}
	return newest, nil
}
