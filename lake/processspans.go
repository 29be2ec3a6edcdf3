package lake

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

// SpanTypes says which spans of a process are wanted.
type SpanTypes int

// The kinds of spans, which may be added.
const (
	ThreadSpans SpanTypes = 1 << iota
	AsyncSpans
	AllSpans = ThreadSpans | AsyncSpans
)

// processSpans are the columns of the spans of a process, of its threads and asynchronous ones.
var processSpans = &view{
	name: "process_spans", version: 1, times: "begin",
	plain: []string{"id", "parent", "begin", "end", "duration"},
	schema: arrow.NewSchema(append([]arrow.Field{
		required("stream_id", typeCoded),
		required("thread_name", typeCoded),
	}, threadSpans.schema.Fields()...), nil),
}

// ProcessSpansSchema returns the columns of [Lake.ProcessSpans].
func ProcessSpansSchema() *arrow.Schema { return processSpans.schema }

// ErrNoProcess is that a process does not exist.
var ErrNoProcess = errors.New("there is no such process")

// ProcessSpans returns the spans of a process: those of its threads, then the asynchronous ones, of which the begin and
// the end must be there. The table is one file, which is kept for the next question. The error is ErrNoProcess, or a fault.
func (l *Lake) ProcessSpans(ctx context.Context, id telemetry.ProcessID, types SpanTypes, during telemetry.Range) (*Snapshot, error) {
	of, err := l.spansOf(ctx, id, types, during)
	if err != nil {
		return nil, err
	}
	defer of.close()
	f, err := l.cache.get(ctx, of.name("process_spans"), func(ctx context.Context, path string) (int64, error) {
		return of.write(ctx, path)
	})
	if err != nil {
		return nil, readFault(ctx, err)
	}
	return &Snapshot{
		// All rows of a thread have its stream's id, asynchronous ones an empty one.
		Tables:  []*Table{{Schema: processSpans.schema, Files: []string{f.path}, OrderBy: `stream_id = '', stream_id, "begin", depth, id`}},
		release: f.release,
	}, nil
}

// spansOfProcess is what the spans of a process are read from.
type spansOfProcess struct {
	lake     *Lake
	process  catalog.ProcessRecord
	streams  []catalog.StreamRecord // in the order of threads
	types    SpanTypes
	during   telemetry.Range
	snapshot *Snapshot
	threads  []*Table // of streams
	async    *Table   // nil when not wanted
}

func (l *Lake) spansOf(ctx context.Context, id telemetry.ProcessID, types SpanTypes, during telemetry.Range) (*spansOfProcess, error) {
	of := &spansOfProcess{lake: l, types: types, during: during}
	err := l.catalog.Read(ctx, func(r *catalog.Reader) error {
		found, err := r.Processes(ctx, catalog.Filter{Process: id, Limit: 1})
		if err != nil || len(found) == 0 {
			return errors.Join(err, ErrNoProcess)
		}
		of.process = found[0]
		of.streams, err = r.Streams(ctx, catalog.Filter{Process: id, Tag: telemetry.TagCPU})
		return err
	})
	if errors.Is(err, ErrNoProcess) {
		return nil, ErrNoProcess
	}
	if err != nil {
		return nil, readFault(ctx, err)
	}
	slices.SortFunc(of.streams, func(a, b catalog.StreamRecord) int { return cmp.Compare(a.ID.String(), b.ID.String()) })
	var scans []Scan
	if types&ThreadSpans != 0 {
		for i := range of.streams {
			scans = append(scans, Scan{View: threadSpans.name, Instance: of.streams[i].ID.String(), Range: during})
		}
	}
	if types&AsyncSpans != 0 {
		scans = append(scans, Scan{View: asyncEvents.name, Instance: id.String(), Range: during})
	}
	if of.snapshot, err = l.Snapshot(ctx, scans); err != nil {
		return nil, err
	}
	of.threads = of.snapshot.Tables
	if types&AsyncSpans != 0 {
		last := len(scans) - 1
		of.threads, of.async = of.snapshot.Tables[:last], of.snapshot.Tables[last]
	}
	return of, nil
}

