// Command micromegas is the whole of Micromegas in one program.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "micromegas:", err)
		os.Exit(exitStatus(err))
	}
}

// usageError says that a command was called wrongly, where that is told apart from its result.
type usageError struct{ error }

// Unwrap returns what is wrong.
func (e usageError) Unwrap() error { return e.error }

func exitStatus(err error) int {
	if _, ok := errors.AsType[usageError](err); ok {
		return 2
	}
	return 1
}

// command is one subcommand.
type command struct {
	name, summary string
	run           func(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error
}

func commands() []command {
	return []command{
		{"serve", "run everything in this process: take telemetry in, keep it, answer SQL", serve},
		{"keys", "make, list, revoke and rotate API keys that live in the catalog", keys},
		{"migrate", "show or apply what this release changes about the catalog's schema", migrate},
		{"retention", "show or apply what the rules of age delete", retention},
		{"delete", "delete a process, or blocks from before a moment", deleteData},
		{"doctor", "find out what is wrong with authentication, and why a token or key is refused", doctor},
		{"version", "print the version", printVersion},
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		usage(stderr)
		return errors.New("which command?")
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		return help(ctx, args[1:], getenv, stdout, stderr)
	case "-version", "--version":
		return printVersion(ctx, nil, getenv, stdout, stderr)
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(ctx, args[1:], getenv, stdout, stderr)
		}
	}
	usage(stderr)
	return fmt.Errorf("there is no command %.64q", args[0])
}
