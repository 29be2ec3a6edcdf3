package flightsql

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// put sends batches behind a command and returns the metadata of the answer.
func (s *service) put(ctx context.Context, cmd proto.Message, batches []arrow.RecordBatch, opts ...ipc.Option) ([]byte, error) {
	stream, err := s.flight().DoPut(ctx)
	if err != nil {
		return nil, err
	}
	w := flight.NewRecordWriter(stream, append([]ipc.Option{ipc.WithSchema(batches[0].Schema())}, opts...)...)
	wrapped, err := packed(cmd)
	if err != nil {
		return nil, err
	}
	w.SetFlightDescriptor(&flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: wrapped})
	for _, b := range batches {
		if err := w.Write(b); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	if err := w.Close(); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	answer, err := stream.Recv()
	if err != nil {
		return nil, err
	}
	if more, err := stream.Recv(); !errors.Is(err, io.EOF) {
		return nil, errors.Join(errors.New("more than one answer: "+more.String()), err)
	}
	return answer.GetAppMetadata(), nil
}

func (s *service) bind(ctx context.Context, handle []byte, batches []arrow.RecordBatch, opts ...ipc.Option) ([]byte, error) {
	meta, err := s.put(ctx, &pb.CommandPreparedStatementQuery{PreparedStatementHandle: handle}, batches, opts...)
	if err != nil {
		return nil, err
	}
	var result pb.DoPutPreparedStatementResult
	err = proto.Unmarshal(meta, &result)
	return result.GetPreparedStatementHandle(), err
}

// A handle has the values in it: what one server has bound, another runs (weakness 3 of existing servers: prepared
// statements could be described but not executed, and had no parameters).
func TestBoundHandlesNeedNoState(t *testing.T) {
	one, other := start(t, Options{}), start(t, Options{})
	ctx := within(t)
	p, err := one.client.Prepare(ctx, "one ?")
	if err != nil {
		t.Fatal(err)
	}
	if p.ParameterSchema() == nil || p.ParameterSchema().NumFields() != 1 {
		t.Errorf("parameters %v", p.ParameterSchema())
	}
	first, second := ints(1, 2), ints(3)
	defer first.Release()
	defer second.Release()
	p.SetParameters(first)
	if _, err := p.Execute(ctx); err != nil { // puts the bound handle in the place of the first one
		t.Fatal(err)
	}
	p.SetParameters(second) // binds to the handle that has values
	info, err := p.Execute(ctx)
	if err != nil {
		t.Fatal(err)
	}
	r, err := other.client.DoGet(ctx, info.Endpoint[0].Ticket)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := drain(r); err != nil {
		t.Fatal(err)
	}
	if got := other.last().SQL + " " + strings.Join(strings.Fields(other.lastBound()), ""); got != `one ? [{"count(*)":3}]` {
		t.Errorf("ran %s", got)
	}
	// Also without a FlightInfo: the command is its own ticket.
	bound, err := one.bind(ctx, []byte("one ?"), []arrow.RecordBatch{first, second})
	if err != nil {
		t.Fatal(err)
	}
	r, err = other.get(ctx, inAny(t, &pb.CommandPreparedStatementQuery{PreparedStatementHandle: bound}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := drain(r); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(strings.Fields(other.lastBound()), ""); got != `[{"count(*)":1},{"count(*)":2},{"count(*)":3}]` {
		t.Errorf("bound %s", got)
	}
}

func TestUnboundParameters(t *testing.T) {
	s := start(t, Options{})
	ctx := within(t)
	p, err := s.client.Prepare(ctx, "one ?")
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Execute(ctx)
	if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "no values are bound") {
		t.Errorf("execute: %v", err)
	}
	if _, err := p.GetSchema(ctx); err != nil {
		t.Errorf("the schema can be told: %v", err)
	}
	if _, err := s.client.Execute(ctx, "one ?"); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a statement: %v", err)
	}
}

