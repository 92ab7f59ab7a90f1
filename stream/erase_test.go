package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"deskstream/local"
	"deskstream/local/localtest"
	"deskstream/schemas"
)

// forgetter is a counter that forgets the events whose ids are secret when it is told to.
type forgetter struct{ counter }

func (f *forgetter) Keys(events []schemas.Event, state schemas.State) []string {
	var others []schemas.Event
	for _, e := range events {
		if e.Kind == schemas.KindErasure {
			return append(f.counter.Keys(others, state), "c.c1")
		}
		others = append(others, e)
	}
	return f.counter.Keys(others, state)
}

func (f *forgetter) Apply(events []schemas.Event, state schemas.State) (schemas.Result, error) {
	last := len(events) - 1
	if events[last].Kind != schemas.KindErasure {
		return f.counter.Apply(events, state)
	}
	res, err := f.counter.Apply(events[:last], state)
	var t tallied
	if e := json.Unmarshal(state["c.c1"].Data, &t); e != nil {
		return res, e
	}
	maps.DeleteFunc(t.Seen, func(id string, _ bool) bool { return strings.HasPrefix(id, "secret") })
	data, e := json.Marshal(t)
	res.State["c.c1"] = &schemas.StateRow{Data: data}
	return res, errors.Join(err, e)
}

// secretEvents are clicks of which every fifth has a secret id, and every fifth a secret in its data.
func secretEvents(from, n int) []schemas.Event {
	var out []schemas.Event
	for i := from; i < from+n; i++ {
		e := click("acme", "c1", i, 1)
		switch i % 5 {
		case 1:
			e.ID = "secret-id-" + strconv.Itoa(i)
		case 2:
			e.Data = append(bytes.TrimSuffix(e.Data, []byte("}")), `,"x":"secret-data"}`...)
		}
		out = append(out, e)
	}
	return out
}

func redactSecrets(e *schemas.Event) []byte {
	if strings.HasPrefix(e.ID, "secret") {
		return nil
	}
	return bytes.Replace(e.Data, []byte(`,"x":"secret-data"`), nil, 1)
}

// onDisk lists the files below a folder that hold a text.
func onDisk(t *testing.T, dir, text string) (files []string) {
	t.Helper()
	localtest.Stored(t, dir, func(path string, data []byte) {
		if bytes.Contains(data, []byte(text)) {
			files = append(files, path)
		}
	})
	return files
}

// traffic publishes events of others until it is stopped.
func traffic(t *testing.T, s *Stream) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 2000; ctx.Err() == nil; i++ {
			if err := store(context.WithoutCancel(ctx), s, click("other"+strconv.Itoa(i%3), "o"+strconv.Itoa(i%90), i, 1)); err != nil {
				t.Error(err)
			}
		}
	})
	return func() { cancel(); wg.Wait() }
}

