package stream

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"deskstream/schemas"
)

// Letter is a stored dead letter. Seq identifies it.
type Letter struct {
	schemas.DeadLetter
	Seq       uint64
	Partition int
	At        time.Time
}

func letter(m storedMessage) Letter {
	l := Letter{Seq: m.seq, At: m.at}
	l.Partition, _ = strconv.Atoi(m.subject[strings.LastIndexByte(m.subject, '.')+1:])
	l.Class, l.Reason = m.header.Get(headerClass), m.header.Get(headerReason)
	raw, _ := strconv.ParseUint(m.header.Get(headerSeq), 10, 64)
	l.Event = event(m.header, m.data, raw)
	return l
}

// DeadList gives up to limit dead letters behind the one with sequence after (0 = from the oldest); next is what to pass as after for
// more, 0 at the end.
func (s *Stream) DeadList(ctx context.Context, limit int, after uint64) (letters []Letter, next uint64, err error) {
	if limit <= 0 {
		return nil, 0, fmt.Errorf("dead letters: %w", schemas.Invalid("limit", "must be positive"))
	}
	if after == math.MaxUint64 {
		return nil, 0, nil
	}
	err = s.each(ctx, s.txn, s.prefix+".dead.*", after+1, func(m storedMessage) error {
		if len(letters) == limit {
			next = letters[limit-1].Seq
			return errStop
		}
		letters = append(letters, letter(m))
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("dead letters: %w", err)
	}
	return letters, next, nil
}

// DeadShow gives one dead letter or schemas.ErrNotFound.
func (s *Stream) DeadShow(ctx context.Context, seq uint64) (Letter, error) {
	m, found, err := s.next(ctx, s.txn, s.prefix+".dead.*", seq)
	if err != nil {
		return Letter{}, fmt.Errorf("dead letter %d: %w", seq, err)
	}
	if !found || m.seq != seq {
		return Letter{}, fmt.Errorf("dead letter %d: %w", seq, schemas.ErrNotFound)
	}
	return letter(m), nil
}

// DeadRetry publishes the event of a letter again and removes the letter. When it is interrupted and repeated, the event is recognised, and so it is
// when two do it at once.
func (s *Stream) DeadRetry(ctx context.Context, seq uint64) error {
	l, err := s.DeadShow(ctx, seq)
	if err != nil {
		return err
	}
	m := s.message(l.Event)
	// The event's own id may still be known from its first time.
	m.Header[headerMsgID] = []string{"retry:" + s.txn + ":" + strconv.FormatUint(seq, 10)}
	if _, err := s.store(ctx, m); err != nil {
		return fmt.Errorf("dead letter %d: %w", seq, err)
	}
	s.crash("dead.published")
	if err := s.DeadDrop(ctx, seq); !errors.Is(err, schemas.ErrNotFound) {
		return err
	}
	return nil
}

// DeadDrop removes a letter and overwrites it on disk; schemas.ErrNotFound when there is none.
func (s *Stream) DeadDrop(ctx context.Context, seq uint64) error {
	if _, err := s.DeadShow(ctx, seq); err != nil {
		return err
	}
	if err := s.secureDelete(ctx, s.txn, seq); err != nil {
		if !s.present(ctx, s.txn, s.prefix+".dead.*", seq) { // another program has removed it
			err = schemas.ErrNotFound
		}
		return fmt.Errorf("dead letter %d: %w", seq, err)
	}
	s.crash("dead.deleted")
	return nil
}
