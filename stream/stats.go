package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"deskstream/schemas"
)

const (
	// troubleAfter is how long a part may fail before the pipeline counts as unhealthy: short breaks heal themselves.
	troubleAfter = 20 * time.Second
	// unsunkAfter is the age of an output that is not in its table from which reports are too old.
	unsunkAfter = 15 * time.Minute
	// nearlyFull is the filling of a stream, in percent, from which there is something to do.
	nearlyFull = 95
)

// Stats is what the console shows about the pipeline.
type Stats struct {
	Streams    []StreamStats    `json:"streams"`
	Partitions []PartitionStats `json:"partitions"`
	Tables     []TableStats     `json:"tables"`
	Dead       uint64           `json:"dead"` // letters waiting for a decision
}

// StreamStats describes one stream. MaxBytes is its limit, in bytes.
type StreamStats struct {
	Name     string `json:"name"`
	Epoch    string `json:"epoch"`
	Gen      uint64 `json:"gen"`
	Messages uint64 `json:"messages"`
	Bytes    uint64 `json:"bytes"`
	MaxBytes int64  `json:"max_bytes"`
	FirstSeq uint64 `json:"first_seq"`
	LastSeq  uint64 `json:"last_seq"`
}

// PartitionStats describes the processing of one partition; counts are since the beginning of the generation.
type PartitionStats struct {
	Partition  int    `json:"partition"`
	Offset     uint64 `json:"offset"`  // last raw sequence processed
	Pending    uint64 `json:"pending"` // raw events behind it
	Events     uint64 `json:"events"`
	Duplicates uint64 `json:"duplicates"`
	Ignored    uint64 `json:"ignored"`
	Dead       uint64 `json:"dead"`
}

// TableStats describes one table's sink.
type TableStats struct {
	Table   string        `json:"table"`
	Done    uint64        `json:"done"`    // outputs up to this sequence are in the table
	Pending uint64        `json:"pending"` // output messages behind it
	Age     time.Duration `json:"age"`     // of the oldest of them
}

// Stats describes the pipeline as the streams record it, whichever processes do the work.
func (s *Stream) Stats(ctx context.Context) (Stats, error) {
	var st Stats
	for _, name := range []string{s.events, s.txn, s.sink} {
		i, err := s.info(ctx, name)
		if err != nil {
			return st, err
		}
		gen, _ := strconv.ParseUint(i.Config.Metadata[metaGen], 10, 64)
		st.Streams = append(st.Streams, StreamStats{
			Name: name, Epoch: i.Config.Metadata[metaEpoch], Gen: gen, Messages: i.State.Msgs, Bytes: i.State.Bytes,
			MaxBytes: i.Config.MaxBytes, FirstSeq: i.State.FirstSeq, LastSeq: i.State.LastSeq,
		})
	}
	for p := range s.partitions {
		one, err := s.partitionStats(ctx, p)
		if err != nil {
			return st, err
		}
		st.Partitions = append(st.Partitions, one)
		s.metrics.lag.WithLabelValues(strconv.Itoa(p)).Set(float64(one.Pending))
	}
	var err error
	if st.Tables, err = s.tableStats(ctx); err != nil {
		return st, err
	}
	st.Dead, err = s.count(ctx, s.txn, s.prefix+".dead.*", 1)
	return st, err
}

func (s *Stream) partitionStats(ctx context.Context, p int) (PartitionStats, error) {
	o, _, err := s.readOffset(ctx, p)
	if err != nil {
		return PartitionStats{}, err
	}
	st := PartitionStats{Partition: p, Offset: o.In, Events: o.Events, Duplicates: o.Duplicates, Ignored: o.Ignored, Dead: o.Dead}
	st.Pending, err = s.count(ctx, s.events, schemas.SubjectRaw(p), o.In+1)
	if o.Spill != nil || o.Reset != nil { // the last event is not spread yet
		st.Pending++
	}
	return st, err
}

