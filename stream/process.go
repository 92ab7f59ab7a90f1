package stream

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"deskstream/schemas"
)

const (
	// maxEvents and maxEventBytes bound one batch, firstEvents is the bound of a loop's first one.
	maxEvents     = 3000
	maxEventBytes = 8 << 20
	firstEvents   = 750
	// slowCommit is how long a commit may take until batches become smaller: one that takes longer than its budget is lost.
	slowCommit = budget / 4
	// linger is the shortest time between two commits of a partition that has little to do. An event that comes alone does not wait.
	linger = 20 * time.Millisecond
	// pauseCommits and longestPause are how that time grows with the time a commit takes.
	pauseCommits = 2
	longestPause = 100 * time.Millisecond
	// backlog is the number of waiting events from which sinks need not hurry.
	backlog = 2000
	// prefetchBytes bounds the events read ahead while a batch is committed.
	prefetchBytes = 8 << 20
	// watchdog is how long a reader may be silent before the loop looks itself.
	watchdog = 5 * time.Second
	// maxRounds bounds how often a processor may ask for more rows for one batch.
	maxRounds = 32
	// expectFill is the part of a commit a batch is meant to fill, expectDecay how fast a batch of many messages is forgotten.
	expectFill  = 0.9
	expectDecay = 0.95
)

// errReset says that a replay is being prepared.
var errReset = errors.New("the partition is being reset")

// refusal is an error of the processor, as opposed to one of the stream: trying the same events again would not help.
type refusal struct {
	class  string
	reason error
}

func (r *refusal) Error() string { return r.class + ": " + r.reason.Error() }

func (r *refusal) Unwrap() error { return r.reason }

// Process runs p over one partition until ctx ends; it finishes the commit under way and returns nil. Several processes may run the same
// partition: they fence each other off and the result is exact, but one is enough. It returns an error only when partition is not
// one of the stream.
func (s *Stream) Process(ctx context.Context, partition int, p Processor) error {
	if partition < 0 || partition >= s.partitions {
		return fmt.Errorf("process: %w: partition %d, there are %d", schemas.ErrInvalid, partition, s.partitions)
	}
	part := "process " + strconv.Itoa(partition)
	wait := newBackoff(50*time.Millisecond, 5*time.Second)
	for ctx.Err() == nil {
		l := &loop{s: s, partition: partition, processor: p, heat: newWarmth(warmBytes), limit: firstEvents, most: firstEvents, wait: wait, waiting: &s.waiting[partition]}
		l.cache, l.replaced.most = newRowCache(p, l.heat), replacedBytes(s.o.MaxBytesTxn)
		s.restart(ctx, part, "processor", l.run(ctx))
		l.waiting.Store(0)
		wait.sleep(ctx)
	}
	s.troubles.set(part, s.now(), nil)
	return nil
}

// restart notes why a loop begins anew. Being fenced is normal where there are rivals, a refused size with a server that takes no more.
func (s *Stream) restart(ctx context.Context, part, what string, err error) {
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, schemas.ErrFenced), errors.Is(err, errReset), errors.Is(err, errBatchTooLarge):
		s.o.Log.Debug().Str("part", part).Err(err).Msg(what + " starts again from the record")
	default:
		s.troubles.set(part, s.now(), err)
		s.o.Log.Warn().Str("part", part).Err(err).Msg(what + " starts again from the record")
	}
}

// loop is one life of a partition's processor, from reading the record to the first error. Whatever it holds in memory follows from the
// record, so that dropping it is always right.
type loop struct {
	s         *Stream
	partition int
	processor Processor
	wait      *backoff

	shared   sync.RWMutex // of fence, inFlight and journal, which questions about people look at
	rec      offset
	fence    uint64          // stream sequence of the record
	inFlight *inFlightCommit // commit under way, nil when there is none
	journal  *journal
	cache    *rowCache
	heat     *warmth  // of the rows of journal and cache
	file     *rowFile // nil when nobody looks rows up, or there is no room for it
	replaced replacedRows
	feed     *feed[schemas.Event]
	queue    []schemas.Event // read, not yet processed
	limit    int             // events of the next batch
	most     int             // events of a batch whose commit does not take too long
	begun    time.Time       // of the last commit
	took     time.Duration   // by the last commit
	waiting  *atomic.Uint64  // events behind the one received last
	perEvent float64         // messages an event makes, at most, of late
	rows     int             // of state that the last batch needed
	sent     sentIDs
	woken    chan struct{}
	stuck    uint64 // event that was there but not delivered when the loop looked last
}

