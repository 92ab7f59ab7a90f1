package stream

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"deskstream/schemas"
)

// held is what the store holds of one stream.
type held struct {
	config jetstream.StreamConfig
	found  bool
	last   uint64
}

func (h held) meta(key string) string { return h.config.Metadata[key] }

func (h held) gen() uint64 {
	n, err := strconv.ParseUint(h.meta(metaGen), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// streamLost says that the store does not hold the stream that there was. Nothing is created or changed then.
func streamLost(name, why string) error {
	return &schemas.Problem{
		Class: schemas.ErrConflict, Code: "stream-lost",
		Detail: fmt.Sprintf("stream %s %s. Nothing was changed. Either restore the data folder of NATS from a backup and start again, "+
			"or run `deskstream replay --rebuild` to go on with a new stream: %s", name, why, afterLoss(name)),
	}
}

// afterLoss says what is lost with a stream, what Rebuild keeps, and what is left to do.
func afterLoss(name string) string {
	switch {
	case name == schemas.StreamEvents:
		return "sources with their credentials, API keys, settings, records of erasures and the raw events are lost with it; the rows in the " +
			"tables stay. Then connect every source again, which reads from Zendesk what it still has, and erase again who was erased"
	case strings.HasPrefix(name, schemas.StreamTxn):
		return "state and outputs are made again from the raw events there are; dead letters whose raw events are gone are lost"
	default:
		return "the outputs there are go to their tables again, nothing is lost"
	}
}

// boot holds the state of the three streams while they are checked and created.
type boot struct {
	s        *Stream
	recorded map[string]StreamMeta
	held     map[string]held
	yields   bool // changes are left to the program that made EVENTS
	answers  *nats.Subscription
}

func (s *Stream) newBoot(ctx context.Context) (*boot, error) {
	b := &boot{s: s, recorded: map[string]StreamMeta{}, held: map[string]held{}}
	if s.o.Meta != nil {
		ms, err := s.o.Meta.LoadMeta(ctx)
		if err != nil {
			return nil, fmt.Errorf("recorded streams: %w", err)
		}
		for _, m := range ms {
			b.recorded[m.Stream] = m
		}
	}
	return b, b.survey(ctx)
}

// survey looks at all streams, and at the missing ones again for as long as that finds any: while another program makes them, one that is found later may
// know of one that was looked for too early.
func (b *boot) survey(ctx context.Context) error {
	for more := true; more; {
		more = false
		for _, name := range []string{b.s.events, b.s.txn, b.s.sink} {
			if b.held[name].found {
				continue
			}
			if err := b.look(ctx, name); err != nil {
				return err
			}
			more = more || b.held[name].found
		}
	}
	return nil
}

// record saves the identity and the last sequence of every stream, outside of them and for saveMeta.
func (b *boot) record(ctx context.Context) error {
	for _, name := range []string{b.s.events, b.s.txn, b.s.sink} {
		h := b.held[name]
		m := StreamMeta{Stream: name, Epoch: h.meta(metaEpoch), Gen: h.gen(), LastSeq: h.last}
		if b.s.o.Meta != nil && b.recorded[name] != m {
			if err := b.s.o.Meta.SaveMeta(ctx, m); err != nil {
				return fmt.Errorf("stream %s: record: %w", name, err)
			}
		}
		b.s.recorded.set(m)
	}
	return nil
}

func (b *boot) look(ctx context.Context, name string) error {
	st, err := b.s.js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		b.held[name] = held{}
		return nil
	}
	if err != nil {
		return fmt.Errorf("stream %s: %w: %w", name, schemas.ErrUnavailable, err)
	}
	info := st.CachedInfo()
	b.held[name] = held{config: info.Config, found: true, last: info.State.LastSeq}
	return nil
}

// Exists says whether a server has the stream of events of a pipeline, which Open would make.
func Exists(ctx context.Context, o Options) (bool, error) {
	s, err := prepare(o)
	if err != nil {
		return false, err
	}
	b := &boot{s: s, held: map[string]held{}}
	err = b.look(ctx, s.events)
	return b.held[s.events].found, err
}

// trouble says what is wrong with a stream, "" when nothing is. A stream is compared with what was recorded outside, and with what the
// other streams know of it, which also works where nothing is recorded outside.
func (b *boot) trouble(name string) string {
	h, rec := b.held[name], b.recorded[name]
	expected := rec.Epoch
	if known := b.known(name); known != "" && expected == "" {
		expected = known
	}
	switch {
	case !h.found && expected != "":
		return fmt.Sprintf("is missing (epoch %s, generation %d, last sequence %d was recorded)", expected, rec.Gen, rec.LastSeq)
	case !h.found:
		return ""
	case h.meta(metaEpoch) == "":
		return "has no epoch in its metadata: it was not made by deskstream or lost its metadata"
	case expected != "" && h.meta(metaEpoch) != expected:
		return fmt.Sprintf("is another one: epoch %s, recorded is %s", h.meta(metaEpoch), expected)
	case h.last < rec.LastSeq:
		return fmt.Sprintf("is shorter than it was: last sequence %d, recorded is %d", h.last, rec.LastSeq)
	case h.gen() < rec.Gen:
		return fmt.Sprintf("is older than it was: generation %d, recorded is %d", h.gen(), rec.Gen)
	}
	return ""
}

// known gives the epoch that the other streams expect of a stream.
func (b *boot) known(name string) string {
	events, txn, sink := b.held[b.s.events], b.held[b.s.txn], b.held[b.s.sink]
	switch name {
	case b.s.events:
		if e := txn.meta(metaEvents); e != "" {
			return e
		}
		return sink.meta(metaEvents)
	case b.s.txn:
		if e := events.meta(metaTxn + "." + b.s.namespace); e != "" {
			return e
		}
		return sink.meta(metaTxn)
	default:
		return events.meta(metaSink + "." + b.s.namespace)
	}
}

// verify refuses to go on with streams that are not the ones there were, or that another version wrote.
func (b *boot) verify() error {
	for _, name := range []string{b.s.events, b.s.txn, b.s.sink} {
		if why := b.trouble(name); why != "" {
			return streamLost(name, why)
		}
		if v := b.held[name].meta(metaSchema); b.held[name].found && v != schemaVersion {
			return &schemas.Problem{Class: schemas.ErrConflict, Code: "stream-schema", Detail: fmt.Sprintf(
				"stream %s has schema version %q, this program reads and writes version %s: run the version of deskstream that wrote it, or follow the upgrade notes", name, v, schemaVersion)}
		}
	}
	if b.tablesLost() && !b.s.o.Refill {
		return &schemas.Problem{
			Class: schemas.ErrConflict, Code: "tables-lost",
			Detail: "the database holds no record of the streams, which have filled tables already: it is another one, or it lost its tables. " +
				"Nothing was changed. Either give the address of the right database (--clickhouse-dsn, --data) or restore it, " +
				"or run `deskstream replay` to fill this one from the stored events",
		}
	}
	return b.partitions()
}

// tablesLost says whether something was written to tables that the database at hand knows nothing of.
func (b *boot) tablesLost() bool {
	return b.s.o.Meta != nil && b.recorded[b.s.sink].Epoch == "" && b.held[b.s.sink].last > 0
}

// partitions takes the number in force from the metadata. It cannot change: accounts would move to another writer.
func (b *boot) partitions() error {
	b.s.partitions = b.s.o.Partitions
	for _, name := range []string{b.s.events, b.s.txn} {
		stored := b.held[name].meta(metaPartitions)
		if stored == "" {
			continue
		}
		n, err := strconv.Atoi(stored)
		if err != nil || n < 1 {
			return streamLost(name, fmt.Sprintf("has %q as number of partitions in its metadata", stored))
		}
		if b.s.o.Partitions != 0 && b.s.o.Partitions != n {
			return &schemas.Problem{Class: schemas.ErrConflict, Code: "partitions-changed", Detail: fmt.Sprintf(
				"%d partitions are configured, but this installation has %d and the number cannot change: set it back to %d", b.s.o.Partitions, n, n)}
		}
		b.s.partitions = n
	}
	if b.s.partitions == 0 {
		b.s.partitions = schemas.DefaultPartitions
	}
	if b.s.partitions < 1 || b.s.partitions > maxPartitions {
		return schemas.Invalid("partitions", "must be 1 to 256")
	}
	return nil
}
