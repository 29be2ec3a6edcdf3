package flightsql

import (
	"errors"
	"io"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

func TestHealth(t *testing.T) {
	s := start(t, Options{})
	ctx := within(t)
	for _, service := range []string{"", "arrow.flight.protocol.FlightService"} {
		r, err := healthpb.NewHealthClient(s.conn).Check(ctx, &healthpb.HealthCheckRequest{Service: service})
		if err != nil || r.Status != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("%q: %v, %v", service, r, err)
		}
	}
	for _, path := range []string{"/any.Service/health", "/a/b/health"} {
		if err := s.conn.Invoke(ctx, path, &emptypb.Empty{}, &emptypb.Empty{}); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	// A probe looks at the status alone; a client that wants a message gets none.
	stream, err := s.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/health")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.RecvMsg(&emptypb.Empty{}); !errors.Is(err, io.EOF) { // the end, with OK
		t.Errorf("/health: %v", err)
	}
	if err := s.conn.Invoke(ctx, "/any.Service/unhealthy", &emptypb.Empty{}, &emptypb.Empty{}); status.Code(err) != codes.Unimplemented {
		t.Errorf("other paths: %v", err)
	}
}

// A watcher hears of the stop and does not hold it up.
func TestHealthWatch(t *testing.T) {
	s := start(t, Options{})
	w, err := healthpb.NewHealthClient(s.conn).Watch(within(t), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := w.Recv(); err != nil || r.Status != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("%v, %v", r, err)
	}
	s.stop()
	if r, err := w.Recv(); err != nil || r.Status != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("%v, %v", r, err)
	}
	if _, err := w.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("%v", err)
	}
}
