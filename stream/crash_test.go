package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deskstream/local"
	"deskstream/schemas"
)

// Environment of a child process.
const (
	childDir    = "DESKSTREAM_CHILD_DIR"
	childPoint  = "DESKSTREAM_CHILD_POINT"
	childTarget = "DESKSTREAM_CHILD_TARGET"
	childFixed  = "DESKSTREAM_CHILD_FIXED"
	childBlind  = "DESKSTREAM_CHILD_BLIND"
)

// eventsPerLife is what one child adds to the source.
const eventsPerLife = 90

// sourceEvent is what the source has at a position: mostly clicks, some that make the processor panic, some with a wide result.
func sourceEvent(i int) schemas.Event {
	in := clicks{Counter: "c" + strconv.Itoa(i%12), N: uint64(i)}
	switch i % (6 * eventsPerLife) { // most lives end early, so the last ones have the work of many to do
	case 30, 300:
		in.Trap = "panic"
	case 60:
		in.Trap, in.N = "wide", 1100
	}
	e := click("acme"+strconv.Itoa(i%12%3), in.Counter, i, in.N)
	e.Data, _ = json.Marshal(in)
	return e
}

// TestKillAtEveryPoint ends a child with SIGKILL at every crash point in turn, each time on the store the one before has left, and then
// lets a last child finish. Every event must be in the table exactly once, every sum right.
func TestKillAtEveryPoint(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a process per crash point")
	}
	t.Parallel()
	dir := t.TempDir()
	// A replay makes everything again and would hide earlier losses, so its points come first.
	points := slices.Clone(CrashPoints)
	slices.SortStableFunc(points, func(a, b string) int { return rank(a) - rank(b) })
	target := 0
	for _, point := range points {
		target += eventsPerLife
		if !life(t, dir, target, "point="+point, childPoint+"="+point, childFixed+"="+fixedAt(point)) {
			t.Errorf("crash point %s is never reached", point)
		}
	}
	if life(t, dir, target, "last", childFixed+"=1") {
		t.Fatal("the last child was killed")
	}
	rows := readRows(t, dir)
	checkRows(t, rows, target, true)
}

// TestKillBlindSink is the negative control: with a sink that does not look before it inserts, the same kills make duplicates.
func TestKillBlindSink(t *testing.T) {
	if testing.Short() {
		t.Skip("starts several processes")
	}
	t.Parallel()
	dir := t.TempDir()
	target := 0
	for range 3 {
		target += eventsPerLife
		life(t, dir, target, "blind", childPoint+"=sink.written", childFixed+"=1", childBlind+"=1")
	}
	life(t, dir, target, "last", childFixed+"=1", childBlind+"=1")
	if checkRows(t, readRows(t, dir), target, false) == 0 {
		t.Fatal("no duplicates: the kills of the other test do nothing")
	}
}

func rank(point string) int {
	switch {
	case strings.HasPrefix(point, "open."):
		return 0
	case strings.HasPrefix(point, "reset."):
		return 1
	case strings.HasPrefix(point, "dead."):
		return 3
	}
	return 2
}

func fixedAt(point string) string {
	if rank(point) == 3 {
		return "1"
	}
	return ""
}

// life runs one child and says whether it was killed.
func life(t *testing.T, dir string, target int, name string, env ...string) (killed bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestChild$", "-test.v")
	cmd.Env = append(os.Environ(), append(env, childDir+"="+dir, childTarget+"="+strconv.Itoa(target))...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("%s: the child hangs:\n%s", name, out.String())
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return true
	}
	if err != nil {
		t.Fatalf("%s: %v:\n%s", name, err, out.String())
	}
	return false
}

