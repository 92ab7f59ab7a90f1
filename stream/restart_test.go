package stream

import (
	"context"
	"encoding/json"
	"errors"
	"hash/maphash"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"deskstream/local"
	"deskstream/schemas"
)

// TestServerRestarts stops and starts the server under running loops and a publisher that repeats what was not acknowledged.
func TestServerRestarts(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	dir := t.TempDir()
	start := func() *local.NATS {
		t.Helper()
		n, err := local.StartNATS(local.NATSOptions{Dir: dir, MaxStore: 1 << 30, Log: zerolog.Nop(), Listen: address})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	server := start()
	defer func() { server.Close() }()
	nc, err := nats.Connect("nats://"+address, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	s := open(t, Options{
		Conn: nc, Log: testLog(t), Partitions: 2, SinkLinger: 5 * time.Millisecond, journal: bounds{rows: 30, bytes: 64 << 10}, MaxBytesEvents: 64 << 20, MaxBytesTxn: 64 << 20,
	})
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	run(t, s, counters, acts, counts)
	var events []schemas.Event
	for i := range 60 {
		var batch []schemas.Event
		for j := range 20 {
			batch = append(batch, click("acme"+strconv.Itoa(j%3), "c"+strconv.Itoa(j), i*20+j, 1))
		}
		if i%20 == 10 {
			server.Close()
			server = start()
		}
		publish(t, s, batch...)
		events = append(events, batch...)
	}
	drain(t, s)
	checkExact(t, events, acts, counts)
}

// TestKnownMessageID has a processor that emits the same id again at once: the server refuses the batch, the loop gets past it.
func TestKnownMessageID(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	acts := newTable(schemas.TableActivities)
	for i := range 4 {
		publish(t, s, click("acme", "c", i, 1))
	}
	run(t, s, func() Processor { return oneByOne{} }, acts)
	drain(t, s)
	if n := acts.len(); n != 4 {
		t.Fatalf("%d rows, want 4", n)
	}
}

// oneByOne refuses batches, so that every event gets a commit of its own, and emits one and the same id.
type oneByOne struct{}

func (oneByOne) Keys([]schemas.Event, schemas.State) []string { return nil }

func (oneByOne) Apply(events []schemas.Event, _ schemas.State) (schemas.Result, error) {
	if len(events) > 1 {
		return schemas.Result{}, errors.New("one by one")
	}
	return schemas.Result{Outputs: []schemas.Output{{
		Table: schemas.TableActivities, Subject: "deskstream.activity.acme.click", ID: "same", Data: []byte(`{"id":"same"}`),
	}}}, nil
}

// TestLaterRoundsOfKeys has a processor that learns from one row which row it needs next.
func TestLaterRoundsOfKeys(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	p := schemas.Partition("acme", 2)
	for key, data := range map[string]string{"a": "b", "b": "c", "c": "end"} {
		if _, err := s.store(t.Context(), rolled(s.state(p, key), []byte(data))); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, s, click("acme", "c", 1, 1))
	found := make(chan string, 1)
	run(t, s, func() Processor { return chaser{found} })
	select {
	case got := <-found:
		if got != "end" {
			t.Fatalf("found %q", got)
		}
	case <-time.After(time.Minute):
		t.Fatal("nothing was found")
	}
}

type chaser struct{ found chan string }

func (chaser) Keys(_ []schemas.Event, state schemas.State) []string {
	keys := []string{"a"}
	for _, row := range state {
		if d := string(row.Data); d != "" && d != "end" {
			keys = append(keys, d)
		}
	}
	return keys
}

func (c chaser) Apply(_ []schemas.Event, state schemas.State) (schemas.Result, error) {
	c.found <- string(state["c"].Data)
	return schemas.Result{}, nil
}

// TestReaderStalls checks the watchdog: an event that is stored but not delivered makes the loop start again.
func TestReaderStalls(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	p := schemas.Partition("acme", 2)
	l := &loop{s: s, partition: p, feed: newFeed[schemas.Event](1), waiting: &s.waiting[p]}
	publish(t, s, click("acme", "c", 1, 1))
	if err := l.look(t.Context()); err != nil {
		t.Fatalf("first look: %v", err)
	}
	if err := l.look(t.Context()); !errors.Is(err, schemas.ErrUnavailable) {
		t.Fatalf("second look: %v", err)
	}
	if _, err := s.store(t.Context(), rolled(s.offset(p), []byte(`{"in":99,"gen":1}`))); err != nil {
		t.Fatal(err)
	}
	l.rec.In = 99
	if err := l.look(t.Context()); !errors.Is(err, schemas.ErrFenced) {
		t.Fatalf("a rival moved on: %v", err)
	}
}

// TestFeed checks the bound and the order.
func TestFeed(t *testing.T) {
	t.Parallel()
	f := newFeed[int](1000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 100 {
			f.put(i, 100)
		}
	}()
	next := 0
	for next < 100 {
		<-f.ready
		for _, i := range f.take(10) {
			if i != next {
				t.Fatalf("%d, want %d", i, next)
			}
			next++
		}
		f.mu.Lock()
		if f.bytes > 1000 {
			t.Errorf("%d bytes", f.bytes)
		}
		if len(f.items) > 0 {
			signal(f.ready)
		}
		f.mu.Unlock()
	}
	<-done
	f.put(1, 10_000) // alone it may be over the limit
	ctx, cancel := context.WithCancel(t.Context())
	go func() { defer cancel(); f.put(2, 1) }()
	f.close()
	<-ctx.Done()
}

func TestRowCache(t *testing.T) {
	t.Parallel()
	c := newRowCache(nil, newWarmth(warmBytes))
	large := &schemas.StateRow{Data: make([]byte, cacheBytes/4)}
	for i := range 6 {
		c.put(strconv.Itoa(i), large, false)
		c.get("0") // stays the newest
	}
	if c.bytes > cacheBytes || len(c.rows) != 3 {
		t.Fatalf("%d bytes in %d rows", c.bytes, len(c.rows))
	}
	for key, want := range map[string]bool{"0": true, "1": false, "5": true} {
		if _, ok := c.get(key); ok != want {
			t.Errorf("row %s: %v, want %v", key, ok, want)
		}
	}
	c.put("0", &schemas.StateRow{}, false)
	if row, _ := c.get("0"); len(row.Data) != 0 {
		t.Error("the row was not replaced")
	}
}

// TestKeySet: no key that was added is missing, and few others seem to be there, as far as a block goes.
func TestKeySet(t *testing.T) {
	t.Parallel()
	var s keySet
	key := func(i int) uint64 { return maphash.Comparable(cacheSeed, i) }
	for i := range blockKeys + 1000 {
		s.add(key(i))
		s.add(key(i))
	}
	if len(s.blocks) != 2 || s.keys < 500 || s.keys > 1000 {
		t.Fatalf("%d blocks, %d keys in the last", len(s.blocks), s.keys)
	}
	wrong := 0
	for i := range blockKeys {
		if !s.has(key(i)) {
			t.Fatalf("key %d is missing", i)
		}
		if s.has(key(-1 - i)) {
			wrong++
		}
	}
	if wrong > blockKeys/100 {
		t.Errorf("%d of %d keys seem to be there", wrong, blockKeys)
	}
}

var cacheSeed = maphash.MakeSeed()

// TestSums: of a key the sum put last is given or none, however many there are; nearly all are while there is room.
func TestSums(t *testing.T) {
	t.Parallel()
	s := sums{most: 1 << 14}
	key := func(i int) uint64 { return maphash.Comparable(cacheSeed, i) }
	n := s.most / 2
	for i := range n {
		s.put(key(i), uint64(i+1))
		s.put(key(i/2), uint64(i/2+7))
	}
	s.put(key(3), 0)
	lost := 0
	for i := range n {
		want := uint64(i + 1)
		if i < n/2 {
			want = uint64(i + 7)
		}
		switch got := s.get(key(i)); {
		case i == 3 && got != 0, i != 3 && got != want && got != 0:
			t.Fatalf("%d: %d, want %d", i, got, want)
		case i != 3 && got == 0:
			lost++
		}
	}
	if lost > n/50 || len(s.places) > s.most {
		t.Errorf("%d of %d lost, %d places", lost, n, len(s.places))
	}
	for i := range 4 * s.most {
		s.put(key(i), uint64(i+1))
		if got := s.get(key(i)); got != uint64(i+1) {
			t.Fatalf("%d: %d", i, got)
		}
	}
	if len(s.places) != s.most {
		t.Errorf("%d places", len(s.places))
	}
}

// glancer is a processor that needs the row of each event's counter, or only its sum.
type glancer struct{ enough bool }

func (g *glancer) Keys(events []schemas.Event, state schemas.State) (keys []string) {
	for _, e := range events {
		var c clicks
		_ = json.Unmarshal(e.Data, &c)
		if row := state["c."+c.Counter]; row == nil || row.Sum != 0 && !g.enough {
			keys = append(keys, "c."+c.Counter)
		}
	}
	return keys
}

func (*glancer) Apply([]schemas.Event, schemas.State) (schemas.Result, error) {
	return schemas.Result{}, nil
}

func (*glancer) Sum(_ string, row *schemas.StateRow) uint64 { return uint64(len(row.Data)) + 1 }

// TestRowsByTheirSum: of a row that left memory the sum is given first, and the row itself when it is asked for again; a row that is in
// memory is given at once.
func TestRowsByTheirSum(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	s := open(t, o)
	p, event, data := schemas.Partition("acme", s.partitions), click("acme", "one", 1, 1), []byte("stored")
	if _, err := s.store(t.Context(), rolled(s.state(p, "c.one"), data)); err != nil {
		t.Fatal(err)
	}
	g := &glancer{enough: true}
	l := &loop{s: s, partition: p, processor: g, cache: newRowCache(g, newWarmth(warmBytes)), journal: newJournal(o.journal, newWarmth(warmBytes)), waiting: &s.waiting[p]}
	load := func() *schemas.StateRow {
		t.Helper()
		state := schemas.State{}
		if err := l.load(t.Context(), []schemas.Event{event}, state); err != nil {
			t.Fatal(err)
		}
		return state["c.one"]
	}
	for _, when := range []string{"read", "in memory"} {
		if row := load(); string(row.Data) != string(data) || row.Sum != 0 {
			t.Errorf("%s: %+v", when, row)
		}
	}
	l.cache.limit = 1
	l.cache.put("c.two", &schemas.StateRow{}, false)
	if row := load(); row.Data != nil || row.Sum != uint64(len(data))+1 {
		t.Errorf("out of memory: %+v", row)
	}
	g.enough = false
	if row := load(); string(row.Data) != string(data) || row.Sum != 0 {
		t.Errorf("asked for again: %+v", row)
	}
	g.enough = true
	l.cache.drop("c.one")
	if row := load(); string(row.Data) != string(data) || row.Sum != 0 {
		t.Errorf("dropped, and known by the sum of before: %+v", row)
	}
}

// TestReadsEndWithTheLoop: a loop that is asked to end waits for no read, and what it read of the journal by then is not used.
func TestReadsEndWithTheLoop(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	s := open(t, o)
	heat := newWarmth(warmBytes)
	l := &loop{s: s, processor: &glancer{}, heat: heat, cache: newRowCache(&glancer{}, heat), journal: newJournal(o.journal, heat)}
	l.rec.Spill = &spill{Parts: 1}
	before := l.journal
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for what, read := range map[string]func() error{
		"rows":        func() error { return l.load(ctx, []schemas.Event{click("acme", "one", 1, 1)}, schemas.State{}) },
		"the journal": func() error { return l.loadJournal(ctx) },
		"a spill":     func() error { return l.unspill(ctx) },
	} {
		if err := read(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if l.journal != before {
		t.Error("the journal is one that was not read to its end")
	}
}

// TestRowCacheKnowsWhatIsAbsent checks that a complete cache never calls a stored row absent, whatever was removed from it.
func TestRowCacheKnowsWhatIsAbsent(t *testing.T) {
	t.Parallel()
	c := newRowCache(nil, newWarmth(warmBytes))
	c.limit = 10
	c.put("stored", &schemas.StateRow{}, false)
	c.put("absent", &schemas.StateRow{}, true)
	check := func(want map[string]bool) {
		t.Helper()
		for key, absent := range want {
			if got := c.absent(key); got != absent {
				t.Errorf("%s is absent: %v, want %v", key, got, absent)
			}
		}
	}
	check(map[string]bool{"stored": false, "absent": true, "unknown": false})
	c.complete()
	check(map[string]bool{"stored": false, "absent": true, "unknown": true})
	for i := range 20 {
		c.put(strconv.Itoa(i), &schemas.StateRow{}, i%2 == 0)
	}
	c.drop("18")
	c.drop("19")
	if _, ok := c.get("stored"); ok || len(c.rows) != 8 {
		t.Fatal("nothing was removed")
	}
	check(map[string]bool{"stored": false, "absent": true, "unknown": true, "0": true, "1": false, "10": true, "11": false, "18": true, "19": false})
	for len(c.gone.blocks) < blocksMost {
		c.gone.blocks = append(c.gone.blocks, make([]uint64, 16*blockKeys/64))
	}
	c.gone.keys = blockKeys
	for i := range 20 {
		c.put("more"+strconv.Itoa(i), &schemas.StateRow{}, false)
	}
	if c.gone != nil {
		t.Fatal("the memory of removed rows has no bound")
	}
	check(map[string]bool{"stored": false, "unknown": false, "1": false})
}
