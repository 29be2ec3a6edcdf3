package query

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/telemetry"
)

// Blocks is what the functions of [LakeFunctions] read.
type Blocks interface {
	ProcessSpans(ctx context.Context, id telemetry.ProcessID, types lake.SpanTypes, during telemetry.Range) (*lake.Snapshot, error)
	TraceChunks(ctx context.Context, id telemetry.ProcessID, types lake.SpanTypes, during telemetry.Range) (*lake.Snapshot, error)
	BlockObjects(ctx context.Context, id telemetry.BlockID, during telemetry.Range) (*lake.Snapshot, error)
	Payloads(ctx context.Context, keys []lake.BlockKey, limit int64) ([][]byte, error)
}

// LakeFunctions are the functions on spans, traces and blocks, for [Options].
func LakeFunctions(l Blocks) ([]TableFunction, []Scalar) {
	text, binary := arrow.BinaryTypes.String, arrow.BinaryTypes.Binary
	tables := []TableFunction{
		{Name: "process_spans", Columns: lake.ProcessSpansSchema(), Plan: func(args []Argument) (Call, error) { return planProcessSpans(l, args) }},
		{Name: "perfetto_trace_chunks", Columns: lake.TraceChunksSchema(), Plan: func(args []Argument) (Call, error) { return planTrace(l, args) }},
		{Name: "parse_block", Columns: lake.BlockObjectsSchema(), Plan: func(args []Argument) (Call, error) { return planBlock(l, args) }},
	}
	scalars := []Scalar{{
		Name: "get_payload", Args: []arrow.DataType{text, text, text}, Result: binary,
		Call: func(ctx context.Context, args [][]any, rows int) ([]any, error) { return payloads(ctx, l, args, rows) },
	}}
	return tables, scalars
}

// snapshotRows makes rows of the only table of a snapshot.
func snapshotRows(s *lake.Snapshot) *Rows {
	t := s.Tables[0]
	return &Rows{Files: t.Files, OrderBy: t.OrderBy, Release: s.Close}
}

var ordinals = []string{"First", "Second", "Third", "Fourth"}

// must is the error that an argument does not fit, in the words that clients know.
func must(args []Argument, i int, function, be string) error {
	return args[i].Fault(fmt.Sprintf("%s argument to %s must be %s, given %.100s", ordinals[i], function, be, args[i].key()))
}

// wantArguments checks the number of arguments.
func wantArguments(args []Argument, n int, usage string) error {
	if len(args) == n {
		return nil
	}
	return fault.New(fault.Invalid, fmt.Sprintf("%s, given %d arguments", usage, len(args)))
}

var spanTypes = map[string]lake.SpanTypes{"thread": lake.ThreadSpans, "async": lake.AsyncSpans, "both": lake.AllSpans}

// processAndTypes are the first two arguments.
func processAndTypes(args []Argument, function string) (id telemetry.ProcessID, types lake.SpanTypes, err error) {
	const uuid = "a valid UUID (the process ID)"
	text, err := args[0].Text()
	if err != nil {
		return id, 0, must(args, 0, function, uuid)
	}
	if id, err = telemetry.ParseProcessID(text); err != nil {
		return id, 0, must(args, 0, function, uuid)
	}
	kind, err := args[1].Text()
	if err != nil {
		return id, 0, must(args, 1, function, "a text: 'thread', 'async', or 'both'")
	}
	types, ok := spanTypes[kind]
	if !ok {
		return id, 0, args[1].Fault(fmt.Sprintf("span_types must be 'thread', 'async', or 'both', given: %.100s", kind))
	}
	return id, types, nil
}

func planProcessSpans(l Blocks, args []Argument) (Call, error) {
	if err := wantArguments(args, 2, "process_spans wants ('<process_id>', 'thread' | 'async' | 'both')"); err != nil {
		return Call{}, err
	}
	id, types, err := processAndTypes(args, "process_spans")
	if err != nil {
		return Call{}, err
	}
	return Call{Schema: lake.ProcessSpansSchema(), Run: func(ctx context.Context, during telemetry.Range) (*Rows, error) {
		s, err := l.ProcessSpans(ctx, id, types, during)
		if errors.Is(err, lake.ErrNoProcess) {
			return nil, fault.New(fault.Invalid, fmt.Sprintf("process_spans: '%s' not found or not accessible", id))
		}
		if err != nil {
			return nil, err
		}
		return snapshotRows(s), nil
	}}, nil
}

