package flightsql

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	pb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/micromegas-go/micromegas/query"
)

func ticket(sql string) *flight.Ticket {
	b, err := proto.Marshal(&pb.TicketStatementQuery{StatementHandle: []byte(sql)})
	if err != nil {
		panic(err)
	}
	return &flight.Ticket{Ticket: b}
}

func TestLargeBatchesAreCut(t *testing.T) {
	s := start(t, Options{})
	raw, err := s.flight().DoGet(within(t), ticket("wide"))
	if err != nil {
		t.Fatal(err)
	}
	over, messages := 0, 0
	for {
		m, err := raw.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		messages++
		if len(m.DataBody) > maxBatch+1024 {
			over++
		}
	}
	if over != 1 { // the one row that is larger by itself
		t.Errorf("%d messages are over %d bytes", over, maxBatch)
	}
	if messages < 8 || messages > 12 {
		t.Errorf("%d messages for 12 MiB", messages)
	}
}

// pullCounter is a transport that takes one message at a time and checks that no batch was pulled ahead of it.
type pullCounter struct {
	t     *testing.T
	fake  *fake
	sends int64
}

func (p *pullCounter) Send(*flight.FlightData) error {
	if pulls := p.fake.pulls.Load(); pulls != p.sends { // the schema is sent before the first pull
		p.t.Errorf("at message %d, %d batches were pulled", p.sends, pulls)
	}
	p.sends++
	if p.sends == 5 {
		return io.ErrClosedPipe
	}
	return nil
}

func TestNoBatchIsPulledAhead(t *testing.T) {
	f := newFake()
	s := New(f, Options{})
	err := s.query(t.Context(), handle{sql: "stream"}, "", &pullCounter{t: t, fake: f})
	if !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v", err)
	}
	if f.pulls.Load() != 4 || f.released.Load() != 1 {
		t.Errorf("%d pulls, %d released", f.pulls.Load(), f.released.Load())
	}
}

// A client that reads ten of two hundred batches and leaves costs little more than ten.
func TestBackPressureOverTheWire(t *testing.T) {
	s := start(t, Options{})
	ctx, cancel := context.WithCancel(within(t))
	r, err := s.client.DoGet(ctx, ticket("stream"))
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if !r.Next() {
			t.Fatal(r.Err())
		}
	}
	cancel()
	for r.Next() { // what was on its way
	}
	r.Release()
	s.stop()
	if err := <-s.done; err != nil { // the query has ended
		t.Fatal(err)
	}
	close(s.done)
	// gRPC lets at most 16 MiB be on its way to one stream.
	if n := s.pulls.Load(); n > 10+40 {
		t.Errorf("%d batches of 1 MiB were pulled for 10 that were read", n)
	}
}

// ended waits until a query that waits has been told to stop.
func (s *service) endedWithin(t *testing.T) error {
	t.Helper()
	select {
	case err := <-s.ended:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("the query went on")
		return nil
	}
}

func TestQueryEndsWithTheCall(t *testing.T) {
	for name, end := range map[string]func(s *service, cancel context.CancelFunc){
		"client cancels":    func(_ *service, cancel context.CancelFunc) { cancel() },
		"client vanishes":   func(s *service, _ context.CancelFunc) { _ = s.client.Close() },
		"grace period over": func(s *service, _ context.CancelFunc) { s.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, Options{Grace: time.Millisecond})
			ctx, cancel := context.WithCancel(within(t))
			defer cancel()
			r, err := s.client.DoGet(ctx, ticket("wait"))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Release()
			if !r.Next() {
				t.Fatal(r.Err())
			}
			<-s.started
			end(s, cancel)
			if err := s.endedWithin(t); !errors.Is(err, context.Canceled) {
				t.Errorf("the query's context ended with %v", err)
			}
			if r.Next() {
				t.Error("another batch")
			}
		})
	}
}

