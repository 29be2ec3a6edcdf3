package flightsql

import (
	"github.com/apache/arrow-go/v18/arrow/flight"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// DoPut takes the values of parameters, and rows in bulk.
func (s *Server) DoPut(stream flight.FlightService_DoPutServer) error {
	first, err := stream.Recv()
	if err != nil {
		return fault.Wrap(fault.Invalid, "the stream has no message with a command", err)
	}
	cmd, err := decodeCommand(first.GetFlightDescriptor().GetCmd())
	if err != nil {
		return err
	}
	switch cmd := cmd.(type) {
	case *pb.CommandPreparedStatementQuery:
		return bind(cmd, first, stream)
	case *pb.CommandStatementIngest:
		return s.ingest(cmd, first, stream)
	case *pb.CommandStatementUpdate, *pb.CommandPreparedStatementUpdate:
		return fault.New(fault.Unimplemented, "statements that change data are not supported")
	}
	return errCommand
}