func planTrace(l Blocks, args []Argument) (Call, error) {
	const name = "perfetto_trace_chunks"
	if err := wantArguments(args, 4, name+" wants ('<process_id>', 'thread' | 'async' | 'both', begin, end)"); err != nil {
		return Call{}, err
	}
	id, types, err := processAndTypes(args, name)
	if err != nil {
		return Call{}, err
	}
	begin, err := args[2].Time()
	if err != nil {
		return Call{}, must(args, 2, name, "a timestamp (the begin time)")
	}
	end, err := args[3].Time()
	if err != nil {
		return Call{}, must(args, 3, name, "a timestamp (the end time)")
	}
	if begin > end {
		return Call{}, args[3].Fault(name + ": the end lies before the begin")
	}
	return Call{Schema: lake.TraceChunksSchema(), Run: func(ctx context.Context, _ telemetry.Range) (*Rows, error) {
		s, err := l.TraceChunks(ctx, id, types, telemetry.Range{Begin: &begin, End: &end})
		if errors.Is(err, lake.ErrNoProcess) {
			return nil, fault.New(fault.Invalid, fmt.Sprintf("Trace generation failed: Process %s not found", id))
		}
		if err != nil {
			return nil, err
		}
		return snapshotRows(s), nil
	}}, nil
}

func planBlock(l Blocks, args []Argument) (Call, error) {
	if err := wantArguments(args, 1, "parse_block wants ('<block_id>')"); err != nil {
		return Call{}, err
	}
	text, err := args[0].Text()
	if err != nil {
		return Call{}, args[0].Fault("parse_block: the block id must be a text")
	}
	id, err := telemetry.ParseBlockID(text)
	if err != nil {
		return Call{}, args[0].Fault(fmt.Sprintf("parse_block: '%.100s' is not a valid block id", text))
	}
	return Call{Schema: lake.BlockObjectsSchema(), Run: func(ctx context.Context, during telemetry.Range) (*Rows, error) {
		s, err := l.BlockObjects(ctx, id, during)
		if errors.Is(err, lake.ErrNoBlock) {
			return nil, &fault.Error{
				Kind: fault.Invalid, Msg: fmt.Sprintf("parse_block: block '%s' not found in the query range or not accessible", id),
				Fix: "widen the time range of the query, or leave it out",
			}
		}
		if format, ok := errors.AsType[*lake.FormatError](err); ok {
			return nil, fault.New(fault.Invalid, fmt.Sprintf("parse_block: no decoder for streams.format='%s' (known formats: %s)",
				format.Format, telemetry.FormatNative))
		}
		if err != nil {
			return nil, err
		}
		return snapshotRows(s), nil
	}}, nil
}

// payloadBytes bounds the payloads of one chunk of rows: the engine's memory limit does not cover them.
const payloadBytes = 256 << 20

// payloads answers get_payload: all rows or none.
func payloads(ctx context.Context, l Blocks, args [][]any, rows int) ([]any, error) {
	var keys []lake.BlockKey
	var at []int // the row of each key
	for i := range rows {
		process, ok1 := args[0][i].(string)
		stream, ok2 := args[1][i].(string)
		block, ok3 := args[2][i].(string)
		if !ok1 || !ok2 || !ok3 {
			continue // NULL
		}
		var k lake.BlockKey
		var err error
		if k.Process, err = telemetry.ParseProcessID(process); err != nil {
			return nil, fault.New(fault.Invalid, fmt.Sprintf("get_payload: '%.100s' is not a valid process id", process))
		}
		if k.Stream, err = telemetry.ParseStreamID(stream); err != nil {
			return nil, fault.New(fault.Invalid, fmt.Sprintf("get_payload: '%.100s' is not a valid stream id", stream))
		}
		if k.Block, err = telemetry.ParseBlockID(block); err != nil {
			return nil, fault.New(fault.Invalid, fmt.Sprintf("get_payload: '%.100s' is not a valid block id", block))
		}
		keys, at = append(keys, k), append(at, i)
	}
	stored, err := l.Payloads(ctx, keys, payloadBytes)
	if missing, ok := errors.AsType[*lake.MissingError](err); ok {
		if missing.Process {
			return nil, fault.New(fault.Invalid, fmt.Sprintf("process '%s' not found or not accessible", missing.Key.Process))
		}
		return nil, fault.New(fault.Invalid, fmt.Sprintf("get_payload: block '%s' not found in stream '%s' of process '%s'",
			missing.Key.Block, missing.Key.Stream, missing.Key.Process))
	}
	if err != nil {
		return nil, err
	}
	out := make([]any, rows)
	for i, payload := range stored {
		out[at[i]] = payload
	}
	return out, nil
}
