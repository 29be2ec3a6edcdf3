package query

import (
	"context"
	"strings"
	"testing"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/telemetry"
)

const someID = "01020304-0506-4708-890a-0b0c0d0e0f10"

// missing is a lake without anything in it.
type missing struct{ asked int }

func (m *missing) ProcessSpans(context.Context, telemetry.ProcessID, lake.SpanTypes, telemetry.Range) (*lake.Snapshot, error) {
	return nil, lake.ErrNoProcess
}

func (m *missing) TraceChunks(context.Context, telemetry.ProcessID, lake.SpanTypes, telemetry.Range) (*lake.Snapshot, error) {
	return nil, lake.ErrNoProcess
}

func (m *missing) BlockObjects(_ context.Context, _ telemetry.BlockID, during telemetry.Range) (*lake.Snapshot, error) {
	if during.Begin == nil {
		return nil, &lake.FormatError{Format: "otlp/v9"}
	}
	return nil, lake.ErrNoBlock
}

func (m *missing) Payloads(_ context.Context, keys []lake.BlockKey, _ int64) ([][]byte, error) {
	m.asked += len(keys)
	out := make([][]byte, len(keys))
	for i, k := range keys {
		if k.Block == (telemetry.BlockID{}) {
			return nil, &lake.MissingError{Key: k, Process: k.Stream == telemetry.StreamID{}}
		}
		out[i] = []byte{byte(i)}
	}
	return out, nil
}

// TestLakeFunctionErrors has the texts that clients look for; a call that can be planned is run.
func TestLakeFunctionErrors(t *testing.T) {
	tables, _ := LakeFunctions(&missing{})
	now := telemetry.Time(0)
	for name, tc := range map[string]struct {
		function string
		args     []any
		during   telemetry.Range
		want     string
	}{
		"no UUID":         {"process_spans", []any{"x", "both"}, telemetry.Range{}, "First argument to process_spans must be a valid UUID (the process ID), given 'x'"},
		"a number":        {"process_spans", []any{int64(5), "both"}, telemetry.Range{}, "First argument to process_spans must be a valid UUID (the process ID), given 5"},
		"other types":     {"process_spans", []any{someID, "all"}, telemetry.Range{}, "span_types must be 'thread', 'async', or 'both', given: all"},
		"types are NULL":  {"process_spans", []any{someID, nil}, telemetry.Range{}, "Second argument to process_spans must be a text"},
		"one argument":    {"process_spans", []any{someID}, telemetry.Range{}, "process_spans wants ('<process_id>', 'thread' | 'async' | 'both'), given 1 arguments"},
		"no process":      {"process_spans", []any{someID, "both"}, telemetry.Range{}, "process_spans: '" + someID + "' not found or not accessible"},
		"trace, no UUID":  {"perfetto_trace_chunks", []any{"x", "both", now, now}, telemetry.Range{}, "First argument to perfetto_trace_chunks must be"},
		"trace, begin":    {"perfetto_trace_chunks", []any{someID, "both", "x", now}, telemetry.Range{}, "Third argument to perfetto_trace_chunks must be a timestamp"},
		"trace, end":      {"perfetto_trace_chunks", []any{someID, "both", "2026-01-01T00:00:00Z", int64(1)}, telemetry.Range{}, "Fourth argument to perfetto_trace_chunks must be a timestamp"},
		"trace, reversed": {"perfetto_trace_chunks", []any{someID, "both", now + 1, now}, telemetry.Range{}, "the end lies before the begin"},
		"trace, short":    {"perfetto_trace_chunks", []any{someID, "both"}, telemetry.Range{}, "perfetto_trace_chunks wants"},
		"no such process": {"perfetto_trace_chunks", []any{someID, "both", now, now}, telemetry.Range{}, "Trace generation failed: Process " + someID + " not found"},
		"block id":        {"parse_block", []any{"x"}, telemetry.Range{}, "parse_block: 'x' is not a valid block id"},
		"block, no text":  {"parse_block", []any{nil}, telemetry.Range{}, "parse_block: the block id must be a text"},
		"block, two":      {"parse_block", []any{someID, someID}, telemetry.Range{}, "parse_block wants"},
		"block, range":    {"parse_block", []any{someID}, telemetry.Range{Begin: &now}, "not found in the query range"},
		"block, format":   {"parse_block", []any{someID}, telemetry.Range{}, "parse_block: no decoder for streams.format='otlp/v9' (known formats: micromegas-transit)"},
	} {
		for _, f := range tables {
			if f.Name != tc.function {
				continue
			}
			args := make([]Argument, len(tc.args))
			for i, v := range tc.args {
				args[i] = Argument{Value: v, function: f.Name, number: i + 1}
			}
			call, err := f.Plan(args)
			if err == nil {
				_, err = call.Run(t.Context(), tc.during)
			}
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: %v, want %s", name, err, tc.want)
			}
		}
	}
}

func TestPayloads(t *testing.T) {
	l := &missing{}
	_, scalars := LakeFunctions(l)
	get := func(rows ...[3]any) ([]any, error) {
		args := make([][]any, 3)
		for _, r := range rows {
			for a := range args {
				args[a] = append(args[a], r[a])
			}
		}
		return scalars[0].Call(t.Context(), args, len(rows))
	}
	values, err := get([3]any{someID, someID, someID}, [3]any{nil, someID, someID}, [3]any{someID, someID, someID})
	if err != nil || len(values) != 3 || values[1] != nil || string(values[2].([]byte)) != "\x01" || l.asked != 2 {
		t.Errorf("%v (%v), asked for %d", values, err, l.asked)
	}
	const zero = "00000000-0000-0000-0000-000000000000"
	for want, row := range map[string][3]any{
		"get_payload: 'x' is not a valid process id":                                                   {"x", someID, someID},
		"get_payload: 'x' is not a valid stream id":                                                    {someID, "x", someID},
		"get_payload: 'x' is not a valid block id":                                                     {someID, someID, "x"},
		"process '" + someID + "' not found or not accessible":                                         {someID, zero, zero},
		"get_payload: block '" + zero + "' not found in stream '" + someID + "' of process '" + someID: {someID, someID, zero},
	} {
		if _, err := get([3]any{someID, someID, someID}, row); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
