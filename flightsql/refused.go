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

// DoExchange has no meaning in Flight SQL.
func (s *Server) DoExchange(flight.FlightService_DoExchangeServer) error {
	return fault.New(fault.Unimplemented, "exchange is not supported")
}

// PollFlightInfo is for queries that are planned for long; ours are not.
func (s *Server) PollFlightInfo(context.Context, *flight.FlightDescriptor) (*flight.PollInfo, error) {
	return nil, fault.New(fault.Unimplemented, "polling is not supported; call GetFlightInfo")
}
