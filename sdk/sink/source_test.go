package sink

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// source makes the records and blocks of one process with one log stream.
type source struct {
	process telemetry.Process
	stream  telemetry.Stream
	offset  int64
	start   time.Time
}

func newSource() *source {
	deps, objects := wire.LogLayouts()
	now := time.Now()
	s := &source{start: now, process: telemetry.Process{
		ID: telemetry.ProcessID(uuid.New()), Exe: "sink.test", TSCFrequency: 1e9, StartTime: telemetry.TimeOf(now).Micros(),
		Properties: map[string]string{},
	}}
	s.stream = telemetry.Stream{
		ID: telemetry.StreamID(uuid.New()), ProcessID: s.process.ID, DependenciesMetadata: deps.Encode(),
		ObjectsMetadata: objects.Encode(), Tags: []string{telemetry.TagLog}, Properties: map[string]string{},
	}
	return s
}

// register hands the records over.
func (s *source) register(k *Sink) {
	k.Process(wire.EncodeProcess(s.process))
	k.Stream(s.stream.ID, wire.EncodeStream(s.stream))
}

// block is one of n log entries.
func (s *source) block(kind Kind, n int) Block {
	b := telemetry.Block{
		ID: telemetry.BlockID(uuid.New()), StreamID: s.stream.ID, ProcessID: s.process.ID,
		BeginTime: s.process.StartTime, EndTime: telemetry.TimeOf(time.Now()).Micros(), ObjectOffset: s.offset,
	}
	b.BeginTicks, b.EndTicks = 0, telemetry.Ticks(b.EndTime-b.BeginTime)
	first := s.offset
	s.offset += int64(n)
	return Block{
		ID: b.ID, Stream: b.StreamID, Kind: kind, Events: n, Size: 100 * n,
		Encode: func() ([]byte, error) {
			var builder wire.LogBuilder
			for i := range n {
				builder.Add(b.EndTicks, wire.LevelInfo, "sink::test", fmt.Sprintf("event %d", first+int64(i)), nil)
			}
			payload, count := builder.Finish()
			b := b
			b.Objects = count
			return wire.EncodeBlock(b, payload), nil
		},
	}
}

// journal keeps log lines.
type journal struct {
	t     *testing.T
	mu    sync.Mutex
	lines []string
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, string(p))
	return len(p), nil
}

func (j *journal) count(text string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for _, l := range j.lines {
		if strings.Contains(l, text) {
			n++
		}
	}
	return n
}

func (j *journal) all() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.lines, "")
}

// open makes a sink whose delays are short, and its log.
func open(t *testing.T, o Options) (*Sink, *journal) {
	t.Helper()
	j := &journal{t: t}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	if o.BlocksRetry.First == 0 {
		o.BlocksRetry = RetryPolicy{First: 5 * time.Millisecond, Max: 50 * time.Millisecond, Attempts: o.BlocksRetry.Attempts}
	}
	if o.MetadataRetry.First == 0 {
		o.MetadataRetry = o.BlocksRetry
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.stop() // a test that failed has not ended it
		if t.Failed() {
			t.Log(j.all())
		}
	})
	return s, j
}

// await looks until something has happened.
func await(t *testing.T, happened func() bool) {
	t.Helper()
	end := time.Now().Add(long)
	for !happened() {
		if time.Now().After(end) {
			t.Fatal("it did not happen")
		}
		time.Sleep(time.Millisecond)
	}
}
