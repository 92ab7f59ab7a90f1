package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"deskstream/schemas"
)

// sweep calls fn with the messages that a stream has now under some subjects, from a position on and in order, until fn gives errStop. all is
// false if some went before they were read. It is what each is, for many messages: the server does several times as much for one that is
// asked for directly, and counts with each page what is behind it, subject by subject, which takes long where there are millions.
func (s *Stream) sweep(ctx context.Context, stream string, subjects []string, from uint64, fn func(storedMessage) error) (all bool, err error) {
	c, err := s.js.CreateConsumer(ctx, stream, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from, AckPolicy: jetstream.AckNonePolicy, FilterSubjects: subjects,
		MemoryStorage: true, InactiveThreshold: followIdle,
	})
	if err != nil {
		return false, fmt.Errorf("stream %s: read: %w: %w", stream, schemas.ErrUnavailable, err)
	}
	defer func() { _ = s.js.DeleteConsumer(context.WithoutCancel(ctx), stream, c.CachedInfo().Name) }() // else the server does later
	r := &sweeping{stream: stream, fn: fn}
	for pending := c.CachedInfo().NumPending; r.at < pending && ctx.Err() == nil; {
		before := r.at
		err := r.page(ctx, c, int(min(readPage, pending-r.at)))
		if errors.Is(err, errStop) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if r.at == before {
			return false, ctx.Err()
		}
	}
	return ctx.Err() == nil, ctx.Err()
}

// sweeping is how far a sweep has come.
type sweeping struct {
	stream string
	fn     func(storedMessage) error
	at     uint64 // messages read
}

// page reads up to n messages; it gives up when no more come for a while, or ctx ends.
func (r *sweeping) page(ctx context.Context, c jetstream.Consumer, n int) error {
	waits, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	page, err := c.Fetch(n, jetstream.FetchContext(waits))
	if err != nil {
		return fmt.Errorf("stream %s: read: %w: %w", r.stream, schemas.ErrUnavailable, err)
	}
	for m := range page.Messages() {
		md, err := m.Metadata()
		if err != nil || md.Sequence.Consumer != r.at+1 {
			return fmt.Errorf("stream %s: read: %w: a message was lost on the way", r.stream, schemas.ErrUnavailable)
		}
		r.at++
		got := receivedBy(m, md)
		if err := got.expand(); err != nil {
			return err
		}
		if err := r.fn(got); err != nil {
			return err
		}
	}
	return nil
}
