package sink

import (
	"strconv"

	"github.com/micromegas-go/micromegas/telemetry"
)

// Kind is what a block holds. It decides what is given up first when there is more than the queue may hold.
type Kind uint8

// Kinds in the order in which they are sent, and the reverse of the order in which they are given up.
const (
	Logs Kind = iota
	Metrics
	Spans // also images: the bulk

	kinds = iota
)

// String returns the kind's name in messages, metrics and file names.
func (k Kind) String() string {
	switch k {
	case Logs:
		return "logs"
	case Metrics:
		return "metrics"
	case Spans:
		return "spans"
	}
	return "kind" + strconv.Itoa(int(k))
}

// Block is a batch of events on its way to the server.
type Block struct {
	ID     telemetry.BlockID
	Stream telemetry.StreamID // see [Sink.Stream]; its record is sent before the block
	Kind   Kind
	Events int // what a loss counts
	Size   int // bytes that the block holds in memory until it is encoded

	// Encode returns the body of the insert_block request. It is called on a goroutine of the sink and should return
	// the same bytes each time: it may be called again. An error, or a panic, loses the block.
	Encode func() ([]byte, error)

	// Release, if there is one, is called once, on any goroutine, when Encode will not be called any more: the block
	// was encoded and only its bytes are kept, or it was given up. It is the moment to use its memory again, and must
	// not call back into the sink.
	Release func()
}
