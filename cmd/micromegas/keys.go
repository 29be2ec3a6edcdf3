package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/storedkey"
	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/internal/server"
	"github.com/micromegas-go/micromegas/keyadmin"
)

// keysCommand is a subcommand of keys.
type keysCommand struct {
	name, args, summary string
	setup               func(*keysFlags) // adds its flags
	run                 func(context.Context, *keysRun) error
	noCatalog           bool // it needs none
}

// keysFlags are the flags of all subcommands; each adds those that it knows.
type keysFlags struct {
	*flag.FlagSet
	dataDir, role, expires, notBefore, overlap, file string
	networks                                         listFlag
	json, mayDelegate, all, wait, fromEnv            bool
}

// listFlag is a flag that may be given several times, each with several values separated by commas.
type listFlag []string

func (l *listFlag) String() string { return strings.Join(*l, ",") }

// Set is for [flag.Value].
func (l *listFlag) Set(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		*l = append(*l, strings.TrimSpace(part))
	}
	return nil
}

// keysRun is a subcommand under way.
type keysRun struct {
	*keysFlags
	args           []string
	keys           *keyadmin.Keys // nil before open
	db             *catalog.DB    // likewise
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer
}

func (c keysCommand) called() string { return c.name }

func keysCommands() []keysCommand {
	return []keysCommand{keysCreate, keysList, keysRevoke, keysRotate, keysImport, keysHash}
}

// keys manages the API keys that live in the catalog.
func keys(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) (err error) {
	if len(args) == 0 {
		keysUsage(stderr)
		return usageError{errors.New("keys: which command?")}
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		keysUsage(stdout)
		return nil
	}
	for _, c := range keysCommands() {
		if c.name == args[0] {
			return c.start(ctx, args[1:], getenv, stdout, stderr)
		}
	}
	keysUsage(stderr)
	return noCommand("keys: ", args[0], slices.Values(keysCommands()))
}

func keysUsage(w io.Writer) {
	fmt.Fprint(w, "API keys that live in the catalog: made and revoked while servers run, in effect within seconds.\n\n"+
		"Usage: micromegas keys <command> [flags]\n\nCommands:\n")
	for _, c := range keysCommands() {
		fmt.Fprintf(w, "  %-6s  %s\n", c.name, c.summary)
	}
	fmt.Fprintf(w, "\nThe catalog is that of the server with the same --%s, %s and %s.\n"+
		"micromegas keys <command> --help tells more.\n", server.FlagDataDir, server.EnvDataDir, server.EnvSQL)
}

// sentence makes a summary begin as a sentence does.
func sentence(summary string) string { return strings.ToUpper(summary[:1]) + summary[1:] }

func (c keysCommand) start(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) (err error) {
	f := &keysFlags{FlagSet: flag.NewFlagSet("keys "+c.name, flag.ContinueOnError)}
	f.SetOutput(io.Discard)
	f.BoolVar(&f.json, "json", false, "answer in JSON")
	if !c.noCatalog {
		f.StringVar(&f.dataDir, server.FlagDataDir, "", "`folder` of the server's lake; variable: "+server.EnvDataDir)
	}
	if c.setup != nil {
		c.setup(f)
	}
	positional, err := f.parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(stdout, "%s.\n\nUsage: micromegas keys %s [flags]\n\nFlags:\n", sentence(c.summary), strings.TrimSpace(c.name+" "+c.args))
		printFlags(stdout, f.FlagSet)
		return nil
	}
	if err != nil {
		return usageError{fmt.Errorf("keys %s: %w; see micromegas keys %s --help", c.name, err, c.name)}
	}
	r := &keysRun{keysFlags: f, args: positional, getenv: getenv, stdin: os.Stdin, stdout: stdout, stderr: stderr}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := c.run(ctx, r); err != nil {
		if e := fault.Of(err); e != nil && e.Kind != fault.Internal && e.Err == nil {
			return fmt.Errorf("keys %s: %s", c.name, e.Public())
		}
		return fmt.Errorf("keys %s: %w", c.name, err)
	}
	return nil
}

// open opens the catalog, once what the arguments say is right; create makes an embedded one that is not there.
func (r *keysRun) open(ctx context.Context, create bool) (err error) {
	if r.db, err = server.OpenCatalog(ctx, r.dataDir, create, r.getenv); err != nil {
		return err
	}
	r.keys = keyadmin.New(r.db, keyadmin.Options{})
	return nil
}

func (r *keysRun) close() error {
	if r.db == nil {
		return nil
	}
	return r.db.Close()
}

// parse reads flags before, between and after the other arguments.
func (f *keysFlags) parse(args []string) (positional []string, err error) {
	for {
		switch err := f.Parse(args); {
		case errors.Is(err, flag.ErrHelp):
			return nil, err
		case err != nil:
			return nil, flagError(f.FlagSet, err)
		}
		rest := f.Args()
		if len(rest) == 0 {
			return positional, nil
		}
		positional, args = append(positional, rest[0]), rest[1:]
	}
}

// specFlags adds the flags that say what a key is to be.
func specFlags(f *keysFlags) {
	f.StringVar(&f.role, "role", "", "what the key may do: `role` is ingestion (send telemetry), analytics (query), both, "+
		"key-manager (administer keys over HTTP) or admin (everything); several with commas")
	f.StringVar(&f.expires, "expires", "", "when it ends: `time` is 90d, 12h, 2027-01-31 or 2027-01-31T00:00:00Z (default never)")
	f.StringVar(&f.notBefore, "not-before", "", "when it begins, as a `time` like that (default at once)")
	f.Var(&f.networks, "allow-cidr", "`network` or address it may come from; several with commas or several times (default anywhere)")
	f.BoolVar(&f.mayDelegate, "may-delegate", false, "it may name the user on whose behalf it asks")
}

