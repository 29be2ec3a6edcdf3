package wire

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/micromegas-go/micromegas/telemetry"
)

// blockEvent is an event with the block and the stream it came in.
type blockEvent struct {
	Event
	block  *telemetry.Block
	stream *telemetry.Stream
}

// events decodes all blocks of a process that carry tag, in the order of the stream.
func (c capture) events(t *testing.T, process telemetry.ProcessID, tag string) []blockEvent {
	t.Helper()
	blocks := slices.Clone(c.blocks)
	slices.SortStableFunc(blocks, func(a, b capturedBlock) int { return int(a.ObjectOffset - b.ObjectOffset) })
	var all []blockEvent
	for i := range blocks {
		b := &blocks[i]
		s, ok := c.streams[b.StreamID]
		if !ok || b.ProcessID != process || !slices.Contains(s.Tags, tag) {
			continue
		}
		stats, err := c.decoder(t, b.StreamID).Events(b.payload, func(e *Event) error {
			all = append(all, blockEvent{*e, &b.Block, &s})
			return nil
		})
		if err != nil || stats.Bad+stats.BadDependencies+stats.Skipped != 0 || stats.Decoded != int64(b.Objects) {
			t.Errorf("%s: %+v, %v; want %d events", b.file, stats, err, b.Objects)
		}
	}
	return all
}

func propertyMap(p Properties) map[string]string {
	m := map[string]string{}
	for _, p := range p {
		m[p.Name] = p.Value
	}
	return m
}

// emitted is expected.json of the captured sets: what the program emitted.
type emitted struct {
	Rules struct {
		KnownTargets []string `json:"known_targets"`
	}
	Processes []struct {
		ProcessID string `json:"process_id"`
		Logs      []struct {
			Level, Target, Msg string
			MsgRule            string `json:"msg_rule"`
			Line               *uint32
			Properties         map[string]string
			WireType           string `json:"wire_type"`
		}
		Metrics []struct {
			Name, Unit string
			Line       uint32
			Value      any
			Properties map[string]string
			WireType   string `json:"wire_type"`
		}
		ThreadSpans []struct {
			ThreadName string `json:"thread_name"`
			Spans      []emittedSpan
		} `json:"thread_spans"`
		AsyncSpans []emittedSpan `json:"async_spans"`
	}
}

type emittedSpan struct {
	Name       string
	Depth      uint32
	Parent     *string
	Children   []string
	Properties map[string]string
}

var levelTexts = []string{"", "fatal", "error", "warn", "info", "debug", "trace"}

// TestEventsOfVectors holds the decoded events against what the captured programs emitted.
func TestEventsOfVectors(t *testing.T) {
	for _, set := range []string{".", "v030", "v015"} {
		t.Run(set, func(t *testing.T) {
			c := loadCapture(t, set)
			var want emitted
			readJSON(t, &want, set, "expected.json")
			for i := range want.Processes {
				w := &want.Processes[i]
				id, err := telemetry.ParseProcessID(w.ProcessID)
				if err != nil {
					t.Fatal(err)
				}

				var logs []string
				for _, e := range c.events(t, id, telemetry.TagLog) {
					if e.Kind != KindLog {
						t.Errorf("%s is of kind %d", e.Type, e.Kind)
					}
					if slices.Contains(want.Rules.KnownTargets, e.Target) {
						logs = append(logs, logLine(levelTexts[e.Level], e.Target, abbreviated(e.Msg), e.Line, propertyMap(e.Properties), e.Type))
					}
				}
				var wantLogs []string
				for _, l := range w.Logs {
					var line uint32
					if l.Line != nil {
						line = *l.Line
					}
					if l.MsgRule != "" {
						l.Msg = longMessage()
					}
					wantLogs = append(wantLogs, logLine(l.Level, l.Target, abbreviated(l.Msg), line, l.Properties, l.WireType))
				}
				equalLines(t, "logs", logs, wantLogs)

				var metrics, wantMetrics []string
				for _, e := range c.events(t, id, telemetry.TagMetrics) {
					value := fmt.Sprint(e.Value)
					if e.IsInt {
						value = fmt.Sprint(e.Int)
					}
					metrics = append(metrics, metricLine(e.Name, e.Unit, value, e.Line, propertyMap(e.Properties), e.Type))
				}
				for _, m := range w.Metrics {
					value := fmt.Sprint(m.Value)
					if n, ok := m.Value.(json.Number); ok && strings.Contains(m.WireType, "Float") {
						f, err := n.Float64()
						if err != nil {
							t.Fatal(err)
						}
						value = fmt.Sprint(f)
					}
					if value == "-0.0" {
						value = "-0"
					}
					wantMetrics = append(wantMetrics, metricLine(m.Name, m.Unit, value, m.Line, m.Properties, m.WireType))
				}
				equalLines(t, "metrics", metrics, wantMetrics)

				spans := c.events(t, id, telemetry.TagCPU)
				for _, thread := range w.ThreadSpans {
					equalLines(t, thread.ThreadName, threadTree(t, spans, thread.ThreadName), emittedLines(thread.Spans))
				}
				equalLines(t, "async spans", asyncTree(t, spans), emittedLines(w.AsyncSpans))
			}
		})
	}
}