func TestValuesThatCannotBeRead(t *testing.T) {
	s := start(t, Options{})
	ctx := within(t)
	large := texts(strings.Repeat("x", maxValues))
	defer large.Release()
	if _, err := s.bind(ctx, []byte("one ?"), []arrow.RecordBatch{large}); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("too large: %v", err)
	}
	// Many zeros in a message of some kilobytes.
	b := array.NewInt64Builder(memory.DefaultAllocator)
	b.AppendValues(make([]int64, valuesMemory/4), nil)
	zeros := b.NewArray()
	defer zeros.Release()
	bomb := array.NewRecordBatch(oneSchema(), []arrow.Array{zeros}, int64(zeros.Len()))
	defer bomb.Release()
	if _, err := s.bind(ctx, []byte("one ?"), []arrow.RecordBatch{bomb}, ipc.WithZstd()); status.Code(err) != codes.InvalidArgument {
		t.Errorf("bomb: %v", err)
	}
	good := ints(1)
	defer good.Release()
	if _, err := s.bind(ctx, []byte(" "), []arrow.RecordBatch{good}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("no statement: %v", err)
	}
	empty := array.NewRecordBatch(arrow.NewSchema(nil, nil), nil, 0)
	if h, err := s.bind(ctx, []byte("one"), []arrow.RecordBatch{empty}); err != nil || string(h) != "one" {
		t.Errorf("no columns: %q, %v", h, err)
	}
	// A command without batches.
	stream, err := s.flight().DoPut(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cmd := inAny(t, &pb.CommandPreparedStatementQuery{PreparedStatementHandle: []byte("one ?")})
	if err := stream.Send(&flight.FlightData{FlightDescriptor: &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: cmd}}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "schema") {
		t.Errorf("no schema: %v", err)
	}
}

func TestDamagedHandles(t *testing.T) {
	s := start(t, Options{})
	ctx := within(t)
	values := ints(1)
	defer values.Release()
	good, err := s.bind(ctx, []byte("one ?"), []arrow.RecordBatch{values})
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string][]byte{
		"mark alone":  []byte(boundMark),
		"long text":   append([]byte(boundMark), 0xff, 0xff, 0xff, 0xff, 0x7f, 'x'),
		"no varint":   append([]byte(boundMark), bytes.Repeat([]byte{0xff}, 11)...),
		"half":        good[:len(good)/2],
		"another NUL": []byte("one\x00 ?"),
		"no values":   good[:len(boundMark)+1+len("one ?")],
	} {
		r, err := s.get(ctx, inAny(t, &pb.CommandPreparedStatementQuery{PreparedStatementHandle: h}))
		if err == nil {
			_, err = drain(r)
		}
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
		checkText(t, err)
	}
}

func FuzzHandle(f *testing.F) {
	f.Add([]byte("select 1"))
	f.Add([]byte(boundMark + "\x08select ?"))
	for _, b := range []arrow.RecordBatch{ints(1, 2), logs(true, "a", "b", "a"), texts("x")} {
		sent := &sentMessages{}
		w := flight.NewRecordWriter(sent, ipc.WithSchema(b.Schema()))
		if err := errors.Join(w.Write(b), w.Close()); err != nil {
			f.Fatal(err)
		}
		b.Release()
		f.Add(handle{"select ?", sent.pieces}.bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHandle(b)
		if err != nil {
			return
		}
		if again, err := parseHandle(h.bytes()); err != nil || again.sql != h.sql || !bytes.Equal(again.bytes(), h.bytes()) {
			t.Fatalf("%q became %q, %v", b, again, err)
		}
		if values, err := h.parameters(); err == nil && values != nil {
			values.Release()
		}
	})
}

// sentMessages keeps what a writer sends, as a handle does.
type sentMessages struct{ pieces [][]byte }

func (s *sentMessages) Send(m *flight.FlightData) error {
	s.pieces = append(s.pieces, bytes.Clone(m.GetDataHeader()), bytes.Clone(m.GetDataBody()))
	return nil
}

func packed(cmd proto.Message) ([]byte, error) {
	wrapped, err := anypb.New(cmd)
	if err != nil {
		return nil, err
	}
	return proto.Marshal(wrapped)
}
