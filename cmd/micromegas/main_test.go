package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test binary is the program when this variable is set, so that signals and exit codes are real ones.
const asProgram = "MICROMEGAS_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

const key = "0123456789abcdef"

func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = []string{
		"GORACE=atexit_sleep_ms=0", // or the race detector waits a second at the end of each program
		asProgram + "=1", "HOME=" + t.TempDir(), `MICROMEGAS_API_KEYS=[{"name":"k","key":"` + key + `"}]`, "PATH=" + os.Getenv("PATH"),
	}
	return cmd
}

func TestCommands(t *testing.T) {
	for name, tc := range map[string]struct {
		args           []string
		exit           int
		stdout, stderr string
	}{
		"nothing":          {nil, 2, "", "micromegas: which command?"},
		"help":             {[]string{"help"}, 0, "serve      run everything", ""},
		"help, doctor":     {[]string{"help"}, 0, "doctor     find out", ""},
		"help doctor":      {[]string{"help", "doctor"}, 0, "Usage: micromegas doctor auth", ""},
		"--help":           {[]string{"--help"}, 0, "Usage: micromegas <command>", ""},
		"help serve":       {[]string{"help", "serve"}, 0, "Usage: micromegas serve [flags]", ""},
		"serve --help":     {[]string{"serve", "--help"}, 0, "--listen-endpoint-http <host:port>", ""},
		"version":          {[]string{"version"}, 0, "micromegas ", ""},
		"--version":        {[]string{"--version"}, 0, "go1.", ""},
		"help for help":    {[]string{"help", "--help"}, 0, "Usage: micromegas <command>", ""},
		"help help":        {[]string{"help", "help"}, 0, "Usage: micromegas <command>", ""},
		"help keys create": {[]string{"help", "keys", "create"}, 0, "--allow-cidr <network>", ""},
		"version, more":    {[]string{"version", "x"}, 2, "", "takes no arguments"},
		"unknown":          {[]string{"srve"}, 2, "", `there is no command "srve"; is serve meant?`},
		"help for unknown": {[]string{"help", "srve"}, 2, "", `there is no command "srve"`},
		"of the client":    {[]string{"query", "SELECT 1"}, 2, "", "docs/python.md"},
		"mistakes":         {[]string{"serve", "--listen-endpoint-http=x", "--nope"}, 1, "", "2 mistakes in the configuration"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := program(t, tc.args...)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
				t.Fatal(err)
			}
			if got := cmd.ProcessState.ExitCode(); got != tc.exit {
				t.Errorf("exit code %d, want %d", got, tc.exit)
			}
			if !strings.Contains(stdout.String(), tc.stdout) || (tc.stdout == "") != (stdout.Len() == 0) {
				t.Errorf("stdout %q, want %q", stdout.String(), tc.stdout)
			}
			if !strings.Contains(stderr.String(), tc.stderr) || (tc.stderr == "") != (stderr.Len() == 0) {
				t.Errorf("stderr %q, want %q", stderr.String(), tc.stderr)
			}
		})
	}
}

// serving starts the server and returns its addresses once it listens on both.
func serving(t *testing.T) (cmd *exec.Cmd, lines *bufio.Scanner, addr map[string]string) {
	t.Helper()
	cmd = program(t, "serve", "--listen-endpoint-http=127.0.0.1:0", "--listen-endpoint-grpc=127.0.0.1:0", "--health-listen-addr=127.0.0.1:0",
		"--log-format=json")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, addr = bufio.NewScanner(stderr), map[string]string{}
	for len(addr) < 3 {
		line := next(t, lines)
		if line["msg"] == "listening" {
			addr[line["protocol"].(string)] = line["addr"].(string)
		}
	}
	return cmd, lines, addr
}

// next returns the next line of the log.
func next(t *testing.T, lines *bufio.Scanner) map[string]any {
	t.Helper()
	if !lines.Scan() {
		t.Fatal("the program has ended")
	}
	var line map[string]any
	if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
		t.Fatalf("log line %s: %v", lines.Bytes(), err)
	}
	return line
}

func TestServe(t *testing.T) {
	for name, signal := range map[string]os.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": os.Interrupt} {
		t.Run(name, func(t *testing.T) {
			cmd, lines, addr := serving(t)
			for _, url := range []string{addr["http"] + "/ready", addr["http"] + "/health", addr["health"] + "/ready", addr["health"] + "/health"} {
				resp, err := http.Get("http://" + url)
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					t.Errorf("%s = %d", url, resp.StatusCode)
				}
			}
			conn, err := net.Dial("tcp", addr["grpc"])
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.Close()
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			seen := map[any]bool{}
			for lines.Scan() {
				var line map[string]any
				if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
					t.Errorf("log line %s: %v", lines.Bytes(), err)
				}
				seen[line["msg"]] = true
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("ended with %v", err)
			}
			if !seen["drain completed"] || !seen["closing the stores"] {
				t.Errorf("said %v", seen)
			}
		})
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	cmd, lines, addr := serving(t)
	// A request that never ends keeps the server draining.
	r, w := io.Pipe()
	defer w.Close()
	transport := &http.Transport{ExpectContinueTimeout: time.Minute}
	req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+addr["http"]+"/ingestion/insert_block", r)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Expect", "100-continue")
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		if resp, err := transport.RoundTrip(req); err == nil {
			_ = resp.Body.Close()
		}
	}()
	if _, err := w.Write([]byte("x")); err != nil { // returns when the server has asked for the body
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for next(t, lines)["msg"] != "stopping: no new work is taken, what is under way goes on" {
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines.Scan() { // to the end
		}
	}()
	// One that comes before the first is dealt with is taken for the same, as with an impatient user.
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for waiting := true; waiting; {
		select {
		case <-again.C:
			_ = cmd.Process.Signal(os.Interrupt)
		case <-ended:
			waiting = false
		}
	}
	err = cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGINT {
		t.Errorf("ended with %v, want by the signal", err)
	}
	_ = w.CloseWithError(errors.New("the test is over"))
	<-answered
}
