package main

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ingestion is a server that decodes what it gets.
type ingestion struct {
	t   *testing.T
	url string
	// before, when set, may answer a request instead.
	before func(w http.ResponseWriter, r *http.Request, body []byte) (answered bool)
	// enough, when set, is closed once there are three blocks of every stream.
	enough chan struct{}

	mu      sync.Mutex
	process *telemetry.Process
	streams map[telemetry.StreamID]telemetry.Stream
	blocks  map[telemetry.StreamID][]received
}

type received struct {
	telemetry.Block
	events []wire.Event
}

func newIngestion(t *testing.T) *ingestion {
	t.Helper()
	s := &ingestion{
		t: t, streams: map[telemetry.StreamID]telemetry.Stream{}, blocks: map[telemetry.StreamID][]received{}, enough: make(chan struct{}),
	}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	s.url = h.URL
	return s
}

func (s *ingestion) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	if s.before != nil && s.before(w, r, body) {
		return
	}
	if got := r.Header.Get("Authorization"); got != "Bearer secret" {
		s.t.Errorf("%s with Authorization %q", r.URL.Path, got)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.Method + " " + r.URL.Path {
	case "POST /ingestion/insert_process":
		p, err := wire.DecodeProcess(body)
		if err != nil {
			s.t.Error(err)
		}
		s.process = &p
	case "POST /ingestion/insert_stream":
		st, err := wire.DecodeStream(body)
		if err != nil || s.process == nil || st.ProcessID != s.process.ID {
			s.t.Errorf("stream %+v before or beside its process: %v", st, err)
		}
		s.streams[st.ID] = st
	case "POST /ingestion/insert_block":
		s.block(body)
	default:
		s.t.Errorf("request for %s %s", r.Method, r.URL.Path)
	}
}

func (s *ingestion) block(body []byte) {
	b, p, err := wire.DecodeBlock(body)
	if err != nil {
		s.t.Error(err)
		return
	}
	st, ok := s.streams[b.StreamID]
	if !ok || b.ProcessID != s.process.ID {
		s.t.Errorf("block %+v before its stream", b)
		return
	}
	if err := p.Validate(); err != nil {
		s.t.Error(err)
	}
	dependencies, err1 := wire.DecodeLayout(st.DependenciesMetadata)
	objects, err2 := wire.DecodeLayout(st.ObjectsMetadata)
	d, err3 := wire.NewDecoder(dependencies, objects, wire.Limits{})
	if err1 != nil || err2 != nil || err3 != nil {
		s.t.Error(err1, err2, err3)
		return
	}
	got := received{Block: b}
	stats, err := d.Events(p, func(e *wire.Event) error {
		got.events = append(got.events, *e)
		return nil
	})
	if err != nil || len(got.events) != int(b.Objects) {
		s.t.Errorf("block of %d events has %d: %+v, %v", b.Objects, len(got.events), stats, err)
	}
	s.blocks[b.StreamID] = append(s.blocks[b.StreamID], got)
	if s.enough == nil || len(s.blocks) < 4 {
		return
	}
	for _, blocks := range s.blocks {
		if len(blocks) < 3 {
			return
		}
	}
	close(s.enough)
	s.enough = nil
}

// events returns all events of the streams with tag, or with tag and thread name.
func (s *ingestion) events(tag, thread string) (all []wire.Event) {
	for id, st := range s.streams {
		if slices.Contains(st.Tags, tag) && (thread == "" || st.Properties["thread-name"] == thread) {
			for _, b := range s.blocks[id] {
				all = append(all, b.events...)
			}
		}
	}
	return all
}

func quick(url string) config {
	return config{url: url, key: "secret", sampleEvery: 2 * time.Millisecond, flushEvery: 10 * time.Millisecond, drain: 5 * time.Second}
}

