package stream

import (
	"context"
	"fmt"
	"sync"
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

// feed is a queue between the goroutine that receives and the loop that works, bounded by bytes.
type feed[T any] struct {
	mu    sync.Mutex
	items []T
	sizes []int
	bytes int
	limit int
	ready chan struct{} // something was put in
	room  chan struct{} // something was taken out
	done  chan struct{}
	once  sync.Once
}

func newFeed[T any](limit int) *feed[T] {
	return &feed[T]{limit: limit, ready: make(chan struct{}, 1), room: make(chan struct{}, 1), done: make(chan struct{})}
}

// put waits while the feed is full; it drops the item once the feed is closed.
func (f *feed[T]) put(item T, size int) {
	size += 256 // headers and bookkeeping
	for {
		f.mu.Lock()
		if f.bytes == 0 || f.bytes+size <= f.limit {
			f.items, f.sizes, f.bytes = append(f.items, item), append(f.sizes, size), f.bytes+size
			f.mu.Unlock()
			signal(f.ready)
			return
		}
		f.mu.Unlock()
		select {
		case <-f.room:
		case <-f.done:
			return
		}
	}
}

// take gives up to n items without waiting.
func (f *feed[T]) take(n int) []T {
	f.mu.Lock()
	defer f.mu.Unlock()
	n = min(n, len(f.items))
	if n <= 0 {
		return nil
	}
	out := f.items[:n:n]
	for _, size := range f.sizes[:n] {
		f.bytes -= size
	}
	f.items, f.sizes = f.items[n:], f.sizes[n:]
	signal(f.room)
	return out
}

// len is the number of items that wait.
func (f *feed[T]) len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.items)
}

func (f *feed[T]) close() { f.once.Do(func() { close(f.done) }) }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// received turns a message into an event.
func received(m storedMessage) schemas.Event { return event(m.header, m.data, m.seq) }
