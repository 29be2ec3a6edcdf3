package wire

// namedSpan is a span with a name of its own: the ids of its location and of its name.
type namedSpan struct {
	location, name uint64
}

// span reads the begin or end of a span. Its name is its own, or that of the metadata record.
func (b *blockReader) span(p *program, record string, ev *Event) (err error) {
	ev.Ticks = ticks(le64(record, p.time.off))
	descID := le64(record, p.desc.off)
	d, err := b.desc(descID)
	if err != nil {
		return err
	}
	ev.describe(d)
	if p.label.kind == slotNone {
		ev.Name, ev.ScopeHash = d.name, d.scopeHash()
	} else {
		nameID := le64(record, p.label.off)
		if ev.Name, err = b.text(nameID); err != nil {
			return err
		}
		ev.ScopeHash = b.namedHash(namedSpan{descID, nameID}, ev)
	}
	if p.properties.kind == slotNone {
		return nil
	}
	return b.tag(le64(record, p.properties.off), ev, false)
}

func (b *blockReader) namedHash(k namedSpan, ev *Event) uint32 {
	const keep = 1 << 12 // entries; a program that makes up names would fill it with what never comes back
	h, ok := b.hashes[k]
	if ok {
		return h
	}
	h = SpanHash(ev.Name, ev.File, ev.Target, ev.Line)
	if b.hashes == nil {
		b.hashes = map[namedSpan]uint32{}
	}
	if len(b.hashes) < keep {
		b.hashes[k] = h
	}
	return h
}
