package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"deskstream/schemas"
)

// offset is the record of a partition's processor: what it has read and counted. It is written in the same commit as the state and
// the outputs, and its stream sequence is the fence of the next commit.
type offset struct {
	In         uint64     `json:"in"` // last raw sequence that is processed
	Gen        uint64     `json:"gen"`
	Events     uint64     `json:"events"`
	Duplicates uint64     `json:"duplicates"`
	Ignored    uint64     `json:"ignored"`
	Dead       uint64     `json:"dead"`
	At         time.Time  `json:"at"`
	Journal    uint64     `json:"journal,omitempty"` // the journal is needed from this sequence on; 0 = all there is
	Move       bool       `json:"move,omitempty"`    // all rows are to move out of the journal
	Spill      *spill     `json:"spill,omitempty"`
	Replay     uint64     `json:"replay,omitempty"` // events up to here make again what was made of them before; 0 = no replay
	Quiet      uint64     `json:"quiet,omitempty"`  // what events up to here make is in its tables already: only state is made of them again
	Reset      *resetMark `json:"reset,omitempty"`
}

// through says whether all events up to a raw sequence are processed and what came of them is where it belongs.
func (o offset) through(seq uint64) bool { return o.In >= seq && o.Spill == nil && o.Reset == nil }

// readOffset gives a partition's record and its fence. A partition that never committed has the zero record with the generation of
// the stream, and fence 0.
func (s *Stream) readOffset(ctx context.Context, p int) (offset, uint64, error) {
	m, found, err := s.last(ctx, s.txn, s.offset(p))
	if err != nil {
		return offset{}, 0, fmt.Errorf("offset %d: %w", p, err)
	}
	if !found {
		gen, err := s.generation(ctx)
		return offset{Gen: gen}, 0, err
	}
	var o offset
	if err := json.Unmarshal(m.data, &o); err != nil {
		return o, 0, fmt.Errorf("offset %d: stored at %d: %w", p, m.seq, err)
	}
	return o, m.seq, nil
}

// generation reads the generation of TXN from its metadata.
func (s *Stream) generation(ctx context.Context) (uint64, error) {
	b := &boot{s: s, held: map[string]held{}}
	if err := b.look(ctx, s.txn); err != nil {
		return 0, err
	}
	gen := b.held[s.txn].gen()
	if gen == 0 {
		return 0, fmt.Errorf("stream %s: %w", s.txn, errors.Join(schemas.ErrUnavailable, errors.New("it is gone or has no generation")))
	}
	return gen, nil
}
