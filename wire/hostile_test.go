package wire

import (
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/micromegas-go/micromegas/telemetry"
)

// queue builds the bytes of a queue by hand.
type queue []byte

func (q *queue) static(typ byte, words ...uint64) *queue {
	*q = append(*q, typ)
	for _, w := range words {
		*q = binary.LittleEndian.AppendUint64(*q, w)
	}
	return q
}

func (q *queue) dynamic(typ byte, record []byte) *queue {
	*q = append(*q, typ)
	*q = binary.LittleEndian.AppendUint32(*q, uint32(len(record)))
	*q = append(*q, record...)
	return q
}

func words(w ...uint64) []byte {
	var b []byte
	for _, w := range w {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return b
}

func textRecord(id uint64, s string) []byte { return appendString(words(id), s) }

func payloadOf(deps, objs queue) Payload {
	return Payload{Dependencies: deflate(deps), Objects: deflate(objs)}
}

func mustDecoder(t *testing.T, deps, objs Layout, l Limits) *Decoder {
	t.Helper()
	d, err := NewDecoder(deps, objs, l)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// collect returns the texts of the decoded log entries.
func collect(d *Decoder, p Payload) ([]string, Stats, error) {
	var msgs []string
	stats, err := d.Events(p, func(e *Event) error {
		msgs = append(msgs, e.Msg)
		return nil
	})
	return msgs, stats, err
}

// logEvent is the record of a TaggedLogInteropEvent.
func logEvent(target, set uint64, msg []byte) []byte {
	b := append(words(1), byte(LevelInfo))
	b = appendReference(b, target)
	return append(append(b, words(set)...), msg...)
}

// TestBadEventsAreSkipped: what is wrong with one event or dependency costs no other event.
func TestBadEventsAreSkipped(t *testing.T) {
	deps, objs := LogLayouts()
	deps = append(deps, Type{Name: "Novelty"}, Type{Name: "NoveltyRecord", Size: 8})
	objs = append(objs, Type{Name: "NovelEvent"}, Type{Name: "NovelStatic", Size: 8})
	d := mustDecoder(t, deps, objs, Limits{})

	var dq queue
	dq.dynamic(typeText, textRecord(1, "target"))
	dq.dynamic(typeSet, append(words(2), 0, 0, 0, 0))
	dq.dynamic(3, []byte("of a type to come"))
	dq.static(4, 77) // a record without an id
	dq.dynamic(typeSet, append(words(3), 9, 0, 0, 0))
	dq.dynamic(typeText, []byte{1, 2})                       // not even an id
	dq.dynamic(typeText, textRecord(1, "an id twice"))       //
	dq.dynamic(typeText, append(words(4), 7, 0, 0, 0, 0))    // unknown codec
	dq.dynamic(typeText, append(words(5), 1, 1, 0, 0, 0, 0)) // half a UTF-16 unit
	dq.dynamic(typeSet, append(append(words(6), 1, 0, 0, 0), append(appendReference(nil, 1), appendReference(nil, 99)...)...))

	text := func(s string) []byte { return appendString(nil, s) }
	var oq queue
	oq.dynamic(0, logEvent(1, 2, text("first")))
	oq.dynamic(0, logEvent(98, 2, text("unknown target")))
	oq.dynamic(0, logEvent(1, 98, text("unknown set")))
	oq.dynamic(0, logEvent(1, 3, text("broken set")))
	oq.dynamic(0, logEvent(1, 6, text("set with an unknown text")))
	oq.dynamic(0, logEvent(4, 2, text("broken target")))
	oq.dynamic(0, logEvent(5, 2, text("broken target")))
	oq.dynamic(0, logEvent(2, 2, text("target is a set")))
	oq.dynamic(0, logEvent(1, 1, text("set is a text")))
	oq.dynamic(0, logEvent(1, 2, []byte{2, 9, 0, 0, 0}))
	oq.dynamic(0, []byte{1})
	oq.dynamic(2, []byte("of a type to come"))
	oq.static(3, 5)
	oq.dynamic(0, logEvent(1, 2, text("last")))

	msgs, stats, err := collect(d, payloadOf(dq, oq))
	if err != nil || !reflect.DeepEqual(msgs, []string{"first", "last"}) {
		t.Errorf("%q, %v", msgs, err)
	}
	if stats.Decoded != 2 || stats.Skipped != 2 || stats.Bad != 10 || stats.BadDependencies != 7 {
		t.Errorf("%+v", stats)
	}
	if stats.FirstBad == nil || !strings.Contains(stats.FirstBad.Error(), `dependency 3 NoveltyRecord: member "id": no such member`) {
		t.Errorf("first: %v", stats.FirstBad)
	}
	var types []string
	err = d.Objects(payloadOf(dq, oq), func(o Object) error {
		types = append(types, o.Type)
		return nil
	})
	// In generic form a reference may name anything, so the two events with references of the wrong kind are there.
	if err == nil || !strings.Contains(err.Error(), "8 events cannot be read, the first: event 1 TaggedLogInteropEvent: target: no dependency has the id 0x62") || len(types) != 6 {
		t.Errorf("objects: %v, %v", types, err)
	}
}

// TestCorruptQueue: a queue that cannot be taken apart ends the block after what was good.
func TestCorruptQueue(t *testing.T) {
	deps, objs := LogLayouts()
	d := mustDecoder(t, deps, objs, Limits{})
	var dq, oq queue
	dq.dynamic(typeText, textRecord(1, "target"))
	dq.dynamic(typeSet, append(words(2), 0, 0, 0, 0))
	oq.dynamic(0, logEvent(1, 2, appendString(nil, "good")))
	join := func(q queue, more ...byte) queue { return append(slices.Clip(q), more...) }
	for name, tc := range map[string]struct {
		deps, objs queue
		want       string
	}{
		"unknown type":            {dq, join(oq, 2), "objects: event 1: type index 2 of 2 types"},
		"size is cut":             {dq, join(oq, 0, 1), "objects: event 1: TaggedLogInteropEvent: the queue ends within the size"},
		"event is cut":            {dq, join(oq, 0, 9, 0, 0, 0), "objects: event 1: TaggedLogInteropEvent: 9 bytes, but only 0 are left"},
		"event of 4 GiB":          {dq, join(oq, 0, 255, 255, 255, 255), "4294967295 bytes, but only 0 are left"},
		"static event is cut":     {dq, join(oq, 1, 9, 0, 0, 0), "objects: event 1: StaticStringRef: 16 bytes, but only 4 are left"},
		"unknown dependency type": {join(dq, 9), oq, "dependencies: record 2: type index 9 of 3 types"},
		"dependency is cut":       {join(dq, 0, 1, 0, 0, 0), oq, "dependencies: record 2: StaticStringDependency: 1 bytes, but only 0 are left"},
	} {
		msgs, _, err := collect(d, payloadOf(tc.deps, tc.objs))
		if err == nil || !strings.Contains(err.Error(), tc.want) || !reflect.DeepEqual(msgs, []string{"good"}) {
			t.Errorf("%s: %q, %v\nwant %s", name, msgs, err, tc.want)
		}
	}
	for name, tc := range map[string]struct {
		p    Payload
		want string
	}{
		"not a frame": {Payload{deflate(dq), []byte("no frame at all")}, "objects: is not an LZ4 frame"},
		"empty":       {Payload{nil, deflate(oq)}, "dependencies: is empty"},
		"cut frame":   {Payload{deflate(dq), deflate(oq)[:30]}, "objects: inflate: "},
	} {
		if msgs, _, err := collect(d, tc.p); err == nil || !strings.Contains(err.Error(), tc.want) || len(msgs) > 0 {
			t.Errorf("%s: %q %v", name, msgs, err)
		}
	}
	damaged := deflate(oq)
	damaged[len(damaged)-1] ^= 1 // the checksum
	if _, _, err := collect(d, Payload{deflate(dq), damaged}); err == nil {
		t.Error("a wrong checksum is accepted")
	}
	stop := errors.New("stop")
	if _, err := d.Events(payloadOf(dq, oq), func(*Event) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error of yield: %v", err)
	}
	if err := d.Objects(payloadOf(dq, oq), func(Object) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error of yield: %v", err)
	}
}

func TestLimits(t *testing.T) {
	var b LogBuilder
	for range 1000 {
		b.Add(1, LevelInfo, "target", "a message", Properties{{"name", "value"}})
	}
	p, _ := b.Finish()
	deps, objs := LogLayouts()
	for name, tc := range map[string]struct {
		limits Limits
		want   string
		msgs   int
	}{
		"events":       {Limits{Events: 10}, "objects: more than 10 events", 10},
		"dependencies": {Limits{Dependencies: 2}, "dependencies: more than 2 records", 0},
		"queue":        {Limits{QueueBytes: 1000}, "objects: inflate: is larger than 1000 bytes", 0},
		"texts":        {Limits{TextBytes: 24 * 5}, "objects: event 5: the texts of the events exceed the limit", 5},
	} {
		msgs, _, err := collect(mustDecoder(t, deps, objs, tc.limits), p)
		if err == nil || !strings.Contains(err.Error(), tc.want) || len(msgs) != tc.msgs {
			t.Errorf("%s: %d events, %v\nwant %d, %s", name, len(msgs), err, tc.msgs, tc.want)
		}
	}

	// A frame of a few kilobytes that inflates to 16 MiB must be given up early.
	bomb := Payload{Dependencies: deflate(nil), Objects: deflate(make([]byte, 16<<20))}
	d := mustDecoder(t, nil, Layout{{Name: "T", Size: 1}}, Limits{QueueBytes: 1 << 20})
	if _, _, err := collect(d, bomb); err == nil || !strings.Contains(err.Error(), "larger than 1048576 bytes") {
		t.Errorf("bomb: %v", err)
	}
}

// TestTemplateBomb: a short template must not make a long text.
func TestTemplateBomb(t *testing.T) {
	deps, _ := rustLogLayouts()
	objs := Layout{{Name: "TaggedLogTemplateEvent", Size: 24, Members: []Member{
		reference("desc", "x", 0, 8), reference("properties", "x", 8, 8), number("time", "i64", 16),
	}}}
	d := mustDecoder(t, deps, objs, Limits{TextBytes: 1 << 20})
	var dq, oq queue
	dq.dynamic(typeText, textRecord(1, strings.Repeat("{a}", 1000)))
	dq.dynamic(typeText, textRecord(2, "a"))
	dq.dynamic(typeText, textRecord(3, strings.Repeat("x", 10_000)))
	dq.dynamic(typeSet, append(append(words(4), 1, 0, 0, 0), append(appendReference(nil, 2), appendReference(nil, 3)...)...))
	dq.static(typeMetadata, 5, 1, 2, 2, 2, 0)
	oq.static(0, 5, 4, 100)
	if msgs, _, err := collect(d, payloadOf(dq, oq)); err == nil || !strings.Contains(err.Error(), "exceed the limit") || len(msgs) > 0 {
		t.Errorf("%d events, %v", len(msgs), err)
	}
}

// TestTreeBomb: records that refer to records must not make a tree that doubles with every record.
func TestTreeBomb(t *testing.T) {
	deps := Layout{
		{Name: "Pair", Size: 24, Members: []Member{number("id", "u64", 0), reference("a", "x", 8, 8), reference("b", "x", 16, 8)}},
		{Name: "StaticStringDependency"},
	}
	objs := Layout{{Name: "Event", Size: 8, Members: []Member{reference("x", "x", 0, 8)}}}
	var dq, oq queue
	dq.dynamic(1, textRecord(1, "leaf"))
	for i := range uint64(200) {
		dq.static(0, i+2, i+1, i+1)
	}
	oq.static(0, 10)
	oq.static(0, 200)
	var n int
	err := mustDecoder(t, deps, objs, Limits{}).Objects(payloadOf(dq, oq), func(Object) error {
		n++
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "refers to more than 65536 values") || n != 1 {
		t.Errorf("%d events, %v", n, err)
	}
}

func TestLayoutErrors(t *testing.T) {
	nested := func(name string) Type {
		return Type{Name: "T", Size: 8, Members: []Member{{Name: "m", TypeName: name, Size: 8}}}
	}
	wide := func(name, of string) Type {
		t := Type{Name: name, Size: 8}
		for range 1000 {
			t.Members = append(t.Members, Member{Name: "m", TypeName: of, Size: 8})
		}
		return t
	}
	for name, tc := range map[string]struct {
		layout Layout
		want   string
	}{
		"fine":                   {Layout{nested("u64")}, ""},
		"outside":                {Layout{{Name: "T", Size: 8, Members: []Member{number("m", "u64", 1)}}}, `type 0 "T": member "m": offset 1 and size 8 lie outside of the 8 bytes`},
		"outside by overflow":    {Layout{{Name: "T", Size: 8, Members: []Member{{Name: "m", TypeName: "u64", Offset: 1<<32 - 1, Size: 1<<32 - 1}}}}, "lie outside"},
		"number too small":       {Layout{{Name: "T", Size: 8, Members: []Member{{Name: "m", TypeName: "u64", Size: 4}}}}, "4 bytes are too few for type u64"},
		"reference too small":    {Layout{{Name: "T", Size: 8, Members: []Member{reference("m", "x", 0, 4)}}}, "a reference of 4 bytes, want at least 8"},
		"unknown member type":    {Layout{nested("bool")}, `unknown type "bool"`},
		"itself":                 {Layout{nested("T")}, `type "T" contains itself`},
		"itself through another": {Layout{nested("U"), {Name: "U", Size: 8, Members: []Member{{Name: "n", TypeName: "T", Size: 8}}}}, `contains itself`},
		"a dynamic type":         {Layout{nested("U"), {Name: "U"}}, `type "U" has no fixed size`},
		"a larger type":          {Layout{nested("U"), {Name: "U", Size: 16}}, `type "U" of 16 bytes does not fit at offset 0 of 8`},
		"a reference without id": {Layout{nested("U"), {Name: "U", Size: 8, IsReference: true}}, `type "U": member "id": no such member`},
		"too many values":        {Layout{wide("A", "B"), wide("B", "C"), wide("C", "u64")}, "the type has more than 4096 values"},
	} {
		err := tc.layout.Validate()
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v\nwant %s", name, err, tc.want)
		}
	}
	long := make(Layout, 257)
	if _, err := NewDecoder(long, nil, Limits{}); err == nil || !strings.Contains(err.Error(), "dependencies: layout has 257 types") {
		t.Errorf("257 types: %v", err)
	}
	if _, err := NewDecoder(nil, long, Limits{}); err == nil {
		t.Error("257 types are accepted")
	}
}

// TestBrokenEventType: events of a type whose layout lacks what they need are bad, others are read.
func TestBrokenEventType(t *testing.T) {
	deps, objs := LogLayouts()
	objs = append(objs, Type{Name: "FloatMetricEvent", Size: 24, Members: []Member{reference("desc", "x", 0, 8), number("value", "u32", 8)}},
		Type{Name: "LogStringEventV2", Size: 8}, Type{Name: "LogStringInteropEventV2"})
	d := mustDecoder(t, deps, objs, Limits{})
	var dq, oq queue
	dq.dynamic(typeText, textRecord(1, "target"))
	dq.dynamic(typeSet, append(words(2), 0, 0, 0, 0))
	oq.static(2, 1, 2, 3).static(3, 1).dynamic(4, []byte("x")).dynamic(0, logEvent(1, 2, appendString(nil, "good")))
	msgs, stats, err := collect(d, payloadOf(dq, oq))
	if err != nil || stats.Bad != 3 || !reflect.DeepEqual(msgs, []string{"good"}) {
		t.Errorf("%q %+v %v", msgs, stats, err)
	}
	const want = "event 0 FloatMetricEvent: member \"time\": no such member\nmember \"value\" is not a number of 64 bits"
	if stats.FirstBad == nil || stats.FirstBad.Error() != want {
		t.Errorf("%v\nwant %s", stats.FirstBad, want)
	}
}

// TestOldLogTypes reads the two types that no captured client sends.
func TestOldLogTypes(t *testing.T) {
	deps, _ := rustLogLayouts()
	objs := Layout{
		{Name: "LogStringEvent"},
		{Name: "LogStringInteropEventV2"},
		{Name: "StringId", Size: 16, IsReference: true, Members: []Member{reference("id", "* const u8", 0, 8), number("len", "u32", 8)}},
	}
	d := mustDecoder(t, deps, objs, Limits{})
	var dq, oq queue
	dq.dynamic(typeText, textRecord(1, "target"))
	dq.static(typeMetadata, 5, 1, 1, 1, 1, 3<<32|77)
	oq.dynamic(0, append(words(5, 100), "old \xff"...))
	oq.dynamic(1, append(append(words(101), 2, 0, 0, 0), append(appendReference(nil, 1), "interop"...)...))
	var got []Event
	stats, err := d.Events(payloadOf(dq, oq), func(e *Event) error {
		got = append(got, *e)
		return nil
	})
	want := []Event{
		{Kind: KindLog, Type: "LogStringEvent", Ticks: 100, Level: 3, Target: "target", Msg: "old \ufffd", File: "target", ModulePath: "target", Line: 77},
		{Kind: KindLog, Type: "LogStringInteropEventV2", Index: 1, Ticks: 101, Level: 2, Target: "target", Msg: "interop"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %+v, %v\nwant %+v", got, stats, err, want)
	}
	var fields [][]Field
	if err := d.Objects(payloadOf(dq, oq), func(o Object) error { fields = append(fields, o.Fields); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(fields) != 2 || !reflect.DeepEqual(fields[1], []Field{{"time", int64(101)}, {"level", uint32(2)}, {"target", "target"}, {"msg", "interop"}}) {
		t.Errorf("%+v", fields)
	}
}

// TestPropertyOverrides: level and target of tagged entries; an unknown level text changes nothing.
func TestPropertyOverrides(t *testing.T) {
	deps, _ := rustLogLayouts()
	d := mustDecoder(t, deps, Layout{{Name: "TaggedLogString"}}, Limits{})
	for level, want := range map[string]int32{
		"fatal": 1, "error": 2, "warning": 3, "info": 4, "debug": 5, "trace": 6, "warn": 5, "": 5, "Error": 5, "2": 5,
	} {
		var dq, oq queue
		dq.dynamic(typeText, textRecord(1, "desc target")).dynamic(typeText, textRecord(2, "level")).dynamic(typeText, textRecord(3, level))
		dq.dynamic(typeText, textRecord(6, "target")).dynamic(typeText, textRecord(7, "new target"))
		set := append(words(4), 2, 0, 0, 0)
		for _, id := range []uint64{2, 3, 6, 7} {
			set = appendReference(set, id)
		}
		dq.dynamic(typeSet, set)
		dq.static(typeMetadata, 5, 1, 1, 1, 1, 5<<32)
		oq.dynamic(0, appendString(words(5, 4, 1), "msg"))
		stats, err := d.Events(payloadOf(dq, oq), func(e *Event) error {
			if e.Level != want || e.Target != "new target" || len(e.Properties) != 2 {
				t.Errorf("level %q: %+v", level, e)
			}
			return nil
		})
		if err != nil || stats.Decoded != 1 {
			t.Errorf("level %q: %+v %v", level, stats, err)
		}
	}
}

func TestMeasure(t *testing.T) {
	for _, tc := range []struct {
		e     Event
		value float64
		unit  string
	}{
		{Event{Unit: "ticks", IsInt: true, Int: 166833, Value: 166833}, 0.016683299999999998, "seconds"},
		{Event{Unit: "ticks", Value: 5}, 5, "ticks"},
		{Event{Unit: "Ticks", IsInt: true, Int: 5, Value: 5}, 5, "Ticks"},
		{Event{Unit: "ticks", IsInt: true, Int: 1<<64 - 1, Value: 1 << 64}, -1.0000000000000001e-7, "seconds"},
		{Event{Unit: "bytes", IsInt: true, Int: 1<<64 - 1, Value: 1 << 64}, 1.8446744073709552e19, "bytes"},
	} {
		if v, unit := tc.e.Measure(10_000_000); v != tc.value || unit != tc.unit {
			t.Errorf("%+v: %v %s, want %v %s", tc.e, v, unit, tc.value, tc.unit)
		}
	}
}

// TestConcurrentUse shares one decoder; the race detector watches.
func TestConcurrentUse(t *testing.T) {
	deps, objs := MetricLayouts()
	d := mustDecoder(t, deps, objs, Limits{})
	p := metricBlock(2000)
	done := make(chan telemetry.Ticks)
	for range 4 {
		go func() {
			var sum telemetry.Ticks
			for range 5 {
				if _, err := d.Events(p, func(e *Event) error { sum += e.Ticks; return nil }); err != nil {
					t.Error(err)
				}
			}
			done <- sum
		}()
	}
	first := <-done
	for range 3 {
		if sum := <-done; sum != first {
			t.Errorf("sums %d and %d", sum, first)
		}
	}
}
