package flightsql

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// code is the one table from kinds to gRPC codes. pyarrow shows INVALID_ARGUMENT and RESOURCE_EXHAUSTED as ArrowInvalid,
// which is what callers catch.
func code(k fault.Kind) codes.Code {
	switch k {
	case fault.Invalid:
		return codes.InvalidArgument
	case fault.Unauthenticated:
		return codes.Unauthenticated
	case fault.PermissionDenied:
		return codes.PermissionDenied
	case fault.NotFound:
		return codes.NotFound
	case fault.Exists:
		return codes.AlreadyExists
	case fault.TooLarge, fault.Exhausted:
		return codes.ResourceExhausted
	case fault.Unavailable:
		return codes.Unavailable
	case fault.Unimplemented:
		return codes.Unimplemented
	case fault.Canceled:
		return codes.Canceled
	case fault.Internal:
		return codes.Internal
	}
	return codes.Internal
}

// status turns err into what the caller gets, and logs what the caller must not see.
func (s *Server) status(ctx context.Context, method string, err error) error {
	if own, ok := err.(interface{ GRPCStatus() *status.Status }); ok {
		// Made by an interceptor or by gRPC itself, for the caller. A status deeper in the chain was some other
		// server's word to us and is treated like any cause.
		return own.GRPCStatus().Err()
	}
	id := idOf(ctx)
	st := statusOf(err, id)
	switch st.Code() {
	case codes.Internal:
		attrs := []any{"method", method, "query_id", id, "err", err}
		if p, ok := errors.AsType[*panicked](err); ok {
			attrs = append(attrs, "stack", string(p.stack))
		}
		s.log.ErrorContext(ctx, "call failed", attrs...)
	case codes.Unavailable:
		s.log.WarnContext(ctx, "call refused", "method", method, "query_id", id, "err", err)
	default:
		s.log.DebugContext(ctx, "call refused", "method", method, "query_id", id, "err", err)
	}
	return st.Err()
}

// statusOf returns the status of err for the caller of the call named id.
func statusOf(err error, id string) *status.Status {
	suffix := " (query_id=" + id + ")"
	f := fault.Of(err)
	switch {
	case (f == nil || f.Kind == fault.Canceled) && errors.Is(err, context.DeadlineExceeded):
		return status.New(codes.DeadlineExceeded, "the deadline of the call has passed"+suffix)
	case f != nil && f.Kind != fault.Internal:
		st := status.New(code(f.Kind), fit(f.Public(), maxText-len(suffix))+suffix)
		if f.RetryAfter > 0 {
			if with, err := st.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(f.RetryAfter)}); err == nil {
				st = with
			}
		}
		return st
	case errors.Is(err, context.Canceled):
		return status.New(codes.Canceled, "the query was canceled"+suffix)
	}
	return status.New(codes.Internal, "internal error"+suffix)
}

// maxText is the longest message as it travels. gRPC's C core, under pyarrow, refuses an answer whose trailers exceed
// 8 KiB in all, and the text may be among them twice (message and details).
const maxText = 3 << 10

// fit cuts text so that its percent-encoded form, in which bytes outside printable ASCII take three, has at most limit
// bytes.
func fit(text string, limit int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	const ellipsis, ellipsisSize = "…", 9
	size, cut := 0, 0 // size of the text so far; where to cut if it gets too long
	for i, r := range text {
		if size <= limit-ellipsisSize {
			cut = i
		}
		if r >= ' ' && r <= '~' && r != '%' {
			size++
		} else {
			size += 3 * utf8.RuneLen(r)
		}
		if size > limit {
			return text[:cut] + ellipsis
		}
	}
	return text
}
