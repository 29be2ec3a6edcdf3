package lake

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

// Scan asks for one relation of a query.
type Scan struct {
	View     string          // "log_entries", "processes", "thread_spans", …
	Instance string          // "" or "global": the bare table; else a process id or, for thread_spans, a stream id
	Range    telemetry.Range // rows outside are not wanted; see Table.Filter
	Only     Only            // rows of others need not be given
}

// Only names what the statement's own conditions leave of a relation: rows of other processes, streams or blocks may be
// given or not. "" means all.
type Only struct {
	Process, Stream, Block string
}

// narrow makes the filter tell what the ids leave. An id that is none is left to the engine.
func (o Only) narrow(f catalog.Filter) catalog.Filter {
	if id, err := telemetry.ParseProcessID(o.Process); err == nil && f.Process == (telemetry.ProcessID{}) {
		f.Process = id
	}
	if id, err := telemetry.ParseStreamID(o.Stream); err == nil {
		f.Stream = id
	}
	if id, err := telemetry.ParseBlockID(o.Block); err == nil {
		f.Block = id
	}
	return f
}

// Table is one relation as the engine gets it. Files or Batches hold the rows, or Query makes them from Sources; all empty
// means no rows.
//
// Columns of Files, Batches and Query have the names and order of Schema, with plain types: dictionaries unpacked,
// timestamps in nanoseconds without zone.
type Table struct {
	Schema *arrow.Schema // what clients see: dictionaries, the zone "+00:00", nullability

	Files   []string            // absolute paths of Parquet files on this machine
	Batches []arrow.RecordBatch // for small tables
	// Query is SQL in which {0}, {1}, … stand for the rows of the files of Sources[0], Sources[1], …, none of which is empty.
	Query   string
	Sources [][]string
	Filter  string           // SQL condition over the columns that every row must satisfy; "" means none
	times   *telemetry.Clock // of the ticks in Sources[0], for Read
	OrderBy string           // SQL order that reading must keep when the view promises one (thread_spans); "" means none
}

// Snapshot is what one query reads: a consistent state of all its relations, in the order of the scans.
type Snapshot struct {
	Tables []*Table
	// LeftOut is how many blocks have no rows in the tables because they cannot be read: their payload is gone or damaged.
	LeftOut int

	lake    *Lake
	used    []usedPartition
	release func()
}

// Close lets go of the files. The snapshot must not be read afterwards.
func (s *Snapshot) Close() {
	if s.release != nil {
		s.release()
		s.release = nil
	}
}
