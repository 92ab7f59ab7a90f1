package stream

import (
	"context"
	"strconv"

	"github.com/nats-io/nuid"
)

// Rebuild is the second way out of Open's "stream-lost": it gives every stream that is missing, another one or shorter than recorded a
// new life (new epoch, next generation), records it, and opens the pipeline.
//
//   - EVENTS lost, or messages of it: the state that was built from it stays, so that facts read again from Zendesk are recognised; sources, keys and
//     cursors must be set up again. The raw events count as purged from then on.
//   - TXN lost: state and outputs are made again from the raw events there are. When some were purged that is refused as a replay is.
//   - SINK lost: the outputs there are go to their tables again, where they replace themselves.
//
// Close every other program of the namespace first. It can be repeated after a crash at any point: the epochs that Open compares are
// brought in line last.
func Rebuild(ctx context.Context, o Options) (*Stream, error) {
	b, err := prepareBoot(ctx, o)
	if err != nil {
		return nil, err
	}
	s := b.s
	bad := map[string]bool{}
	for _, name := range []string{s.events, s.txn, s.sink} {
		why := b.trouble(name)
		if why == "" && name == s.events {
			if why, err = s.eventsGap(ctx); err != nil {
				return nil, err
			}
		}
		if why != "" {
			bad[name] = true
			s.o.Log.Warn().Str("stream", name).Str("trouble", why).Msg("stream gets a new generation: " + afterLoss(name))
		}
	}
	if b.purged(bad) && !o.OnlyStored {
		return nil, eventsGone()
	}
	if err := b.renew(ctx, bad); err != nil {
		return nil, err
	}
	return Open(ctx, o)
}

// eventsGap says which messages of EVENTS are gone that nobody removed, "" when there are none.
func (s *Stream) eventsGap(ctx context.Context) (string, error) {
	all, err := s.losses(ctx, s.liveLedger, func(_ string, t tally) bool { return t.Stream == s.events })
	if err != nil || len(all) == 0 {
		return "", err
	}
	return gapsOf(all).Error(), nil
}

func (b *boot) renew(ctx context.Context, bad map[string]bool) error {
	s := b.s
	if err := b.partitions(); err != nil {
		return err
	}
	for name := range bad {
		if err := b.revive(ctx, name); err != nil {
			return err
		}
	}
	if b.held[s.txn].found && (bad[s.txn] || bad[s.events]) {
		if err := s.mark(ctx, resetMark{KeepState: !bad[s.txn], Gen: b.held[s.txn].gen()}, make([]uint64, s.partitions)); err != nil {
			return err
		}
	}
	if b.held[s.sink].found && bad[s.txn] {
		if err := s.purge(ctx, s.sink, s.intent("*"), b.held[s.sink].last+1); err != nil {
			return err
		}
	}
	if err := b.create(ctx); err != nil {
		return err
	}
	if bad[s.events] {
		if err := b.amend(ctx, s.events, map[string]string{metaPurged: "1"}); err != nil {
			return err
		}
		if err := b.amend(ctx, s.txn, map[string]string{metaOutdated: ""}); err != nil { // nothing can make those rows again
			return err
		}
	}
	return b.record(ctx)
}

// purged says whether state or tables would have to be made again from raw events of which some are gone, while others would make rows
// that lack them.
func (b *boot) purged(bad map[string]bool) bool {
	return (bad[b.s.txn] || b.tablesLost()) && !bad[b.s.events] && b.held[b.s.events].meta(metaPurged) != ""
}

// revive gives a stream that is there a new epoch and generation. One that is missing is left for create.
func (b *boot) revive(ctx context.Context, name string) error {
	h := b.held[name]
	if !h.found {
		return nil
	}
	meta := map[string]string{
		metaEpoch: nuid.Next(), metaGen: strconv.FormatUint(max(h.gen(), b.oldGen(name))+1, 10), metaSchema: schemaVersion,
	}
	if name != b.s.sink {
		meta[metaPartitions] = strconv.Itoa(b.s.partitions)
	}
	return b.amend(ctx, name, meta)
}
