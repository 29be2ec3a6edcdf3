package lake

import (
	"fmt"
	"sync"

	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// decoders keeps the decoders of streams that were read lately.
type decoders struct {
	mu     sync.Mutex
	stream map[telemetry.StreamID]*wire.Decoder
}

// maxDecoders bounds the cache; a decoder takes some kilobytes.
const maxDecoders = 4096

// blockText bounds the texts of a block. Columns hold up to 2 GiB, and a block is added to less than partitionBytes.
const blockText = 1 << 30

func newDecoders() *decoders { return &decoders{stream: map[telemetry.StreamID]*wire.Decoder{}} }

func (d *decoders) get(s *telemetry.Stream) (*wire.Decoder, error) {
	d.mu.Lock()
	dec := d.stream[s.ID]
	d.mu.Unlock()
	if dec != nil {
		return dec, nil
	}
	deps, err := wire.DecodeLayout(s.DependenciesMetadata)
	if err != nil {
		return nil, &decodeError{err: fmt.Errorf("stream %s, dependencies_metadata: %w", s.ID, err)}
	}
	objects, err := wire.DecodeLayout(s.ObjectsMetadata)
	if err != nil {
		return nil, &decodeError{err: fmt.Errorf("stream %s, objects_metadata: %w", s.ID, err)}
	}
	dec, err = wire.NewDecoder(deps, objects, wire.Limits{TextBytes: blockText})
	if err != nil {
		return nil, &decodeError{err: fmt.Errorf("stream %s: %w", s.ID, err)}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.stream) >= maxDecoders {
		for id := range d.stream { // any one
			delete(d.stream, id)
			break
		}
	}
	d.stream[s.ID] = dec
	return dec, nil
}
