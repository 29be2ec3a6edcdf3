package oidc

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/micromegas-go/micromegas/auth/internal/digest"
)

// cacheShards spreads readers over locks. A digest's first byte is uniform.
const cacheShards = 32

// cache remembers at most size values, each for ttl and no longer than its own end. A nil cache remembers nothing.
type cache[V any] struct {
	size   int
	ttl    time.Duration
	shards [cacheShards]shard[V]

	writing sync.Mutex // serialises put; taken before a shard's lock
	ring    []*entry[V]
	hand    int // where the search for a victim goes on
}

type shard[V any] struct {
	mu      sync.RWMutex
	entries map[digest.Sum]*entry[V]
	_       [64]byte // keep the locks of two shards on two cache lines
}

type entry[V any] struct {
	sum   digest.Sum
	value V
	until time.Time
	slot  int         // in the ring
	used  atomic.Bool // since the hand passed
}

// newCache returns a cache, or nil when it is turned off (A16).
func newCache[V any](size int, ttl time.Duration) *cache[V] {
	if size <= 0 || ttl <= 0 {
		return nil
	}
	c := &cache[V]{size: size, ttl: ttl}
	for i := range c.shards {
		c.shards[i].entries = make(map[digest.Sum]*entry[V])
	}
	return c
}

func (c *cache[V]) shard(sum digest.Sum) *shard[V] { return &c.shards[sum[0]%cacheShards] }

// get returns the value of sum if it is still good at now.
func (c *cache[V]) get(sum digest.Sum, now time.Time) (value V, ok bool) {
	if c == nil {
		return value, false
	}
	s := c.shard(sum)
	s.mu.RLock()
	e := s.entries[sum]
	s.mu.RUnlock()
	if e == nil || !now.Before(e.until) {
		return value, false
	}
	if !e.used.Load() { // a write would take the cache line from other readers
		e.used.Store(true)
	}
	return e.value, true
}

// put remembers value for sum until now plus the cache's ttl, and no longer than end unless that is zero. A full cache
// evicts (A60).
func (c *cache[V]) put(sum digest.Sum, value V, now, end time.Time) {
	if c == nil {
		return
	}
	until := now.Add(c.ttl)
	if !end.IsZero() && end.Before(until) {
		until = end
	}
	if !now.Before(until) {
		return
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	s := c.shard(sum)
	e := &entry[V]{sum: sum, value: value, until: until}
	s.mu.RLock()
	old := s.entries[sum]
	s.mu.RUnlock()
	switch {
	case old != nil:
		e.slot = old.slot
		c.ring[e.slot] = e
	case len(c.ring) < c.size:
		e.slot = len(c.ring)
		c.ring = append(c.ring, e)
	default:
		e.slot = c.evict(now)
		c.ring[e.slot] = e
	}
	s.mu.Lock()
	s.entries[sum] = e
	s.mu.Unlock()
}

// evict removes the first entry that has expired or was not used since the hand passed it, and returns its slot. Needs
// c.writing.
func (c *cache[V]) evict(now time.Time) int {
	for {
		victim := c.ring[c.hand]
		c.hand = (c.hand + 1) % len(c.ring)
		if now.Before(victim.until) && victim.used.Swap(false) {
			continue // at the latest the second round finds it unused
		}
		s := c.shard(victim.sum)
		s.mu.Lock()
		delete(s.entries, victim.sum)
		s.mu.Unlock()
		return victim.slot
	}
}

// len returns the number of entries, expired ones included.
func (c *cache[V]) len() int {
	if c == nil {
		return 0
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	return len(c.ring)
}
