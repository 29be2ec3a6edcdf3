package flightsql

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/protobuf/proto"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// handle is a statement as it travels between calls. Without values it is the SQL text. With values it is
//
//	boundMark, then pieces: the SQL text, and for each Arrow message of the values its header and its body
//	a piece is its length as a uvarint, then its bytes
//
// which nobody can take for a text, as a text has no NUL. It holds all that running the statement needs, so that any server
// can answer. It is no credential: who has it may do what the caller itself may, so that it needs no signature. What is
// read from it is checked like what comes from any caller.
type handle struct {
	sql    string
	values [][]byte // headers and bodies in turn; nil without any
}

const (
	// boundMark begins the handle of a statement with values; the digit is the version of the form.
	boundMark = "\x00bound1\x00"
	// maxValues bounds the values of a statement in bytes. They come back in descriptor and ticket of a FlightInfo, which
	// clients read up to 4 MiB.
	maxValues = 1 << 20
	// valuesMemory bounds the values when they are no longer compressed.
	valuesMemory = 16 * maxValues
	// maxRuns bounds the rows of values, for each of which the statement runs once.
	maxRuns = 10_000
)

func parseHandle(b []byte) (handle, error) {
	rest, isBound := bytes.CutPrefix(b, []byte(boundMark))
	if !isBound {
		return handle{sql: string(b)}, nil
	}
	if len(rest) > maxStatementAndValues {
		return handle{}, errHandle
	}
	var pieces [][]byte
	for len(rest) > 0 {
		n, size := binary.Uvarint(rest)
		if size <= 0 || n > uint64(len(rest)-size) {
			return handle{}, errHandle
		}
		rest = rest[size:]
		pieces = append(pieces, rest[:n:n])
		rest = rest[n:]
	}
	if len(pieces) < 3 || len(pieces)%2 == 0 {
		return handle{}, errHandle
	}
	return handle{sql: string(pieces[0]), values: pieces[1:]}, nil
}

// maxStatementAndValues is more than any handle of ours has; the statement's own limit is package query's.
const maxStatementAndValues = 4 << 20

func (h handle) bytes() []byte {
	if h.values == nil {
		return []byte(h.sql)
	}
	b := append(binary.AppendUvarint([]byte(boundMark), uint64(len(h.sql))), h.sql...)
	for _, v := range h.values {
		b = append(binary.AppendUvarint(b, uint64(len(v))), v...)
	}
	return b
}

// handleMessages gives out the messages in a handle.
type handleMessages [][]byte

func (m *handleMessages) Recv() (*flight.FlightData, error) {
	if len(*m) < 2 {
		return nil, io.EOF
	}
	data := &flight.FlightData{DataHeader: (*m)[0], DataBody: (*m)[1]}
	*m = (*m)[2:]
	return data, nil
}

// parameters are the values that h holds, as one batch, or nil. The caller releases it.
func (h handle) parameters() (arrow.RecordBatch, error) {
	if h.values == nil {
		return nil, nil
	}
	rest := handleMessages(h.values)
	first, err := rest.Recv()
	if err != nil {
		return nil, errHandle
	}
	in := &putMessages{first: first, stream: &rest}
	r, err := in.batches(valuesMemory)
	if err != nil {
		return nil, err
	}
	defer r.Release()
	var batches []arrow.RecordBatch
	defer func() {
		for _, b := range batches {
			b.Release()
		}
	}()
	rows := int64(0)
	for r.Next() {
		b := r.RecordBatch()
		if rows += b.NumRows(); rows > maxRuns {
			return nil, fault.New(fault.TooLarge, fmt.Sprintf("the statement would run more than %d times: so many rows of values are bound", maxRuns))
		}
		b.Retain()
		batches = append(batches, b)
	}
	if err := in.ended(r); err != nil {
		return nil, err
	}
	if r.Schema().NumFields() == 0 {
		return nil, nil
	}
	return joined(r.Schema(), batches)
}

var errHandle = &fault.Error{
	Kind: fault.Invalid, Msg: "the handle of the prepared statement is damaged", Fix: "prepare the statement again",
}

// joined makes one batch of many.
func joined(schema *arrow.Schema, batches []arrow.RecordBatch) (arrow.RecordBatch, error) {
	if len(batches) == 1 {
		batches[0].Retain()
		return batches[0], nil
	}
	columns := make([]arrow.Array, schema.NumFields())
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	var rows int64
	for _, b := range batches {
		rows += b.NumRows()
	}
	for i, f := range schema.Fields() {
		if len(batches) == 0 {
			columns[i] = array.MakeArrayOfNull(memory.DefaultAllocator, f.Type, 0)
			continue
		}
		parts := make([]arrow.Array, len(batches))
		for n, b := range batches {
			parts[n] = b.Column(i)
		}
		var err error
		if columns[i], err = array.Concatenate(parts, memory.DefaultAllocator); err != nil {
			return nil, fault.Wrap(fault.Invalid, "the batches of values do not fit each other", err)
		}
	}
	return array.NewRecordBatch(schema, columns, rows), nil
}

// bind takes values for the parameters of a prepared statement and answers with the handle that has them. The handle that
// comes may have values already: these are others for the same statement.
func bind(cmd *pb.CommandPreparedStatementQuery, first *flight.FlightData, stream flight.FlightService_DoPutServer) error {
	h, err := parseHandle(cmd.GetPreparedStatementHandle())
	if err != nil {
		return err
	}
	if err := checkStatement(h.sql); err != nil {
		return err
	}
	h.values = nil
	size := 0
	in := &putMessages{first: first, stream: stream, seen: func(m *flight.FlightData) error {
		if size += len(m.GetDataHeader()) + len(m.GetDataBody()); size > maxValues {
			return fault.New(fault.TooLarge, fmt.Sprintf("the values of the parameters take more than %d bytes", maxValues))
		}
		if len(m.GetDataHeader()) > 0 {
			h.values = append(h.values, m.GetDataHeader(), m.GetDataBody())
		}
		return nil
	}}
	r, err := in.batches(valuesMemory)
	if err != nil {
		return err
	}
	defer r.Release()
	for r.Next() { // only to see that it can be read
	}
	if err := in.ended(r); err != nil {
		return err
	}
	if r.Schema().NumFields() == 0 {
		h.values = nil
	}
	result, err := proto.Marshal(&pb.DoPutPreparedStatementResult{PreparedStatementHandle: h.bytes()})
	if err != nil {
		return err
	}
	return stream.Send(&flight.PutResult{AppMetadata: result})
}
