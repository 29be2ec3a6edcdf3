package sink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"
)

// Variables of delivery.
const (
	EnvURL            = "MICROMEGAS_TELEMETRY_URL"
	EnvSoftBytes      = "MICROMEGAS_TELEMETRY_MAX_QUEUE_BYTES"
	EnvHardBytes      = "MICROMEGAS_TELEMETRY_HARD_QUEUE_BYTES"
	EnvInFlight       = "MICROMEGAS_TELEMETRY_MAX_IN_FLIGHT_REQUESTS"
	EnvRequestTimeout = "MICROMEGAS_TELEMETRY_REQUEST_TIMEOUT_SECS"
	EnvMaxAge         = "MICROMEGAS_TELEMETRY_MAX_AGE_SECS"
	EnvSpool          = "MICROMEGAS_TELEMETRY_SPOOL_DIR"
	EnvSpoolBytes     = "MICROMEGAS_TELEMETRY_SPOOL_BYTES"
)

// FromEnv reads the variables of delivery and of its authentication. Without MICROMEGAS_TELEMETRY_URL the options have
// no URL, and nothing else is looked at. The error names every variable that is wrong, and how.
//
// MICROMEGAS_INGESTION_API_KEY comes first; else MICROMEGAS_OIDC_TOKEN_ENDPOINT (or MICROMEGAS_OIDC_ISSUER),
// MICROMEGAS_OIDC_CLIENT_ID and MICROMEGAS_OIDC_CLIENT_SECRET together; else no credential is sent. When only some of
// the three are set, log gets a warning that names the others; nil writes it to standard error.
func FromEnv(getenv func(string) string, log *slog.Logger) (Options, error) {
	get := func(name string) string { return strings.TrimSpace(getenv(name)) }
	o := Options{URL: get(EnvURL), Spool: get(EnvSpool), Log: log}
	if o.URL == "" {
		return Options{Log: log}, nil
	}
	var errs []error
	if err := checkURL(o.URL); err != nil {
		errs = append(errs, fmt.Errorf("%s %w", EnvURL, err))
	}
	number := func(name string, least, most int64) int64 {
		text := get(name)
		if text == "" {
			return 0
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < least || n > most {
			errs = append(errs, fmt.Errorf("%s is %q; it must be a whole number from %d to %d", name, oneLine(text), least, most))
			return 0
		}
		return n
	}
	const (
		mostBytes    = 1 << 40
		mostRequests = 1024
		daySeconds   = 24 * 60 * 60
		yearSeconds  = 365 * daySeconds
	)
	o.SoftBytes = number(EnvSoftBytes, 1, mostBytes)
	o.HardBytes = number(EnvHardBytes, 1, mostBytes)
	o.InFlight = int(number(EnvInFlight, 1, mostRequests))
	o.RequestTimeout = time.Duration(number(EnvRequestTimeout, 1, daySeconds)) * time.Second
	o.MaxAge = time.Duration(number(EnvMaxAge, 1, yearSeconds)) * time.Second
	o.SpoolBytes = number(EnvSpoolBytes, 1, mostBytes)
	if o.SoftBytes > 0 && o.HardBytes > 0 && o.HardBytes < o.SoftBytes {
		errs = append(errs, fmt.Errorf("%s (%d) is below %s (%d)", EnvHardBytes, o.HardBytes, EnvSoftBytes, o.SoftBytes))
	}
	if o.SoftBytes > 0 && o.HardBytes == 0 {
		o.HardBytes = max(defaultHardBytes, o.SoftBytes)
	}
	decorator, err := decoratorFromEnv(getenv, log)
	if err != nil {
		errs = append(errs, err)
	}
	o.Decorator = decorator
	return o, errors.Join(errs...)
}

// decoratorFromEnv is nil when there is no credential. What it returns has been tried.
func decoratorFromEnv(getenv func(string) string, log *slog.Logger) (DecoratorFactory, error) {
	set := func(name string) bool { return strings.TrimSpace(getenv(name)) != "" }
	if set(EnvAPIKey) {
		d, err := APIKeyDecoratorFromEnv(getenv)
		return func() (Decorator, error) { return d, nil }, err
	}
	var missing []string
	if !set(EnvTokenEndpoint) && !set(EnvIssuer) {
		missing = append(missing, EnvTokenEndpoint)
	}
	for _, name := range []string{EnvClientID, EnvClientSecret} {
		if !set(name) {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		config, err := clientCredentialsFromEnv(getenv)
		return func() (Decorator, error) { return NewOIDCClientCredentialsDecorator(config) }, err
	}
	// The issuer and the client id alone are what command-line tools need, which may run in the same environment.
	if set(EnvTokenEndpoint) || set(EnvClientSecret) {
		if log == nil {
			log = slog.New(slog.NewTextHandler(os.Stderr, nil))
		}
		log.WarnContext(context.Background(), "telemetry is sent without a credential: client credentials are configured in part",
			"missing", strings.Join(missing, ", "))
	}
	return nil, nil
}
