package lake

import "github.com/micromegas-go/micromegas/wire"

// asyncRows makes chunks of async events from blocks: a row for each begin and each end, whose time is in ticks.
type asyncRows struct {
	*rows
	stream, block, eventType, name, file, target *coded
	time, spanID, parentID                       *numbers[int64]
	depth, hash, line                            *numbers[uint32]
	properties                                   *propertySets
}

func newAsyncRows() *asyncRows {
	r := newRows(asyncChunks)
	col := func(name string) *coded { return r.cols[r.index(name)].(*coded) }
	i64 := func(name string) *numbers[int64] { return r.cols[r.index(name)].(*numbers[int64]) }
	u32 := func(name string) *numbers[uint32] { return r.cols[r.index(name)].(*numbers[uint32]) }
	return &asyncRows{
		rows: r, stream: col("stream_id"), block: col("block_id"), eventType: col("event_type"), name: col("name"),
		file: col("filename"), target: col("target"), time: i64("time"), spanID: i64("span_id"),
		parentID: i64("parent_span_id"), depth: u32("depth"), hash: u32("hash"), line: u32("line"),
		properties: newPropertySets(col("properties")),
	}
}

func (r *asyncRows) collected() *rows { return r.rows }
func (r *asyncRows) finish()          {}
func (r *asyncRows) summary() any     { return nil }

func (r *asyncRows) add(s *source) error {
	stream, block := r.stream.code(s.Block.StreamID.String()), r.block.code(s.Block.ID.String())
	r.properties.start()
	return s.events(func(e *wire.Event) error {
		switch e.Kind {
		case wire.KindBeginAsyncSpan:
			r.eventType.add("begin")
		case wire.KindEndAsyncSpan:
			r.eventType.add("end")
		default:
			return nil
		}
		r.stream.addCode(stream)
		r.block.addCode(block)
		r.time.add(int64(e.Ticks - s.Process.StartTicks))
		r.spanID.add(int64(e.SpanID)) // shown as signed, by the bit pattern
		r.parentID.add(int64(e.ParentSpanID))
		r.depth.add(e.Depth)
		r.hash.add(e.ScopeHash)
		r.name.add(e.Name)
		r.file.add(e.File)
		r.target.add(e.Target)
		r.line.add(e.Line)
		r.properties.add(e.Properties)
		return nil
	})
}
