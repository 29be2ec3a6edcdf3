package authtest

import (
	"sync"
	"time"
)

// Clock is a clock that tests move. The zero value runs with the machine's; one from [NewClock] stands still.
type Clock struct {
	mu     sync.Mutex
	fixed  time.Time // zero: the machine's time
	offset time.Duration
}

// NewClock returns a clock that shows t until it is moved.
func NewClock(t time.Time) *Clock { return &Clock{fixed: t} }

// Now returns the time the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fixed.IsZero() {
		return time.Now().Add(c.offset)
	}
	return c.fixed.Add(c.offset)
}

// Advance moves the clock by d.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}
