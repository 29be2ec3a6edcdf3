// Package sdktest lets tests look at what a program records: a sink that decodes.
//
//	sink := sdktest.NewSink()
//	r, err := sdk.New(sdk.Options{Sink: sink})
//	…
//	err = r.Flush(ctx)
//	for _, e := range sink.Events() { … }
package sdktest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/micromegas-go/micromegas/sdk/sink"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// Sink keeps what a recorder hands over, decoded as a server would. It holds everything to what servers demand: what
// they would refuse is an error of Err.
type Sink struct {
	mu      sync.Mutex
	process *telemetry.Process
	streams map[telemetry.StreamID]telemetry.Stream
	blocks  []telemetry.Block
	events  []Event
	errs    []error
}

// Event is a decoded event and the block and stream that it came in.
type Event struct {
	wire.Event
	Block  telemetry.Block
	Stream telemetry.Stream
}

// NewSink returns a sink that holds nothing yet.
func NewSink() *Sink { return &Sink{streams: map[telemetry.StreamID]telemetry.Stream{}} }

// Process implements sdk.Sink.
func (s *Sink) Process(body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := wire.DecodeProcess(body)
	if err != nil {
		s.errs = append(s.errs, err)
	}
	s.process = &p
}

// Stream implements sdk.Sink.
func (s *Sink) Stream(id telemetry.StreamID, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := wire.DecodeStream(body)
	switch {
	case err != nil:
		s.errs = append(s.errs, err)
	case st.ID != id || s.process == nil || st.ProcessID != s.process.ID:
		s.errs = append(s.errs, fmt.Errorf("stream %s of process %s, announced as %s", st.ID, st.ProcessID, id))
	}
	s.streams[id] = st
}

// Block implements sdk.Sink.
func (s *Sink) Block(b sink.Block) {
	body, err := b.Encode()
	if b.Release != nil {
		b.Release()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		err = s.decodeLocked(b, body)
	}
	if err != nil {
		s.errs = append(s.errs, fmt.Errorf("block %s: %w", b.ID, err))
	}
}

func (s *Sink) decodeLocked(from sink.Block, body []byte) error {
	b, payload, err := wire.DecodeBlock(body)
	if err != nil {
		return err
	}
	st, ok := s.streams[b.StreamID]
	if !ok {
		return fmt.Errorf("comes before its stream %s", b.StreamID)
	}
	if b.ID != from.ID || b.StreamID != from.Stream || int(b.Objects) != from.Events || b.EndTicks < b.BeginTicks {
		return fmt.Errorf("record %+v does not fit %+v", b, from)
	}
	if err := payload.Validate(); err != nil {
		return err
	}
	dependencies, err1 := wire.DecodeLayout(st.DependenciesMetadata)
	objects, err2 := wire.DecodeLayout(st.ObjectsMetadata)
	decoder, err3 := wire.NewDecoder(dependencies, objects, wire.Limits{})
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	n := 0
	stats, err := decoder.Events(payload, func(e *wire.Event) error {
		n++
		if e.Ticks < b.BeginTicks || e.Ticks > b.EndTicks {
			return fmt.Errorf("event at %d outside of [%d, %d]", e.Ticks, b.BeginTicks, b.EndTicks)
		}
		s.events = append(s.events, Event{Event: *e, Block: b, Stream: st})
		return nil
	})
	if err != nil {
		return err
	}
	if n != int(b.Objects) {
		return fmt.Errorf("%d of %d events can be read: %+v", n, b.Objects, stats)
	}
	s.blocks = append(s.blocks, b)
	return nil
}

// Flush implements sdk.Sink.
func (s *Sink) Flush(context.Context) error { return s.Err() }

// Shutdown implements sdk.Sink.
func (s *Sink) Shutdown(context.Context) error { return s.Err() }

// Err is everything that a server would have refused.
func (s *Sink) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.errs...)
}

// Record returns the record of the process.
func (s *Sink) Record() telemetry.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return telemetry.Process{}
	}
	return *s.process
}

// Blocks returns the blocks so far.
func (s *Sink) Blocks() []telemetry.Block {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.blocks)
}

// Events returns the events so far, block by block. With kinds it returns those kinds only.
func (s *Sink) Events(kinds ...wire.Kind) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(kinds) == 0 {
		return slices.Clone(s.events)
	}
	var some []Event
	for _, e := range s.events {
		if slices.Contains(kinds, e.Kind) {
			some = append(some, e)
		}
	}
	return some
}
