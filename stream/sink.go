package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"deskstream/schemas"
)

const (
	// blockRows and blockBytes bound one block, defaultSinkLinger is how long a row waits for others.
	blockRows  = 20_000
	blockBytes = 16 << 20
	// feedBytes bounds what a sink has received and not looked at, compressed as it is.
	feedBytes         = 4 << 20
	defaultSinkLinger = 200 * time.Millisecond
	// A write costs ClickHouse much more than a row does. Rows that are out of date anyway, because the processor that made them has a
	// backlog, wait behindLinger times as long while more come within quietLinger times; rows that only replace older ones of their kind
	// wait summaryLinger times as long.
	behindLinger  = 25
	quietLinger   = 3
	summaryLinger = 5
	// restWrites and longestRest bound the pause behind a slow write.
	restWrites  = 2
	longestRest = time.Second
	// writeGrace is how long a write may go on after the sink was asked to end, which is when the program has waited for it to drain.
	writeGrace = 3 * time.Second
	// staleAfter is the age of an intent from which a rival may have taken it over: its owner was stopped for so long.
	staleAfter = time.Second
)

// intent is the record of a table's sink: the block it is about to write (Done false) or has written. The next intent implies that the
// one before is done.
type intent struct {
	From  uint64    `json:"from"`
	To    uint64    `json:"to"`
	N     int       `json:"n"` // messages
	Gen   uint64    `json:"gen"`
	Epoch string    `json:"epoch"`
	Done  bool      `json:"done"`
	At    time.Time `json:"at"`
}

// through is the last sequence that is surely in the table.
func (i intent) through() uint64 {
	if i.Done || i.From == 0 {
		return i.To
	}
	return i.From - 1
}

// output is a message on its way into a block. Its data stay compressed until the rows are written: much may wait.
type output struct {
	seq, gen uint64
	rows     int
	data     []byte
	encoding string
	size     int       // bytes of the rows
	at       time.Time // received here
	behind   bool      // the processor had a backlog
}

func outputOf(m storedMessage) output {
	o := output{seq: m.seq, gen: 1, rows: 1, data: m.data, encoding: m.header.Get(headerEncoding), at: time.Now(), behind: m.header.Get(headerBehind) != ""}
	o.size = schemas.ExpandedSize(o.data, o.encoding)
	if gen, err := strconv.ParseUint(m.header.Get(headerGen), 10, 64); err == nil {
		o.gen = gen
	}
	if rows, err := strconv.Atoi(m.header.Get(headerRows)); err == nil { // a message of one row does not say so
		o.rows = rows
	}
	return o
}

// Sink moves the outputs of sink's table into it until ctx ends; it finishes the running block and returns nil. Several processes may
// run the same table: the insert tokens keep the result exact, but one is enough.
func (s *Stream) Sink(ctx context.Context, sink Sink) error {
	table := sink.Table()
	if table == "" || schemas.Token(table) != table {
		return fmt.Errorf("sink: %w: %.60q is not a table", schemas.ErrInvalid, table)
	}
	wait := newBackoff(100*time.Millisecond, 5*time.Second)
	for ctx.Err() == nil {
		w := &writer{s: s, sink: sink, table: table, wait: wait}
		s.restart(ctx, "sink "+table, "sink", w.run(ctx))
		wait.sleep(ctx)
	}
	s.troubles.set("sink "+table, s.now(), nil)
	return nil
}

// writer is one life of a table's sink, from reading the record to the first error of the stream.
type writer struct {
	s     *Stream
	sink  Sink
	table string
	wait  *backoff

	rec   intent
	fence uint64
	epoch string
	feed  *feed[output]
	queue []output
	stuck uint64
	ended time.Time     // of the last write that succeeded
	took  time.Duration // by it
}

func (w *writer) run(ctx context.Context) error {
	if err := w.read(ctx); err != nil {
		return err
	}
	if err := w.recover(ctx); err != nil {
		return err
	}
	w.feed = newFeed[output](feedBytes)
	stop, err := w.s.follow(ctx, w.s.txn, w.s.outputs(w.table), w.rec.To+1, func(m storedMessage) { w.feed.put(outputOf(m), len(m.data)) })
	if err != nil {
		return err
	}
	defer stop()
	defer w.feed.close() // before stop, which waits for a blocked put
	for {
		n, err := w.collect(ctx)
		if err != nil || n == 0 {
			return errors.Join(err, w.markDone())
		}
		w.s.crash("sink.collected")
		if err := w.intend(w.queue[:n]); err != nil {
			return err
		}
		if err := w.write(ctx, w.queue[:n], false); err != nil {
			return err
		}
		w.queue = w.queue[n:]
	}
}

