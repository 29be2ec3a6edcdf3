package wire

import "fmt"

// dynamic makes the generic form of an event that carries its own size. The order of the fields is that of existing
// readers, not that of the bytes.
func (b *blockReader) dynamic(p *program, name, record string) (*Object, error) {
	c := cursor{s: record}
	o := &Object{Type: name}
	add := func(name string, v any) { o.Fields = append(o.Fields, Field{Name: name, Value: v}) }
	addRef := func(name string, id uint64) error {
		if c.short {
			return errShort
		}
		v, _, err := b.referred(id)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		add(name, v)
		return nil
	}
	addText := func(name string) error {
		text, err := c.text()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		add(name, text)
		return nil
	}

	switch p.op {
	case opLogString, opLogOldString:
		desc := c.u64()
		add("time", int64(c.u64()))
		if p.op == opLogOldString {
			add("msg", lossyUTF8(c.s))
		} else if err := addText("msg"); err != nil {
			return nil, err
		}
		return o, addRef("desc", desc)

	case opLogTaggedString:
		desc, set := c.u64(), c.u64()
		add("time", int64(c.u64()))
		if err := addRef("desc", desc); err != nil {
			return nil, err
		}
		if err := addRef("properties", set); err != nil {
			return nil, err
		}
		return o, addText("msg")

	case opLogInterop, opLogOldInterop, opLogTaggedInterop:
		add("time", int64(c.u64()))
		if p.op == opLogOldInterop {
			add("level", c.u32())
		} else {
			add("level", c.u8())
		}
		reference := c.take(p.referenceBytes)
		if c.short {
			return nil, errShort
		}
		if err := addRef("target", le64(reference, p.referenceOff)); err != nil {
			return nil, err
		}
		if p.op == opLogTaggedInterop {
			if err := addRef("properties", c.u64()); err != nil {
				return nil, err
			}
		}
		if p.op == opLogOldInterop {
			add("msg", lossyUTF8(c.s))
			return o, nil
		}
		return o, addText("msg")

	case opImage:
		var ev Event
		if err := image(record, &ev); err != nil {
			return nil, err
		}
		add("time", int64(ev.Ticks))
		add("name", ev.Name)
		add("format", ev.Format)
		add("data", []byte(ev.Data))
		return o, nil

	case opBroken:
		return nil, p.err
	default: // a type that is not known
		return o, nil
	}
}
