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
}

// rowPlace is where a row is.
type rowPlace struct {
	slot  uint32
	bytes uint32 // of the row, and copiedRow
}

// copiedRow marks a row that was copied from the stream, where an older one may come before a newer one.
const copiedRow = 1 << 31

func (p rowPlace) copied() bool { return p.bytes&copiedRow != 0 }

func (p rowPlace) size() uint32 { return p.bytes &^ copiedRow }

func (p rowPlace) slots() uint32 { return (p.size() + slotBytes - 1) / slotBytes }

func (p rowPlace) offset() int64 { return int64(p.slot) * slotBytes }

// keyedRow is a row as it is stored, with its key.
type keyedRow struct {
	key  string
	data []byte
}

const (
	// indexBytes is about what a row takes in memory, tellRows after how many keeps is told.
	indexBytes = 30
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
func (r *rowFile) get(key string) (data []byte, ok bool) {
	if r == nil {
		return nil, false
	}
	hash := maphash.String(r.seed, key)
	r.mu.RLock()
	defer r.mu.RUnlock()
	place, ok := r.rows[hash]
	if !ok {
		return nil, false
	}
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

// put keeps rows as they are now, or as they are copied from the stream, in its order: then those are newer that came in another way, and stay.
func (r *rowFile) put(rows []keyedRow, copied bool) error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return nil
	}
	from := r.end
	r.wrote = r.wrote[:0]
	for i := range rows {
		if err := r.place(&rows[i], copied); err != nil {
			r.fail()
			return err
		}
	}
	if _, err := r.file.WriteAt(r.wrote, rowPlace{slot: from}.offset()); err != nil {
		r.fail()
		return fmt.Errorf("row file: %w", err)
	}
	r.tell()
	return nil
}

// place finds room for a row: its own if it fits as before, else one that is free, else behind all others, where what is new is
// collected.
func (r *rowFile) place(row *keyedRow, copied bool) error {
	hash := maphash.String(r.seed, row.key)
	old, had := r.rows[hash]
	if had && copied && !old.copied() {
		return nil
	}
	record := append(appendField(make([]byte, 0, len(row.key)+len(row.data)+2*slotBytes), row.key), row.data...)
	p := rowPlace{bytes: uint32(len(record))}
	if copied {
		p.bytes |= copiedRow
	}
	n := p.slots()
	record = record[:n*slotBytes]
	free := r.free[n]
	switch {
	case had && old.slots() == n && old.slot < r.end-uint32(len(r.wrote)/slotBytes):
		p.slot, had = old.slot, false
	case len(free) > 0:
		p.slot, r.free[n] = free[len(free)-1], free[:len(free)-1]
	default:
		p.slot = r.end
		r.end += n
		r.wrote = append(r.wrote, record...)
		record = nil
	}
	r.rows[hash] = p
	if record != nil {
		if _, err := r.file.WriteAt(record, p.offset()); err != nil {
			return fmt.Errorf("row file: %w", err)
		}
	}
	if !had {
		return nil
	}
	r.free[old.slots()] = append(r.free[old.slots()], old.slot)
	if _, err := r.file.WriteAt(make([]byte, old.slots()*slotBytes), old.offset()); err != nil {
		return fmt.Errorf("row file: %w", err)
	}
	return nil
}
