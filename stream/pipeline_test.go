package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/rs/zerolog"

	"deskstream/local"
	"deskstream/local/localtest"
	"deskstream/schemas"
)

// clicks is the payload of test events: number N of a counter.
type clicks struct {
	Counter string `json:"c"`
	N       uint64 `json:"n"`
	Trap    string `json:"t,omitempty"` // "panic", "error", "huge", "wide"
}

// tallied is the state of a counter.
type tallied struct {
	Seen map[string]bool `json:"seen"`
	Sum  uint64          `json:"sum"`
}

// counter is a small but whole processor: it sums up numbers per counter, each event once, and emits an activity per event and the sum.
type counter struct {
	fixed bool // traps do nothing any more
	calls int
}

func (c *counter) Keys(events []schemas.Event, _ schemas.State) []string {
	var keys []string
	for _, e := range events {
		var in clicks
		if e.Kind != schemas.KindSource && json.Unmarshal(e.Data, &in) == nil {
			keys = append(keys, "c."+in.Counter)
			if in.Trap == "wide" {
				for i := range int(in.N) {
					keys = append(keys, "w."+strconv.Itoa(i))
				}
			}
		}
	}
	return keys
}

func (c *counter) Apply(events []schemas.Event, state schemas.State) (schemas.Result, error) {
	c.calls++
	res := schemas.Result{State: map[string]*schemas.StateRow{}}
	for _, e := range events {
		var in clicks
		if e.Kind == schemas.KindSource {
			res.Ignored++
			continue
		}
		if err := json.Unmarshal(e.Data, &in); err != nil {
			return res, fmt.Errorf("clicks: %w: %w", schemas.ErrInvalid, err)
		}
		if !c.fixed {
			switch in.Trap {
			case "panic":
				var m map[string]int
				m[in.Counter] = 1 //nolint:staticcheck // this is the trap
			case "error":
				return res, errors.New("cannot use this one")
			}
		}
		row := state["c."+in.Counter]
		t, _ := row.Value.(*tallied)
		if t == nil {
			t = &tallied{Seen: map[string]bool{}}
			if len(row.Data) > 0 {
				if err := json.Unmarshal(row.Data, t); err != nil {
					return res, err
				}
			}
			row.Value = t
		}
		if t.Seen[e.ID] {
			res.Duplicates++
			continue
		}
		t.Seen[e.ID] = true
		t.Sum += in.N
		res.State["c."+in.Counter] = row
		act, _ := json.Marshal(map[string]any{"id": e.ID, "c": in.Counter, "n": in.N})
		res.Outputs = append(res.Outputs, schemas.Output{
			Table: schemas.TableActivities, Subject: schemas.SubjectActivity(e.Account, "click"), ID: e.ID, Data: act,
		})
		if in.Trap == "wide" {
			for i := range int(in.N) {
				w := state["w."+strconv.Itoa(i)]
				res.State["w."+strconv.Itoa(i)] = &schemas.StateRow{Data: append(slices.Clone(w.Data), 'x')}
			}
			for _, id := range wideIDs(e.ID, in) {
				act, _ := json.Marshal(map[string]any{"id": id})
				res.Outputs = append(res.Outputs, schemas.Output{Table: schemas.TableActivities, Subject: schemas.SubjectActivity(e.Account, "wide"), ID: id, Data: act})
			}
		}
	}
	for key, row := range res.State {
		t, ok := row.Value.(*tallied)
		if !ok {
			continue
		}
		row.Data, _ = json.Marshal(t)
		sum, _ := json.Marshal(map[string]any{"c": strings.TrimPrefix(key, "c."), "sum": t.Sum})
		res.Outputs = append(res.Outputs, schemas.Output{Table: schemas.TableActivityCounts, Data: sum})
	}
	return res, nil
}

// wideIDs are the ids of the further activities of an event with a wide result.
func wideIDs(event string, in clicks) (ids []string) {
	if in.Trap == "wide" {
		for i := range int(in.N) {
			ids = append(ids, event+"/"+strconv.Itoa(i))
		}
	}
	return ids
}

// written is one row of a fake table.
type written struct {
	seq   uint64
	ver   uint64
	token string
	data  []byte
}