func (l *loop) run(ctx context.Context) (err error) {
	if l.rec, l.fence, err = l.s.readOffset(ctx, l.partition); err != nil {
		return err
	}
	if l.rec.Reset != nil {
		return errReset
	}
	if err := l.unspill(ctx); err != nil {
		return err
	}
	if err := l.loadJournal(ctx); err != nil {
		return err
	}
	if err := l.survey(ctx); err != nil {
		return err
	}
	if err := l.moveAll(ctx); err != nil {
		return err
	}
	unlisten, err := l.listen()
	if err != nil {
		return err
	}
	defer unlisten()
	unanswer, err := l.answerLooks(ctx)
	if err != nil {
		return err
	}
	defer unanswer()
	defer l.fillFile(ctx)()
	l.feed = newFeed[schemas.Event](prefetchBytes)
	stop, err := l.s.follow(ctx, l.s.events, schemas.SubjectRaw(l.partition), l.rec.In+1, func(m storedMessage) {
		l.waiting.Store(m.pending)
		e := received(m)
		l.decode(&e)
		l.feed.put(e, len(m.data))
	})
	if err != nil {
		return err
	}
	defer stop()
	defer l.feed.close() // before stop, which waits for a blocked put
	defer func() { err = errors.Join(err, l.awaitCommit()) }()
	for {
		if err := l.collect(ctx); err != nil || len(l.queue) == 0 || ctx.Err() != nil {
			return err
		}
		if err := l.step(ctx); err != nil {
			return err
		}
	}
}

// decode lets the processor look at an event while an earlier batch is worked on. A panic is left to Apply, which makes a dead letter.
func (l *loop) decode(e *schemas.Event) {
	d, ok := l.processor.(Decoder)
	if !ok {
		return
	}
	defer func() {
		if recover() != nil {
			e.Decoded = nil
		}
	}()
	d.Decode(e)
}

// collect waits until there is a batch; the queue is empty when ctx has ended. While the partition has little to do it waits until the
// last commit has ended and is some milliseconds old, so that events that come close together share a commit.
func (l *loop) collect(ctx context.Context) error {
	timer := time.NewTimer(watchdog)
	defer timer.Stop()
	for {
		l.queue = append(l.queue, l.feed.take(l.limit-len(l.queue))...)
		rest := l.pause() - time.Since(l.begun)
		if len(l.queue) >= l.limit || (len(l.queue) > 0 && rest <= 0 && l.inFlight == nil) {
			return nil
		}
		if rest = l.s.publisher.nap(rest); len(l.queue) == 0 || l.inFlight != nil {
			rest = watchdog
		}
		timer.Reset(rest)
		select {
		case <-l.feed.ready:
		case got := <-l.commitDone():
			if err := l.finishCommit(got); err != nil {
				return err
			}
		case <-l.woken:
			if l.inFlight == nil {
				if err := l.unchanged(ctx); err != nil {
					return err
				}
			}
		case <-timer.C:
			if len(l.queue) == 0 && l.inFlight == nil {
				if err := l.look(ctx); err != nil {
					return err
				}
			}
		case <-ctx.Done():
			l.queue = nil
			return nil
		}
	}
}

// pause is the shortest time between the beginnings of two commits while there is little to do. Where commits take long the machine is
// busy: the pause grows with them, so that they leave it some time. It grows too while many publishers wait.
func (l *loop) pause() time.Duration {
	return l.s.publisher.stretched(max(linger, min(pauseCommits*l.took, longestPause)))
}

// behind says whether more events wait than a few commits take.
func (l *loop) behind() bool {
	return int(l.waiting.Load())+l.feed.len()+len(l.queue) > backlog
}

