package auth

import (
	"context"
	"log/slog"
)

// LogStart writes what is configured, and the warnings of [LoadConfig], when a server starts (A86): never a secret.
func LogStart(ctx context.Context, log *slog.Logger, cfg Config, warnings []string) {
	for _, w := range warnings {
		log.WarnContext(ctx, "auth configuration", "warning", w)
	}
	names := make([]string, 0, len(cfg.APIKeys))
	keyAdmins := 0
	for _, k := range cfg.APIKeys {
		names = append(names, Printable(k.Name))
		if k.Admin {
			keyAdmins++
		}
	}
	distinct := map[string]bool{}
	for _, is := range cfg.OIDC.Issuers {
		distinct[is.Issuer] = true
	}
	log.InfoContext(ctx, "auth configured",
		"issuers", len(distinct), "api_keys", len(names), "key_names", names,
		"admins", len(cfg.Admins)+len(cfg.AdminRules), "admin_keys", keyAdmins)
	for _, is := range cfg.OIDC.Issuers {
		log.InfoContext(ctx, "auth issuer", "issuer", is.Issuer, "audiences", is.Audiences, "trust_email", is.TrustEmail,
			"introspection", is.Introspection != nil, "roles", is.Roles != nil)
	}
}
