package stream

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"deskstream/schemas"
)

// resetMark stands in the offset records while a reset is under way. It fences every running loop and tells whoever opens the
// pipeline next how to finish. Everything older than the mark is obsolete, so that finishing twice does no harm.
type resetMark struct {
	Gen       uint64 `json:"gen"`
	Sink      uint64 `json:"sink"` // last sequence of SINK when the mark was set
	KeepState bool   `json:"keep_state,omitempty"`
	KeepOut   bool   `json:"keep_out,omitempty"` // outputs that are not in their tables yet go there: they are not made again
}

// ResetForReplay raises the generation and removes offsets, state, outputs and the dead letters that will be made again, so that
// Process starts at the first raw event. With a time only the outputs of events stored from then on are made again: state follows from all
// events, so it is made of all. Running loops stop at once and go on with the new generation. A reset that is interrupted is finished by
// the next Open or ResetForReplay. It refuses with a *schemas.Problem of class ErrConflict when raw events are gone, unless
// Options.OnlyStored ("events-purged", "messages-lost"), and with a time while a whole replay is not through ("replay-unfinished").
func (s *Stream) ResetForReplay(ctx context.Context, from time.Time) error {
	if err := s.replayable(ctx); err != nil {
		return err
	}
	if err := s.finishReset(ctx); err != nil {
		return err
	}
	if err := s.replayableFrom(ctx, from); err != nil {
		return err
	}
	quiet, err := s.quietUntil(ctx, from)
	if err != nil {
		return err
	}
	gen, err := s.generation(ctx)
	if err != nil {
		return err
	}
	for p := range s.partitions {
		o, _, err := s.readOffset(ctx, p)
		if err != nil {
			return err
		}
		gen = max(gen, o.Gen)
	}
	sink, err := s.info(ctx, s.sink)
	if err != nil {
		return err
	}
	m := resetMark{Gen: gen + 1, Sink: sink.State.LastSeq, KeepOut: !from.IsZero() && s.namespace == ""}
	if err := s.mark(ctx, m, quiet); err != nil {
		return err
	}
	s.crash("reset.marked")
	if err := s.finishReset(ctx); err != nil || s.namespace != "" || !s.o.OnlyStored {
		return err
	}
	if err := s.forget(ctx, isRaw); err != nil {
		return err
	}
	return s.markPurged(ctx, "")
}

// replayableFrom refuses to write a part again while the other part is being written again as well.
func (s *Stream) replayableFrom(ctx context.Context, from time.Time) error {
	if from.IsZero() || s.namespace != "" {
		return nil
	}
	gen, err := s.Outdated(ctx)
	if err == nil && gen > 0 {
		err = &schemas.Problem{
			Class: schemas.ErrConflict, Code: "replay-unfinished",
			Detail: "a replay of everything was interrupted and is not through. Nothing was changed. Either run `deskstream replay` without --from, " +
				"or let `deskstream run` finish it first",
		}
	}
	return err
}

// quietUntil gives for each partition the raw sequence up to which a replay from a time makes no outputs again. In the live pipeline that
// is nothing that has made none yet: what was not processed, or became a dead letter that is tried again.
func (s *Stream) quietUntil(ctx context.Context, from time.Time) ([]uint64, error) {
	quiet := make([]uint64, s.partitions)
	start, err := s.startAt(ctx, from)
	if err != nil || start == 0 {
		return quiet, err
	}
	for p := range quiet {
		if quiet[p] = start; s.namespace != "" {
			continue
		}
		o, _, err := s.readOffset(ctx, p)
		if err != nil {
			return nil, err
		}
		if o.Spill != nil {
			o.In--
		}
		quiet[p] = min(start, max(o.In, o.Quiet))
	}
	if s.namespace != "" {
		return quiet, nil
	}
	err = s.letters(ctx, math.MaxUint64, func(l Letter, again bool) {
		if again {
			quiet[l.Partition] = min(quiet[l.Partition], l.Event.Seq-1)
		}
	})
	return quiet, err
}

