package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
)

// help prints what there is, or with the name of a command what that one takes.
func help(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	if len(args) > 0 && args[0] != "help" && !strings.HasPrefix(args[0], "-") {
		return run(ctx, append(slices.Clone(args), "--help"), getenv, stdout, stderr)
	}
	usage(stdout)
	return nil
}

func usage(w io.Writer) {
	fmt.Fprint(w, "Micromegas keeps logs, metrics and traces in a lake and answers SQL.\n\nUsage: micromegas <command> [flags]\n\nCommands:\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-9s  %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, "  help       print this, or with the name of a command its flags\n")
}
