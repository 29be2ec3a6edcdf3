package sink

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/server"
	"github.com/micromegas-go/micromegas/internal/server/ingestion"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

const testKey = "0123456789abcdef"

// ingestionServer is the real program, in this process. It can be stopped and started again, on the same lake and port.
type ingestionServer struct {
	t    *testing.T
	dir  string
	env  map[string]string
	addr string // after the first start

	stop  context.CancelFunc
	ended chan error
}

func newIngestionServer(t *testing.T, env ...string) *ingestionServer {
	t.Helper()
	s := &ingestionServer{t: t, dir: filepath.Join(t.TempDir(), "lake"), addr: "127.0.0.1:0", env: map[string]string{
		auth.EnvAPIKeys: `[{"name":"test","key":"` + testKey + `"}]`,
	}}
	for i := 0; i < len(env); i += 2 {
		s.env[env[i]] = env[i+1]
	}
	return s
}

func (s *ingestionServer) url() string { return "http://" + s.addr }

func (s *ingestionServer) start() *ingestionServer {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	s.stop, s.ended = cancel, make(chan error, 1)
	ended := s.ended
	program := server.Program{Name: "test", HTTP: "127.0.0.1:0", Version: "1", Roles: []server.Role{ingestion.New}}
	args := []string{"--log-format=json", "--data-dir", s.dir, "--listen-endpoint-http", s.addr}
	go func() {
		err := server.Run(ctx, program, args, func(k string) string { return s.env[k] }, io.Discard, w)
		_ = w.Close()
		ended <- err
	}()
	listening := make(chan string, 1)
	go func() {
		defer close(listening)
		for lines := bufio.NewScanner(r); lines.Scan(); {
			var line struct{ Msg, Addr string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
				listening <- line.Addr
			}
		}
	}()
	addr, ok := <-listening
	if !ok {
		s.t.Fatalf("the server did not start: %v", <-ended)
	}
	s.addr = addr
	s.t.Cleanup(cancel)
	return s
}

// end stops the server and waits for it.
func (s *ingestionServer) end() {
	s.t.Helper()
	s.stop()
	if err := <-s.ended; err != nil {
		s.t.Errorf("the server ended with %v", err)
	}
}

// stored returns the blocks of a process that can be queried, which needs its process and stream records too. The server
// may be running.
func (s *ingestionServer) stored(id telemetry.ProcessID) (blocks []catalog.BlockRecord, events int64) {
	s.t.Helper()
	ctx := context.Background()
	db, err := catalog.Open(ctx, catalog.Options{DSN: filepath.Join(s.dir, "catalog.db")})
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	err = db.Read(ctx, func(r *catalog.Reader) (err error) {
		blocks, err = r.Blocks(ctx, catalog.Filter{Process: id, WithoutPayload: true})
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, b := range blocks {
		events += int64(b.Objects)
	}
	return blocks, events
}

// door is a server for faults: it does what it is told and keeps what it answered 200.
type door struct {
	t   *testing.T
	srv *httptest.Server

	mu        sync.Mutex
	do        func(w http.ResponseWriter, r *http.Request, n int) bool // true: it has answered
	requests  int
	processes map[telemetry.ProcessID]int
	streams   map[telemetry.StreamID]int
	blocks    map[telemetry.BlockID][]byte
	order     []telemetry.BlockID // as they were taken
	tokens    []string
	early     int // blocks that came before their stream or process
}

func newDoor(t *testing.T) *door {
	t.Helper()
	d := &door{
		t: t, processes: map[telemetry.ProcessID]int{}, streams: map[telemetry.StreamID]int{}, blocks: map[telemetry.BlockID][]byte{},
	}
	d.srv = httptest.NewServer(d)
	t.Cleanup(func() {
		d.srv.CloseClientConnections()
		d.srv.Close()
	})
	return d
}

// behave answers each request, n counting from 0, with f, where it answers.
func (d *door) behave(f func(w http.ResponseWriter, r *http.Request, n int) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.do = f
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	d.mu.Lock()
	n, do := d.requests, d.do
	d.requests++
	d.tokens = append(d.tokens, r.Header.Get("Authorization"))
	d.mu.Unlock()
	if do != nil && do(w, r, n) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch r.URL.Path {
	case routeProcess:
		p, err := wire.DecodeProcess(body)
		if err != nil {
			d.t.Error(err)
		}
		d.processes[p.ID]++
	case routeStream:
		s, err := wire.DecodeStream(body)
		if err != nil {
			d.t.Error(err)
		}
		d.streams[s.ID]++
	case routeBlock:
		b, _, err := wire.DecodeBlock(body)
		if err != nil {
			d.t.Error(err)
		}
		if d.streams[b.StreamID] == 0 || d.processes[b.ProcessID] == 0 {
			d.early++
		}
		if before, ok := d.blocks[b.ID]; ok && string(before) != string(body) {
			d.t.Errorf("block %s came with other bytes than before", b.ID)
		}
		d.blocks[b.ID] = body
		d.order = append(d.order, b.ID)
	default:
		d.t.Errorf("a request to %s", r.URL.Path)
		w.WriteHeader(http.StatusNotFound)
	}
}

// seen returns how many requests came, and how many different blocks were taken.
func (d *door) seen() (requests, blocks int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.requests, len(d.blocks)
}

func status(code int) func(http.ResponseWriter, *http.Request, int) bool {
	return func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		w.WriteHeader(code)
		return true
	}
}
