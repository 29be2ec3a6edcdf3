package wire

import (
	"fmt"

	"github.com/micromegas-go/micromegas/telemetry"
)

// DecodeBlock reads the body of an insert_block request. The payload may alias body. Its content is not looked at,
// see [Payload.Validate]. PayloadSize is set to the length of the stored form. Every error is permanent.
func DecodeBlock(body []byte) (telemetry.Block, Payload, error) {
	r, err := newCBORReader(body)
	if err != nil {
		return telemetry.Block{}, Payload{}, fmt.Errorf("insert_block: %w", err)
	}
	var (
		b telemetry.Block
		p Payload
	)
	err = r.object([]cborField{
		{"block_id", r.intoID(func(s string) (err error) { b.ID, err = telemetry.ParseBlockID(s); return })},
		{"stream_id", r.intoID(func(s string) (err error) { b.StreamID, err = telemetry.ParseStreamID(s); return })},
		{"process_id", r.intoID(func(s string) (err error) { b.ProcessID, err = telemetry.ParseProcessID(s); return })},
		{"begin_time", r.intoTime(&b.BeginTime)},
		{"begin_ticks", r.intoInt64((*int64)(&b.BeginTicks))},
		{"end_time", r.intoTime(&b.EndTime)},
		{"end_ticks", r.intoInt64((*int64)(&b.EndTicks))},
		{"payload", r.intoPayload(&p)},
		{"object_offset", r.intoInt64(&b.ObjectOffset)},
		{"nb_objects", r.intoInt32(&b.Objects)},
	})
	if err != nil {
		return telemetry.Block{}, Payload{}, fmt.Errorf("insert_block: %w", err)
	}
	b.PayloadSize = int64(p.encodedLen())
	return b, p, nil
}

// EncodeBlock returns the body of an insert_block request.
func EncodeBlock(b telemetry.Block, p Payload) []byte {
	const others = 512 // more than everything but the payload takes
	dst := make([]byte, 0, others+p.encodedLen())
	dst = appendHead(dst, majorMap, 10)
	dst = appendText(appendText(dst, "block_id"), b.ID.String())
	dst = appendText(appendText(dst, "stream_id"), b.StreamID.String())
	dst = appendText(appendText(dst, "process_id"), b.ProcessID.String())
	dst = appendText(appendText(dst, "begin_time"), b.BeginTime.String())
	dst = appendInt(appendText(dst, "begin_ticks"), int64(b.BeginTicks))
	dst = appendText(appendText(dst, "end_time"), b.EndTime.String())
	dst = appendInt(appendText(dst, "end_ticks"), int64(b.EndTicks))
	dst = p.append(appendText(dst, "payload"))
	dst = appendInt(appendText(dst, "object_offset"), b.ObjectOffset)
	return appendInt(appendText(dst, "nb_objects"), int64(b.Objects))
}
