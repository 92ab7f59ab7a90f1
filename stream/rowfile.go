package stream

import (
	"fmt"
	"hash/maphash"
	"os"
	"slices"
	"strings"
	"sync"
)

// slotBytes is the unit of a row's room in a row file.
const slotBytes = 64

// rowFile keeps the state rows that are under subjects of their own a second time, in a file that has no name, for those who look one up:
// the server reads a whole block of 8 MB for a row that was not asked for lately. It is no record: what it does not have is in the stream.
// Nothing of a row that is replaced stays in it. It is safe for concurrent use; a nil one has no rows.
type rowFile struct {
	seed  maphash.Seed
	keys  []string        // patterns of what is kept, as Teller.TellKeys
	keeps func(bytes int) // is told how much more memory the rows take

	mu    sync.RWMutex
	file  *os.File
	rows  map[uint64]rowPlace // by the hash of the key
	free  map[uint32][]uint32 // first slots of rooms that are not used, by their number of slots
	end   uint32              // first slot behind all rooms
	wrote []byte              // of one put
	told  int                 // rows that keeps was told of
	whole bool                // it has all rows of its patterns
}

// rowPlace is where a row is.
type rowPlace struct {
	slot  uint32
	bytes uint32 // of the row, and copiedRow
	seq   uint64 // of the message under its own subject that holds it
}

// copiedRow marks a row that was copied from the stream, where an older one may come before a newer one.
const copiedRow = 1 << 31

func (p rowPlace) copied() bool { return p.bytes&copiedRow != 0 }

func (p rowPlace) size() uint32 { return p.bytes &^ copiedRow }

func (p rowPlace) slots() uint32 { return (p.size() + slotBytes - 1) / slotBytes }

func (p rowPlace) offset() int64 { return int64(p.slot) * slotBytes }

// keyedRow is a row as it is stored, with its key and the sequence of its message.
type keyedRow struct {
	key  string
	data []byte
	seq  uint64
}

const (
	// indexBytes is about what a row takes in memory, tellRows after how many keeps is told.
	indexBytes = 40
	tellRows   = 10_000
)

// newRowFile makes a file in a folder, which takes it away when the process ends however it ends. It is for rows whose keys match a pattern.
// keeps is told how much more memory it takes, and in the end how much less.
func newRowFile(dir string, keys []string, keeps func(bytes int)) (*rowFile, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("row file: %w", err)
	}
	f, err := os.CreateTemp(dir, "rows-")
	if err != nil {
		return nil, fmt.Errorf("row file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("row file: %w", err)
	}
	return &rowFile{seed: maphash.MakeSeed(), keys: keys, keeps: keeps, file: f, rows: map[uint64]rowPlace{}, free: map[uint32][]uint32{}}, nil
}

func (r *rowFile) close() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail()
}

// fail gives the file up.
func (r *rowFile) fail() {
	if r.file != nil {
		_ = r.file.Close()
	}
	r.file, r.rows, r.free = nil, nil, nil
	r.tell()
}

// tell tells how much memory the rows take, now and then.
func (r *rowFile) tell() {
	if more := len(r.rows) - r.told; r.file == nil || more >= tellRows {
		r.told += more
		r.keeps(more * indexBytes)
	}
}

// takes says whether rows of a key are kept.
func (r *rowFile) takes(key string) bool {
	return slices.ContainsFunc(r.keys, func(pattern string) bool { return keyMatches(pattern, key) })
}

// keyMatches says whether a key has the tokens of a pattern, of which * stands for any.
func keyMatches(pattern, key string) bool {
	for {
		p, patterns, more := strings.Cut(pattern, ".")
		k, keys, same := strings.Cut(key, ".")
		if more != same || p != "*" && p != k {
			return false
		}
		if !more {
			return true
		}
		pattern, key = patterns, keys
	}
}

// get gives a row; ok is false if it is not here.
func (r *rowFile) get(key string) (data []byte, ok bool) { return r.find(key, false) }

// newest gives a row that is not in the journal, if it is certain that what is here is the newest of it.
func (r *rowFile) newest(key string) (data []byte, ok bool) { return r.find(key, true) }

