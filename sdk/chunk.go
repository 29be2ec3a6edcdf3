package sdk

import (
	"sync"
	"sync/atomic"
)

// Events are kept as words of 64 bits in chunks without pointers, so that the garbage collector has nothing to do with
// them. A lane is a list of chunks with one writer at a time and one reader, the flusher:
//
//	writer  fills words behind the published position, then publishes the new one
//	        when a chunk is full, links the next
//	reader  reads up to the published position, passes on when a next chunk is linked, and recycles what it left
//
// Nothing is locked for that, and the atomic store that publishes is the only one per event.
const (
	tinyChunk  = 64   // words; of tracks when there are thousands
	smallChunk = 512  // words; the first chunk of a track
	chunkWords = 8192 // words: 64 KiB
)

type chunk struct {
	pos   atomic.Uint64         // words that hold events; grows only
	next  atomic.Pointer[chunk] // set once, when nothing will be added
	words []uint64
	_     [24]byte // one cache line, for the writer
}

// pool hands out chunks within a budget. Tracks keep a chunk while they are open, idle or not. So that this leaves room for
// what is recorded, however many there are, the large chunks of tracks take no more than a quarter of the budget, the
// small ones another quarter, and for the tiny ones the budget grows.
type pool struct {
	budget int64        // words
	least  atomic.Int64 // words that there are in any case: two chunks for each processor, which keeps one
	grown  atomic.Int64 // words that come on top: a tiny chunk for each open track
	used   atomic.Int64 // words in lanes

	mu   sync.Mutex
	free []*chunk // of chunkWords
}

// kept is how many free chunks wait for the next burst: as much as is recorded between two collections under load.
const kept = 32

// get returns an empty chunk with room for at least n words, or nil when the budget is spent.
func (p *pool) get(n int) *chunk {
	if p.used.Add(int64(n)) > max(p.budget, p.least.Load())+p.grown.Load() {
		p.used.Add(-int64(n))
		return nil
	}
	if n == chunkWords {
		p.mu.Lock()
		defer p.mu.Unlock()
		if last := len(p.free) - 1; last >= 0 {
			c := p.free[last]
			p.free[last] = nil
			p.free = p.free[:last]
			return c
		}
	}
	return &chunk{words: make([]uint64, n)}
}

// put takes a chunk back that nobody refers to any more.
func (p *pool) put(c *chunk) {
	p.used.Add(-int64(len(c.words)))
	if len(c.words) != chunkWords {
		return
	}
	c.pos.Store(0)
	c.next.Store(nil)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) < kept {
		p.free = append(p.free, c)
	}
}
