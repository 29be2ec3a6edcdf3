package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/internal/server"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/telemetry"
)

// adminCommand is a command that shows what it would do, or does it.
type adminCommand struct {
	*flag.FlagSet
	dataDir     string
	plan, apply bool
}

func newAdminCommand(name string) *adminCommand {
	c := &adminCommand{FlagSet: flag.NewFlagSet(name, flag.ContinueOnError)}
	c.SetOutput(io.Discard)
	c.StringVar(&c.dataDir, server.FlagDataDir, "", "`folder` of the server's lake; variable: "+server.EnvDataDir)
	c.BoolVar(&c.plan, "plan", false, "show what would be done, and change nothing; the default")
	c.BoolVar(&c.apply, "apply", false, "do it")
	return c
}

// parse reads args. done means that help was printed.
func (c *adminCommand) parse(args []string, about string, stdout io.Writer) (done bool, err error) {
	err = c.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(stdout, "%s\n\nUsage: micromegas %s [--plan | --apply] [flags]\n\nFlags:\n", about, c.Name())
		printFlags(stdout, c.FlagSet)
		fmt.Fprintf(stdout, "\nThe lake is that of the server with the same --%s, %s and %s.\n", server.FlagDataDir, server.EnvSQL, server.EnvObjects)
		return true, nil
	case err != nil:
		err = flagError(c.FlagSet, err)
	case c.NArg() > 0:
		err = fmt.Errorf("%.64q is not expected: there are only flags", c.Arg(0))
	case c.plan && c.apply:
		err = errors.New("give --plan or --apply, not both")
	}
	if err != nil {
		return false, usageError{fmt.Errorf("%s: %w; see micromegas %s --help", c.Name(), err, c.Name())}
	}
	return false, nil
}

// open opens the lake of the servers; what it does by itself is logged to stderr.
func (c *adminCommand) open(ctx context.Context, getenv func(string) string, stderr io.Writer) (*server.Storage, error) {
	return server.OpenStorage(ctx, c.dataDir, getenv, slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
}

// end says how the command ended, where that is not in its lines.
func (c *adminCommand) end(stdout io.Writer) {
	if !c.apply {
		fmt.Fprintln(stdout, "nothing was changed; --apply does it")
	}
}

// explained adds what to do to an error that says so.
func explained(err error) error {
	if f := fault.Of(err); f != nil {
		return errors.New(f.Public())
	}
	return err
}

func migrate(ctx context.Context, args []string, getenv func(string) string, stdout, _ io.Writer) error {
	c := newAdminCommand("migrate")
	done, err := c.parse(args, "Show or apply what this release changes about the catalog's schema. Back up the catalog before: there is no way back.\n"+
		"Servers do it at their start, unless "+server.EnvMigrate+"=manual.", stdout)
	if done || err != nil {
		return err
	}
	list, err := server.Migrations(ctx, c.dataDir, c.apply, getenv)
	pending := 0
	for _, m := range list {
		state := "applied " + m.Applied.Std().UTC().Format(time.RFC3339)
		if m.Applied == 0 {
			pending++
			state = "pending"
			if c.apply && err == nil {
				state = "applied now"
			}
		}
		fmt.Fprintf(stdout, "%s  %s\n", m.Name, state)
	}
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if pending == 0 {
		fmt.Fprintln(stdout, "the schema is up to date")
		return nil
	}
	c.end(stdout)
	return nil
}

func retention(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) (err error) {
	c := newAdminCommand("retention")
	rules := c.String("rules", "", "`rules` such as logs=30d,*=365d instead of those of "+server.EnvRetention)
	done, err := c.parse(args, "Show or apply what the rules of age delete. Servers that do maintenance apply "+server.EnvRetention+" every hour.", stdout)
	if done || err != nil {
		return err
	}
	chosen, err := lake.ParseRetention(*rules)
	if err != nil {
		return usageError{fmt.Errorf("retention: --rules: %w", err)}
	}
	s, err := c.open(ctx, getenv, stderr)
	if err != nil {
		return fmt.Errorf("retention: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if chosen.Empty() {
		chosen = s.Retention
	}
	if chosen.Empty() {
		fmt.Fprintf(stdout, "there are no rules: everything is kept; set %s or give --rules\n", server.EnvRetention)
		return nil
	}
	fmt.Fprintf(stdout, "rules: %s\n", chosen)
	do := s.Lake.PlanRetention
	if c.apply {
		do = s.Lake.ApplyRetention
	}
	steps, err := do(ctx, chosen)
	for _, step := range steps {
		fmt.Fprintln(stdout, step)
	}
	if err != nil {
		return fmt.Errorf("retention: %w", explained(err))
	}
	c.end(stdout)
	return nil
}

func deleteData(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) (err error) {
	c := newAdminCommand("delete")
	process := c.String("process", "", "`id` of a process: delete all that belongs to it, its rows in partitions that it shares with others too")
	before := c.String("before", "", "RFC 3339 `time`: delete blocks that were recorded before; with --process, of this process alone")
	done, err := c.parse(args, "Delete a process, or blocks from before a moment, for good. Files and payloads go when no query can read them any\n"+
		"more, which takes servers that do maintenance about an hour.", stdout)
	if done || err != nil {
		return err
	}
	what, err := erasure(*process, *before)
	if err != nil {
		return usageError{fmt.Errorf("delete: %w", err)}
	}
	s, err := c.open(ctx, getenv, stderr)
	if err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var sum lake.Erased
	if c.apply {
		sum, err = s.Lake.Erase(ctx, what, func(msg string) { fmt.Fprintln(stdout, msg) })
		fmt.Fprintln(stdout, "deleted:", sum)
	} else {
		sum, err = s.Lake.PlanErase(ctx, what)
		fmt.Fprintln(stdout, "to delete:", sum)
	}
	if err != nil {
		return fmt.Errorf("delete: %w", explained(err))
	}
	c.end(stdout)
	return nil
}

func erasure(process, before string) (lake.Erasure, error) {
	var e lake.Erasure
	var errs []error
	if process == "" && before == "" {
		errs = append(errs, errors.New("give --process, --before, or both"))
	}
	if process != "" {
		id, err := telemetry.ParseProcessID(process)
		if err != nil || id.IsZero() {
			errs = append(errs, fmt.Errorf("--process: %.64q is not the id of a process", process))
		}
		e.Process = id
	}
	if before != "" {
		at, err := time.Parse(time.RFC3339, before)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("--before: %.64q is not of the form 2006-01-02T15:04:05Z", before))
		case at.After(time.Now()) || at.Year() < 1971:
			errs = append(errs, fmt.Errorf("--before: %s is not in the past", before))
		default:
			e.Before = telemetry.TimeOf(at)
		}
	}
	return e, errors.Join(errs...)
}