// startAt gives the raw sequence before the first event stored at or after a time.
func (s *Stream) startAt(ctx context.Context, from time.Time) (uint64, error) {
	if from.IsZero() {
		return 0, nil
	}
	m, found, err := s.since(ctx, s.events, rawSubjects, from)
	if err != nil || found {
		return max(m.seq, 1) - 1, err
	}
	info, err := s.info(ctx, s.events)
	if err != nil {
		return 0, err
	}
	return info.State.LastSeq, nil
}

// mark stops all loops of the namespace: their next commit is fenced by it.
func (s *Stream) mark(ctx context.Context, m resetMark, quiet []uint64) error {
	msgs := make([]*nats.Msg, 0, s.partitions)
	for p := range s.partitions {
		data, err := json.Marshal(offset{Gen: m.Gen, At: s.now().UTC(), Quiet: quiet[p], Reset: &m})
		if err != nil {
			return fmt.Errorf("reset: %w", err)
		}
		msgs = append(msgs, rolled(s.offset(p), data))
	}
	if _, err := s.commit(ctx, "reset", msgs); err != nil {
		return fmt.Errorf("reset: %w", err)
	}
	return nil
}

// finishReset does what the marks ask for; without marks it does nothing.
func (s *Stream) finishReset(ctx context.Context) error {
	marks, quiet := map[int]uint64{}, make([]uint64, s.partitions)
	var m resetMark
	bound := ^uint64(0)
	for p := range s.partitions {
		o, seq, err := s.readOffset(ctx, p)
		if err != nil {
			return err
		}
		if o.Reset != nil {
			m, marks[p], quiet[p], bound = *o.Reset, seq, o.Quiet, min(bound, seq)
		}
	}
	if len(marks) == 0 {
		return nil
	}
	if !m.KeepState {
		if err := s.clear(ctx, m, bound); err != nil {
			return err
		}
	}
	if err := s.setGeneration(ctx, m); err != nil {
		return err
	}
	s.crash("reset.cleared")
	return s.unmark(ctx, m, marks, quiet)
}

// clear removes what is older than the marks. The state goes before the offsets so that no loop can see new offsets with old state.
func (s *Stream) clear(ctx context.Context, m resetMark, bound uint64) error {
	if err := s.purge(ctx, s.txn, s.prefix+".state.>", bound); err != nil {
		return err
	}
	if err := s.clearDead(ctx, bound); err != nil || m.KeepOut {
		return err
	}
	if err := s.forget(ctx, func(_ string, t tally) bool { return t.Stream == s.txn }); err != nil {
		return err
	}
	for _, filter := range []string{".out.>", ".activity.>", ".audience.>"} {
		if err := s.purge(ctx, s.txn, s.prefix+filter, bound); err != nil {
			return err
		}
	}
	return s.purge(ctx, s.sink, s.intent("*"), m.Sink+1)
}

// clearDead removes the letters whose events will be read again: those of a partition before the first that stays at once, as its state is, and
// the rest one by one, which takes the server a few syncs each.
func (s *Stream) clearDead(ctx context.Context, bound uint64) error {
	below := slices.Repeat([]uint64{bound}, s.partitions)
	var rest []uint64
	err := s.letters(ctx, bound, func(l Letter, again bool) {
		switch first := below[l.Partition]; {
		case !again:
			below[l.Partition] = min(first, l.Seq)
		case l.Seq > first:
			rest = append(rest, l.Seq)
		}
	})
	for p := range below {
		if err == nil {
			err = s.purge(ctx, s.txn, s.dead(p), below[p])
		}
	}
	if len(rest) > 0 {
		s.o.Log.Info().Int("letters", len(rest)).Msg("dead letters that a replay makes again are removed one by one, because others stay whose events are gone")
	}
	for _, seq := range rest {
		if err == nil {
			err = s.secureDelete(ctx, s.txn, seq)
		}
	}
	return err
}

