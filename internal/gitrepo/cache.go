package gitrepo

// cacheKey is a place in a pack: finding it needs no hash of an id.
type cacheKey struct {
	pack int
	off  int64
}

// cache keeps the objects used last, up to a number of bytes.
type cache struct {
	limit, used int
	items       map[cacheKey]*cached
	newest      *cached // a ring: newest.next is older, newest.prev the oldest
}

type cached struct {
	key        cacheKey
	object     Object
	prev, next *cached
}

// itemBytes is roughly what an item costs beside its data.
const itemBytes = 150

func newCache(limit int) *cache {
	return &cache{limit: limit, items: map[cacheKey]*cached{}}
}

func (c *cache) get(key cacheKey) (Object, bool) {
	item, ok := c.items[key]
	if !ok {
		return Object{}, false
	}
	if item != c.newest {
		c.unlink(item)
		c.push(item)
	}
	return item.object, true
}

func (c *cache) put(key cacheKey, o Object) {
	cost := cap(o.Data) + itemBytes
	if cost > c.limit/2 || c.items[key] != nil {
		return
	}
	for c.used+cost > c.limit {
		c.drop(c.newest.prev)
	}
	item := &cached{key: key, object: o}
	c.items[key] = item
	c.used += cost
	c.push(item)
}

func (c *cache) drop(item *cached) {
	c.unlink(item)
	delete(c.items, item.key)
	c.used -= cap(item.object.Data) + itemBytes
}

func (c *cache) push(item *cached) {
	if c.newest == nil {
		item.prev, item.next = item, item
	} else {
		item.next, item.prev = c.newest, c.newest.prev
		item.prev.next, item.next.prev = item, item
	}
	c.newest = item
}

func (c *cache) unlink(item *cached) {
	if item.next == item {
		c.newest = nil
		return
	}
	item.prev.next, item.next.prev = item.next, item.prev
	if c.newest == item {
		c.newest = item.next
	}
}