func logLine(level, target, msg string, line uint32, p map[string]string, typ string) string {
	return fmt.Sprintf("%s %s %q line %d %v %s", level, target, msg, line, p, typ)
}

func metricLine(name, unit, value string, line uint32, p map[string]string, typ string) string {
	return fmt.Sprintf("%s %s %s line %d %v %s", name, unit, value, line, p, typ)
}

func spanLine(name string, depth uint32, parent string, children []string, p map[string]string) string {
	return fmt.Sprintf("%s depth %d parent %s children %v %v", name, depth, parent, children, p)
}

func emittedLines(spans []emittedSpan) []string {
	var lines []string
	for _, s := range spans {
		parent := ""
		if s.Parent != nil {
			parent = *s.Parent
		}
		lines = append(lines, spanLine(s.Name, s.Depth, parent, s.Children, nonNil(s.Properties)))
	}
	return lines
}

func nonNil(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// threadTree nests the begins and ends of one thread.
func threadTree(t *testing.T, events []blockEvent, thread string) []string {
	t.Helper()
	type open struct {
		name     string
		depth    uint32
		children []string
		props    map[string]string
	}
	var all, stack []*open
	for _, e := range events {
		if e.stream.Properties["thread-name"] != thread {
			continue
		}
		switch e.Kind {
		case KindBeginThreadSpan:
			s := &open{name: e.Name, depth: uint32(len(stack)), children: []string{}}
			if len(stack) > 0 {
				top := stack[len(stack)-1]
				top.children = append(top.children, e.Name)
			}
			all, stack = append(all, s), append(stack, s)
		case KindEndThreadSpan:
			if len(stack) == 0 || stack[len(stack)-1].name != e.Name {
				t.Fatalf("%s: end of %s does not match", thread, e.Name)
			}
			stack[len(stack)-1].props = propertyMap(e.Properties)
			stack = stack[:len(stack)-1]
		}
	}
	if len(stack) > 0 {
		t.Errorf("%s: %d spans are open", thread, len(stack))
	}
	var lines []string
	for _, s := range all {
		lines = append(lines, spanLine(s.name, s.depth, "", s.children, s.props))
	}
	return lines
}

func asyncTree(t *testing.T, events []blockEvent) []string {
	t.Helper()
	names, properties := map[uint64]string{}, map[uint64]map[string]string{}
	var begins []blockEvent
	for _, e := range events {
		switch e.Kind {
		case KindBeginAsyncSpan:
			names[e.SpanID] = e.Name
			begins = append(begins, e)
		case KindEndAsyncSpan:
			properties[e.SpanID] = propertyMap(e.Properties)
			if names[e.SpanID] != e.Name {
				t.Errorf("end of span %d is called %s, its begin %s", e.SpanID, e.Name, names[e.SpanID])
			}
		}
	}
	var lines []string
	for _, e := range begins {
		lines = append(lines, spanLine(e.Name, e.Depth, names[e.ParentSpanID], nil, properties[e.SpanID]))
	}
	return lines
}

// longMessage is the message that expected.json describes by the rule "for i in 0..8000: 'line ' + i zero-padded to 6
// digits + ' value ' + (i*7919 mod 10007) + newline".
func longMessage() string {
	var b strings.Builder
	for i := range 8000 {
		fmt.Fprintf(&b, "line %06d value %d\n", i, i*7919%10007)
	}
	return b.String()
}

func equalLines(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("%s: missing %s", what, want[i])
		case i >= len(want):
			t.Errorf("%s: unexpected %s", what, got[i])
		case got[i] != want[i]:
			t.Errorf("%s[%d]:\n got %s\nwant %s", what, i, got[i], want[i])
		default:
			continue
		}
		return
	}
}
