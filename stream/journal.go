package stream

import (
	"container/list"
	"context"
	"fmt"
)

const (
	// journalKey is the state key of the journal; processors' keys have no leading underscore.
	journalKey = "_journal"
	// moveRows is how many rows one commit moves out of the journal, at most, unless it is swollen. It moves one for each moveShare that it stores,
	// and moveLeast if it stores few: with as many for a small commit as for a large one, a machine that is slow, so that its commits are small,
	// would have ever more to do for each event.
	moveRows  = 400
	moveShare = 8
	moveLeast = 64
	// swollenRows is how many it moves then. For each message of a batch the server adds up what those before it take, subject by subject, where a
	// stream has bounds: twice as many subjects cost four times as much.
	swollenRows = 2000
	// swollenTimes is how many times its bounds the journal may grow until what leaves it keeps pace with what comes: rows that leave it later
	// have changed more often, and cost less then.
	swollenTimes = 5
)

// bounds limit the journal: what memory holds and a restart reads.
type bounds struct{ rows, bytes int }

func defaultBounds() bounds { return bounds{rows: 20_000, bytes: 32 << 20} }

// journal knows the state rows that changed last. A commit stores all the rows it changes together in few messages, which are the
// journal; a row gets a message of its own only once it has not changed for a while, because the server's work is by the message and
// most rows change several times within a short time. Every change goes through the journal in order, so that reading whatever is left
// of it gives the newest version of each row in it, and a row that is not in it is under its own subject.
type journal struct {
	rows  map[string]*list.Element
	order *list.List // of *journalled, longest unchanged in front
	parts []journalPart
	bytes int // of the parts
	most  bounds
	heat  *warmth
}

// journalled is a row in the journal.
type journalled struct {
	loadedRow
	key  string
	from uint64 // the row's message is at this sequence or behind it
	own  bool   // something may be stored under the row's own subject
	// before is, of a row that moves, how many messages of the commit come behind it.
	before uint64
}

// journalPart is a piece of the journal: size bytes at sequence from or behind it.
type journalPart struct {
	from uint64
	size int
}

func newJournal(most bounds, heat *warmth) *journal {
	return &journal{rows: map[string]*list.Element{}, order: list.New(), most: most, heat: heat}
}

func (j *journal) get(key string) (*journalled, bool) {
	el, ok := j.rows[key]
	if !ok {
		return nil, false
	}
	return el.Value.(*journalled), true
}

// put notes a row that was stored in the journal.
func (j *journal) put(r *journalled) {
	if r.row.Value != nil {
		j.heat.use(&r.loadedRow)
	}
	if el, ok := j.rows[r.key]; ok {
		old := el.Value.(*journalled)
		j.heat.cool(&old.loadedRow)
		r.own = old.own
		el.Value = r
		j.order.MoveToBack(el)
		return
	}
	j.rows[r.key] = j.order.PushBack(r)
}

// part notes how much of the journal begins at a sequence.
func (j *journal) part(from uint64, size int) {
	j.parts, j.bytes = append(j.parts, journalPart{from, size}), j.bytes+size
}

func (j *journal) remove(key string) {
	j.heat.cool(&j.order.Remove(j.rows[key]).(*journalled).loadedRow)
	delete(j.rows, key)
}

// trim forgets the parts that no row needs any more.
func (j *journal) trim() {
	need := j.begin(nil)
	for len(j.parts) > 0 && (need == 0 || j.parts[0].from < need) {
		j.bytes -= j.parts[0].size
		j.parts = j.parts[1:]
	}
}

// swollen says whether the journal is so far beyond its bounds that more rows have to leave it than usual.
func (j *journal) swollen() bool {
	return len(j.rows) > swollenTimes*j.most.rows || j.bytes > swollenTimes*j.most.bytes
}

// begin is the sequence from which the journal is needed when some rows have moved; 0 when no row is left in it.
func (j *journal) begin(moved map[string]*journalled) uint64 {
	for el := j.order.Front(); el != nil; el = el.Next() {
		if r := el.Value.(*journalled); moved[r.key] == nil {
			return r.from
		}
	}
	return 0
}

// overdue gives up to n rows to move so that the journal comes back within its bounds; busy ones are about to change and stay.
func (j *journal) overdue(n int, busy func(key string) bool) (rows []*journalled) {
	bytes, parts := j.bytes, j.parts
	for el := j.order.Front(); el != nil && len(rows) < n; el = el.Next() {
		r := el.Value.(*journalled)
		for len(parts) > 0 && parts[0].from < r.from { // free once the rows before this one have moved
			bytes, parts = bytes-parts[0].size, parts[1:]
		}
		if len(j.rows)-len(rows) <= j.most.rows && bytes <= j.most.bytes {
			break
		}
		if !busy(r.key) {
			rows = append(rows, r)
		}
	}
	return rows
}

// journalRow appends a row to the data of a journal message: key and value, each with its length in front.
func journalRow(b []byte, key string, data []byte) []byte {
	return appendField(appendField(b, key), data)
}

// readJournal gives the rows of a journal message to fn.
func readJournal(b []byte, fn func(key string, data []byte)) error {
	for len(b) > 0 {
		key, rest, ok := cutField(b)
		if !ok {
			return errTorn
		}
		data, rest, ok := cutField(rest)
		if !ok {
			return errTorn
		}
		b = rest
		if len(data) == 0 {
			data = nil
		}
		fn(string(key), data)
	}
	return nil
}

// loadJournal reads the journal as far as the record needs it. Questions wait meanwhile: the journal before it lacks what was just spread, and
// answers must hold all that is committed.
func (l *loop) loadJournal(ctx context.Context) error {
	l.shared.Lock()
	defer l.shared.Unlock()
	j := newJournal(l.s.o.journal, l.heat)
	err := l.s.each(ctx, l.s.txn, l.s.state(l.partition, journalKey), l.rec.Journal, func(m storedMessage) error {
		j.part(m.seq, len(m.data))
		err := readJournal(m.data, func(key string, data []byte) {
			j.put(&journalled{loadedRow: cold(data), key: key, from: m.seq, own: true})
		})
		if err != nil {
			return fmt.Errorf("partition %d: journal at %d: %w", l.partition, m.seq, err)
		}
		return nil
	})
	if err == nil {
		l.journal = j
	}
	return err
}

// cleanJournal purges what no restart needs.
func (s *Stream) cleanJournal(ctx context.Context) error {
	for p := range s.partitions {
		o, _, err := s.readOffset(ctx, p)
		if err != nil {
			return err
		}
		if o.Journal == 0 {
			continue
		}
		if err := s.purge(ctx, s.txn, s.state(p, journalKey), o.Journal); err != nil {
			return err
		}
	}
	return nil
}
