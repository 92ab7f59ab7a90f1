package stream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"deskstream/schemas"
)

// create makes the streams that are missing, which verify has found to be in order, and ties them together by their metadata.
func (b *boot) create(ctx context.Context) error {
	s := b.s
	sinkConfig, eventsConfig, txnConfig := s.sinkConfig(), s.eventsConfig(), s.txnConfig()
	eventsConfig.MaxBytes, txnConfig.MaxBytes = s.o.MaxBytesEvents, s.o.MaxBytesTxn
	if err := b.ensure(ctx, eventsConfig, map[string]string{metaPartitions: strconv.Itoa(s.partitions)}); err != nil {
		return err
	}
	events := b.held[s.events].meta(metaEpoch)
	if err := b.ensure(ctx, txnConfig, map[string]string{metaPartitions: strconv.Itoa(s.partitions), metaEvents: events}); err != nil {
		return err
	}
	txn := b.held[s.txn].meta(metaEpoch)
	if err := b.ensure(ctx, sinkConfig, map[string]string{metaEvents: events, metaTxn: txn}); err != nil {
		return err
	}
	err := b.amend(ctx, s.events, map[string]string{
		metaTxn + "." + s.namespace: txn, metaSink + "." + s.namespace: b.held[s.sink].meta(metaEpoch),
		metaGen + "." + s.namespace: b.held[s.txn].meta(metaGen),
	})
	if err != nil {
		return err
	}
	return b.grow(ctx)
}

// oldGen gives the last known generation of a stream that is missing, 0 when there was none.
func (b *boot) oldGen(name string) uint64 {
	gen := b.recorded[name].Gen
	if name == b.s.txn {
		if n, err := strconv.ParseUint(b.held[b.s.events].meta(metaGen+"."+b.s.namespace), 10, 64); err == nil {
			gen = max(gen, n)
		}
	}
	return gen
}

// ensure creates a stream that is missing, and brings limits and subjects up to date.
func (b *boot) ensure(ctx context.Context, c jetstream.StreamConfig, meta map[string]string) error {
	c = complete(c)
	if !b.held[c.Name].found {
		if err := b.createOne(ctx, c, meta); err != nil {
			return err
		}
	}
	old := b.held[c.Name].config
	c.Metadata = old.Metadata
	if c.MaxBytes == 0 {
		c.MaxBytes = old.MaxBytes
	}
	return b.update(ctx, c, meta)
}

// createOne creates a stream with little room, and not with what it is to get: the server keeps creations of one name apart only as long as none is refused.
// Those that waited for a refused one run at once, on one folder.
func (b *boot) createOne(ctx context.Context, c jetstream.StreamConfig, meta map[string]string) error {
	epoch := nuid.Next()
	if err := b.begin(ctx, c.Name, epoch); err != nil {
		return err
	}
	if c.MaxBytes == 0 || c.MaxBytes > initialMaxBytes {
		c.MaxBytes = initialMaxBytes
	}
	c.Metadata = map[string]string{
		metaEpoch: epoch, metaGen: strconv.FormatUint(b.oldGen(c.Name)+1, 10), metaSchema: schemaVersion,
	}
	maps.Copy(c.Metadata, meta)
	if _, err := b.s.js.CreateStream(ctx, c); err != nil {
		return fmt.Errorf("stream %s: create: %w: %w", c.Name, schemas.ErrUnavailable, err)
	}
	b.yields = false
	b.s.crash("open.created")
	return b.look(ctx, c.Name)
}

// grow gives the streams without a configured size as much room as the server has.
func (b *boot) grow(ctx context.Context) error {
	for name, configured := range map[string]int64{b.s.events: b.s.o.MaxBytesEvents, b.s.txn: b.s.o.MaxBytesTxn} {
		if configured == 0 {
			if err := b.enlarge(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// enlarge finds by trying what room the server gives a stream that has what it was created with, and takes half of it, so that other streams find room too.
func (b *boot) enlarge(ctx context.Context, name string) error {
	c := b.held[name].config
	if c.MaxBytes > initialMaxBytes {
		return nil
	}
	for size := int64(defaultMaxBytes); size > initialMaxBytes; size /= 2 {
		c.MaxBytes = size
		err := b.update(ctx, c, nil)
		var refused *jetstream.APIError
		if errors.As(err, &refused) && (refused.ErrorCode == codeNoStorage || refused.ErrorCode == codeNoResources) {
			continue
		}
		if err != nil || size == defaultMaxBytes {
			return err
		}
		c.MaxBytes = size / 2
		return b.update(ctx, c, nil)
	}
	return nil
}

// update writes a configuration when it differs in what we set.
func (b *boot) update(ctx context.Context, c jetstream.StreamConfig, meta map[string]string) error {
	old := b.held[c.Name].config
	c.Metadata = maps.Clone(c.Metadata)
	maps.Copy(c.Metadata, meta)
	same := old.MaxBytes == c.MaxBytes && old.Duplicates == c.Duplicates && old.Discard == c.Discard && maps.Equal(old.Metadata, c.Metadata) &&
		slices.Equal(old.Subjects, c.Subjects)
	if same {
		return nil
	}
	if b.yields {
		return errYields
	}
	if _, err := b.s.js.UpdateStream(ctx, c); err != nil {
		return fmt.Errorf("stream %s: update: %w: %w", c.Name, schemas.ErrUnavailable, err)
	}
	return b.look(ctx, c.Name)
}

// amend changes only the metadata.
func (b *boot) amend(ctx context.Context, name string, meta map[string]string) error {
	return b.update(ctx, b.held[name].config, meta)
}
