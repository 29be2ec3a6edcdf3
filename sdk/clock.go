package sdk

import (
	"sync/atomic"
	"time"

	"github.com/micromegas-go/micromegas/telemetry"
)

// Clock says what events are stamped with. Whatever it is, what is sent are nanoseconds of the monotonic clock since the
// start of the process, so that no server has to estimate a rate and no rate error can add up; set on by what the machine
// has slept.
type Clock uint8

const (
	// ClockAuto takes the processor's time-stamp counter where it can be trusted, else the monotonic clock.
	ClockAuto Clock = iota
	// ClockMonotonic reads the system's monotonic clock for each event, which takes two to three times as long.
	ClockMonotonic
)

// ticksPerSecond is the rate of what is sent.
const ticksPerSecond = int64(time.Second)

// clock stamps events, and turns the stamps into nanoseconds since the start.
//
// The counter's rate is never asked for. With each collection the flusher reads counter and monotonic clock together, an
// anchor; a stamp between two anchors is interpolated. The line of a stretch is not touched again once it was used, and
// stretches meet in their anchors: the result is continuous, it never runs backwards, and its error is that of one pair
// of readings, some tens of nanoseconds, for as long as the process lives. A machine that sleeps makes the counter begin
// anew or go on while the monotonic clock stands still: such a stretch is counted from its two ends, see across.
//
// While the machine sleeps, time goes on without the monotonic clock, on most systems. So ticks are set on when the clock on
// the wall is found ahead, see follow; a clock on the wall that was set back changes nothing, as ticks never run backwards.
type clock struct {
	start   time.Time     // wall and monotonic reading of one moment
	ahead   time.Duration // what was cut off the start to make it whole microseconds
	counter bool          // stamps are readings of the counter; else nanoseconds since the start
	sleep   atomic.Pointer[sleep]

	// Of the flusher:
	from, to anchor  // the newest stretch
	before   line    // of the stretch before, for stragglers
	line     line    // of the newest stretch
	base     anchor  // the first one since the last jump
	rate     float64 // nanoseconds per step of the counter, since base or before; 0 means not known yet
	jumped   int64   // what the counter jumped in the newest stretch, see jump
}

// sleep says that ticks were set on: by how much all that is up to a moment of the monotonic clock, and by how much all
// after it.
type sleep struct{ at, before, after int64 }

// awake turns nanoseconds of the monotonic clock since the start into ticks.
func (c *clock) awake(elapsed int64) int64 {
	s := c.sleep.Load()
	switch {
	case s == nil:
		return elapsed
	case elapsed > s.at:
		return elapsed + s.after
	default:
		return elapsed + s.before
	}
}

// asleep is from how far ahead the clock on the wall is followed. Both clocks are slewed alike.
const asleep = int64(time.Second)

// follow sets ticks on from now on when the clock on the wall is ahead. Both are nanoseconds since the start, of one moment.
func (c *clock) follow(elapsed, wall int64) {
	now := c.awake(elapsed)
	if wall-now >= asleep {
		c.sleep.Store(&sleep{at: elapsed, before: now - elapsed, after: wall - elapsed})
	}
}

// clocks reads the monotonic clock and the one on the wall.
func (c *clock) clocks() (elapsed, wall int64) {
	now := time.Now()
	return int64(now.Sub(c.start) + c.ahead), int64(now.Round(0).Sub(c.start.Round(0)) + c.ahead)
}

// slept reports whether the clock on the wall is ahead.
func (c *clock) slept() bool {
	elapsed, wall := c.clocks()
	return wall-c.awake(elapsed) >= asleep
}

// now is the present in ticks.
func (c *clock) now() int64 { return c.awake(c.elapsed()) }

// anchor is one moment on both scales.
type anchor struct {
	stamp uint64
	ticks int64
}

// line maps the stamps from its origin on.
type line struct {
	origin anchor
	slope  float64
}

func (l line) at(stamp uint64) int64 {
	return l.origin.ticks + int64(float64(int64(stamp-l.origin.stamp))*l.slope)
}

// newClock starts a clock. Its zero is cut to microseconds, the precision at which servers keep the start of a process:
// so cutting loses nothing.
func newClock(kind Clock) *clock {
	start := time.Now()
	c := &clock{
		start:   start,
		ahead:   time.Duration(telemetry.TimeOf(start) - telemetry.TimeOf(start).Micros()),
		counter: kind == ClockAuto && counterUsable(),
	}
	if c.counter {
		c.begin(c.read())
	}
	return c
}