// TestChild is the body of a child process: a server, all loops, a poller that goes on where its cursor stands, and repeats.
func TestChild(t *testing.T) {
	dir := os.Getenv(childDir)
	if dir == "" {
		t.Skip("runs only as a child of TestKillAtEveryPoint")
	}
	n, err := local.StartNATS(local.NATSOptions{Dir: filepath.Join(dir, "nats"), MaxStore: 1 << 30, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	point := os.Getenv(childPoint)
	s, err := Open(t.Context(), Options{
		Conn: connect(t, n), Partitions: 2, MaxBytesEvents: 64 << 20, MaxBytesTxn: 64 << 20, SinkLinger: 5 * time.Millisecond, journal: bounds{rows: 30, bytes: 64 << 10},
		Log: zerolog.New(os.Stderr).Level(zerolog.WarnLevel), Meta: fileMeta{filepath.Join(dir, "meta")}, Rows: filepath.Join(dir, "rows"),
		Crash: func(at string) {
			if at == point {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.small.Store(true) // so that a wide result is more than a commit takes
	if strings.HasPrefix(point, "reset.") {
		if err := s.ResetForReplay(t.Context(), time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	fixed := os.Getenv(childFixed) == "1"
	stop := run(t, s, func() Processor { return &teller{counter{fixed: fixed}} },
		newFileTable(t, dir, schemas.TableActivities), newFileTable(t, dir, schemas.TableActivityCounts))
	poll(t, s)
	if fixed {
		for _, l := range deadLetters(t, s) {
			if err := s.DeadRetry(t.Context(), l.Seq); err != nil {
				t.Fatal(err)
			}
		}
	}
	drain(t, s)
	erasePart(t, s)
	if err := s.clean(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if err := s.Health(t.Context()); err != nil {
		t.Error(err)
	}
	stop()
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// erasePart redacts some raw events that are processed, and scrubs the disk.
func erasePart(t *testing.T, s *Stream) {
	t.Helper()
	e, err := s.Erasure(t.Context(), "er_1")
	if errors.Is(err, schemas.ErrNotFound) {
		e, err = schemas.Erasure{ID: "er_1", Account: "acme1", UserIDs: []int64{1}}, nil
	}
	if err == nil {
		err = s.PutErasure(t.Context(), &e)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.EraseRaw(t.Context(), e.Account, func(e *schemas.Event) []byte {
		switch last := e.ID[len(e.ID)-1]; {
		case last == '7':
			return nil
		case last < '5' && !bytes.HasSuffix(e.Data, []byte(" ")):
			return append(bytes.Clone(e.Data), ' ')
		}
		return e.Data
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Scrub(t.Context(), func([]byte) bool { return true }); err != nil {
		t.Fatal(err)
	}
}

// poll reads the source up to the target of this life.
func poll(t *testing.T, s *Stream) {
	t.Helper()
	target, _ := strconv.Atoi(os.Getenv(childTarget))
	src, err := s.Source(t.Context(), "src_1")
	if errors.Is(err, schemas.ErrNotFound) {
		src = schemas.Source{Settings: schemas.Settings{ID: "src_1", Account: "acme0"}}
	} else if err != nil {
		t.Fatal(err)
	}
	if err := s.PutSource(t.Context(), &src); err != nil {
		t.Fatal(err)
	}
	cur, err := s.Cursor(t.Context(), "src_1", "tickets")
	if err != nil {
		t.Fatal(err)
	}
	for {
		at, _ := strconv.Atoi(cur.Cursor)
		if at >= target {
			return
		}
		var page []schemas.Event
		for i := at; i < min(at+35, target); i++ {
			page = append(page, sourceEvent(i))
		}
		cur.Cursor = strconv.Itoa(at + len(page))
		if cur, err = s.PublishPage(t.Context(), src, cur, page); err != nil {
			t.Fatal(err)
		}
		// The same facts by webhook, alone and in a slice.
		for _, e := range [][]schemas.Event{page[:1], page[min(1, len(page)-1):min(7, len(page))]} {
			publish(t, s, e...)
		}
	}
}

// fileTable is a table of files, one per insert. As ClickHouse after a power cut it has forgotten all tokens of earlier lives: only
// looking for the rows tells whether they are there.
type fileTable struct {
	dir, name string
	blind     bool
	mu        sync.Mutex
	tokens    map[string]bool
	n         atomic.Int64
}

func newFileTable(t *testing.T, dir, name string) *fileTable {
	t.Helper()
	f := &fileTable{dir: filepath.Join(dir, "tables", name), name: name, tokens: map[string]bool{}, blind: os.Getenv(childBlind) == "1"}
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fileTable) Table() string { return f.name }

// Write inserts in two parts, which are not atomic together.
func (f *fileTable) Write(_ context.Context, b schemas.Block) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	parts := [2][]byte{}
	for _, m := range b.Messages {
		rows, err := m.Rows(nil)
		if err != nil {
			return err
		}
		for _, line := range bytes.Split(rows, []byte{'\n'}) {
			p := line[len(line)/2] % 2
			parts[p] = append(fmt.Appendf(parts[p], "%d %d ", b.Gen, m.Seq), append(line, '\n')...)
		}
	}
	for p, data := range parts {
		token := fmt.Sprintf("%s-%d-%d-%d", b.Epoch, b.From, b.To, p)
		if len(data) == 0 || f.tokens[token] {
			continue
		}
		if b.Recover && !f.blind {
			if found, err := filepath.Glob(filepath.Join(f.dir, token+".*")); err != nil || len(found) > 0 {
				continue
			}
		}
		f.tokens[token] = true
		name := filepath.Join(f.dir, fmt.Sprintf("%s.%d-%d", token, os.Getpid(), f.n.Add(1)))
		if err := os.WriteFile(filepath.Join(f.dir, "tmp"), data, 0o600); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(f.dir, "tmp"), name); err != nil {
			return err
		}
	}
	return nil
}

// readRows gives the rows of the activities and of the sums, with generation and sequence in front.
func readRows(t *testing.T, dir string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, name := range []string{schemas.TableActivities, schemas.TableActivityCounts} {
		files, err := filepath.Glob(filepath.Join(dir, "tables", name, "*-*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			out[name] = append(out[name], strings.Split(strings.TrimSpace(string(data)), "\n")...)
		}
	}
	return out
}

// checkRows compares the rows with the source and gives the number of duplicates.
func checkRows(t *testing.T, rows map[string][]string, target int, strict bool) (duplicates int) {
	t.Helper()
	last := uint64(0)
	byGen := map[uint64]map[string]int{}
	for _, line := range rows[schemas.TableActivities] {
		gen, _, row := parseRow(t, line)
		last = max(last, gen)
		if byGen[gen] == nil {
			byGen[gen] = map[string]int{}
		}
		if byGen[gen][row.ID]++; byGen[gen][row.ID] > 1 {
			duplicates++
		}
	}
	once := map[string]bool{}
	for _, line := range rows[schemas.TableActivityCounts] {
		if once[line] {
			duplicates++
		}
		once[line] = true
	}
	sums, activities := map[string]uint64{}, 0
	for i := range target {
		e := sourceEvent(i)
		var in clicks
		_ = json.Unmarshal(e.Data, &in)
		sums[in.Counter] += in.N
		for _, id := range append(wideIDs(e.ID, in), e.ID) {
			activities++
			if strict && byGen[last][id] != 1 {
				t.Errorf("activity %s is in the table %d times", id, byGen[last][id])
			}
		}
	}
	if strict && (duplicates > 0 || len(byGen[last]) != activities || last < 2) {
		t.Errorf("generation %d: %d activities of %d, %d duplicates", last, len(byGen[last]), activities, duplicates)
	}
	got, vers := map[string]uint64{}, map[string]uint64{}
	for _, line := range rows[schemas.TableActivityCounts] {
		gen, seq, row := parseRow(t, line)
		if v := gen<<48 | seq; v >= vers[row.C] {
			got[row.C], vers[row.C] = row.Sum, v
		}
	}
	for c, want := range sums {
		if got[c] != want {
			t.Errorf("sum of %s is %d, want %d", c, got[c], want)
		}
	}
	return duplicates
}

type fileRow struct {
	ID  string `json:"id"`
	C   string `json:"c"`
	Sum uint64 `json:"sum"`
}

func parseRow(t *testing.T, line string) (gen, seq uint64, row fileRow) {
	t.Helper()
	f := strings.SplitN(line, " ", 3)
	gen, _ = strconv.ParseUint(f[0], 10, 64)
	seq, _ = strconv.ParseUint(f[1], 10, 64)
	if err := json.Unmarshal([]byte(f[2]), &row); err != nil {
		t.Fatal(err)
	}
	return gen, seq, row
}

// fileMeta keeps the records in a file each.
type fileMeta struct{ dir string }

func (m fileMeta) LoadMeta(context.Context) ([]StreamMeta, error) {
	files, err := filepath.Glob(filepath.Join(m.dir, "DESKSTREAM_*"))
	if err != nil {
		return nil, err
	}
	var all []StreamMeta
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var one StreamMeta
		if err := json.Unmarshal(data, &one); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func (m fileMeta) SaveMeta(_ context.Context, sm StreamMeta) error {
	if err := os.MkdirAll(m.dir, 0o755); err != nil {
		return err
	}
	data, err := json.Marshal(sm)
	if err != nil {
		return err
	}
	tmp := filepath.Join(m.dir, "tmp-"+sm.Stream)
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(m.dir, sm.Stream))
}
