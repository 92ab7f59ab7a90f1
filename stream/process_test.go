package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"deskstream/schemas"
)

func trap(i int, kind string, n uint64) schemas.Event {
	e := click("acme", "c1", i, n)
	e.ID = "trap:" + kind + ":" + strconv.Itoa(i)
	e.Data, _ = json.Marshal(clicks{Counter: "c1", N: n, Trap: kind})
	return e
}

// TestRivalProcessors runs two loops on every partition at the same time, with repeats in the input.
func TestRivalProcessors(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	s := open(t, o)
	var fences atomic.Int64
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	slow := func() Processor { return &slowProcessor{counter{}, &fences} }
	run(t, s, slow, acts, counts)
	run(t, s, slow)
	var events []schemas.Event
	for i := range 4000 {
		events = append(events, click("acme"+strconv.Itoa(i%5), "c"+strconv.Itoa(i%40), i, uint64(i)))
	}
	for i := 0; i < len(events); i += 100 {
		publish(t, s, events[i:i+100]...)
		publish(t, s, events[i/2:i/2+20]...)
	}
	drain(t, s)
	checkExact(t, events, acts, counts)
	checkState(t, s)
	if n := counterValue(t, s.metrics.fenced.WithLabelValues("process")); n < 1 {
		t.Fatal("no commit was fenced: the loops were no rivals")
	}
}

// checkState checks that every row has one message of its own at most, because a new version replaces the one before.
func checkState(t *testing.T, s *Stream) {
	t.Helper()
	rows := map[string]bool{}
	err := s.each(t.Context(), s.txn, s.prefix+".state.>", 1, func(m storedMessage) error {
		if !strings.HasSuffix(m.subject, journalKey) && rows[m.subject] {
			t.Errorf("%s is stored twice", m.subject)
		}
		rows[m.subject] = true
		return nil
	})
	if err != nil || len(rows) == 0 {
		t.Fatalf("%d rows: %v", len(rows), err)
	}
}

// slowProcessor makes rivals overlap.
type slowProcessor struct {
	counter
	n *atomic.Int64
}

func (p *slowProcessor) Apply(events []schemas.Event, state schemas.State) (schemas.Result, error) {
	time.Sleep(time.Duration(p.n.Add(1)%5) * time.Millisecond)
	return p.counter.Apply(events, state)
}

// TestPoison puts events among the others that make the processor panic, fail, or that it cannot read.
func TestPoison(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	var good, all []schemas.Event
	bad := map[string]string{}
	for i := range 1500 {
		e := click("acme", "c"+strconv.Itoa(i%10), i, uint64(i))
		switch i % 500 {
		case 77:
			e = trap(i, "panic", 1)
			bad[e.ID] = "panic"
		case 78:
			e = trap(i, "error", 1)
			bad[e.ID] = "parse"
		case 499:
			e.ID, e.Data = "garbage:"+strconv.Itoa(i), []byte("{{{")
			bad[e.ID] = "invalid"
		default:
			good = append(good, e)
		}
		all = append(all, e)
	}
	publish(t, s, all...)
	stop := run(t, s, counters, acts, counts)
	drain(t, s)
	checkExact(t, good, acts, counts)
	letters := deadLetters(t, s)
	got := map[string]string{}
	for _, l := range letters {
		if _, twice := got[l.Event.ID]; twice {
			t.Fatalf("%s is dead twice", l.Event.ID)
		}
		got[l.Event.ID] = l.Class
		if l.Event.Seq == 0 || l.Event.Account != "acme" || len(l.Event.Data) == 0 || l.Reason == "" || l.At.IsZero() {
			t.Fatalf("letter is not whole: %+v", l)
		}
	}
	if !reflect.DeepEqual(got, bad) {
		t.Fatalf("dead %v, want %v", got, bad)
	}
	stop()
	retryLetters(t, s, letters, all, good)
}

