package flightsql

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/protobuf/proto"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// GetFlightInfo plans what the descriptor asks for and says where to fetch it: here.
func (s *Server) GetFlightInfo(ctx context.Context, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	schema, ticket, err := s.plan(ctx, d, true)
	if err != nil {
		return nil, err
	}
	return &flight.FlightInfo{
		Schema:           flight.SerializeSchema(schema, memory.DefaultAllocator),
		FlightDescriptor: d,
		Endpoint:         []*flight.FlightEndpoint{{Ticket: &flight.Ticket{Ticket: ticket}}},
		TotalRecords:     -1,
		TotalBytes:       -1,
	}, nil
}

// GetSchema plans what the descriptor asks for.
func (s *Server) GetSchema(ctx context.Context, d *flight.FlightDescriptor) (*flight.SchemaResult, error) {
	schema, _, err := s.plan(ctx, d, false)
	if err != nil {
		return nil, err
	}
	return &flight.SchemaResult{Schema: flight.SerializeSchema(schema, memory.DefaultAllocator)}, nil
}

// plan returns the schema of the answer to d, as it will be sent, and the ticket for it. A statement that is to run must
// have values for its parameters.
func (s *Server) plan(ctx context.Context, d *flight.FlightDescriptor, run bool) (*arrow.Schema, []byte, error) {
	if d.GetType() != flight.DescriptorCMD {
		return nil, nil, fault.New(fault.Invalid, "the descriptor is not a command")
	}
	cmd, err := decodeCommand(d.GetCmd())
	if err != nil {
		return nil, nil, err
	}
	h, ok, err := statement(cmd)
	if err != nil {
		return nil, nil, err
	}
	if !ok {
		a := s.metadata(cmd)
		if a == nil {
			return nil, nil, errCommand
		}
		return a.schema, d.GetCmd(), nil
	}
	if _, err := request(ctx, h.sql); err != nil { // better told now than by DoGet
		return nil, nil, err
	}
	values, err := h.parameters()
	if err != nil {
		return nil, nil, err
	}
	if values != nil {
		defer values.Release()
	}
	if ctx, err = s.planned(ctx, h.sql); err != nil {
		return nil, nil, err
	}
	described, err := s.queries.Prepare(ctx, h.sql, values)
	if err == nil && run && values == nil {
		err = described.Unbound()
	}
	if err != nil {
		return nil, nil, err
	}
	schema := described.Columns
	if !preserveDictionary(ctx) {
		schema = unpacked(schema)
	}
	ticket, err := statementTicket(h)
	return schema, ticket, err
}

// statementTicket returns the ticket for h: bare, as existing servers of this protocol write it.
func statementTicket(h handle) ([]byte, error) {
	t := &pb.TicketStatementQuery{StatementHandle: h.bytes()}
	addTicketID(t)
	return proto.Marshal(t)
}
