package flightsql

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow/flight"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// ListFlights lists nothing: data is reached by statements.
func (s *Server) ListFlights(*flight.Criteria, flight.FlightService_ListFlightsServer) error {
	return nil
}

// Handshake is for clients that log in with a name and a password; here the credential comes with every call.
func (s *Server) Handshake(flight.FlightService_HandshakeServer) error {
	return &fault.Error{
		Kind: fault.Unimplemented, Msg: "handshake is not supported",
		Fix: `send the key or token with every call as the header "authorization: Bearer …"`,
	}
}

// DoExchange has no meaning in Flight SQL.
func (s *Server) DoExchange(flight.FlightService_DoExchangeServer) error {
	return fault.New(fault.Unimplemented, "exchange is not supported")
}

// PollFlightInfo is for queries that are planned for long; ours are not.
func (s *Server) PollFlightInfo(context.Context, *flight.FlightDescriptor) (*flight.PollInfo, error) {
	return nil, fault.New(fault.Unimplemented, "polling is not supported; call GetFlightInfo")
}