func (s *Stream) tableStats(ctx context.Context) ([]TableStats, error) {
	intents, err := s.intents(ctx)
	if err != nil {
		return nil, err
	}
	i, err := s.info(ctx, s.txn)
	if err != nil {
		return nil, err
	}
	all := make([]TableStats, 0, len(schemas.Tables))
	for _, table := range schemas.Tables {
		t := TableStats{Table: table, Done: intents[table].through()}
		if err := s.unsunk(ctx, &t, i.State.LastSeq); err != nil {
			return nil, err
		}
		s.metrics.unsunk.WithLabelValues(table).Set(float64(t.Pending))
		s.metrics.unsunkAge.WithLabelValues(table).Set(t.Age.Seconds())
		all = append(all, t)
	}
	return all, nil
}

// unsunk looks for the outputs of a table that are not in it. last is a sequence that the stream had before.
func (s *Stream) unsunk(ctx context.Context, t *TableStats, last uint64) error {
	from := s.beyond.from(t.Table, t.Done)
	if from > last {
		return nil
	}
	m, found, err := s.next(ctx, s.txn, s.outputs(t.Table), from)
	switch {
	case err != nil:
		return err
	case found:
		t.Pending, t.Age = m.pending+1, max(0, s.now().Sub(m.at))
	default:
		s.beyond.note(t.Table, t.Done, last)
	}
	return nil
}

// idleTables remember up to where no output of a table was found behind those that are in it: of a table that seldom gets one, the server would look
// through all that came for others since. They are safe for concurrent use.
type idleTables struct {
	mu    sync.Mutex
	known map[string]idleSpan // by table
}

// idleSpan says that nothing for a table lies behind done up to last.
type idleSpan struct{ done, last uint64 }

func (i *idleTables) from(table string, done uint64) uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	if span := i.known[table]; span.done == done {
		return max(done, span.last) + 1
	}
	return done + 1
}

func (i *idleTables) note(table string, done, last uint64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.known == nil {
		i.known = map[string]idleSpan{}
	}
	i.known[table] = idleSpan{done, last}
}

// intents gives the records of all sinks, by table.
func (s *Stream) intents(ctx context.Context) (map[string]intent, error) {
	subjects, tables := make([]string, len(schemas.Tables)), map[string]string{}
	for i, table := range schemas.Tables {
		subjects[i] = s.intent(table)
		tables[subjects[i]] = table
	}
	out := map[string]intent{}
	err := s.lasts(ctx, s.sink, subjects, func(m storedMessage) error {
		var i intent
		if err := json.Unmarshal(m.data, &i); err != nil {
			return fmt.Errorf("sink %s: record at %d: %w", tables[m.subject], m.seq, err)
		}
		out[tables[m.subject]] = i
		return nil
	})
	return out, err
}

// Health is nil when the pipeline works; otherwise it says what is wrong and what to do, several things joined.
func (s *Stream) Health(ctx context.Context) error {
	if !s.o.Conn.IsConnected() {
		return fmt.Errorf("stream: %w: no connection to NATS", schemas.ErrUnavailable)
	}
	st, err := s.Stats(ctx)
	if err != nil {
		return err
	}
	return errors.Join(s.fullness(st), s.staleness(st), s.troubles.lasting(s.now()), s.gaps(ctx))
}

func (s *Stream) fullness(st Stats) error {
	var all []error
	for _, one := range st.Streams {
		if one.MaxBytes > 0 && one.Bytes > uint64(one.MaxBytes)/100*nearlyFull {
			all = append(all, fmt.Errorf("stream %s is full (%d of %d bytes): see whether the sinks write, or raise its limit", one.Name, one.Bytes, one.MaxBytes))
		}
	}
	return errors.Join(all...)
}

func (s *Stream) staleness(st Stats) error {
	var all []error
	for _, t := range st.Tables {
		if t.Age > unsunkAfter {
			all = append(all, fmt.Errorf("table %s is %s behind: see whether ClickHouse takes inserts", t.Table, t.Age.Round(time.Second)))
		}
	}
	return errors.Join(all...)
}

// lasting gives the errors that have been there for a while.
func (t *troubles) lasting(now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []error
	for part, tr := range t.since {
		if now.Sub(tr.at) >= troubleAfter {
			all = append(all, fmt.Errorf("%s fails since %s: %w", part, tr.at.UTC().Format(time.RFC3339), tr.err))
		}
	}
	return errors.Join(all...)
}
