package main

import (
	"time"

	"github.com/micromegas-go/micromegas/telemetry"
)

// ticksPerSecond: the clock counts nanoseconds of the monotonic clock, so that nobody has to estimate its rate and steps
// of the wall clock don't show.
const ticksPerSecond = int64(time.Second)

// clock counts from the moment the program began, cut to microseconds. Servers keep that moment at this precision; ticks
// that count from the cut moment make them lose nothing.
type clock struct {
	start time.Time     // wall and monotonic reading of one moment
	ahead time.Duration // what was cut off
}

func newClock() clock {
	start := time.Now()
	return clock{start: start, ahead: time.Duration(telemetry.TimeOf(start) - telemetry.TimeOf(start).Micros())}
}

// startTime is when ticks were 0.
func (c clock) startTime() telemetry.Time { return telemetry.TimeOf(c.start).Micros() }

func (c clock) now() telemetry.Ticks { return telemetry.Ticks(time.Since(c.start) + c.ahead) }