// startTime is when ticks were 0.
func (c *clock) startTime() telemetry.Time { return telemetry.TimeOf(c.start).Micros() }

// elapsed is nanoseconds of the monotonic clock since the start.
func (c *clock) elapsed() int64 { return int64(time.Since(c.start) + c.ahead) }

// read reads both scales. Of some tries the one counts in which the counter advanced least while the clock was read.
func (c *clock) read() anchor {
	const tries = 4
	var best anchor
	least := ^uint64(0)
	for range tries {
		a := counter()
		t := c.elapsed()
		b := counter()
		if b-a < least {
			least = b - a
			best = anchor{stamp: a + (b-a)/2, ticks: t}
		}
	}
	return best
}

// advance ends the newest stretch now. Afterwards every stamp that was taken before can be turned into ticks.
func (c *clock) advance() {
	if c.counter {
		c.reach(c.read())
	}
	c.follow(c.clocks())
}

// begin makes the first anchor. Until the second there is no rate; a stamp before the first one, which would need it,
// does not occur.
func (c *clock) begin(at anchor) {
	c.from, c.to, c.base = at, at, at
	c.line = line{origin: at}
	c.before = c.line
	c.jumped = 0
}

// reach is advance, to an anchor.
func (c *clock) reach(next anchor) {
	if next.ticks <= c.to.ticks {
		return // two collections at once: the stretch goes on
	}
	steps, took := int64(next.stamp-c.to.stamp), next.ticks-c.to.ticks
	switch jump := c.jump(steps, took); {
	case jump != 0:
		c.from, c.to, c.base, c.jumped = c.to, next, next, jump
		c.before, c.line = line{c.from, c.rate}, line{c.to, c.rate}
		return
	case steps <= 0:
		c.begin(next) // nothing is known yet by which to tell what was before
		return
	}
	c.from, c.to = c.to, next
	c.before = c.line
	c.line = line{origin: c.from, slope: float64(took) / float64(steps)}
	c.jumped = 0
	if c.before.slope == 0 {
		c.before.slope = c.line.slope
	}
	if known := next.ticks - c.base.ticks; known >= trusted {
		c.rate = float64(known) / float64(next.stamp-c.base.stamp)
	}
}

const (
	// trusted is after how long the counter's rate is known well enough to tell a jump: readings are off by far less than
	// a thousandth of it.
	trusted = int64(100 * time.Millisecond)
	// A jump is what the counter is off by more than a 64th of the stretch and some: no clock is disciplined that much.
	jumpShare = 64
	jumpLeast = int64(time.Millisecond)
)

// jump is by how many nanoseconds the counter went on, or back, while the monotonic clock stood still: the machine slept,
// or was moved to another host. 0 means that it did not.
func (c *clock) jump(steps, took int64) int64 {
	if c.rate == 0 {
		return 0
	}
	jump := int64(float64(steps)*c.rate) - took
	if bound := took/jumpShare + jumpLeast; jump >= -bound && jump <= bound {
		return 0
	}
	return jump
}

// ticks turns a stamp into what is sent.
func (c *clock) ticks(stamp uint64) int64 { return c.awake(c.monotonic(stamp)) }

// monotonic turns a stamp into nanoseconds of the monotonic clock since the start.
func (c *clock) monotonic(stamp uint64) int64 {
	switch {
	case !c.counter:
		return int64(stamp)
	case c.jumped != 0:
		return c.across(stamp)
	case int64(stamp-c.from.stamp) >= 0:
		return c.line.at(stamp)
	case int64(stamp-c.before.origin.stamp) < 0 && c.rate != 0:
		return line{c.before.origin, c.rate}.at(stamp) // the rate of a short stretch is no rate
	default:
		return c.before.at(stamp)
	}
}

// across is monotonic in a stretch in which the counter jumped. A stamp from before the jump fits in when counted from the
// first anchor, one from after it when counted back from the second. When both do, because the jump was shorter than the
// stretch, it may be off by as much as the jump.
func (c *clock) across(stamp uint64) int64 {
	early, late := c.before.at(stamp), c.line.at(stamp)
	switch {
	case early >= c.from.ticks && early <= c.to.ticks:
		return early
	case late >= c.from.ticks && late <= c.to.ticks && (c.jumped < 0 || c.jumped > c.to.ticks-c.from.ticks):
		return late
	default:
		return min(early, c.to.ticks)
	}
}

// time is the wall clock at a number of ticks, as readers compute it.
func (c *clock) time(ticks int64) telemetry.Time { return c.startTime() + telemetry.Time(ticks) }
