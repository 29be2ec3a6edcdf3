package flightsql

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow/flight"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/query"
)

// The actions that are answered, as ListActions tells them.
const (
	actionPrepare      = "CreatePreparedStatement"
	actionClose        = "ClosePreparedStatement"
	actionCancelFlight = "CancelFlightInfo"
	actionCancelQuery  = "CancelQuery"
)

// actions are listed to clients.
func actions() []*flight.ActionType {
	return []*flight.ActionType{
		{Type: actionPrepare, Description: "plans a statement and returns its schema; the handle is the statement"},
		{Type: actionClose, Description: "does nothing: prepared statements hold no state"},
		{Type: actionCancelFlight, Description: "ends the queries that run for the tickets of a FlightInfo"},
		{Type: actionCancelQuery, Description: "the same, for older clients"},
	}
}

// ListActions names the actions of DoAction.
func (s *Server) ListActions(_ *flight.Empty, stream flight.FlightService_ListActionsServer) error {
	for _, a := range actions() {
		if err := stream.Send(a); err != nil {
			return err
		}
	}
	return nil
}

// DoAction does what Flight SQL transports as actions.
func (s *Server) DoAction(a *flight.Action, stream flight.FlightService_DoActionServer) error {
	ctx := stream.Context()
	var result proto.Message
	var err error
	switch a.GetType() {
	case actionPrepare:
		result, err = s.prepare(ctx, a.GetBody())
	case actionClose:
		var cmd proto.Message
		if cmd, err = decodeCommand(a.GetBody()); err == nil {
			if _, ok := cmd.(*pb.ActionClosePreparedStatementRequest); !ok {
				err = errActionBody
			}
		}
	case actionCancelFlight:
		return s.cancelFlight(ctx, a.GetBody(), stream)
	case actionCancelQuery:
		result, err = s.cancelQuery(ctx, a.GetBody())
	case "BeginTransaction", "EndTransaction", "BeginSavepoint", "EndSavepoint":
		err = errTransactions
	default:
		err = fault.New(fault.Unimplemented, "this action is not supported")
	}
	if err != nil {
		return err
	}
	out := &flight.Result{}
	if result != nil {
		wrapped, err := anypb.New(result)
		if err != nil {
			return err
		}
		if out.Body, err = proto.Marshal(wrapped); err != nil {
			return err
		}
	}
	return stream.Send(out)
}

// prepare describes a statement. Clients send it without a range, and the statement may name what does not exist yet.
func (s *Server) prepare(ctx context.Context, body []byte) (proto.Message, error) {
	cmd, err := decodeCommand(body)
	if err != nil {
		return nil, err
	}
	req, ok := cmd.(*pb.ActionCreatePreparedStatementRequest)
	if !ok {
		return nil, errActionBody
	}
	if len(req.GetTransactionId()) > 0 {
		return nil, errTransactions
	}
	if err := checkStatement(req.GetQuery()); err != nil {
		return nil, err
	}
	if ctx, err = s.planned(ctx, req.GetQuery()); err != nil {
		return nil, err
	}
	described, err := s.queries.Prepare(ctx, req.GetQuery(), nil)
	if err != nil {
		return nil, err
	}
	if query.DefinesView(req.GetQuery()) {
		return nil, fault.New(fault.Invalid, "CREATE/DROP MATERIALIZED VIEW must be executed directly, not prepared")
	}
	result := &pb.ActionCreatePreparedStatementResult{
		PreparedStatementHandle: []byte(req.GetQuery()),
		DatasetSchema:           flight.SerializeSchema(described.Columns, memory.DefaultAllocator),
	}
	if described.Parameters.NumFields() > 0 {
		result.ParameterSchema = flight.SerializeSchema(described.Parameters, memory.DefaultAllocator)
	}
	return result, nil
}

var errActionBody = fault.New(fault.Invalid, "the body of the action is not the message that its type calls for")
