package sdk

import (
	"github.com/micromegas-go/micromegas/sdk/sink"
)

// collect moves what was recorded into outlets, and hands blocks to the sink: those that are full, or with all set
// everything. It never waits for the network.
func (r *Recorder) collect(all bool) {
	r.collecting.Lock()
	defer r.collecting.Unlock()
	r.words.Store(0)

	// First the ends of all lanes, then the clock: so each stamp up to the ends lies before the clock's newest anchor.
	shards := *r.shards.Load()
	tracks := r.tracks.all()
	for _, s := range shards {
		s.mark()
	}
	for _, t := range tracks {
		t.mark()
	}
	r.clock.advance()
	now := r.clock.now()

	for _, s := range shards {
		s.drain(&r.pool, func(words []uint64) { r.sort(words, nil) })
		r.countLosses(&s.lane)
	}
	for _, t := range tracks {
		closed := t.closed.Load() // before the last look: nothing is added afterwards
		if closed {
			t.mark()
		}
		t.drain(&r.pool, func(words []uint64) { r.sort(words, t) })
		r.countLosses(&t.lane)
		if all || closed || r.crowded() {
			r.close(t.outlet, now)
		}
		if closed {
			r.tracks.remove(t)
			r.pool.put(t.head)
			r.pool.grown.Add(-tinyChunk)
			if e, ok := r.sink.(streamEnder); ok && t.outlet.announced {
				e.EndStream(t.outlet.stream)
			}
		}
	}
	r.reportLosses(now)
	if all || r.crowded() {
		for _, o := range []*outlet{r.logs, r.metrics, r.async} {
			r.close(o, now)
		}
	}
}

// crowded reports whether outlets hold so much that all must hand it over: a program may have many tracks.
func (r *Recorder) crowded() bool { return int64(r.held) > r.pool.budget/2 }

// sort takes whole events of a shard or of a track apart and puts each into its stream.
func (r *Recorder) sort(words []uint64, t *track) {
	for len(words) > 0 {
		n := eventLen(words)
		w := words[:n]
		words = words[n:]
		k := kindOf(w[0])
		ticks := r.clock.ticks(w[1])
		switch k.stream() {
		case sink.Logs:
			r.put(r.logs, w, ticks)
		case sink.Metrics:
			r.put(r.metrics, w, ticks)
		default:
			switch k &^ inline {
			case kindBegin:
				t.open = append(t.open, idOf(w[0]))
				r.put(t.outlet, w, ticks)
			case kindEnd:
				last := len(t.open) - 1
				if last < 0 {
					continue // more ends than begins
				}
				w[0] |= uint64(t.open[last]) << idShift // the span whose end this is
				t.open = t.open[:last]
				r.put(t.outlet, w, ticks)
			default:
				r.put(r.async, w, ticks)
			}
		}
	}
}
