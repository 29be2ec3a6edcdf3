package main

import (
	"context"
	"fmt"
	"io"
	"runtime"

	"github.com/micromegas-go/micromegas/internal/server"
)

func printVersion(_ context.Context, args []string, _ func(string) string, stdout, _ io.Writer) error {
	if len(args) > 0 && args[0] != "--help" {
		return usageError{fmt.Errorf("version takes no arguments, not %.64q", args[0])}
	}
	_, err := fmt.Fprintf(stdout, "micromegas %s (%s, %s/%s)\n", server.BuildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
