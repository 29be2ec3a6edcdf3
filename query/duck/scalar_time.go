package duck

import (
	"errors"
	"math"
	"math/bits"
	"time"
)

// timeScalars are overloads of + and - that keep nanoseconds: DuckDB's own go through microseconds. The difference of
// two times is a number of nanoseconds; the edge calls it a duration.
func timeScalars() []scalar {
	return []scalar{
		{name: "-", args: []sqlType{typeTime, typeTime}, result: typeInt64, run: timeDifference},
		{name: "-", args: []sqlType{typeTime, typeInterval}, result: typeTime, run: shiftTime(0, 1, -1)},
		{name: "+", args: []sqlType{typeTime, typeInterval}, result: typeTime, run: shiftTime(0, 1, 1)},
		{name: "+", args: []sqlType{typeInterval, typeTime}, result: typeTime, run: shiftTime(1, 0, 1)},
		// A difference of times is a number.
		{name: "+", args: []sqlType{typeTime, typeInt64}, result: typeTime, run: shiftNanos(1)},
		{name: "-", args: []sqlType{typeTime, typeInt64}, result: typeTime, run: shiftNanos(-1)},
	}
}

var errTimeRange = errors.New("a time lies outside of the years 1677 to 2262")

func timeDifference(in []column, out *output, rows int) error {
	for i := range rows {
		if skipNull(in, out, i) {
			continue
		}
		a, b := in[0].int64(i), in[1].int64(i)
		d := a - b
		if (a >= b) != (d >= 0) {
			return errors.New("the difference of two times is longer than 292 years")
		}
		out.setInt64(i, d)
	}
	return nil
}

// shiftTime adds or takes away an interval.
func shiftTime(timeArg, intervalArg int, sign int64) func([]column, *output, int) error {
	return func(in []column, out *output, rows int) error {
		for i := range rows {
			if skipNull(in, out, i) {
				continue
			}
			t, err := addInterval(in[timeArg].int64(i), in[intervalArg].interval(i), sign)
			if err != nil {
				return err
			}
			out.setInt64(i, t)
		}
		return nil
	}
}

// addInterval adds months first, keeping the day of the month where the month has it, then days, then the rest.
func addInterval(ns int64, d interval, sign int64) (int64, error) {
	if ns == math.MaxInt64 || ns == -math.MaxInt64 {
		return ns, nil // DuckDB's infinities
	}
	if d.months != 0 {
		t := time.Unix(0, ns).UTC()
		first := time.Date(t.Year(), t.Month()+time.Month(int64(d.months)*sign), 1, 0, 0, 0, 0, time.UTC)
		last := first.AddDate(0, 1, -1).Day()
		shifted := time.Date(first.Year(), first.Month(), min(t.Day(), last), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
		if y := shifted.Year(); y < 1678 || y > 2261 {
			return 0, errTimeRange
		}
		ns = shifted.UnixNano()
	}
	const day = int64(24 * time.Hour)
	for _, part := range [][2]int64{{int64(d.days) * sign, day}, {d.micros * sign, 1000}} {
		hi, lo := bits.Mul64(magnitude(part[0]), uint64(part[1]))
		if hi != 0 || lo > math.MaxInt64 {
			return 0, errTimeRange
		}
		delta := int64(lo)
		if part[0] < 0 {
			delta = -delta
		}
		sum := ns + delta
		if (delta >= 0) != (sum >= ns) {
			return 0, errTimeRange
		}
		ns = sum
	}
	return ns, nil
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return uint64(-v)
	}
	return uint64(v)
}

// shiftNanos adds or takes away nanoseconds.
func shiftNanos(sign int64) func([]column, *output, int) error {
	return func(in []column, out *output, rows int) error {
		for i := range rows {
			if skipNull(in, out, i) {
				continue
			}
			t, d := in[0].int64(i), sign*in[1].int64(i)
			if sum := t + d; (d >= 0) == (sum >= t) {
				out.setInt64(i, sum)
				continue
			}
			return errTimeRange
		}
		return nil
	}
}
