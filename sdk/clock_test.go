package sdk

import (
	"testing"
	"time"
)

// A machine that sleeps, or that is moved to another host, comes back with a counter that begins anew or has gone on while
// the monotonic clock stood still. Events before, on both sides and after are where they belong.
func TestClockAcrossJumps(t *testing.T) {
	const perTick = 3 // the counter's steps in a nanosecond
	second := int64(time.Second)
	for name, jump := range map[string]int64{
		"counter begins anew":       -900 * second * perTick,
		"counter went on":           3600 * second * perTick,
		"counter went on all night": 12 * 3600 * second * perTick,
		"no jump":                   0,
	} {
		t.Run(name, func(t *testing.T) {
			const first = 1_000 * uint64(time.Second) * perTick
			c := &clock{counter: true}
			stamp := func(ticks int64) uint64 { return first + uint64(ticks*perTick) }
			moved := func(ticks int64) uint64 { return stamp(ticks) + uint64(jump) }
			check := func(stamp uint64, want int64) {
				t.Helper()
				if got := c.ticks(stamp); got < want-1000 || got > want+1000 {
					t.Errorf("an event at %v is put at %v", time.Duration(want), time.Duration(got))
				}
			}
			c.begin(anchor{stamp(0), 0})
			c.reach(anchor{stamp(60 * second), 60 * second})
			check(stamp(59*second), 59*second)
			c.reach(anchor{moved(120 * second), 120 * second}) // the jump was at 90
			check(stamp(60*second), 60*second)
			check(stamp(89*second), 89*second)
			check(moved(91*second), 91*second)
			check(moved(119*second), 119*second)
			c.reach(anchor{moved(180 * second), 180 * second})
			check(moved(119*second), 119*second) // a straggler
			check(moved(121*second), 121*second)
			check(moved(179*second), 179*second)
		})
	}
}

// A machine that slept for an hour, and then for another: what comes after is later by that, what came before is not. A
// clock on the wall that is set back changes nothing.
func TestClockAfterSleep(t *testing.T) {
	second, hour := int64(time.Second), int64(time.Hour)
	c := &clock{}
	check := func(stamp, want int64) {
		t.Helper()
		if got := c.ticks(uint64(stamp)); got != want {
			t.Errorf("an event at %v is put at %v, want %v", time.Duration(stamp), time.Duration(got), time.Duration(want))
		}
	}
	c.follow(10*second, 10*second+second/2) // no sleep
	check(11*second, 11*second)
	c.follow(20*second, 20*second+hour)
	check(20*second, 20*second)
	check(21*second, 21*second+hour)
	c.follow(30*second, 30*second-hour)
	c.follow(40*second, 40*second+hour+second/2)
	check(41*second, 41*second+hour)
	c.follow(50*second, 50*second+2*hour)
	check(49*second, 49*second+hour)
	check(51*second, 51*second+2*hour)
}

// A stretch of a microsecond has a rate that is off by much. A straggler from long before it must not be placed by that.
func TestClockStraggler(t *testing.T) {
	c := &clock{counter: true}
	c.begin(anchor{0, 0})
	c.reach(anchor{3e9, 1e9})
	c.reach(anchor{3e9 + 3000, 1e9 + 1100}) // readings are off by 100 ns
	c.reach(anchor{6e9, 2e9})
	if got := c.ticks(3e9 - 3e7); got < 1e9-1e7-1000 || got > 1e9-1e7+1000 {
		t.Errorf("%d, want %d", got, int64(1e9-1e7))
	}
}
