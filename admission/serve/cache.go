package serve

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/leakgate/leakgate/admission"
)

// Bounds of the cache: what it holds is a convenience, so they are small.
const (
	cacheFor     = 10 * time.Second // as long as an API server trusts a token it has seen
	cacheEntries = 4096
	cacheBytes   = 16 << 20 // of JSON; in memory about three times that
	largestEntry = 4 << 20
)

// key is what was asked: one object, or with an empty name all of a namespace.
type key struct {
	kind            admission.Kind
	namespace, name string
}

type entry struct {
	objects []admission.Object
	size    int
	until   time.Time
}

// cache keeps answers for some seconds, bounded by number and size.
type cache struct {
	now func() time.Time

	mu    sync.Mutex
	lru   *simplelru.LRU[key, entry]
	bytes int
}

func newCache(now func() time.Time) *cache {
	c := &cache{now: now}
	lru, err := simplelru.NewLRU(cacheEntries, func(_ key, e entry) { c.bytes -= e.size })
	if err != nil {
		panic(err) // only for a size below one
	}
	c.lru = lru
	return c
}

func (c *cache) get(k key) []admission.Object {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, is := c.lru.Get(k)
	if is && !c.now().Before(e.until) {
		c.lru.Remove(k)
		return nil
	}
	return e.objects
}

// put keeps an answer, or forgets an older one where there is nothing to keep.
func (c *cache) put(k key, objects []admission.Object, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(k)
	if len(objects) == 0 || size > largestEntry {
		return
	}
	c.bytes += size
	c.lru.Add(k, entry{objects, size, c.now().Add(cacheFor)})
	for c.bytes > cacheBytes {
		c.lru.RemoveOldest()
	}
}
