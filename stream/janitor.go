package stream

import (
	"context"
	"errors"
	"strconv"
	"time"

	"deskstream/schemas"
)

const (
	// metaEvery is how often positions are recorded; purgeEvery how often the streams are cleaned while they have room.
	metaEvery  = 5 * time.Second
	purgeEvery = time.Minute
	// noteTime bounds the count at the end.
	noteTime = 2 * time.Second
	// purgeFrom is the number of messages from which cleaning is worth the work while there is room.
	purgeFrom = 1000
	// Activities stay for other programs: those of a day, but not more than a million.
	activitiesFor  = 24 * time.Hour
	activitiesKeep = 1_000_000
	// crowded is the filling in percent from which raw events go before their time and outputs as soon as they can.
	crowded = 80
)

// Janitor purges what is no longer needed and records positions in Meta until ctx ends (nil). One process needs to run it. Outputs go
// when they are in their tables; raw events when they are processed and either older than Options.RawRetention or in the way.
func (s *Stream) Janitor(ctx context.Context) error {
	tick := time.NewTicker(metaEvery)
	defer tick.Stop()
	var purged time.Time
	for {
		err := s.saveMeta(ctx)
		if crowd, e := s.crowded(ctx); e != nil {
			err = errors.Join(err, e)
		} else if crowd || time.Since(purged) > purgeEvery {
			err = errors.Join(err, s.clean(ctx, crowd))
			purged = time.Now()
		}
		if ctx.Err() == nil {
			s.troubles.set("janitor", s.now(), err)
			if err != nil {
				s.o.Log.Warn().Err(err).Msg("janitor could not finish, will try again")
			}
		}
		select {
		case <-ctx.Done():
			s.noteLast(context.WithoutCancel(ctx))
			return nil
		case <-tick.C:
		}
	}
}

// noteLast brings the ledger of EVENTS up to its end, so that what becomes of the store while nothing runs is noticed by the next start.
func (s *Stream) noteLast(ctx context.Context) {
	if s.namespace != "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, noteTime)
	defer cancel()
	err := s.noteRecords(ctx)
	for p := range s.partitions {
		if err == nil {
			err = s.note(ctx, s.events, schemas.SubjectRaw(p), 0)
		}
	}
	if err != nil {
		s.o.Log.Warn().Err(err).Msg("the last messages were not counted")
	}
}

// saveMeta records what the streams hold. Streams that were exchanged or cut under the running program are reported and not recorded:
// the record is what proves it at the next start.
func (s *Stream) saveMeta(ctx context.Context) error {
	if s.o.Meta == nil {
		return nil
	}
	b := &boot{s: s, recorded: s.recorded.all(), held: map[string]held{}}
	for _, name := range []string{s.events, s.txn, s.sink} {
		if err := b.look(ctx, name); err != nil {
			return err
		}
		if why := b.trouble(name); why != "" {
			return streamLost(name, why)
		}
	}
	return b.record(ctx)
}

func (s *Stream) crowded(ctx context.Context) (bool, error) {
	for _, name := range []string{s.events, s.txn} {
		i, err := s.info(ctx, name)
		if err != nil {
			return false, err
		}
		if full(i.State.Bytes, i.Config.MaxBytes) {
			return true, nil
		}
	}
	return false, nil
}

func full(bytes uint64, limit int64) bool { return limit > 0 && bytes > uint64(limit)/100*crowded }

// clean purges once. The raw events are shared by all namespaces, so only the live pipeline purges them.
func (s *Stream) clean(ctx context.Context, crowd bool) error {
	if err := errors.Join(s.cleanOutputs(ctx, crowd), s.cleanJournal(ctx)); err != nil {
		return err
	}
	if s.namespace != "" {
		return nil
	}
	return s.cleanRaw(ctx)
}

