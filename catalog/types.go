package catalog

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/telemetry"
)

// View names a table that is made from blocks and kept in partitions.
type View string

// The materialised views. A stream feeds the view whose tag it carries.
const (
	LogEntries View = "log_entries" // streams tagged "log"
	Measures   View = "measures"    // streams tagged "metrics"

	// Unresolved stands in a pending row until the block's stream is known.
	Unresolved View = ""
)

// Views lists the materialised views.
func Views() []View { return []View{LogEntries, Measures} }

// Tag returns the stream tag that feeds v.
func (v View) Tag() string {
	switch v {
	case LogEntries:
		return telemetry.TagLog
	case Measures:
		return telemetry.TagMetrics
	default:
		return ""
	}
}

// otlp returns the format in which OpenTelemetry feeds v.
func (v View) otlp() string {
	switch v {
	case LogEntries:
		return telemetry.FormatOTLPLogs
	case Measures:
		return telemetry.FormatOTLPMetrics
	default:
		return ""
	}
}

// Location says where a block's payload lies: inline, or a span of bytes of a segment object.
type Location struct {
	Segment string // object key; empty when inline
	Offset  int64  // bytes
	Size    int64  // bytes
	Inline  []byte // the payload itself, for tiny blocks

	Checksum uint32 // CRC-32C of the payload; 0 means not recorded
}

// BlockRecord is a block with its payload's location.
type BlockRecord struct {
	telemetry.Block
	Location Location
}

// ProcessRecord is a process with what its blocks tell about it.
type ProcessRecord struct {
	telemetry.Process
	LastUpdate        telemetry.Time  // newest insert time of its blocks; the process's own without blocks
	LastBlockEndTicks telemetry.Ticks // largest over its blocks
	LastBlockEndTime  telemetry.Time  // largest over its blocks
	Blocks            int64           // how many; 0 makes the two values above meaningless
}

// StreamRecord is a stream with what its blocks tell about it.
type StreamRecord struct {
	telemetry.Stream
	LastUpdate telemetry.Time
	Blocks     int64
}

// PendingBlock is a block that a view has not materialised yet, with all that decoding it needs. Blocks of one stream
// share the Stream and Process pointers.
type PendingBlock struct {
	View    View
	Block   BlockRecord
	Stream  *StreamRecord
	Process *ProcessRecord

	Attempts    int            // failed attempts to decode
	LastError   string         // of the last failed attempt, or why it could not be tried
	NotBefore   telemetry.Time // when it may be tried again; 0 for one that never failed
	Quarantined bool           // too many attempts; kept, shown, and left out of queries and claims
}

// PartitionID identifies a partition, chosen by its writer.
type PartitionID = uuid.UUID

// Partition is one immutable Parquet file of a view.
type Partition struct {
	ID      PartitionID
	View    View
	File    string // object key
	Size    int64  // bytes
	Rows    int64
	MinTime telemetry.Time // smallest and largest event time of its rows
	MaxTime telemetry.Time
	Schema  int   // version of the view's schema the file was written with
	Level   int   // how often its rows were compacted; 0 = straight from blocks
	Blocks  int64 // number of members
	Created telemetry.Time
	Retired telemetry.Time // when another partition, or pending rows, took over its rows; 0 while it is live

	Checksum uint32 // CRC-32C of the file; 0 means not recorded
	// Companion is the size of a second file, which counts the rows and lies and dies with the first; 0 means there is none.
	Companion int64
	Attempts  int    // failed attempts to merge it
	Broken    string // why the file was set aside; "" for one that is or was whole
}

// Errors that callers branch on.
var (
	ErrNotFound  = errors.New("not found")
	ErrLostClaim = errors.New("the claim has expired or was taken over")
	// ErrNotMigrated means that the database lacks migrations which this program needs.
	ErrNotMigrated = errors.New("the catalog's schema is old")
	// ErrUnavailable marks failures that may pass: the database is locked, full or out of reach.
	ErrUnavailable = errors.New("the catalog is unavailable")
)

// Owner identifies a claimant: a process of ours, at random at start.
type Owner = uuid.UUID

// ClaimPending asks for work.
type ClaimPending struct {
	View      View
	MaxBlocks int   // at most so many blocks
	MaxBytes  int64 // stop after the block that passes this sum of payload sizes
	Owner     Owner
	Lease     time.Duration   // after this the claim may be taken over
	Inserted  telemetry.Range // blocks whose insert time lies in it; the zero range takes all
}

// ClaimPartitions asks for partitions to merge: live, of one view and level, not claimed, oldest first.
type ClaimPartitions struct {
	View               View
	Level              int
	MinFiles, MaxFiles int   // fewer than MinFiles: claim nothing, unless their sum passes MaxBytes
	MaxBytes           int64 // stop after the partition that passes this sum of sizes
	BelowSchema        int   // instead of those of Level: those of an older schema version, of any level; 0 means Level
	MaxFileBytes       int64 // partitions of this size or more are left alone; 0 means none
	MaxAttempts        int   // partitions that failed so often are left alone; 0 means none
	Owner              Owner
	Lease              time.Duration
}

// Filter narrows what a Reader returns; zero fields do not narrow. What Range is compared with, each method says.
type Filter struct {
	Range   telemetry.Range
	Process telemetry.ProcessID
	Stream  telemetry.StreamID
	Block   telemetry.BlockID // blocks, pending, partitions
	Tag     string            // stream tag (blocks, pending, streams, processes that have such a stream)
	Limit   int               // at most so many; 0 means all

	// WithoutPayload leaves Location.Inline of blocks empty, for readers that only list them.
	WithoutPayload bool
}

// Counts tells how much there is, for a system table and for tests.
type Counts struct {
	Processes int64
	Streams   int64
	Blocks    int64
	Orphans   int64 // blocks that wait for their stream or, if a view wants them, for their process
	Retired   int64 // partitions whose files are to be deleted, with those that were set aside
	SetAside  int64 // partitions whose files were found broken
	Views     map[View]ViewCounts
}

// ViewCounts is the part of Counts that belongs to one view.
type ViewCounts struct {
	Pending       int64 // blocks, with those in the next two
	Quarantined   int64
	Claimed       int64          // by an owner whose lease runs
	PendingBytes  int64          // payload
	OldestPending telemetry.Time // smallest insert time; 0 when nothing is pending

	// Of the pending blocks, those that ClaimPending would take.
	Free       int64
	FreeBytes  int64          // payload
	OldestFree telemetry.Time // smallest insert time; 0 when none is free

	Partitions int64 // live
	Rows       int64
	Bytes      int64
	Blocks     int64 // members
}
