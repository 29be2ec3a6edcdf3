// Command telemetry-ingestion-srv takes telemetry in over HTTP and keeps it. It doesn't answer queries.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/micromegas-go/micromegas/internal/server"
	"github.com/micromegas-go/micromegas/internal/server/ingestion"
)

// softMemory is from how many bytes on the collector works harder rather than let the heap grow: what is in use under load
// is far less. GOMEMLIMIT says otherwise.
const softMemory = 176 << 20

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softMemory)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "telemetry-ingestion-srv:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	return server.Run(ctx, server.Program{
		Name:     "telemetry-ingestion-srv",
		Summary:  "Takes telemetry in over HTTP and keeps it in the lake.",
		HTTP:     "127.0.0.1:8081",
		Version:  server.BuildVersion(),
		Roles:    []server.Role{ingestion.New},
		Environ:  os.Environ,
		Unsetenv: os.Unsetenv,
	}, args, getenv, stdout, stderr)
}
