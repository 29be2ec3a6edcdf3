package ingest_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/micromegas-go/micromegas/ingest"
	"github.com/micromegas-go/micromegas/wire"
)

func zipped(b []byte) []byte {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	_, _ = z.Write(b) // a buffer takes everything
	_ = z.Close()
	return buf.Bytes()
}

// unsized hides a body's length, so that it is sent chunked.
type unsized struct{ io.Reader }

func TestAccept(t *testing.T) {
	h2 := &http.Transport{Protocols: new(http.Protocols)}
	h2.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(h2.CloseIdleConnections)
	for name, tc := range map[string]struct {
		client  *http.Client // nil means HTTP/1.1
		chunked bool
		query   string
		headers []string
		body    func([]byte) []byte // what is sent instead
	}{
		"http/1.1":                    {},
		"http/2 with prior knowledge": {client: &http.Client{Transport: h2}},
		"chunked":                     {chunked: true},
		"gzip":                        {headers: []string{"Content-Encoding", "gzip"}, body: zipped},
		"gzip over http/2, chunked":   {client: &http.Client{Transport: h2}, chunked: true, headers: []string{"Content-Encoding", "GZIP"}, body: zipped},
		"any content type, any query": {query: "?x=1", headers: []string{"Content-Type", "application/json"}},
		"bytes after the value":       {body: func(b []byte) []byte { return append(bytes.Clone(b), 0, 1, 2) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := &sink{}
			srv, h := serve(t, s, ingest.Options{})
			for _, route := range routes {
				body := bodies()[route]
				if tc.body != nil {
					body = tc.body(body)
				}
				var r io.Reader = bytes.NewReader(body)
				if tc.chunked {
					r = unsized{r}
				}
				got := do(t, cmp.Or(tc.client, http.DefaultClient), "POST", h.URL+route+tc.query, r, tc.headers...)
				if got.status != http.StatusOK || got.body != "" {
					t.Fatalf("%s = %d %q, want 200 with an empty body", route, got.status, got.body)
				}
				if ct := got.header.Get("Content-Type"); ct != "" {
					t.Errorf("%s: content type %q of nothing", route, ct)
				}
			}
			wantBlock, wantPayload := block(1000)
			wantBlock.PayloadSize = int64(len(wantPayload.Encode()))
			if len(s.blocks) != 1 || s.blocks[0] != wantBlock || !reflect.DeepEqual(s.payloads[0], wantPayload) {
				t.Errorf("stored blocks %+v", s.blocks)
			}
			if len(s.processes) != 1 || !reflect.DeepEqual(s.processes[0], process()) {
				t.Errorf("stored processes %+v", s.processes)
			}
			if len(s.streams) != 1 || s.streams[0].ID != stream().ID {
				t.Errorf("stored streams %+v", s.streams)
			}
			if st := srv.Stats(); st.Processes != 1 || st.Streams != 1 || st.Blocks != 1 || st.Events != 5 || st.Requests != 3 {
				t.Errorf("stats %+v", st)
			}
		})
	}
}

// A body of every size around the buffers' steps arrives as it was sent.
func TestAcceptSizes(t *testing.T) {
	s := &sink{}
	_, h := serve(t, s, ingest.Options{})
	for _, size := range []int{8, 16 << 10, 64<<10 - 8, 64 << 10, 300 << 10, 4 << 20, 5 << 20} {
		for name, wrap := range map[string]func([]byte) io.Reader{
			"sized":   func(b []byte) io.Reader { return bytes.NewReader(b) },
			"chunked": func(b []byte) io.Reader { return unsized{bytes.NewReader(b)} },
		} {
			b, p := block(size)
			if got := do(t, http.DefaultClient, "POST", h.URL+insertBlock, wrap(wire.EncodeBlock(b, p))); got.status != http.StatusOK {
				t.Fatalf("%s block of %d bytes = %d %q", name, size, got.status, got.body)
			}
			if last := s.payloads[len(s.payloads)-1]; !bytes.Equal(last.Objects, p.Objects) {
				t.Fatalf("%s block of %d bytes arrived changed", name, size)
			}
		}
	}
}

