package flightsql

import (
	"context"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// health is grpc.health.v1: serving until the server begins to stop. It is not the one of package grpc/health because a
// Watch of that one keeps a graceful stop waiting until its grace period is over.
type health struct {
	healthpb.UnimplementedHealthServer
	once     sync.Once
	stopping chan struct{}
}

func (h *health) stop() { h.once.Do(func() { close(h.stopping) }) }

// Check answers for the server and for any service name alike: they stand and fall together.
func (h *health) Check(context.Context, *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	select {
	case <-h.stopping:
		return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_NOT_SERVING}, nil
	default:
		return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}, nil
	}
}

// Watch tells the state now and when it changes, which happens once.
func (h *health) Watch(_ *healthpb.HealthCheckRequest, stream healthpb.Health_WatchServer) error {
	ctx := stream.Context()
	now, err := h.Check(ctx, nil)
	if err != nil {
		return err
	}
	if err := stream.Send(now); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	case <-h.stopping:
	}
	if now.Status == healthpb.HealthCheckResponse_SERVING {
		err := stream.Send(&healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_NOT_SERVING})
		if err != nil {
			return err
		}
	}
	return status.Error(codes.Unavailable, "the server is stopping")
}

// unknownService answers calls to services that do not exist: OK to any path that ends in /health, which load balancers
// of existing installations are configured with.
func unknownService(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	if strings.HasSuffix(method, "/health") {
		return stream.SendMsg(&emptypb.Empty{})
	}
	return fault.New(fault.Unimplemented, "no such service or method")
}

// tapHealth answers the path "/health" itself, which probes send and gRPC would refuse as no method name: OK without a
// message, before anything else looks at the call.
func tapHealth(ctx context.Context, call *tap.Info) (context.Context, error) {
	if call.FullMethodName == "/health" {
		return ctx, healthy{}
	}
	return ctx, nil
}

// healthy is the "error" that ends a call with OK: a tap can answer only by refusing.
type healthy struct{}

func (healthy) Error() string              { return "healthy" }
func (healthy) GRPCStatus() *status.Status { return status.New(codes.OK, "") }
