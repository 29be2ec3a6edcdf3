// Package authgrpc puts an [auth.Chain] in front of gRPC methods.
//
// Every call is authenticated by itself, when it begins; there is no session (A31). Public are, and nothing else:
// the standard health service (A82), and any method whose path ends in "/health" (A81). grpc-go itself refuses the bare
// path "/health", which names no service, before anything of ours runs: package flightsql answers that one.
//
// gRPC reads the message of a unary call before interceptors run, up to the server's limit; streaming calls, which is
// where Flight carries data, are refused before a message is read.
package authgrpc

import (
	"context"
	"log/slog"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/internal/fault"
)

// authorization is the metadata key that carries the bearer token.
const authorization = "authorization"

// ServerOptions returns what a server needs: [Unary], [Stream] and [UnknownMethod].
func ServerOptions(chain *auth.Chain, log *slog.Logger) []grpc.ServerOption {
	g := newGate(chain, log)
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(g.unary),
		grpc.ChainStreamInterceptor(g.stream),
		grpc.UnknownServiceHandler(UnknownMethod),
	}
}

// Unary returns the interceptor for unary calls. Handlers find the caller with [auth.From].
func Unary(chain *auth.Chain, log *slog.Logger) grpc.UnaryServerInterceptor {
	return newGate(chain, log).unary
}

// Stream returns the interceptor for streaming calls. Handlers find the caller with [auth.From] in the stream's context.
func Stream(chain *auth.Chain, log *slog.Logger) grpc.StreamServerInterceptor {
	return newGate(chain, log).stream
}

// UnknownMethod answers methods that no service has: OK for health probes (A81), else Unimplemented. Interceptors run
// before it, so that only authenticated callers learn which methods there are.
func UnknownMethod(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	if Public(method) {
		return nil
	}
	return status.Error(codes.Unimplemented, "unknown method")
}

// Public reports whether a full method name needs no credential.
func Public(fullMethod string) bool {
	switch fullMethod {
	case "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch":
		return true
	}
	return strings.HasSuffix(fullMethod, "/health")
}

// gate is a chain and the journal of its decisions.
type gate struct {
	chain   *auth.Chain
	journal *auth.Journal
}

func newGate(chain *auth.Chain, log *slog.Logger) *gate {
	return &gate{chain: chain, journal: auth.NewJournal(log, slog.LevelInfo, nil)}
}

func (g *gate) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	ctx, err := g.admit(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	return handler(ctx, req)
}

func (g *gate) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx, err := g.admit(stream.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	return handler(srv, &admitted{ServerStream: stream, ctx: ctx})
}

// admitted is a stream with the caller's identity in its context.
type admitted struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // grpc.ServerStream hands its context out by method
}

func (s *admitted) Context() context.Context { return s.ctx }

// admit returns the context for a call's handler: with the identity, without credential and forged headers (A70).
func (g *gate) admit(ctx context.Context, method string) (context.Context, error) {
	md, _ := metadata.FromIncomingContext(ctx) // a copy
	credential := md[authorization]
	if md != nil {
		delete(md, authorization)
		for _, name := range auth.IdentityHeaders() {
			delete(md, name)
		}
		ctx = metadata.NewIncomingContext(ctx, md)
	}
	if Public(method) {
		return ctx, nil
	}
	remote := peerAddress(ctx)
	id, err := g.chain.Authenticate(ctx, credential)
	if err != nil {
		g.journal.Refused(ctx, err, method, remote)
		return nil, Status(err)
	}
	g.journal.Accepted(ctx, id, method, remote)
	return auth.With(ctx, id), nil
}

func peerAddress(ctx context.Context) string {
	if p, ok := peer.FromContext(ctx); ok && p.Addr != nil {
		return p.Addr.String()
	}
	return ""
}

// Status turns err, an error of package auth, into the status for the caller (A73). Nothing of err but its public
// message is sent.
func Status(err error) error {
	switch fault.KindOf(err) {
	case fault.Unauthenticated:
		return status.Error(codes.Unauthenticated, fault.Of(err).Public())
	case fault.PermissionDenied:
		return status.Error(codes.PermissionDenied, fault.Of(err).Public())
	case fault.Unavailable:
		return status.Error(codes.Unavailable, fault.Of(err).Public())
	case fault.Exhausted:
		return status.Error(codes.ResourceExhausted, fault.Of(err).Public())
	case fault.Canceled:
		return status.Error(codes.Canceled, fault.Of(err).Public())
	case fault.Internal, fault.Invalid, fault.NotFound, fault.TooLarge, fault.Unimplemented:
	}
	return status.Error(codes.Internal, "internal error")
}

// Attribution returns whom the call in ctx is recorded for in the audit, from its identity and the headers x-user-id,
// x-user-email and x-user-name; see [auth.Attribute]. The error is a fault.PermissionDenied.
func Attribution(ctx context.Context) (auth.Attribution, error) {
	id, _ := auth.From(ctx)
	return auth.Attribute(id, first(ctx, auth.HeaderUserID), first(ctx, auth.HeaderUserEmail), first(ctx, auth.HeaderUserName))
}

func first(ctx context.Context, key string) string {
	if v := metadata.ValueFromIncomingContext(ctx, key); len(v) > 0 {
		return v[0]
	}
	return ""
}
