// Command flight-sql-srv answers SQL over Arrow Flight. It doesn't take telemetry in.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/micromegas-go/micromegas/internal/server"
	"github.com/micromegas-go/micromegas/internal/server/analytics"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "flight-sql-srv:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	return server.Run(ctx, server.Program{
		Name:     "flight-sql-srv",
		Summary:  "Answers SQL on the lake over Arrow Flight.",
		GRPC:     "0.0.0.0:50051", // where clients of existing installations expect it
		Version:  server.BuildVersion(),
		Roles:    []server.Role{analytics.New},
		Environ:  os.Environ,
		Unsetenv: os.Unsetenv,
	}, args, getenv, stdout, stderr)
}