// runUntil runs a monitor until done is closed, and returns what it printed and its error.
func runUntil(t *testing.T, c config, root rootFS, done <-chan struct{}) (stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		select {
		case <-done:
		case <-ctx.Done():
		}
		cancel()
	}()
	var printed bytes.Buffer
	err = newMonitor(c, root, &printed).run(ctx)
	return printed.String(), err
}

// machine is a file system that looks like a small Linux.
func machine() fstest.MapFS {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	return fstest.MapFS{
		"etc/os-release": file("NAME=x\nPRETTY_NAME=\"Test OS 1\"\n"),
		"proc/cpuinfo":   file("processor\t: 0\nmodel name\t: Test CPU\n"),
		"proc/stat":      file("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3\n"),
		"proc/meminfo":   file("MemTotal:    1000 kB\nMemFree:      200 kB\nMemAvailable:  50 kB\n"),
		"proc/loadavg":   file("0.50 0.25 0.10 1/100 1234\n"),
		"proc/diskstats": file("   8 0 sda 10 0 20 0 30 0 40 0 0 0 0\n   8 1 sda1 10 0 20 0 30 0 40 0 0 0 0\n   7 0 loop0 1 0 1 0 1 0 1 0 0 0 0\n"),
		"proc/net/dev": file("Inter-|   Receive   |  Transmit\n face |bytes packets\n" +
			"    lo: 9 0 0 0 0 0 0 0 9 0 0 0 0 0 0 0\n  eth0: 1000 0 0 0 0 0 0 0 2000 0 0 0 0 0 0 0\n"),
		"sys/block/sda":   {Mode: fs.ModeDir},
		"sys/block/loop0": {Mode: fs.ModeDir},
	}
}

func TestWhatArrives(t *testing.T) {
	s := newIngestion(t)
	stderr, err := runUntil(t, quick(s.url), machine(), s.enough)
	if err != nil {
		t.Fatal(err)
	}
	if p := s.process; p.Distro != "Test OS 1" || p.CPUBrand != "Test CPU" || p.TSCFrequency != 1e9 || p.StartTime != p.StartTime.Micros() || p.Exe == "" {
		t.Errorf("process %+v", p)
	}
	if len(s.streams) != 4 {
		t.Errorf("%d streams, want 4", len(s.streams))
	}
	checkBlocks(t, s)
	checkLogs(t, s.events(telemetry.TagLog, ""))
	checkMetrics(t, s.events(telemetry.TagMetrics, ""))
	names := checkSpans(t, s.events(telemetry.TagCPU, "sampler"))
	for _, want := range []string{"sample/read_cpu", "sample/read_memory", "sample/read_disk", "encode"} {
		if !names[want] {
			t.Errorf("no span %s in %v", want, names)
		}
	}
	if names := checkSpans(t, s.events(telemetry.TagCPU, "sender")); !names["send"] || !names["register"] {
		t.Errorf("spans of the sender: %v", names)
	}
	if !strings.Contains(stderr, "memory usage is high") || strings.Contains(stderr, "msg=sample") {
		t.Errorf("printed %s", stderr)
	}
}

// Blocks of a stream follow each other in time and number, and hold the events of their time.
func checkBlocks(t *testing.T, s *ingestion) {
	t.Helper()
	clock := telemetry.NewClock(s.process.StartTime, s.process.StartTicks, s.process.TSCFrequency)
	for id, blocks := range s.blocks {
		for i, b := range blocks {
			if i > 0 {
				if before := blocks[i-1]; b.BeginTicks != before.EndTicks || b.ObjectOffset != before.ObjectOffset+int64(before.Objects) {
					t.Errorf("stream %s: block %d doesn't follow the one before", id, i)
				}
			}
			if want := clock.Time(b.BeginTicks + s.process.StartTicks).Micros(); b.BeginTime != want {
				t.Errorf("block begins at %s, by its ticks at %s", b.BeginTime, want)
			}
			for _, e := range b.events {
				if rel := e.Ticks - s.process.StartTicks; rel < b.BeginTicks || rel > b.EndTicks {
					t.Errorf("event at %d outside its block from %d to %d", rel, b.BeginTicks, b.EndTicks)
				}
			}
		}
	}
}

