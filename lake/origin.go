package lake

// origin fills the columns that are constant within a block, as far as the view has them: those of ofBlocks, and
// the process's properties and audience.
type origin struct {
	insertTime *numbers[int64]
	texts      []*coded
	of         []func(*source) string
	codes      []int32
	at         int64
}

func newOrigin(r *rows) origin {
	o := origin{insertTime: r.cols[r.index("insert_time")].(*numbers[int64])}
	for _, c := range []struct {
		name string
		of   func(*source) string
	}{
		{"process_id", func(s *source) string { return s.Process.ID.String() }},
		{"stream_id", func(s *source) string { return s.Block.StreamID.String() }},
		{"block_id", func(s *source) string { return s.Block.ID.String() }},
		{"exe", func(s *source) string { return s.Process.Exe }},
		{"username", func(s *source) string { return s.Process.Username }},
		{"computer", func(s *source) string { return s.Process.Computer }},
		{"process_properties", func(s *source) string { return string(encodeProperties(s.Process.Properties)) }},
		{"audience", func(*source) string { return unstamped }},
	} {
		if at := r.view.schema.FieldIndices(c.name); len(at) > 0 {
			o.texts, o.of = append(o.texts, r.cols[at[0]].(*coded)), append(o.of, c.of)
		}
	}
	o.codes = make([]int32, len(o.texts))
	return o
}

func (o *origin) start(s *source) {
	o.at = int64(s.Block.InsertTime)
	for i, text := range o.texts {
		o.codes[i] = text.code(o.of[i](s))
	}
}

func (o *origin) add() {
	o.insertTime.add(o.at)
	for i, text := range o.texts {
		text.addCode(o.codes[i])
	}
}
