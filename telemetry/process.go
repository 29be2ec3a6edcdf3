package telemetry

// Process is one run of an instrumented program, as it registered itself.
type Process struct {
	ID       ProcessID
	Exe      string
	Username string
	Realname string
	Computer string
	Distro   string
	CPUBrand string

	// TSCFrequency is in ticks per second; 0 when the client does not know, which is usual on virtual machines.
	TSCFrequency int64
	// StartTime and StartTicks were read at the same moment; StartTime is cut to microseconds.
	StartTime  Time
	StartTicks Ticks

	Parent     ProcessID // zero when there is none
	Properties map[string]string

	// InsertTime is the server's clock when the process was recorded.
	InsertTime Time
}

// The formats of streams' blocks.
const (
	FormatNative = "micromegas-transit" // the native transit layout; see package wire

	// FormatOTLPLogs and the two below have one ResourceLogs, ResourceMetrics or ResourceSpans in protobuf, not compressed,
	// as the objects of a payload, and no dependencies.
	FormatOTLPLogs    = "otlp/v1/logs"
	FormatOTLPMetrics = "otlp/v1/metrics"
	FormatOTLPTraces  = "otlp/v1/traces"
)

// The tags that say what a stream holds.
const (
	TagLog     = "log"
	TagMetrics = "metrics"
	TagCPU     = "cpu"
	TagNet     = "net"
	TagImage   = "image"
	TagTrace   = "trace"
)

// Stream is an ordered sequence of blocks of one process.
type Stream struct {
	ID        StreamID
	ProcessID ProcessID

	// DependenciesMetadata and ObjectsMetadata are CBOR arrays of type layouts; see package wire.
	DependenciesMetadata []byte
	ObjectsMetadata      []byte

	Tags       []string
	Properties map[string]string
	Format     string // [FormatNative] or the name of another encoding

	InsertTime Time
}

// ThreadName is what a thread is called in span tables: "name-id", or the id alone, or the stream id.
func (s *Stream) ThreadName() string {
	name, id := s.Properties["thread-name"], s.Properties["thread-id"]
	switch {
	case id == "":
		return s.ID.String()
	case name == "":
		return id
	default:
		return name + "-" + id
	}
}

// Block describes a batch of events of one stream; its payload is kept beside it.
type Block struct {
	ID        BlockID
	StreamID  StreamID
	ProcessID ProcessID

	BeginTime, EndTime   Time  // wall clock when the block was opened and closed, cut to microseconds
	BeginTicks, EndTicks Ticks // relative to the process's StartTicks; negative values are normal

	Objects      int32 // number of events as the client counted them
	ObjectOffset int64 // number of events in earlier blocks of the stream
	PayloadSize  int64 // bytes of the stored payload

	InsertTime Time
}
