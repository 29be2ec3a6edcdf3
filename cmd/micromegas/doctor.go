package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/diagnose"
	"github.com/micromegas-go/micromegas/internal/server"
	"github.com/micromegas-go/micromegas/keyadmin"
)

// doctorFlags are those of doctor auth. Those of the servers have the same names.
type doctorFlags struct {
	*flag.FlagSet
	dataDir, proxies, clientCA string
	token, client              string
	offline, json, disableAuth bool
	timeout                    time.Duration
}

const doctorUsage = `Reads the configuration of authentication as servers do, asks every issuer as they do, and says what is wrong and how to
mend it. With --token it says what the servers decide about a token or key, rule by rule, and why.

Usage: micromegas doctor auth [flags]

Run it where the servers run, with their variables, their --%s and their other flags below. The token is read from a
file or from stdin, and never printed:

  micromegas doctor auth --token - < token.txt
  micromegas doctor auth --token ~/.micromegas/tokens.json

Exit status: 0 all is well, though there may be warnings; 1 there are problems, or the token is refused; 2 wrong usage.

Flags:
`

// doctor finds out what is wrong.
func doctor(ctx context.Context, args []string, getenv func(string) string, stdout, _ io.Writer) error {
	f := newDoctorFlags()
	if len(args) > 0 {
		switch args[0] {
		case "help", "-h", "-help", "--help":
			return f.help(stdout)
		case "auth":
			args = args[1:]
		default:
			return usageError{fmt.Errorf("doctor: %.64q is nothing it knows; there is: micromegas doctor auth", args[0])}
		}
	} else {
		return usageError{errors.New("doctor: of what? There is: micromegas doctor auth")}
	}
	err := f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return f.help(stdout)
	case err != nil:
		return usageError{fmt.Errorf("doctor auth: %w; see micromegas doctor --help", flagError(f.FlagSet, err))}
	case f.NArg() > 0: // it may be a token: say nothing of it
		return usageError{errors.New("doctor auth: takes flags only; a token among the arguments would be seen by everybody on this machine, give it by --token <file> or on stdin by --token -")}
	}
	o, before, err := f.options(getenv)
	if err != nil {
		return usageError{fmt.Errorf("doctor auth: %w", err)}
	}
	closeCatalog := f.openCatalog(ctx, getenv, &o)
	report := diagnose.Run(ctx, o)
	if len(before) > 0 {
		report.Prepend(diagnose.Section{Title: "credential", Checks: before})
	}
	if err := errors.Join(f.print(stdout, report), closeCatalog()); err != nil {
		return fmt.Errorf("doctor auth: %w", err)
	}
	if !report.Healthy {
		return fmt.Errorf("doctor auth: %d to mend", report.Problems)
	}
	return nil
}

func newDoctorFlags() *doctorFlags {
	f := &doctorFlags{FlagSet: flag.NewFlagSet("doctor auth", flag.ContinueOnError)}
	f.SetOutput(io.Discard)
	f.StringVar(&f.token, "token", "", "decide about the token or key in `file`, also the clients' token file; - is stdin")
	f.StringVar(&f.client, "client", "", "`address` that it comes from, for keys that may come from some networks only")
	f.BoolVar(&f.offline, "offline", false, "ask nobody over the network: neither issuers nor a PostgreSQL catalog")
	f.DurationVar(&f.timeout, "timeout", 10*time.Second, "for each issuer, as a `span` such as 3s")
	f.BoolVar(&f.json, "json", false, "answer in JSON")
	f.StringVar(&f.dataDir, server.FlagDataDir, "", "`folder` of the server's lake, for stored keys; variable: "+server.EnvDataDir)
	f.StringVar(&f.proxies, "trusted-proxies", "", "as the servers' flag; variable: "+auth.EnvTrustedProxies)
	f.StringVar(&f.clientCA, "tls-client-ca", "", "as the servers' flag; variable: "+server.EnvTLSClientCA)
	f.BoolVar(&f.disableAuth, "disable-auth", false, "as the servers' flag")
	return f
}

func (f *doctorFlags) help(w io.Writer) error {
	fmt.Fprintf(w, doctorUsage, server.FlagDataDir)
	printFlags(w, f.FlagSet)
	return nil
}

// options returns what the flags and variables say, and what was seen of the credential.
func (f *doctorFlags) options(getenv func(string) string) (o diagnose.Options, seen []diagnose.Check, err error) {
	o = diagnose.Options{
		Getenv: func(name string) string {
			if name == auth.EnvTrustedProxies && f.proxies != "" {
				return f.proxies
			}
			return getenv(name)
		},
		DisableAuth: f.disableAuth,
		ClientCA:    f.clientCA,
		Offline:     f.offline,
		Timeout:     f.timeout,
	}
	if o.ClientCA == "" {
		o.ClientCA = strings.TrimSpace(getenv(server.EnvTLSClientCA))
	}
	if f.timeout <= 0 {
		return o, nil, errors.New("--timeout must be more than nothing")
	}
	if f.client != "" {
		if o.Client, err = netip.ParseAddr(f.client); err != nil {
			return o, nil, errors.New("--client must be an IP address")
		}
	}
	if f.token != "" {
		o.Token, seen, err = readCredential(f.token)
	}
	return o, seen, err
}

// readCredential reads the file of --token.
func readCredential(path string) (auth.Secret, []diagnose.Check, error) {
	in, mode := os.Stdin, fs.FileMode(0)
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			// The path may be a token that was given in the wrong place.
			return "", nil, errors.New("--token: the file cannot be read; give the path of one, or - for stdin, never the token itself")
		}
		defer file.Close()
		if info, err := file.Stat(); err == nil {
			mode = info.Mode()
		}
		in = file
	}
	const most = 256 << 10
	text, err := io.ReadAll(io.LimitReader(in, most))
	if err != nil {
		return "", nil, errors.New("--token: cannot be read")
	}
	key, seen, err := diagnose.ReadCredential(text, mode, time.Now())
	if err != nil {
		return "", nil, fmt.Errorf("--token: %w", err)
	}
	return key, seen, nil
}

// openCatalog adds the stored keys, if they can be had. The function that it returns closes the catalog.
func (f *doctorFlags) openCatalog(ctx context.Context, getenv func(string) string, o *diagnose.Options) func() error {
	nothing := func() error { return nil }
	if f.disableAuth {
		return nothing
	}
	if f.offline && strings.Contains(getenv(server.EnvSQL), "://") {
		o.NoStore = "not asked (--offline)"
		return nothing
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	db, err := server.OpenCatalog(ctx, f.dataDir, false, getenv)
	switch {
	case err != nil && !strings.Contains(getenv(server.EnvSQL), "://"):
		// An embedded catalog that is not there yet is no fault: servers make it.
		o.NoStore = err.Error()
		return nothing
	case err != nil:
		o.StoreErr = err
		return nothing
	}
	o.Store = keyadmin.New(db, keyadmin.Options{})
	return db.Close
}

func (f *doctorFlags) print(w io.Writer, r diagnose.Report) error {
	if !f.json {
		return r.WriteText(w)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}
