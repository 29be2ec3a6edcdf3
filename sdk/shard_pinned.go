//go:build !race && !micromegas_locked

package sdk

import (
	_ "unsafe" // for linkname
)

// The runtime promises to keep these two as they are (go.dev/issue/67401): between them a goroutine stays on its
// processor, and no other one runs there. So whatever belongs to that processor has one user at a time without a lock.
// The race detector knows nothing of that; its builds, and those with the tag micromegas_locked, lock.

//go:linkname procPin runtime.procPin
func procPin() int

//go:linkname procUnpin runtime.procUnpin
func procUnpin()

// enter returns the shard of the processor that the goroutine runs on, and keeps it there until leave. In between there
// must be nothing that waits. It returns nil, without leave, when nothing is recorded.
func (r *Recorder) enter() *shard {
	id := procPin()
	if s := *r.shards.Load(); id < len(s) {
		return s[id]
	}
	procUnpin()
	return r.enterNew()
}

// guard holds nothing: the processor is the lock.
type guard struct{}

func (guard) leave() { procUnpin() }

// enterNew makes shards for processors that are new.
func (r *Recorder) enterNew() *shard {
	for {
		if r.off() {
			return nil
		}
		id := procPin()
		if s := *r.shards.Load(); id < len(s) {
			return s[id]
		}
		procUnpin()
		r.addShards(id + 1)
	}
}
