package stream

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"deskstream/schemas"
)

// TestReplay starts over under running loops: the new generation outranks the old one and is exact again.
func TestReplay(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	run(t, s, counters, acts, counts)
	events := fill(t, s, 0, 1000)
	drain(t, s)
	checkExact(t, events, acts, counts)
	before := acts.len()
	if err := s.ResetForReplay(t.Context(), time.Time{}); err != nil {
		t.Fatal(err)
	}
	drain(t, s)
	if got := acts.len() - before; got != len(events) {
		t.Fatalf("%d rows were written again, want %d", got, len(events))
	}
	for _, r := range acts.rows[before:] {
		if gen := r.ver >> 48; gen != 2 {
			t.Fatalf("row of generation %d", gen)
		}
	}
	checkNewest(t, events, acts, counts)
	if gen, err := s.generation(t.Context()); err != nil || gen != 2 {
		t.Fatal(gen, err)
	}
	processed, total, unsunk, err := s.Progress(t.Context())
	if err != nil || processed != 1000 || total != 1000 || unsunk != 0 {
		t.Fatal(processed, total, unsunk, err)
	}
}

// TestReplayFrom replays what came since a time: state is made of everything, written again is what is younger, and what was not in its
// table when the replay began is there afterwards.
func TestReplayFrom(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	stop := run(t, s, counters, acts, counts)
	events := fill(t, s, 0, 100)
	drain(t, s)
	newest, _, err := s.last(t.Context(), s.events, "deskstream.raw.*")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the clock has moved", func() bool { return time.Now().After(newest.at.Add(time.Millisecond)) })
	from := time.Now()
	events = append(events, fill(t, s, 100, 50)...)
	drain(t, s)
	before := acts.len()
	replay := func(from time.Time, want int) {
		t.Helper()
		if err := s.ResetForReplay(t.Context(), from); err != nil {
			t.Fatal(err)
		}
		drain(t, s)
		if got := acts.len() - before; got != want {
			t.Fatalf("%d rows were written again, want %d", got, want)
		}
		checkNewest(t, events, acts, counts)
		before = acts.len()
	}
	replay(from, 50)
	replay(time.Now().Add(time.Hour), 0)

	stop()
	events = append(events, fill(t, s, 200, 70)...) // nobody has processed them
	if err := s.ResetForReplay(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	stop = run(t, s, counters)
	eventually(t, "all is processed", func() bool {
		processed, total, _, err := s.Progress(t.Context())
		return err == nil && processed == total
	})
	stop()
	if err := s.ResetForReplay(t.Context(), time.Now().Add(time.Hour)); err != nil { // nobody has written their rows
		t.Fatal(err)
	}
	run(t, s, counters, acts, counts)
	drain(t, s)
	checkNewest(t, events, acts, counts)
	if got := acts.len() - before; got != 70 {
		t.Fatalf("%d rows are new, want 70", got)
	}
}

// TestReplayFromTriesDeadLettersAgain replays what came since a time after the processor was mended: what becomes of an older event that it
// could not take gets into the tables too.
func TestReplayFromTriesDeadLettersAgain(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	stop := run(t, s, counters, acts, counts)
	poison := click("acme", "poison", 1, 7)
	poison.Data, _ = json.Marshal(clicks{Counter: "poison", N: 7, Trap: "panic"})
	publish(t, s, poison)
	events := append(fill(t, s, 0, 100), poison)
	drain(t, s)
	stop()
	if err := s.ResetForReplay(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	run(t, s, func() Processor { return &counter{fixed: true} }, acts, counts)
	drain(t, s)
	checkNewest(t, events, acts, counts)
	if letters, _, err := s.DeadList(t.Context(), 10, 0); err != nil || len(letters) != 0 {
		t.Fatalf("dead letters are left: %v, %v", letters, err)
	}
}

// TestReplayRemovesLettersAtOnce: of the letters of two partitions stay those whose events are gone and those behind the bound; only what is behind
// one that stays is removed by itself.
func TestReplayRemovesLettersAtOnce(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	var events []schemas.Event
	for i := range 40 {
		events = append(events, click("acme", "c", i, 1), click("globex", "c", i, 1))
	}
	publish(t, s, events...)
	of := map[int]int{}
	var lost, last uint64
	wantAlone := 0
	var stay []uint64
	var raws []storedMessage
	if err := s.each(t.Context(), s.events, rawSubjects, 1, func(m storedMessage) error { raws = append(raws, m); return nil }); err != nil {
		t.Fatal(err)
	}
	first, _ := strconv.Atoi(raws[0].subject[strings.LastIndexByte(raws[0].subject, '.')+1:])
	for _, m := range raws {
		p, _ := strconv.Atoi(m.subject[strings.LastIndexByte(m.subject, '.')+1:])
		of[p]++
		e := event(m.header, m.data, m.seq)
		a, err := s.store(t.Context(), deadMessage(s.dead(p), schemas.DeadLetter{Event: e, Class: "parse", Reason: "test"}))
		if err != nil {
			t.Fatal(err)
		}
		switch last = a.Seq; {
		case p == first && of[p] == 30:
			lost = m.seq
			stay = append(stay, last)
		case p == first && of[p] > 30:
			wantAlone++
		}
	}
	stay = append(stay, last)
	if len(of) != 2 {
		t.Fatalf("events of %d partitions", len(of))
	}
	if err := s.secureDelete(t.Context(), s.events, lost); err != nil {
		t.Fatal(err)
	}
	var alone atomic.Int32
	sub, err := s.o.Conn.Subscribe("$JS.API.STREAM.MSG.DELETE.>", func(*nats.Msg) { alone.Add(1) })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := s.clearDead(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	var left []uint64
	for _, l := range deadLetters(t, s) {
		left = append(left, l.Seq)
	}
	if !slices.Equal(left, stay) {
		t.Errorf("left are %v, want %v", left, stay)
	}
	if last == stay[0] || int(alone.Load()) > wantAlone {
		t.Errorf("%d letters were removed by themselves, at most %d must be", alone.Load(), wantAlone)
	}
}

// TestReplayIsFinished interrupts a reset after its mark: the next Open goes on with it.
func TestReplayIsFinished(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	s := open(t, o)
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	events := fill(t, s, 0, 200)
	stop := run(t, s, counters, acts, counts)
	drain(t, s)
	if err := s.mark(t.Context(), resetMark{Gen: 2, Sink: ^uint64(0) - 1}, make([]uint64, s.partitions)); err != nil {
		t.Fatal(err)
	}
	fill(t, s, 0, 1) // running loops must wait
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := s.Drained(short); err == nil {
		t.Fatal("processed in spite of the mark")
	}
	stop()
	again := open(t, o)
	acts, counts = newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	run(t, again, counters, acts, counts)
	drain(t, again)
	checkExact(t, events, acts, counts)
	if acts.rows[0].ver>>48 != 2 {
		t.Fatal("the generation was not raised")
	}
}

// TestNamespaces replays into streams of their own while the live pipeline runs.
func TestNamespaces(t *testing.T) {
	t.Parallel()
	n, o := testOptions(t)
	o.MaxBytesTxn = 64 << 20
	live := open(t, o)
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	run(t, live, counters, acts, counts)
	events := fill(t, live, 0, 500)
	poison := click("acme", "poison", 1, 7)
	poison.Data, _ = json.Marshal(clicks{Counter: "poison", N: 7, Trap: "panic"})
	events = append(events, poison)
	publish(t, live, events[500])
	drain(t, live)
	watcher := connect(t, n)
	sub, err := watcher.SubscribeSync("deskstream.activity.>")
	if err != nil {
		t.Fatal(err)
	}
	o.Namespace = "replay"
	side := open(t, o)
	acts2, counts2 := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	stop := run(t, side, func() Processor { return &counter{fixed: true} }, acts2, counts2)
	drain(t, side)
	checkExact(t, events, acts2, counts2)
	checkExact(t, events[:500], acts, counts)
	if msg, err := sub.NextMsg(50 * time.Millisecond); err == nil {
		t.Fatalf("the replay published to other programs: %s", msg.Subject)
	}
	more := fill(t, live, 1000, 100)
	drain(t, live)
	drain(t, side)
	checkExact(t, slices.Concat(events, more), acts2, counts2)
	checkExact(t, slices.Concat(events[:500], more), acts, counts)
	stop()
	if err := live.Drop(t.Context(), true); !errors.Is(err, schemas.ErrConflict) {
		t.Fatalf("the live pipeline was dropped: %v", err)
	}
	for _, c := range []struct {
		forget bool
		gen    uint64
	}{{false, 2}, {true, 1}} {
		left, err := Leftover(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if err := left.Drop(t.Context(), c.forget); err != nil {
			t.Fatal(err)
		}
		if _, err = Leftover(t.Context(), o); !errors.Is(err, schemas.ErrNotFound) {
			t.Fatalf("streams are left: %v", err)
		}
		side = open(t, o) // begins anew
		if processed, total, _, err := side.Progress(t.Context()); err != nil || processed != 0 || total != 601 {
			t.Fatal(processed, total, err)
		}
		if gen, err := side.generation(t.Context()); err != nil || gen != c.gen {
			t.Fatalf("generation %d, want %d (%v)", gen, c.gen, err)
		}
	}
	if err := live.Health(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestReplayNeedsTheEvents purges raw events: neither a replay nor a rebuild of what was made of them begins, until it is told that only
// what is stored shall remain.
func TestReplayNeedsTheEvents(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	o.RawRetention = time.Nanosecond
	s := open(t, o)
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	fill(t, s, 0, 4000)
	stop := run(t, s, counters, acts, counts)
	drain(t, s)
	stop()
	for range 2 { // a round that purges nothing does not forget the one before
		if err := s.clean(t.Context(), false); err != nil {
			t.Fatal(err)
		}
	}
	late := fill(t, s, 5000, 10)
	records := func() (all []uint64) {
		for p := range s.partitions {
			_, fence, err := s.readOffset(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, fence)
		}
		return all
	}
	before := records()
	p := problem(t, s.ResetForReplay(t.Context(), time.Time{}), "events-purged")
	if !strings.Contains(p.Detail, "--only-stored-events") || !strings.Contains(p.Detail, "backfill") {
		t.Errorf("the message does not say what to do: %s", p.Detail)
	}
	if after := records(); !slices.Equal(after, before) {
		t.Errorf("refused, and the records are %v, before %v", after, before)
	}
	damage["another"](t, s, s.txn)
	_, err := Rebuild(t.Context(), o)
	problem(t, err, "events-purged")

	o.OnlyStored = true
	s, err = Rebuild(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.publisher.close)
	if err := s.ResetForReplay(t.Context(), time.Time{}); err != nil {
		t.Fatal(err)
	}
	acts, counts = newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	run(t, s, counters, acts, counts)
	drain(t, s)
	checkExact(t, late, acts, counts)
	if purged, err := s.Purged(t.Context()); err != nil || purged {
		t.Errorf("purged is %v, %v: nothing is left that was made of other events", purged, err)
	}
}

// TestJanitorKeepsWhatIsNeeded purges only what is processed, sunk and past its time.
func TestJanitorKeepsWhatIsNeeded(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	o.RawRetention = time.Hour
	ahead := time.Duration(0)
	o.Now = func() time.Time { return time.Now().Add(ahead) }
	s := open(t, o)
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	fill(t, s, 0, 4000)
	stop := run(t, s, counters, counts)
	eventually(t, "all is processed", func() bool {
		processed, total, _, err := s.Progress(t.Context())
		return err == nil && processed == total
	})
	stop()
	ahead = 48 * time.Hour
	left := func() (raw, acts int) {
		t.Helper()
		if err := s.clean(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		r, err := s.count(t.Context(), s.events, "deskstream.raw.*", 1)
		if err != nil {
			t.Fatal(err)
		}
		a, err := s.count(t.Context(), s.txn, s.outputs(schemas.TableActivities), 1)
		if err != nil {
			t.Fatal(err)
		}
		return int(r), int(a)
	}
	if r, a := left(); r != 0 || a != 4000 {
		t.Fatalf("%d raw and %d activities are left, want 0 and 4000: nothing is sunk", r, a)
	}
	ahead = 0
	stop = run(t, s, counters, acts, counts)
	drain(t, s)
	stop()
	if r, a := left(); r != 0 || a != 4000 {
		t.Fatalf("%d raw and %d activities are left, want 0 and 4000: they are young", r, a)
	}
	ahead = 48 * time.Hour
	if r, a := left(); r != 0 || a != 0 {
		t.Fatalf("%d raw and %d activities are left, want none", r, a)
	}
	fill(t, s, 5000, 2000) // not processed
	if r, _ := left(); r != 2000 {
		t.Fatalf("%d raw events are left, want 2000: they are not processed", r)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Janitor(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.Health(t.Context()); err != nil {
		t.Fatal(err)
	}
}
