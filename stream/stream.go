// Package stream is the only place that knows JetStream. It owns the three streams, the commit points of the pipeline (publish,
// process, sink) and everything that makes them exactly once. It never looks into an event and never writes to a table itself.
package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"deskstream/schemas"
)

// Options says how Open works. The zero values of all but Conn are usable.
type Options struct {
	// Conn is the connection everything goes through; the caller closes it after Close.
	Conn *nats.Conn
	Log  zerolog.Logger
	// Now is the clock for retention and records; nil means time.Now.
	Now func() time.Time
	// Registerer takes the metrics; nil registers none.
	Registerer prometheus.Registerer
	// Partitions of a new installation, 0 means schemas.DefaultPartitions. A number other than the one in the metadata of an
	// existing installation is refused.
	Partitions int
	// MaxBytesEvents and MaxBytesTxn limit the streams in bytes, 0 means 8 GiB each or what room the server has. A full stream refuses, it never drops.
	MaxBytesEvents, MaxBytesTxn int64
	// Unwritable says whether the server of Conn is known not to write, for want of room; it answers at once. nil = nobody knows.
	Unwritable func() bool
	// Meta is where the identity of the streams is recorded outside of them (ClickHouse); nil means nowhere.
	Meta Meta
	// Refill says that the caller is about to fill the tables anew: that the database has lost them is no reason to refuse then.
	Refill bool
	// OnlyStored says that a replay may remove what was made of raw events that are gone: only what the stored ones hold shall remain.
	OnlyStored bool
	// Namespace separates processing state and outputs: "" is the live pipeline, any other word ([a-z0-9]) gives TXN and SINK streams
	// of its own on top of the same raw events.
	Namespace string
	// RawRetention is how long raw events are kept after they were processed; 0 keeps them until space is needed.
	RawRetention time.Duration
	// SinkLinger is how long a row waits for others to be written with it while nothing is late, 0 means 200 ms.
	SinkLinger time.Duration
	// Admit gives what may be stored of an event's data: all, less, or nil for an event that must not be stored. nil stores everything.
	Admit Redact
	// Rows is a folder for what makes looking state up fast, as much as the state takes; "" does without.
	Rows string
	// Keeps is told about how many bytes are kept in memory for that, each time that changes much; nil = nobody asks.
	Keeps func(bytes int)
	// Crash is called at the points named in CrashPoints by tests that end the process there; nil in production.
	Crash func(point string)

	journal bounds // tests make it small
}

// Meta records which streams there should be, outside of them, so that a lost stream is noticed. Implementations must be durable.
type Meta interface {
	LoadMeta(ctx context.Context) ([]StreamMeta, error)
	SaveMeta(ctx context.Context, m StreamMeta) error
}

// StreamMeta is schemas.StreamMeta, which the implementation of Meta shares without importing this package.
type StreamMeta = schemas.StreamMeta

// Processor turns events into state and outputs; see schemas.Result. It is called by one goroutine per Process call.
type Processor interface {
	// Keys names the state rows the events need; it is called again with the rows loaded so far until it asks for nothing new.
	Keys(events []schemas.Event, state schemas.State) []string
	// Apply is pure. An error or a panic makes the loop retry event by event and put the culprit among the dead letters.
	Apply(events []schemas.Event, state schemas.State) (schemas.Result, error)
}

// Decoder is a processor that can look at an event before it is its turn. Decode is called once for each event, in another goroutine
// than Keys and Apply, and may leave something in Decoded; an event that it did not see, or panicked over, is as good.
type Decoder interface {
	Decode(e *schemas.Event)
}

// Summer is a processor that can tell from eight bytes that an event repeats what a row holds. Sum gives them for a row that leaves
// memory, 0 for none. Later Keys may find the row missing, as schemas.StateRow says; it asks for the key again when it needs it.
type Summer interface {
	Sum(key string, row *schemas.StateRow) uint64
}

// Sink writes blocks of one table. Write must be idempotent: with Block.Recover it looks first whether the block is there already.
type Sink interface {
	Table() string
	Write(ctx context.Context, b schemas.Block) error
}

// Stream is the open pipeline. Its methods are safe for concurrent use.
type Stream struct {
	layout
	o          Options
	js         jetstream.JetStream
	partitions int
	maxData    int           // largest payload of an event, in bytes
	open       chan struct{} // a place for each atomic batch under way
	small      atomic.Bool   // the server takes batches of maxBatch messages only
	publisher  *publisher
	metrics    *metrics
	troubles   troubles
	told       lastTold // of messages that are missing
	recorded   records
	beyond     idleTables
	ledger     sync.Mutex                   // held while messages are counted or deleted
	keeping    sync.Mutex                   // guards kept and the order in which Keeps is told of it
	kept       int                          // bytes that row files take in memory
	waiting    [maxPartitions]atomic.Uint64 // events behind the one that a partition's loop here received last
}

// maxPartitions bounds the loops one process runs.
const maxPartitions = 256

