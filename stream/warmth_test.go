package stream

import (
	"bytes"
	"hash/maphash"
	"strconv"
	"testing"

	"deskstream/schemas"
)

// TestWarmthBoundsWhatIsDecoded: however many rows batches use and change, no more than the bound are decoded, and each keeps what is stored.
func TestWarmthBoundsWhatIsDecoded(t *testing.T) {
	heat := newWarmth(1000)
	j, c := newJournal(defaultBounds(), heat), newRowCache(nil, heat)
	data := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, 100) }
	for i := range 300 {
		key := "k" + strconv.Itoa(i%40)
		if r, ok := j.get(key); ok {
			heat.use(&r.loadedRow).Value = i // by a batch that comes to nothing
		}
		row := &schemas.StateRow{Data: data(i), Value: i, Sum: uint64(i)}
		j.put(&journalled{loadedRow: loadedRow{row: row, data: row.Data}, key: key})
		if i%7 == 0 {
			r, _ := j.get(key)
			j.remove(key)
			c.put(key, r.row, false)
			if got, ok := c.get(key); !ok || !bytes.Equal(got.Data, data(i)) || got.Value != nil || got.Sum != uint64(i) {
				t.Fatalf("%s came into the cache as %+v", key, got)
			}
		}
		decoded := 0
		for _, el := range j.rows {
			if r := el.Value.(*journalled); r.row.Value != nil {
				decoded += len(r.data)
			}
		}
		if decoded > heat.most || heat.bytes > heat.most || heat.order.Len() > 10 {
			t.Fatalf("%d bytes are decoded, %d count, of %d rows; at most %d bytes", decoded, heat.bytes, heat.order.Len(), heat.most)
		}
		if newest, ok := j.get(key); ok && newest.row.Value != i {
			t.Fatalf("the row used last is cold: %+v", newest.row)
		}
	}
}

// TestChangedRowHasNoOldSum: a row that changes while it is not in memory any more is not taken for the one that was stored before.
func TestChangedRowHasNoOldSum(t *testing.T) {
	c := newRowCache(nil, newWarmth(warmBytes))
	c.sum, c.limit = func(_ string, row *schemas.StateRow) uint64 { return row.Sum }, 1
	c.put("a", &schemas.StateRow{Data: []byte("a"), Sum: 7}, false)
	c.put("b", &schemas.StateRow{Data: []byte("b"), Sum: 8}, false)
	if sum := c.sumOf("a"); sum != 7 {
		t.Fatalf("the sum of a row that left memory is %d", sum)
	}
	c.drop("a")
	if sum := c.sums.get(maphash.String(c.seed, "a")); sum != 0 {
		t.Fatalf("a row that changed has the sum %d still", sum)
	}
}