// letters calls fn with the dead letters stored before a sequence, and whether a replay reads their events again. A letter whose raw event is
// gone is the only copy left.
func (s *Stream) letters(ctx context.Context, bound uint64, fn func(l Letter, again bool)) error {
	return s.each(ctx, s.txn, s.prefix+".dead.*", 1, func(m storedMessage) error {
		if m.seq >= bound {
			return errStop
		}
		l := letter(m)
		raw, found, err := s.next(ctx, s.events, schemas.SubjectRaw(l.Partition), l.Event.Seq)
		if err == nil {
			fn(l, found && raw.seq == l.Event.Seq)
		}
		return err
	})
}

// unmark lets the loops go on. A rival that finished the same reset has done so already.
func (s *Stream) unmark(ctx context.Context, m resetMark, marks map[int]uint64, quiet []uint64) error {
	for p, seq := range marks {
		newest, _, err := s.last(ctx, s.events, schemas.SubjectRaw(p))
		if err != nil {
			return err
		}
		o := offset{Gen: m.Gen, At: s.now().UTC(), Quiet: quiet[p]}
		if !m.KeepState {
			o.Replay = newest.seq
		}
		data, err := json.Marshal(o)
		if err != nil {
			return fmt.Errorf("reset: %w", err)
		}
		if _, err := s.store(ctx, fenced(s.offset(p), data, seq)); err != nil && !errors.Is(err, schemas.ErrFenced) {
			return fmt.Errorf("reset: %w", err)
		}
	}
	return nil
}

// setGeneration writes the generation of TXN, first where it survives the loss of TXN. With it goes what is left to do in the tables.
func (s *Stream) setGeneration(ctx context.Context, m resetMark) error {
	b := &boot{s: s, held: map[string]held{}}
	for _, at := range [][2]string{{s.events, metaGen + "." + s.namespace}, {s.txn, metaGen}} {
		name, key := at[0], at[1]
		if err := b.look(ctx, name); err != nil {
			return err
		}
		if !b.held[name].found {
			return streamLost(name, "is missing")
		}
		if old, err := strconv.ParseUint(b.held[name].meta(key), 10, 64); err == nil && old >= m.Gen {
			continue
		}
		meta := map[string]string{key: strconv.FormatUint(m.Gen, 10)}
		if name == s.txn && !m.KeepState && !m.KeepOut {
			meta[metaOutdated] = meta[key]
		}
		if err := b.amend(ctx, name, meta); err != nil {
			return err
		}
	}
	return nil
}

// Outdated gives the generation before which a replay has made all rows again, so that what is left of older ones is to be removed from the
// tables once CaughtUp has returned; 0 = nothing is to be removed.
func (s *Stream) Outdated(ctx context.Context) (gen uint64, err error) {
	b := &boot{s: s, held: map[string]held{}}
	if err := b.look(ctx, s.txn); err != nil || b.held[s.txn].meta(metaOutdated) == "" {
		return 0, err
	}
	if gen, err = strconv.ParseUint(b.held[s.txn].meta(metaOutdated), 10, 64); err != nil {
		return 0, fmt.Errorf("stream %s: metadata %s: %w", s.txn, metaOutdated, err)
	}
	return gen, nil
}

// Removed notes that rows before the generation that Outdated gave are gone, unless another replay has begun since.
func (s *Stream) Removed(ctx context.Context, gen uint64) error {
	b := &boot{s: s, held: map[string]held{}}
	if err := b.look(ctx, s.txn); err != nil || b.held[s.txn].meta(metaOutdated) != strconv.FormatUint(gen, 10) {
		return err
	}
	return b.amend(ctx, s.txn, map[string]string{metaOutdated: ""})
}

