package sdk

import (
	"time"

	"github.com/micromegas-go/micromegas/telemetry"
)

// Clock says what events are stamped with. Whatever it is, what is sent are nanoseconds of the monotonic clock since the
// start of the process, so that no server has to estimate a rate and no rate error can add up.
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
// of readings, some tens of nanoseconds, for as long as the process lives.
type clock struct {
	start   time.Time     // wall and monotonic reading of one moment
	ahead   time.Duration // what was cut off the start to make it whole microseconds
	counter bool          // stamps are readings of the counter; else nanoseconds since the start

	// Of the flusher:
	from, to anchor // the newest stretch
	before   line   // of the stretch before, for stragglers
	line     line   // of the newest stretch
}

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
		c.to = c.read()
		c.from = c.to
		// Until the second anchor there is no rate; a stamp before the first one, which would need it, does not occur.
		c.line = line{origin: c.to}
		c.before = c.line
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
	if !c.counter {
		return
	}
	next := c.read()
	if next.stamp <= c.to.stamp || next.ticks < c.to.ticks {
		return // two collections at once, or a machine that was moved: the stretch goes on
	}
	c.from, c.to = c.to, next
	c.before = c.line
	c.line = line{origin: c.from, slope: float64(next.ticks-c.from.ticks) / float64(next.stamp-c.from.stamp)}
	if c.before.slope == 0 {
		c.before.slope = c.line.slope
	}
}

// ticks turns a stamp into nanoseconds since the start.
func (c *clock) ticks(stamp uint64) int64 {
	switch {
	case !c.counter:
		return int64(stamp)
	case int64(stamp-c.from.stamp) >= 0:
		return c.line.at(stamp)
	default:
		return c.before.at(stamp)
	}
}

// time is the wall clock at a number of ticks, as readers compute it.
func (c *clock) time(ticks int64) telemetry.Time { return c.startTime() + telemetry.Time(ticks) }
