package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/internal/server"
	"github.com/micromegas-go/micromegas/internal/server/ingestion"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "0123456789abcdef"

// program is one that runs in the test's process.
type program struct {
	t     *testing.T
	stop  context.CancelFunc
	ended chan error
	lines chan map[string]any // its log
	addr  string              // once listening
}

var ingestionOnly = server.Program{
	Name: "test", HTTP: "127.0.0.1:0", Version: "1", Roles: []server.Role{ingestion.New},
}

func start(t *testing.T, dir string, args ...string) *program {
	t.Helper()
	return startProgram(t, ingestionOnly, dir, environment(), args...)
}

func startProgram(t *testing.T, what server.Program, dir string, getenv func(string) string, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	p := &program{t: t, stop: cancel, ended: make(chan error, 1), lines: make(chan map[string]any, 1000)}
	go func() {
		args := append([]string{"--log-format=json", "--data-dir", dir}, args...)
		err := server.Run(ctx, what, args, getenv, io.Discard, w)
		_ = w.Close()
		p.ended <- err
	}()
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(r); s.Scan(); {
			var line map[string]any
			if bytes.Count(s.Bytes(), []byte(`"component":`)) > 1 {
				t.Errorf("a log line names its component twice: %s", s.Bytes())
			}
			if err := json.Unmarshal(s.Bytes(), &line); err != nil {
				t.Errorf("log line %s: %v", s.Bytes(), err)
			}
			p.lines <- line
		}
	}()
	t.Cleanup(func() {
		cancel()
		for range p.lines {
		}
	})
	return p
}

// await returns the first log line with the message.
func (p *program) await(msg string) map[string]any {
	p.t.Helper()
	for line := range p.lines {
		if line["msg"] == msg {
			return line
		}
	}
	p.t.Fatalf("the program ended without logging %q: %v", msg, <-p.ended)
	return nil
}

func (p *program) listening() *program {
	p.t.Helper()
	p.addr = p.await("listening")["addr"].(string)
	return p
}

func (p *program) post(ctx context.Context, path string, body io.Reader) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, "POST", "http://"+p.addr+path, body)
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	// With this the body is read from only after the server's handler has asked for it.
	req.Header.Set("Expect", "100-continue")
	transport := &http.Transport{ExpectContinueTimeout: time.Minute}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

func processBody() []byte {
	return wire.EncodeProcess(telemetry.Process{
		ID: telemetry.ProcessID(uuid.New()), Exe: "x", TSCFrequency: 1e9, StartTime: telemetry.TimeOf(time.Now()), Properties: map[string]string{},
	})
}

func TestRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lake")
	p := start(t, dir).listening()
	defer http.DefaultClient.CloseIdleConnections()
	for path, want := range map[string]int{"/health": 200, "/ready": 200, "/nothing": 404} {
		resp, err := http.Get("http://" + p.addr + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s = %d, want %d", path, resp.StatusCode, want)
		}
	}
	if status, text, err := p.post(t.Context(), "/ingestion/insert_process", bytes.NewReader(processBody())); status != 200 {
		t.Errorf("insert_process = %d %q %v", status, text, err)
	}
	resp, err := http.Post("http://"+p.addr+"/ingestion/insert_process", "", bytes.NewReader(processBody()))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 401 || resp.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("insert_process without a key = %d", resp.StatusCode)
	}
	p.stop()
	stats := p.await("stopped")["served"].(map[string]any)
	if stats["processes"] != 1.0 || stats["rejected"] != 2.0 {
		t.Errorf("counters %v", stats)
	}
	p.await("drain completed")
	if err := <-p.ended; err != nil {
		t.Errorf("Run = %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "catalog.db")); err != nil {
		t.Error(err)
	}
}

// A request that is under way when the program is told to stop is answered; new ones find a closed port.
func TestGracefulStop(t *testing.T) {
	p := start(t, t.TempDir()).listening()
	defer http.DefaultClient.CloseIdleConnections()
	body := processBody()
	r, w := io.Pipe()
	type result struct {
		status int
		err    error
	}
	answered := make(chan result, 1)
	go func() {
		status, _, err := p.post(t.Context(), "/ingestion/insert_process", r)
		answered <- result{status, err}
	}()
	if _, err := w.Write(body[:10]); err != nil { // returns when the request has reached its handler
		t.Fatal(err)
	}
	p.stop()
	p.await("stopping: no new work is taken, what is under way goes on")
	for { // Shutdown has begun when the port is closed
		conn, err := net.Dial("tcp", p.addr)
		if err != nil {
			break
		}
		_ = conn.Close()
	}
	if _, err := w.Write(body[10:]); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	if got := <-answered; got.err != nil || got.status != 200 {
		t.Errorf("the request under way = %d %v", got.status, got.err)
	}
	p.await("drain completed")
	if err := <-p.ended; err != nil {
		t.Errorf("Run = %v", err)
	}
}

func TestGraceElapses(t *testing.T) {
	p := start(t, t.TempDir(), "--shutdown-grace-period-seconds=0").listening()
	defer http.DefaultClient.CloseIdleConnections()
	r, w := io.Pipe()
	defer w.Close()
	answered := make(chan error, 1)
	go func() {
		_, _, err := p.post(t.Context(), "/ingestion/insert_process", r)
		answered <- err
	}()
	if _, err := w.Write([]byte{0xbf}); err != nil {
		t.Fatal(err)
	}
	p.stop()
	p.await("grace period elapsed with work still in flight")
	if err := <-p.ended; err != nil {
		t.Errorf("Run = %v", err)
	}
	_ = w.CloseWithError(errors.New("the test is over"))
	<-answered
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr := l.Addr().String()
	err = server.Run(t.Context(), ingestionOnly, []string{"--data-dir", t.TempDir(), "--listen-endpoint-http", addr}, environment(), io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), addr+" is in use") || !strings.Contains(err.Error(), "--listen-endpoint-http") {
		t.Errorf("Run = %v, want it to name the address and the flag", err)
	}
}

