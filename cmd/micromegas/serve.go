package main

import (
	"context"
	"io"
	"os"

	"github.com/micromegas-go/micromegas/internal/server"
	"github.com/micromegas-go/micromegas/internal/server/analytics"
	"github.com/micromegas-go/micromegas/internal/server/ingestion"
)

func serve(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	return server.Run(ctx, server.Program{
		Name:     "micromegas serve",
		Summary:  "Takes telemetry in over HTTP, keeps it, and answers SQL over Arrow Flight, all in one process.",
		HTTP:     "127.0.0.1:9000",
		GRPC:     "127.0.0.1:50051",
		Version:  server.BuildVersion(),
		Roles:    []server.Role{ingestion.New, analytics.New},
		Environ:  os.Environ,
		Unsetenv: os.Unsetenv,
	}, args, getenv, stdout, stderr)
}
