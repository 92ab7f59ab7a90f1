package stream

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"deskstream/schemas"
)

// fill processes n events, so that there are outputs to sink.
func fill(t *testing.T, s *Stream, from, n int) []schemas.Event {
	t.Helper()
	var events []schemas.Event
	for i := from; i < from+n; i++ {
		events = append(events, click("acme"+strconv.Itoa(i%20%3), "c"+strconv.Itoa(i%20), i, uint64(i)))
	}
	publish(t, s, events...)
	return events
}

// TestSinkFaults lets inserts fail before, between and after: with tokens and a look the result is exact.
func TestSinkFaults(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	acts.faults, counts.faults, acts.deaf = 0.1, 0.1, true
	run(t, s, counters, acts, counts)
	var events []schemas.Event
	for i := range 8 {
		before := acts.len()
		events = append(events, fill(t, s, i*100, 100)...)
		eventually(t, "the next block begins", func() bool { return acts.len() > before })
	}
	drain(t, s)
	checkExact(t, events, acts, counts)
	if acts.recoveries+counts.recoveries == 0 {
		t.Fatal("nothing had to be recovered: the test shows nothing")
	}
}

// TestSinkWithoutTokens is the negative control: a sink that neither looks nor sends tokens makes duplicates under the same faults.
func TestSinkWithoutTokens(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	acts := newTable(schemas.TableActivities)
	acts.deaf, acts.blind = true, true
	run(t, s, counters, acts, newTable(schemas.TableActivityCounts))
	for i := range 10 {
		before := acts.len()
		fill(t, s, i*50, 50)
		eventually(t, "the next block begins", func() bool { return acts.len() > before })
	}
	drain(t, s)
	if ids := acts.ids(t); acts.len() <= len(ids) {
		t.Fatalf("%d rows of %d events: the faults of the other test do nothing", acts.len(), len(ids))
	}
}

// TestRivalSinks runs two sinks of one table at the same time.
func TestRivalSinks(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	acts.delay = 2 * time.Millisecond
	run(t, s, counters, acts, counts)
	ctx, cancel := context.WithCancel(t.Context())
	var rival sync.WaitGroup
	rival.Go(func() { _ = s.Sink(ctx, acts) })
	var events []schemas.Event
	for i := range 30 {
		before := acts.len()
		events = append(events, fill(t, s, i*50, 50)...)
		eventually(t, "the next block begins", func() bool { return acts.len() > before })
	}
	drain(t, s)
	cancel()
	rival.Wait()
	checkExact(t, events, acts, counts)
	if n := counterValue(t, s.metrics.fenced.WithLabelValues("sink")); n < 1 {
		t.Fatal("no record was fenced: the sinks were no rivals")
	}
}

// TestSinkBlocks checks that blocks are bounded and cut where the generation changes.
func TestSinkBlocks(t *testing.T) {
	t.Parallel()
	w := &writer{}
	for _, c := range []struct {
		name  string
		queue []output
		n     int
		full  bool
	}{
		{"empty", nil, 0, false},
		{"few", []output{{seq: 1, gen: 1, rows: 10}, {seq: 2, gen: 1, rows: 10}}, 2, false},
		{"rows", []output{{seq: 1, gen: 1, rows: 15_000}, {seq: 2, gen: 1, rows: 6_000}}, 1, true},
		{"exactly", []output{{seq: 1, gen: 1, rows: 15_000}, {seq: 2, gen: 1, rows: 5_000}}, 2, true},
		{"bytes", []output{{seq: 1, gen: 1, rows: 1, size: blockBytes - 1}, {seq: 2, gen: 1, rows: 1, size: 2}}, 1, true},
		{"one large", []output{{seq: 1, gen: 1, rows: 1, size: blockBytes + 1}, {seq: 2, gen: 1, rows: 1}}, 1, true},
		{"generation", []output{{seq: 1, gen: 1, rows: 1}, {seq: 2, gen: 2, rows: 1}}, 1, true},
	} {
		w.queue = c.queue
		if n, full := w.fits(); n != c.n || full != c.full {
			t.Errorf("%s: %d %v, want %d %v", c.name, n, full, c.n, c.full)
		}
	}
}

// blocks records what it is given, and can hold up or refuse.
type blocks struct {
	mu   sync.Mutex
	got  []schemas.Block
	fail func(schemas.Block) error
}

func (*blocks) Table() string { return schemas.TableActivities }

func (b *blocks) Write(_ context.Context, block schemas.Block) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got = append(b.got, block)
	if b.fail != nil {
		return b.fail(block)
	}
	return nil
}

