package stream

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"deskstream/local"
	"deskstream/schemas"
)

// problem expects a *schemas.Problem with a code.
func problem(t *testing.T, err error, code string) *schemas.Problem {
	t.Helper()
	var p *schemas.Problem
	if !errors.As(err, &p) || p.Code != code || !errors.Is(err, schemas.ErrConflict) {
		t.Fatalf("%v, want the problem %s", err, code)
	}
	return p
}

func TestOpenCreatesTheStreams(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	o.Partitions, o.MaxBytesEvents, o.MaxBytesTxn = 0, 0, 0
	s := open(t, o)
	if s.Partitions() != schemas.DefaultPartitions {
		t.Fatalf("%d partitions", s.Partitions())
	}
	for _, name := range []string{schemas.StreamEvents, schemas.StreamTxn, schemas.StreamSink} {
		i, err := s.info(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		c := i.Config
		if c.Storage != jetstream.FileStorage || c.Discard != jetstream.DiscardNew || !c.AllowAtomicPublish || !c.AllowRollup ||
			!c.AllowDirect || c.MaxAge != 0 || c.MaxBytes <= 0 || c.Metadata[metaEpoch] == "" || c.Metadata[metaGen] != "1" {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if i, _ := s.info(t.Context(), schemas.StreamTxn); i.Config.Duplicates != 100*time.Millisecond {
		t.Errorf("duplicates window %s", i.Config.Duplicates)
	}
	again, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Close(t.Context())
}

// TestProgramsStartTogether opens the streams of fresh servers from several programs at once, also so that one makes EVENTS and dies, with sizes that are
// configured and with those that are found by trying, and expects that all go on with the same ones.
func TestProgramsStartTogether(t *testing.T) {
	t.Parallel()
	fresh := func(round int) (Options, *memoryMeta) {
		_, o := testOptions(t)
		meta := &memoryMeta{}
		o.Meta = meta
		if round%2 == 0 {
			o.MaxBytesEvents, o.MaxBytesTxn = 0, 0
		}
		return o, meta
	}
	same := func(meta *memoryMeta, all ...*Stream) {
		t.Helper()
		for _, s := range all {
			if !maps.Equal(s.recorded.all(), meta.by) || len(meta.by) != 3 {
				t.Errorf("%v, recorded are %v", s.recorded.all(), meta.by)
			}
		}
	}
	sizes := func(s *Stream) [2]int64 {
		var of [2]int64
		for i, name := range []string{s.events, s.txn} {
			st, err := s.js.Stream(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			of[i] = st.CachedInfo().Config.MaxBytes
		}
		return of
	}
	first, meta := fresh(0)
	second := first
	first.Crash = func(string) { runtime.Goexit() } // EVENTS is there
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = Open(t.Context(), first) })
	wg.Wait()
	alone := open(t, second)
	same(meta, alone)
	for round := range 20 {
		o, meta := fresh(round)
		all := make([]*Stream, 4)
		for i := range all {
			wg.Go(func() {
				var err error
				if all[i], err = Open(t.Context(), o); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		for _, s := range all {
			t.Cleanup(s.publisher.close)
		}
		same(meta, all...)
		if got, want := sizes(all[0]), sizes(alone); round%2 == 0 && got != want {
			t.Errorf("EVENTS and TXN have %d bytes, with one program they have %d", got, want)
		}
	}
}

// TestStreamsAreLookedForAgain: a stream that another program makes between the looks at it and at one that knows of it is none that was lost.
func TestStreamsAreLookedForAgain(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	s, err := prepare(o)
	if err != nil {
		t.Fatal(err)
	}
	b := &boot{s: s, held: map[string]held{}}
	if err := b.look(t.Context(), s.events); err != nil {
		t.Fatal(err)
	}
	open(t, o)
	if err := b.look(t.Context(), s.sink); err != nil {
		t.Fatal(err)
	}
	problem(t, b.verify(), "stream-lost")
	if err := b.survey(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.verify(); err != nil {
		t.Error(err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	for name, change := range map[string]func(*Options){
		"Conn":           func(o *Options) { o.Conn = nil },
		"Partitions":     func(o *Options) { o.Partitions = 1000 },
		"MaxBytesEvents": func(o *Options) { o.MaxBytesEvents = -1 },
		"Namespace":      func(o *Options) { o.Namespace = "a.b" },
	} {
		bad := o
		change(&bad)
		if _, err := Open(t.Context(), bad); !errors.Is(err, schemas.ErrInvalid) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPartitionsCannotChange(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	open(t, o)
	o.Partitions = 3
	_, err := Open(t.Context(), o)
	if p := problem(t, err, "partitions-changed"); !strings.Contains(p.Detail, "set it back to 2") {
		t.Fatal(p.Detail)
	}
	o.Partitions = 0
	if s := open(t, o); s.Partitions() != 2 {
		t.Fatalf("%d partitions, want those there are", s.Partitions())
	}
}

func TestSchemaMustMatch(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	s := open(t, o)
	change(t, s, s.txn, func(c *jetstream.StreamConfig) { c.Metadata[metaSchema] = "99" })
	_, err := Open(t.Context(), o)
	problem(t, err, "stream-schema")
}

func change(t *testing.T, s *Stream, name string, fn func(*jetstream.StreamConfig)) {
	t.Helper()
	i, err := s.info(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	fn(&i.Config)
	if _, err := s.js.UpdateStream(t.Context(), i.Config); err != nil {
		t.Fatal(err)
	}
}

// TestLostTables opens the streams beside a database that has not got what they wrote: Open refuses and changes nothing, and filling the
// tables anew leads to the right result, also when it is cut off.
func TestLostTables(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	o.Meta = fileMeta{t.TempDir()}
	s := open(t, o)
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	events := fill(t, s, 0, 50)
	stop := run(t, s, counters, acts, counts)
	drain(t, s)
	stop()
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = open(t, o).Close(t.Context()) // the same database
	empty := fileMeta{t.TempDir()}
	o.Meta = empty
	for range 2 {
		_, err := Open(t.Context(), o)
		if p := problem(t, err, "tables-lost"); !strings.Contains(p.Detail, "deskstream replay") {
			t.Fatal(p.Detail)
		}
	}
	if saved, err := empty.LoadMeta(t.Context()); err != nil || len(saved) != 0 {
		t.Fatalf("refused, and recorded %v, %v", saved, err)
	}
	o.Refill = true
	_ = open(t, o).Close(t.Context())
	o.Refill = false
	again := open(t, o)
	acts, counts = newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	run(t, again, counters, acts, counts)
	drain(t, again)
	checkExact(t, events, acts, counts)
}

// damage is what can happen to a store between two starts.
var damage = map[string]func(*testing.T, *Stream, string){
	"missing": func(t *testing.T, s *Stream, name string) {
		if err := s.js.DeleteStream(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	},
	"another": func(t *testing.T, s *Stream, name string) {
		change(t, s, name, func(c *jetstream.StreamConfig) { c.Metadata[metaEpoch] = "foreign" })
	},
	"no metadata": func(t *testing.T, s *Stream, name string) {
		change(t, s, name, func(c *jetstream.StreamConfig) { c.Metadata = nil })
	},
	// Needs a record outside: the stream itself cannot know what it lost.
	"shorter": func(t *testing.T, s *Stream, name string) {
		i, err := s.info(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.js.DeleteStream(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if _, err := s.js.CreateStream(t.Context(), i.Config); err != nil {
			t.Fatal(err)
		}
	},
}

// TestLostStreams damages each stream in each way: Open refuses and changes nothing, Rebuild leads to the right result.
func TestLostStreams(t *testing.T) {
	t.Parallel()
	for _, name := range []string{schemas.StreamEvents, schemas.StreamTxn, schemas.StreamSink} {
		for kind, harm := range damage {
			for _, recorded := range []bool{true, false} {
				if kind == "shorter" && !recorded || kind == "no metadata" && name != schemas.StreamEvents {
					continue
				}
				t.Run(name+"/"+kind+map[bool]string{true: "/recorded", false: ""}[recorded], func(t *testing.T) {
					t.Parallel()
					lostStream(t, name, recorded, harm)
				})
			}
		}
	}
}

func lostStream(t *testing.T, name string, recorded bool, harm func(*testing.T, *Stream, string)) {
	_, o := testOptions(t)
	o.MaxBytesEvents, o.MaxBytesTxn = 32<<20, 32<<20
	if recorded {
		o.Meta = &memoryMeta{}
	}
	s := open(t, o)
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	events := fill(t, s, 0, 200)
	stop := run(t, s, counters, acts, counts)
	drain(t, s)
	stop()
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	harm(t, s, name)
	_, err := Open(t.Context(), o)
	p := problem(t, err, "stream-lost")
	if !strings.Contains(p.Detail, name) || !strings.Contains(p.Detail, "restore") || !strings.Contains(p.Detail, "replay") {
		t.Fatalf("the message does not say what to do: %s", p.Detail)
	}
	if _, err := Open(t.Context(), o); err == nil {
		t.Fatal("the second start goes on")
	}
	again, err := Rebuild(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.publisher.close)
	publish(t, again, events...) // Zendesk is read again
	more := fill(t, again, 1000, 50)
	run(t, again, counters, acts, counts)
	drain(t, again)
	checkNewest(t, slices.Concat(events, more), acts, counts)
	if reopened, err := Open(t.Context(), o); err != nil {
		t.Fatalf("open after rebuild: %v", err)
	} else {
		_ = reopened.Close(t.Context())
	}
}

// checkNewest compares what readers see: rows that replaced each other count once.
func checkNewest(t *testing.T, events []schemas.Event, acts, counts *table) {
	t.Helper()
	once := newTable(acts.name)
	seen := map[string]bool{}
	for _, r := range acts.rows {
		if !seen[string(r.data)] {
			seen[string(r.data)] = true
			once.rows = append(once.rows, r)
		}
	}
	checkExact(t, events, once, counts)
}

// TestLostAtRunTime exchanges a stream under the running program: the record outside must not follow.
func TestLostAtRunTime(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	o.Meta = &memoryMeta{}
	s := open(t, o)
	fill(t, s, 0, 10)
	if err := s.saveMeta(t.Context()); err != nil {
		t.Fatal(err)
	}
	damage["shorter"](t, s, s.events)
	if err := s.saveMeta(t.Context()); err == nil {
		t.Fatal("a cut stream was recorded")
	}
	_, err := Open(t.Context(), o)
	problem(t, err, "stream-lost")
}

// TestGapIsReported removes messages behind the back of the pipeline, as a damaged block does.
func TestGapIsReported(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	s := open(t, o)
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	fill(t, s, 0, 3000)
	run(t, s, counters, acts, counts)
	drain(t, s)
	for range 3 { // purges of our own are no gaps
		if err := s.clean(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if err := s.Health(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	st, err := s.js.Stream(t.Context(), s.events)
	if err != nil {
		t.Fatal(err)
	}
	for seq := uint64(2000); seq < 2010; seq++ {
		if err := st.DeleteMsg(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := s.Health(t.Context()); err == nil || !strings.Contains(err.Error(), "are gone") {
			t.Fatalf("health: %v", err)
		}
		if err := s.clean(t.Context(), false); err != nil { // cleaning must not forget it
			t.Fatal(err)
		}
	}
	problem(t, s.Whole(t.Context()), "messages-lost")
	problem(t, s.ResetForReplay(t.Context(), time.Time{}), "messages-lost")
	o.Namespace = "beside"
	problem(t, open(t, o).ResetForReplay(t.Context(), time.Time{}), "messages-lost")
	o.Namespace, o.OnlyStored = "", true
	again := open(t, o)
	if err := again.ResetForReplay(t.Context(), time.Time{}); err != nil {
		t.Fatal(err)
	}
	drain(t, again)
	if err := errors.Join(again.Whole(t.Context()), again.Health(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// TestOutputsAreMadeAgain loses an output: that is reported, and a replay makes it again.
func TestOutputsAreMadeAgain(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	s := open(t, o)
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	events := fill(t, s, 0, 100)
	run(t, s, counters, acts, counts)
	drain(t, s)
	if err := s.clean(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	m, found, err := s.next(t.Context(), s.txn, s.outputs(schemas.TableActivities), 1)
	if err != nil || !found {
		t.Fatalf("no output: %v", err)
	}
	if err := s.secureDelete(t.Context(), s.txn, m.seq); err != nil {
		t.Fatal(err)
	}
	p := problem(t, s.Health(t.Context()), "messages-lost")
	if !strings.Contains(p.Detail, s.txn+" are gone") || strings.Contains(p.Detail, "--rebuild") {
		t.Fatal(p.Detail)
	}
	if err := errors.Join(s.Whole(t.Context()), s.ResetForReplay(t.Context(), time.Time{})); err != nil {
		t.Fatal(err)
	}
	drain(t, s)
	if err := s.Health(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkNewest(t, events, acts, counts)
}

// TestFilesAreLost takes files of messages from the store while it is stopped: the next start says what is missing, a replay refuses, and
// Rebuild goes on with what is left.
func TestFilesAreLost(t *testing.T) {
	t.Parallel()
	for kind, harm := range map[string]func(file string) error{
		"emptied": func(file string) error { return os.Truncate(file, 0) },
		"removed": os.Remove,
	} {
		for _, file := range []string{"1.blk", "2.blk"} {
			t.Run(file+" "+kind, func(t *testing.T) {
				t.Parallel()
				filesLost(t, file, harm)
			})
		}
	}
}

func filesLost(t *testing.T, file string, harm func(string) error) {
	dir := t.TempDir()
	var log bytes.Buffer
	o := Options{Log: zerolog.New(zerolog.SyncWriter(&log)).Level(zerolog.ErrorLevel), Partitions: 2, SinkLinger: 5 * time.Millisecond, MaxBytesEvents: 128 << 20, MaxBytesTxn: 128 << 20}
	server := startStore(t, dir, &o)
	s := open(t, o)
	if err := s.PutSource(t.Context(), &schemas.Source{Settings: schemas.Settings{ID: "src_1", Account: "acme"}}); err != nil {
		t.Fatal(err)
	}
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	events := large(t, s, 40)
	work := run(t, s, counters, acts, counts)
	ctx, cancel := context.WithCancel(t.Context())
	var tidying sync.WaitGroup
	tidying.Go(func() { _ = s.Janitor(ctx) })
	drain(t, s)
	before := acts.len()
	cancel()
	tidying.Wait()
	work()
	if err := s.gaps(t.Context()); err != nil {
		t.Fatal(err)
	}
	restart := func() *Stream {
		t.Helper()
		s.publisher.close()
		o.Conn.Close()
		server.Close()
		server = startStore(t, dir, &o)
		s = open(t, o)
		return s
	}
	if err := restart().gaps(t.Context()); err != nil || log.Len() > 0 {
		t.Fatalf("nothing is missing: %v, %s", err, log.String())
	}
	s.publisher.close()
	o.Conn.Close()
	server.Close()
	if err := harm(filepath.Join(dir, "jetstream", "$G", "streams", schemas.StreamEvents, "msgs", file)); err != nil {
		t.Fatal(err)
	}
	server = startStore(t, dir, &o)
	s = open(t, o)
	for range 2 { // once more, with what the server made of it
		if text := log.String(); strings.Count(text, `"level":"error"`) != 1 || !strings.Contains(text, schemas.StreamEvents) {
			t.Fatalf("the log says %s", text)
		}
		for range 2 {
			if p := problem(t, s.Health(t.Context()), "messages-lost"); !strings.Contains(p.Detail, "deskstream.raw.") || !strings.Contains(p.Detail, "--rebuild") {
				t.Fatal(p.Detail)
			}
			s.noteLast(t.Context()) // counting anew must not forget it
		}
		if file == "1.blk" && !strings.Contains(s.Health(t.Context()).Error(), "1 of deskstream.source.*") {
			t.Fatalf("health: %v", s.Health(t.Context()))
		}
		problem(t, s.ResetForReplay(t.Context(), time.Time{}), "messages-lost")
		log.Reset()
		restart()
	}
	s.publisher.close()
	rebuilt, err := Rebuild(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	s = rebuilt
	defer func() { s.publisher.close(); o.Conn.Close(); server.Close() }()
	if err := s.gaps(t.Context()); err != nil {
		t.Fatal(err)
	}
	if purged, err := s.Purged(t.Context()); err != nil || !purged {
		t.Fatalf("purged %t, %v", purged, err)
	}
	run(t, s, counters, acts, counts)
	publish(t, s, events...) // Zendesk is read again
	drain(t, s)
	if n := acts.len(); n != before {
		t.Fatalf("%d activities, %d before the loss: the state was not kept", n, before)
	}
}

// startStore starts the server on a folder and connects to it.
func startStore(t *testing.T, dir string, o *Options) *local.NATS {
	t.Helper()
	server, err := local.StartNATS(local.NATSOptions{Dir: dir, MaxStore: 1 << 30, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	if o.Conn, err = server.Connect(); err != nil {
		t.Fatal(err)
	}
	return server
}

// large publishes events of half a megabyte.
func large(t *testing.T, s *Stream, n int) (events []schemas.Event) {
	t.Helper()
	pad := make([]byte, 384<<10)
	_, _ = rand.NewChaCha8([32]byte{}).Read(pad)
	for i := range n {
		e := click("acme"+strconv.Itoa(i%3), "c", i, 1)
		e.Data = append(bytes.TrimSuffix(e.Data, []byte("}")), `,"pad":"`+base64.StdEncoding.EncodeToString(pad)+`"}`...)
		publish(t, s, e)
		events = append(events, e)
	}
	return events
}
