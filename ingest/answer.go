package ingest

import (
	"context"
	"io"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/internal/server/requestid"
)

// statusClientClosed is nobody's answer: the client has left. The number is the one access logs know from nginx.
const statusClientClosed = 499

// statusOf maps what went wrong to HTTP. Clients retry 5xx and 429 and give up on other 4xx.
func statusOf(k fault.Kind) int {
	switch k {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.PermissionDenied:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Exists:
		return http.StatusConflict
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.Exhausted:
		return http.StatusTooManyRequests
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	case fault.Unimplemented:
		return http.StatusNotImplemented
	case fault.Canceled:
		return statusClientClosed
	case fault.Internal:
		return http.StatusInternalServerError
	default:
		return http.StatusInternalServerError
	}
}

// statusError is a refusal that only HTTP knows.
type statusError struct {
	status int
	msg    string
	err    error // the cause; logged, never sent
}

func (e *statusError) Error() string {
	if e.err != nil {
		return e.msg + ": " + e.err.Error()
	}
	return e.msg
}

func (e *statusError) Unwrap() error { return e.err }

// refuse answers a request that failed and logs why.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status, text, retryAfter := public(r.Context(), err)
	if status == statusClientClosed {
		s.log.DebugContext(r.Context(), "request abandoned", "path", r.URL.Path, "err", err)
		w.WriteHeader(statusClientClosed)
		return
	}
	if status == http.StatusUnsupportedMediaType {
		w.Header().Set("Accept-Encoding", "gzip") // RFC 9110 section 15.5.16
	}
	if retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(retryAfter, 10))
	}
	switch {
	case status == http.StatusInternalServerError:
		s.log.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "err", err)
	case status >= http.StatusInternalServerError:
		s.rejects.warn(r.Context(), "request refused, the client may retry", "path", r.URL.Path, "status", status, "err", err)
	default:
		s.rejects.warn(r.Context(), "request refused", "path", r.URL.Path, "status", status, "err", err)
	}
	answer(w, status, text)
}

// public returns status, text and Retry-After in seconds (0: none) for an error.
func public(ctx context.Context, err error) (status int, text string, retryAfter int64) {
	if e, ok := err.(*statusError); ok { //nolint:errorlint // made by readBody and handed over unwrapped
		return e.status, e.msg, 0
	}
	e := fault.Of(err)
	if e == nil || e.Kind == fault.Internal {
		return http.StatusInternalServerError, "internal error; the server's log has the reason under request id " + requestid.From(ctx), 0
	}
	status, text = statusOf(e.Kind), printable(e.Public())
	if e.Kind == fault.Unavailable || e.Kind == fault.Exhausted {
		retryAfter = max(1, int64(math.Ceil(float64(e.RetryAfter)/float64(time.Second))))
	}
	return status, text, retryAfter
}

// answer sends a text for people.
func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") //nolint:gosec // G705: it is plain text and says so
}
