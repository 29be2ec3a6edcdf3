package wire

import "fmt"

// image reads a picture. Its bytes stay where they are.
func image(record string, ev *Event) (err error) {
	c := cursor{s: record}
	ev.Ticks = ticks(c.u64())
	if ev.Name, err = c.text(); err != nil {
		return fmt.Errorf("name: %w", err)
	}
	if ev.Format, err = c.text(); err != nil {
		return fmt.Errorf("format: %w", err)
	}
	ev.Data = c.take(c.u32())
	if c.short {
		return errShort
	}
	return nil
}