// look finds out whether the silent reader has missed something, because a subscription can die without an error.
func (l *loop) look(ctx context.Context) error {
	m, found, err := l.s.next(ctx, l.s.events, schemas.SubjectRaw(l.partition), l.rec.In+1)
	if err != nil {
		return err
	}
	if found && l.stuck == m.seq {
		return fmt.Errorf("partition %d: %w: event %d was not delivered", l.partition, schemas.ErrUnavailable, m.seq)
	}
	l.stuck = m.seq
	if err := l.unchanged(ctx); err != nil {
		return err
	}
	l.s.troubles.set("process "+strconv.Itoa(l.partition), l.s.now(), nil)
	return nil
}

// unchanged makes sure that nobody else has written the record.
func (l *loop) unchanged(ctx context.Context) error {
	if o, fence, err := l.s.readOffset(ctx, l.partition); err != nil || fence != l.fence || o.Reset != nil {
		return errors.Join(err, fmt.Errorf("partition %d: %w", l.partition, schemas.ErrFenced))
	}
	return nil
}

// listen notes when somebody asks to look at the record.
func (l *loop) listen() (stop func(), err error) {
	l.woken = make(chan struct{}, 1)
	sub, err := l.s.o.Conn.Subscribe(l.s.wake(), func(*nats.Msg) { signal(l.woken) })
	if err != nil {
		return nil, fmt.Errorf("partition %d: %w: %w", l.partition, schemas.ErrUnavailable, err)
	}
	return func() { _ = sub.Unsubscribe() }, nil
}

// step processes the first events of the queue in one commit, which it starts. Events that the processor refuses are tried in ever
// smaller batches until the culprit is alone; it becomes a dead letter and the others are not affected.
func (l *loop) step(ctx context.Context) error {
	l.begun = time.Now()
	batch := l.hushed(untilSettings(l.queue[:cut(l.queue, l.limit, maxEventBytes)]))
	state := make(schemas.State, l.rows)
	res, packed, err := l.work(ctx, batch, state)
	l.rows = len(state)
	var refused *refusal
	switch {
	case errors.As(err, &refused) && len(batch) > 1:
		l.narrow(len(batch)/2, state)
		return nil
	case errors.As(err, &refused):
		l.forget(state)
		res = schemas.Result{Dead: []schemas.DeadLetter{{Event: batch[0], Class: refused.class, Reason: refused.reason.Error()}}}
		l.s.o.Log.Error().Int("partition", l.partition).Uint64("event", batch[0].Seq).Str("class", refused.class).Msg("event becomes a dead letter")
		if packed, err = l.pack(res); err != nil {
			return err
		}
	case err != nil:
		return err
	case len(packed.msgs) >= l.s.maxMessages() && len(batch) > 1:
		l.expect(len(batch), packed)
		l.narrow(min(len(batch)-1, l.fits()), state)
		return nil
	}
	if err := l.awaitCommit(); err != nil {
		return err
	}
	if err := l.startCommit(ctx, batch, res, packed); err != nil {
		return err
	}
	l.queue = l.queue[len(batch):]
	l.widen(len(batch), packed)
	return nil
}

// untilSettings cuts a batch where the settings of a source change: what comes before is put out under those that it came under, however late it is
// processed. A retention decides what is put out and counted at all.
func untilSettings(batch []schemas.Event) []schemas.Event {
	for n := 1; n < len(batch); n++ {
		if batch[n].Kind == schemas.KindSource {
			return batch[:n]
		}
	}
	return batch
}

// hushed cuts a batch where outputs begin again that are not in their tables.
func (l *loop) hushed(batch []schemas.Event) []schemas.Event {
	if batch[0].Seq > l.rec.Quiet {
		return batch
	}
	n := 1
	for n < len(batch) && batch[n].Seq <= l.rec.Quiet {
		n++
	}
	return batch[:n]
}

// narrow tries again with fewer events.
func (l *loop) narrow(n int, state schemas.State) {
	l.limit = max(n, 1)
	l.forget(state)
}

// widen lets the next batch grow again, as far as its messages are expected to fit.
func (l *loop) widen(events int, p packed) {
	l.expect(events, p)
	l.limit = min(l.most, l.limit+l.limit/4+1, l.fits())
}

// pace bounds the next batches by the time that the commit of one has taken.
func (l *loop) pace(took time.Duration) {
	switch {
	case took > slowCommit:
		l.most = max(l.most/2, 1)
	case took < slowCommit/2:
		l.most = min(l.most+l.most/4+1, maxEvents)
	}
}

