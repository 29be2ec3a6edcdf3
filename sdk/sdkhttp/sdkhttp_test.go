package sdkhttp_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/micromegas-go/micromegas/sdk"
	"github.com/micromegas-go/micromegas/sdk/sdkhttp"
	"github.com/micromegas-go/micromegas/sdk/sdktest"
	"github.com/micromegas-go/micromegas/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newRecorder(t *testing.T) (*sdk.Recorder, *sdktest.Sink) {
	t.Helper()
	sink := sdktest.NewSink()
	r, err := sdk.New(sdk.Options{Sink: sink})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return r, sink
}

// span is the end of one, with its properties.
type span struct {
	wire.Event
	p map[string]string
}

// ends flushes and returns the spans that have ended, by name.
func ends(t *testing.T, r *sdk.Recorder, sink *sdktest.Sink) map[string]span {
	t.Helper()
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	found := map[string]span{}
	for _, e := range sink.Events() {
		if e.Type != "TaggedEndAsyncSpanEvent" {
			continue
		}
		p := map[string]string{}
		for _, q := range e.Properties {
			p[q.Name] = q.Value
		}
		found[e.Name] = span{e.Event, p}
	}
	return found
}

func get(t *testing.T, client *http.Client, url string, headers ...string) (int, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// A request goes through two processes; the spans of both belong to one trace and to each other.
func TestTwoProcesses(t *testing.T) {
	backRecorder, backSink := newRecorder(t)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /items/{id}", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Tracestate") != "a=1,b=2" {
			t.Errorf("tracestate is %q", r.Header.Get("Tracestate"))
		}
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "short and stout")
	})
	back := httptest.NewServer(sdkhttp.Handler(mux, sdkhttp.Options{Recorder: backRecorder}))
	defer back.Close()

	frontRecorder, frontSink := newRecorder(t)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: sdkhttp.Transport(transport, sdkhttp.Options{Recorder: frontRecorder})}
	inside := http.NewServeMux()
	inside.Handle("GET /shop", sdkhttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, back.URL+"/items/7?secret=x", nil)
		if err != nil {
			t.Error(err)
			return
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		if req.Header.Get("Traceparent") != "" {
			t.Error("the caller's request was changed")
		}
		_, _ = io.Copy(w, resp.Body)
	}), sdkhttp.Options{Recorder: frontRecorder}))
	front := httptest.NewServer(inside)
	defer front.Close()
	plain := &http.Client{Transport: transport}
	status, text, err := get(t, plain, front.URL+"/shop", "traceparent", traceparent, "tracestate", "a=1", "tracestate", "b=2")
	if status != 200 || text != "short and stout" || err != nil {
		t.Fatalf("%d %q %v", status, text, err)
	}

	spans := ends(t, frontRecorder, frontSink)
	server, out := spans["GET /shop"], spans["HTTP GET"]
	in := ends(t, backRecorder, backSink)["HTTP GET"]
	for _, s := range []span{server, out, in} {
		if s.p["trace_id"] != "0af7651916cd43dd8448eb211c80319c" {
			t.Errorf("trace_id of %s is %q", s.Name, s.p["trace_id"])
		}
		for name, value := range s.p {
			if strings.Contains(value, "secret") {
				t.Errorf("%s of %s is %q", name, s.Name, value)
			}
		}
	}
	if server.p["parent_span_id"] != "b7ad6b7169203331" || out.p["parent_span_id"] != server.p["span_id"] || in.p["parent_span_id"] != out.p["span_id"] || in.p["parent_span_id"] == "" {
		t.Errorf("parents: %v, %v, %v", server.p, out.p, in.p)
	}
	if out.ParentSpanID != server.SpanID || out.Target != "http.client" || server.Target != "http.server" {
		t.Errorf("spans: %+v, %+v", server, out)
	}
	for name, want := range map[string]string{"route": "GET /items/{id}", "path": "/items/7", "status": "418", "bytes": "15", "method": "GET"} {
		if in.p[name] != want {
			t.Errorf("%s = %q, want %q", name, in.p[name], want)
		}
	}
	if server.p["status"] != "200" || out.p["status"] != "418" || out.p["host"] != strings.TrimPrefix(back.URL, "http://") {
		t.Errorf("spans: %v, %v", server.p, out.p)
	}
}

