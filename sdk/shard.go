package sdk

import "runtime"

// shard is the lane of whatever goroutines run on one processor. It fills whole cache lines, so that processors don't
// disturb each other.
type shard struct {
	lane
	guard
	span uint64 // the newest span id of the shard's range
	end  uint64 // the last id of the range
	_    [128]byte
}

// spanRange is how many span ids a shard takes at once from the process's sequence.
const spanRange = 1 << 16

// addShards makes shards until there are n.
func (r *Recorder) addShards(n int) {
	r.shardsMu.Lock()
	defer r.shardsMu.Unlock()
	old := *r.shards.Load()
	if len(old) >= n {
		return
	}
	all := append(make([]*shard, 0, n), old...)
	for len(all) < n {
		all = append(all, &shard{lane: newLane(r.clock)})
	}
	r.pool.least.Store(2 * chunkWords * int64(n))
	r.shards.Store(&all)
}

// firstShards is how many there are from the start.
func firstShards() int { return max(runtime.NumCPU(), runtime.GOMAXPROCS(0)) }

// room reports whether n more words fit.
func (l *lane) room(n int) bool { return len(l.cur.words)-int(l.cur.pos.Load()) >= n }

// enterRoom enters a shard with room for n words. If there is no memory for more, it counts the loss of an event of kind
// k and returns nil.
func (r *Recorder) enterRoom(k kind, n int) *shard {
	var spare *chunk
	for {
		s := r.enter()
		switch {
		case s == nil:
			return nil
		case s.room(n):
			if spare == nil {
				return s
			}
			s.leave() // it is another one by now, or another goroutine was here
			r.pool.put(spare)
			spare = nil
			continue
		case spare != nil:
			s.extend(spare)
			return s
		}
		s.leave() // what follows may wait
		if spare = r.chunk(max(n, chunkWords)); spare == nil {
			if s := r.enter(); s != nil {
				s.lose(k)
				s.leave()
			}
			return nil
		}
	}
}
