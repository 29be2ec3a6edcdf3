package wire

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/micromegas-go/micromegas/telemetry"
)

// TestRowsOfVectors holds the decoded events, with times and converted values, against the rows that an existing
// server made of the same blocks.
func TestRowsOfVectors(t *testing.T) {
	for _, set := range []string{"v030", "unreal-synthetic"} {
		t.Run(set, func(t *testing.T) {
			c := loadCapture(t, set)
			var rows struct {
				Processes []struct {
					ID         string         `json:"process_id"`
					Start      telemetry.Time `json:"start_time"`
					Parent     string         `json:"parent_process_id"`
					Exe        string
					Properties string
					EndTicks   telemetry.Ticks `json:"last_block_end_ticks"`
					EndTime    telemetry.Time  `json:"last_block_end_time"`
				}
				Logs []struct {
					Block      string `json:"block_id"`
					Time       telemetry.Time
					Target     string
					Level      int32
					Msg        string
					Properties string
				} `json:"log_entries"`
				Measures []struct {
					Block                          string `json:"block_id"`
					Time                           telemetry.Time
					Target, Name, Unit, Properties string
					Value                          any
				}
				Async []struct {
					Block              string `json:"block_id"`
					Time               telemetry.Time
					Type               string `json:"event_type"`
					ID                 uint64 `json:"span_id"`
					Parent             uint64 `json:"parent_span_id"`
					Depth              uint32
					Name, File, Target string
					Filename           string
					Line               uint32
				} `json:"async_events"`
				Threads []struct {
					ID               int64
					Hash             uint32
					Begin            telemetry.Time
					Name, Target     string
					Filename, Stream string
					StreamID         string `json:"stream_id"`
					Line             uint32
				} `json:"thread_spans"`
			}
			readJSON(t, &rows, set, "rows.json")

			spanClocks := map[telemetry.ProcessID]telemetry.Clock{}
			for _, r := range rows.Processes {
				id, err := telemetry.ParseProcessID(r.ID)
				if err != nil {
					t.Fatal(err)
				}
				p := c.processes[id]
				parent := ""
				if !p.Parent.IsZero() {
					parent = p.Parent.String()
				}
				props, err := json.Marshal(p.Properties)
				if err != nil || p.StartTime != r.Start || parent != r.Parent || p.Exe != r.Exe || normalText(t, string(props)) != normalText(t, r.Properties) {
					t.Errorf("process %+v\nwant %+v", p, r)
				}
				spanClocks[id] = clock(p, r.EndTicks, r.EndTime)
			}

			var logs, measures, async, threads []string
			hashes := map[string]uint32{}
			for id, p := range c.processes {
				blockClock := func(e blockEvent) telemetry.Clock { return clock(p, e.block.EndTicks, e.block.EndTime) }
				for _, e := range c.events(t, id, telemetry.TagLog) {
					logs = append(logs, row(e.block.ID, blockClock(e).Time(e.Ticks), e.Target, e.Level, abbreviated(e.Msg), propertyMap(e.Properties)))
				}
				for _, e := range c.events(t, id, telemetry.TagMetrics) {
					ck := blockClock(e)
					v, unit := e.Measure(ck.Frequency())
					measures = append(measures, row(e.block.ID, ck.Time(e.Ticks), e.Target, e.Name, unit, v, propertyMap(e.Properties)))
				}
				for _, e := range c.events(t, id, telemetry.TagCPU) {
					at := spanClocks[id].Time(e.Ticks)
					switch e.Kind {
					case KindBeginAsyncSpan, KindEndAsyncSpan:
						typ := map[Kind]string{KindBeginAsyncSpan: "begin", KindEndAsyncSpan: "end"}[e.Kind]
						async = append(async, row(e.block.ID, at, typ, e.SpanID, e.ParentSpanID, e.Depth, e.Name, e.File, e.Target, e.Line))
					case KindBeginThreadSpan:
						threads = append(threads, row(e.stream.ID, at, e.block.ObjectOffset+e.Index, e.ScopeHash, e.Name, e.File, e.Target, e.Line))
					}
					if e.Kind == KindEndThreadSpan || e.Kind == KindEndAsyncSpan {
						if h := SpanHash(e.Name, e.File, e.Target, e.Line); e.ScopeHash != h {
							t.Errorf("hash %d of %s, want %d", e.ScopeHash, e.Name, h)
						}
					}
				}
				for _, s := range c.streams {
					hashes[s.ID.String()] = SpanHash(s.ThreadName(), "", "", 0)
				}
			}
			var wantLogs, wantMeasures, wantAsync, wantThreads []string
			for _, r := range rows.Logs {
				wantLogs = append(wantLogs, row(r.Block, r.Time, r.Target, r.Level, r.Msg, textMap(t, r.Properties)))
			}
			for _, r := range rows.Measures {
				wantMeasures = append(wantMeasures, row(r.Block, r.Time, r.Target, r.Name, r.Unit, rowFloat(t, r.Value), textMap(t, r.Properties)))
			}
			for _, r := range rows.Async {
				wantAsync = append(wantAsync, row(r.Block, r.Time, r.Type, r.ID, r.Parent, r.Depth, r.Name, r.Filename, r.Target, r.Line))
			}
			for _, r := range rows.Threads {
				if r.ID == -1 { // the root row is named after the thread
					if h := hashes[r.StreamID]; h != r.Hash {
						t.Errorf("hash %d of thread %s, want %d", h, r.Name, r.Hash)
					}
					continue
				}
				wantThreads = append(wantThreads, row(r.StreamID, r.Begin, r.ID, r.Hash, r.Name, r.Filename, r.Target, r.Line))
			}
			for what, pair := range map[string][2][]string{
				"log_entries": {logs, wantLogs}, "measures": {measures, wantMeasures},
				"async_events": {async, wantAsync}, "thread_spans": {threads, wantThreads},
			} {
				slices.Sort(pair[0])
				slices.Sort(pair[1])
				if len(pair[0]) == 0 && (set != "unreal-synthetic" || what != "async_events") {
					t.Errorf("no %s", what)
				}
				equalLines(t, what, pair[0], pair[1])
			}
		})
	}
}

// row is the fields of a row in one line.
func row(fields ...any) string { return fmt.Sprintln(fields...) }

func clock(p telemetry.Process, elapsed telemetry.Ticks, end telemetry.Time) telemetry.Clock {
	f := p.TSCFrequency
	if f <= 0 {
		f = telemetry.EstimateFrequency(p.StartTime, elapsed, end)
	}
	return telemetry.NewClock(p.StartTime, p.StartTicks, f)
}

func textMap(t *testing.T, s string) map[string]string {
	t.Helper()
	m := map[string]string{}
	if err := json.Unmarshal([]byte(s), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func normalText(t *testing.T, s string) string {
	t.Helper()
	m := textMap(t, s)
	return fmt.Sprint(slices.Sorted(maps.Keys(m)), m)
}

// rowFloat reads the notation of floats in rows.json.
func rowFloat(t *testing.T, v any) float64 {
	t.Helper()
	switch v := v.(type) {
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			t.Fatal(err)
		}
		return f
	case string:
		switch strings.ToLower(strings.TrimPrefix(v, "+")) {
		case "nan":
			return math.NaN()
		case "inf", "infinity":
			return math.Inf(1)
		case "-inf", "-infinity":
			return math.Inf(-1)
		case "-0.0", "-0":
			return math.Copysign(0, -1)
		}
	case nil:
		return math.NaN()
	}
	t.Fatalf("unexpected value %v", v)
	return 0
}
