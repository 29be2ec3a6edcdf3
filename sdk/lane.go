package sdk

import "sync/atomic"

// lane is the writer's and the reader's end of a list of chunks.
type lane struct {
	cur  *chunk               // of the writer
	tsc  bool                 // see clock.counter
	lost [kinds]atomic.Uint64 // events that found no room; written by the writer alone

	// Of the reader, under Recorder.collecting:
	head     *chunk // where it reads
	taken    uint64 // words of head that were read
	last     *chunk // where this collection ends
	limit    uint64 // words of last that it reads
	reported [kinds]uint64
}

// newLane returns a lane without room: its first event gets its first chunk.
func newLane(c *clock) lane {
	empty := &chunk{}
	return lane{cur: empty, head: empty, tsc: c.counter}
}

// extend links c, which the writer goes on with.
func (l *lane) extend(c *chunk) {
	l.cur.next.Store(c)
	l.cur = c
}

// lose counts events that found no room.
func (l *lane) lose(k kind) {
	n := &l.lost[k.stream()]
	n.Store(n.Load() + 1)
}

// mark sets the end of a collection to what is published now.
func (l *lane) mark() {
	for c := l.head; ; {
		// In this order: when there is a next chunk, nothing is added to this one.
		pos, next := c.pos.Load(), c.next.Load()
		if next == nil {
			l.last, l.limit = c, pos
			return
		}
		c = next
	}
}

// drain reads up to the mark and gives back the chunks that it left. yield gets whole events.
func (l *lane) drain(p *pool, yield func(words []uint64)) {
	for {
		c, end := l.head, l.limit
		if c != l.last {
			end = c.pos.Load()
		}
		if end > l.taken {
			yield(c.words[l.taken:end])
			l.taken = end
		}
		if c == l.last {
			return
		}
		l.head, l.taken = c.next.Load(), 0
		p.put(c)
	}
}
