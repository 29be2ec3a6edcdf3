package sdk_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/sdk"
	"github.com/micromegas-go/micromegas/sdk/sink"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// Tracks that are open and idle keep little of the memory that all share: it must be there for what is recorded.
func TestManyTracks(t *testing.T) {
	r, s := newRecorder(t, sdk.Options{BufferBytes: 4 << 20, FlushPeriod: time.Hour})
	const tracks, spans = 300, 200 // more than fit into a track's first chunk, of 4 KiB
	for i := range tracks {
		track := r.NewTrack(fmt.Sprint("worker ", i))
		defer track.Close()
		for range spans {
			track.Begin(outer).End()
		}
		flush(t, r)
	}
	r.Int(frames, 1)
	r.NewLogger("here").Info("text")
	flush(t, r)
	if l := r.Losses(); l != (sdk.Losses{}) {
		t.Errorf("lost: %+v", l)
	}
	if n := len(s.Events(wire.KindBeginThreadSpan)); n != tracks*spans {
		t.Errorf("%d spans of %d", n, tracks*spans)
	}
}

// However many tracks are open, all record, and what is recorded elsewhere has room.
func TestVeryManyTracks(t *testing.T) {
	r, s := newRecorder(t, sdk.Options{BufferBytes: 256 << 10, FlushPeriod: time.Hour})
	const tracks = 500
	var open []*sdk.Track
	record := func() {
		for i, track := range open {
			for range 40 {
				track.Begin(outer).End()
			}
			if i%20 == 0 {
				flush(t, r)
			}
		}
		flush(t, r)
	}
	for range tracks {
		open = append(open, r.NewTrack("worker"))
	}
	record()
	record()
	for range 1000 {
		r.Int(frames, 1)
		r.NewLogger("here").Info("text")
	}
	flush(t, r)
	if l := r.Losses(); l != (sdk.Losses{}) {
		t.Errorf("lost: %+v", l)
	}
	if n := len(s.Events(wire.KindBeginThreadSpan)); n != 2*40*tracks {
		t.Errorf("%d spans of %d", n, 2*40*tracks)
	}
	for _, track := range open {
		track.Close()
	}
}

// Who turns spans off still wants the metrics that a track carries.
func TestMetricsOfTracksWithoutSpans(t *testing.T) {
	r, s := newRecorder(t, sdk.Options{NoSpans: true})
	track := r.NewTrack("frames")
	defer track.Close()
	func() {
		defer track.Begin(outer).End()
		track.Int(frames, 1)
		track.Int(frames, -1)
		track.Float(load, 0.5)
	}()
	flush(t, r)
	if got := s.Events(); len(got) != 3 || len(s.Events(wire.KindMetric)) != 3 {
		t.Errorf("%d events arrived, of 3 metrics", len(got))
	}
}

// ends notes the order of what a recorder says about streams.
type ends struct {
	discard
	said map[telemetry.StreamID]string
}

func (e ends) Stream(id telemetry.StreamID, _ []byte) { e.said[id] += "s" }
func (e ends) Block(b sink.Block)                     { e.said[b.Stream] += "b"; b.Release() }
func (e ends) EndStream(id telemetry.StreamID)        { e.said[id] += "e" }

// A program that opens and closes tracks all the time must not make its sink remember them all.
func TestStreamsEnd(t *testing.T) {
	to := ends{said: map[telemetry.StreamID]string{}}
	r, err := sdk.New(sdk.Options{Sink: to, FlushPeriod: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		track := r.NewTrack("request")
		track.Begin(outer).End()
		flush(t, r)
		track.Begin(outer).End()
		track.Close()
	}
	r.NewTrack("silent").Close()
	if err := r.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if len(to.said) != 3 {
		t.Errorf("%v", to.said)
	}
	for _, said := range to.said {
		if said != "sbbe" {
			t.Errorf("the sink was told %q", said)
		}
	}
}

// A track that is closed in time loses nothing, and nothing that comes afterwards counts as lost.
func TestClosedTrack(t *testing.T) {
	r, s := newRecorder(t, sdk.Options{FlushPeriod: time.Hour, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	track := r.NewTrack("t")
	track.Begin(outer)
	track.Close()
	track.End()
	track.Begin(inner).End()
	track.Int(frames, 1)
	flush(t, r)
	if l := r.Losses(); l != (sdk.Losses{}) || len(s.Events()) != 1 {
		t.Errorf("%+v lost, %d events", l, len(s.Events()))
	}
}

// Numbers at the ends of what there is, and those that are none, arrive as they are.
func TestNumbers(t *testing.T) {
	r, s := newRecorder(t, sdk.Options{FlushPeriod: time.Hour})
	track := r.NewTrack("numbers")
	defer track.Close()
	floats := []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), math.MaxFloat64, math.SmallestNonzeroFloat64}
	ints := []int64{0, 1, -1, math.MaxInt64, math.MinInt64}
	for _, v := range floats {
		r.Float(load, v)
		track.Float(load, v)
	}
	for _, v := range ints {
		r.Int(frames, v)
		track.Int(frames, v)
	}
	flush(t, r)
	seen := map[uint64]int{}
	for _, e := range s.Events() {
		if e.IsInt {
			seen[math.Float64bits(float64(int64(e.Int)))]++
		} else {
			seen[math.Float64bits(e.Value)]++
		}
	}
	want := map[uint64]int{}
	for _, v := range floats {
		want[math.Float64bits(v)] += 2
	}
	for _, v := range ints {
		want[math.Float64bits(float64(v))] += 2
	}
	if !maps.Equal(seen, want) {
		t.Errorf("arrived %v, want %v", seen, want)
	}
}