// Many at once: buffers that are used again never mix bodies up.
func TestAcceptConcurrently(t *testing.T) {
	s := &sink{}
	_, h := serve(t, s, ingest.Options{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			b, p := block(20_000)
			for j := range 20 {
				b.Objects = int32(i*100 + j)
				p.Objects = append([]byte(emptyFrame), bytes.Repeat([]byte{byte(i*20 + j)}, 20_000-j)...)
				req, err := http.NewRequestWithContext(t.Context(), "POST", h.URL+insertBlock, bytes.NewReader(wire.EncodeBlock(b, p)))
				if err != nil {
					t.Error(err)
					return
				}
				resp, err := http.DefaultClient.Do(req)
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Error(err, resp)
					return
				}
				_ = resp.Body.Close()
			}
		})
	}
	wg.Wait()
	for i, b := range s.blocks {
		want := byte(b.Objects/100*20 + b.Objects%100)
		for _, got := range s.payloads[i].Objects[len(emptyFrame):] {
			if got != want {
				t.Fatalf("block %d holds bytes of another", b.Objects)
			}
		}
	}
	if len(s.blocks) != 160 {
		t.Errorf("%d blocks, want 160", len(s.blocks))
	}
}

func TestReservedPropertiesAreDroppedWithAWarning(t *testing.T) {
	var log safeBuffer
	s := &sink{}
	srv, h := serve(t, s, ingest.Options{Log: log.logger()})
	p := process()
	p.Properties = map[string]string{"micromegas.audience": "all", "kept": "1"}
	if got := do(t, http.DefaultClient, "POST", h.URL+insertProcess, bytes.NewReader(wire.EncodeProcess(p))); got.status != http.StatusOK {
		t.Fatal(got)
	}
	if want := map[string]string{"kept": "1"}; !reflect.DeepEqual(s.processes[0].Properties, want) {
		t.Errorf("properties %v, want %v", s.processes[0].Properties, want)
	}
	if !strings.Contains(log.String(), "micromegas.audience") || !strings.Contains(log.String(), p.ID.String()) {
		t.Errorf("log %q names neither property nor process", log.String())
	}
	if n := srv.Stats().ReservedProperties; n != 1 {
		t.Errorf("%d reserved properties counted", n)
	}
}

func TestPaths(t *testing.T) {
	for name, tc := range map[string]struct {
		method, path string
		status       int
		allow        string
	}{
		"health":             {"GET", "/health", 200, ""},
		"health, head":       {"HEAD", "/health", 200, ""},
		"ready":              {"GET", "/ready", 200, ""},
		"ready, head":        {"HEAD", "/ready", 200, ""},
		"health, post":       {"POST", "/health", 405, "GET, HEAD"},
		"ready, put":         {"PUT", "/ready", 405, "GET, HEAD"},
		"process, get":       {"GET", insertProcess, 405, "POST"},
		"stream, put":        {"PUT", insertStream, 405, "POST"},
		"block, delete":      {"DELETE", insertBlock, 405, "POST"},
		"block, options":     {"OPTIONS", insertBlock, 405, "POST"},
		"root":               {"GET", "/", 404, ""},
		"unknown":            {"POST", "/ingestion/insert_all", 404, ""},
		"trailing slash":     {"POST", insertBlock + "/", 404, ""},
		"double slash":       {"POST", "//ingestion/insert_block", 404, ""},
		"dots":               {"POST", "/x/../ingestion/insert_block", 404, ""},
		"other letter case":  {"POST", "/Ingestion/insert_block", 404, ""},
		"health slash":       {"GET", "/health/", 404, ""},
		"a file of a system": {"GET", "/../../etc/passwd", 404, ""},
	} {
		for auth, protect := range map[string]func(http.Handler) http.Handler{"open": nil, "protected": refuseAll} {
			t.Run(name+", "+auth, func(t *testing.T) {
				_, h := serve(t, &sink{}, ingest.Options{Protect: protect})
				got := do(t, http.DefaultClient, tc.method, h.URL+tc.path, nil, "Authorization", "Bearer wrong")
				if got.status != tc.status || got.header.Get("Allow") != tc.allow || got.body != "" {
					t.Errorf("%s %s = %d, Allow %q, body %q; want %d, %q, empty", tc.method, tc.path,
						got.status, got.header.Get("Allow"), got.body, tc.status, tc.allow)
				}
			})
		}
	}
}

func refuseAll(http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "Invalid token", http.StatusUnauthorized)
	})
}

func TestProtectRunsBeforeTheBody(t *testing.T) {
	s := &sink{fail: func(context.Context) error { t.Error("the sink was asked"); return nil }}
	_, h := serve(t, s, ingest.Options{Protect: refuseAll, MaxBodyBytes: 10})
	for _, route := range routes {
		conn := dial(t, h)
		conn.send("POST " + route + " HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n") // and no body
		if got := conn.answer(); got.status != http.StatusUnauthorized {
			t.Errorf("%s = %d, want 401 before size and body matter", route, got.status)
		}
	}
}
