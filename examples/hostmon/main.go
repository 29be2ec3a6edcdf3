// Command hostmon reports on the machine it runs on: CPU, memory, load, disks, network, its own logs, and where its own
// time goes. It is an example of an instrumented program, made of package wire and net/http alone.
//
//	MICROMEGAS_TELEMETRY_URL=http://127.0.0.1:9000 MICROMEGAS_INGESTION_API_KEY=… hostmon
//
// It runs until SIGINT or SIGTERM, sends what it still has, and ends with 0.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	if err := run(ctx, os.Getenv, os.DirFS("/"), os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "hostmon:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, getenv func(string) string, root rootFS, stderr io.Writer) error {
	c, err := loadConfig(getenv)
	if err != nil {
		return err
	}
	m := newMonitor(c, root, stderr)
	return m.run(ctx)
}
