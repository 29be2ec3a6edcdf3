package host

import (
	"math"
	"runtime/metrics"
	"time"
)

// goRuntime measures the Go runtime through runtime/metrics. Counters are told as what they gained since the last time,
// histograms as quantiles of what was added to them, durations in nanoseconds.
//
//	go_heap_bytes          bytes    live objects and those not swept yet
//	go_heap_goal_bytes     bytes    when the next collection ends
//	go_memory_bytes        bytes    mapped by the runtime
//	go_stack_bytes         bytes    stacks of goroutines
//	go_goroutines          none
//	go_allocated_bytes     bytes    gained
//	go_allocations         none     gained: objects
//	go_gc_cycles           none     gained
//	go_gc_cpu              percent  of the processor time that was available to the program
//	go_gc_pause_max        ns       the longest stop of the world for a collection, when there was one
//	go_sched_latency_p50, go_sched_latency_p99, go_sched_latency_max
//	                       ns       how long goroutines that could run waited for a processor
//	go_mutex_wait          ns       gained: over all goroutines
type goRuntime struct {
	samples []metrics.Sample
	gauges  []gauge
	at      map[string]int // index in samples

	counters  map[string]uint64
	floats    map[string]float64
	histogram map[string][]uint64
}

// gauge is a measurement that is told as it is.
type gauge struct{ source, name, unit string }

const (
	sourceAllocated   = "/gc/heap/allocs:bytes"
	sourceAllocations = "/gc/heap/allocs:objects"
	sourceCycles      = "/gc/cycles/total:gc-cycles"
	sourceGCCPU       = "/cpu/classes/gc/total:cpu-seconds"
	sourceCPU         = "/cpu/classes/total:cpu-seconds"
	sourcePauses      = "/sched/pauses/total/gc:seconds"
	sourceLatencies   = "/sched/latencies:seconds"
	sourceMutex       = "/sync/mutex/wait/total:seconds"
)

func newGoRuntime() *goRuntime {
	r := &goRuntime{
		gauges: []gauge{
			{"/memory/classes/heap/objects:bytes", "go_heap_bytes", "bytes"},
			{"/gc/heap/goal:bytes", "go_heap_goal_bytes", "bytes"},
			{"/memory/classes/total:bytes", "go_memory_bytes", "bytes"},
			{"/memory/classes/heap/stacks:bytes", "go_stack_bytes", "bytes"},
			{"/sched/goroutines:goroutines", "go_goroutines", "none"},
		},
		at: map[string]int{}, counters: map[string]uint64{}, floats: map[string]float64{}, histogram: map[string][]uint64{},
	}
	for _, g := range r.gauges {
		r.watch(g.source)
	}
	for _, source := range []string{
		sourceAllocated, sourceAllocations, sourceCycles, sourceGCCPU, sourceCPU, sourcePauses, sourceLatencies, sourceMutex,
	} {
		r.watch(source)
	}
	metrics.Read(r.samples)
	for _, source := range []string{sourceAllocated, sourceAllocations, sourceCycles} {
		r.gained(source)
	}
	for _, source := range []string{sourceGCCPU, sourceCPU, sourceMutex} {
		r.gainedFloat(source)
	}
	for _, source := range []string{sourcePauses, sourceLatencies} {
		r.added(source)
	}
	return r
}

func (r *goRuntime) watch(source string) {
	r.at[source] = len(r.samples)
	r.samples = append(r.samples, metrics.Sample{Name: source})
}

func (r *goRuntime) sample(e Emitter) {
	metrics.Read(r.samples)
	for _, g := range r.gauges {
		if v := r.samples[r.at[g.source]].Value; v.Kind() == metrics.KindUint64 {
			e.Int(g.name, g.unit, v.Uint64())
		}
	}
	for _, c := range []gauge{
		{sourceAllocated, "go_allocated_bytes", "bytes"}, {sourceAllocations, "go_allocations", "none"}, {sourceCycles, "go_gc_cycles", "none"},
	} {
		if n, ok := r.gained(c.source); ok {
			e.Int(c.name, c.unit, n)
		}
	}
	gc, ok1 := r.gainedFloat(sourceGCCPU)
	all, ok2 := r.gainedFloat(sourceCPU)
	if ok1 && ok2 && all > 0 { // both are brought up to date by collections only
		const percent = 100
		e.Float("go_gc_cpu", "percent", percent*gc/all)
	}
	if s, ok := r.gainedFloat(sourceMutex); ok {
		e.Int("go_mutex_wait", "ns", nanoseconds(s))
	}
	if d, n := r.added(sourcePauses); n > 0 {
		e.Int("go_gc_pause_max", "ns", nanoseconds(d.quantile(1)))
	}
	if d, n := r.added(sourceLatencies); n > 0 {
		e.Int("go_sched_latency_p50", "ns", nanoseconds(d.quantile(0.5)))
		e.Int("go_sched_latency_p99", "ns", nanoseconds(d.quantile(0.99)))
		e.Int("go_sched_latency_max", "ns", nanoseconds(d.quantile(1)))
	}
}

func nanoseconds(seconds float64) uint64 {
	return uint64(max(0, math.Round(seconds*float64(time.Second))))
}

// gained is what a counter grew by since the last call.
func (r *goRuntime) gained(source string) (uint64, bool) {
	v := r.samples[r.at[source]].Value
	if v.Kind() != metrics.KindUint64 {
		return 0, false
	}
	before := r.counters[source]
	r.counters[source] = v.Uint64()
	return v.Uint64() - min(before, v.Uint64()), true
}

func (r *goRuntime) gainedFloat(source string) (float64, bool) {
	v := r.samples[r.at[source]].Value
	if v.Kind() != metrics.KindFloat64 {
		return 0, false
	}
	before := r.floats[source]
	r.floats[source] = v.Float64()
	return max(0, v.Float64()-before), true
}

// distribution is what was added to a histogram.
type distribution struct {
	counts  []uint64
	buckets []float64 // bounds; one more than counts
	total   uint64
}

// added is what was added to a histogram since the last call, and how much.
func (r *goRuntime) added(source string) (distribution, uint64) {
	v := r.samples[r.at[source]].Value
	if v.Kind() != metrics.KindFloat64Histogram {
		return distribution{}, 0
	}
	h := v.Float64Histogram()
	before := r.histogram[source]
	d := distribution{counts: make([]uint64, len(h.Counts)), buckets: h.Buckets}
	for i, n := range h.Counts {
		if i < len(before) {
			n -= min(before[i], n)
		}
		d.counts[i] = n
		d.total += n
	}
	r.histogram[source] = append(before[:0], h.Counts...)
	return d, d.total
}

// quantile is the upper bound of the bucket that the q-th part of the values reaches.
func (d distribution) quantile(q float64) float64 {
	rank := uint64(math.Ceil(q * float64(d.total)))
	var seen uint64
	for i, n := range d.counts {
		if seen += n; n > 0 && seen >= rank {
			if upper := d.buckets[i+1]; !math.IsInf(upper, 1) {
				return upper
			}
			return d.buckets[i]
		}
	}
	return 0
}