func (of *spansOfProcess) close() { of.snapshot.Close() }

// name identifies what is made of the spans: files of the cache never change, nor does another get the same path. A query
// over them holds the clock.
func (of *spansOfProcess) name(kind string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %d %v %s\n", of.process.ID, of.types, of.async != nil, rangeText(of.during))
	for _, t := range of.snapshot.Tables {
		fmt.Fprintf(h, "%q %q %q\n", t.Files, t.Sources, t.Query)
	}
	return kind + "-" + hex.EncodeToString(h.Sum(nil))
}

func rangeText(r telemetry.Range) string {
	text := func(t *telemetry.Time) string {
		if t == nil {
			return "-"
		}
		return fmt.Sprint(int64(*t))
	}
	return text(r.Begin) + " " + text(r.End)
}

// write makes the file of all spans.
func (of *spansOfProcess) write(ctx context.Context, path string) (int64, error) {
	out, err := createFile(path, processSpans, passing)
	if err != nil {
		return 0, err
	}
	w := newSpanRows()
	add := func(stream, thread string) func(s *spanRow, texts *texts) error {
		return func(s *spanRow, texts *texts) error {
			w.add(stream, thread, s, texts)
			if !w.full() {
				return nil
			}
			return out.write(w.rows)
		}
	}
	err = of.eachThread(ctx, func(i int, spans spanSource) error {
		return spans(add(of.streams[i].ID.String(), of.streams[i].ThreadName()))
	})
	if err == nil && of.async != nil {
		err = of.eachAsync(ctx, add("", "async"))
	}
	if err == nil {
		err = out.write(w.rows)
	}
	if err != nil {
		out.abandon()
		return 0, err
	}
	return out.close()
}

// spanRows collects rows of process_spans.
type spanRows struct {
	*rows
	stream, thread, name, target, file, properties *coded
	id, parent, begin, end, duration               *numbers[int64]
	depth, hash, line                              *numbers[uint32]
}

func newSpanRows() *spanRows {
	r := newRows(processSpans)
	col := func(name string) *coded { return r.cols[r.index(name)].(*coded) }
	i64 := func(name string) *numbers[int64] { return r.cols[r.index(name)].(*numbers[int64]) }
	u32 := func(name string) *numbers[uint32] { return r.cols[r.index(name)].(*numbers[uint32]) }
	return &spanRows{
		rows: r, stream: col("stream_id"), thread: col("thread_name"), name: col("name"), target: col("target"),
		file: col("filename"), properties: col("properties"), id: i64("id"), parent: i64("parent"), begin: i64("begin"),
		end: i64("end"), duration: i64("duration"), depth: u32("depth"), hash: u32("hash"), line: u32("line"),
	}
}

func (r *spanRows) add(stream, thread string, s *spanRow, t *texts) {
	r.stream.add(stream)
	r.thread.add(thread)
	r.id.add(s.id)
	r.parent.add(s.parent)
	r.depth.add(s.depth)
	r.hash.add(s.hash)
	r.begin.add(s.begin)
	r.end.add(s.end)
	r.duration.add(s.end - s.begin)
	r.name.add(t.all[s.name])
	r.target.add(t.all[s.target])
	r.file.add(t.all[s.file])
	r.line.add(s.line)
	r.properties.add(t.all[s.properties])
}

// spanRow is a span, or an event of one, without pointers.
type spanRow struct {
	id, parent, begin, end         int64
	depth, hash, line              uint32
	name, target, file, properties int32 // of texts
	isEnd                          bool  // of an event
}

// texts are the texts of spans, each once.
type texts struct {
	codes map[string]int32
	all   []string
}

func newTexts() *texts { return &texts{codes: map[string]int32{}} }