func (s *Stream) cleanOutputs(ctx context.Context, crowd bool) error {
	intents, err := s.intents(ctx)
	if err != nil {
		return err
	}
	for _, table := range schemas.Tables {
		below := intents[table].through() + 1
		if consumed(table) {
			if below, err = s.oldConsumed(ctx, table, below); err != nil {
				return err
			}
			if below, err = s.undelivered(ctx, table, below); err != nil {
				return err
			}
		}
		if err := s.purgeBelow(ctx, s.txn, s.outputs(table), below, crowd); err != nil {
			return err
		}
	}
	return nil
}

// oldConsumed gives the sequence below which the rows of a table are of no use to other programs.
func (s *Stream) oldConsumed(ctx context.Context, table string, sunk uint64) (uint64, error) {
	filter := s.outputs(table)
	young, found, err := s.since(ctx, s.txn, filter, s.now().Add(-activitiesFor))
	if err != nil || !found {
		return sunk, err
	}
	below := min(sunk, young.seq)
	n, err := s.count(ctx, s.txn, filter, below)
	if err != nil || n <= activitiesKeep {
		return below, err
	}
	// Messages of a table lie more or less evenly between the first and the last: cut in proportion.
	i, err := s.info(ctx, s.txn)
	if err != nil {
		return below, err
	}
	return min(sunk, below+uint64(float64(i.State.LastSeq-below)*float64(n-activitiesKeep)/float64(n))), nil
}

func (s *Stream) cleanRaw(ctx context.Context) error {
	i, err := s.info(ctx, s.events)
	if err != nil {
		return err
	}
	if err := s.noteRecords(ctx); err != nil {
		return err
	}
	crowd := full(i.State.Bytes, i.Config.MaxBytes)
	for p := range s.partitions {
		o, _, err := s.readOffset(ctx, p)
		if err != nil {
			return err
		}
		if o.Reset != nil || o.Spill != nil {
			continue
		}
		below, err := s.oldRaw(ctx, p, o.In+1, crowd)
		if err != nil {
			return err
		}
		if err := s.purgeBelow(ctx, s.events, schemas.SubjectRaw(p), below, crowd); err != nil {
			return err
		}
	}
	return nil
}

// oldRaw gives the sequence below which a partition's raw events may go: those past their time, and when the stream is crowded the
// older half of the processed ones.
func (s *Stream) oldRaw(ctx context.Context, p int, processed uint64, crowd bool) (uint64, error) {
	filter := schemas.SubjectRaw(p)
	below := uint64(0)
	if s.o.RawRetention > 0 {
		young, found, err := s.since(ctx, s.events, filter, s.now().Add(-s.o.RawRetention))
		if err != nil {
			return 0, err
		}
		below = processed
		if found {
			below = min(processed, young.seq)
		}
	}
	if crowd {
		first, found, err := s.next(ctx, s.events, filter, 1)
		if err != nil {
			return 0, err
		}
		if found && first.seq < processed {
			below = max(below, first.seq+(processed-first.seq+1)/2)
		}
	}
	return below, nil
}

// purgeBelow purges what matches filter below a sequence, when that is enough to be worth it. The ledger is brought in line first, so
// that what is missing afterwards is known to be purged.
func (s *Stream) purgeBelow(ctx context.Context, name, filter string, below uint64, crowd bool) error {
	all, err := s.count(ctx, name, filter, 1)
	if err != nil {
		return err
	}
	kept, err := s.count(ctx, name, filter, below)
	if err != nil {
		return err
	}
	gone := all - min(all, kept)
	if gone == 0 || (gone < purgeFrom && !crowd) {
		return s.note(ctx, name, filter, 0)
	}
	if err := s.note(ctx, name, filter, below); err != nil {
		return err
	}
	if name == s.events {
		if err := s.markPurged(ctx, "1"); err != nil {
			return err
		}
	}
	s.crash("janitor.ledger")
	if err := s.purge(ctx, name, filter, below); err != nil {
		return err
	}
	s.crash("janitor.purged")
	s.o.Log.Debug().Str("stream", name).Str("filter", filter).Str("messages", strconv.FormatUint(gone, 10)).Msg("purged")
	return nil
}
