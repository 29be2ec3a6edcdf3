package server

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/internal/nearest"
	"github.com/micromegas-go/micromegas/lake"
)

// The flags.
const (
	flagDataDir       = "data-dir"
	flagHTTP          = "listen-endpoint-http"
	flagGRPC          = "listen-endpoint-grpc"
	flagHealth        = "health-listen-addr"
	flagDisableAuth   = "disable-auth"
	flagProxies       = "trusted-proxies"
	flagTLSCert       = "tls-cert"
	flagTLSKey        = "tls-key"
	flagTLSClientCA   = "tls-client-ca"
	flagNoMaintenance = "no-maintenance"
	flagRetention     = "retention"
	flagMigrate       = "migrate"
	flagGrace         = "shutdown-grace-period-seconds"
	flagQueryMemory   = "query-memory-mb"
	flagQueryTimeout  = "query-timeout-seconds"
	flagQueryLimit    = "query-concurrency"
	flagLogFormat     = "log-format"
	flagLogLevel      = "log-level"
)

// setting is one thing that can be configured, by flag, by variable, or by either.
type setting struct {
	flag string // "" means variable only
	env  string // "" means flag only
	arg  string // what the value is, for help; "" makes a flag without value
	def  string // as help shows it and set reads it; "" leaves the zero value
	help string
	also string             // the variable of other Micromegas servers for the same, which counts where ours is not set
	set  func(string) error // reads and stores; the error says what is wrong with the value, and what is right

	given bool   // by flag
	text  string // the flag's value
}

// String is for flag.Value.
func (s *setting) String() string { return "" }

// Set is for flag.Value. It accepts everything, so that parsing goes on and every mistake is found.
func (s *setting) Set(text string) error {
	s.given, s.text = true, text
	return nil
}

// IsBoolFlag tells package flag that the value may be left out.
func (s *setting) IsBoolFlag() bool { return s.arg == "" }

type settings []*setting

