package processors

import (
	"encoding/binary"
	"errors"
	"slices"
)

// errState marks a state row that cannot be read; it is our own bytes, so it never happens to a healthy store.
var errState = errors.New("state row is damaged")

// writer appends values in a compact binary form. State is stored this way because it is read and written far more often than rows go
// out, and most of it is ids and seconds.
type writer struct{ b []byte }

func (w *writer) uint(v uint64) {
	if v < 0x80 {
		w.b = append(w.b, byte(v))
		return
	}
	w.b = binary.AppendUvarint(w.b, v)
}

func (w *writer) int(v int64) { w.uint(uint64(v)<<1 ^ uint64(v>>63)) }
func (w *writer) byte(v byte) { w.b = append(w.b, v) }

func (w *writer) bool(v bool) {
	if v {
		w.b = append(w.b, 1)
		return
	}
	w.b = append(w.b, 0)
}

func (w *writer) str(s string) {
	w.uint(uint64(len(s)))
	w.b = append(w.b, s...)
}

// sized writes what a function writes in the form that reader.bytes reads.
func (w *writer) sized(write func(*writer)) {
	start := len(w.b)
	w.b = append(w.b, 0)
	write(w)
	n := len(w.b) - start - 1
	if n < 0x80 {
		w.b[start] = byte(n)
		return
	}
	var room [binary.MaxVarintLen64]byte
	size := binary.AppendUvarint(room[:0], uint64(n))
	w.b = slices.Insert(w.b, start+1, size[1:]...)
	w.b[start] = size[0]
}

func (w *writer) hash(h uint64) { w.b = binary.LittleEndian.AppendUint64(w.b, h) }

func (w *writer) strs(list []string) {
	w.uint(uint64(len(list)))
	for _, s := range list {
		w.str(s)
	}
}

func (w *writer) ints(list []int64) {
	w.uint(uint64(len(list)))
	for _, v := range list {
		w.int(v)
	}
}

// reader is the other half of writer. After the first damage it gives zero values and keeps the error.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail() { r.b, r.err = nil, errState }

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *reader) bool() bool { return r.byte() == 1 }

func (r *reader) str() string { return string(r.bytes()) }

// bytes gives what is read as it is: not to be changed.
func (r *reader) bytes() []byte {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) hash() uint64 {
	if len(r.b) < 8 {
		r.fail()
		return 0
	}
	v := binary.LittleEndian.Uint64(r.b)
	r.b = r.b[8:]
	return v
}

// count reads the length of a list whose elements take at least one byte each, so that damage cannot ask for more memory than there are
// bytes.
func (r *reader) count() int {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) strs() []string {
	n := r.count()
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = r.str()
	}
	return list
}

func (r *reader) ints() []int64 {
	n := r.count()
	if n == 0 {
		return nil
	}
	list := make([]int64, n)
	for i := range list {
		list[i] = r.int()
	}
	return list
}

// list writes a slice with one function an element.
func list[T any](w *writer, items []T, write func(*writer, *T)) {
	w.uint(uint64(len(items)))
	for i := range items {
		write(w, &items[i])
	}
}

// readList reads what list wrote.
func readList[T any](r *reader, read func(*reader, *T)) []T {
	n := r.count()
	if n == 0 {
		return nil
	}
	items := make([]T, n)
	for i := range items {
		read(r, &items[i])
	}
	return items
}
