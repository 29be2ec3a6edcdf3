//go:build race || micromegas_locked

package sdk

import (
	"math/rand/v2"
	"sync"
)

// enter locks a shard, any that is free.
func (r *Recorder) enter() *shard {
	if r.off() {
		return nil
	}
	all := *r.shards.Load()
	i := rand.IntN(len(all)) //nolint:gosec // G404: spreading needs no secrecy
	for range len(all) - 1 {
		if s := all[i]; s.mu.TryLock() {
			return s
		}
		if i++; i == len(all) {
			i = 0
		}
	}
	all[i].mu.Lock()
	return all[i]
}

// guard is the lock of a shard.
type guard struct{ mu sync.Mutex }

func (g *guard) leave() { g.mu.Unlock() }
