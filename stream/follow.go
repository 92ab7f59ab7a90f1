package stream

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"deskstream/schemas"
)

const (
	// followMessages and followBytes bound what one reader has requested from the server; followBytes must be above the largest message.
	followMessages = 2000
	followBytes    = 4 << 20
	// followIdle is after what time the server forgets a reader that is gone.
	followIdle = time.Minute
)

// follow calls fn with every message that matches filter, in order and one call at a time, until stop is called: from a sequence on, or
// with from 0 the newest of every subject and then all that follow. fn may block; it must return when the caller stops.
//
// Data are given as they are stored: packed rows are compressed. It is an ordered consumer without acknowledgements: an acknowledged position
// is not durable, ours is part of the commits.
func (s *Stream) follow(ctx context.Context, name, filter string, from uint64, fn func(storedMessage)) (stop func(), err error) {
	c := jetstream.OrderedConsumerConfig{FilterSubjects: []string{filter}, InactiveThreshold: followIdle}
	if from == 0 {
		c.DeliverPolicy = jetstream.DeliverLastPerSubjectPolicy
	} else {
		c.DeliverPolicy, c.OptStartSeq = jetstream.DeliverByStartSequencePolicy, from
	}
	oc, err := s.js.OrderedConsumer(ctx, name, c)
	if err != nil {
		return nil, fmt.Errorf("stream %s: follow %s: %w: %w", name, filter, schemas.ErrUnavailable, err)
	}
	cc, err := oc.Consume(func(m jetstream.Msg) {
		md, err := m.Metadata()
		if err != nil {
			return // not a stream message; the sequence check of the consumer would notice a missing one
		}
		fn(receivedBy(m, md))
	}, jetstream.PullMaxMessagesWithBytesLimit(followMessages, max(followBytes, 2*int(s.o.Conn.MaxPayload()))))
	if err != nil {
		return nil, fmt.Errorf("stream %s: follow %s: %w: %w", name, filter, schemas.ErrUnavailable, err)
	}
	return cc.Stop, nil
}

// received turns a message into an event.
func received(m storedMessage) schemas.Event { return event(m.header, m.data, m.seq) }
