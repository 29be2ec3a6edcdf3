package lake

import (
	"context"
	"errors"
	"fmt"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/jsonb"
	"github.com/micromegas-go/micromegas/objstore"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// unstamped is the audience of rows whose credential carried none.
const unstamped = "public"

// source is a block on its way into rows.
type source struct {
	*catalog.PendingBlock
	decoder *wire.Decoder // of the native format; nil for others
	payload wire.Payload
	stats   wire.Stats // of the last call of events
}

// open fetches the payload of b and the decoder of its stream.
func (l *Lake) open(ctx context.Context, b *catalog.PendingBlock) (*source, error) {
	var decoder *wire.Decoder
	switch b.Stream.Format {
	case telemetry.FormatNative:
		var err error
		if decoder, err = l.decoders.get(&b.Stream.Stream); err != nil {
			return nil, err
		}
	case telemetry.FormatOTLPLogs, telemetry.FormatOTLPMetrics, telemetry.FormatOTLPTraces:
	default:
		return nil, &decodeError{err: fmt.Errorf("stream %s: unknown format %.64q", b.Stream.ID, b.Stream.Format)}
	}
	stored, err := l.payload(ctx, b.Block.Location)
	if err != nil {
		if damaged, ok := errors.AsType[*decodeError](err); ok {
			return nil, &decodeError{err: fmt.Errorf("block %s: %w", b.Block.ID, damaged.err), gone: damaged.gone}
		}
		return nil, fmt.Errorf("read block %s: %w", b.Block.ID, err)
	}
	payload, err := wire.DecodePayload(stored)
	if err != nil {
		return nil, &decodeError{err: fmt.Errorf("block %s: %w", b.Block.ID, err)}
	}
	return &source{PendingBlock: b, decoder: decoder, payload: payload}, nil
}

// decodeError marks what is wrong with a block itself, so that trying again elsewhere cannot help.
type decodeError struct {
	err  error
	gone bool // its payload is missing or damaged in the store; somebody may bring it back
}

func (e *decodeError) Error() string { return e.err.Error() }
func (e *decodeError) Unwrap() error { return e.err }

// events decodes the block. Events that are not well formed are left out and counted; an error says that the rest of the
// block cannot be read.
func (s *source) events(yield func(*wire.Event) error) error {
	if s.decoder == nil {
		return &decodeError{err: fmt.Errorf("block %s is %s, which does not fit the tags of its stream", s.Block.ID, s.Stream.Format)}
	}
	var err error
	s.stats, err = s.decoder.Events(s.payload, yield)
	if err != nil {
		return &decodeError{err: fmt.Errorf("block %s after %d events: %w", s.Block.ID, s.stats.Decoded, err)}
	}
	return nil
}

// addWhole adds the rows of b to m, or none of them. Events that are not well formed are left out and counted.
func (l *Lake) addWhole(ctx context.Context, m maker, b *catalog.PendingBlock) (wire.Stats, error) {
	before := m.collected().len()
	s, err := l.open(ctx, b)
	if err != nil {
		return wire.Stats{}, err
	}
	if err := m.add(s); err != nil {
		m.collected().truncate(before)
		return s.stats, fmt.Errorf("decode for %s: %w", m.collected().view.name, err)
	}
	return s.stats, nil
}

// payload reads the bytes at loc. The error is a *decodeError when the store says that they are not there, or when they are
// not what was stored; when it does not answer, a fault of kind Unavailable.
func (l *Lake) payload(ctx context.Context, loc catalog.Location) ([]byte, error) {
	stored := loc.Inline
	if loc.Segment == "" && loc.Inline == nil {
		return nil, &decodeError{err: errors.New("its payload is gone: the block was deleted"), gone: true}
	}
	if loc.Segment != "" {
		var err error
		stored, err = l.objects.GetRange(ctx, loc.Segment, loc.Offset, loc.Size)
		if errors.Is(err, objstore.ErrNotFound) || errors.Is(err, objstore.ErrOutside) {
			return nil, &decodeError{err: fmt.Errorf("its payload is gone: %w", err), gone: true}
		}
		if err != nil {
			return nil, storeFault(ctx, err)
		}
	}
	if sum := checksum(stored); loc.Checksum != 0 && sum != loc.Checksum {
		return nil, &decodeError{
			err: fmt.Errorf("its payload is damaged: %d bytes at %d of %q have the checksum %08x, not %08x", loc.Size, loc.Offset,
				loc.Segment, sum, loc.Checksum),
			gone: true,
		}
	}
	return stored, nil
}

// blockClock returns the clock for log entries and measures: a process that does not know its frequency gets the one that
// follows from the end of this very block.
func (s *source) blockClock() telemetry.Clock {
	return processClock(s.Process, s.Block.EndTicks, s.Block.EndTime)
}

// spanClock returns the clock for spans, one for the whole process: a process that does not know its frequency gets the one
// that follows from the last of its blocks.
func (s *source) spanClock() telemetry.Clock {
	return processClock(s.Process, s.Process.LastBlockEndTicks, s.Process.LastBlockEndTime)
}

func processClock(p *catalog.ProcessRecord, elapsed telemetry.Ticks, end telemetry.Time) telemetry.Clock {
	frequency := p.TSCFrequency
	if frequency <= 0 {
		frequency = telemetry.EstimateFrequency(p.StartTime, elapsed, end)
	}
	if frequency <= 0 {
		// Nothing tells how fast this clock runs, say because its only block ends at the start. Nanoseconds keep the
		// events in order and near the start, which beats losing them.
		frequency = 1e9
	}
	return telemetry.NewClock(p.StartTime, p.StartTicks, frequency)
}

// propertySets turns property sets into codes of a JSONB column, once per set and block.
type propertySets struct {
	col   *coded
	codes map[*wire.Property]int32
	empty int32
	buf   []byte
}

func newPropertySets(col *coded) *propertySets {
	return &propertySets{col: col, codes: map[*wire.Property]int32{}}
}

// start begins a new block, whose sets have identities of their own.
func (p *propertySets) start() {
	clear(p.codes)
	p.empty = p.col.code(string(appendProperties(p.buf[:0], nil)))
}

func (p *propertySets) add(set wire.Properties) { p.col.addCode(p.code(set)) }

func (p *propertySets) code(set wire.Properties) int32 {
	key := set.Identity()
	if key == nil {
		return p.empty
	}
	code, ok := p.codes[key]
	if !ok {
		p.buf = appendProperties(p.buf[:0], set)
		code = p.col.code(string(p.buf))
		p.codes[key] = code
	}
	return code
}

func appendProperties(dst []byte, set wire.Properties) []byte {
	names, values := make([]string, len(set)), make([]string, len(set))
	for i, p := range set {
		names[i], values[i] = p.Name, p.Value
	}
	return jsonb.AppendProperties(dst, names, values)
}

func encodeProperties(m map[string]string) []byte {
	names, values := make([]string, 0, len(m)), make([]string, 0, len(m))
	for name, value := range m {
		names, values = append(names, name), append(values, value)
	}
	return jsonb.AppendProperties(nil, names, values)
}
