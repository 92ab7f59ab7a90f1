package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"deskstream/schemas"
)

const (
	// groupFrom is the number of waiting publishers from which they are grouped. A single publish waits for one sync of the disk, an
	// atomic batch for several and for files of its own, however many messages it has: one group is committed at a time, while the next
	// one gathers. Two at once would be smaller, and the server works on one of them at a time anyway.
	groupFrom = 24
	// groupLeast is the size from which a group costs less than its messages one by one.
	groupLeast = 16
	// groupMax and groupBytes bound one group.
	groupMax   = 256
	groupBytes = 4 << 20
	// sliceMax and sliceBytes bound the batches a large slice is cut into.
	sliceMax   = 500
	sliceBytes = 8 << 20
)

// Publish stores events in their order and returns once they are on disk. A single event is recognised by its ID when it is published
// again within ten minutes. A slice of several is stored in batches of 500, each all or nothing; after an error repeat the whole
// slice, repeats are harmless. Errors: schemas.ErrInvalid, ErrTooLarge, and ErrUnavailable when the stream is full or did not answer
// within 4 s.
func (s *Stream) Publish(ctx context.Context, events ...schemas.Event) error {
	for _, e := range events {
		if err := s.check(e); err != nil {
			return err
		}
	}
	admitted := s.admit(events)
	err := s.publish(ctx, admitted)
	if ctx.Err() == nil { // a caller that went away is no fault of ours
		s.troubles.set("publish", s.now(), err)
	}
	if err != nil {
		s.metrics.publishErrors.Inc()
		return fmt.Errorf("publish: %w", err)
	}
	s.metrics.published.Add(float64(len(admitted)))
	s.crash("publish.stored")
	return nil
}

func (s *Stream) publish(ctx context.Context, events []schemas.Event) error {
	if len(events) == 1 {
		return s.publisher.publish(ctx, events[0])
	}
	for len(events) > 0 {
		n := cut(events, sliceMax, sliceBytes)
		msgs := make([]*nats.Msg, 0, n)
		for _, e := range events[:n] {
			msgs = append(msgs, s.message(e))
		}
		if _, err := s.timedCommit(ctx, "publish", msgs); err != nil {
			return err
		}
		events = events[n:]
	}
	return nil
}

// cut says how many of the events go into a batch: at least one, else at most n and bytes.
func cut(events []schemas.Event, n, bytes int) int {
	size := 0
	for i, e := range events {
		size += len(e.Data)
		if i == n || (i > 0 && size > bytes) {
			return i
		}
	}
	return len(events)
}

func (s *Stream) timedCommit(ctx context.Context, stage string, msgs []*nats.Msg) (uint64, error) {
	begin := time.Now()
	seq, err := s.commit(ctx, stage, msgs)
	if errors.Is(err, schemas.ErrFenced) {
		s.metrics.fenced.WithLabelValues(stage).Inc()
	}
	if err == nil {
		s.metrics.commitSeconds.WithLabelValues(stage).Observe(time.Since(begin).Seconds())
		s.metrics.batchMessages.WithLabelValues(stage).Observe(float64(len(msgs)))
	}
	return seq, err
}

// publisher stores the events of many waiting callers: one by one while they are few, in groups when they are many.
type publisher struct {
	s       *Stream
	waiting atomic.Int64
	press   pressure
	queue   chan pendingPublish
	stop    chan struct{}
	once    sync.Once
	grouper sync.WaitGroup
}

// pendingPublish is a caller that waits for its group.
type pendingPublish struct {
	msg  *nats.Msg
	done chan error // buffered: the caller may have gone
}

func startPublisher(s *Stream) *publisher {
	p := &publisher{s: s, queue: make(chan pendingPublish, 4*groupMax), stop: make(chan struct{})}
	p.grouper.Go(p.group)
	return p
}

func (p *publisher) close() {
	p.once.Do(func() { close(p.stop) })
	p.grouper.Wait()
}

func (p *publisher) publish(ctx context.Context, e schemas.Event) error {
	waiting := p.waiting.Add(1)
	defer p.waiting.Add(-1)
	p.press.note(waiting)
	m := p.s.message(e)
	if waiting >= groupFrom {
		return p.join(ctx, m)
	}
	return p.single(ctx, m)
}

// single stores a message by itself, so that the server can recognise it by its Msg-Id.
func (p *publisher) single(ctx context.Context, m *nats.Msg) error {
	m.Header[headerMsgID] = m.Header[headerID]
	p.s.crash("publish.staged")
	a, err := p.s.store(ctx, m)
	if err == nil && a.Duplicate {
		p.s.metrics.deduplicated.Inc()
	}
	return err
}

// join waits for a group to take the message and commit it.
func (p *publisher) join(ctx context.Context, m *nats.Msg) error {
	t := pendingPublish{msg: m, done: make(chan error, 1)}
	limit := time.NewTimer(budget)
	defer limit.Stop()
	select {
	case p.queue <- t:
	case <-limit.C:
		return p.s.unwritten(unknown(errors.New("too many are waiting")))
	case <-ctx.Done():
		return unknown(ctx.Err())
	case <-p.stop:
		return unknown(errors.New("closed"))
	}
	select {
	case err := <-t.done:
		return err
	case <-limit.C:
		return p.s.unwritten(unknown(context.DeadlineExceeded))
	case <-ctx.Done():
		return unknown(ctx.Err())
	case <-p.stop:
		return unknown(errors.New("closed"))
	}
}

// group commits groups of whoever waits. It never waits for one to become larger: while it commits, the next one gathers.
func (p *publisher) group() {
	for {
		select {
		case <-p.stop:
			return
		case t := <-p.queue:
			p.commit(p.gather(t))
		}
	}
}

func (p *publisher) gather(first pendingPublish) []pendingPublish {
	group, size := []pendingPublish{first}, len(first.msg.Data)
	for len(group) < groupMax && size < groupBytes {
		select {
		case t := <-p.queue:
			group = append(group, t)
			size += len(t.msg.Data)
		default:
			return group
		}
	}
	return group
}

// commit stores a group. The messages carry no Msg-Id: one that is known would make the server refuse the whole batch.
func (p *publisher) commit(group []pendingPublish) {
	if len(group) < groupLeast {
		p.singly(group)
		return
	}
	msgs := make([]*nats.Msg, len(group))
	for i, t := range group {
		msgs[i] = t.msg
	}
	_, err := p.s.timedCommit(context.Background(), "publish", msgs)
	for _, t := range group {
		t.done <- err
	}
}

// singly stores a group that is not worth a batch.
func (p *publisher) singly(group []pendingPublish) {
	var all sync.WaitGroup
	for _, t := range group {
		all.Go(func() { t.done <- p.single(context.Background(), t.msg) })
	}
	all.Wait()
}