// Open finds or creates the streams. It refuses with a *schemas.Problem of class ErrConflict when they are not the ones recorded
// ("stream-lost", see Rebuild), when the number of partitions differs ("partitions-changed"), when another version wrote them
// ("stream-schema") or when the database is not the one they filled ("tables-lost"). The caller must call Close.
func Open(ctx context.Context, o Options) (*Stream, error) {
	b, err := createdBoot(ctx, o)
	if err != nil {
		return nil, err
	}
	s := b.s
	if b.tablesLost() { // to be filled anew: decided before the new database counts as the one there is
		if err := s.ResetForReplay(ctx, time.Time{}); err != nil {
			return nil, err
		}
	}
	if err := b.record(ctx); err != nil {
		return nil, err
	}
	if err := s.finishReset(ctx); err != nil {
		return nil, err
	}
	if err := s.gaps(ctx); err != nil && !errors.Is(err, schemas.ErrConflict) { // what is missing it has told; Health says it too
		return nil, err
	}
	s.publisher = startPublisher(s)
	return s, nil
}

// Look gives the streams to somebody who only reads, and must not be closed: nothing is created, changed or recorded. It refuses as Open does, and with
// ErrNotFound while Open has yet to create them.
func Look(ctx context.Context, o Options) (*Stream, error) {
	b, err := verifiedBoot(ctx, o)
	if err != nil {
		return nil, err
	}
	for name, h := range b.held {
		if !h.found {
			return nil, fmt.Errorf("stream %s: %w", name, schemas.ErrNotFound)
		}
	}
	return b.s, nil
}

// createdBoot makes the streams that are missing, or waits for the program that makes them.
func createdBoot(ctx context.Context, o Options) (*boot, error) {
	yields := true
	for left := 3; ; {
		b, err := verifiedBoot(ctx, o)
		if err != nil {
			return nil, err
		}
		b.yields = yields
		err = b.build(ctx)
		switch {
		case errors.Is(err, errYields):
			if yields, err = b.makerLives(ctx); err != nil {
				return nil, err
			}
		case left > 0 && errors.Is(err, jetstream.ErrStreamNameAlreadyInUse): // made since it was looked for
			left--
		default:
			return b, err
		}
	}
}

// verifiedBoot looks at the streams there are and refuses those that cannot be gone on with.
func verifiedBoot(ctx context.Context, o Options) (*boot, error) {
	b, err := prepareBoot(ctx, o)
	if err != nil {
		return nil, err
	}
	return b, b.verify()
}

// prepareBoot looks at the streams there are.
func prepareBoot(ctx context.Context, o Options) (*boot, error) {
	s, err := prepare(o)
	if err != nil {
		return nil, err
	}
	return s.newBoot(ctx)
}

// prepare checks the options and fills in the defaults; nothing is read or written.
func prepare(o Options) (*Stream, error) {
	if o.Conn == nil {
		return nil, fmt.Errorf("stream options: Conn is missing: %w", schemas.ErrInvalid)
	}
	if o.Partitions < 0 || o.Partitions > maxPartitions {
		return nil, fmt.Errorf("stream options: Partitions is %d, accepted are 1 to %d: %w", o.Partitions, maxPartitions, schemas.ErrInvalid)
	}
	if o.MaxBytesEvents < 0 || o.MaxBytesTxn < 0 {
		return nil, fmt.Errorf("stream options: MaxBytesEvents and MaxBytesTxn must not be negative: %w", schemas.ErrInvalid)
	}
	l, err := newLayout(o.Namespace)
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SinkLinger == 0 {
		o.SinkLinger = defaultSinkLinger
	}
	if o.journal.rows == 0 {
		o.journal = defaultBounds()
	}
	js, err := jetstream.New(o.Conn)
	if err != nil {
		return nil, fmt.Errorf("stream options: Conn: %w", err)
	}
	m, err := newMetrics(o.Registerer, o.Namespace)
	if err != nil {
		return nil, err
	}
	return &Stream{
		layout: l, o: o, js: js, open: make(chan struct{}, maxOpenBatches), maxData: int(o.Conn.MaxPayload()) - maxHeader, metrics: m,
	}, nil
}

// Close ends the background work and records the stream positions. End the loops first, by their contexts.
func (s *Stream) Close(ctx context.Context) error {
	s.publisher.close()
	return s.saveMeta(ctx)
}

// Backlog is how many stored events wait to be processed by this process, as its loops last saw it.
func (s *Stream) Backlog() (events uint64) {
	for i := range s.partitions {
		events += s.waiting[i].Load()
	}
	return events
}

// Partitions is the number of raw partitions in force; Process must run once for each.
func (s *Stream) Partitions() int { return s.partitions }

func (s *Stream) now() time.Time { return s.o.Now() }

func (s *Stream) info(ctx context.Context, name string) (*jetstream.StreamInfo, error) {
	st, err := s.js.Stream(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w: %w", name, schemas.ErrUnavailable, err)
	}
	return st.CachedInfo(), nil
}

// purge removes what matches filter below a sequence.
func (s *Stream) purge(ctx context.Context, name, filter string, below uint64) error {
	st, err := s.js.Stream(ctx, name)
	if err == nil {
		err = st.Purge(ctx, jetstream.WithPurgeSubject(filter), jetstream.WithPurgeSequence(below))
	}
	if err != nil {
		return fmt.Errorf("stream %s: purge %s: %w: %w", name, filter, schemas.ErrUnavailable, err)
	}
	return nil
}

// secureDelete removes a message and overwrites it on disk, which a plain delete does not.
func (s *Stream) secureDelete(ctx context.Context, name string, seq uint64) error {
	st, err := s.js.Stream(ctx, name)
	if err == nil {
		err = st.SecureDeleteMsg(ctx, seq)
	}
	if err != nil {
		return fmt.Errorf("stream %s: delete %d: %w: %w", name, seq, schemas.ErrUnavailable, err)
	}
	return nil
}
