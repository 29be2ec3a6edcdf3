package sdk

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/sdk/sink"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

type nowhere struct{}

func (nowhere) Process([]byte)                    {}
func (nowhere) Stream(telemetry.StreamID, []byte) {}
func (nowhere) Block(sink.Block)                  {}
func (nowhere) Flush(context.Context) error       { return nil }
func (nowhere) Shutdown(context.Context) error    { return nil }

// A track that nobody closed is closed when nobody can use it any more. While its last call is still at work, somebody
// does: what that writes must not go to a chunk that is somebody else's by then.
func TestTrackLivesDuringItsLastCall(t *testing.T) {
	span, metric, float := Span("last"), Int("last", "count"), Float("last", "count")
	set := PropsOnce("a", "b")
	for name, last := range map[string]func(*Track){
		"Begin":   func(t *Track) { t.Begin(span) },
		"End":     func(t *Track) { t.End() },
		"EndWith": func(t *Track) { t.EndWith(set) },
		"Int":     func(t *Track) { t.Int(metric, 1) },
		"Float":   func(t *Track) { t.Float(float, 1) },
	} {
		r, err := New(Options{Sink: nowhere{}, FlushPeriod: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		inner := make(chan *track, 1)
		done := make(chan struct{})
		r.pool.mu.Lock() // holds whoever needs a chunk
		go func() {
			defer close(done)
			handle := r.NewTrack(name)
			handle.first = false
			inner <- handle.track
			last(handle)
		}()
		tr := <-inner
		for r.pool.used.Load() == 0 { // it has begun to get a chunk
			runtime.Gosched()
		}
		for range 3 {
			collected := make(chan struct{})
			runtime.AddCleanup(new([16]byte), func(c chan struct{}) { close(c) }, collected)
			runtime.GC()
			<-collected // and so would the handle be, if nobody held it
		}
		if tr.closed.Load() {
			t.Errorf("%s: the track is closed under it", name)
		}
		r.pool.mu.Unlock()
		<-done
		if err := r.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

// A span whose end found no room is ended when there is some, at the latest when the track is closed.
func TestCloseEndsWhatIsOwed(t *testing.T) {
	r, err := New(Options{Sink: nowhere{}, FlushPeriod: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	track := r.NewTrack("t")
	track.Begin(Span("owed"))
	tr, taken := track.track, r.pool.budget
	for tr.room(2) {
		track.Int(Int("filler", "count"), 1)
	}
	r.pool.used.Add(taken)
	track.End()
	r.pool.used.Add(-taken)
	if tr.owed != 1 {
		t.Fatalf("%d ends found no room", tr.owed)
	}
	track.Close()
	if err := r.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if len(tr.open) != 0 || tr.owed != 0 {
		t.Errorf("%d spans are open, %d ends owed", len(tr.open), tr.owed)
	}
}

// An encoder that broke off is not used for another block: what it holds is not that one's.
func TestEncoderThatBrokeOff(t *testing.T) {
	desc := Int("once", "count")
	good := &block{kind: sink.Metrics, words: []uint64{desc.head, 1, 1}}
	bad := &block{kind: sink.Metrics, words: []uint64{desc.head, 1, 1, headOf(kindInt, maxID), 1, 1}}
	for range 20 {
		func() {
			defer func() { _ = recover() }()
			_, _ = bad.encode()
			t.Error("a metric that nobody declared is encoded")
		}()
		body, err := good.encode()
		if err != nil {
			t.Fatal(err)
		}
		if b, _, err := wire.DecodeBlock(body); err != nil || b.Objects != 1 {
			t.Fatalf("a block of 1 event has %d, %v", b.Objects, err)
		}
	}
}
