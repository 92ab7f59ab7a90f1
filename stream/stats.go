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

// Stats is how full the streams are and what waits in them.
type Stats struct {
	Streams []StreamStats
	Dead    uint64 // letters waiting for a decision

	tables []tableStats
}

// StreamStats is how full one stream is.
type StreamStats struct {
	Name     string
	Messages uint64
	Bytes    uint64
	maxBytes int64
}

// tableStats is what waits for one table.
type tableStats struct {
	table   string
	done    uint64        // outputs up to this sequence are in the table
	pending uint64        // output messages behind it
	age     time.Duration // of the oldest of them
}

// Stats describes the pipeline as the streams record it, whichever processes do the work.
func (s *Stream) Stats(ctx context.Context) (Stats, error) {
	var st Stats
	for _, name := range []string{s.events, s.txn, s.sink} {
		i, err := s.info(ctx, name)
		if err != nil {
			return st, err
		}
		st.Streams = append(st.Streams, StreamStats{Name: name, Messages: i.State.Msgs, Bytes: i.State.Bytes, maxBytes: i.Config.MaxBytes})
	}
	for p := range s.partitions {
		pending, err := s.unprocessed(ctx, p)
		if err != nil {
			return st, err
		}
		s.metrics.lag.WithLabelValues(strconv.Itoa(p)).Set(float64(pending))
	}
	var err error
	if st.tables, err = s.tableStats(ctx); err != nil {
		return st, err
	}
	st.Dead, err = s.count(ctx, s.txn, s.prefix+".dead.*", 1)
	return st, err
}

// unprocessed is how many raw events of a partition are not processed.
func (s *Stream) unprocessed(ctx context.Context, p int) (uint64, error) {
	o, _, err := s.readOffset(ctx, p)
	if err != nil {
		return 0, err
	}
	pending, err := s.count(ctx, s.events, schemas.SubjectRaw(p), o.In+1)
	if o.Spill != nil || o.Reset != nil { // the last event is not spread yet
		pending++
	}
	return pending, err
}

func (s *Stream) tableStats(ctx context.Context) ([]tableStats, error) {
	intents, err := s.intents(ctx)
	if err != nil {
		return nil, err
	}
	i, err := s.info(ctx, s.txn)
	if err != nil {
		return nil, err
	}
	all := make([]tableStats, 0, len(schemas.Tables))
	for _, table := range schemas.Tables {
		t := tableStats{table: table, done: intents[table].through()}
		if err := s.unsunk(ctx, &t, i.State.LastSeq); err != nil {
			return nil, err
		}
		s.metrics.unsunk.WithLabelValues(table).Set(float64(t.pending))
		s.metrics.unsunkAge.WithLabelValues(table).Set(t.age.Seconds())
		all = append(all, t)
	}
	return all, nil
}

// unsunk looks for the outputs of a table that are not in it. last is a sequence that the stream had before.
func (s *Stream) unsunk(ctx context.Context, t *tableStats, last uint64) error {
	from := s.beyond.from(t.table, t.done)
	if from > last {
		return nil
	}
	m, found, err := s.next(ctx, s.txn, s.outputs(t.table), from)
	switch {
	case err != nil:
		return err
	case found:
		t.pending, t.age = m.pending+1, max(0, s.now().Sub(m.at))
	default:
		s.beyond.note(t.table, t.done, last)
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
		if one.maxBytes > 0 && one.Bytes > uint64(one.maxBytes)/100*nearlyFull {
			all = append(all, fmt.Errorf("stream %s is full (%d of %d bytes): see whether processors and sinks do their work, which makes room", one.Name, one.Bytes, one.maxBytes))
		}
	}
	return errors.Join(all...)
}

func (s *Stream) staleness(st Stats) error {
	var all []error
	for _, t := range st.tables {
		if t.age > unsunkAfter {
			all = append(all, fmt.Errorf("table %s is %s behind: see whether ClickHouse takes inserts", t.table, t.age.Round(time.Second)))
		}
	}
	return errors.Join(all...)
}
