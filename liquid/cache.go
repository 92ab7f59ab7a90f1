package liquid

import (
	"crypto/sha256"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// cacheKey is the sha256 of a source.
type cacheKey [sha256.Size]byte

// cache keeps parsed templates, bounded by number and by bytes; the least recently used go first. It is safe for concurrent use. Two renders
// that miss at once both parse; the second result wins.
type cache struct {
	mu       sync.Mutex
	entries  *simplelru.LRU[cacheKey, *template]
	bytes    int
	maxBytes int
}

func newCache(maxEntries, maxBytes int) *cache {
	c := &cache{maxBytes: maxBytes}
	// NewLRU fails for a size below 1 only, and the caller passes a positive one.
	c.entries, _ = simplelru.NewLRU(max(1, maxEntries), func(_ cacheKey, t *template) { c.bytes -= t.size })
	return c
}

func (c *cache) get(key cacheKey) (*template, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.entries.Get(key)
}

// put adds a template that fits, and drops others until all fit.
func (c *cache) put(key cacheKey, t *template) {
	if t.size > c.maxBytes {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries.Contains(key) {
		return
	}
	c.bytes += t.size
	c.entries.Add(key, t)
	for c.bytes > c.maxBytes {
		c.entries.RemoveOldest()
	}
}