// retryLetters repairs the processor and brings the letters back, twice.
func retryLetters(t *testing.T, s *Stream, letters []Letter, all, good []schemas.Event) {
	t.Helper()
	for _, l := range letters {
		if l.Class == "invalid" {
			if err := s.DeadDrop(t.Context(), l.Seq); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := s.DeadRetry(t.Context(), l.Seq); err != nil {
			t.Fatal(err)
		}
		if err := s.DeadRetry(t.Context(), l.Seq); !errors.Is(err, schemas.ErrNotFound) {
			t.Fatalf("second retry: %v, want ErrNotFound", err)
		}
	}
	if left := deadLetters(t, s); len(left) != 0 {
		t.Fatalf("%d letters are left", len(left))
	}
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	if err := s.ResetForReplay(t.Context(), time.Time{}); err != nil {
		t.Fatal(err)
	}
	run(t, s, func() Processor { return &counter{fixed: true} }, acts, counts)
	drain(t, s)
	var usable []schemas.Event
	for _, e := range all {
		if string(e.Data) != "{{{" {
			usable = append(usable, e)
		}
	}
	if len(usable) <= len(good) {
		t.Fatal("the test retries nothing")
	}
	checkExact(t, usable, acts, counts)
}

func deadLetters(t *testing.T, s *Stream) (all []Letter) {
	t.Helper()
	after := uint64(0)
	for {
		page, next, err := s.DeadList(t.Context(), 2, after)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
		if next == 0 {
			return all
		}
		after = next
	}
}

// TestDecodeAhead lets a processor decode ahead of Apply. What it panics over comes to Apply without, and harms nothing else.
func TestDecodeAhead(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	var events []schemas.Event
	for i := range 2 * maxEvents {
		events = append(events, click("acme", "c"+strconv.Itoa(i%10), i, uint64(i)))
	}
	publish(t, s, events...)
	p := &decoder{t: t, trap: events[7].ID}
	run(t, s, func() Processor { return p }, acts, counts)
	drain(t, s)
	checkExact(t, events, acts, counts)
	if len(deadLetters(t, s)) != 0 || !p.trapped.Load() {
		t.Fatalf("%d dead letters, want none; panicked: %t", len(deadLetters(t, s)), p.trapped.Load())
	}
}

// decoder decodes ahead and checks that every event it applies was, but for one that it panics over.
type decoder struct {
	mu sync.Mutex // partitions share it
	counter
	t       *testing.T
	trap    string
	trapped atomic.Bool
}

func (d *decoder) Decode(e *schemas.Event) {
	e.Decoded = e.ID
	if e.ID == d.trap {
		d.trapped.Store(true)
		panic("a trap")
	}
}

func (d *decoder) Apply(events []schemas.Event, state schemas.State) (schemas.Result, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range events {
		if id, _ := e.Decoded.(string); (e.ID == d.trap) != (id == "") || id != "" && id != e.ID {
			d.t.Errorf("event %s came with %q", e.ID, id)
		}
	}
	return d.counter.Apply(events, state)
}

// TestSettingsEndABatch: however many events wait, the settings of a source are the first of their batch, so that nothing is worked on under later ones.
func TestSettingsEndABatch(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	var all, events []schemas.Event
	settings := 0
	for i := range 60 {
		e := click("acme", "c"+strconv.Itoa(i%10), i, uint64(i))
		if i%7 == 3 || i == 25 {
			e.Kind = schemas.KindSource // of which the processor makes nothing
			settings++
		} else {
			events = append(events, e)
		}
		all = append(all, e)
	}
	publish(t, s, all...)
	p := &witness{t: t}
	run(t, s, func() Processor { return p }, acts, counts)
	drain(t, s)
	checkExact(t, events, acts, counts)
	if n := int(p.first.Load()); n != settings {
		t.Fatalf("%d batches began with settings, want %d", n, settings)
	}
}

// witness expects settings at the beginning of a batch only.
type witness struct {
	mu sync.Mutex // partitions share it
	counter
	t     *testing.T
	first atomic.Int64
}

func (w *witness) Apply(events []schemas.Event, state schemas.State) (schemas.Result, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, e := range events {
		if e.Kind != schemas.KindSource {
			continue
		}
		if w.first.Add(1); i > 0 {
			w.t.Errorf("settings are the event %d of a batch", i)
		}
	}
	return w.counter.Apply(events, state)
}

// TestDeadRetryInPlace retries under a running, repaired processor without a replay.
func TestDeadRetryInPlace(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	events := []schemas.Event{click("acme", "c1", 1, 1), trap(2, "panic", 5), click("acme", "c1", 3, 1)}
	publish(t, s, events...)
	stop := run(t, s, counters)
	eventually(t, "the event is dead", func() bool { return len(deadLetters(t, s)) == 1 })
	stop()
	l := deadLetters(t, s)[0]
	if shown, err := s.DeadShow(t.Context(), l.Seq); err != nil || shown.Event.ID != events[1].ID {
		t.Fatal(shown, err)
	}
	if _, err := s.DeadShow(t.Context(), l.Seq+1); !errors.Is(err, schemas.ErrNotFound) {
		t.Fatalf("no letter: %v", err)
	}
	run(t, s, func() Processor { return &counter{fixed: true} }, acts, counts)
	if err := s.DeadRetry(t.Context(), l.Seq); err != nil {
		t.Fatal(err)
	}
	drain(t, s)
	checkExact(t, events, acts, counts)
}

// TestLargeResults has batches whose results do not fit into one commit, and one event whose result alone does not.
func TestLargeResults(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	s.small.Store(true)
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	var events []schemas.Event
	for i := range 600 { // 600 activities and 600 states
		events = append(events, click("acme", "c"+strconv.Itoa(i), i, 1))
	}
	events = append(events, trap(9000, "wide", 2500), click("acme", "c1", 9001, 1), trap(9002, "wide", 1200), click("acme", "c1", 9003, 1))
	publish(t, s, events...)
	run(t, s, counters, acts, counts)
	drain(t, s)
	checkExact(t, events, acts, counts)
	checkState(t, s)
	if n := counterValue(t, s.metrics.spills); n != 2 {
		t.Fatalf("%v spills, want 2", n)
	}
	rows := storedRows(t, s, schemas.Partition("acme", 2))
	for i := range 2500 {
		want := "x"
		if i < 1200 {
			want = "xx"
		}
		if got := rows["w."+strconv.Itoa(i)]; got != want {
			t.Fatalf("row %d is %q, want %q", i, got, want)
		}
	}
}

// storedRows gives the state of a partition as a restart finds it: the rows' own messages, and over them the journal.
func storedRows(t *testing.T, s *Stream, p int) map[string]string {
	t.Helper()
	rows := map[string]string{}
	prefix := s.state(p, "")
	err := s.each(t.Context(), s.txn, prefix+">", 1, func(m storedMessage) error {
		if key := strings.TrimPrefix(m.subject, prefix); key != journalKey {
			rows[key] = string(m.data)
		}
		return nil
	})
	if err == nil {
		err = s.each(t.Context(), s.txn, s.state(p, journalKey), 1, func(m storedMessage) error {
			return readJournal(m.data, func(key string, data []byte) { rows[key] = string(data) })
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestUnusableResults checks that what a processor must not make becomes a dead letter instead of blocking the partition.
func TestUnusableResults(t *testing.T) {
	t.Parallel()
	for name, result := range map[string]schemas.Result{
		"key":      {State: map[string]*schemas.StateRow{"a b": {Data: []byte("x")}}},
		"wildcard": {State: map[string]*schemas.StateRow{"a.>": {Data: []byte("x")}}},
		"row":      {State: map[string]*schemas.StateRow{"a": {Data: make([]byte, 3<<20)}}},
		"table":    {Outputs: []schemas.Output{{Table: "no table", Data: []byte("{}")}}},
		"lines":    {Outputs: []schemas.Output{{Table: schemas.TableNames, Data: []byte("{\n}")}}},
		"subject":  {Outputs: []schemas.Output{{Table: schemas.TableActivities, Subject: "deskstream.activity.*", Data: []byte("{}")}}},
		"elsewhere": {Outputs: []schemas.Output{
			{Table: schemas.TableNames, Subject: "deskstream.activity.acme.x", Data: []byte("{}")},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testStream(t)
			publish(t, s, click("acme", "c", 1, 1))
			run(t, s, func() Processor { return fixedResult{result} })
			eventually(t, "the event is dead", func() bool { return len(deadLetters(t, s)) == 1 })
		})
	}
}

type fixedResult struct{ res schemas.Result }

func (f fixedResult) Keys([]schemas.Event, schemas.State) []string { return nil }

func (f fixedResult) Apply([]schemas.Event, schemas.State) (schemas.Result, error) { return f.res, nil }

// TestDeletedRows checks that a row set to nil is gone, in memory and after a restart.
func TestDeletedRows(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	seen := make(chan string, 10)
	p := func() Processor { return &toggler{seen} }
	next := func(i int, want string) {
		t.Helper()
		publish(t, s, click("acme", "c", i, 1))
		if got := <-seen; got != want {
			t.Fatalf("event %d found %q, want %q", i, got, want)
		}
	}
	stop := run(t, s, p)
	next(1, "")
	next(2, "here")
	next(3, "")
	next(4, "here")
	stop()
	run(t, s, p)
	next(5, "")
	drain(t, s)
	checkState(t, s)
}

// toggler creates its row when it is not there and deletes it when it is.
type toggler struct{ seen chan string }

func (*toggler) Keys([]schemas.Event, schemas.State) []string { return []string{"row"} }

func (p *toggler) Apply(_ []schemas.Event, state schemas.State) (schemas.Result, error) {
	p.seen <- string(state["row"].Data)
	row := &schemas.StateRow{Data: []byte("here")}
	if len(state["row"].Data) > 0 {
		row = nil
	}
	return schemas.Result{State: map[string]*schemas.StateRow{"row": row}}, nil
}

// TestStopFinishesTheBatch ends the loop while it works: the batch is committed and Process returns nil.
func TestStopFinishesTheBatch(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	p := schemas.Partition("acme", 2)
	begun, release := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Process(ctx, p, &gate{begun: begun, release: release}) }()
	publish(t, s, click("acme", "c", 1, 1))
	<-begun
	cancel()
	close(release)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if o, _, err := s.readOffset(t.Context(), p); err != nil || o.Events != 1 {
		t.Fatalf("%+v %v: the batch was not committed", o, err)
	}
}

type gate struct {
	begun, release chan struct{}
	once           sync.Once
}

func (*gate) Keys([]schemas.Event, schemas.State) []string { return nil }

func (g *gate) Apply([]schemas.Event, schemas.State) (schemas.Result, error) {
	g.once.Do(func() { close(g.begun) })
	<-g.release
	return schemas.Result{}, nil
}

// TestBacklog tells of events that wait while the loop stands still, and of none when it has ended.
func TestBacklog(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	for i := range 40 {
		e := click("acme", "c", i, 1)
		e.Data = []byte(`"` + strings.Repeat("x", prefetchBytes/16) + `"`)
		publish(t, s, e)
	}
	g := &gate{begun: make(chan struct{}), release: make(chan struct{})}
	stop := run(t, s, func() Processor { return g })
	<-g.begun
	eventually(t, "most events wait", func() bool { n := s.Backlog(); return n >= 5 && n < 40 })
	close(g.release)
	drain(t, s)
	stop()
	if n := s.Backlog(); n != 0 {
		t.Errorf("%d events wait behind the end", n)
	}
}

// TestProcessWhenFull fills TXN: the processor stops without losing anything and goes on when outputs were taken.
func TestProcessWhenFull(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	o.MaxBytesTxn = 1 << 20
	o.Now = func() time.Time { return time.Now().Add(48 * time.Hour) } // activities are old enough to go
	s := open(t, o)
	var events []schemas.Event
	for i := range 4000 {
		events = append(events, click("acme", "c"+strconv.Itoa(i%10), i, 1))
	}
	publish(t, s, events...)
	run(t, s, func() Processor { return forgetful{} })
	eventually(t, "the server refuses a commit", func() bool {
		err := s.troubles.lasting(s.now().Add(troubleAfter))
		return err != nil && strings.Contains(err.Error(), "maximum bytes")
	})
	acts := newTable(schemas.TableActivities)
	run(t, s, func() Processor { return forgetful{} }, acts)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	for {
		if err := s.clean(ctx, true); err != nil {
			t.Fatal(err)
		}
		short, done := context.WithTimeout(ctx, 200*time.Millisecond)
		err := s.Drained(short)
		done()
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	if got := acts.ids(t); len(got) != len(events) {
		t.Fatalf("%d events are in the table, want %d", len(got), len(events))
	}
}

// forgetful emits an activity per event and keeps no state.
type forgetful struct{}

func (forgetful) Keys([]schemas.Event, schemas.State) []string { return nil }

func (forgetful) Apply(events []schemas.Event, _ schemas.State) (schemas.Result, error) {
	var res schemas.Result
	for _, e := range events {
		data := fmt.Appendf(nil, `{"id":%q,"x":"%0300d"}`, e.ID, 1)
		res.Outputs = append(res.Outputs, schemas.Output{
			Table: schemas.TableActivities, Subject: schemas.SubjectActivity(e.Account, "click"), ID: e.ID, Data: data,
		})
	}
	return res, nil
}

func TestProcessUnknownPartition(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	for _, p := range []int{-1, 2} {
		if err := s.Process(t.Context(), p, &counter{}); !errors.Is(err, schemas.ErrInvalid) {
			t.Errorf("partition %d: %v, want ErrInvalid", p, err)
		}
	}
}

func TestPackedMessages(t *testing.T) {
	t.Parallel()
	want := []*nats.Msg{
		{Subject: "a.b", Header: nats.Header{"Nats-Rollup": {"sub"}, "X": {""}}, Data: []byte("one")},
		{Subject: "c", Header: nats.Header{}, Data: []byte{}},
	}
	var b []byte
	for _, m := range want {
		b = encodeMessage(b, m)
	}
	got, err := decodeMessages(b)
	if err != nil || len(got) != 2 {
		t.Fatal(len(got), err)
	}
	for i := range want {
		if got[i].Subject != want[i].Subject || !reflect.DeepEqual(got[i].Header, want[i].Header) || string(got[i].Data) != string(want[i].Data) {
			t.Fatalf("message %d is %+v", i, got[i])
		}
	}
	for i := 1; i < len(b); i++ {
		if got, err := decodeMessages(b[:i]); err == nil && len(got) == 2 {
			t.Fatalf("cut at %d of %d: no error", i, len(b))
		}
	}
}

func FuzzDecodeMessages(f *testing.F) {
	f.Add(encodeMessage(nil, &nats.Msg{Subject: "a", Header: nats.Header{"k": {"v"}}, Data: []byte("d")}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, b []byte) {
		msgs, err := decodeMessages(b)
		if err != nil {
			return
		}
		var again []byte
		for _, m := range msgs {
			again = encodeMessage(again, m)
		}
		if back, err := decodeMessages(again); err != nil || len(back) != len(msgs) {
			t.Fatalf("%d messages became %d: %v", len(msgs), len(back), err)
		}
	})
}
