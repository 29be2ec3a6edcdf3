package wire

// net reads the begin or end of a network scope, or a property. A connection holds objects and remote calls, which hold
// one another and properties.
func (b *blockReader) net(p *program, record string, ev *Event) (err error) {
	ev.Ticks = ticks(le64(record, p.time.off))
	if p.bits.kind != slotNone {
		ev.Bits = p.bits.u32(record)
	}
	if p.outgoing.kind != slotNone {
		ev.Outgoing = p.outgoing.u32(record) != 0
	}
	if p.label.kind != slotNone {
		ev.Name, err = b.text(le64(record, p.label.off))
	}
	return err
}
