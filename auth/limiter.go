package auth

import (
	"net/netip"
	"sync"
	"time"
)

// Limits bound what callers with bad credentials can do (B25). The zero value sets no limit.
type Limits struct {
	FailuresPerSecond float64 // for each client address; 0 means no limit
	FailureBurst      int     // failures at once
}

// Defaults of [Limits].
const (
	defaultFailuresPerSecond = 20
	defaultFailureBurst      = 100
)

// mostBuckets bounds the memory of a limiter: some 100 bytes each.
const mostBuckets = 10_000

// limiter counts failures by client address: a token bucket for each. It is asked only about failures, so that a valid
// credential is never limited, whatever else comes from its address.
type limiter struct {
	mu      sync.Mutex
	buckets map[netip.Addr]*bucket
	swept   time.Time
}

type bucket struct {
	tokens float64
	at     time.Time // when tokens was right
}

// fail records a failure of addr. When there were too many it returns false and when to try again.
func (l *limiter) fail(addr netip.Addr, limits Limits, now time.Time) (wait time.Duration, ok bool) {
	if limits.FailuresPerSecond <= 0 || !addr.IsValid() {
		return 0, true
	}
	if addr.Is6() {
		// A host usually has a whole /64 to choose from.
		p, _ := addr.Prefix(64) // fails only for more bits than there are
		addr = p.Addr()
	}
	burst := max(float64(limits.FailureBurst), 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[addr]
	if b == nil {
		l.makeRoomLocked(limits, burst, now)
		b = &bucket{tokens: burst, at: now}
		l.buckets[addr] = b
	}
	if passed := now.Sub(b.at); passed > 0 {
		b.tokens = min(burst, b.tokens+passed.Seconds()*limits.FailuresPerSecond)
	}
	b.at = now // also when the clock was set back: else nothing would be added until it has caught up
	if b.tokens < 1 {
		return time.Duration((1 - b.tokens) / limits.FailuresPerSecond * float64(time.Second)), false
	}
	b.tokens--
	return 0, true
}

// makeRoomLocked keeps the number of buckets below the bound: first those that are full again go, which is as if they had
// never been, at most once a second; then any.
func (l *limiter) makeRoomLocked(limits Limits, burst float64, now time.Time) {
	if l.buckets == nil {
		l.buckets = make(map[netip.Addr]*bucket)
	}
	if len(l.buckets) < mostBuckets {
		return
	}
	if since := now.Sub(l.swept); since < 0 || since >= time.Second {
		l.swept = now
		for addr, b := range l.buckets {
			if b.tokens+now.Sub(b.at).Seconds()*limits.FailuresPerSecond >= burst {
				delete(l.buckets, addr)
			}
		}
	}
	for addr := range l.buckets {
		if len(l.buckets) < mostBuckets {
			return
		}
		delete(l.buckets, addr)
	}
}

// len returns the number of buckets.
func (l *limiter) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.buckets)
}
