package server

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/lake"
)

// Config is the configuration of a program. [Load] makes it; it is valid as a whole.
type Config struct {
	DataDir string // absolute; embedded stores and caches live here
	SQL     DSN    // the catalog: path of an SQLite file, or a postgres:// URL
	Objects string // URI of the object store: file:// or s3://

	HTTP   string // addresses, host:port; "" where the program has no such server
	GRPC   string
	Health string

	DisableAuth  bool
	Auth         auth.Config // empty with DisableAuth
	authWarnings []string
	noMethod     error // nothing configured accepts anybody: there have to be keys in the catalog

	TLS            TLSFiles // of HTTP and GRPC; Health stays plaintext, for probes
	trustedProxies string

	Maintenance bool           // materialise, compact and retire in the background
	Retention   lake.Retention // what maintenance deletes because of its age
	KeepSchema  bool           // refuse to start on a catalog that lacks migrations, rather than apply them
	Grace       time.Duration  // for work under way when the program is told to stop

	Query  QueryLimits
	Static StaticTables
	Log    LogConfig
}

// StaticTables says which files of operators are tables.
type StaticTables struct {
	Folder string // URI or path; "" means that there are none
	Bytes  int64  // that all files together may have; 0 means the default
}

// QueryLimits bound the query engine.
type QueryLimits struct {
	MemoryBytes int64         // of all queries together; 0 means the engine's default
	Timeout     time.Duration // of one query
	Concurrency int           // queries at a time; 0 means the engine's default

	DenyRules   int           // of the deny list, at most
	DenyRefresh time.Duration // how often the deny list is read
}

// LogConfig says how logs are written.
type LogConfig struct {
	JSON  bool
	Level slog.Level
}

// The variables that don't configure authentication; those are in package auth.
const (
	EnvDataDir      = "MICROMEGAS_DATA_DIR"
	EnvSQL          = "MICROMEGAS_SQL_CONNECTION_STRING"
	EnvObjects      = "MICROMEGAS_OBJECT_STORE_URI"
	EnvGrace        = "MICROMEGAS_SHUTDOWN_GRACE_PERIOD_SECONDS"
	EnvQueryMemory  = "MICROMEGAS_QUERY_MEMORY_MB"
	EnvQueryTimeout = "MICROMEGAS_QUERY_TIMEOUT_SECONDS"
	EnvQueryLimit   = "MICROMEGAS_QUERY_CONCURRENCY"
	EnvDenyRules    = "MICROMEGAS_QUERY_DENY_MAX_RULES"
	EnvDenyRefresh  = "MICROMEGAS_QUERY_DENY_REFRESH_SECONDS"
	EnvStatic       = "MICROMEGAS_STATIC_TABLES_URL"
	EnvStaticMax    = "MICROMEGAS_STATIC_TABLES_MAX_MB"
	EnvRetention    = "MICROMEGAS_RETENTION"
	EnvMigrate      = "MICROMEGAS_MIGRATE"
	EnvTLSCert      = "MICROMEGAS_TLS_CERT_FILE"
	EnvTLSKey       = "MICROMEGAS_TLS_KEY_FILE"
	EnvTLSClientCA  = "MICROMEGAS_TLS_CLIENT_CA_FILE"
)

// ErrHelp says that help was asked for and printed.
var ErrHelp = errors.New("help was printed")

// Load reads the configuration of p: a flag beats its variable, which beats the default; a blank variable counts as
// unset. It reports every mistake at once, each with its place and its fix, and never prints what may be a secret.
// --help prints to stdout and returns [ErrHelp].
func Load(p Program, args []string, getenv func(string) string, stdout io.Writer) (Config, error) {
	var c Config
	s := settingsOf(p, &c, getenv)
	help, errs := s.parse(args)
	if help {
		s.usage(stdout, p)
		return Config{}, ErrHelp
	}
	errs = append(errs, s.resolve(getenv)...)
	errs = append(errs, scoped(p, getenv)...)
	errs = append(errs, c.complete(getenv)...)
	if n := mistakes(errs); n > 0 {
		return Config{}, fmt.Errorf("%d %s in the configuration; see %s --help:\n%w",
			n, plural(n, "mistake", "mistakes"), p.Name, errors.Join(errs...))
	}
	return c, nil
}

// complete fills in what depends on other settings and checks what concerns several.
func (c *Config) complete(getenv func(string) string) []error {
	var errs []error
	if c.DataDir == "" {
		home := homeDir(getenv)
		if home == "" {
			errs = append(errs, fmt.Errorf("%s is not set and there is no home directory; set it to a folder for the lake", EnvDataDir))
			home = string(filepath.Separator)
		}
		c.DataDir = filepath.Join(home, ".micromegas", "lake")
	}
	if c.SQL == "" {
		c.SQL = DSN(filepath.Join(c.DataDir, "catalog.db"))
	}
	if c.Objects == "" {
		c.Objects = fileURI(filepath.Join(c.DataDir, "objects"))
	}
	errs = append(errs, c.sameAddress()...)
	errs = append(errs, c.TLS.check()...)
	if c.DisableAuth {
		return errs
	}
	var err error
	c.Auth, c.authWarnings, err = auth.LoadConfig(c.variables(getenv))
	switch {
	case !errors.Is(err, auth.ErrNoMethod):
		errs = append(errs, err)
	case c.TLS.ClientCA != "": // client certificates are a method too
	case len(errs) == 0 && c.catalogExists():
		c.noMethod = err
	default:
		errs = append(errs, err)
	}
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

// catalogExists reports whether there is a catalog, as far as can be seen without connecting to it.
func (c *Config) catalogExists() bool {
	if !c.SQL.embedded() {
		return true
	}
	_, err := os.Stat(string(c.SQL))
	return err == nil
}

// variables returns getenv with flags in the place of the variables that they beat.
func (c *Config) variables(getenv func(string) string) func(string) string {
	return func(name string) string {
		if name == auth.EnvTrustedProxies && c.trustedProxies != "" {
			return c.trustedProxies
		}
		return getenv(name)
	}
}

// listener is an address with the flag that sets it.
type listener struct{ flag, addr string }

// listeners are the addresses that the program listens on.
func (c *Config) listeners() []listener {
	all := []listener{{flagHTTP, c.HTTP}, {flagGRPC, c.GRPC}, {flagHealth, c.Health}}
	return slices.DeleteFunc(all, func(l listener) bool { return l.addr == "" })
}

// sameAddress finds servers that were given one address.
func (c *Config) sameAddress() []error {
	var errs []error
	flagOf := map[string]string{}
	for _, l := range c.listeners() {
		if portOf(l.addr) == "0" {
			continue
		}
		if other, ok := flagOf[l.addr]; ok {
			errs = append(errs, fmt.Errorf("--%s and --%s are both %s; give each its own port", other, l.flag, l.addr))
		}
		flagOf[l.addr] = l.flag
	}
	return errs
}

// mistakes counts errors, those that package auth joined one by one.
func mistakes(errs []error) int {
	n := 0
	for _, err := range errs {
		if j, ok := err.(interface{ Unwrap() []error }); ok {
			n += mistakes(j.Unwrap())
		} else if err != nil {
			n++
		}
	}
	return n
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
