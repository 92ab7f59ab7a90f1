package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"deskstream/schemas"
)

// inFlightCommit is the commit of one batch under way. While it lasts the loop works on the next batch, which sees the rows of this one; the
// next commit starts only when this one has succeeded, because its sequence is the next fence.
type inFlightCommit struct {
	rec    offset
	events int
	res    schemas.Result
	rows   map[string]inFlightRow
	moved  map[string]*journalled // rows that leave the journal
	size   int                    // bytes added to the journal
	ids    map[string]bool        // Msg-Ids of its messages
	done   chan commitResult      // has room for the one value it gets
}

// inFlightRow is a state row that is being stored. The next batch may change row in memory; data stays what is being stored.
type inFlightRow struct {
	row  *schemas.StateRow
	data []byte
}

// idTries is how often a batch is stored again that the server has refused for an id it knows.
const idTries = 5

// commitResult is how a commit ended: the sequence of its record, or an error after which nothing in memory counts.
type commitResult struct {
	fence uint64
	took  time.Duration
	err   error
}

// startCommit starts the commit of a batch; the one before must have ended. A result too large for one commit is stored in steps, for
// which startCommit waits.
func (l *loop) startCommit(ctx context.Context, batch []schemas.Event, res schemas.Result, packed packed) error {
	rec := l.rec
	if rec.In >= rec.Replay {
		rec.Replay = 0
	}
	if rec.In >= rec.Quiet {
		rec.Quiet = 0
	}
	rec.In, rec.At = batch[len(batch)-1].Seq, l.s.now().UTC()
	rec.Events += uint64(len(batch))
	rec.Duplicates += uint64(res.Duplicates)
	rec.Ignored += uint64(res.Ignored)
	rec.Dead += uint64(len(res.Dead))
	f := &inFlightCommit{rec: rec, events: len(batch), res: res, moved: packed.moved, size: packed.journal, ids: packed.ids, done: make(chan commitResult, 1)}
	if len(packed.msgs) >= l.s.maxMessages() { // nothing moves by it, see pack
		compress(packed.packs)
		if err := l.spill(ctx, rec, packed.msgs); err != nil {
			return err
		}
		l.processed(f)
		return nil
	}
	if f.rec.Journal = l.journal.begin(f.moved); f.rec.Journal == 0 {
		f.rec.Journal = l.fence + 1
	}
	f.rows = make(map[string]inFlightRow, len(res.State))
	for key, row := range res.State {
		if row == nil {
			row = &schemas.StateRow{}
		}
		f.rows[key] = inFlightRow{row, row.Data}
	}
	l.shared.Lock()
	l.inFlight = f
	l.shared.Unlock()
	fence := l.fence
	go func() {
		start := time.Now()
		compress(packed.packs)
		seq, err := l.store(ctx, "process", f.rec, fence, packed.msgs)
		if err == nil {
			l.s.crash("process.committed")
		}
		f.done <- commitResult{seq, time.Since(start), err}
	}()
	return nil
}

// commitDone is ready when the commit under way has ended; it never is when there is none.
func (l *loop) commitDone() <-chan commitResult {
	if l.inFlight == nil {
		return nil
	}
	return l.inFlight.done
}

// awaitCommit waits for the commit under way. Any error means that the outcome is unknown or that a rival was faster; the caller drops
// everything and reads the record.
func (l *loop) awaitCommit() error {
	if l.inFlight == nil {
		return nil
	}
	return l.finishCommit(<-l.inFlight.done)
}

// finishCommit takes over what the commit under way has stored.
func (l *loop) finishCommit(got commitResult) error {
	if got.err == nil {
		l.keep(l.inFlight.moved, got.fence)
	}
	l.shared.Lock()
	defer l.shared.Unlock()
	f := l.inFlight
	l.inFlight = nil
	if got.err != nil {
		return got.err
	}
	from := l.fence + 1
	l.rec, l.fence, l.took = f.rec, got.fence, got.took
	l.pace(got.took)
	l.sent.add(f.ids, time.Now())
	for key, r := range f.moved {
		l.journal.remove(key)
		l.cache.put(key, r.row, false)
	}
	if len(f.rows) > 0 {
		l.journal.part(from, f.size)
	}
	for key, r := range f.rows {
		own := !l.cache.absent(key)
		l.cache.drop(key)
		l.journal.put(&journalled{loadedRow: loadedRow{row: r.row, data: r.data}, key: key, from: from, own: own})
	}
	l.journal.trim()
	l.processed(f)
	return nil
}

