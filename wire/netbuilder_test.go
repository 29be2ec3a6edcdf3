package wire

import (
	"reflect"
	"testing"

	"github.com/micromegas-go/micromegas/telemetry"
)

func TestNetBuilder(t *testing.T) {
	var b NetBuilder
	for range 2 { // the second block must not remember the first
		b.BeginConnection(-1, "conn", true)
		b.BeginObject(1, "player")
		b.Property(2, "health", 32)
		b.EndObject(3, 40)
		b.BeginRPC(4, "move")
		b.EndRPC(5, 1<<32-1)
		b.EndConnection(6, 0)
		b.BeginConnection(7, "conn", false)
		want := []Event{
			{Kind: KindBeginConnection, Type: "NetConnectionBeginEvent", Ticks: -1, Name: "conn", Outgoing: true},
			{Kind: KindBeginNetObject, Type: "NetObjectBeginEvent", Ticks: 1, Name: "player"},
			{Kind: KindNetProperty, Type: "NetPropertyEvent", Ticks: 2, Name: "health", Bits: 32},
			{Kind: KindEndNetObject, Type: "NetObjectEndEvent", Ticks: 3, Bits: 40},
			{Kind: KindBeginRPC, Type: "NetRPCBeginEvent", Ticks: 4, Name: "move"},
			{Kind: KindEndRPC, Type: "NetRPCEndEvent", Ticks: 5, Bits: 1<<32 - 1},
			{Kind: KindEndConnection, Type: "NetConnectionEndEvent", Ticks: 6},
			{Kind: KindBeginConnection, Type: "NetConnectionBeginEvent", Ticks: 7, Name: "conn"},
		}
		for i := range want {
			want[i].Index = int64(i)
		}
		p, n := b.Finish()
		if got := decodeAll(t, NetLayouts, p, n); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
	}
}

func TestImageBuilder(t *testing.T) {
	var b ImageBuilder
	b.Add(5, "screen ✓", "png", []byte("\x89PNG\x00\xff"))
	b.Add(6, "", "", nil)
	p, n := b.Finish()
	want := []Event{
		{Kind: KindImage, Type: "ImageEvent", Ticks: 5, Name: "screen ✓", Format: "png", Data: "\x89PNG\x00\xff"},
		{Kind: KindImage, Type: "ImageEvent", Index: 1, Ticks: 6},
	}
	if got := decodeAll(t, ImageLayouts, p, n); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

// TestBadImages leaves out what is cut short, and counts the bytes of images among the texts.
func TestBadImages(t *testing.T) {
	deps, objs := ImageLayouts()
	text := func(s string) []byte { return appendString(nil, s) }
	join := func(parts ...[]byte) (b []byte) {
		for _, p := range parts {
			b = append(b, p...)
		}
		return b
	}
	var oq queue
	oq.dynamic(0, words(1))                                                                // no name
	oq.dynamic(0, join(words(1), []byte{9, 0, 0, 0, 0}))                                   // unknown codec
	oq.dynamic(0, join(words(1), text("n"), text("f"), []byte{4, 0, 0, 0}, []byte("abc"))) // 3 of 4 bytes
	oq.dynamic(0, join(words(1), text("n"), text("f"), []byte{3, 0, 0, 0}, []byte("abcd")))
	var got []string
	each := func(e *Event) error { got = append(got, e.Data); return nil }
	stats, err := mustDecoder(t, deps, objs, Limits{}).Events(payloadOf(nil, oq), each)
	if err != nil || stats.Bad != 3 || !reflect.DeepEqual(got, []string{"abc"}) {
		t.Errorf("%q, %+v, %v", got, stats, err)
	}
	if _, err := mustDecoder(t, deps, objs, Limits{TextBytes: 4}).Events(payloadOf(nil, oq), each); err == nil {
		t.Error("an image above the limit passes")
	}
}

// TestNetEventsNeedTheirMembers counts events whose layout lacks what they need as bad.
func TestNetEventsNeedTheirMembers(t *testing.T) {
	deps, objs := NetLayouts()
	var b NetBuilder
	b.BeginConnection(1, "c", true)
	b.Property(telemetry.Ticks(2), "p", 1)
	b.EndConnection(3, 4)
	p, _ := b.Finish()
	for i := range objs {
		for m := range objs[i].Members {
			broken := make(Layout, len(objs))
			copy(broken, objs)
			broken[i].Members = append([]Member(nil), objs[i].Members...)
			broken[i].Members[m].Name = "other"
			used := i == typeBeginConnection || i == typeNetProperty || i == typeEndConnection
			stats, err := mustDecoder(t, deps, broken, Limits{}).Events(p, func(*Event) error { return nil })
			if err != nil || (stats.Bad == 1) != used {
				t.Errorf("without %s of %s: %+v, %v", objs[i].Members[m].Name, objs[i].Name, stats, err)
			}
		}
	}
}
