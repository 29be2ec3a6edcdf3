package lake

import (
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// logRows makes log entries from blocks.
type logRows struct {
	*rows
	origin     origin
	time       *numbers[int64]
	target     *coded
	level      *numbers[int32]
	msg        *text
	properties *propertySets
}

func newLogRows() *logRows {
	r := newRows(logEntries)
	return &logRows{
		rows: r, origin: newOrigin(r),
		time:       r.cols[r.index("time")].(*numbers[int64]),
		target:     r.cols[r.index("target")].(*coded),
		level:      r.cols[r.index("level")].(*numbers[int32]),
		msg:        r.cols[r.index("msg")].(*text),
		properties: newPropertySets(r.cols[r.index("properties")].(*coded)),
	}
}

func (r *logRows) collected() *rows { return r.rows }
func (r *logRows) finish()          {}

func (r *logRows) add(s *source) error {
	if s.Stream.Format == telemetry.FormatOTLPLogs {
		return r.addOTLP(s)
	}
	clock := s.blockClock()
	r.origin.start(s)
	r.properties.start()
	return s.events(func(e *wire.Event) error {
		if e.Kind != wire.KindLog {
			return nil
		}
		r.origin.add()
		r.time.add(int64(clock.Time(e.Ticks)))
		r.target.add(e.Target)
		r.level.add(e.Level)
		r.msg.add(e.Msg)
		r.properties.add(e.Properties)
		return nil
	})
}
