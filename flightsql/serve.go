package flightsql

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

const (
	// maxMessage is the largest request: what existing clients are told they may send.
	maxMessage = 100 << 20
	// maxHeaders bounds the metadata of a request, which is read before anybody is authenticated. OIDC tokens with many
	// groups come to some 16 KiB.
	maxHeaders = 256 << 10
	// maxStreams bounds the calls of one connection at a time.
	maxStreams = 1000
)

// ServerOptions returns the options that the service needs from its gRPC server: limits, keepalive, the outermost
// interceptors, which turn errors and panics into statuses, and the health answer for unknown paths.
func (s *Server) ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxHeaderListSize(maxHeaders),
		grpc.MaxConcurrentStreams(maxStreams),
		// A peer that vanished without a word is noticed within this time, and its queries end.
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute, Timeout: 20 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.ChainUnaryInterceptor(s.guardUnary),
		grpc.ChainStreamInterceptor(s.guardStream),
		grpc.UnknownServiceHandler(unknownService),
		grpc.InTapHandle(tapHealth),
	}
}

// Serve answers on l until ctx ends; then it takes no new calls, lets running ones go on for the grace period, ends
// those that are left, and returns nil. opts come after [Server.ServerOptions]: authentication is
// grpc.ChainUnaryInterceptor and grpc.ChainStreamInterceptor with package authgrpc's interceptors. Serve closes l and
// may be called once.
func (s *Server) Serve(ctx context.Context, l net.Listener, opts ...grpc.ServerOption) error {
	g := grpc.NewServer(append(s.ServerOptions(), opts...)...)
	s.Register(g)

	ctx, cancel := context.WithCancel(ctx)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		<-ctx.Done()
		s.health.stop()
		force := time.AfterFunc(s.grace, g.Stop)
		defer force.Stop()
		g.GracefulStop()
	}()
	err := g.Serve(l)
	if ctx.Err() != nil && errors.Is(err, grpc.ErrServerStopped) {
		err = nil // it was told to stop before it began
	}
	cancel()
	<-drained
	if err != nil {
		return fmt.Errorf("serve flight sql on %s: %w", l.Addr(), err)
	}
	return nil
}