// expect learns how many messages an event makes: at once when there are more than before, slowly when there are fewer. While the journal
// is too large as many rows have to leave it as come into it.
func (l *loop) expect(events int, p packed) {
	messages := float64(len(p.msgs) - len(p.moved))
	if rows := float64(p.rows); l.journal.swollen() {
		messages = max(messages+rows, rows/swollenRows*l.room())
	}
	l.perEvent = max(messages/float64(events), expectDecay*l.perEvent)
}

// fits is how many events are expected to fill a commit. Some room is left, because a batch that does not fit is worked on twice.
func (l *loop) fits() int {
	if l.perEvent*maxEvents <= l.room() {
		return maxEvents
	}
	return max(1, int(l.room()/l.perEvent))
}

// room is how many messages a commit is meant to have.
func (l *loop) room() float64 { return expectFill * float64(l.s.maxMessages()) }

// work lets the processor do its part and packs the result. state gets the rows that the processor may have changed.
func (l *loop) work(ctx context.Context, batch []schemas.Event, state schemas.State) (schemas.Result, packed, error) {
	if err := l.load(ctx, batch, state); err != nil {
		return schemas.Result{}, packed{}, err
	}
	l.s.crash("process.loaded")
	res, err := guard(func() (schemas.Result, error) { return l.processor.Apply(batch, state) })
	if err != nil {
		return res, packed{}, err
	}
	l.s.crash("process.applied")
	if batch[0].Seq <= l.rec.Quiet {
		res.Outputs = nil
	}
	p, err := l.pack(res)
	return res, p, err
}

// guard turns an error or a panic of the processor into a refusal.
func guard[T any](fn func() (T, error)) (out T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &refusal{"panic", errors.New("the processor panicked: " + panicText(r))}
		}
	}()
	out, err = fn()
	if err != nil {
		class := "parse"
		if errors.Is(err, schemas.ErrInvalid) {
			class = "invalid"
		}
		err = &refusal{class, err}
	}
	return out, err
}

// panicText says what happened without showing data: runtime errors hold only numbers and types, other values may hold anything.
func panicText(r any) string {
	if err, ok := r.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("value of type %T", r)
}

// load gets the rows the processor asks for, from memory or from the stream, until it asks for nothing new.
func (l *loop) load(ctx context.Context, batch []schemas.Event, state schemas.State) error {
	for range maxRounds {
		keys, err := guard(func() ([]string, error) { return l.processor.Keys(batch, state), nil })
		if err != nil {
			return err
		}
		missing := map[string]string{} // subject to key
		fresh := false
		for _, key := range keys {
			have, asked := state[key]
			if asked && !have.Missing() {
				continue
			}
			fresh = true
			if row, ok := l.row(key); ok {
				state[key] = row
				continue
			}
			if !validKey(key) {
				return &refusal{"invalid", fmt.Errorf("state key %.100q is not made of tokens", key)}
			}
			if sum := l.cache.sumOf(key); sum != 0 && !asked {
				state[key] = &schemas.StateRow{Sum: sum}
				continue
			}
			state[key] = &schemas.StateRow{}
			if l.cache.absent(key) {
				l.cache.put(key, state[key], true)
				continue
			}
			if data, ok := l.file.newest(key); ok {
				if len(data) > 0 {
					state[key].Data = data
				}
				l.cache.put(key, state[key], false)
				continue
			}
			missing[l.s.state(l.partition, key)] = key
		}
		if !fresh {
			return nil
		}
		if err := l.fetch(ctx, state, missing); err != nil {
			return err
		}
	}
	return &refusal{"invalid", fmt.Errorf("the processor still asks for rows after %d rounds", maxRounds)}
}

// fetch reads rows from the stream. Rows that do not exist are remembered too.
func (l *loop) fetch(ctx context.Context, state schemas.State, missing map[string]string) error {
	subjects := make([]string, 0, len(missing))
	for subject := range missing {
		subjects = append(subjects, subject)
	}
	exists := make(map[string]bool, len(missing))
	err := l.s.lasts(ctx, l.s.txn, subjects, func(m storedMessage) error {
		exists[m.subject] = true
		if len(m.data) > 0 {
			state[missing[m.subject]].Data = m.data
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	for subject, key := range missing {
		l.cache.put(key, state[key], !exists[subject])
	}
	return nil
}
