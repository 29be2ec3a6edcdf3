package ingest_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/micromegas-go/micromegas/ingest"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/wire"
)

// safeBuffer is a log that several goroutines write.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *safeBuffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// rawConn is a client that says exactly what the test wants.
type rawConn struct {
	t    *testing.T
	conn net.Conn
}

func dial(t *testing.T, h *httptest.Server) *rawConn {
	t.Helper()
	conn, err := net.Dial("tcp", h.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &rawConn{t, conn}
}

// pipe is the client of a server in the same bubble of synctest, over a pipe: what a client sends has arrived before the
// bubble's clock moves on, however busy the machine is.
func pipe(t *testing.T, s ingest.Sink, o ingest.Options) *rawConn {
	t.Helper()
	o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	client, server := net.Pipe()
	l := &oneConn{addr: server.LocalAddr(), conn: make(chan net.Conn, 1), done: make(chan struct{})}
	l.conn <- server
	h := &http.Server{Handler: ingest.New(s, o).Handler(), ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(l) }()
	t.Cleanup(func() {
		_ = client.Close()
		_ = h.Close()
		<-ended
	})
	return &rawConn{t, client}
}

// oneConn is a listener to which one connection comes.
type oneConn struct {
	addr  net.Addr
	conn  chan net.Conn
	done  chan struct{}
	close sync.Once
}

func (l *oneConn) Accept() (net.Conn, error) {
	select {
	case c := <-l.conn:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *oneConn) Addr() net.Addr { return l.addr }

func (l *oneConn) Close() error {
	l.close.Do(func() { close(l.done) })
	return nil
}

func (c *rawConn) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, s); err != nil {
		c.t.Fatal(err)
	}
}

func (c *rawConn) answer() reply {
	c.t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(c.conn), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(body)}
}