// table is a fake ClickHouse table: inserts of one token are atomic, and the same token twice is dropped, as far as the flags let it.
type table struct {
	name       string
	mu         sync.Mutex
	rows       []written
	tokens     map[string]bool
	blind      bool    // ignores tokens and never looks: what must not be
	faults     float64 // chance of an error, before, between or after inserts
	deaf       bool    // the first answer for every block is an error although all is inserted
	blocks     int
	recoveries int
	delay      time.Duration
}

func newTable(name string) *table { return &table{name: name, tokens: map[string]bool{}} }

func (t *table) Table() string { return t.name }

func (t *table) Write(ctx context.Context, b schemas.Block) error {
	if t.delay > 0 {
		time.Sleep(t.delay)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.blocks++
	if b.Recover {
		t.recoveries++
	}
	parts := map[string][]written{}
	for _, m := range b.Messages {
		rows, err := m.Rows(nil)
		if err != nil {
			return err
		}
		for _, line := range bytes.Split(rows, []byte{'\n'}) {
			part := strconv.Itoa(int(line[len(line)/2]) % 2)
			parts[part] = append(parts[part], written{m.Seq, b.Gen<<48 | m.Seq, "", slices.Clone(line)})
		}
	}
	for _, part := range slices.Sorted(maps.Keys(parts)) {
		if rand.Float64() < t.faults {
			return errors.New("fault before an insert")
		}
		token := fmt.Sprintf("%s:%s:%d-%d:%s", b.Epoch, b.Table, b.From, b.To, part)
		if !t.blind && t.tokens[token] {
			continue
		}
		t.tokens[token] = true
		for _, r := range parts[part] {
			r.token = token
			t.rows = append(t.rows, r)
		}
	}
	if rand.Float64() < t.faults || (t.deaf && !b.Recover) {
		return errors.New("fault after the inserts")
	}
	return nil
}

// newest gives the last version of every counter's sum.
func (t *table) newest(tb testing.TB) map[string]uint64 {
	tb.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	sums, vers := map[string]uint64{}, map[string]uint64{}
	for _, r := range t.rows {
		var row struct {
			C   string `json:"c"`
			Sum uint64 `json:"sum"`
		}
		if err := json.Unmarshal(r.data, &row); err != nil {
			tb.Fatal(err)
		}
		if r.ver >= vers[row.C] {
			sums[row.C], vers[row.C] = row.Sum, r.ver
		}
	}
	return sums
}

// ids counts the rows per event id.
func (t *table) ids(tb testing.TB) map[string]int {
	tb.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	out := map[string]int{}
	for _, r := range t.rows {
		var row struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(r.data, &row); err != nil {
			tb.Fatal(err)
		}
		out[row.ID]++
	}
	return out
}

func (t *table) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.rows)
}

func testLog(tb testing.TB) zerolog.Logger {
	if testing.Verbose() {
		return zerolog.New(zerolog.NewTestWriter(tb)).Level(zerolog.WarnLevel)
	}
	return zerolog.Nop()
}

// testOptions gives options on a server of the test's own.
func testOptions(tb testing.TB) (*local.NATS, Options) {
	tb.Helper()
	n := localtest.TestNATS(tb)
	return n, Options{
		Conn: connect(tb, n), Log: testLog(tb), Partitions: 2, SinkLinger: 5 * time.Millisecond, journal: bounds{rows: 30, bytes: 64 << 10},
		MaxBytesEvents: 128 << 20, MaxBytesTxn: 256 << 20,
	}
}

func connect(tb testing.TB, n *local.NATS) *nats.Conn {
	tb.Helper()
	nc, err := n.Connect()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(nc.Close)
	return nc
}

func open(tb testing.TB, o Options) *Stream {
	tb.Helper()
	s, err := Open(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.publisher.close() })
	return s
}

func testStream(tb testing.TB) *Stream {
	tb.Helper()
	_, o := testOptions(tb)
	return open(tb, o)
}

// click makes the event number i of a counter; its account decides the partition.
func click(account, counter string, i int, n uint64) schemas.Event {
	data, _ := json.Marshal(clicks{Counter: counter, N: n})
	return schemas.Event{
		ID: account + ":" + counter + ":" + strconv.Itoa(i), Kind: schemas.KindAudit, Source: "src_1", Account: account, Via: "poll",
		ReceivedAt: time.Unix(1_700_000_000, 0).UTC(), Data: data,
	}
}

