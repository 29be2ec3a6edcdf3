package server

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/internal/nearest"
)

const envPrefix = "MICROMEGAS_"

// clientVariables are those of programs that are instrumented and of clients, without the prefix: servers do not read them,
// and nobody errs who has them in the same environment.
var clientVariables = []string{
	"TELEMETRY_URL", "INGESTION_API_KEY", "OIDC_TOKEN_ENDPOINT", "OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_AUDIENCE",
	"OIDC_TOKEN_BUFFER_SECONDS", "FLUSH_PERIOD", "ENABLE_CPU_TRACING", "LOG_LEVEL", "CONSOLE_LEVEL", "PROCESS_PROPERTIES", "CRASH_MONITOR",
	"TELEMETRY_PARENT_PROCESS", "TELEMETRY_MAX_QUEUE_BYTES", "TELEMETRY_HARD_QUEUE_BYTES", "TELEMETRY_MAX_IN_FLIGHT_REQUESTS",
	"TELEMETRY_REQUEST_TIMEOUT_SECS", "TELEMETRY_MAX_AGE_SECS", "TELEMETRY_SPOOL_DIR", "TELEMETRY_SPOOL_BYTES",
	"ANALYTICS_URI", "ANALYTICS_API_KEY", "API_KEY", "TOKEN_COMMAND", "TOKEN_FILE", "TOKEN_STORE", "BEARER_TOKEN_FILE", "OIDC_SCOPE", "OIDC_BEARER",
	"OIDC_ALLOW_HTTP", "PROFILE", "PYTHON_MODULE_WRAPPER", "CLIENT_AGENT", "CLIENT_ENTRYPOINT",
}

// successors are variables of other Micromegas servers, without the prefix, with ours for the same purpose.
var successors = map[string]string{
	"INGESTION_API_KEYS":    auth.EnvAPIKeys,
	"ANALYTICS_API_KEYS":    auth.EnvAPIKeys,
	"INGESTION_OIDC_CONFIG": auth.EnvOIDCConfig,
	"ANALYTICS_OIDC_CONFIG": auth.EnvOIDCConfig,
	"ANALYTICS_ADMINS":      auth.EnvAdmins,
}

// serverVariables are all that servers read, whichever of them this program is.
func serverVariables() map[string]bool {
	known := map[string]bool{}
	for _, x := range settingsOf(Program{HTTP: ":0", GRPC: ":0"}, new(Config), func(string) string { return "" }) {
		known[x.env], known[x.also] = true, true
	}
	for _, name := range []string{auth.EnvAPIKeys, auth.EnvOIDCConfig, auth.EnvAdmins} {
		known[name], known[auth.EnvFile(name)] = true, true
	}
	for _, name := range scopes { // refused where they matter
		known[envPrefix+name] = true
	}
	for _, name := range []string{auth.EnvAllowKeyAdmin, auth.EnvFailureRate, auth.EnvFailureBurst} {
		known[name] = true
	}
	delete(known, "") // settings without a variable
	return known
}

// warnUnknown warns of variables that look like ours and have no effect: misspelled ones mean the default in silence.
func warnUnknown(ctx context.Context, environ []string, log *slog.Logger) {
	known := serverVariables()
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		rest, ours := strings.CutPrefix(name, envPrefix)
		if !ours || known[name] || slices.Contains(clientVariables, rest) {
			continue
		}
		meant := successors[rest]
		if meant == "" {
			if near := nearest.Name(rest, func(yield func(string) bool) {
				for _, name := range slices.Sorted(maps.Keys(known)) {
					if !yield(strings.TrimPrefix(name, envPrefix)) {
						return
					}
				}
			}); near != "" {
				meant = envPrefix + near
			}
		}
		if meant == "" {
			log.WarnContext(ctx, "unknown variable, it has no effect", "name", name)
			continue
		}
		log.WarnContext(ctx, "unknown variable, it has no effect", "name", name, "meant", meant)
	}
}
