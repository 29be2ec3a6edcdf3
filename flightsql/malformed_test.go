package flightsql

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/micromegas-go/micromegas/auth"
)

// malformed are bytes that are no command, by name.
func malformed(tb testing.TB) map[string][]byte {
	tb.Helper()
	sql := urlPrefix
	return map[string][]byte{
		"empty":                nil,
		"text":                 []byte("select 1"),
		"broken varint":        {0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"length past the end":  {0x0a, 0x7f, 'x'},
		"group without an end": {0x0b},
		"random":               []byte("\x9c\x01\x00\xfe\x80\x12\x7f\x33"),
		"zeros":                make([]byte, 64),
		"another Any":          inAny(tb, structpb.NewStringValue("x")),
		"unknown message":      bare(tb, &anypb.Any{TypeUrl: sql + "CommandNobodyKnows", Value: []byte{1}}),
		"no message":           bare(tb, &anypb.Any{TypeUrl: sql}),
		"garbage in the Any":   bare(tb, &anypb.Any{TypeUrl: sql + "TicketStatementQuery", Value: []byte{0x0a, 0x7f}}),
		"not UTF-8":            inAny(tb, &pb.TicketStatementQuery{StatementHandle: []byte("select '\xff'")}),
		"not UTF-8, bare":      bare(tb, &pb.TicketStatementQuery{StatementHandle: []byte("select '\xff'")}),
		"NUL":                  inAny(tb, &pb.TicketStatementQuery{StatementHandle: []byte("select\x00 1")}),
		"empty statement":      inAny(tb, &pb.TicketStatementQuery{StatementHandle: []byte(" \n\t")}),
		"empty prepared":       inAny(tb, &pb.CommandPreparedStatementQuery{}),
		"long and unknown":     inAny(tb, &pb.TicketStatementQuery{StatementHandle: []byte("x" + strings.Repeat("y", 1<<20))}),
	}
}

// send puts one message on every call that takes one and returns the errors.
func (s *service) sendEverywhere(ctx context.Context, b []byte) map[string]error {
	errs := map[string]error{}
	client := s.flight()
	drained := func(stream grpc.ClientStream, err error) error {
		for err == nil {
			err = stream.RecvMsg(&flight.FlightData{})
		}
		return err
	}
	desc := &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: b}
	_, errs["GetFlightInfo"] = client.GetFlightInfo(ctx, desc)
	_, errs["GetSchema"] = client.GetSchema(ctx, desc)
	get, err := client.DoGet(ctx, &flight.Ticket{Ticket: b})
	errs["DoGet"] = drained(get, err)
	put, err := client.DoPut(ctx)
	if err == nil {
		err = put.Send(&flight.FlightData{FlightDescriptor: desc})
	}
	errs["DoPut"] = drained(put, err)
	for _, a := range []string{actionPrepare, actionClose, actionCancelFlight, actionCancelQuery} {
		act, err := client.DoAction(ctx, &flight.Action{Type: a, Body: b})
		errs[a] = drained(act, err)
	}
	return errs
}

func TestMalformedCommands(t *testing.T) {
	s := start(t, Options{Log: slog.New(slog.DiscardHandler)})
	for name, b := range malformed(t) {
		t.Run(name, func(t *testing.T) {
			for call, err := range s.sendEverywhere(within(t), b) {
				switch c := status.Code(err); {
				case c == codes.InvalidArgument:
				case call == actionCancelFlight && c == codes.NotFound: // a FlightInfo without tickets, read leniently
				case (call == "DoPut" || strings.HasPrefix(call, "Get")) && c == codes.Unimplemented: // a message, but not there
				default:
					t.Errorf("%s: %v", call, err)
				}
				checkText(t, err)
			}
		})
	}
	if n := s.opened.Load(); n != 0 {
		t.Errorf("%d queries ran", n)
	}
}

func TestDescriptorsThatAreNoCommands(t *testing.T) {
	s := start(t, Options{})
	for _, d := range []*flight.FlightDescriptor{{}, {Type: flight.DescriptorPATH, Path: []string{"log_entries"}}, {Type: 99}} {
		if _, err := s.flight().GetFlightInfo(within(t), d); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%v: %v", d, err)
		}
	}
}

func TestOversizedRequest(t *testing.T) {
	s := start(t, Options{})
	_, err := s.get(within(t), make([]byte, maxMessage+1))
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("error %v", err)
	}
}

