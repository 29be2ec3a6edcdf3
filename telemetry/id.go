package telemetry

import (
	"fmt"

	"github.com/google/uuid"
)

// ProcessID identifies one run of an instrumented program. The client chooses it at start, at random.
type ProcessID uuid.UUID

// StreamID identifies a stream of one process.
type StreamID uuid.UUID

// BlockID identifies a block. It is the idempotence key of ingestion: the same block sent again carries the same id.
type BlockID uuid.UUID

// ParseProcessID reads a UUID in any of the four textual forms that clients use: plain, in braces, as urn:uuid, or
// without hyphens; the letter case does not matter.
func ParseProcessID(s string) (ProcessID, error) { id, err := parseID(s); return ProcessID(id), err }

// ParseStreamID reads a UUID in the forms of [ParseProcessID].
func ParseStreamID(s string) (StreamID, error) { id, err := parseID(s); return StreamID(id), err }

// ParseBlockID reads a UUID in the forms of [ParseProcessID].
func ParseBlockID(s string) (BlockID, error) { id, err := parseID(s); return BlockID(id), err }

func parseID(s string) (uuid.UUID, error) {
	id, err := uuid.Parse(s)
	if err != nil {
		return uuid.Nil, fmt.Errorf("%.64q is not a UUID", s)
	}
	return id, nil
}

// String returns the lower-case, hyphenated form that every table shows.
func (id ProcessID) String() string { return uuid.UUID(id).String() }

// String returns the lower-case, hyphenated form that every table shows.
func (id StreamID) String() string { return uuid.UUID(id).String() }

// String returns the lower-case, hyphenated form that every table shows.
func (id BlockID) String() string { return uuid.UUID(id).String() }

// IsZero reports whether the id is the nil UUID, which stands for "none" (a process without a parent).
func (id ProcessID) IsZero() bool { return id == ProcessID{} }
