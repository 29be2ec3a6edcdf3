package sdkhttp

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/micromegas-go/micromegas/sdk"
)

// Handler opens a span around each request that next serves; the request's context carries span and trace. The time that
// it took is the metric http_request_duration with method, route and status. A panic is logged as an error with its stack
// and goes on to net/http, which ends the connection; telemetry goes on too.
func Handler(next http.Handler, o Options) http.Handler {
	spans := newDescriptions("http.server")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := o.recorder()
		if rec == nil {
			next.ServeHTTP(w, r)
			return
		}
		caller, _ := Parse(r.Header)
		t, begin := caller.child(), time.Now()
		ctx, span := rec.StartSpan(r.Context(), spans.get(o.nameOf(r)))
		r = r.WithContext(with(ctx, t))
		answer := &answer{ResponseWriter: w}
		defer func() {
			v := recover()
			if v != nil && v != http.ErrAbortHandler { //nolint:errorlint // net/http compares so
				rec.LogPanic(sdk.LevelError, v)
			}
			route := r.Pattern // a ServeMux inside has found it
			if route == "" {
				route = "none" // not the path, which callers make up
			}
			few := []any{"method", methodOf(r), "route", route, "status", answer.status(v != nil)}
			rec.FloatWith(duration, sdk.NewProps(few...), time.Since(begin).Seconds())
			p := append(properties(t, caller.SpanID), few...)
			p = append(p, "path", r.URL.EscapedPath(), "bytes", answer.bytes)
			if v != nil {
				p = append(p, "error", "panic")
			}
			span.EndWith(sdk.PropsOnce(p...))
			if v != nil {
				panic(v)
			}
		}()
		if h, ok := w.(http.Hijacker); ok {
			next.ServeHTTP(hijacker{answer, h}, r)
			return
		}
		next.ServeHTTP(answer, r)
	})
}

var duration = sdk.Float("http_request_duration", "seconds", sdk.InTarget("http.server"))

// answer notes what is answered. http.ResponseController finds what the writer behind it can do.
type answer struct {
	http.ResponseWriter
	code  int // 0: not written yet
	bytes int64
}

// status is what the client sees; a handler that panics before it has answered breaks the connection.
func (a *answer) status(panicked bool) int {
	if a.code == 0 && !panicked {
		return http.StatusOK
	}
	return a.code
}

// WriteHeader implements [http.ResponseWriter]. Informational answers precede the one that counts.
func (a *answer) WriteHeader(code int) {
	if a.code == 0 && (code >= http.StatusOK || code == http.StatusSwitchingProtocols) {
		a.code = code
	}
	a.ResponseWriter.WriteHeader(code)
}

func (a *answer) begun() {
	if a.code == 0 {
		a.code = http.StatusOK
	}
}

// Write implements [http.ResponseWriter].
func (a *answer) Write(b []byte) (int, error) {
	a.begun()
	n, err := a.ResponseWriter.Write(b)
	a.bytes += int64(n)
	return n, err
}

// ReadFrom implements [io.ReaderFrom], so that files still go out without being copied.
func (a *answer) ReadFrom(src io.Reader) (int64, error) {
	a.begun()
	n, err := io.Copy(a.ResponseWriter, src)
	a.bytes += n
	return n, err
}

// Flush implements [http.Flusher] for handlers that ask for it; it does nothing where the writer behind cannot.
func (a *answer) Flush() {
	a.begun()
	_ = http.NewResponseController(a.ResponseWriter).Flush()
}

// Unwrap is for [http.ResponseController].
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// hijacker is an answer whose connection the handler may take over. Packages for WebSockets ask the writer itself.
type hijacker struct {
	*answer
	behind http.Hijacker
}

// Hijack implements [http.Hijacker]. What is said on the connection from then on is not counted.
func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := h.behind.Hijack()
	if err == nil && h.code == 0 {
		h.code = http.StatusSwitchingProtocols
	}
	return conn, rw, err
}