func TestDeadlineOfTheClient(t *testing.T) {
	s := start(t, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r, err := s.client.DoGet(ctx, ticket("wait"))
	if err == nil {
		_, err = drain(r)
	}
	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("error %v", err)
	}
}

// A stop lets a running query finish, and takes no new one.
func TestGracefulStop(t *testing.T) {
	s := start(t, Options{})
	ctx := within(t)
	r, err := s.client.DoGet(ctx, ticket("stream"))
	if err != nil {
		t.Fatal(err)
	}
	if !r.Next() {
		t.Fatal(r.Err())
	}
	s.stop()
	rows, err := drain(r)
	if err != nil || len(rows) != 199 {
		t.Errorf("%d more batches, %v", len(rows), err)
	}
	if err := <-s.done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	close(s.done)
	if _, err := s.client.Execute(ctx, "one"); status.Code(err) != codes.Unavailable {
		t.Errorf("after the stop: %v", err)
	}
}

func TestCancelByTicket(t *testing.T) {
	for name, do := range map[string]func(ctx context.Context, s *service, info *flight.FlightInfo) error{
		"CancelFlightInfo": func(ctx context.Context, s *service, info *flight.FlightInfo) error {
			res, err := s.client.CancelFlightInfo(ctx, &flight.CancelFlightInfoRequest{Info: info})
			if err == nil && res.Status != flight.CancelStatusCancelling {
				return errors.New(res.Status.String())
			}
			return err
		},
		"CancelQuery": func(ctx context.Context, s *service, info *flight.FlightInfo) error {
			raw, err := proto.Marshal(info)
			if err != nil {
				return err
			}
			req := &pb.ActionCancelQueryRequest{Info: raw} //nolint:staticcheck // deprecated, and still sent
			stream, err := s.flight().DoAction(ctx, &flight.Action{Type: actionCancelQuery, Body: inAny(t, req)})
			if err != nil {
				return err
			}
			_, err = stream.Recv()
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, Options{})
			ctx := within(t)
			mine, err := s.client.Execute(ctx, "wait")
			if err != nil {
				t.Fatal(err)
			}
			other, err := s.client.Execute(ctx, "wait")
			if err != nil {
				t.Fatal(err)
			}
			if err := do(ctx, s, mine); status.Code(err) != codes.NotFound {
				t.Errorf("before it runs: %v", err)
			}
			r, err := s.client.DoGet(ctx, mine.Endpoint[0].Ticket)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Release()
			<-s.started
			if err := do(ctx, s, other); status.Code(err) != codes.NotFound {
				t.Errorf("the same statement, another ticket: %v", err)
			}
			if err := do(ctx, s, mine); err != nil {
				t.Fatal(err)
			}
			_ = s.endedWithin(t)
			for r.Next() { // the first batch
			}
			if status.Code(r.Err()) != codes.Canceled {
				t.Errorf("the reader got %v", r.Err())
			}
		})
	}
}

func TestCancelIsForOnesOwn(t *testing.T) {
	var r running
	var canceled int
	remove := r.add("t", "alice", func() { canceled++ })
	tickets := map[string]bool{"t": true}
	if r.cancel(tickets, "bob") || canceled != 0 {
		t.Error("bob ended alice's query")
	}
	if !r.cancel(tickets, "alice") || canceled != 1 {
		t.Error("alice could not end her query")
	}
	remove()
	if r.cancel(tickets, "alice") {
		t.Error("a query that has ended was found")
	}
	r.add("", "alice", nil)()
	if r.cancel(map[string]bool{"": true}, "alice") {
		t.Error("a ticket without an id was found")
	}
}

var _ query.Result = (*result)(nil)

// TestServeThatIsToldToStopFirst: a server whose context has ended before it begins ends without an error.
func TestServeThatIsToldToStopFirst(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 { // which of the two is first is a race
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := New(nil, Options{}).Serve(ctx, l); err != nil {
			t.Fatal(err)
		}
	}
}
