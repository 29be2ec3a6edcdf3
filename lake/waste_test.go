package lake_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/telemetry"
)

// TestAnswerLostWhileASegmentMoves has the answer of the transaction that moves blocks lost, after it was committed. The
// new segment, which holds all that is left, must not be taken for one that nobody mentions.
func TestAnswerLostWhileASegmentMoves(t *testing.T) {
	p := newPlant(t, lake.Maintenance{})
	secret, other := p.program(telemetry.TagLog), p.program(telemetry.TagLog)
	p.log(secret, 2, true)
	p.log(other, 3, true)
	p.settle()
	if _, err := p.Erase(t.Context(), lake.Erasure{Process: secret.process.ID}, p.say); err != nil {
		t.Fatal(err)
	}
	segments := func() (n int) {
		for _, err := range p.objects.List(t.Context(), "segments/") {
			p.ok(err)
			n++
		}
		return n
	}
	p.advance(time.Hour)
	before, lost := segments(), false
	p.catalog.Interrupt(func(committed bool) error {
		if !committed || lost || segments() <= before {
			return nil
		}
		lost = true
		return fmt.Errorf("%w: the answer is lost", catalog.ErrUnavailable)
	})
	err := p.Tidy(t.Context())
	p.catalog.Interrupt(nil)
	if err != nil || !lost {
		t.Fatalf("Tidy = %v; the answer was lost: %v", err, lost)
	}
	p.check()
	p.advance(time.Hour)
	p.ok(p.Tidy(t.Context()))
	p.ok(p.RegeneratePartitions(t.Context(), "log_entries", p.age(30*day), p.at(), 30*day, p.say)) // reads the payloads
	if n := p.rows("log_entries"); n != 3 {
		t.Errorf("%d rows, want 3", n)
	}
}

// TestEraseManyStreams deletes the streams of a process that never came, however many there are.
func TestEraseManyStreams(t *testing.T) {
	p := newPlant(t, lake.Maintenance{})
	ghost := telemetry.ProcessID(uuid.New())
	list := make([]telemetry.Stream, 600)
	for i := range list {
		list[i] = telemetry.Stream{ID: telemetry.StreamID(uuid.New()), ProcessID: ghost, Format: telemetry.FormatNative}
	}
	p.ok(p.InsertStreams(t.Context(), list))
	done, err := p.Erase(t.Context(), lake.Erasure{Process: ghost}, p.say)
	if err != nil || done.Streams != int64(len(list)) {
		t.Errorf("Erase = %+v, %v; want %d streams", done, err, len(list))
	}
}
