package wire_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/micromegas-go/micromegas/wire"
)

// TestRefs adds by reference and by value in one block and finds the same.
func TestRefs(t *testing.T) {
	p := wire.Properties{{Name: "k", Value: "v"}}
	decode := func(dependencies, objects wire.Layout, payload wire.Payload, n int32) []string {
		t.Helper()
		d, err := wire.NewDecoder(dependencies, objects, wire.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		if _, err := d.Events(payload, func(e *wire.Event) error {
			got = append(got, fmt.Sprintf("%d %s%s %s%s %d %v %v %d-%d-%d %v",
				e.Ticks, e.Name, e.Msg, e.Target, e.Unit, e.Level, e.Int, e.Value, e.SpanID, e.ParentSpanID, e.Depth, e.Properties))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if len(got) != int(n) {
			t.Errorf("%d events, want %d", len(got), n)
		}
		return got
	}
	same := func(got []string) {
		t.Helper()
		half := len(got) / 2
		if !slices.Equal(got[:half], got[half:]) {
			t.Errorf("by value %q\nby reference %q", got[:half], got[half:])
		}
	}

	var m wire.MetricBuilder
	desc := wire.MetricDesc{Name: "m", Unit: "u", Target: "t"}
	m.Integer(1, &desc, 7, nil)
	m.Integer(2, &desc, 7, p)
	m.Float(3, &desc, 0.5, nil)
	m.Float(4, &desc, 0.5, p)
	ref, set := m.Desc(&desc), m.Set(p)
	m.IntegerRef(1, ref, 7, m.Set(nil))
	m.IntegerRef(2, ref, 7, set)
	m.FloatRef(3, ref, 0.5, wire.NoProperties)
	m.FloatRef(4, ref, 0.5, set)
	dependencies, objects := wire.MetricLayouts()
	payload, n := m.Finish()
	same(decode(dependencies, objects, payload, n))

	var l wire.LogBuilder
	l.Add(1, wire.LevelInfo, "t", "x", nil)
	l.Add(2, wire.LevelWarn, "t", "y", p)
	l.AddRef(1, wire.LevelInfo, l.Text("t"), "x", wire.NoProperties)
	l.AddRef(2, wire.LevelWarn, l.Text("t"), "y", l.Set(p))
	dependencies, objects = wire.LogLayouts()
	payload, n = l.Finish()
	same(decode(dependencies, objects, payload, n))

	var s wire.SpanBuilder
	span := wire.SpanDesc{Name: "s", Target: "t"}
	s.Begin(1, &span)
	s.End(2, &span)
	s.BeginAsync(3, &span, 5, 4, 1)
	s.EndAsync(4, &span, 5, 4, 1)
	place := s.Desc(&span)
	s.BeginRef(1, place)
	s.EndRef(2, place, wire.NoProperties)
	s.BeginAsyncRef(3, place, 5, 4, 1)
	s.EndAsyncRef(4, place, wire.NoProperties, 5, 4, 1)
	s.EndRef(6, place, s.Set(p))
	s.EndAsyncRef(7, place, s.Set(p), 5, 4, 1)
	dependencies, objects = wire.SpanLayouts()
	payload, n = s.Finish()
	got := decode(dependencies, objects, payload, n)
	same(got[:8])
	if got[8] != "6 s t 0 0 0 0-0-0 [{k v}]" || got[9] != "7 s t 0 0 0 5-4-1 [{k v}]" {
		t.Errorf("ends with properties: %q", got[8:])
	}
}
