package lake

// origin fills the columns of log entries and measures that are constant within a block: the first seven and the last two.
type origin struct {
	process, stream, block, exe, username, computer *coded
	insertTime                                      *numbers[int64]
	processProperties, audience                     *coded

	codes [8]int32
	at    int64
}

func newOrigin(r *rows) origin {
	col := func(name string) *coded { return r.cols[r.index(name)].(*coded) }
	return origin{
		process: col("process_id"), stream: col("stream_id"), block: col("block_id"),
		exe: col("exe"), username: col("username"), computer: col("computer"),
		insertTime:        r.cols[r.index("insert_time")].(*numbers[int64]),
		processProperties: col("process_properties"), audience: col("audience"),
	}
}

func (o *origin) start(s *source) {
	o.at = int64(s.Block.InsertTime)
	o.codes = [8]int32{
		o.process.code(s.Process.ID.String()),
		o.stream.code(s.Block.StreamID.String()),
		o.block.code(s.Block.ID.String()),
		o.exe.code(s.Process.Exe),
		o.username.code(s.Process.Username),
		o.computer.code(s.Process.Computer),
		o.processProperties.code(string(encodeProperties(s.Process.Properties))),
		o.audience.code(unstamped),
	}
}

func (o *origin) add() {
	o.process.addCode(o.codes[0])
	o.stream.addCode(o.codes[1])
	o.block.addCode(o.codes[2])
	o.insertTime.add(o.at)
	o.exe.addCode(o.codes[3])
	o.username.addCode(o.codes[4])
	o.computer.addCode(o.codes[5])
	o.processProperties.addCode(o.codes[6])
	o.audience.addCode(o.codes[7])
}
