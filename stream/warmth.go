package stream

import (
	"container/list"

	"deskstream/schemas"
)

// warmBytes bounds the rows of a loop that may be decoded, by their stored size.
const warmBytes = 16 << 20

// loadedRow is a state row in memory: what is stored of it, and row, which a batch may decode and change.
type loadedRow struct {
	row  *schemas.StateRow
	data []byte
	warm *list.Element // where it is among those that may be decoded; nil: it is not
}

// cold is a row of which only what is stored is in memory.
func cold(data []byte) loadedRow { return loadedRow{row: &schemas.StateRow{Data: data}, data: data} }

// warmth bounds how many rows in memory are decoded: most rest for long, and a decoded one takes a few times its stored size, in pieces that the
// collector has to follow.
type warmth struct {
	most, bytes int
	order       *list.List // of *loadedRow, longest decoded in front
}

func newWarmth(most int) *warmth { return &warmth{most: most, order: list.New()} }

// use gives a row to a batch, which may decode it. Those that were decoded longest ago become cold for it.
func (w *warmth) use(r *loadedRow) *schemas.StateRow {
	if r.warm == nil {
		r.warm = w.order.PushBack(r)
		w.bytes += len(r.data)
		for w.bytes > w.most && w.order.Front() != r.warm {
			w.cool(w.order.Front().Value.(*loadedRow))
		}
	}
	return r.row
}

// cool keeps of a row only what is stored. A batch that has it goes on with what it was given.
func (w *warmth) cool(r *loadedRow) {
	if r.warm == nil {
		return
	}
	w.order.Remove(r.warm)
	w.bytes -= len(r.data)
	r.row, r.warm = &schemas.StateRow{Data: r.data, Sum: r.row.Sum}, nil
}
