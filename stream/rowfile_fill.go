package stream

import (
	"context"
	"strings"
	"sync"
	"time"
)

// fillFile begins to keep the rows that are looked up in a file: those that are stored, from now on in the background, and those that leave
// the journal. The function it gives ends that.
func (l *loop) fillFile(ctx context.Context) (stop func()) {
	teller, ok := l.processor.(Teller)
	if !ok || l.s.o.Rows == "" {
		return func() {}
	}
	file, err := newRowFile(l.s.o.Rows, teller.TellKeys(), l.s.keeps)
	if err != nil {
		l.s.o.Log.Info().Err(err).Int("partition", l.partition).Msg("people and tickets are looked up without a file of rows, which takes longer")
		return func() {}
	}
	l.shared.Lock()
	l.file = file
	l.shared.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	var filling sync.WaitGroup
	end := l.fence
	filling.Go(func() {
		l.copyAll(ctx, file, end)
		l.removeReplaced(ctx)
	})
	return func() {
		cancel()
		filling.Wait()
		l.shared.Lock()
		l.file = nil
		l.shared.Unlock()
		file.close()
	}
}

// keeps tells of memory that a row file takes more than before.
func (s *Stream) keeps(more int) {
	s.keeping.Lock()
	defer s.keeping.Unlock()
	if s.kept += more; s.o.Keeps != nil {
		s.o.Keeps(s.kept)
	}
}

// copyAll copies the rows up to a sequence into the file, however often it has to try.
func (l *loop) copyAll(ctx context.Context, file *rowFile, end uint64) {
	for wait := newBackoff(time.Second, time.Minute); ctx.Err() == nil; wait.sleep(ctx) {
		all, err := l.copyRows(ctx, file, end)
		if all {
			file.filled()
			return
		}
		if err != nil && ctx.Err() == nil {
			l.s.o.Log.Warn().Err(err).Int("partition", l.partition).Msg("the file of rows is not complete")
		}
	}
}

// copyRows puts the rows that are stored into a file, but for those that have changed meanwhile, and says whether these are all up to a sequence. A
// row that was replaced may come before the one that replaced it, see newest.
func (l *loop) copyRows(ctx context.Context, file *rowFile, end uint64) (all bool, err error) {
	prefix := l.s.state(l.partition, "")
	var rows []keyedRow
	var last uint64
	// All rows are asked for and not those of the file's patterns: with more than one filter the server goes through all subjects of a block
	// of messages for each message of it.
	put := func() error {
		replaced, err := file.put(rows, true)
		l.replaced.add(replaced)
		rows = rows[:0]
		return err
	}
	all, err = l.s.sweep(ctx, l.s.txn, []string{prefix + ">"}, 1, func(m storedMessage) error {
		last = m.seq
		if key := strings.TrimPrefix(m.subject, prefix); file.takes(key) {
			rows = append(rows, keyedRow{key, m.data, m.seq})
		}
		if len(rows) < readPage {
			return nil
		}
		return put()
	})
	if err == nil {
		err = put()
	}
	if err != nil || all {
		return err == nil, err
	}
	m, found, err := l.s.next(ctx, l.s.txn, prefix+">", last+1) // those that were expected may be gone: what replaced them came by keep
	return err == nil && (!found || m.seq > end), err
}

// keep puts rows that leave the journal by a commit into the file, before they have left it. record is the sequence of the commit's last message.
func (l *loop) keep(moved map[string]*journalled, record uint64) {
	if l.file == nil || len(moved) == 0 {
		return
	}
	rows := make([]keyedRow, 0, len(moved))
	for key, r := range moved {
		if l.file.takes(key) {
			rows = append(rows, keyedRow{key, r.data, record - r.before})
		}
	}
	replaced, err := l.file.put(rows, false)
	if err != nil {
		l.s.o.Log.Warn().Err(err).Int("partition", l.partition).Msg("the file of rows is given up")
	}
	l.replaced.add(replaced)
}

// inMemory gives a row that is being stored or in the journal, and where to look for others.
func (l *loop) inMemory(key string) (data []byte, file *rowFile, ok bool) {
	l.shared.RLock()
	defer l.shared.RUnlock()
	if l.inFlight != nil {
		if r, ok := l.inFlight.rows[key]; ok {
			return r.data, nil, true
		}
	}
	r, ok := l.journal.get(key)
	if !ok {
		return nil, l.file, false
	}
	return r.data, nil, true
}
