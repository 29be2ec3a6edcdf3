package load

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Key is the API key that servers started by [Start] accept.
const Key = "bench-0123456789abcdef"

// OtherKey is that of another caller.
const OtherKey = "other-0123456789abcdef"

// Server is a server under measurement, on loopback and embedded storage.
type Server struct {
	HTTP string // address of ingestion
	GRPC string // address of Flight, for a server that has it

	cmd    *exec.Cmd
	client *http.Client
}

// Start runs a binary on free ports with its lake in folder, and waits until it is ready. flight says whether it answers
// queries too.
func Start(ctx context.Context, folder, binary string, flight bool, args ...string) (*Server, error) {
	s := &Server{client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	var err error
	if s.HTTP, err = freeAddress(ctx); err != nil {
		return nil, err
	}
	args = append([]string{"--listen-endpoint-http", s.HTTP, "--log-level", "warn"}, args...)
	if flight {
		if s.GRPC, err = freeAddress(ctx); err != nil {
			return nil, err
		}
		args = append([]string{"--listen-endpoint-grpc", s.GRPC}, args...)
	}
	if strings.HasSuffix(binary, "micromegas") {
		args = append([]string{"serve"}, args...)
	}
	s.cmd = exec.CommandContext(ctx, binary, args...)
	s.cmd.Env = append(os.Environ(),
		"MICROMEGAS_DATA_DIR="+filepath.Join(folder, "lake"),
		`MICROMEGAS_API_KEYS=[{"name":"bench","key":"`+Key+`"},{"name":"other","key":"`+OtherKey+`"}]`)
	s.cmd.Stderr = os.Stderr
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	if err := s.waitReady(ctx); err != nil {
		_ = s.Stop()
		return nil, err
	}
	return s, nil
}

// Stop ends the server and waits for it.
func (s *Server) Stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	return s.cmd.Wait()
}

// Post sends a body to /ingestion/<route> with the key.
func (s *Server) Post(ctx context.Context, route string, body []byte) error {
	return s.PostAs(ctx, Key, route, body)
}

// PostAs sends a body to /ingestion/<route> with another credential.
func (s *Server) PostAs(ctx context.Context, credential, route string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.HTTP+"/ingestion/"+route, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+credential)
	return s.do(req)
}

func (s *Server) do(req *http.Request) error {
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", req.URL.Path, resp.Status, text)
	}
	return err
}

func (s *Server) waitReady(ctx context.Context) error {
	var err error
	for range 100 {
		var req *http.Request
		if req, err = http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.HTTP+"/ready", nil); err != nil {
			return err
		}
		if err = s.do(req); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
	return fmt.Errorf("the server does not get ready: %w", err)
}

// PeakMemory is the largest resident size that the server has had, in bytes.
func (s *Server) PeakMemory() (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		var kB int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kB); n == 1 {
			return kB << 10, nil
		}
	}
	return 0, fmt.Errorf("process %d tells no VmHWM", s.cmd.Process.Pid)
}

func freeAddress(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
