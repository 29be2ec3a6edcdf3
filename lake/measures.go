package lake

import (
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// measureRows makes measures from blocks.
type measureRows struct {
	*rows
	origin             origin
	time               *numbers[int64]
	target, name, unit *coded
	value              *numbers[float64]
	properties         *propertySets
}

func newMeasureRows() *measureRows {
	r := newRows(measures)
	return &measureRows{
		rows: r, origin: newOrigin(r),
		time:       r.cols[r.index("time")].(*numbers[int64]),
		target:     r.cols[r.index("target")].(*coded),
		name:       r.cols[r.index("name")].(*coded),
		unit:       r.cols[r.index("unit")].(*coded),
		value:      r.cols[r.index("value")].(*numbers[float64]),
		properties: newPropertySets(r.cols[r.index("properties")].(*coded)),
	}
}

func (r *measureRows) collected() *rows { return r.rows }
func (r *measureRows) finish()          {}

func (r *measureRows) add(s *source) error {
	if s.Stream.Format == telemetry.FormatOTLPMetrics {
		return r.addOTLP(s)
	}
	clock := s.blockClock()
	r.origin.start(s)
	r.properties.start()
	return s.events(func(e *wire.Event) error {
		if e.Kind != wire.KindMetric {
			return nil
		}
		value, unit := e.Measure(clock.Frequency())
		r.origin.add()
		r.time.add(int64(clock.Time(e.Ticks)))
		r.target.add(e.Target)
		r.name.add(e.Name)
		r.unit.add(unit)
		r.value.add(value)
		r.properties.add(e.Properties)
		return nil
	})
}
