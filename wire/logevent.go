package wire

// logStatic reads an entry whose text is in its metadata record.
func (b *blockReader) logStatic(p *program, record string, ev *Event) error {
	ev.Ticks = ticks(le64(record, p.time.off))
	d, err := b.desc(le64(record, p.desc.off))
	if err != nil {
		return err
	}
	ev.describe(d)
	ev.Level, ev.Msg = d.level, d.fmtStr
	if p.op == opLogStatic {
		return nil
	}
	if err := b.tag(le64(record, p.properties.off), ev, true); err != nil {
		return err
	}
	if p.op == opLogTemplate {
		text, ok := render(d.fmtStr, ev.Properties, &b.budget)
		if !ok {
			return errTextLimit
		}
		ev.Msg = text
	}
	return nil
}

func (b *blockReader) logStaticInterop(p *program, record string, ev *Event) (err error) {
	ev.Ticks = ticks(le64(record, p.time.off))
	ev.Level = int32(p.level.u32(record))
	if ev.Target, err = b.text(le64(record, p.target.off)); err != nil {
		return err
	}
	ev.Msg, err = b.text(le64(record, p.msg.off))
	return err
}

// logString reads an entry with a metadata record and a text of its own.
func (b *blockReader) logString(p *program, record string, ev *Event) error {
	c := cursor{s: record}
	descID := c.u64()
	var setID uint64
	if p.op == opLogTaggedString {
		setID = c.u64()
	}
	ev.Ticks = ticks(c.u64())
	if c.short {
		return errShort
	}
	d, err := b.desc(descID)
	if err != nil {
		return err
	}
	ev.describe(d)
	ev.Level = d.level
	if p.op == opLogTaggedString {
		if err := b.tag(setID, ev, true); err != nil {
			return err
		}
	}
	if p.op == opLogOldString {
		ev.Msg = lossyUTF8(c.s)
		return nil
	}
	ev.Msg, err = c.text()
	return err
}

// logInterop reads an entry that carries its level and target itself.
func (b *blockReader) logInterop(p *program, record string, ev *Event) (err error) {
	c := cursor{s: record}
	ev.Ticks = ticks(c.u64())
	if p.op == opLogOldInterop {
		ev.Level = int32(c.u32())
	} else {
		ev.Level = int32(c.u8())
	}
	reference := c.take(p.referenceBytes)
	if c.short {
		return errShort
	}
	if ev.Target, err = b.text(le64(reference, p.referenceOff)); err != nil {
		return err
	}
	if p.op == opLogTaggedInterop {
		setID := c.u64()
		if c.short {
			return errShort
		}
		if err := b.tag(setID, ev, false); err != nil {
			return err
		}
	}
	if p.op == opLogOldInterop {
		ev.Msg = lossyUTF8(c.s)
		return nil
	}
	ev.Msg, err = c.text()
	return err
}

// describe fills ev with what all events of its place in the program share.
func (ev *Event) describe(d *descriptor) {
	ev.Target, ev.File, ev.ModulePath, ev.Line = d.target, d.file, d.modulePath, d.line
}

// tag attaches the property set with the given id. A set may replace the level and target of an event that has them
// from its metadata record. A property "level" with an unknown text replaces nothing.
func (b *blockReader) tag(id uint64, ev *Event, replace bool) error {
	s, err := b.set(id)
	if err != nil {
		return err
	}
	ev.Properties = s.list
	b.budget -= s.bytes
	if !replace {
		return nil
	}
	if s.level != 0 {
		ev.Level = s.level
	}
	if s.hasTarget {
		ev.Target = s.target
	}
	return nil
}
