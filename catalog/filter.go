package catalog

import (
	"math"

	"github.com/micromegas-go/micromegas/telemetry"
)

// options returns what f switches on in a statement, in the order that every statement has: begin, end, process,
// stream, block, tag, limit. before are values that an option's condition takes before the id itself.
func (f Filter) options(before ...any) []option {
	var o []option
	add := func(name string, value any) {
		o = append(o, option{name, append(append([]any(nil), before...), value)})
	}
	if f.Range.Begin != nil {
		o = append(o, option{"begin", []any{int64(*f.Range.Begin)}})
	}
	if f.Range.End != nil {
		o = append(o, option{"end", []any{int64(*f.Range.End)}})
	}
	if f.Process != (telemetry.ProcessID{}) {
		add("process", id(f.Process))
	}
	if f.Stream != (telemetry.StreamID{}) {
		add("stream", id(f.Stream))
	}
	if f.Block != (telemetry.BlockID{}) {
		add("block", id(f.Block))
	}
	if f.Tag != "" {
		o = append(o, option{"tag", []any{clean(f.Tag)}})
	}
	if f.Limit > 0 {
		o = append(o, option{"limit", []any{f.Limit}})
	}
	return o
}

// widened returns r longer by d nanoseconds at both ends.
func widened(r telemetry.Range, d telemetry.Time) telemetry.Range {
	if r.Begin != nil {
		begin := telemetry.Time(math.MinInt64)
		if *r.Begin >= begin+d {
			begin = *r.Begin - d
		}
		r.Begin = &begin
	}
	if r.End != nil {
		end := telemetry.Time(math.MaxInt64)
		if *r.End <= end-d {
			end = *r.End + d
		}
		r.End = &end
	}
	return r
}
