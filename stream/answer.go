package stream

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"
)

// answer lets this program answer for itself on a subject until the subscription ends: who is killed answers no more.
func (s *Stream) answer(ctx context.Context, subject string) (*nats.Subscription, error) {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	sub, err := s.o.Conn.Subscribe(subject, func(m *nats.Msg) { _ = m.Respond(nil) })
	if err != nil {
		return nil, unknown(err)
	}
	if err = s.o.Conn.FlushWithContext(ctx); err != nil {
		_ = sub.Unsubscribe()
		return nil, unknown(err)
	}
	return sub, nil
}

// answered says whether a program answers on a subject. One that listens but does not answer in time is there.
func (s *Stream) answered(ctx context.Context, subject string) (bool, error) {
	asking, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	_, err := s.o.Conn.RequestWithContext(asking, subject, nil)
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err == nil, errors.Is(err, context.DeadlineExceeded):
		return true, nil
	case errors.Is(err, nats.ErrNoResponders):
		return false, nil
	}
	return false, unknown(err)
}