// spec returns what the flags say, every mistake at once.
func (r *keysRun) spec(now time.Time) (s keyadmin.Spec, err error) {
	var errs []error
	note := func(err error) { errs = append(errs, err) }
	s.MayDelegate = r.mayDelegate
	s.Roles, err = rolesFrom(r.role)
	note(err)
	s.Expires, err = momentFrom("expires", r.expires, now)
	note(err)
	s.NotBefore, err = momentFrom("not-before", r.notBefore, now)
	note(err)
	if s.Networks, err = keyadmin.Networks(r.networks); err != nil {
		note(fmt.Errorf("--allow-cidr%w", err))
	}
	if len(r.args) == 1 {
		s.Name = r.args[0]
	} else {
		note(fmt.Errorf("give one name, not %d", len(r.args)))
	}
	if err := errors.Join(errs...); err != nil {
		return s, usageError{err}
	}
	return s, nil
}

func rolesFrom(text string) (roles auth.Role, err error) {
	if text == "" {
		return 0, errors.New("--role is missing: ingestion, analytics, both, key-manager or admin")
	}
	for name := range strings.SplitSeq(text, ",") {
		switch name = strings.TrimSpace(name); name {
		case "ingestion":
			roles |= auth.RoleWriter
		case "analytics":
			roles |= auth.RoleReader
		case "both":
			roles |= auth.RoleReader | auth.RoleWriter
		default:
			role, ok := auth.ParseRole(name)
			if !ok {
				return 0, fmt.Errorf("--role: %.32q is none of ingestion, analytics, both, key-manager, admin", name)
			}
			roles |= role
		}
	}
	return roles, nil
}

// momentFrom reads a time from now on, or a date or time.
func momentFrom(name, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := spanFrom(text); err == nil {
		return now.Add(d), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--%s: %.32q is no time such as 90d, 12h, 2027-01-31 or 2027-01-31T00:00:00Z", name, text)
}

// spanFrom reads a span such as 90d or 12h.
func spanFrom(text string) (time.Duration, error) {
	const day = 24 * time.Hour
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n int
		if _, err := fmt.Sscanf(days+"!", "%d!", &n); err != nil || n <= 0 || n > 36500 {
			return 0, fmt.Errorf("%.32q is no number of days", text)
		}
		return time.Duration(n) * day, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%.32q is no span such as 90d or 12h", text)
	}
	return d, nil
}

// find opens the catalog and returns the key that an argument names: by its id, or by its name if one live key has it.
func (r *keysRun) find(ctx context.Context, text string) (catalog.Key, error) {
	if err := r.open(ctx, false); err != nil {
		return catalog.Key{}, err
	}
	if id, err := uuid.Parse(text); err == nil {
		return r.keys.Key(ctx, id)
	}
	list, err := r.keys.List(ctx, catalog.KeyFilter{Name: text, Live: true})
	switch {
	case err != nil:
		return catalog.Key{}, err
	case len(list) == 0:
		return catalog.Key{}, fmt.Errorf("there is no live key named %.64q; see micromegas keys list", text)
	case len(list) == 1:
		return list[0], nil
	}
	var b strings.Builder
	table(&b, list, time.Now())
	return catalog.Key{}, fmt.Errorf("%d live keys have the name %.64q; give the id of one:\n%s", len(list), text, strings.TrimRight(b.String(), "\n"))
}

// by is who runs the command, for created_by and revoked_by.
func (r *keysRun) by() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return "cli:" + u.Username
	}
	return "cli:" + r.getenv("USER")
}

// showNew prints a key that was made: the text alone on stdout, what it is on stderr; with --json all on stdout.
func (r *keysRun) showNew(k catalog.Key, text auth.Secret) error {
	if r.json {
		record := keyadmin.View(k)
		record.Key = string(text)
		return r.print(record)
	}
	r.describe("created", k)
	fmt.Fprintln(r.stderr, "The key follows on stdout. It is shown this once: keep it where secrets are kept.")
	_, err := fmt.Fprintln(r.stdout, string(text))
	return err
}

func (r *keysRun) describe(what string, k catalog.Key) {
	fmt.Fprintf(r.stderr, "%s key %s %q, roles %s", what, k.ID, auth.Printable(k.Name), strings.Join(k.Roles, "+"))
	if k.Expires != 0 {
		fmt.Fprintf(r.stderr, ", until %s", k.Expires.Std().Format(time.RFC3339))
	}
	fmt.Fprintln(r.stderr)
}

func (r *keysRun) print(v any) error {
	enc := json.NewEncoder(r.stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// table prints keys for people.
func table(w io.Writer, list []catalog.Key, now time.Time) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tNAME\tROLES\tSTATE\tCREATED\tBY\tEXPIRES\tLAST USED")
	for _, k := range list {
		state := "live"
		switch {
		case k.Revoked != 0:
			state = "revoked " + moment(k.Revoked.Std())
		case k.Expires != 0 && !now.Before(k.Expires.Std()):
			state = "expired"
		case k.NotBefore != 0 && now.Before(k.NotBefore.Std()):
			state = "from " + moment(k.NotBefore.Std())
		}
		expires, used := "never", "never"
		if k.Expires != 0 {
			expires = moment(k.Expires.Std())
		}
		if k.LastUsed != 0 {
			used = moment(k.LastUsed.Std())
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, auth.Printable(k.Name), strings.Join(k.Roles, "+"), state,
			moment(k.Created.Std()), auth.Printable(k.CreatedBy), expires, used)
	}
	_ = t.Flush() // the writer of tests and terminals takes it
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04Z") }

// settle waits until every replica knows what was changed (B28).
func settle(ctx context.Context) error {
	select {
	case <-time.After(storedkey.ChangesWithin):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
