package flightsql

import (
	"github.com/apache/arrow-go/v18/arrow/flight"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/internal/fault"
)

// DoPut would take parameters, updates and bulk loads. It reads the first message, to say which of them is missing.
func (s *Server) DoPut(stream flight.FlightService_DoPutServer) error {
	first, err := stream.Recv()
	if err != nil {
		return fault.Wrap(fault.Invalid, "the stream has no message with a command", err)
	}
	cmd, err := decodeCommand(first.GetFlightDescriptor().GetCmd())
	if err != nil {
		return err
	}
	switch cmd.(type) {
	case *pb.CommandPreparedStatementQuery:
		return &fault.Error{
			Kind: fault.Unimplemented, Msg: "prepared statements take no parameters yet",
			Fix: "write the values into the statement",
		}
	case *pb.CommandStatementIngest:
		if err := auth.RequireAdmin(stream.Context(), "bulk ingestion (DoPut)"); err != nil {
			return err
		}
		return &fault.Error{
			Kind: fault.Unimplemented, Msg: "bulk ingestion over Flight SQL comes in a later version",
			Fix: "send telemetry to the ingestion server",
		}
	case *pb.CommandStatementUpdate, *pb.CommandPreparedStatementUpdate:
		return fault.New(fault.Unimplemented, "statements that change data are not supported")
	}
	return errCommand
}