func TestParse(t *testing.T) {
	good := func(value, state string) {
		t.Helper()
		h := http.Header{"Traceparent": {value}}
		if state != "" {
			h["Tracestate"] = []string{state}
		}
		tr, ok := sdkhttp.Parse(h)
		out := http.Header{}
		tr.Set(out)
		if !ok || out.Get("Traceparent")[:53] != "00"+value[2:53] || tr.State != out.Get("Tracestate") {
			t.Errorf("Parse(%s) = %+v, %v, written as %v", value, tr, ok, out)
		}
	}
	good(traceparent, "a=1")
	good(traceparent[:53]+"00", "")
	good("01"+traceparent[2:], "")              // later versions
	good("cc"+traceparent[2:]+"-what", "")      // may have more
	good(traceparent, strings.Repeat("x", 600)) // dropped
	for name, value := range map[string]string{
		"empty": "", "short": traceparent[:54], "long": traceparent + "0", "long with a dash": traceparent + "-00", "version ff": "ff" + traceparent[2:],
		"later version, long": "01" + traceparent[2:] + ".x", "upper case": strings.ToUpper(traceparent),
		"no trace": "00-00000000000000000000000000000000-b7ad6b7169203331-01", "no span": "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
		"no dash": strings.ReplaceAll(traceparent, "-", "_"), "no hex": strings.ReplaceAll(traceparent, "a", "g"),
	} {
		if tr, ok := sdkhttp.Parse(http.Header{"Traceparent": {value}}); ok {
			t.Errorf("%s: Parse = %+v", name, tr)
		}
	}
	if _, ok := sdkhttp.Parse(http.Header{"Traceparent": {traceparent, traceparent}}); ok {
		t.Error("two headers are accepted")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(traceparent, "a=1")
	f.Fuzz(func(t *testing.T, parent, state string) {
		tr, ok := sdkhttp.Parse(http.Header{"Traceparent": {parent}, "Tracestate": {state}})
		if !ok {
			return
		}
		h := http.Header{}
		tr.Set(h)
		if again, ok := sdkhttp.Parse(h); !ok || again != tr {
			t.Errorf("%+v is read back as %+v", tr, again)
		}
	})
}

// Panics, errors, unknown methods and writers with abilities.
func TestHandler(t *testing.T) {
	r, sink := newRecorder(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/broken", func(http.ResponseWriter, *http.Request) { panic("on purpose") })
	mux.HandleFunc("/nothing", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		if _, ok := sdkhttp.From(r.Context()); !ok || sdk.SpanOf(r.Context()) == 0 {
			t.Error("the context carries no trace, or no span")
		}
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusAccepted)
		w.(http.Flusher).Flush()
		if _, err := io.Copy(w, strings.NewReader("abc")); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("/hijack", func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.Close()
	})
	name := func(r *http.Request) string { return r.URL.Path }
	observed := sdkhttp.Handler(mux, sdkhttp.Options{Recorder: r, Name: name})
	var running atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		running.Add(1)
		defer running.Add(-1)
		observed.ServeHTTP(w, r)
	}))
	defer srv.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: sdkhttp.Transport(transport, sdkhttp.Options{Recorder: r, Name: func(r *http.Request) string { return "to " + r.URL.Path }})}
	for path, want := range map[string]string{"/panic": "", "/broken": "", "/nothing": "", "/stream": "abc", "/hijack": "", "/missing": "404 page not found\n"} {
		if _, text, err := get(t, client, srv.URL+path); text != want || (err != nil) != (path == "/panic" || path == "/broken" || path == "/hijack") {
			t.Errorf("%s: %q, %v", path, text, err)
		}
	}
	for running.Load() > 0 { // who takes the connection over closes it before the handler ends
		runtime.Gosched()
	}
	spans := ends(t, r, sink)
	durations, logs := 0, "" // net/http itself repeats requests on connections that turn out to be closed
	for _, e := range sink.Events() {
		if e.Name == "http_request_duration" && e.Unit == "seconds" && len(e.Properties) == 3 {
			durations++
		}
		logs += e.Msg
	}
	if durations < 6 || !strings.Contains(logs, "on purpose") || strings.Contains(logs, http.ErrAbortHandler.Error()) {
		t.Errorf("%d durations, logs %q", durations, logs)
	}
	for name, want := range map[string][3]string{
		"/panic": {"0", "0", "panic"}, "/nothing": {"200", "0", ""}, "/stream": {"202", "3", ""}, "/missing": {"404", "19", ""},
	} {
		if p := spans[name].p; p["status"] != want[0] || p["bytes"] != want[1] || p["error"] != want[2] {
			t.Errorf("%s: %v", name, p)
		}
	}
	if p := spans["to /panic"].p; p["error"] == "" || p["status"] != "" || p["parent_span_id"] != "" || p["trace_id"] == "" {
		t.Errorf("the client's: %v", p)
	}
}

// Without a recorder nothing is in the way.
func TestWithoutRecorder(t *testing.T) {
	h := sdkhttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if _, ok := w.(*httptest.ResponseRecorder); !ok {
			t.Errorf("the writer is a %T", w)
		}
	}), sdkhttp.Options{})
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	refuse := errors.New("no")
	_, err := sdkhttp.Transport(roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("Traceparent") != "" {
			t.Error("a header is added")
		}
		return nil, refuse
	}), sdkhttp.Options{}).RoundTrip(httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	if !errors.Is(err, refuse) {
		t.Error(err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
