package duck

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// timestampScalars make times of numbers and texts, and texts of times.
func timestampScalars() []scalar {
	out := []scalar{
		{name: "interval_nanos", args: []sqlType{typeInterval}, result: typeInt64, run: intervalNanos},
		{name: "time_text", args: []sqlType{typeTime, {id: bindings.TypeBoolean}}, result: typeText, run: timeText},
		{name: "to_char", args: []sqlType{typeTime, typeText}, result: typeText, run: formatTimes},
		// The engine's to_timestamp gives a time with a zone.
		{name: "timestamp_of", args: []sqlType{typeText, typeText}, result: typeTime, run: parseTimes},
	}
	for name, unit := range map[string]int64{
		"timestamp_of": 0, "to_timestamp_seconds": 1e9, "to_timestamp_millis": 1e6, "to_timestamp_micros": 1e3, "to_timestamp_nanos": 1,
	} {
		for _, t := range []sqlType{typeInt64, typeFloat64, typeText, typeTime} {
			out = append(out, scalar{name: name, args: []sqlType{t}, result: typeTime, run: timeOf(strings.Replace(name, "timestamp_of", "to_timestamp", 1), t, unit)})
		}
	}
	for _, t := range []sqlType{typeInt64, typeFloat64, typeText, typeTime} {
		out = append(out, scalar{name: "time_of", args: []sqlType{t, typeInt64}, result: typeTime, run: timeOf("arrow_cast", t, 0)})
	}
	return out
}

// timeOf makes times: numbers count units since 1970, times and texts are cut to whole units. A unit of 0 stands for the
// second argument, or without one for seconds in numbers and nanoseconds elsewhere.
func timeOf(name string, t sqlType, unit int64) func([]column, *output, int) error {
	return func(in []column, out *output, rows int) error {
		for i := range rows {
			if skipNull(in, out, i) {
				continue
			}
			number, cut := unit, unit
			switch {
			case len(in) > 1:
				number, cut = in[1].int64(i), in[1].int64(i)
			case unit == 0:
				number, cut = 1e9, 1
			}
			ns, err := nanosOf(in[0], i, t.id, number, cut)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			out.setInt64(i, ns)
		}
		return nil
	}
}

var errTimeText = errors.New("a text is not a time such as 2026-01-02T03:04:05Z")

func nanosOf(c column, i int, t bindings.Type, unit, cut int64) (int64, error) {
	switch t {
	case bindings.TypeBigInt:
		ns, ok := product(c.int64(i), unit)
		if !ok {
			return 0, errTimeRange
		}
		return ns, nil
	case bindings.TypeDouble:
		f := values[float64](c.data, i+1)[i] * float64(unit)
		if math.IsNaN(f) || math.Abs(f) >= math.MaxInt64 {
			return 0, errTimeRange
		}
		return int64(f), nil
	}
	ns := int64(0)
	if t == bindings.TypeTimestampNS {
		ns = c.int64(i)
	} else {
		parsed, ok := parseTime(string(c.bytes(i)))
		if !ok {
			return 0, errTimeText
		}
		ns = parsed.UnixNano()
	}
	if cut <= 1 {
		return ns, nil
	}
	return ns - (ns%cut+cut)%cut, nil
}

// timeLayouts are the forms in which times are written; a zone is UTC unless it is told.
var timeLayouts = []string{
	"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02",
}

func parseTime(text string) (time.Time, bool) {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t, t.Year() > 1677 && t.Year() < 2262
		}
	}
	return time.Time{}, false
}

func intervalNanos(in []column, out *output, rows int) error {
	for i := range rows {
		if skipNull(in, out, i) {
			continue
		}
		d := in[0].interval(i)
		days, ok := product(int64(d.days)+30*int64(d.months), int64(24*time.Hour))
		rest, ok2 := product(d.micros, 1000)
		if !ok || !ok2 || days > 0 && rest > math.MaxInt64-days || days < 0 && rest < math.MinInt64-days {
			return errors.New("an interval is longer than 292 years")
		}
		out.setInt64(i, days+rest)
	}
	return nil
}

// timeText writes times with as many decimals as they need, by three.
func timeText(in []column, out *output, rows int) error {
	zoned := values[bool](in[1].data, rows)
	for i := range rows {
		if skipNull(in, out, i) {
			continue
		}
		ns := in[0].int64(i)
		layout := "2006-01-02T15:04:05"
		switch {
		case ns%1e9 == 0:
		case ns%1e6 == 0:
			layout += ".000"
		case ns%1e3 == 0:
			layout += ".000000"
		default:
			layout += ".000000000"
		}
		if zoned[i] {
			layout += "Z"
		}
		out.setBytes(i, time.Unix(0, ns).UTC().AppendFormat(nil, layout))
	}
	return nil
}

func formatTimes(in []column, out *output, rows int) error {
	for i := range rows {
		if skipNull(in, out, i) {
			continue
		}
		text, err := appendTime(nil, time.Unix(0, in[0].int64(i)).UTC(), string(in[1].bytes(i)))
		if err != nil {
			return err
		}
		out.setBytes(i, text)
	}
	return nil
}

func parseTimes(in []column, out *output, rows int) error {
	for i := range rows {
		if skipNull(in, out, i) {
			continue
		}
		t, err := readTime(string(in[0].bytes(i)), string(in[1].bytes(i)))
		if err != nil {
			return err
		}
		out.setInt64(i, t.UnixNano())
	}
	return nil
}