// Without a method of authentication nothing is opened: no folder, no port.
func TestNoAuthentication(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lake")
	err := server.Run(t.Context(), ingestionOnly, []string{"--data-dir", dir}, environment(auth.EnvAPIKeys, ""), io.Discard, io.Discard)
	if !errors.Is(err, auth.ErrNoMethod) {
		t.Errorf("Run = %v, want %v", err, auth.ErrNoMethod)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the data folder exists: %v", err)
	}
}

func TestDisabledAuthentication(t *testing.T) {
	for name, tc := range map[string]struct {
		addr, want string
	}{
		"loopback": {"127.0.0.1:0", "authentication is disabled: every caller is an administrator"},
		"open": {"0.0.0.0:0", "authentication is disabled on an address that is not loopback: " +
			"ANYONE who reaches it reads, writes and deletes everything"},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, t.TempDir(), "--disable-auth", "--listen-endpoint-http", tc.addr)
			if line := p.await(tc.want); line["level"] != "WARN" {
				t.Errorf("the warning has level %v", line["level"])
			}
			p.listening()
			p.stop()
			p.await("drain completed")
			if err := <-p.ended; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDataFolderThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := server.Run(t.Context(), ingestionOnly, []string{"--data-dir", filepath.Join(file, "x")}, environment(), io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "--data-dir") {
		t.Errorf("Run = %v", err)
	}
}

// Stores that cannot be opened and ports that are taken are named together, without passwords.
func TestEverythingOutOfReach(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nowhere := closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	err = server.Run(t.Context(), ingestionOnly, []string{"--data-dir", t.TempDir(), "--listen-endpoint-http", l.Addr().String()},
		environment(server.EnvSQL, "postgres://u:hunter2@"+nowhere+"/lake", server.EnvObjects, "file://"+file+"/x"), io.Discard, io.Discard)
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Fatalf("Run = %v", err)
	}
	for _, want := range []string{nowhere + "/lake", server.EnvSQL, file + "/x", server.EnvObjects, l.Addr().String() + " is in use"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Run = %v, want it to mention %s", err, want)
		}
	}
}

// Another catalog in the same place would have maintenance delete the objects of the first.
func TestObjectsOfAnotherLake(t *testing.T) {
	objects := server.EnvObjects
	uri := "file://" + t.TempDir()
	p := startProgram(t, ingestionOnly, t.TempDir(), environment(objects, uri)).listening()
	p.stop()
	if err := <-p.ended; err != nil {
		t.Fatal(err)
	}
	err := server.Run(t.Context(), ingestionOnly, []string{"--data-dir", t.TempDir()}, environment(objects, uri), io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "belong to another lake") || !strings.Contains(err.Error(), objects) {
		t.Errorf("Run = %v", err)
	}
}

// A misspelled variable has no effect, so it is warned about; those of clients are not. Values are not shown.
func TestUnknownVariables(t *testing.T) {
	program := ingestionOnly
	program.Environ = func() []string {
		return []string{
			"MICROMEGAS_RETENTON=hunter2", "MICROMEGAS_ANALYTICS_ADMINS=hunter2", "MICROMEGAS_WHATEVER_ELSE=hunter2", "OTHER=hunter2",
			"MICROMEGAS_QUERY_MEMORY_MB=512", "MICROMEGAS_API_KEYS_FILE=hunter2", "MICROMEGAS_TELEMETRY_URL=hunter2",
		}
	}
	const message = "unknown variable, it has no effect"
	p := startProgram(t, program, t.TempDir(), environment())
	for _, want := range [][2]any{
		{"MICROMEGAS_RETENTON", "MICROMEGAS_RETENTION"}, {"MICROMEGAS_ANALYTICS_ADMINS", "MICROMEGAS_ADMINS"}, {"MICROMEGAS_WHATEVER_ELSE", nil},
	} {
		line := p.await(message)
		if got := [2]any{line["name"], line["meant"]}; got != want || strings.Contains(fmt.Sprint(line), "hunter2") {
			t.Errorf("the log has %v, want %v", line, want)
		}
	}
	p.listening()
	p.stop()
	if err := <-p.ended; err != nil {
		t.Error(err)
	}

	// What the documentation names is known.
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatal(pages, err)
	}
	var named []string
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(page, "upgrading.md") {
			continue // it names those of other servers
		}
		named = append(named, regexp.MustCompile(`MICROMEGAS_[A-Z0-9_]*[A-Z0-9]`).FindAllString(string(text), -1)...)
	}
	program.Environ = func() []string { return named }
	p = startProgram(t, program, t.TempDir(), environment())
	for line := range p.lines {
		switch line["msg"] {
		case message:
			t.Errorf("documented, and warned about: %v", line)
		case "listening":
			p.stop()
		}
	}
}

// Log lines of a request carry its id and who made it.
func TestLogKnowsTheRequest(t *testing.T) {
	p := start(t, t.TempDir()).listening()
	defer http.DefaultClient.CloseIdleConnections()
	if status, _, err := p.post(t.Context(), "/ingestion/insert_block", strings.NewReader("x")); status != 400 {
		t.Fatal(status, err)
	}
	line := p.await("request refused")
	if fmt.Sprint(line["request_id"]) == "" || line["request_id"] == nil || line["subject"] != "k" {
		t.Errorf("line %v", line)
	}
}
