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
func (s *Stream) sweep(ctx context.Context, stream string, subjects []string, from uint64, fn func(stored) error) (all bool, err error) {
	c, err := s.js.CreateConsumer(ctx, stream, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from, AckPolicy: jetstream.AckNonePolicy, FilterSubjects: subjects,
		MemoryStorage: true, InactiveThreshold: followIdle,
	})
	if err != nil {
		return false, fmt.Errorf("stream %s: read: %w: %w", stream, schemas.ErrUnavailable, err)
	}
	defer func() { _ = s.js.DeleteConsumer(context.WithoutCancel(ctx), stream, c.CachedInfo().Name) }() // else the server does later
	for at, pending := uint64(0), c.CachedInfo().NumPending; at < pending && ctx.Err() == nil; {
		page, err := c.Fetch(int(min(readPage, pending-at)), jetstream.FetchMaxWait(budget))
		if err != nil {
			return false, fmt.Errorf("stream %s: read: %w: %w", stream, schemas.ErrUnavailable, err)
		}
		before := at
		for m := range page.Messages() {
			md, err := m.Metadata()
			if err != nil || md.Sequence.Consumer != at+1 {
				return false, fmt.Errorf("stream %s: read: %w: a message was lost on the way", stream, schemas.ErrUnavailable)
			}
			at++
			got, err := storedOf(m, md)
			if err == nil {
				err = fn(got)
			}
			if errors.Is(err, errStop) {
				return true, nil
			}
			if err != nil {
				return false, err
			}
		}
		if at == before {
			return false, nil
		}
	}
	return ctx.Err() == nil, ctx.Err()
}
