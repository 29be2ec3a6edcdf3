package sdkhttp

import (
	"net/http"

	"github.com/micromegas-go/micromegas/sdk"
)

// Transport opens a span around each request that base sends, inside the span and the trace that the request's context
// carries, and writes the trace into its headers. The span ends when the answer's headers have come. A nil base means
// [http.DefaultTransport].
func Transport(base http.RoundTripper, o Options) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &transport{base, o, newDescriptions("http.client")}
}

type transport struct {
	base  http.RoundTripper
	opts  Options
	spans *descriptions
}

// RoundTrip implements [http.RoundTripper].
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := t.opts.recorder()
	if rec == nil {
		return t.base.RoundTrip(r)
	}
	parent, _ := From(r.Context())
	own := parent.child()
	name := "HTTP " + methodOf(r) // the pattern is that of the request being served, if any
	if t.opts.Name != nil {
		name = t.opts.Name(r)
	}
	span := rec.Leaf(r.Context(), t.spans.get(name))
	r = r.Clone(r.Context()) // a RoundTripper must not change what it is given
	own.Set(r.Header)
	resp, err := t.base.RoundTrip(r)
	p := append(properties(own, parent.SpanID), "method", methodOf(r), "host", r.URL.Host, "path", r.URL.EscapedPath())
	if err != nil {
		p = append(p, "error", err.Error())
	} else {
		p = append(p, "status", resp.StatusCode)
	}
	span.EndWith(sdk.PropsOnce(p...))
	return resp, err
}

// CloseIdleConnections is for [http.Client.CloseIdleConnections].
func (t *transport) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