// run starts all loops and stops them at the end of the test, or earlier by the function it gives.
func run(tb testing.TB, s *Stream, p func() Processor, sinks ...Sink) (stop func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for i := range s.Partitions() {
		wg.Go(func() {
			if err := s.Process(ctx, i, p()); err != nil {
				tb.Error(err)
			}
		})
	}
	for _, sink := range sinks {
		wg.Go(func() {
			if err := s.Sink(ctx, sink); err != nil {
				tb.Error(err)
			}
		})
	}
	var once sync.Once
	stop = func() { once.Do(func() { cancel(); wg.Wait() }) }
	tb.Cleanup(stop)
	return stop
}

func counters() Processor { return &counter{} }

func drain(tb testing.TB, s *Stream) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 90*time.Second)
	defer cancel()
	if err := s.Drained(ctx); err != nil {
		_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
		tb.Fatal(err)
	}
}

// publish stores events as a caller does that repeats what was not stored.
func publish(tb testing.TB, s *Stream, events ...schemas.Event) {
	tb.Helper()
	if err := store(tb.Context(), s, events...); err != nil {
		tb.Fatal(err)
	}
}

// store repeats a Publish for as long as a machine that stands still may take.
func store(ctx context.Context, s *Stream, events ...schemas.Event) error {
	for end := time.Now().Add(time.Minute); ; {
		err := s.Publish(ctx, events...)
		if !errors.Is(err, schemas.ErrUnavailable) || ctx.Err() != nil || time.Now().After(end) {
			return err
		}
	}
}

// eventually waits until cond holds.
func eventually(tb testing.TB, what string, cond func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if cond() {
			return
		}
	}
	tb.Fatalf("timed out waiting until %s", what)
}

// memoryMeta keeps records as ClickHouse would.
type memoryMeta struct {
	mu sync.Mutex
	by map[string]StreamMeta
}

func (m *memoryMeta) LoadMeta(context.Context) ([]StreamMeta, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Values(m.by)), nil
}

func (m *memoryMeta) SaveMeta(_ context.Context, sm StreamMeta) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.by == nil {
		m.by = map[string]StreamMeta{}
	}
	m.by[sm.Stream] = sm
	return nil
}

// checkExact compares the fake tables with what the events say: every event once, every sum right.
func checkExact(tb testing.TB, events []schemas.Event, acts, counts *table) {
	tb.Helper()
	want, sums := map[string]int{}, map[string]uint64{}
	for _, e := range events {
		var in clicks
		if err := json.Unmarshal(e.Data, &in); err != nil {
			tb.Fatal(err)
		}
		if want[e.ID] == 0 {
			want[e.ID] = 1
			sums[in.Counter] += in.N
			for _, id := range wideIDs(e.ID, in) {
				want[id] = 1
			}
		}
	}
	got := acts.ids(tb)
	for id, n := range got {
		if n != want[id] {
			tb.Fatalf("event %s is in the table %d times, want %d", id, n, want[id])
		}
	}
	if len(got) != len(want) {
		tb.Fatalf("%d events are in the table, want %d", len(got), len(want))
	}
	if gotSums := counts.newest(tb); !maps.Equal(gotSums, sums) {
		tb.Fatalf("sums %v, want %v", gotSums, sums)
	}
}

func TestPipelineIsExact(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	acts, counts := newTable(schemas.TableActivities), newTable(schemas.TableActivityCounts)
	run(t, s, counters, acts, counts)
	var events []schemas.Event
	for i := range 3000 {
		events = append(events, click("acme"+strconv.Itoa(i%5), "c"+strconv.Itoa(i%40), i, uint64(i)))
	}
	publish(t, s, events...)
	publish(t, s, events[500:1500]...) // beyond any broker's window: no ids in batches
	for _, e := range events[:20] {
		publish(t, s, e)
	}
	drain(t, s)
	checkExact(t, events, acts, counts)
	st, err := s.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var n, dups uint64
	for p := range s.partitions {
		o, _, err := s.readOffset(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		n, dups = n+o.Events, dups+o.Duplicates
	}
	if n != 4020 || dups != 1020 || st.Dead != 0 {
		t.Fatalf("processed %d with %d duplicates and %d dead, want 4020, 1020, 0", n, dups, st.Dead)
	}
	if err := s.Health(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func counterValue(tb testing.TB, c prometheus.Counter) float64 {
	tb.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		tb.Fatal(err)
	}
	return m.GetCounter().GetValue()
}
