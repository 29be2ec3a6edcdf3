// Package authgrpc puts an [auth.Chain] in front of gRPC methods.
//
// Every call is authenticated by itself, when it begins; there is no session (A31). Public are, and nothing else:
// the standard health service (A82), and any method whose path ends in "/health" (A81). grpc-go itself refuses the bare
// path "/health", which names no service, before anything of ours runs: package flightsql answers that one.
//
// gRPC reads the message of a unary call before interceptors run, up to the server's limit; streaming calls, which is
// where Flight carries data, are refused before a message is read. The one exception is Flight's Handshake, whose first
// message may be the credential, see [Presenter].
package authgrpc

import (
	"context"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/internal/fault"
)

const (
	// authorization is the metadata key that carries the bearer token.
	authorization = "authorization"
	// handshakeToken is where Flight clients repeat what a handshake with messages gave them. It counts only where there
	// is no authorization.
	handshakeToken = "auth-token-bin"
	// retryAfter is HTTP's word for google.rpc.RetryInfo, for proxies and clients that do not read details.
	retryAfter = "retry-after"
)

// Options of [New]. The zero value lets everybody in who is authenticated.
type Options struct {
	Role auth.Role    // what callers need
	Log  *slog.Logger // nil discards
}

// Door is a chain in front of methods, with the journal of its decisions.
type Door struct {
	chain   *auth.Chain
	role    auth.Role
	journal *auth.Journal
}

// New returns a door of chain.
func New(chain *auth.Chain, o Options) *Door {
	return &Door{chain: chain, role: o.Role, journal: auth.NewJournal(o.Log, slog.LevelInfo, nil)}
}

// Interceptors are the door as options of a server, after those that turn errors into statuses.
func (d *Door) Interceptors() []grpc.ServerOption {
	return []grpc.ServerOption{grpc.ChainUnaryInterceptor(d.unary), grpc.ChainStreamInterceptor(d.stream)}
}

// ServerOptions returns what a server needs: [Unary], [Stream] and [UnknownMethod].
func ServerOptions(chain *auth.Chain, log *slog.Logger) []grpc.ServerOption {
	return append(New(chain, Options{Log: log}).Interceptors(), grpc.UnknownServiceHandler(UnknownMethod))
}

// Unary returns the interceptor for unary calls. Handlers find the caller with [auth.From].
func Unary(chain *auth.Chain, log *slog.Logger) grpc.UnaryServerInterceptor {
	return New(chain, Options{Log: log}).unary
}

// Stream returns the interceptor for streaming calls. Handlers find the caller with [auth.From] in the stream's context.
func Stream(chain *auth.Chain, log *slog.Logger) grpc.StreamServerInterceptor {
	return New(chain, Options{Log: log}).stream
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

func (d *Door) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	ctx, err := d.admit(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	resp, err := handler(ctx, req)
	d.denied(ctx, info.FullMethod, err)
	return resp, err
}

func (d *Door) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx, err := d.admit(stream.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	err = handler(srv, &admitted{ServerStream: stream, ctx: ctx})
	d.denied(ctx, info.FullMethod, err)
	return err
}

// denied audits what a handler refused for lack of rights, such as an operation of administrators.
func (d *Door) denied(ctx context.Context, method string, err error) {
	if fault.KindOf(err) == fault.PermissionDenied {
		d.journal.Refused(ctx, err, method, peerAddress(ctx))
	}
}

// admitted is a stream with the caller's identity in its context.
type admitted struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // grpc.ServerStream hands its context out by method
}

func (s *admitted) Context() context.Context { return s.ctx }

// admit returns the context for a call's handler: with the identity, without credential and forged headers (A70).
func (d *Door) admit(ctx context.Context, method string) (context.Context, error) {
	md, _ := metadata.FromIncomingContext(ctx) // a copy
	credential, early := md[authorization], md[handshakeToken]
	if md != nil {
		delete(md, authorization)
		delete(md, handshakeToken)
		for _, name := range auth.IdentityHeaders() {
			delete(md, name)
		}
		ctx = metadata.NewIncomingContext(ctx, md)
	}
	if Public(method) {
		return ctx, nil
	}
	if len(credential) == 0 && len(early) == 1 {
		credential = []string{bearer + early[0]}
	}
	if method == HandshakeMethod && !isBearer(credential) {
		return d.handshake(ctx, credential), nil
	}
	return d.decide(ctx, credential, method)
}

// decide asks the chain, writes the journal, and returns errors as statuses.
func (d *Door) decide(ctx context.Context, credential []string, method string) (context.Context, error) {
	remote := peerAddress(ctx)
	ctx, err := d.chain.Admit(withCertificate(ctx), auth.Call{
		Authorization: credential,
		Peer:          remote,
		Header:        func(name string) []string { return metadata.ValueFromIncomingContext(ctx, name) },
		Operation:     method,
		Role:          d.role,
	})
	if err != nil {
		d.journal.Refused(ctx, err, method, remote)
		if wait := wait(err); wait > 0 {
			_ = grpc.SetTrailer(ctx, metadata.Pairs(retryAfter, strconv.Itoa(wait))) // without a stream there is nobody to tell
		}
		return ctx, Status(err)
	}
	id, _ := auth.From(ctx)
	d.journal.Accepted(ctx, id, method, remote)
	return ctx, nil
}

// withCertificate adds the certificate that TLS has verified, if there is one.
func withCertificate(ctx context.Context) context.Context {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return ctx
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.VerifiedChains) == 0 {
		return ctx
	}
	return auth.WithPeerCertificate(ctx, info.State.VerifiedChains[0][0])
}

func peerAddress(ctx context.Context) string {
	if p, ok := peer.FromContext(ctx); ok && p.Addr != nil {
		return p.Addr.String()
	}
	return ""
}

// wait is when to try again, in whole seconds; 0 where that is of no use.
func wait(err error) int {
	f := fault.Of(err)
	if f == nil || f.Kind != fault.Exhausted && f.Kind != fault.Unavailable {
		return 0
	}
	return max(1, int(math.Ceil(f.RetryAfter.Seconds())))
}

// Status turns err, an error of package auth, into the status for the caller (A73). Nothing of err but its public
// message is sent, and when to try again.
func Status(err error) error {
	code := codes.Internal
	switch fault.KindOf(err) {
	case fault.Unauthenticated:
		code = codes.Unauthenticated
	case fault.PermissionDenied:
		code = codes.PermissionDenied
	case fault.Unavailable:
		code = codes.Unavailable
	case fault.Exhausted:
		code = codes.ResourceExhausted
	case fault.Canceled:
		code = codes.Canceled
	case fault.Internal, fault.Invalid, fault.NotFound, fault.TooLarge, fault.Unimplemented, fault.Exists:
	}
	if code == codes.Internal {
		return status.Error(code, "internal error")
	}
	st := status.New(code, fault.Of(err).Public())
	if seconds := wait(err); seconds > 0 {
		delay := durationpb.New(time.Duration(seconds) * time.Second)
		if with, err := st.WithDetails(&errdetails.RetryInfo{RetryDelay: delay}); err == nil {
			st = with
		}
	}
	return st.Err()
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
