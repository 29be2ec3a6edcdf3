package wire

import (
	"errors"
	"fmt"
)

// Payload is the content of a block: two queues, each compressed into one LZ4 frame.
type Payload struct {
	Dependencies []byte // the records that events refer to
	Objects      []byte // the events
}

// DecodePayload reads the form in which payloads are stored: a CBOR map of two byte strings. Payloads of old clients,
// with arrays of integers in their place, are read as well. The result may alias stored.
func DecodePayload(stored []byte) (Payload, error) {
	r, err := newCBORReader(stored)
	if err != nil {
		return Payload{}, fmt.Errorf("payload: %w", err)
	}
	var p Payload
	if err := r.intoPayload(&p)(); err != nil {
		return Payload{}, fmt.Errorf("payload: %w", err)
	}
	return p, nil
}

func (r *cborReader) intoPayload(dst *Payload) func() error {
	return func() error {
		return r.object([]cborField{
			{"dependencies", r.intoBytes(&dst.Dependencies)},
			{"objects", r.intoBytes(&dst.Objects)},
		})
	}
}

// Encode returns the form in which p is stored.
func (p Payload) Encode() []byte { return p.append(make([]byte, 0, p.encodedLen())) }

const (
	keyDependencies = "dependencies"
	keyObjects      = "objects"
)

func (p Payload) append(dst []byte) []byte {
	dst = appendHead(dst, majorMap, 2)
	dst = appendByteString(appendText(dst, keyDependencies), p.Dependencies)
	return appendByteString(appendText(dst, keyObjects), p.Objects)
}

// encodedLen is the length of the stored form.
func (p Payload) encodedLen() int {
	const keys = 1 + 1 + len(keyDependencies) + 1 + len(keyObjects)
	d, o := len(p.Dependencies), len(p.Objects)
	return keys + headLen(uint64(d)) + d + headLen(uint64(o)) + o
}

// Validate reports a payload that cannot be in the native format because a queue is not an LZ4 frame. It looks at the
// first bytes only; everything else is found out by decoding. Payloads of other formats do not pass.
func (p Payload) Validate() error {
	var errs []error
	if err := checkFrame(p.Dependencies); err != nil {
		errs = append(errs, fmt.Errorf("payload.dependencies: %w", err))
	}
	if err := checkFrame(p.Objects); err != nil {
		errs = append(errs, fmt.Errorf("payload.objects: %w", err))
	}
	return errors.Join(errs...)
}