func TestMalformedBodies(t *testing.T) {
	s := &sink{}
	_, h := serve(t, s, ingest.Options{})
	for _, route := range routes {
		valid := bodies()[route]
		// The key in front of what it names, with its length: a text of less than 24 bytes.
		key := func(name string) []byte { return append([]byte{0x60 | byte(len(name))}, name...) }
		for name, body := range map[string][]byte{
			"empty":              {},
			"text":               []byte("hello"),
			"json":               []byte(`{"process_id":"x"}`),
			"sql":                []byte("'; DROP TABLE blocks; --"),
			"an integer":         {0x01},
			"null":               {0xf6},
			"an empty map":       {0xa0},
			"an array":           {0x80},
			"cut in half":        valid[:len(valid)/2],
			"last byte missing":  valid[:len(valid)-1],
			"key missing":        bytes.Replace(valid, key("process_id"), key("process_ix"), 1),
			"deep nesting":       bytes.Repeat([]byte{0x81}, 100_000),
			"endless map":        {0xbf},
			"huge length":        {0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
			"huge text":          {0xa1, 0x7b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
			"bad uuid":           bytes.Replace(valid, []byte(process().ID.String()), bytes.Repeat([]byte("z"), 36), 1),
			"gzip, not declared": zipped(valid),
		} {
			got := do(t, http.DefaultClient, "POST", h.URL+route, bytes.NewReader(body))
			if got.status != http.StatusBadRequest || strings.TrimSpace(got.body) == "" {
				t.Errorf("%s, %s = %d %q, want 400 with a reason", route, name, got.status, got.body)
			}
			if ct := got.header.Get("Content-Type"); ct != "text/plain; charset=utf-8" {
				t.Errorf("%s, %s: content type %q", route, name, ct)
			}
			if strings.Count(got.body, "\n") != 1 || len(got.body) > 600 {
				t.Errorf("%s, %s: answer %q is not one short line", route, name, got.body)
			}
			if (name == "key missing" || name == "bad uuid") && !strings.Contains(got.body, "process_id") {
				t.Errorf("%s, %s: answer %q does not name the field", route, name, got.body)
			}
		}
	}
	if n := s.stored(); n != 0 {
		t.Errorf("%d malformed records stored", n)
	}
}

// TestPayloadsThatAreNoFrames: what can never be decoded is refused on arrival, and the answer says which queue.
func TestPayloadsThatAreNoFrames(t *testing.T) {
	s := &sink{}
	_, h := serve(t, s, ingest.Options{})
	for name, spoil := range map[string]func(p *wire.Payload) *[]byte{
		"payload.dependencies": func(p *wire.Payload) *[]byte { return &p.Dependencies },
		"payload.objects":      func(p *wire.Payload) *[]byte { return &p.Objects },
	} {
		for _, queue := range []string{"", "garbage that is long enough to be a frame", emptyFrame[:8]} {
			b, p := block(8)
			*spoil(&p) = []byte(queue)
			got := do(t, http.DefaultClient, "POST", h.URL+insertBlock, bytes.NewReader(wire.EncodeBlock(b, p)))
			if got.status != http.StatusBadRequest || !strings.Contains(got.body, name) {
				t.Errorf("%s %q = %d %q, want 400 that names the queue", name, queue, got.status, got.body)
			}
		}
	}
	if n := s.stored(); n != 0 {
		t.Errorf("%d blocks stored", n)
	}
}

func TestCodings(t *testing.T) {
	s := &sink{}
	_, h := serve(t, s, ingest.Options{MaxBodyBytes: 100_000})
	valid := bodies()[insertBlock]
	gz := zipped(valid)
	damaged := bytes.Clone(gz)
	damaged[len(damaged)-5] ^= 0xff // in the checksum
	var bomb bytes.Buffer
	z, _ := gzip.NewWriterLevel(&bomb, gzip.BestCompression)
	_, _ = io.Copy(z, io.LimitReader(zeros{}, 2_000_000))
	_ = z.Close()
	for name, tc := range map[string]struct {
		coding string
		body   []byte
		status int
	}{
		"identity":        {"identity", valid, 200},
		"gzip":            {"gzip", gz, 200},
		"x-gzip":          {"x-gzip", gz, 200},
		"two members":     {"gzip", append(zipped(valid[:10]), zipped(valid[10:])...), 200},
		"not gzip":        {"gzip", valid, 400},
		"gzip of nothing": {"gzip", zipped(nil), 400},
		"nothing":         {"gzip", nil, 400},
		"cut":             {"gzip", gz[:len(gz)-10], 400},
		"header only":     {"gzip", gz[:5], 400},
		"damaged":         {"gzip", damaged, 400},
		"bomb":            {"gzip", bomb.Bytes(), 413},
		"deflate":         {"deflate", valid, 415},
		"zstd":            {"zstd", valid, 415},
		"twice":           {"gzip, gzip", zipped(gz), 415},
	} {
		got := do(t, http.DefaultClient, "POST", h.URL+insertBlock, bytes.NewReader(tc.body), "Content-Encoding", tc.coding)
		if got.status != tc.status {
			t.Errorf("%s = %d %q, want %d", name, got.status, got.body, tc.status)
		}
		if tc.status == 415 && got.header.Get("Accept-Encoding") != "gzip" {
			t.Errorf("%s: the answer does not say which coding would do", name)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestTooLarge(t *testing.T) {
	const limit = 100_000
	s := &sink{}
	_, h := serve(t, s, ingest.Options{MaxBodyBytes: limit})
	t.Run("declared, before the body", func(t *testing.T) {
		c := dial(t, h)
		c.send("POST " + insertBlock + " HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\n")
		got := c.answer()
		if got.status != http.StatusRequestEntityTooLarge {
			t.Fatalf("answer %+v", got)
		}
		for _, want := range []string{"100001", "100000", "length limit exceeded"} {
			if !strings.Contains(got.body, want) {
				t.Errorf("answer %q does not say %s", got.body, want)
			}
		}
	})
	t.Run("by default, 100 MiB", func(t *testing.T) {
		_, h := serve(t, s, ingest.Options{})
		c := dial(t, h)
		c.send("POST " + insertBlock + " HTTP/1.1\r\nHost: x\r\nContent-Length: 104857601\r\n\r\n")
		if got := c.answer(); got.status != http.StatusRequestEntityTooLarge || !strings.Contains(got.body, "104857600") {
			t.Fatalf("answer %+v", got)
		}
	})
	t.Run("found out while reading", func(t *testing.T) {
		c := dial(t, h)
		c.send("POST " + insertBlock + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
		c.send(fmt.Sprintf("%x\r\n%s\r\n", limit+1, strings.Repeat("x", limit+1))) // and no end
		if got := c.answer(); got.status != http.StatusRequestEntityTooLarge || !strings.Contains(got.body, "length limit exceeded") {
			t.Fatalf("answer %+v", got)
		}
	})
	t.Run("exactly the limit", func(t *testing.T) {
		b, p := block(8)
		padding := limit - len(wire.EncodeBlock(b, wire.Payload{Dependencies: p.Dependencies})) - 4 - len(emptyFrame)
		p.Objects = append([]byte(emptyFrame), make([]byte, padding)...)
		body := wire.EncodeBlock(b, p)
		if len(body) != limit {
			t.Fatalf("the test's body has %d bytes", len(body))
		}
		for _, r := range []io.Reader{bytes.NewReader(body), unsized{bytes.NewReader(body)}} {
			if got := do(t, http.DefaultClient, "POST", h.URL+insertBlock, r); got.status != http.StatusOK {
				t.Errorf("answer %+v", got)
			}
		}
	})
}

func TestSlowBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := pipe(t, &sink{}, ingest.Options{})
		c.send("POST " + insertBlock + " HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc") // and then nothing
		if got := c.answer(); got.status != http.StatusRequestTimeout {
			t.Fatalf("answer %+v, want 408", got)
		}
	})
}

// The time that storing takes does not count as slowness of the client.
func TestSlowSinkAfterBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const grace = time.Second
		s := &sink{fail: func(ctx context.Context) error {
			select {
			case <-time.After(4 * grace):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}}
		c := pipe(t, s, ingest.Options{BodyGrace: grace})
		body := bodies()[insertBlock]
		c.send(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", insertBlock, len(body), body))
		if got := c.answer(); got.status != http.StatusOK {
			t.Fatalf("answer %+v", got)
		}
	})
}

func TestBrokenBodies(t *testing.T) {
	_, h := serve(t, &sink{}, ingest.Options{})
	t.Run("bad chunk", func(t *testing.T) {
		c := dial(t, h)
		c.send("POST " + insertBlock + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
		if got := c.answer(); got.status != http.StatusBadRequest {
			t.Errorf("answer %+v", got)
		}
	})
	t.Run("ends early", func(t *testing.T) {
		c := dial(t, h)
		c.send("POST " + insertBlock + " HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
		if err := c.conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		// Half a connection looks to net/http like a client that has left; who is right depends on who is faster.
		if got := c.answer(); got.status != http.StatusBadRequest && got.status != 499 {
			t.Errorf("answer %+v", got)
		}
	})
}

func TestMemoryLimit(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	s := &sink{fail: func(context.Context) error { entered <- struct{}{}; <-leave; return nil }}
	srv, h := serve(t, s, ingest.Options{
		MaxBodyBytes: 60 << 10, MaxInFlightBytes: 1, AdmissionTimeout: 10 * time.Millisecond, // room for one body of 60 KiB
	})
	b, p := block(40 << 10)
	body := wire.EncodeBlock(b, p)
	first := make(chan reply, 1)
	go func() { first <- do(t, http.DefaultClient, "POST", h.URL+insertBlock, bytes.NewReader(body)) }()
	<-entered
	got := do(t, http.DefaultClient, "POST", h.URL+insertBlock, bytes.NewReader(body))
	if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "1" || !strings.Contains(got.body, "memory") {
		t.Errorf("answer while memory is in use %+v, want 503 with Retry-After", got)
	}
	// Who only promises a body takes nothing: a small one still fits beside the first.
	close(leave)
	if got := <-first; got.status != http.StatusOK {
		t.Errorf("first answer %+v", got)
	}
	go func() { <-entered }()
	if got := do(t, http.DefaultClient, "POST", h.URL+insertBlock, bytes.NewReader(body)); got.status != http.StatusOK {
		t.Errorf("answer after memory is free %+v", got)
	}
	if st := srv.Stats(); st.Failed != 1 || st.Blocks != 2 {
		t.Errorf("stats %+v", st)
	}
}

func TestSinkFailures(t *testing.T) {
	secret := errors.New(`dial tcp 10.0.0.7:5432: SELECT * FROM "keys" at /srv/lake/catalog.go`)
	for name, tc := range map[string]struct {
		err        error
		status     int
		retryAfter string
		text       string
	}{
		"unclassified":      {secret, 500, "", "request id"},
		"internal":          {fault.Wrap(fault.Internal, "secret plan", secret), 500, "", "request id"},
		"unavailable":       {&fault.Error{Kind: fault.Unavailable, Msg: "the store is out of reach", Err: secret, RetryAfter: 2100 * time.Millisecond}, 503, "3", "the store is out of reach"},
		"no delay known":    {fault.New(fault.Unavailable, "the queue is full"), 503, "1", "the queue is full"},
		"wrapped":           {fmt.Errorf("append: %w", fault.New(fault.Unavailable, "full")), 503, "1", "full"},
		"quota":             {&fault.Error{Kind: fault.Exhausted, Msg: "quota", RetryAfter: time.Minute}, 429, "60", "quota"},
		"invalid, with fix": {&fault.Error{Kind: fault.Invalid, Msg: "not LZ4", Fix: "compress it", Err: secret}, 400, "", "not LZ4; compress it"},
		"forbidden":         {fault.New(fault.PermissionDenied, "not yours"), 403, "", "not yours"},
		"sink too slow":     {fmt.Errorf("append: %w", context.DeadlineExceeded), 503, "2", "too long"},
	} {
		t.Run(name, func(t *testing.T) {
			var log safeBuffer
			s := &sink{fail: func(ctx context.Context) error {
				if errors.Is(tc.err, context.DeadlineExceeded) {
					<-ctx.Done()
				}
				return tc.err
			}}
			_, h := serve(t, s, ingest.Options{Log: log.logger(), StoreTimeout: 20 * time.Millisecond})
			for _, route := range routes {
				got := do(t, http.DefaultClient, "POST", h.URL+route, bytes.NewReader(bodies()[route]))
				if got.status != tc.status || got.header.Get("Retry-After") != tc.retryAfter || !strings.Contains(got.body, tc.text) {
					t.Errorf("%s = %d, Retry-After %q, %q; want %d, %q, %q", route, got.status, got.header.Get("Retry-After"), got.body,
						tc.status, tc.retryAfter, tc.text)
				}
				if strings.Contains(got.body, "10.0.0.7") || strings.Contains(got.body, "secret") {
					t.Errorf("%s tells the cause: %q", route, got.body)
				}
				if id := got.header.Get("X-Request-Id"); tc.status == 500 && !strings.Contains(got.body, id) {
					t.Errorf("%s: %q does not hold the request id %s", route, got.body, id)
				}
			}
			if !strings.Contains(log.String(), tc.err.Error()[:4]) {
				t.Errorf("log without the cause: %s", log.String())
			}
		})
	}
}

func TestPanic(t *testing.T) {
	var log safeBuffer
	s := &sink{fail: func(context.Context) error { panic("secret state 0xc000") }}
	srv, h := serve(t, s, ingest.Options{Log: log.logger()})
	for range 3 { // the server lives on, and the memory of the bodies is given back
		got := do(t, http.DefaultClient, "POST", h.URL+insertBlock, bytes.NewReader(bodies()[insertBlock]))
		if got.status != http.StatusInternalServerError || !strings.Contains(got.body, got.header.Get("X-Request-Id")) {
			t.Fatalf("answer %+v", got)
		}
	}
	if !strings.Contains(log.String(), "secret state") || !strings.Contains(log.String(), "refuse_test.go") {
		t.Errorf("log without panic and stack: %s", log.String())
	}
	if srv.Stats().Panics != 3 {
		t.Errorf("stats %+v", srv.Stats())
	}
}

func TestClientLeaves(t *testing.T) {
	entered, left := make(chan struct{}), make(chan error, 1)
	s := &sink{fail: func(ctx context.Context) error {
		close(entered)
		<-ctx.Done()
		left <- ctx.Err()
		return ctx.Err()
	}}
	_, h := serve(t, s, ingest.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "POST", h.URL+insertBlock, bytes.NewReader(bodies()[insertBlock]))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
		}
	}()
	<-entered
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the sink's context ended with %v", err)
	}
	<-done
}

func TestReady(t *testing.T) {
	var mu sync.Mutex
	probes, state := 0, error(nil)
	s := &sink{ready: func(context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		probes++
		return state
	}}
	set := func(err error) { mu.Lock(); defer mu.Unlock(); state = err }
	_, h := serve(t, s, ingest.Options{})
	set(errors.New("disk /dev/sda1 is full"))
	for range 2 { // a failure is not remembered
		if got := do(t, http.DefaultClient, "GET", h.URL+"/ready", nil); got.status != http.StatusServiceUnavailable || got.body != "" {
			t.Fatalf("ready = %+v, want 503 and nothing else", got)
		}
	}
	set(nil)
	for range 5 { // a success is, for a second
		if got := do(t, http.DefaultClient, "GET", h.URL+"/ready", nil); got.status != http.StatusOK {
			t.Fatalf("ready = %+v", got)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if probes < 3 || probes > 7 {
		t.Errorf("%d probes", probes)
	}
}

func FuzzHandler(f *testing.F) {
	for route, body := range bodies() {
		f.Add(strings.TrimPrefix(route, "/ingestion/"), "", body)
		f.Add(strings.TrimPrefix(route, "/ingestion/"), "gzip", body)
	}
	f.Add("insert_block", "", []byte{0xbf, 0xff})
	h := ingest.New(&sink{}, ingest.Options{MaxBodyBytes: 1 << 20}).Handler()
	f.Fuzz(func(t *testing.T, route, coding string, body []byte) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "/ingestion/x", bytes.NewReader(body))
		r.URL.Path = "/ingestion/" + route
		r.Header.Set("Content-Encoding", coding)
		h.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%s answers %d: %s", route, w.Code, w.Body)
		}
	})
}
