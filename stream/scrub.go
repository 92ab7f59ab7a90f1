package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"deskstream/schemas"
)

const (
	// storeBlock is the largest file of messages the server makes: it begins another one at this size (filestore.go of nats-server).
	storeBlock = 8 << 20
	// fillBytes is the size of one message that fills such a file.
	fillBytes = 512 << 10
	// letterPage is how many dead letters are moved in one go.
	letterPage = 8
	// fillKey is the state key of these messages; processors' keys have no leading underscore.
	fillKey = "_fill"
)

// Scrub removes from the disk what was deleted, replaced or purged in TXN before it was called. The server leaves such bytes in its files
// until a file holds nothing else. So Scrub begins a new file and moves everything that is still needed behind it: rows of state are
// stored again as they are, the journal is spread into its rows, outputs that are in their tables go.
//
// Activities go before their day is over, except those that a consumer with acknowledgements has not acknowledged yet: of these the ones
// that drop names are overwritten, and the files they are in stay until they go. Processors must be running.
func (s *Stream) Scrub(ctx context.Context, drop func(activity []byte) bool) (dropped uint64, err error) {
	end, err := s.turn(ctx)
	if err != nil {
		return 0, fmt.Errorf("scrub: %w", err)
	}
	s.crash("scrub.turned")
	if err := s.spread(ctx); err != nil {
		return 0, fmt.Errorf("scrub: journal: %w", err)
	}
	s.crash("scrub.spread")
	if err := s.restate(ctx, end); err != nil {
		return 0, fmt.Errorf("scrub: state: %w", err)
	}
	if err := s.moveDead(ctx, end); err != nil {
		return 0, fmt.Errorf("scrub: dead letters: %w", err)
	}
	s.crash("scrub.restated")
	if dropped, err = s.flush(ctx, end, drop); err != nil {
		return dropped, fmt.Errorf("scrub: outputs: %w", err)
	}
	if err := s.startAnew(ctx); err != nil {
		return dropped, fmt.Errorf("scrub: %w", err)
	}
	return dropped, s.purge(ctx, s.txn, s.state(0, fillKey), ^uint64(0))
}

// startAnew lets the loops begin another life, in which they find out under which sequences their rows are now.
func (s *Stream) startAnew(ctx context.Context) error {
	for p := range s.partitions {
		if err := s.fenceOff(ctx, p, func(*offset) {}); err != nil {
			return err
		}
	}
	return s.wakeAll()
}

// turn makes the server begin a new file and gives a sequence in it: all messages of older files are before it.
func (s *Stream) turn(ctx context.Context) (end uint64, err error) {
	data := make([]byte, min(fillBytes, s.maxData))
	for n := 0; n <= storeBlock; n += len(data) {
		a, err := s.store(ctx, rolled(s.state(0, fillKey), data))
		if err != nil {
			return 0, err
		}
		end = a.Seq
	}
	return end, nil
}

// spread asks the loops to move all rows out of their journals, waits for them, and purges the journals.
func (s *Stream) spread(ctx context.Context) error {
	for p := range s.partitions {
		if err := s.fenceOff(ctx, p, func(o *offset) { o.Move = true }); err != nil {
			return err
		}
	}
	if err := s.wakeAll(); err != nil {
		return err
	}
	for p := range s.partitions {
		err := untilSo(ctx, func() (bool, error) {
			o, _, err := s.readOffset(ctx, p)
			return !o.Move, err
		})
		if err != nil {
			return err
		}
	}
	return s.cleanJournal(ctx)
}

// wakeAll has the loops look at their records.
func (s *Stream) wakeAll() error {
	if err := s.o.Conn.Publish(s.wake(), nil); err != nil {
		return fmt.Errorf("stream: %w: %w", schemas.ErrUnavailable, err)
	}
	return nil
}

// fenceOff stores a partition's record anew, with a mark or without, which fences its loop off: it starts again and finds the mark.
func (s *Stream) fenceOff(ctx context.Context, p int, mark func(*offset)) error {
	return untilSo(ctx, func() (bool, error) {
		o, fence, err := s.readOffset(ctx, p)
		if err != nil || fence == 0 || o.Reset != nil {
			return err == nil, err
		}
		mark(&o)
		data, err := json.Marshal(o)
		if err == nil {
			_, err = s.store(ctx, fenced(s.offset(p), data, fence))
		}
		if errors.Is(err, schemas.ErrFenced) {
			return false, nil
		}
		return err == nil, err
	})
}

