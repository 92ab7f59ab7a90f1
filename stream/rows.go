package stream

import (
	"container/list"

	"deskstream/schemas"
)

const (
	// cacheRows and cacheBytes bound the state rows one loop keeps in memory. A decoded row takes a few times its stored size.
	cacheRows  = 200_000
	cacheBytes = 64 << 20
)

// rowCache keeps the state rows used last, by key. It belongs to one loop.
type rowCache struct {
	rows  map[string]*list.Element
	order *list.List // newest in front
	bytes int
}

type cachedRow struct {
	key  string
	row  *schemas.StateRow
	size int
}

func newRowCache() *rowCache { return &rowCache{rows: map[string]*list.Element{}, order: list.New()} }

func (c *rowCache) get(key string) (*schemas.StateRow, bool) {
	el, ok := c.rows[key]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(el)
	return el.Value.(*cachedRow).row, true
}

func (c *rowCache) put(key string, row *schemas.StateRow) {
	size := len(key) + len(row.Data) + 128
	if el, ok := c.rows[key]; ok {
		old := el.Value.(*cachedRow)
		c.bytes += size - old.size
		old.row, old.size = row, size
		c.order.MoveToFront(el)
	} else {
		c.rows[key] = c.order.PushFront(&cachedRow{key, row, size})
		c.bytes += size
	}
	for (c.bytes > cacheBytes || len(c.rows) > cacheRows) && c.order.Len() > 1 {
		c.remove(c.order.Back())
	}
}

// drop removes a row.
func (c *rowCache) drop(key string) {
	if el, ok := c.rows[key]; ok {
		c.remove(el)
	}
}

func (c *rowCache) remove(el *list.Element) {
	gone := c.order.Remove(el).(*cachedRow)
	delete(c.rows, gone.key)
	c.bytes -= gone.size
}
