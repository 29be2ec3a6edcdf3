package sdk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/micromegas-go/micromegas/sdk/internal/host"
	"github.com/micromegas-go/micromegas/sdk/sink"
)

// Variables that [Start] reads, besides those of [sink.FromEnv] and of the process record.
const (
	// EnvFlushPeriod is how many seconds events wait at most before they are sent.
	EnvFlushPeriod = "MICROMEGAS_FLUSH_PERIOD"
	// EnvSpans turns spans off with "false" or "0".
	EnvSpans = "MICROMEGAS_ENABLE_CPU_TRACING"
	// EnvLevel says which log entries are sent, for example "info,example.com/shop=debug". See [Levels.Set].
	EnvLevel = "MICROMEGAS_LOG_LEVEL"
	// EnvConsoleLevel says which log entries are shown on standard error.
	EnvConsoleLevel = "MICROMEGAS_CONSOLE_LEVEL"
)

// Config of [Start]. The zero value takes everything from the environment.
type Config struct {
	// Options go before the environment. Without a Sink there, the environment decides where to.
	Options

	// Properties are added to the process record.
	Properties map[string]string
	// NoSystemMetrics leaves out what is measured every second of the machine, this process and its runtime.
	NoSystemMetrics bool
	// NoConsole shows no log entries on standard error.
	NoConsole bool
	// NoInheritance keeps this process from telling the programs that it starts who their parent is.
	NoInheritance bool
	// CrashReports starts a second process of this program, which waits until this one ends and reports what it died of,
	// when it died of something that no deferred function sees: a panic of a goroutine that nobody recovers, a deadlock,
	// memory that ran out. The second process runs nothing of main but Start, so call that first.
	CrashReports bool
	// Patience is how long the end waits for the server; 0 means 5s.
	Patience time.Duration

	// Getenv reads the environment; nil means os.Getenv.
	Getenv func(string) string
}

const defaultPatience = 5 * time.Second

// Start makes the default recorder and returns what ends it:
//
//	defer sdk.Start(sdk.Config{})()
//
// Where telemetry goes, the environment says: MICROMEGAS_TELEMETRY_URL, and MICROMEGAS_INGESTION_API_KEY or
// MICROMEGAS_OIDC_TOKEN_ENDPOINT, MICROMEGAS_OIDC_CLIENT_ID and MICROMEGAS_OIDC_CLIENT_SECRET. Without the first nothing
// is sent, and recording costs next to nothing. What is wrong with the environment is said on standard error; it costs
// telemetry, not the program.
//
// The function returned sends what is left and reports a panic of main on its way. Call it once.
func Start(c Config) (stop func()) {
	if c.Getenv == nil {
		c.Getenv = os.Getenv //nolint:forbidigo // the one place that stands for main
	}
	if c.Getenv(envCrashMonitor) != "" {
		monitorCrash(os.Stdin, c.Getenv)
		os.Exit(0)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	r, err := Open(c)
	if err != nil {
		c.Log.Error("telemetry is not sent as configured", "err", err)
	}
	if r == nil {
		return func() {}
	}
	if c.Patience == 0 {
		c.Patience = defaultPatience
	}
	endMonitor := func() {}
	if c.CrashReports && !r.off() {
		if endMonitor, err = startMonitor(r); err != nil {
			c.Log.Warn("crashes are not reported", "err", err)
		}
	}
	SetDefault(r)
	return func() {
		if v := recover(); v != nil {
			r.panicked(v)
			defer panic(v)
		}
		ctx, cancel := context.WithTimeout(context.Background(), c.Patience)
		defer cancel()
		r.retire()
		if err := r.Shutdown(ctx); err != nil {
			c.Log.Error("telemetry was lost at the end", "err", err)
		}
		endMonitor()
	}
}

// Open makes the recorder that [Start] would start, and gives it to nobody. An error names everything that is wrong with
// the environment; the recorder does without what is wrong then, and may lead to the console only.
func Open(c Config) (*Recorder, error) {
	if c.Getenv == nil {
		c.Getenv = os.Getenv //nolint:forbidigo // the one place that stands for main
	}
	o := c.Options
	errs := []error{o.fromEnv(c.Getenv)}
	if o.Console == nil && !c.NoConsole {
		o.Console = os.Stderr
	}
	if o.Process.Exe == "" {
		d := host.Options{ID: o.Process.ID, Properties: c.Properties, Getenv: c.Getenv}
		if !c.NoInheritance {
			d.Setenv = os.Setenv
		}
		p, err := host.Describe(d)
		errs = append(errs, err)
		o.Process = p
	}
	o.SystemMetrics = o.SystemMetrics || !c.NoSystemMetrics
	var own *sink.Sink
	if o.Sink == nil {
		to, err := sink.FromEnv(c.Getenv, c.Log)
		if err == nil && to.URL != "" {
			if own, err = sink.New(to); err == nil {
				o.Sink = own
			}
		}
		errs = append(errs, err)
	}
	r, err := New(o)
	if err != nil {
		if own != nil {
			err = errors.Join(err, own.Shutdown(context.Background())) // it was given nothing
		}
		return nil, errors.Join(append(errs, err)...)
	}
	errs = append(errs, r.levelsFromEnv(c.Getenv, c.Options))
	return r, errors.Join(errs...)
}

// fromEnv fills in what is not set.
func (o *Options) fromEnv(getenv func(string) string) error {
	var errs []error
	if text := strings.TrimSpace(getenv(EnvFlushPeriod)); text != "" && o.FlushPeriod == 0 {
		seconds, err := strconv.ParseFloat(text, 64)
		const day = 24 * 60 * 60
		if err != nil || !(seconds > 0 && seconds <= day) {
			errs = append(errs, fmt.Errorf("%s is %.40q; it must be a number of seconds above 0, at most %d", EnvFlushPeriod, text, day))
		} else {
			o.FlushPeriod = max(time.Duration(seconds*float64(time.Second)), time.Millisecond)
		}
	}
	if text := strings.TrimSpace(getenv(EnvSpans)); text != "" {
		on, err := strconv.ParseBool(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s is %.40q; it must be true or false", EnvSpans, text))
		} else if !on {
			o.NoSpans = true
		}
	}
	return errors.Join(errs...)
}

// levelsFromEnv sets the levels that options leave open.
func (r *Recorder) levelsFromEnv(getenv func(string) string, o Options) error {
	var errs []error
	for _, v := range []struct {
		name   string
		option Level
		levels Levels
	}{{EnvLevel, o.Level, r.RemoteLevels()}, {EnvConsoleLevel, o.ConsoleLevel, r.ConsoleLevels()}} {
		if text := strings.TrimSpace(getenv(v.name)); text != "" && v.option == LevelOff {
			if err := v.levels.Set(text); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", v.name, err))
			}
		}
	}
	return errors.Join(errs...)
}
