// Command micromegas is the whole of Micromegas in one program.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/micromegas-go/micromegas/internal/nearest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "micromegas:", err)
		os.Exit(exitStatus(err))
	}
}

// usageError says that a command was called wrongly; it is told apart from what came of it.
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

func (c command) called() string { return c.name }

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
		return usageError{errors.New("which command?")}
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
	return noCommand("", args[0], slices.Values(commands()))
}

// noCommand says that there is no command name, and which one may be meant. of is "", or the command that it would belong to.
func noCommand[C interface{ called() string }](of, name string, known iter.Seq[C]) error {
	meant := nearest.Name(name, func(yield func(string) bool) {
		for c := range known {
			if !yield(c.called()) {
				return
			}
		}
	})
	switch {
	case meant != "":
		return usageError{fmt.Errorf("%sthere is no command %.64q; is %s meant?", of, name, meant)}
	case of == "" && slices.Contains(clientCommands, name):
		return usageError{fmt.Errorf("%s is a command of the Python package, whose command is called micromegas too; "+
			"docs/python.md says how to install it", name)}
	default:
		return usageError{fmt.Errorf("%sthere is no command %.64q", of, name)}
	}
}

// clientCommands are those of the Python package (python/src/micromegas/cli/main.py) that this program does not have.
var clientCommands = []string{"login", "whoami", "logout", "query", "processes", "log", "metrics", "perfetto", "completion"}
