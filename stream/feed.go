package stream

import (
	"sync"
)

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
