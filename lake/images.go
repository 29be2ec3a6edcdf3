package lake

import "github.com/micromegas-go/micromegas/wire"

// imageRows makes chunks of images from blocks.
type imageRows struct {
	*rows
	origin     origin
	time, size *numbers[int64]
	name, data *text
	format     *coded
}

func newImageRows() *imageRows {
	r := newRows(images)
	return &imageRows{
		rows: r, origin: newOrigin(r),
		time:   r.cols[r.index("time")].(*numbers[int64]),
		name:   r.cols[r.index("name")].(*text),
		format: r.cols[r.index("format")].(*coded),
		size:   r.cols[r.index("payload_size")].(*numbers[int64]),
		data:   r.cols[r.index("data")].(*text),
	}
}

func (r *imageRows) collected() *rows { return r.rows }
func (r *imageRows) finish()          {}
func (r *imageRows) summary() any     { return nil }

func (r *imageRows) add(s *source) error {
	clock := s.blockClock()
	r.origin.start(s)
	return s.events(func(e *wire.Event) error {
		if e.Kind != wire.KindImage {
			return nil
		}
		r.origin.add()
		r.time.add(int64(clock.Time(e.Ticks)))
		r.name.add(e.Name)
		r.format.add(e.Format)
		r.size.add(int64(len(e.Data)))
		r.data.add(e.Data)
		return nil
	})
}
