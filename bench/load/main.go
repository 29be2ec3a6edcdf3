package load

import (
	"context"
	"fmt"
	"os"
	"os/signal"
)

// Main is main of a benchmark: it runs until it is done or interrupted, and ends the program with 1 when it fails.
func Main(name string, run func(ctx context.Context, args []string) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
}
