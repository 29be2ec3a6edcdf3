package flightsql

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow/flight"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/query"
)

// DoGet streams the answer to a ticket.
func (s *Server) DoGet(t *flight.Ticket, stream flight.FlightService_DoGetServer) error {
	cmd, err := decodeTicket(t.GetTicket())
	if err != nil {
		return err
	}
	h, ok, err := statement(cmd)
	if err != nil {
		return err
	}
	ctx := stream.Context()
	if !ok {
		a := s.metadata(cmd)
		if a == nil {
			return errCommand
		}
		return a.send(ctx, stream)
	}
	var id string
	if t, ok := cmd.(*pb.TicketStatementQuery); ok {
		id = ticketID(t)
	}
	return s.query(ctx, h, id, stream)
}

// query runs one statement and leaves its audit record.
func (s *Server) query(ctx context.Context, h handle, ticket string, stream sender) (err error) {
	ctx, cancel := context.WithCancel(ctx) // whatever ends this call ends the query
	defer cancel()
	rec := s.newRecord(h.sql)
	defer func() { rec.finish(ctx, err) }()
	defer catch(&err) // runs before finish, which then records it

	if rec.caller, err = attribute(ctx); err != nil {
		return err
	}
	r, err := request(ctx, h.sql)
	if err != nil {
		return err
	}
	if r.Parameters, err = h.parameters(); err != nil {
		return err
	}
	if r.Parameters != nil {
		defer r.Parameters.Release()
	}
	rec.request = r
	if err := s.denied(ctx, h.sql, rec.caller); err != nil {
		return err
	}
	ctx = query.WithCaller(ctx, turn(ctx, rec.caller))
	defer s.running.add(ticket, subject(ctx), cancel)()

	begin := s.now()
	res, err := s.queries.Execute(ctx, r)
	rec.planning = s.now().Sub(begin)
	if err != nil {
		return err
	}
	defer func() {
		res.Release()
		if c, ok := res.(query.Costed); ok {
			rec.cost = c.Cost()
		}
		rec.tell(ctx)
	}()
	return s.send(res, rec, stream)
}

// turn is whom the query counts for where callers take turns: the caller, the user on whose behalf it asks, and where
// nobody proves who he is, the address.
func turn(ctx context.Context, a auth.Attribution) string {
	name := a.UserID
	if id, ok := auth.From(ctx); ok && id.Method != auth.MethodNone {
		return id.Issuer + "\x00" + id.Subject + "\x00" + name
	}
	return clientIP(ctx) + "\x00" + name
}

// send pulls batches as the stream takes them.
func (s *Server) send(res query.Result, rec *record, stream sender) error {
	w, err := newWriter(stream, res.Schema())
	if err != nil {
		return err
	}
	defer w.close()
	for {
		begin := s.now()
		more := res.Next()
		rec.execution += s.now().Sub(begin)
		if !more {
			return res.Err()
		}
		batch := res.RecordBatch()
		if err := w.write(batch); err != nil {
			return err
		}
		rec.rows += batch.NumRows()
	}
}
