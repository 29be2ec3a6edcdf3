package telemetry

import (
	"math"
	"time"
)

// Time is an instant in nanoseconds since 1970-01-01T00:00:00Z. It covers the years 1677 to 2262.
type Time int64

// Ticks is a reading of a process's own clock, or a difference of two readings. Its rate is the process's frequency.
type Ticks int64

// TimeOf converts t, which must lie within the range of [Time].
func TimeOf(t time.Time) Time { return Time(t.UnixNano()) }

// Std returns t as a time.Time in UTC.
func (t Time) Std() time.Time { return time.Unix(0, int64(t)).UTC() }

// String returns t in RFC 3339 with nine digits.
func (t Time) String() string { return t.Std().Format("2006-01-02T15:04:05.000000000Z07:00") }

// Micros returns t cut, not rounded, to whole microseconds; before 1970 it cuts towards the past. Existing installations
// keep process and block times at this precision, so that every event time is computed from the cut value.
func (t Time) Micros() Time {
	us := int64(t) / 1000
	if int64(t)%1000 < 0 {
		us--
	}
	return Time(us * 1000)
}

// Range is a span of time with both ends included, as the query headers give it. A nil end is open.
type Range struct {
	Begin, End *Time
}

// Contains reports whether t lies in r.
func (r Range) Contains(t Time) bool {
	return (r.Begin == nil || t >= *r.Begin) && (r.End == nil || t <= *r.End)
}

// Overlaps reports whether the closed interval [begin, end] meets r.
func (r Range) Overlaps(begin, end Time) bool {
	return (r.Begin == nil || end >= *r.Begin) && (r.End == nil || begin <= *r.End)
}

// Clock converts ticks of one process to time.
type Clock struct {
	startTime  Time
	startTicks Ticks
	factor     float64 // nanoseconds per tick
	frequency  int64
}

// NewClock returns the clock of a process that read startTicks at startTime and counts frequency ticks per second.
// The frequency must be positive.
func NewClock(startTime Time, startTicks Ticks, frequency int64) Clock {
	return Clock{startTime: startTime, startTicks: startTicks, factor: 1e9 / float64(frequency), frequency: frequency}
}

// Frequency returns the ticks per second.
func (c Clock) Frequency() int64 { return c.frequency }

// Time converts an absolute tick reading. The factor is computed first and rounding is half away from zero: existing
// readers agree to the nanosecond only in this order of operations. The start is added as an integer, so that a fused
// multiply-add cannot change the result.
func (c Clock) Time(t Ticks) Time {
	return c.startTime + Time(math.Round(float64(t-c.startTicks)*c.factor))
}

// EstimateFrequency derives ticks per second from one later reading, for processes that do not know their frequency:
// elapsed ticks since the start (relative, as blocks carry them) at the moment end. It returns 0 when no positive
// frequency follows from the two readings.
func EstimateFrequency(startTime Time, elapsed Ticks, end Time) int64 {
	seconds := float64(end-startTime) / 1e9
	if seconds <= 0 || elapsed <= 0 {
		return 0
	}
	f := math.Round(float64(elapsed) / seconds)
	if f < 1 || f > math.MaxInt64/2 {
		return 0
	}
	return int64(f)
}