func TestWhatIsNotSupported(t *testing.T) {
	root := &auth.Identity{Subject: "root", Admin: true}
	s := start(t, Options{Log: slog.New(slog.DiscardHandler)}, as(root))
	open := start(t, Options{Log: slog.New(slog.DiscardHandler)}) // without a door, where nobody could be asked
	ctx := within(t)
	client := s.flight()
	do := func(action string) error {
		stream, err := client.DoAction(ctx, &flight.Action{Type: action})
		if err == nil {
			_, err = stream.Recv()
		}
		return err
	}
	get := func(b []byte) error { _, err := s.get(ctx, b); return err }
	put := func(b []byte) error {
		stream, err := client.DoPut(ctx)
		if err == nil {
			err = stream.Send(&flight.FlightData{FlightDescriptor: &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: b}})
		}
		if err == nil {
			_, err = stream.Recv()
		}
		return err
	}
	handshake := func() error {
		stream, err := open.flight().Handshake(ctx)
		if err == nil {
			_, err = stream.Recv()
		}
		return err
	}
	exchange := func() error {
		stream, err := client.DoExchange(ctx)
		if err == nil {
			_, err = stream.Recv()
		}
		return err
	}
	_, poll := client.PollFlightInfo(ctx, &flight.FlightDescriptor{})
	for name, err := range map[string]error{
		"BeginTransaction":   do("BeginTransaction"),
		"EndTransaction":     do("EndTransaction"),
		"BeginSavepoint":     do("BeginSavepoint"),
		"EndSavepoint":       do("EndSavepoint"),
		"substrait prepare":  do("CreatePreparedSubstraitPlan"),
		"renewal":            do(flight.RenewFlightEndpointActionType),
		"session options":    do(flight.SetSessionOptionsActionType),
		"no action":          do(""),
		"substrait":          get(inAny(t, &pb.CommandStatementSubstraitPlan{})),
		"update in DoGet":    get(inAny(t, &pb.CommandStatementUpdate{Query: "delete"})),
		"update":             put(inAny(t, &pb.CommandStatementUpdate{Query: "delete"})),
		"prepared update":    put(inAny(t, &pb.CommandPreparedStatementUpdate{})),
		"ingest, no sink":    put(inAny(t, &pb.CommandStatementIngest{Table: "processes"})),
		"handshake":          handshake(),
		"exchange":           exchange(),
		"poll":               poll,
		"in a transaction":   get(inAny(t, &pb.CommandStatementQuery{Query: "one", TransactionId: []byte("t")})),
		"unknown service":    s.conn.Invoke(ctx, "/some.Service/Call", &flight.Empty{}, &flight.Empty{}),
		"unknown flight rpc": s.conn.Invoke(ctx, "/arrow.flight.protocol.FlightService/Nothing", &flight.Empty{}, &flight.Empty{}),
	} {
		if status.Code(err) != codes.Unimplemented {
			t.Errorf("%s: %v", name, err)
		}
		checkText(t, err)
	}
	list, err := client.ListFlights(ctx, &flight.Criteria{})
	if err != nil {
		t.Fatal(err)
	}
	if f, err := list.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("ListFlights: %v, %v", f, err)
	}
}

func FuzzTicket(f *testing.F) {
	for _, b := range malformed(f) {
		f.Add(b)
	}
	f.Add(inAny(f, &pb.CommandGetTables{IncludeSchema: true}))
	q := &pb.TicketStatementQuery{StatementHandle: []byte("select 1")}
	addTicketID(q)
	f.Add(bare(f, q))
	f.Fuzz(func(t *testing.T, b []byte) {
		cmd, err := decodeTicket(b)
		if err != nil {
			if status.Code(statusOf(err, "").Err()) != codes.InvalidArgument {
				t.Fatalf("%v", err)
			}
			return
		}
		h, ok, err := statement(cmd)
		if !ok || err != nil {
			return
		}
		if values, err := h.parameters(); err == nil && values != nil {
			values.Release()
		}
		sql := h.sql
		if q, isTicket := cmd.(*pb.TicketStatementQuery); isTicket {
			_ = ticketID(q)
		}
		// Our own form of the same statement reads back as it.
		again, err := statementTicket(h)
		if err != nil {
			t.Fatal(err)
		}
		cmd, err = decodeTicket(again)
		if err != nil {
			if strings.HasPrefix(sql, urlPrefix) {
				return
			}
			t.Fatal(err)
		}
		if got, _, err := statement(cmd); err != nil || got.sql != sql || !bytes.Equal(got.bytes(), h.bytes()) {
			t.Fatalf("%q read back as %q, %v", sql, got.sql, err)
		}
	})
}

func FuzzMessage(f *testing.F) {
	f.Add("plain", 100)
	f.Add("ü%\xff\n", 10)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = 16 + limit%1000&0xfff
		size := 0
		for _, b := range []byte(fit(text, limit)) {
			if size++; b < ' ' || b > '~' || b == '%' {
				size += 2
			}
		}
		if size > limit {
			t.Fatalf("%d bytes, the limit is %d", size, limit)
		}
	})
}
