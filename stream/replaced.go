package stream

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"deskstream/schemas"
)

const (
	// replacedPage is how many replaced rows are removed in one go.
	replacedPage = 100
	// replacedFull is how many bytes of them there may be at most, and no more than a part of what the stream may hold, one replacedPart-th. From a
	// quarter of that on their removal does not wait for a time in which the partition has little to do.
	replacedFull = 1 << 30
	replacedPart = 8
	// replacedWait is how long their removal waits after one that could not be done, or while there is much to do.
	replacedWait = time.Second
)

// replacedRow is a message of a row under its own subject that a newer one has replaced.
type replacedRow struct {
	seq   uint64
	bytes int
}

// replacedRows are messages that are to be removed. A row that is stored anew could replace the one before in the same commit, but the server
// would read the block of messages that one is in, 8 MB of them, for each: the rows that change are all over the stream. Removed later and in their
// order, one block is read for many. Until then a row's own subject has several messages, of which the last counts. It is safe for concurrent use.
type replacedRows struct {
	mu    sync.Mutex
	list  []replacedRow
	bytes int
	most  int           // bytes
	ready chan struct{} // nil until somebody waits
}

// replacedBytes is how many bytes of replaced rows there may be in a stream of a size; 0 stands for the size it has by default.
func replacedBytes(stream int64) int {
	if stream == 0 {
		return replacedFull
	}
	return int(min(replacedFull, stream/replacedPart))
}

func (r *replacedRows) add(rows []replacedRow) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, rows...)
	for _, row := range rows {
		r.bytes += row.bytes
	}
	if r.ready != nil && len(r.list) > 0 {
		signal(r.ready)
	}
}

// wait gives a channel that is ready when there is something to remove.
func (r *replacedRows) wait() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ready == nil {
		r.ready = make(chan struct{}, 1)
	}
	if len(r.list) > 0 {
		signal(r.ready)
	}
	return r.ready
}

// take gives all there are, in the order of the stream. Whoever removes them says so by removed.
func (r *replacedRows) take() []replacedRow {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.list
	r.list = nil
	slices.SortFunc(list, func(x, y replacedRow) int { return cmp.Compare(x.seq, y.seq) })
	return list
}

func (r *replacedRows) removed(rows []replacedRow) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, row := range rows {
		r.bytes -= row.bytes
	}
}

// many says whether their removal cannot wait.
func (r *replacedRows) many() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bytes > r.most/4
}

// full says whether there may be no more of them.
func (r *replacedRows) full() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bytes > r.most
}

// removeReplaced removes replaced rows until ctx ends, while the partition has little to do or when there are many. What is left then is found when
// the rows are copied the next time.
func (l *loop) removeReplaced(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.replaced.wait():
		}
		if l.waiting.Load() > backlog && !l.replaced.many() {
			_ = schemas.Wait(ctx, replacedWait)
			continue
		}
		for page := range slices.Chunk(l.replaced.take(), replacedPage) {
			l.removePage(ctx, page)
		}
	}
}

// removePage removes some rows, however often it has to try, and leaves the stream to others for as long as that took.
func (l *loop) removePage(ctx context.Context, page []replacedRow) {
	seqs := make([]uint64, len(page))
	for i := range page {
		seqs[i] = page[i].seq
	}
	for ctx.Err() == nil {
		start := time.Now()
		err := l.s.deleteAll(ctx, seqs)
		if err == nil {
			l.replaced.removed(page)
			_ = schemas.Wait(ctx, time.Since(start))
			return
		}
		l.s.o.Log.Debug().Err(err).Int("partition", l.partition).Msg("replaced rows are removed later")
		_ = schemas.Wait(ctx, replacedWait)
	}
}
