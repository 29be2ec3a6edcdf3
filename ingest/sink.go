package ingest

import (
	"context"

	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// Sink stores what arrives. Its methods return after the record is durable; a record that is there already is no error.
// A *fault.Error says what the caller is told: Invalid for what will never be accepted, Unavailable (with RetryAfter)
// when the store fails or its queue is full. Any other error is answered 500.
type Sink interface {
	InsertProcess(context.Context, telemetry.Process) error
	InsertStream(context.Context, telemetry.Stream) error

	// Append stores a block. The payload's memory is used again after Append has returned nil, so the sink must not
	// keep it then. After an error it may still hold it, for instance in a write that was given up half-way.
	Append(context.Context, telemetry.Block, wire.Payload) error

	// Ready returns nil when something could be stored now.
	Ready(context.Context) error
}