// read gets the record and the identity of the outputs.
func (w *writer) read(ctx context.Context) error {
	b := &boot{s: w.s, held: map[string]held{}}
	if err := b.look(ctx, w.s.txn); err != nil {
		return err
	}
	if w.epoch = b.held[w.s.txn].meta(metaEpoch); w.epoch == "" {
		return fmt.Errorf("sink %s: %w: stream %s is gone", w.table, schemas.ErrUnavailable, w.s.txn)
	}
	m, found, err := w.s.last(ctx, w.s.sink, w.s.intent(w.table))
	if err != nil || !found {
		return err
	}
	if err := json.Unmarshal(m.data, &w.rec); err != nil {
		return fmt.Errorf("sink %s: record at %d: %w", w.table, m.seq, err)
	}
	w.fence = m.seq
	if w.rec.Epoch != w.epoch {
		return fmt.Errorf("sink %s: the record belongs to epoch %s of the outputs, there is %s", w.table, w.rec.Epoch, w.epoch)
	}
	return nil
}

// recover finishes a block whose writing was announced and perhaps done: the same messages, the same token, and the sink looks first.
func (w *writer) recover(ctx context.Context) error {
	if w.rec.Done || w.fence == 0 {
		return nil
	}
	var block []output
	err := w.s.each(ctx, w.s.txn, w.s.outputs(w.table), w.rec.From, func(m storedMessage) error {
		if m.seq > w.rec.To {
			return errStop
		}
		block = append(block, outputOf(m))
		return nil
	})
	if err != nil {
		return err
	}
	if len(block) != w.rec.N || block[0].seq != w.rec.From || block[len(block)-1].seq != w.rec.To {
		return fmt.Errorf("sink %s: %d of the %d outputs from %d to %d are left, the block cannot be written again", w.table, len(block), w.rec.N, w.rec.From, w.rec.To)
	}
	if err := w.write(ctx, block, true); err != nil {
		return err
	}
	return w.markDone()
}

// collect waits for outputs and says how many of the queue make the next block: 0 when ctx has ended. While nothing comes the finished
// block is marked as done.
func (w *writer) collect(ctx context.Context) (int, error) {
	timer := time.NewTimer(watchdog)
	defer timer.Stop()
	for {
		n, full := w.fits()
		if !full {
			w.queue = append(w.queue, w.feed.take(blockRows)...)
			n, full = w.fits()
		}
		if full {
			return n, nil
		}
		rest := watchdog
		if n > 0 {
			if rest = w.s.publisher.nap(time.Until(w.due())); rest <= 0 {
				return n, nil
			}
		} else if err := w.markDone(); err != nil {
			return 0, err
		}
		timer.Reset(rest)
		select {
		case <-w.feed.ready:
		case <-timer.C:
			if n == 0 {
				if err := w.look(ctx); err != nil {
					return 0, err
				}
			}
		case <-ctx.Done():
			return 0, nil
		}
	}
}

