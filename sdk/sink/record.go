package sink

import (
	"slices"

	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// Routes of the ingestion server, below the URL.
const (
	routeProcess = "/ingestion/insert_process"
	routeStream  = "/ingestion/insert_stream"
	routeBlock   = "/ingestion/insert_block"
)

// record is what the server must know before a block: a process, or a stream. It is kept for as long as the sink lives.
//
// The sink counts epochs: each failure that may mean that the server was restarted, or is another one, begins a new one.
// A record that was not acknowledged in the current epoch is sent before the next block that needs it. The mutex of the
// sink guards a record.
type record struct {
	route   string
	body    []byte  // nil: mentioned by a block, but not handed over; then blocks go without
	process *record // of a stream

	stream telemetry.StreamID // of a stream

	acked uint64 // the epoch in which a request began that was acknowledged; 0: never
	busy  bool
	due   bool // to be sent although no block needs it yet
	tries
}

// fresh reports whether the server knows r, as far as anybody can tell.
func (r *record) fresh(epoch uint64) bool { return r == nil || r.body == nil || r.acked == epoch }

// records are the processes and streams that a sink sends for: its own, and those of earlier runs in the spool.
type records struct {
	processes map[telemetry.ProcessID]*record
	streams   map[telemetry.StreamID]*record
	due       []*record
	lent      []*record // of streams of earlier runs, oldest first
}

// maxLent bounds the streams of earlier runs that are remembered: a spool may hold very many, most with one block. What is
// forgotten is in the next file that needs it, and is sent again.
const maxLent = 256

func newRecords() records {
	return records{processes: map[telemetry.ProcessID]*record{}, streams: map[telemetry.StreamID]*record{}}
}

func (rs *records) process(id telemetry.ProcessID) *record {
	r := rs.processes[id]
	if r == nil {
		r = &record{route: routeProcess}
		rs.processes[id] = r
	}
	return r
}

func (rs *records) stream(id telemetry.StreamID) *record {
	r := rs.streams[id]
	if r == nil {
		r = &record{route: routeStream, stream: id}
		rs.streams[id] = r
	}
	return r
}

// lend is stream for a file that an earlier run left.
func (rs *records) lend(id telemetry.StreamID) *record {
	if r := rs.streams[id]; r != nil {
		return r
	}
	r := rs.stream(id)
	rs.lent = append(rs.lent, r)
	if len(rs.lent) > maxLent {
		if oldest := rs.lent[0]; rs.streams[oldest.stream] == oldest {
			delete(rs.streams, oldest.stream)
		}
		rs.lent = slices.Delete(rs.lent, 0, 1)
	}
	return r
}

// learn keeps the body of r; other content than before is sent again.
func (r *record) learn(body []byte) {
	if r.body == nil || string(r.body) != string(body) {
		r.body, r.acked = body, 0
	}
}

// demand asks for r to be sent although no block needs it.
func (rs *records) demand(r *record) {
	if !r.due {
		r.due = true
		rs.due = append(rs.due, r)
	}
}

// settled takes r off the list of what is due.
func (rs *records) settled(r *record) {
	if !r.due {
		return
	}
	r.due = false
	for i, other := range rs.due {
		if other == r {
			rs.due = append(rs.due[:i], rs.due[i+1:]...)
			return
		}
	}
}

// learnProcess keeps an insert_process request.
func (rs *records) learnProcess(body []byte) (*record, error) {
	p, err := wire.DecodeProcess(body)
	if err != nil {
		return nil, err
	}
	r := rs.process(p.ID)
	r.learn(body)
	return r, nil
}

// learnStream keeps an insert_stream request.
func (rs *records) learnStream(id telemetry.StreamID, body []byte) error {
	s, err := wire.DecodeStream(body)
	if err != nil {
		return err
	}
	r := rs.stream(id)
	r.process = rs.process(s.ProcessID)
	r.learn(body)
	return nil
}