// TestErasureLeavesNothingOnDisk erases events that went through raw stream, state, journal, outputs and dead letters: no file of the
// server holds them any more, the ledger and a restart take the gaps for ours, and everything else is as it was.
func TestErasureLeavesNothingOnDisk(t *testing.T) {
	t.Parallel()
	ctx, dir, meta := t.Context(), t.TempDir(), fileMeta{t.TempDir()}
	server := func() *local.NATS {
		n, err := local.StartNATS(local.NATSOptions{Dir: dir, MaxStore: 1 << 30, Log: zerolog.Nop()})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	options := func(n *local.NATS) Options {
		return Options{
			Conn: connect(t, n), Log: testLog(t), Partitions: 2, SinkLinger: 5 * time.Millisecond, journal: bounds{rows: 30, bytes: 64 << 10}, Meta: meta,
			MaxBytesEvents: 64 << 20, MaxBytesTxn: 64 << 20,
		}
	}
	n := server()
	s := open(t, options(n))
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	stop := run(t, s, func() Processor { return &forgetter{} }, acts, counts)
	var others []schemas.Event
	for i := range 400 {
		others = append(others, click("other"+strconv.Itoa(i%3), "o"+strconv.Itoa(i%90), 1000+i, 1))
	}
	bad := trap(5000, "panic", 1)
	bad.Account, bad.ID = "acme", "secret-letter"
	for _, events := range [][]schemas.Event{others[:200], secretEvents(0, 300), {bad}, others[200:]} {
		publish(t, s, events...)
		drain(t, s)
	}
	if err := s.clean(ctx, true); err != nil { // the ledger has counted everything
		t.Fatal(err)
	}
	if files := onDisk(t, dir, "secret"); len(files) == 0 || !slices.ContainsFunc(files, func(f string) bool { return strings.HasSuffix(f, "+s2") }) {
		t.Fatalf("before, on disk as it is and compressed: only %v", files)
	}
	erase := func() (raw, dead uint64) {
		t.Helper()
		publish(t, s, schemas.Event{ID: "erase", Kind: schemas.KindErasure, Account: "acme", Via: "api", ReceivedAt: time.Now(), Data: []byte(`{"c":"c1"}`)})
		_, err := s.Settle(ctx, "acme")
		if err != nil {
			t.Fatal(err)
		}
		if raw, err = s.EraseRaw(ctx, "acme", redactSecrets); err != nil {
			t.Fatal(err)
		}
		if dead, err = s.EraseDead(ctx, "acme", redactSecrets); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Settle(ctx, "acme"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Scrub(ctx, func([]byte) bool { return true }); err != nil {
			t.Fatal(err)
		}
		return raw, dead
	}
	quiet := traffic(t, s)
	raw, dead := erase()
	quiet()
	if raw != 121 || dead != 1 {
		t.Errorf("%d raw events and %d dead letters were erased", raw, dead)
	}
	if files := onDisk(t, dir, "secret"); len(files) > 0 {
		t.Errorf("left in %v", files)
	}
	if raw, dead := erase(); raw != 0 || dead != 0 {
		t.Errorf("the second time %d raw events and %d dead letters were erased", raw, dead)
	}
	check := func(when string) {
		t.Helper()
		for range 2 {
			if err := s.clean(ctx, false); err != nil {
				t.Fatal(when, err)
			}
			if err := s.Health(ctx); err != nil {
				t.Fatal(when, err)
			}
		}
	}
	check("running")
	stop()
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	n.Close()
	n = server()
	defer n.Close()
	s = open(t, options(n))
	run(t, s, func() Processor { return &forgetter{} }, acts, counts)
	publish(t, s, secretEvents(0, 1)[0], others[7], others[300])
	drain(t, s)
	check("restarted")
	if got := counts.newest(t)["c1"]; got != 300 {
		t.Errorf("the sum is %d, want 300", got)
	}
	if files := onDisk(t, dir, "secret"); len(files) > 0 {
		t.Errorf("after a restart in %v", files)
	}
}

// TestScrubKeepsWhatConsumersNeed: activities that another program has not acknowledged stay, but for those that are to go.
func TestScrubKeepsWhatConsumersNeed(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := testStream(t)
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	run(t, s, counters, acts, counts)
	st, err := s.js.Stream(ctx, s.txn)
	if err != nil {
		t.Fatal(err)
	}
	c, err := st.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "other", FilterSubject: "deskstream.activity.>", AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		t.Fatal(err)
	}
	publish(t, s, secretEvents(0, 50)...)
	drain(t, s)
	if _, err := s.Settle(ctx, "acme"); err != nil {
		t.Fatal(err)
	}
	dropped, err := s.Scrub(ctx, func(row []byte) bool { return bytes.Contains(row, []byte("secret-id")) })
	if err != nil || dropped != 10 {
		t.Fatalf("%d activities were dropped: %v", dropped, err)
	}
	got, err := c.FetchNoWait(100)
	if err != nil {
		t.Fatal(err)
	}
	left := 0
	for m := range got.Messages() {
		if left++; bytes.Contains(m.Data(), []byte("secret-id")) {
			t.Errorf("%s is left", m.Data())
		}
	}
	if left != 40 {
		t.Errorf("%d activities are left for the consumer, want 40", left)
	}
}

// TestErasureRecords: a record is replaced only by who knows the newest one.
func TestErasureRecords(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := testStream(t)
	if _, err := s.Erasure(ctx, "er_1"); !errors.Is(err, schemas.ErrNotFound) {
		t.Fatalf("an unknown record: %v", err)
	}
	if err := s.PutErasure(ctx, &schemas.Erasure{ID: "er_1", Account: "acme"}); !errors.Is(err, schemas.ErrInvalid) {
		t.Fatalf("a record of nobody: %v", err)
	}
	e := schemas.Erasure{ID: "er_1", Account: "acme", UserIDs: []int64{5}, State: schemas.ErasureRunning}
	if err := s.PutErasure(ctx, &e); err != nil {
		t.Fatal(err)
	}
	rival := schemas.Erasure{ID: "er_1", Account: "acme", UserIDs: []int64{5}}
	if err := s.PutErasure(ctx, &rival); !errors.Is(err, schemas.ErrFenced) {
		t.Fatalf("a rival: %v", err)
	}
	e.State = schemas.ErasureDone
	if err := s.PutErasure(ctx, &e); err != nil {
		t.Fatal(err)
	}
	all, err := s.Erasures(ctx)
	if err != nil || len(all) != 1 || all[0].State != schemas.ErasureDone || all[0].Revision != e.Revision {
		t.Fatalf("%+v, %v", all, err)
	}
}

// TestAdmit: what must not be stored is not, whichever way it comes.
func TestAdmit(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	o.Admit = redactSecrets
	s := open(t, o)
	events := secretEvents(0, 10)
	publish(t, s, events...)
	publish(t, s, secretEvents(11, 1)...)
	if _, err := s.PublishPage(t.Context(), source("src_1"), schemas.Cursor{Resource: "users"}, secretEvents(20, 5)); err != nil {
		t.Fatal(err)
	}
	n := 0
	err := s.each(t.Context(), s.events, "deskstream.raw.*", 1, func(m storedMessage) error {
		if n++; strings.Contains(m.header.Get(headerID), "secret") || bytes.Contains(m.data, []byte("secret")) {
			t.Errorf("%s %s is stored", m.header.Get(headerID), m.data)
		}
		return nil
	})
	if err != nil || n != 12 {
		t.Fatalf("%d events are stored: %v", n, err)
	}
	if got := counterValue(t, s.metrics.erased); got != 7 {
		t.Errorf("%v events were counted", got)
	}
	if got := counterValue(t, s.metrics.published); got != 12 {
		t.Errorf("%v events were counted as stored, want 12", got)
	}
}