// processed counts a batch that is stored.
func (l *loop) processed(f *inFlightCommit) {
	l.s.metrics.processed(l.partition, f.events, f.res.Duplicates, f.res.Ignored, len(f.res.Dead))
	l.s.troubles.set("process "+strconv.Itoa(l.partition), l.s.now(), nil)
	l.wait.reset()
}

// row gives a row that is in memory: what is being stored is newer than what is remembered.
func (l *loop) row(key string) (*schemas.StateRow, bool) {
	if l.inFlight != nil {
		if r, ok := l.inFlight.rows[key]; ok {
			return r.row, true
		}
	}
	if r, ok := l.journal.get(key); ok {
		return l.heat.use(&r.loadedRow), true
	}
	return l.cache.get(key)
}

// known says whether the server may know a Msg-Id when the next batch comes.
func (l *loop) known(id string) bool {
	return l.inFlight != nil && l.inFlight.ids[id] || l.sent.has(id, time.Now())
}

// beingStored says whether a row is being stored or moved.
func (l *loop) beingStored(key string) bool {
	if l.inFlight == nil {
		return false
	}
	_, changes := l.inFlight.rows[key]
	_, moves := l.inFlight.moved[key]
	return changes || moves
}

// survey finds out whether the partition has no state at all: then every row there is will be one of this loop's. A rival that stores
// one meanwhile fences this loop off.
func (l *loop) survey(ctx context.Context) error {
	if l.rec.Events > 0 {
		return nil
	}
	_, found, err := l.s.next(ctx, l.s.txn, l.s.state(l.partition, ">"), 1)
	if err == nil && !found {
		l.cache.complete()
	}
	return err
}

// forget undoes what the processor may have done to rows in memory: they will be decoded again, from what is stored or being stored.
func (l *loop) forget(state schemas.State) {
	l.shared.Lock()
	defer l.shared.Unlock()
	for key := range state {
		l.cache.drop(key)
		if r, ok := l.journal.get(key); ok {
			l.heat.cool(&r.loadedRow)
			r.loadedRow = cold(r.data)
		}
		if l.inFlight == nil {
			continue
		}
		if r, ok := l.inFlight.rows[key]; ok {
			l.inFlight.rows[key] = inFlightRow{&schemas.StateRow{Data: r.data}, r.data}
		}
	}
}

// commit stores messages and the record and waits for the answer.
func (l *loop) commit(ctx context.Context, stage string, rec offset, msgs []*nats.Msg) error {
	seq, err := l.store(ctx, stage, rec, l.fence, msgs)
	if err != nil {
		return err
	}
	l.shared.Lock()
	l.rec, l.fence = rec, seq
	l.shared.Unlock()
	return nil
}

// store commits messages and the record, which comes last and is fenced: its sequence is the one the server answers with.
func (l *loop) store(ctx context.Context, stage string, rec offset, fence uint64, msgs []*nats.Msg) (uint64, error) {
	data, err := json.Marshal(rec)
	if err != nil {
		return 0, fmt.Errorf("offset %d: %w", l.partition, err)
	}
	msgs = append(msgs[:len(msgs):len(msgs)], fenced(l.s.offset(l.partition), data, fence))
	// A commit is finished even when the program is asked to end: the budget bounds it.
	seq, err := l.s.timedCommit(context.Background(), stage, msgs)
	for range idTries {
		if !errors.Is(err, errDuplicateID) {
			break
		}
		l.s.metrics.knownIDs.Inc()
		// Until the server has forgotten the id, which another life of this loop has stored.
		if schemas.Wait(ctx, idsKept) != nil { // nothing is stored, and the next life begins with the same events
			return 0, fmt.Errorf("partition %d: %w", l.partition, err)
		}
		seq, err = l.s.timedCommit(context.Background(), stage, msgs)
	}
	if err != nil {
		return 0, fmt.Errorf("partition %d: %w", l.partition, err)
	}
	return seq, nil
}