// Leftover gives the streams of a namespace other than the live one to whoever drops them, or schemas.ErrNotFound. It must not be closed.
func Leftover(ctx context.Context, o Options) (*Stream, error) {
	s, err := prepare(o)
	if err != nil {
		return nil, err
	}
	b := &boot{s: s, held: map[string]held{}}
	for _, name := range []string{s.txn, s.sink} {
		if err := b.look(ctx, name); err != nil {
			return nil, err
		}
		if b.held[name].found {
			return s, nil
		}
	}
	return nil, fmt.Errorf("streams of %q: %w", o.Namespace, schemas.ErrNotFound)
}

// Drop deletes the streams of a namespace other than the live one, for instance when a replay is done with. Its generation stays, for rows made
// in it later to outrank those in tables that stay, unless forget says that the tables go too.
func (s *Stream) Drop(ctx context.Context, forget bool) error {
	if s.namespace == "" {
		return fmt.Errorf("drop: %w: the live pipeline cannot be dropped", schemas.ErrConflict)
	}
	b := &boot{s: s, held: map[string]held{}}
	if err := b.look(ctx, s.events); err != nil {
		return err
	}
	// The epochs go first: a crash in between leaves streams that nobody expects, which Drop removes when it is called again.
	gone := map[string]string{metaTxn + "." + s.namespace: "", metaSink + "." + s.namespace: ""}
	if forget {
		gone[metaGen+"."+s.namespace] = ""
	}
	if err := b.amend(ctx, s.events, gone); err != nil {
		return err
	}
	for _, name := range []string{s.sink, s.txn} {
		if err := s.js.DeleteStream(ctx, name); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("stream %s: drop: %w: %w", name, schemas.ErrUnavailable, err)
		}
	}
	return nil
}

// Progress counts raw events processed and stored, and output messages that are not in their tables yet.
func (s *Stream) Progress(ctx context.Context) (processed, total, unsunk uint64, err error) {
	if total, err = s.count(ctx, s.events, rawSubjects, 1); err != nil {
		return 0, 0, 0, err
	}
	pending := uint64(0)
	for p := range s.partitions {
		n, err := s.unprocessed(ctx, p)
		if err != nil {
			return 0, 0, 0, err
		}
		pending += n
	}
	tables, err := s.tableStats(ctx)
	for _, t := range tables {
		unsunk += t.pending
	}
	return total - min(total, pending), total, unsunk, err
}

// drainLook is how often Drained looks again after the stream did not answer.
const drainLook = 100 * time.Millisecond

// Drained returns once every stored event is processed and every output is in its table, or when ctx ends. Loops must be running.
func (s *Stream) Drained(ctx context.Context) error {
	for {
		err := s.CaughtUp(ctx)
		idle := false
		if err == nil {
			idle, err = s.idle(ctx)
		}
		if idle {
			return nil
		}
		if ctx.Err() != nil {
			return s.undrained(cmp.Or(err, ctx.Err()))
		}
		if err != nil { // the server may be starting
			_ = schemas.Wait(ctx, drainLook)
		}
	}
}

// idle says whether there is nothing to process and nothing to write.
func (s *Stream) idle(ctx context.Context) (bool, error) {
	for p := range s.partitions {
		newest, found, err := s.last(ctx, s.events, schemas.SubjectRaw(p))
		if err != nil {
			return false, err
		}
		o, _, err := s.readOffset(ctx, p)
		if err != nil || found && !o.through(newest.seq) {
			return false, err
		}
	}
	return s.sunk(ctx, math.MaxUint64)
}

// undrained tells how far the pipeline has come.
func (s *Stream) undrained(reason error) error {
	ctx, cancel := context.WithTimeout(context.Background(), budget)
	defer cancel()
	processed, total, unsunk, err := s.Progress(ctx)
	return fmt.Errorf("not drained: %d of %d events processed, %d outputs to write: %w", processed, total, unsunk, errors.Join(reason, err))
}
