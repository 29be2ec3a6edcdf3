package diagnose

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"time"
)

// maxCaptured bounds what is kept of an answer.
const maxCaptured = 256 << 10

// trace records the requests to an issuer.
type trace struct {
	now func() time.Time

	mu   sync.Mutex
	hops []*hop
}

// hop is one request. Its fields are read after it has ended.
type hop struct {
	mu      sync.Mutex // callbacks of attempts to connect run at the same time, and may outlive the request
	url     *url.URL
	proxy   string
	addrs   []string
	addr    string // connected to
	dnsErr  error
	dialErr error
	tlsErr  error
	tls     *tls.ConnectionState

	err      error
	status   int
	location string
	date     time.Time // what the Date header says; zero when there is none
	sent     time.Time
	received time.Time
	body     bytes.Buffer
}

func (t *trace) wrap(next http.RoundTripper) http.RoundTripper {
	return &tracer{trace: t, next: next}
}

// tracer is in front of a transport of the servers.
type tracer struct {
	trace *trace
	next  http.RoundTripper
}

// CloseIdleConnections is for [http.Client].
func (t *tracer) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// RoundTrip implements [http.RoundTripper].
func (t *tracer) RoundTrip(req *http.Request) (*http.Response, error) {
	h := &hop{url: req.URL}
	if p, err := http.ProxyFromEnvironment(req); err == nil && p != nil {
		h.proxy = p.Host
	}
	t.trace.mu.Lock()
	t.trace.hops = append(t.trace.hops, h)
	t.trace.mu.Unlock()
	h.sent = t.trace.now()
	resp, err := t.next.RoundTrip(req.WithContext(h.follow(req.Context())))
	h.received = t.trace.now()
	if err != nil {
		h.mu.Lock()
		h.err = err
		h.mu.Unlock()
		return nil, err
	}
	h.status, h.location = resp.StatusCode, resp.Header.Get("Location")
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		h.date = date
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(resp.Body, &limited{&h.body}), resp.Body}
	return resp, nil
}

// limited keeps the beginning of what is written to it.
type limited struct{ buffer *bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if room := maxCaptured - l.buffer.Len(); room > 0 {
		l.buffer.Write(p[:min(len(p), room)])
	}
	return len(p), nil
}

func (h *hop) follow(ctx context.Context) context.Context {
	locked := func(f func()) {
		h.mu.Lock()
		defer h.mu.Unlock()
		f()
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSDone: func(i httptrace.DNSDoneInfo) {
			locked(func() {
				h.dnsErr = i.Err
				for _, a := range i.Addrs {
					h.addrs = append(h.addrs, a.String())
				}
			})
		},
		ConnectDone: func(_, addr string, err error) {
			locked(func() {
				if err == nil {
					h.addr = addr
				} else {
					h.dialErr = err
				}
			})
		},
		TLSHandshakeDone: func(s tls.ConnectionState, err error) {
			locked(func() {
				h.tlsErr = err
				if err == nil {
					h.tls = &s
				}
			})
		},
	})
}

// unreached reports whether there was no connection to ask over; see [doctor.network] for why.
func (h *hop) unreached() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.dnsErr != nil || h.tlsErr != nil || h.addr == "" && h.err != nil
}
