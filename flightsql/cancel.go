package flightsql

import (
	"context"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/flight"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// ticketIDField is where a ticket carries the id by which it can be canceled. TicketStatementQuery itself uses field 1
// only; whoever decodes our tickets with its definition skips this one.
const ticketIDField = 1000

// addTicketID gives t an id of its own.
func addTicketID(t *pb.TicketStatementQuery) {
	raw := protowire.AppendTag(nil, ticketIDField, protowire.BytesType)
	raw = protowire.AppendString(raw, uuid.NewString())
	t.ProtoReflect().SetUnknown(raw)
}

// ticketID returns the id of t; empty when it has none, as with tickets that clients make themselves.
func ticketID(t *pb.TicketStatementQuery) string {
	for raw := []byte(t.ProtoReflect().GetUnknown()); len(raw) > 0; {
		num, typ, n := protowire.ConsumeTag(raw)
		if n < 0 {
			return ""
		}
		if num == ticketIDField && typ == protowire.BytesType {
			id, n := protowire.ConsumeString(raw[n:])
			if n < 0 {
				return ""
			}
			return id
		}
		m := protowire.ConsumeFieldValue(num, typ, raw[n:])
		if m < 0 {
			return ""
		}
		raw = raw[n+m:]
	}
	return ""
}

// running are the queries that can be canceled by ticket. They are of this process: behind a load balancer the cancel
// may reach another one, which answers NOT_FOUND; ending the call of DoGet always works.
type running struct {
	mu      sync.Mutex
	queries map[*runningQuery]struct{}
}

type runningQuery struct {
	ticket, subject string
	cancel          context.CancelFunc
}

// add enters a query; the returned function takes it out. A query without a ticket id is not entered.
func (r *running) add(ticket, subject string, cancel context.CancelFunc) (remove func()) {
	if ticket == "" {
		return func() {}
	}
	q := &runningQuery{ticket, subject, cancel}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.queries == nil {
		r.queries = map[*runningQuery]struct{}{}
	}
	r.queries[q] = struct{}{}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.queries, q)
	}
}

// cancel ends subject's queries with one of the tickets and reports whether there were any.
func (r *running) cancel(tickets map[string]bool, subject string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := false
	for q := range r.queries {
		if tickets[q.ticket] && q.subject == subject {
			q.cancel()
			found = true
		}
	}
	return found
}

// cancelInfo ends the queries for the tickets of info.
func (s *Server) cancelInfo(ctx context.Context, info *flight.FlightInfo) error {
	tickets := map[string]bool{}
	for _, e := range info.GetEndpoint() {
		cmd, err := decodeTicket(e.GetTicket().GetTicket())
		if err != nil {
			return err
		}
		if t, ok := cmd.(*pb.TicketStatementQuery); ok && ticketID(t) != "" {
			tickets[ticketID(t)] = true
		}
	}
	if !s.running.cancel(tickets, subject(ctx)) {
		return fault.New(fault.NotFound, "no query of yours runs here for this FlightInfo")
	}
	return nil
}

// cancelFlight is the action CancelFlightInfo; request and result travel without Any.
func (s *Server) cancelFlight(ctx context.Context, body []byte, stream flight.FlightService_DoActionServer) error {
	var req flight.CancelFlightInfoRequest
	if err := proto.Unmarshal(body, &req); err != nil {
		return errActionBody
	}
	if err := s.cancelInfo(ctx, req.GetInfo()); err != nil {
		return err
	}
	out, err := proto.Marshal(&flight.CancelFlightInfoResult{Status: flight.CancelStatusCancelling})
	if err != nil {
		return err
	}
	return stream.Send(&flight.Result{Body: out})
}

// cancelQuery is the action CancelQuery, which CancelFlightInfo replaced.
func (s *Server) cancelQuery(ctx context.Context, body []byte) (proto.Message, error) {
	cmd, err := decodeCommand(body)
	if err != nil {
		return nil, err
	}
	req, ok := cmd.(*pb.ActionCancelQueryRequest) //nolint:staticcheck // deprecated, and still sent
	if !ok {
		return nil, errActionBody
	}
	var info flight.FlightInfo
	if err := proto.Unmarshal(req.GetInfo(), &info); err != nil {
		return nil, errActionBody
	}
	if err := s.cancelInfo(ctx, &info); err != nil {
		return nil, err
	}
	return &pb.ActionCancelQueryResult{ //nolint:staticcheck // see above
		Result: pb.ActionCancelQueryResult_CANCEL_RESULT_CANCELLING,
	}, nil
}