// moveAll moves every row out of the journal.
func (l *loop) moveAll(ctx context.Context) error {
	for l.rec.Move {
		moved, msgs, size := map[string]*journalled{}, []*nats.Msg(nil), 0
		for el := l.journal.order.Front(); el != nil && len(msgs) < moveRows && size < erasePageBytes; el = el.Next() {
			r := el.Value.(*journalled)
			moved[r.key], msgs, size = r, append(msgs, l.own(r)), size+len(r.data)
		}
		rec := l.rec
		if rec.Journal = l.journal.begin(moved); rec.Journal == 0 {
			rec.Journal, rec.Move = l.fence+1, false
		}
		if err := l.commit(ctx, "move", rec, msgs); err != nil {
			return err
		}
		l.s.crash("move.committed")
		for key, r := range moved {
			l.journal.remove(key)
			l.cache.put(key, r.row, false)
		}
		l.journal.trim()
	}
	return nil
}

// restate stores the rows of state up to a sequence again, each as it is: a row that a loop changes meanwhile is newer and wins. Rows that
// do not exist any more leave no trace. It looks again until nothing is left, because what is gone before it is read ends a sweep early.
func (s *Stream) restate(ctx context.Context, end uint64) error {
	for {
		p := &restatement{s: s}
		_, err := s.sweep(ctx, s.txn, []string{s.prefix + ".state.>"}, 1, func(m storedMessage) error {
			if m.seq > end {
				return errStop
			}
			return p.add(ctx, m)
		})
		if err == nil {
			err = p.store(ctx)
		}
		if err != nil || !p.found {
			return err
		}
	}
}

// restatement is a page of rows that are stored again.
type restatement struct {
	s     *Stream
	found bool // there was a row, in this page or one before
	rows  []*nats.Msg
	gone  []uint64
	size  int
}

func (p *restatement) add(ctx context.Context, m storedMessage) error {
	switch {
	case p.s.internal(m.subject):
		return nil
	case len(m.data) == 0:
		p.gone = append(p.gone, m.seq)
	default:
		p.rows = append(p.rows, fenced(m.subject, m.data, m.seq))
	}
	p.found, p.size = true, p.size+len(m.data)
	if len(p.rows)+len(p.gone) < erasePage && p.size < erasePageBytes {
		return nil
	}
	return p.store(ctx)
}

func (p *restatement) store(ctx context.Context) error {
	err := errors.Join(p.s.again(ctx, p.rows), p.s.deleteAll(ctx, p.gone))
	p.rows, p.gone, p.size = nil, nil, 0
	return err
}

// moveDead stores dead letters up to a sequence again and overwrites the old ones. When it is cut off in between a letter is there twice,
// which does no harm: its event is recognised.
func (s *Stream) moveDead(ctx context.Context, end uint64) error {
	filter := s.prefix + ".dead.*"
	for {
		var letters []*nats.Msg
		var old []uint64
		err := s.each(ctx, s.txn, filter, 1, func(m storedMessage) error {
			if m.seq > end || len(old) == letterPage {
				return errStop
			}
			l := letter(m)
			letters, old = append(letters, deadMessage(m.subject, l.DeadLetter)), append(old, m.seq)
			return nil
		})
		if err != nil || len(old) == 0 {
			return err
		}
		if _, err := s.timedCommit(ctx, "letters", letters); err != nil {
			return err
		}
		if err := s.overwrite(ctx, s.txn, filter, old); err != nil {
			return err
		}
	}
}

// internal says whether a subject holds something of ours among the rows of state.
func (s *Stream) internal(subject string) bool {
	for p := range s.partitions {
		if subject == s.state(p, journalKey) || subject == s.state(p, fillKey) {
			return true
		}
	}
	return false
}