func (t *texts) code(s string) int32 {
	code, ok := t.codes[s]
	if !ok {
		code = int32(len(t.all)) // bounded by memory long before
		s = string(append([]byte(nil), s...))
		t.codes[s] = code
		t.all = append(t.all, s)
	}
	return code
}

// spanSource calls its argument with each span.
type spanSource func(func(*spanRow, *texts) error) error

// eachThread calls f for every thread, in order.
func (of *spansOfProcess) eachThread(ctx context.Context, f func(i int, spans spanSource) error) error {
	for i, t := range of.threads {
		err := f(i, func(yield func(*spanRow, *texts) error) error {
			texts := newTexts()
			return t.spans(ctx, threadColumns, texts, func(s *spanRow) error {
				if !of.during.Overlaps(telemetry.Time(s.begin), telemetry.Time(s.end)) {
					return nil
				}
				return yield(s, texts)
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// eachAsync calls yield for every asynchronous span of which the begin and a later end are there, in the order of their
// ends. An id may be used again: an end belongs to the last open begin of its id.
func (of *spansOfProcess) eachAsync(ctx context.Context, yield func(*spanRow, *texts) error) error {
	texts := newTexts()
	events := newSorter(of.lake.cache.temp, func(a, b *spanRow) int { return cmp.Compare(a.begin, b.begin) })
	defer events.close()
	if err := of.async.spans(ctx, asyncColumns, texts, func(s *spanRow) error { return events.add(*s) }); err != nil {
		return err
	}
	open := map[int64][]spanRow{}
	return events.each(func(e *spanRow) error {
		begun := open[e.id]
		if !e.isEnd {
			open[e.id] = append(begun, *e)
			return ctx.Err()
		}
		if len(begun) == 0 {
			return nil
		}
		s := begun[len(begun)-1]
		if open[e.id] = begun[:len(begun)-1]; len(begun) == 1 {
			delete(open, e.id)
		}
		s.end, s.properties = e.begin, e.properties
		if s.begin >= s.end || !of.during.Overlaps(telemetry.Time(s.begin), telemetry.Time(s.end)) {
			return nil
		}
		return yield(&s, texts)
	})
}

// spanColumns are the names of the columns that hold a span or an event of one; "" where there is none.
type spanColumns struct{ id, parent, begin, end, kind string }

var (
	threadColumns = spanColumns{id: "id", parent: "parent", begin: "begin", end: "end"}
	asyncColumns  = spanColumns{id: "span_id", parent: "parent_span_id", begin: "time", kind: "event_type"}
)

// spans calls f with every row of t.
func (t *Table) spans(ctx context.Context, of spanColumns, texts *texts, f func(*spanRow) error) error {
	for batch, err := range t.Read(ctx) {
		if err != nil {
			return err
		}
		column := func(name string) arrow.Array { return batch.Column(t.Schema.FieldIndices(name)[0]) }
		id, parent := column(of.id).(*array.Int64), column(of.parent).(*array.Int64)
		begin := column(of.begin).(*array.Timestamp)
		depth, hash, line := column("depth").(*array.Uint32), column("hash").(*array.Uint32), column("line").(*array.Uint32)
		name, target, file := column("name"), column("target"), column("filename")
		properties := column("properties")
		var end *array.Timestamp // of a span
		var kind arrow.Array     // of an event
		if of.end != "" {
			end = column(of.end).(*array.Timestamp)
		} else {
			kind = column(of.kind)
		}
		for i := range int(batch.NumRows()) {
			s := spanRow{
				id: id.Value(i), parent: parent.Value(i), begin: int64(begin.Value(i)),
				depth: depth.Value(i), hash: hash.Value(i), line: line.Value(i),
				name: texts.code(valueString(name, i)), target: texts.code(valueString(target, i)),
				file: texts.code(valueString(file, i)), properties: texts.code(valueString(properties, i)),
			}
			if end != nil {
				s.end = int64(end.Value(i))
			} else {
				s.isEnd = valueString(kind, i) == "end"
			}
			if err := f(&s); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}
