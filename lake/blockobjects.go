package lake

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/internal/jsonb"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// blockObjects are the columns of the events of a block in generic form.
var blockObjects = &view{
	name: "parse_block", version: 1, plain: []string{"object_index", "value"},
	schema: arrow.NewSchema([]arrow.Field{
		required("object_index", typeInt64),
		required("type_name", typeText),
		required("value", typeBytes),
	}, nil),
}

// BlockObjectsSchema returns the columns of [Lake.BlockObjects].
func BlockObjectsSchema() *arrow.Schema { return blockObjects.schema }

// ErrNoBlock is that a block does not exist, or not in the range.
var ErrNoBlock = errors.New("there is no such block")

// FormatError is that nothing here reads blocks of a format.
type FormatError struct{ Format string }

func (e *FormatError) Error() string { return "no decoder for blocks of the format " + e.Format }

// BlockObjects returns the events of a block, each with its name and its members as JSONB. Events that are not well formed
// are left out. The error is ErrNoBlock, a *FormatError, or a fault.
func (l *Lake) BlockObjects(ctx context.Context, id telemetry.BlockID, during telemetry.Range) (*Snapshot, error) {
	b, err := l.block(ctx, catalog.Filter{Block: id, Range: during})
	if err != nil {
		return nil, err
	}
	if b.Stream.Format != telemetry.FormatNative {
		return nil, &FormatError{b.Stream.Format}
	}
	f, err := l.cache.get(ctx, "parse_block-"+id.String(), func(ctx context.Context, path string) (int64, error) {
		return l.writeObjects(ctx, b, path)
	})
	if _, bad := errors.AsType[*decodeError](err); bad {
		return nil, fault.Wrap(fault.Invalid, fmt.Sprintf("parse_block: block %s cannot be read", id), err)
	}
	if err != nil {
		return nil, readFault(ctx, err)
	}
	return &Snapshot{
		Tables:  []*Table{{Schema: blockObjects.schema, Files: []string{f.path}, OrderBy: "object_index"}},
		release: f.release,
	}, nil
}

// block returns the only block of f with its stream and process.
func (l *Lake) block(ctx context.Context, f catalog.Filter) (*catalog.PendingBlock, error) {
	p := &plan{}
	err := l.catalog.Read(ctx, func(r *catalog.Reader) (err error) {
		if p.blocks, err = r.Blocks(ctx, f); err != nil || len(p.blocks) == 0 {
			return errors.Join(err, ErrNoBlock)
		}
		return p.lookAround(ctx, r, catalog.Filter{Process: p.blocks[0].ProcessID}, catalog.Filter{Stream: p.blocks[0].StreamID})
	})
	if err == nil {
		if joined := p.joined(); len(joined) > 0 {
			return joined[0], nil
		}
		err = ErrNoBlock // it waits for its stream
	}
	if errors.Is(err, ErrNoBlock) {
		return nil, ErrNoBlock
	}
	return nil, readFault(ctx, err)
}

func (l *Lake) writeObjects(ctx context.Context, b *catalog.PendingBlock, path string) (int64, error) {
	s, err := l.open(ctx, b)
	if err != nil {
		return 0, err
	}
	out, err := createFile(path, blockObjects, passing)
	if err != nil {
		return 0, err
	}
	r := newRows(blockObjects)
	index, name, value := r.cols[0].(*numbers[int64]), r.cols[1].(*text), r.cols[2].(*text)
	var failed error
	var buf []byte
	err = s.decoder.Objects(s.payload, func(o wire.Object) error {
		if buf, failed = jsonb.Append(buf[:0], objectValue(&o)); failed != nil {
			return failed
		}
		index.add(b.Block.ObjectOffset + o.Index)
		name.add(o.Type)
		value.add(string(buf))
		if r.full() {
			failed = out.write(r)
		}
		return errors.Join(failed, ctx.Err())
	})
	switch {
	case failed != nil:
		err = failed
	case ctx.Err() != nil:
		err = ctx.Err()
	case err != nil && r.len() == 0 && out.rows == 0:
		err = &decodeError{err: err} // nothing of it can be read
	case err != nil:
		l.log.WarnContext(ctx, "block not read to its end", "view", "parse_block", "block_id", b.Block.ID, "err", err)
		err = nil
	}
	if err == nil {
		err = out.write(r)
	}
	if err != nil {
		out.abandon()
		return 0, err
	}
	return out.close()
}

// objectValue is an object of the wire's for JSONB: its members, and its type as __type. Bytes are base64.
func objectValue(o *wire.Object) any {
	object := make(map[string]any, len(o.Fields)+1)
	for _, f := range o.Fields {
		v := f.Value
		switch value := v.(type) {
		case *wire.Object:
			v = objectValue(value)
		case []byte:
			v = base64.StdEncoding.EncodeToString(value)
		}
		object[f.Name] = v
	}
	object["__type"] = o.Type
	return object
}

// BlockKey names a block with the stream and process that it must belong to.
type BlockKey struct {
	Process telemetry.ProcessID
	Stream  telemetry.StreamID
	Block   telemetry.BlockID
}

// MissingError is that a process does not exist, or that it has no such block.
type MissingError struct {
	Key     BlockKey
	Process bool // it is the process that does not exist
}

func (e *MissingError) Error() string {
	if e.Process {
		return "there is no process " + e.Key.Process.String()
	}
	return "there is no block " + e.Key.Block.String() + " of that stream and process"
}

// Payloads returns the payloads of blocks as they were stored, and stops when they have more than limit bytes together. The
// error is a *MissingError, or a fault.
func (l *Lake) Payloads(ctx context.Context, keys []BlockKey, limit int64) ([][]byte, error) {
	locations := make([]catalog.Location, len(keys))
	err := l.catalog.Read(ctx, func(r *catalog.Reader) error {
		known := map[telemetry.ProcessID]bool{}
		for i, k := range keys {
			if !known[k.Process] {
				found, err := r.Processes(ctx, catalog.Filter{Process: k.Process, Limit: 1})
				if err != nil {
					return err
				}
				if len(found) == 0 {
					return &MissingError{Key: k, Process: true}
				}
				known[k.Process] = true
			}
			found, err := r.Blocks(ctx, catalog.Filter{Block: k.Block})
			if err != nil {
				return err
			}
			if len(found) == 0 || found[0].ProcessID != k.Process || found[0].StreamID != k.Stream {
				return &MissingError{Key: k}
			}
			locations[i] = found[0].Location
		}
		return nil
	})
	if missing, ok := errors.AsType[*MissingError](err); ok {
		return nil, missing
	}
	if err != nil {
		return nil, readFault(ctx, err)
	}
	payloads := make([][]byte, len(keys))
	for i, k := range keys {
		stored, err := l.payload(ctx, locations[i])
		if _, bad := errors.AsType[*decodeError](err); bad {
			return nil, fault.Wrap(fault.Invalid, fmt.Sprintf("get_payload: the payload of block %s is gone or damaged", k.Block), err)
		}
		if err != nil {
			return nil, readFault(ctx, err)
		}
		if limit -= int64(len(stored)); limit < 0 {
			return nil, &fault.Error{
				Kind: fault.Exhausted, Msg: "get_payload: the payloads are too large together",
				Fix: "ask for fewer blocks at a time",
			}
		}
		payloads[i] = stored
	}
	return payloads, nil
}
