// Package stream is the only place that knows JetStream. It owns the three streams, the commit points of the pipeline (publish,
// process, sink) and everything that makes them exactly once. It never looks into an event and never writes to a table itself.
package stream

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
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
	// MaxBytesEvents and MaxBytesTxn limit the streams in bytes, 0 means 8 GiB each. A full stream refuses, it never drops.
	MaxBytesEvents, MaxBytesTxn int64
	// Meta is where the identity of the streams is recorded outside of them (ClickHouse); nil means nowhere.
	Meta Meta
	// Namespace separates processing state and outputs: "" is the live pipeline, any other word ([a-z0-9]) gives TXN and SINK streams
	// of its own on top of the same raw events.
	Namespace string
	// RawRetention is how long raw events are kept after they were processed; 0 keeps them until space is needed.
	RawRetention time.Duration
	// SinkLinger is how long a sink waits for more rows, 0 means 200 ms.
	SinkLinger time.Duration
	// Crash is called at the points named in CrashPoints by tests that end the process there; nil in production.
	Crash func(point string)
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

// Sink writes blocks of one table. Write must be idempotent: with Block.Recover it looks first whether the block is there already.
type Sink interface {
	Table() string
	Write(ctx context.Context, b schemas.Block) error
}

// Stream is the open pipeline. Its methods are safe for concurrent use.
type Stream struct{ o Options }

// Open finds or creates the streams and refuses when they are not the ones recorded.
func Open(ctx context.Context, o Options) (*Stream, error) { return &Stream{o: o}, nil }

// Close records the stream positions and stops the background work. Loops are ended by their contexts first.
func (s *Stream) Close(ctx context.Context) error { return nil }

// Partitions is the number of raw partitions in force.
func (s *Stream) Partitions() int { return schemas.DefaultPartitions }

// Letter is a stored dead letter. Seq identifies it.
type Letter struct {
	schemas.DeadLetter
	Seq       uint64
	Partition int
	At        time.Time
}

// Stats is what the console shows about the pipeline.
type Stats struct {
	Streams    []StreamStats    `json:"streams"`
	Partitions []PartitionStats `json:"partitions"`
	Tables     []TableStats     `json:"tables"`
	Dead       uint64           `json:"dead"`
}

// StreamStats describes one stream.
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
	Offset     uint64 `json:"offset"`
	Pending    uint64 `json:"pending"`
	Events     uint64 `json:"events"`
	Duplicates uint64 `json:"duplicates"`
	Ignored    uint64 `json:"ignored"`
	Dead       uint64 `json:"dead"`
}

// TableStats describes one table's sink.
type TableStats struct {
	Table   string        `json:"table"`
	Done    uint64        `json:"done"`    // outputs up to here are in the table
	Pending uint64        `json:"pending"` // output messages behind it
	Age     time.Duration `json:"age"`     // of the oldest of them
}