// again stores rows that nobody has changed, and removes those that were read beside the ones that replaced them.
func (s *Stream) again(ctx context.Context, rows []*nats.Msg) error {
	if len(rows) == 0 {
		return nil
	}
	_, err := s.timedCommit(ctx, "scrub", rows)
	if !errors.Is(err, schemas.ErrFenced) {
		return err
	}
	if rows, err = s.withoutReplaced(ctx, rows); err != nil || len(rows) == 0 {
		return err
	}
	if _, err = s.timedCommit(ctx, "scrub", rows); !errors.Is(err, schemas.ErrFenced) {
		return err
	}
	for _, m := range rows { // some change all the time
		unbatch(m)
		_, err := s.store(ctx, m)
		if errors.Is(err, schemas.ErrFenced) { // a newer one replaces it, which may still have to be removed
			_, err = s.withoutReplaced(ctx, []*nats.Msg{m})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unbatch takes what a batch adds to a message away.
func unbatch(m *nats.Msg) {
	for _, h := range []string{headerBatch, headerBatchSeq, headerCommit} {
		m.Header.Del(h)
	}
}

// withoutReplaced gives the rows that are the newest of their subject, and removes the messages that the others were read from.
func (s *Stream) withoutReplaced(ctx context.Context, rows []*nats.Msg) (newest []*nats.Msg, err error) {
	subjects, last := make([]string, len(rows)), make(map[string]string, len(rows))
	for i, m := range rows {
		subjects[i] = m.Subject
	}
	slices.Sort(subjects)
	err = s.lasts(ctx, s.txn, slices.Compact(subjects), func(m storedMessage) error {
		last[m.subject] = strconv.FormatUint(m.seq, 10)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var replaced []uint64
	for _, m := range rows {
		unbatch(m)
		if read := m.Header.Get(headerExpected); read == last[m.Subject] {
			newest = append(newest, m)
		} else if seq, err := strconv.ParseUint(read, 10, 64); err == nil {
			replaced = append(replaced, seq)
		}
	}
	return newest, s.deleteAll(ctx, replaced)
}

// deleteAll deletes rows that hold nothing or that others have replaced; those that are gone already do not matter.
func (s *Stream) deleteAll(ctx context.Context, seqs []uint64) error {
	if len(seqs) == 0 {
		return nil
	}
	st, err := s.js.Stream(ctx, s.txn)
	for _, seq := range seqs {
		if err == nil {
			if e := st.DeleteMsg(ctx, seq); e != nil && s.present(ctx, s.txn, s.prefix+".state.>", seq) {
				err = e
			}
		}
	}
	if err != nil {
		return fmt.Errorf("stream %s: delete: %w: %w", s.txn, schemas.ErrUnavailable, err)
	}
	return nil
}

// flush purges the outputs up to a sequence once they are in their tables.
func (s *Stream) flush(ctx context.Context, end uint64, drop func([]byte) bool) (dropped uint64, err error) {
	if err := untilSo(ctx, func() (bool, error) { return s.sunk(ctx, end) }); err != nil {
		return 0, err
	}
	held, err := s.held(ctx)
	if err != nil {
		return 0, err
	}
	for _, table := range schemas.Tables {
		below := end + 1
		if table == schemas.TableActivities && held < below {
			if dropped, err = s.dropActivities(ctx, held, below, drop); err != nil {
				return dropped, err
			}
			below = held
		}
		if needed, err := s.undelivered(ctx, table, below); err != nil {
			return dropped, err
		} else if needed < below {
			if err := s.dropEntries(ctx, needed, below, drop); err != nil {
				return dropped, err
			}
			below = needed
		}
		if err := s.purgeBelow(ctx, s.txn, s.outputs(table), below, true); err != nil {
			return dropped, err
		}
	}
	return dropped, nil
}

// held gives the first sequence that another program's consumer may still need, the largest number when there is none.
func (s *Stream) held(ctx context.Context) (uint64, error) {
	st, err := s.js.Stream(ctx, s.txn)
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w: %w", s.txn, schemas.ErrUnavailable, err)
	}
	held := ^uint64(0)
	list := st.ListConsumers(ctx)
	for c := range list.Info() {
		if c.Config.AckPolicy != jetstream.AckNonePolicy {
			held = min(held, c.AckFloor.Stream+1)
		}
	}
	if err := list.Err(); err != nil {
		return 0, fmt.Errorf("stream %s: consumers: %w: %w", s.txn, schemas.ErrUnavailable, err)
	}
	return held, nil
}

// dropActivities overwrites the activities from one sequence to below another that drop names.
func (s *Stream) dropActivities(ctx context.Context, from, below uint64, drop func([]byte) bool) (uint64, error) {
	filter := s.outputs(schemas.TableActivities)
	var seqs []uint64
	err := s.each(ctx, s.txn, filter, from, func(m storedMessage) error {
		if m.seq >= below {
			return errStop
		}
		if drop(m.data) {
			seqs = append(seqs, m.seq)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return uint64(len(seqs)), s.overwrite(ctx, s.txn, filter, seqs)
}