func settingsOf(p Program, c *Config, getenv func(string) string) settings {
	s := settings{
		{
			flag: flagDataDir, env: EnvDataDir, arg: "folder", set: c.setDataDir(getenv),
			help: "where the lake lives unless the two variables below say otherwise, and caches (default ~/.micromegas/lake)",
		},
		{
			env: EnvSQL, arg: "url", set: c.SQL.set,
			help: "catalog: postgres://user:password@host/database (default: SQLite, catalog.db in the data folder)",
		},
		{
			env: EnvObjects, arg: "uri", set: func(t string) (err error) { c.Objects, err = objectURI(t, getenv); return err },
			help: "object store: file:///folder or s3://bucket/prefix (default: objects in the data folder); for S3, " +
				"AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL are read as well",
		},
	}
	if p.HTTP != "" {
		s = append(s, &setting{
			flag: flagHTTP, arg: "host:port", def: p.HTTP, set: address(&c.HTTP), help: "where telemetry is taken in",
		})
	}
	if p.GRPC != "" {
		s = append(s, &setting{
			flag: flagGRPC, arg: "host:port", def: p.GRPC, set: address(&c.GRPC), help: "where SQL is answered, over Arrow Flight",
		}, &setting{
			flag: flagHealth, arg: "host:port", set: address(&c.Health),
			help: "serve /health and /ready over plain HTTP here (default: nowhere)",
		})
	}
	s = append(s, &setting{
		flag: flagDisableAuth, set: boolean(&c.DisableAuth),
		help: "accept everybody as administrator; for closed networks and trials only",
	}, &setting{
		flag: flagProxies, env: auth.EnvTrustedProxies, arg: "networks", set: text(&c.trustedProxies),
		help: "proxies whose Forwarded, X-Forwarded-For and X-Real-IP headers say where a client is: addresses and CIDRs, " +
			"separated by commas (default: nobody's)",
	}, &setting{
		flag: flagTLSCert, env: EnvTLSCert, arg: "file", set: text(&c.TLS.Cert),
		help: "serve TLS with this certificate, PEM with its chain; followed when it changes, and on SIGHUP (default: plaintext)",
	}, &setting{
		flag: flagTLSKey, env: EnvTLSKey, arg: "file", set: text(&c.TLS.Key), help: "the certificate's key, PEM",
	}, &setting{
		flag: flagTLSClientCA, env: EnvTLSClientCA, arg: "file", set: text(&c.TLS.ClientCA),
		help: "accept client certificates that were signed by one of these, PEM, as credentials (default: none)",
	}, &setting{
		flag: flagNoMaintenance, set: negated(&c.Maintenance), def: "false",
		help: "leave turning blocks into tables, and merging those, to other servers of the same lake",
	}, &setting{
		flag: flagRetention, env: EnvRetention, also: envRetentionDays, arg: "rules", set: func(t string) (err error) { c.Retention, err = lake.ParseRetention(t); return err },
		help: "what maintenance deletes because of its age, such as logs=30d,metrics=90d,spans=7d,*=365d; signals are " +
			strings.Join(lake.Signals(), ", ") + " (default: nothing)",
	}, &setting{
		flag: flagMigrate, env: EnvMigrate, arg: "auto|manual", def: "auto", set: c.setMigrate,
		help: "whether the server applies what its release changes about the catalog's schema, or refuses to start until " +
			"micromegas migrate --apply has",
	}, &setting{
		flag: flagGrace, env: EnvGrace, arg: "seconds", def: "25", set: seconds(&c.Grace, 0, time.Hour),
		help: "how long work under way may go on after SIGTERM or SIGINT",
	})
	if p.GRPC != "" {
		s = append(s, &setting{
			flag: flagQueryMemory, env: EnvQueryMemory, also: envMemoryBudget, arg: "MB", set: megabytes(&c.Query.MemoryBytes, leastMemory),
			help: "memory of all queries together; what needs more spills to disk (default: the engine's choice)",
		}, &setting{
			flag: flagQueryTimeout, env: EnvQueryTimeout, arg: "seconds", def: "300", set: seconds(&c.Query.Timeout, time.Second, 24*time.Hour),
			help: "longest time of one query",
		}, &setting{
			flag: flagQueryLimit, env: EnvQueryLimit, arg: "count", set: count(&c.Query.Concurrency, 1, 1024),
			help: "queries at a time; others wait (default: the engine's choice)",
		}, &setting{
			env: EnvDenyRules, arg: "count", set: count(&c.Query.DenyRules, 1, 10_000),
			help: "how many rules the deny list may have (default 100)",
		}, &setting{
			env: EnvDenyRefresh, arg: "seconds", set: seconds(&c.Query.DenyRefresh, time.Second, time.Hour),
			help: "how soon servers know of rules that were made elsewhere (default 10)",
		}, &setting{
			env: EnvStatic, arg: "folder", set: c.setStatic(getenv),
			help: "every .csv and .json file in it is a table beside the views: a folder, file:///folder or s3://bucket/prefix (default: none)",
		}, &setting{
			env: EnvStaticMax, arg: "MB", set: megabytes(&c.Static.Bytes, 1), help: "what these files may have together (default 1024)",
		})
	}
	return append(s, &setting{
		flag: flagLogFormat, arg: "text|json", def: "text", set: c.Log.setFormat, help: "form of the log lines on stderr",
	}, &setting{
		flag: flagLogLevel, arg: "debug|info|warn|error", def: "info", set: c.Log.setLevel, help: "least level that is logged",
	})
}

// parse reads args into the settings. It goes on after a mistake.
func (s settings) parse(args []string) (help bool, errs []error) {
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	for _, x := range s {
		if x.flag != "" {
			fs.Var(x, x.flag, x.help)
		}
	}
	for len(args) > 0 {
		err := fs.Parse(args)
		rest := fs.Args()
		switch {
		case errors.Is(err, flag.ErrHelp):
			return true, nil
		case err != nil:
			// Only the name is shown: the value may be a secret that was given in the wrong place.
			name, _, valued := strings.Cut(args[len(args)-len(rest)-1], "=")
			if fs.Lookup(strings.TrimLeft(name, "-")) != nil {
				errs = append(errs, fmt.Errorf("%s needs a value", name))
				break
			}
			errs = append(errs, UnknownFlag(fs, strings.TrimLeft(name, "-")))
			if !valued && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
				rest = rest[1:] // taken for its value
			}
		case len(rest) > 0:
			errs = append(errs, fmt.Errorf("%.64q is not expected: there are only flags", rest[0]))
			rest = rest[1:]
		}
		args = rest
	}
	return false, errs
}

// UnknownFlag says that fs has no flag name, and which one may be meant.
func UnknownFlag(fs *flag.FlagSet, name string) error {
	meant := nearest.Name(name, func(yield func(string) bool) {
		more := true
		fs.VisitAll(func(f *flag.Flag) { more = more && yield(f.Name) })
	})
	if meant == "" {
		return fmt.Errorf("--%.64s is not a flag", name)
	}
	return fmt.Errorf("--%.64s is not a flag; is --%s meant?", name, meant)
}

