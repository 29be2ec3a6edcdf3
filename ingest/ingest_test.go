package ingest_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/micromegas-go/micromegas/ingest"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink keeps what it gets, or does what its functions say.
type sink struct {
	mu        sync.Mutex
	processes []telemetry.Process
	streams   []telemetry.Stream
	blocks    []telemetry.Block
	payloads  []wire.Payload // copies

	fail  func(context.Context) error // instead of storing
	ready func(context.Context) error
}

func (s *sink) do(ctx context.Context, store func()) error {
	if s.fail != nil {
		if err := s.fail(ctx); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	store()
	return nil
}

func (s *sink) InsertProcess(ctx context.Context, p telemetry.Process) error {
	return s.do(ctx, func() { s.processes = append(s.processes, p) })
}

func (s *sink) InsertStream(ctx context.Context, st telemetry.Stream) error {
	return s.do(ctx, func() { s.streams = append(s.streams, st) })
}

func (s *sink) Append(ctx context.Context, b telemetry.Block, p wire.Payload) error {
	return s.do(ctx, func() {
		s.blocks = append(s.blocks, b)
		s.payloads = append(s.payloads, wire.Payload{
			Dependencies: bytes.Clone(p.Dependencies), Objects: bytes.Clone(p.Objects),
		})
	})
}

func (s *sink) Ready(ctx context.Context) error {
	if s.ready == nil {
		return nil
	}
	return s.ready(ctx)
}

func (s *sink) stored() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.processes) + len(s.streams) + len(s.blocks)
}

// serve starts a server on loopback that speaks what the real one does.
func serve(t *testing.T, s ingest.Sink, o ingest.Options) (*ingest.Server, *httptest.Server) {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	srv := ingest.New(s, o)
	h := httptest.NewUnstartedServer(srv.Handler())
	h.Config.Protocols = new(http.Protocols)
	h.Config.Protocols.SetHTTP1(true)
	h.Config.Protocols.SetUnencryptedHTTP2(true)
	h.Start()
	t.Cleanup(h.Close)
	return srv, h
}

type reply struct {
	status int
	header http.Header
	body   string
}

// do sends one request; headers are name, value, name, value.
func do(t *testing.T, client *http.Client, method, url string, body io.Reader, headers ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	checkDiscreet(t, string(text))
	return reply{resp.StatusCode, resp.Header, string(text)}
}

// checkDiscreet fails when an answer tells about the inside.
func checkDiscreet(t *testing.T, answer string) {
	t.Helper()
	lower := strings.ToLower(answer)
	for _, hint := range []string{".go", "select ", "insert into", "/work", "/tmp", "127.0.0.1", "goroutine", "panic", "0x", "runtime"} {
		if strings.Contains(lower, hint) {
			t.Errorf("answer %q holds %q", answer, hint)
		}
	}
}

const (
	insertProcess = "/ingestion/insert_process"
	insertStream  = "/ingestion/insert_stream"
	insertBlock   = "/ingestion/insert_block"
)

var routes = []string{insertProcess, insertStream, insertBlock}

func process() telemetry.Process {
	return telemetry.Process{
		ID: telemetry.ProcessID(uuid.MustParse("9c7a2f0a-49f5-4d0e-9f0c-1f2b3c4d5e6f")), Exe: "game", Username: "u", Realname: "r",
		Computer: "c", Distro: "d", CPUBrand: "b", TSCFrequency: 1e9, StartTime: telemetry.Time(1_700_000_000_000_000_000),
		StartTicks: 17, Properties: map[string]string{"build": "42"},
	}
}

func stream() telemetry.Stream {
	return telemetry.Stream{
		ID: telemetry.StreamID(uuid.MustParse("2c7a2f0a-49f5-4d0e-9f0c-1f2b3c4d5e6f")), ProcessID: process().ID,
		Tags: []string{telemetry.TagLog}, Properties: map[string]string{}, Format: telemetry.FormatNative,
	}
}

// emptyFrame is an LZ4 frame without content, as published clients send it.
const emptyFrame = "\x04\x22\x4d\x18\x54\x40\xae\x00\x00\x00\x00\x05\x5d\xcc\x02"

// block returns a block whose queues begin like LZ4 frames; what follows is not looked at on arrival.
func block(payload int) (telemetry.Block, wire.Payload) {
	p := wire.Payload{
		Dependencies: []byte(emptyFrame),
		Objects:      append([]byte(emptyFrame), bytes.Repeat([]byte("objects\x00"), payload/8)...),
	}
	return telemetry.Block{
		ID: telemetry.BlockID(uuid.MustParse("1c7a2f0a-49f5-4d0e-9f0c-1f2b3c4d5e6f")), StreamID: stream().ID, ProcessID: process().ID,
		BeginTime: process().StartTime, EndTime: process().StartTime, BeginTicks: -3, EndTicks: 12, Objects: 5, ObjectOffset: 7,
	}, p
}

// bodies are valid ones by route.
func bodies() map[string][]byte {
	b, p := block(1000)
	return map[string][]byte{
		insertProcess: wire.EncodeProcess(process()),
		insertStream:  wire.EncodeStream(stream()),
		insertBlock:   wire.EncodeBlock(b, p),
	}
}
