package stream

import (
	"container/list"
	"hash/maphash"

	"deskstream/schemas"
)

const (
	// cacheRows and cacheBytes bound the state rows one loop keeps in memory, as they are stored; warmth bounds how many of them are decoded.
	cacheRows  = 200_000
	cacheBytes = 64 << 20
)

// rowCache keeps the state rows used last, by key. It belongs to one loop.
type rowCache struct {
	rows  map[string]*list.Element
	order *list.List // newest in front
	bytes int
	limit int // rows
	// gone makes the cache complete: it holds the stored rows that are not in rows, so that all other keys do not exist. It is nil when
	// nothing is known about the rows that are not in memory.
	gone *keySet
	// sums are those of rows that were removed, as sum gives them.
	sums sums
	sum  func(key string, row *schemas.StateRow) uint64
	seed maphash.Seed
	heat *warmth
}

type cachedRow struct {
	loadedRow
	key    string
	size   int
	absent bool // nothing is stored under the key, not even an empty row
}

// newRowCache gives an empty cache of a processor's rows.
func newRowCache(p Processor, heat *warmth) *rowCache {
	c := &rowCache{rows: map[string]*list.Element{}, order: list.New(), limit: cacheRows, sums: sums{most: sumsMost}, seed: maphash.MakeSeed(), heat: heat}
	if s, ok := p.(Summer); ok {
		c.sum = s.Sum
	}
	return c
}

// complete says that no rows are stored but those that will be put in.
func (c *rowCache) complete() { c.gone = &keySet{} }

func (c *rowCache) get(key string) (*schemas.StateRow, bool) {
	el, ok := c.rows[key]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(el)
	return c.heat.use(&el.Value.(*cachedRow).loadedRow), true
}

// absent says whether it is certain that nothing is stored under a key. False means that something is or may be.
func (c *rowCache) absent(key string) bool {
	if el, ok := c.rows[key]; ok {
		return el.Value.(*cachedRow).absent
	}
	if c.gone == nil {
		return false
	}
	return !c.gone.has(maphash.String(c.seed, key))
}

// sumOf gives the sum of a stored row that is not in memory, 0 when it is not known.
func (c *rowCache) sumOf(key string) uint64 {
	if c.sum == nil {
		return 0
	}
	return c.sums.get(maphash.String(c.seed, key))
}

// put keeps a row; absent says that nothing is stored under its key.
func (c *rowCache) put(key string, row *schemas.StateRow, absent bool) {
	size := len(key) + len(row.Data) + 128
	if el, ok := c.rows[key]; ok {
		old := el.Value.(*cachedRow)
		c.heat.cool(&old.loadedRow)
		c.bytes += size - old.size
		old.row, old.data, old.size, old.absent = row, row.Data, size, absent
		c.order.MoveToFront(el)
	} else {
		c.rows[key] = c.order.PushFront(&cachedRow{loadedRow{row: row, data: row.Data}, key, size, absent})
		c.bytes += size
	}
	for (c.bytes > cacheBytes || len(c.rows) > c.limit) && c.order.Len() > 1 {
		c.evict(c.order.Back())
	}
}

// evict removes a row for lack of room. Its sum is that of what is stored.
func (c *rowCache) evict(el *list.Element) {
	old := c.remove(el)
	if c.sum == nil {
		return
	}
	sum := uint64(0)
	if !old.absent {
		sum = c.sum(old.key, old.row)
	}
	c.sums.put(maphash.String(c.seed, old.key), sum)
}

// drop removes a row that changes, and the sum it had when it left memory before.
func (c *rowCache) drop(key string) {
	if el, ok := c.rows[key]; ok {
		c.remove(el)
	}
	if c.sum != nil {
		c.sums.put(maphash.String(c.seed, key), 0)
	}
}

func (c *rowCache) remove(el *list.Element) *cachedRow {
	old := c.order.Remove(el).(*cachedRow)
	c.heat.cool(&old.loadedRow)
	delete(c.rows, old.key)
	c.bytes -= old.size
	if c.gone != nil && !old.absent && !c.gone.add(maphash.String(c.seed, old.key)) {
		c.gone = nil
	}
	return old
}