func checkLogs(t *testing.T, logs []wire.Event) {
	t.Helper()
	levels := map[string]int32{}
	for _, e := range logs {
		if e.Target != "hostmon" {
			t.Errorf("target %q", e.Target)
		}
		levels[e.Msg] = e.Level
	}
	for msg, level := range map[string]int32{"started": 4, "registered": 4, "sample": 5, "memory usage is high": 3, "stopping": 4} {
		if levels[msg] != level {
			t.Errorf("log %q has level %d, want %d; all: %v", msg, levels[msg], level, levels)
		}
	}
	if logs[len(logs)-1].Msg != "stopping" {
		t.Errorf("the last log is %q", logs[len(logs)-1].Msg)
	}
	if v, ok := logs[0].Properties.Value("process_id"); !ok || v == "" {
		t.Errorf("the first log has properties %v", logs[0].Properties)
	}
}

func checkMetrics(t *testing.T, metrics []wire.Event) {
	t.Helper()
	units := map[string]string{}
	for _, e := range metrics {
		units[e.Name] = e.Unit
		switch e.Name {
		case "used_memory":
			if !e.IsInt || e.Int != 950*1024 {
				t.Errorf("used_memory %d", e.Int)
			}
		case "load_1m":
			if e.Value != 0.5 {
				t.Errorf("load_1m %v", e.Value)
			}
		case "disk_read":
			if device, _ := e.Properties.Value("device"); device != "sda" {
				t.Errorf("disk_read of %q", device)
			}
		case "network_sent":
			if name, _ := e.Properties.Value("interface"); name != "eth0" {
				t.Errorf("network_sent of %q", name)
			}
		}
	}
	for name, unit := range map[string]string{
		"total_memory": "bytes", "used_memory": "bytes", "free_memory": "bytes", "available_memory": "bytes", "load_1m": "none", "load_5m": "none",
		"load_15m": "none", "disk_read": "bytes/s", "disk_write": "bytes/s", "network_received": "bytes/s", "network_sent": "bytes/s",
		"goroutines": "none", "go_heap": "bytes",
	} {
		if units[name] != unit {
			t.Errorf("metric %s has unit %q, want %q", name, units[name], unit)
		}
	}
}

// checkSpans checks that spans nest, and returns their paths.
func checkSpans(t *testing.T, events []wire.Event) map[string]bool {
	t.Helper()
	paths := map[string]bool{}
	var open []string
	for _, e := range events {
		switch {
		case strings.HasPrefix(e.Type, "Begin"):
			open = append(open, e.Name)
			paths[strings.Join(open, "/")] = true
		case len(open) == 0 || open[len(open)-1] != e.Name:
			t.Fatalf("the end of %s within %v", e.Name, open)
		default:
			open = open[:len(open)-1]
		}
	}
	return paths
}

// On the machine that runs the test, whatever it is.
func TestHere(t *testing.T) {
	s := newIngestion(t)
	stderr, err := runUntil(t, quick(s.url), os.DirFS("/"), s.enough)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(stderr, "can't be measured") {
		t.Errorf("printed %s", stderr)
	}
}

func TestMachineWithoutProc(t *testing.T) {
	s := newIngestion(t)
	stderr, err := runUntil(t, quick(s.url), fstest.MapFS{}, s.enough)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(stderr, "not measured on this machine"); n != 5 {
		t.Errorf("said so %d times, want once per source: %s", n, stderr)
	}
	if len(s.events(telemetry.TagMetrics, "")) == 0 {
		t.Error("no metrics")
	}
}