// resolve stores each setting's value: the flag's, else the variable's, else the default.
func (s settings) resolve(getenv func(string) string) (errs []error) {
	for _, x := range s {
		place, text := "--"+x.flag, x.text
		if !x.given {
			place, text = x.env, ""
			if x.env != "" {
				text = strings.TrimSpace(getenv(x.env))
			}
			if text == "" && x.also != "" {
				place, text = x.also, strings.TrimSpace(getenv(x.also))
				if x.also == envRetentionDays && text != "" {
					text = "*=" + text + "d"
				}
			}
			if text == "" {
				text = x.def
			}
			if text == "" {
				continue
			}
		}
		if err := x.set(text); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", place, err))
		}
	}
	return errs
}

// usage prints what can be set.
func (s settings) usage(w io.Writer, p Program) {
	fmt.Fprintf(w, "%s\n\nUsage: %s [flags]\n\nFlags (a flag beats its variable):\n", p.Summary, p.Name)
	for _, x := range s {
		if x.flag == "" {
			continue
		}
		fmt.Fprintf(w, "  --%s", x.flag)
		if x.arg != "" {
			fmt.Fprintf(w, " <%s>", x.arg)
		}
		fmt.Fprintf(w, "\n        %s", x.help)
		if x.def != "" && x.arg != "" {
			fmt.Fprintf(w, " (default %s)", x.def)
		}
		if x.env != "" {
			fmt.Fprintf(w, "\n        variable: %s", x.env)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprint(w, "\nVariables without a flag:\n")
	for _, x := range s {
		if x.flag == "" {
			fmt.Fprintf(w, "  %s=<%s>\n        %s\n", x.env, x.arg, x.help)
		}
	}
	for _, v := range [][2]string{
		{auth.EnvAPIKeys + "=<json>", `keys that are accepted: [{"name": "…", "key": "…"}]`},
		{auth.EnvOIDCConfig + "=<json>", `token issuers that are accepted: {"issuers": [{"issuer": "https://…", "audience": "…"}]}`},
		{auth.EnvAdmins + "=<json>", `email addresses or subjects of administrators: ["…"]`},
		{auth.EnvFile("<one of these three>") + "=<file>", "a file with the value instead; followed when it changes, and on SIGHUP"},
		{auth.EnvAllowKeyAdmin + "=<name>", "the key with this name is an administrator"},
		{auth.EnvFailureRate + "=<number>", "failures to authenticate per second and client address; 0 means no limit (default 20)"},
		{auth.EnvFailureBurst + "=<number>", "failures to authenticate at once (default 100)"},
	} {
		fmt.Fprintf(w, "  %s\n        %s\n", v[0], v[1])
	}
	fmt.Fprint(w, "\nOne way to authenticate must be configured, keys, issuers or --tls-client-ca, unless --disable-auth is given.\n")
}

func text(dst *string) func(string) error {
	return func(text string) error {
		*dst = strings.TrimSpace(text)
		return nil
	}
}

func boolean(dst *bool) func(string) error {
	return func(text string) error {
		v, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%.32q is neither true nor false; leave the value out to switch it on", text)
		}
		*dst = v
		return nil
	}
}

func negated(dst *bool) func(string) error {
	return func(text string) error {
		err := boolean(dst)(text)
		*dst = !*dst
		return err
	}
}

func count(dst *int, least, most int) func(string) error {
	return func(text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < least || n > most {
			return fmt.Errorf("%.32q is not a whole number from %d to %d", text, least, most)
		}
		*dst = n
		return nil
	}
}

func seconds(dst *time.Duration, least, most time.Duration) func(string) error {
	return func(text string) error {
		var n int
		if err := count(&n, int(least/time.Second), int(most/time.Second))(text); err != nil {
			return err
		}
		*dst = time.Duration(n) * time.Second
		return nil
	}
}

// leastMemory is what the engine can work with, in MB.
const leastMemory = 64

func megabytes(dst *int64, least int) func(string) error {
	return func(text string) error {
		const most = 16 << 20 // above is no machine
		var n int
		if err := count(&n, least, most)(text); err != nil {
			return fmt.Errorf("%w; it counts MB", err)
		}
		*dst = int64(n) << 20
		return nil
	}
}