// due is when the block that waits is written although there is room; while many publishers wait, later. Where writes take long the machine is
// busy: a write is followed by a pause restWrites times as long.
func (w *writer) due() time.Time {
	linger, last := w.s.publisher.stretched(w.s.o.SinkLinger), w.queue[len(w.queue)-1]
	due := w.queue[0].at
	switch {
	case last.behind:
		// The backlog may end here, and a row that says so may never come.
		due = earliest(due.Add(behindLinger*linger), last.at.Add(quietLinger*linger))
	case summaries[w.table]:
		due = due.Add(summaryLinger * linger)
	default:
		due = due.Add(linger)
	}
	if rested := w.ended.Add(min(restWrites*w.took, longestRest)); rested.After(due) {
		return rested
	}
	return due
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// summaries are the tables of rows that sum up what other tables hold one by one.
var summaries = map[string]bool{
	schemas.TablePersonStats: true, schemas.TablePersonActivities: true, schemas.TableActivityCounts: true,
}

// fits says how many outputs of the queue make a block, and whether nothing can be added to it. A block has one generation only.
func (w *writer) fits() (n int, full bool) {
	rows, size := 0, 0
	for i, o := range w.queue {
		if i > 0 && (rows+o.rows > blockRows || size+o.size > blockBytes || o.gen != w.queue[0].gen) {
			return i, true
		}
		rows, size = rows+o.rows, size+o.size
	}
	return len(w.queue), rows >= blockRows || size >= blockBytes*3/4
}

// look finds out whether the silent reader has missed something or a rival has moved on.
func (w *writer) look(ctx context.Context) error {
	m, found, err := w.s.next(ctx, w.s.txn, w.s.outputs(w.table), w.rec.To+1)
	if err != nil {
		return err
	}
	if found && w.stuck == m.seq {
		return fmt.Errorf("sink %s: %w: output %d was not delivered", w.table, schemas.ErrUnavailable, m.seq)
	}
	w.stuck = m.seq
	rec, _, err := w.s.last(ctx, w.s.sink, w.s.intent(w.table))
	if err == nil && rec.seq != w.fence {
		err = fmt.Errorf("sink %s: %w", w.table, schemas.ErrFenced)
	}
	if err == nil {
		w.s.troubles.set("sink "+w.table, w.s.now(), nil)
	}
	return err
}

// intend announces a block before it is written.
func (w *writer) intend(block []output) error {
	rec := intent{
		From: block[0].seq, To: block[len(block)-1].seq, N: len(block), Gen: block[0].gen, Epoch: w.epoch, At: w.s.now().UTC(),
	}
	if err := w.put(rec); err != nil {
		return err
	}
	w.s.crash("sink.intended")
	return nil
}

// markDone records that the last block is written, so that a restart need not look for it.
func (w *writer) markDone() error {
	if w.rec.Done || w.fence == 0 {
		return nil
	}
	rec := w.rec
	rec.Done = true
	if err := w.put(rec); err != nil {
		return err
	}
	w.s.crash("sink.done")
	return nil
}

func (w *writer) put(rec intent) error {
	data, err := json.Marshal(rec)
	if err != nil {
		return fmt.Errorf("sink %s: record: %w", w.table, err)
	}
	a, err := w.s.store(context.Background(), fenced(w.s.intent(w.table), data, w.fence))
	if errors.Is(err, schemas.ErrFenced) {
		w.s.metrics.fenced.WithLabelValues("sink").Inc()
	}
	if err != nil {
		return fmt.Errorf("sink %s: record: %w", w.table, err)
	}
	w.rec, w.fence = rec, a.Seq
	return nil
}

// write hands a block to the sink until it is in the table. After an error the block may be there: the sink looks first.
func (w *writer) write(ctx context.Context, block []output, again bool) error {
	b := schemas.Block{Table: w.table, From: w.rec.From, To: w.rec.To, Epoch: w.epoch, Gen: w.rec.Gen, Recover: again}
	for _, o := range block {
		b.Messages = append(b.Messages, schemas.BlockMessage{Seq: o.seq, Data: o.data, Encoding: o.encoding})
	}
	wait := newBackoff(100*time.Millisecond, 30*time.Second)
	begun := time.Now()
	for {
		b.Recover = b.Recover || time.Since(begun) > staleAfter
		start := time.Now()
		err := w.try(ctx, b)
		if err == nil {
			w.ended = time.Now()
			w.took = w.ended.Sub(start)
			break
		}
		w.s.metrics.sinkRetries.WithLabelValues(w.table).Inc()
		w.s.troubles.set("sink "+w.table, w.s.now(), err)
		w.s.o.Log.Warn().Str("table", w.table).Uint64("from", b.From).Uint64("to", b.To).Err(err).Msg("block is not written, will try again")
		wait.sleep(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("sink %s: block %d-%d: %w", w.table, b.From, b.To, err)
		}
		b.Recover = true
		if err := w.own(ctx); err != nil {
			return err
		}
	}
	w.s.crash("sink.written")
	w.s.troubles.set("sink "+w.table, w.s.now(), nil)
	w.wait.reset()
	return nil
}

// own makes sure before another try that no rival has finished the block meanwhile.
func (w *writer) own(ctx context.Context) error {
	m, found, err := w.s.last(ctx, w.s.sink, w.s.intent(w.table))
	if err == nil && (!found || m.seq != w.fence) {
		return fmt.Errorf("sink %s: %w", w.table, schemas.ErrFenced)
	}
	return nil // when the stream does not answer the write is still safe to repeat
}

// try calls the sink once. A write that runs when ctx ends has some seconds to finish, so that the next start has nothing to recover.
func (w *writer) try(ctx context.Context, b schemas.Block) (err error) {
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(writeGrace, cancel) })
	defer stop()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("sink %s panicked: %s", w.table, panicText(r))
		}
	}()
	return w.sink.Write(run, b)
}
