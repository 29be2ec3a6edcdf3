package sdk

import (
	"context"
	"time"

	"github.com/micromegas-go/micromegas/sdk/internal/host"
)

// systemTarget is the target of what is measured of machine, process and runtime.
const systemTarget = "system"

// measure records what there is to know about machine, process and runtime, at least once, until ctx ends.
func (r *Recorder) measure(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	m := host.NewMonitor()
	e := emitter{recorder: r, ints: map[string]*IntMetric{}, floats: map[string]*FloatMetric{}}
	m.Sample(e) // rates need two
	close(r.measured)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			m.Sample(e)
		}
	}
}

// emitter records under names that it is given; it keeps what they are declared as.
type emitter struct {
	recorder *Recorder
	ints     map[string]*IntMetric
	floats   map[string]*FloatMetric
}

// Int implements host.Emitter.
func (e emitter) Int(name, unit string, v uint64) {
	m := e.ints[name]
	if m == nil {
		m = Int(name, unit, InTarget(systemTarget))
		e.ints[name] = m
	}
	e.recorder.Int(m, int64(min(v, 1<<63-1)))
}

// Float implements host.Emitter.
func (e emitter) Float(name, unit string, v float64) {
	m := e.floats[name]
	if m == nil {
		m = Float(name, unit, InTarget(systemTarget))
		e.floats[name] = m
	}
	e.recorder.Float(m, v)
}