// TestSinkRepeatsTheSameBlock checks that a failed block comes back with the same borders, in this life and in the next.
func TestSinkRepeatsTheSameBlock(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	sink := &blocks{fail: func(schemas.Block) error { return errors.New("down") }}
	stop := run(t, s, counters, sink)
	fill(t, s, 0, 100)
	eventually(t, "the block was tried twice", func() bool {
		sink.mu.Lock()
		defer sink.mu.Unlock()
		return len(sink.got) >= 2
	})
	fill(t, s, 100, 100) // must not join the block
	stop()
	sink.mu.Lock()
	first := sink.got[0]
	if first.Recover || first.Gen != 1 || first.Epoch == "" || len(first.Messages) == 0 {
		t.Fatalf("first block %+v", first)
	}
	for i, b := range sink.got[1:] {
		if !b.Recover || b.From != first.From || b.To != first.To || len(b.Messages) != len(first.Messages) {
			t.Fatalf("try %d: recover %v, %d-%d, want %d-%d", i+2, b.Recover, b.From, b.To, first.From, first.To)
		}
	}
	sink.got, sink.fail = nil, nil
	sink.mu.Unlock()
	run(t, s, counters, sink, newTable(schemas.TableActivityCounts))
	drain(t, s)
	sink.mu.Lock()
	defer sink.mu.Unlock()
	if b := sink.got[0]; !b.Recover || b.From != first.From || b.To != first.To || len(b.Messages) != len(first.Messages) {
		t.Fatalf("after the restart: recover %v, %d-%d, want %d-%d", b.Recover, b.From, b.To, first.From, first.To)
	}
	if sink.got[1].Recover || sink.got[1].From <= first.To {
		t.Fatalf("next block %d-%d", sink.got[1].From, sink.got[1].To)
	}
}

// TestSinkStopsClean checks that a stop while a block is written waits for it, so that the next start has nothing to recover.
func TestSinkStopsClean(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	begun := make(chan struct{})
	var once sync.Once
	sink := &blocks{fail: func(schemas.Block) error {
		once.Do(func() { close(begun) })
		time.Sleep(50 * time.Millisecond)
		return nil
	}}
	fill(t, s, 0, 50)
	stop := run(t, s, counters, sink)
	<-begun
	stop()
	in, err := s.intents(t.Context())
	if err != nil || !in[schemas.TableActivities].Done {
		t.Fatalf("%+v %v: the block is not settled", in, err)
	}
}

func TestSinkPanics(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	tries := 0
	sink := &blocks{fail: func(schemas.Block) error {
		if tries++; tries < 3 {
			panic("trap")
		}
		return nil
	}}
	fill(t, s, 0, 10)
	run(t, s, counters, sink, newTable(schemas.TableActivityCounts))
	drain(t, s)
	if err := s.Sink(t.Context(), newTable("no table")); !errors.Is(err, schemas.ErrInvalid) {
		t.Fatalf("unknown table: %v", err)
	}
}

// TestSinkWaits checks how long rows wait for others: longer when they are late anyway or only sum up, after slow writes, and while many publishers wait.
func TestSinkWaits(t *testing.T) {
	t.Parallel()
	s := &Stream{o: Options{SinkLinger: 200 * time.Millisecond}, publisher: &publisher{}}
	now := time.Now()
	for name, c := range map[string]struct {
		w    writer
		want time.Duration
	}{
		"a row":                 {writer{table: schemas.TableTickets, queue: []output{{at: now}, {at: now.Add(time.Second)}}}, 200 * time.Millisecond},
		"with a backlog":        {writer{table: schemas.TableTickets, queue: []output{{at: now}, {at: now.Add(5 * time.Second), behind: true}}}, 5 * time.Second},
		"a backlog's end":       {writer{table: schemas.TableTickets, queue: []output{{at: now}, {at: now.Add(time.Second), behind: true}}}, 1600 * time.Millisecond},
		"caught up":             {writer{table: schemas.TableTickets, queue: []output{{at: now, behind: true}, {at: now}}}, 200 * time.Millisecond},
		"a sum":                 {writer{table: schemas.TablePersonStats, queue: []output{{at: now}}}, time.Second},
		"after slow write":      {writer{table: schemas.TableTickets, queue: []output{{at: now}}, ended: now, took: 150 * time.Millisecond}, 300 * time.Millisecond},
		"after a very slow one": {writer{table: schemas.TableTickets, queue: []output{{at: now}}, ended: now, took: time.Minute}, time.Second},
	} {
		c.w.s = s
		if got := c.w.due().Sub(now); got != c.want {
			t.Errorf("%s waits %s, want %s", name, got, c.want)
		}
	}
	s.publisher.waiting.Store(512)
	for range 5000 {
		s.publisher.press.note(512)
	}
	pressed := writer{s: s, table: schemas.TableTickets, queue: []output{{at: now}}}
	if got := pressed.due().Sub(now); got != mostStretch*200*time.Millisecond {
		t.Errorf("a row waits %s while hundreds publish, want a second", got)
	}
}
