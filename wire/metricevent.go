package wire

import "math"

// metric reads a sample. Properties may replace the name, unit and target of the metadata record.
func (b *blockReader) metric(p *program, record string, ev *Event) error {
	ev.Ticks = ticks(le64(record, p.time.off))
	bits := le64(record, p.value.off)
	if p.value.kind == slotF64 {
		ev.Value = math.Float64frombits(bits)
	} else {
		ev.Value, ev.Int, ev.IsInt = float64(bits), bits, true
	}
	d, err := b.desc(le64(record, p.desc.off))
	if err != nil {
		return err
	}
	ev.describe(d)
	ev.Name, ev.Unit = d.name, d.unit
	if p.properties.kind == slotNone {
		return nil
	}
	s, err := b.set(le64(record, p.properties.off))
	if err != nil {
		return err
	}
	ev.Properties = s.list
	b.budget -= s.bytes
	if s.hasName {
		ev.Name = s.name
	}
	if s.hasUnit {
		ev.Unit = s.unit
	}
	if s.hasTarget {
		ev.Target = s.target
	}
	return nil
}
