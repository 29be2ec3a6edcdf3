package flightsql

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/google/uuid"
	"google.golang.org/grpc"
)

// callID is the key of the call's id in its context.
type callID struct{}

// withCallID gives ctx an id that the answer, the log and the audit record share.
func withCallID(ctx context.Context) context.Context {
	return context.WithValue(ctx, callID{}, uuid.NewString())
}

// idOf returns the call's id: of a query, the query id.
func idOf(ctx context.Context) string {
	id, _ := ctx.Value(callID{}).(string)
	return id
}

// panicked is a panic turned into an error, so that one call's bug does not end the process.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// catch turns a panic into *err. It must be deferred directly.
func catch(err *error) {
	if v := recover(); v != nil {
		*err = &panicked{value: v, stack: debug.Stack()}
	}
}

// guardUnary is the outermost interceptor: an id going in, a status coming out.
func (s *Server) guardUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (resp any, err error) {
	ctx = withCallID(ctx)
	err = func() (err error) {
		defer catch(&err)
		resp, err = next(ctx, req)
		return err
	}()
	if err != nil {
		return nil, s.status(ctx, info.FullMethod, err)
	}
	return resp, nil
}

// guardStream does the same for streams.
func (s *Server) guardStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	ctx := withCallID(stream.Context())
	err := func() (err error) {
		defer catch(&err)
		return next(srv, guarded{stream, ctx})
	}()
	if err != nil {
		return s.status(ctx, info.FullMethod, err)
	}
	return nil
}

// guarded is a stream with another context.
type guarded struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // grpc hands a stream's context over in this way
}

func (g guarded) Context() context.Context { return g.ctx }