// Requests that fail for now are sent again, with the same bytes, and nothing is lost.
func TestRetries(t *testing.T) {
	s := newIngestion(t)
	var mu sync.Mutex
	failed := map[string]int{}
	s.before = func(w http.ResponseWriter, _ *http.Request, body []byte) bool {
		mu.Lock()
		defer mu.Unlock()
		failed[string(body)]++
		if len(failed) > 4 || failed[string(body)] > 1 { // the first four requests fail once
			return false
		}
		w.WriteHeader([]int{503, 500, 429, 408}[len(failed)-1])
		return true
	}
	stderr, err := runUntil(t, quick(s.url), machine(), s.enough)
	if err != nil {
		t.Fatal(err)
	}
	checkBlocks(t, s)
	if strings.Contains(stderr, "lost") || strings.Contains(stderr, "dropped") || !strings.Contains(stderr, "takes telemetry again") {
		t.Errorf("printed %s", stderr)
	}
}

func TestRefused(t *testing.T) {
	s := newIngestion(t)
	s.before = func(w http.ResponseWriter, _ *http.Request, _ []byte) bool {
		http.Error(w, "Invalid token", http.StatusUnauthorized)
		return true
	}
	_, err := runUntil(t, quick(s.url), machine(), nil)
	if err == nil || !strings.Contains(err.Error(), "401") || !strings.Contains(err.Error(), envKey) || strings.Contains(err.Error(), "secret") {
		t.Errorf("run = %v, want it to name the status and the variable", err)
	}
}

// A server that is away costs the telemetry, not the program.
func TestServerAway(t *testing.T) {
	h := httptest.NewServer(http.NotFoundHandler())
	h.Close()
	c := quick(h.URL)
	c.drain = time.Millisecond
	done := make(chan struct{})
	close(done)
	stderr, err := runUntil(t, c, machine(), done)
	if err != nil || !strings.Contains(stderr, "nothing could be sent") {
		t.Errorf("run = %v, printed %s", err, stderr)
	}
}

func TestConfig(t *testing.T) {
	for name, tc := range map[string]struct {
		env  map[string]string
		want string // in the error; "" means none
	}{
		"full":       {map[string]string{envURL: "http://h:1/", envKey: "k", envParent: "9c7a2f0a-49f5-4d0e-9f0c-1f2b3c4d5e6f"}, ""},
		"no url":     {nil, envURL + " is not set"},
		"not a url":  {map[string]string{envURL: "h:1"}, envURL + " must be"},
		"bad parent": {map[string]string{envURL: "http://h", envParent: "x"}, envParent},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := loadConfig(func(name string) string { return tc.env[name] })
			if (err == nil) != (tc.want == "") || (err != nil && !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("loadConfig = %v, want %q", err, tc.want)
			}
			if err == nil && (c.url != "http://h:1" || c.key != "k" || c.parent.IsZero()) {
				t.Errorf("config %+v", c)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"": 0, "x": 0, "-3": 0, "0": 0, "7": 7 * time.Second, "86400": time.Minute, "Mon, 02 Jan 2006 15:04:05 GMT": 0,
		"Fri, 31 Dec 2100 23:59:59 GMT": time.Minute,
	} {
		if got := retryAfter(header); got != want {
			t.Errorf("retryAfter(%q) = %s, want %s", header, got, want)
		}
	}
}

func TestCPUTimes(t *testing.T) {
	for text, want := range map[string]cpuTimes{
		"cpu  100 20 50 800 50 1 2 3 40 5\n": {1026, 850},
		"cpu 1 2 3 4 5":                      {15, 9}, // old kernels
		"":                                   {},
		"cpu a b c d e f":                    {},
		"intr 1 2 3 4 5 6":                   {},
	} {
		got, err := readCPUTimes(fstest.MapFS{"proc/stat": {Data: []byte(text)}})
		if got != want && err == nil || (want == cpuTimes{}) != (err != nil) {
			t.Errorf("%q = %+v, %v; want %+v", text, got, err, want)
		}
	}
}
