package ingest

import (
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/micromegas-go/micromegas/internal/server/requestid"
)

// observe gives each request an id, counts and logs it, and turns a panic into a 500.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := requestid.New()
		ctx := requestid.With(r.Context(), id)
		r = r.WithContext(ctx)
		w.Header().Set("X-Request-Id", id)
		in := &watchedBody{ReadCloser: r.Body, done: r.ContentLength == 0}
		r.Body = in
		rec := &recorder{ResponseWriter: w, in: in, http1: r.ProtoMajor == 1}
		start := time.Now()
		s.count.requests.Add(1)
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler { //nolint:errorlint // net/http compares the same way
					panic(p)
				}
				s.count.panics.Add(1)
				s.log.ErrorContext(ctx, "request panicked", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
				if rec.status == 0 {
					_, text, _ := public(ctx, nil)
					answer(rec, http.StatusInternalServerError, text)
				}
			}
			switch {
			case rec.status >= http.StatusInternalServerError:
				s.count.failed.Add(1)
			case rec.status >= http.StatusBadRequest:
				s.count.rejected.Add(1)
			}
			if s.log.Enabled(ctx, slog.LevelDebug) {
				s.log.DebugContext(ctx, "request", "method", r.Method, "path", r.URL.Path, "status", rec.status,
					"took_ms", float64(time.Since(start).Microseconds())/1000, "remote_addr", r.RemoteAddr)
			}
		}()
		next.ServeHTTP(rec, r)
	})
}

// watchedBody knows whether the request's body was read to its end.
type watchedBody struct {
	io.ReadCloser
	done bool
}

func (b *watchedBody) Read(dst []byte) (int, error) {
	n, err := b.ReadCloser.Read(dst)
	if err == io.EOF {
		b.done = true
	}
	return n, err
}

// recorder remembers the status.
type recorder struct {
	http.ResponseWriter
	in     *watchedBody
	http1  bool
	status int // 0 until the header is written
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
		if status >= http.StatusBadRequest && r.http1 && !r.in.done {
			// Else net/http reads up to 256 KiB of the rest before it sends the answer, and a client that waits for
			// the answer to send the rest gets none.
			r.Header().Set("Connection", "close")
		}
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