func (r *rowFile) find(key string, certain bool) (data []byte, ok bool) {
	if r == nil {
		return nil, false
	}
	hash := maphash.String(r.seed, key)
	r.mu.RLock()
	defer r.mu.RUnlock()
	place, ok := r.rows[hash]
	if !ok || certain && place.copied() && !r.whole {
		return nil, false
	}
	return r.read(key, place)
}

// filled says that all rows there are have been put.
func (r *rowFile) filled() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.whole = true
}

// sequence is that of the message that holds a row; 0 when it is not known.
func (r *rowFile) sequence(key string) uint64 {
	if r == nil {
		return 0
	}
	hash := maphash.String(r.seed, key)
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.rows[hash].seq
}

// read gives the row at a place; mu is held.
func (r *rowFile) read(key string, place rowPlace) (data []byte, ok bool) {
	b := make([]byte, place.size())
	if _, err := r.file.ReadAt(b, place.offset()); err != nil {
		return nil, false
	}
	have, rest, ok := cutField(b)
	if !ok || string(have) != key { // another key of the same hash
		return nil, false
	}
	return rest, true
}

// put keeps rows as they are now, or as they are copied from the stream: then those that came in another way may be newer, and stay. replaced are the
// messages of which there is a newer one.
func (r *rowFile) put(rows []keyedRow, copied bool) (replaced []replacedRow, err error) {
	if r == nil {
		return nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return nil, nil
	}
	from := r.end
	r.wrote = r.wrote[:0]
	for i := range rows {
		old, err := r.place(&rows[i], copied)
		if err != nil {
			r.fail()
			return nil, err
		}
		if old.seq > 0 {
			replaced = append(replaced, old)
		}
	}
	if _, err := r.file.WriteAt(r.wrote, rowPlace{slot: from}.offset()); err != nil {
		r.fail()
		return nil, fmt.Errorf("row file: %w", err)
	}
	r.tell()
	return replaced, nil
}

// place finds room for a row, if it is the newest of its key: its own if it fits as before, else one that is free, else behind all others, where
// what is new is collected. It gives the message that is not the newest, if there is one.
func (r *rowFile) place(row *keyedRow, copied bool) (replaced replacedRow, err error) {
	hash := maphash.String(r.seed, row.key)
	old, had := r.rows[hash]
	switch {
	case had && copied && row.seq <= old.seq:
		if row.seq < old.seq {
			replaced = replacedRow{row.seq, len(row.data)}
		}
		return replaced, nil
	case had && old.seq < row.seq:
		replaced = replacedRow{old.seq, int(old.size())}
	}
	record := append(appendField(make([]byte, 0, len(row.key)+len(row.data)+2*slotBytes), row.key), row.data...)
	p := rowPlace{bytes: uint32(len(record)), seq: row.seq}
	if copied && (!had || old.copied()) {
		p.bytes |= copiedRow
	}
	n := p.slots()
	free := r.free[n]
	switch {
	case had && old.slots() == n:
		p.slot, had = old.slot, false
	case len(free) > 0:
		p.slot, r.free[n] = free[len(free)-1], free[:len(free)-1]
	default:
		p.slot = r.end
		r.end += n
		r.wrote = append(r.wrote, make([]byte, n*slotBytes)...)
	}
	r.rows[hash] = p
	if err := r.write(p, record[:n*slotBytes]); err != nil || !had {
		return replaced, err
	}
	r.free[old.slots()] = append(r.free[old.slots()], old.slot)
	return replaced, r.write(old, make([]byte, old.slots()*slotBytes))
}

// write writes into the room of a row: into what is collected if the room is there.
func (r *rowFile) write(p rowPlace, b []byte) error {
	if from := r.end - uint32(len(r.wrote)/slotBytes); p.slot >= from {
		copy(r.wrote[int(p.slot-from)*slotBytes:], b)
		return nil
	}
	if _, err := r.file.WriteAt(b, p.offset()); err != nil {
		return fmt.Errorf("row file: %w", err)
	}
	return nil
}
