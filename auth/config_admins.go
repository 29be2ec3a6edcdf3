package auth

import (
	"fmt"
	"strings"
)

// loadAdmins reads MICROMEGAS_ADMINS: ["alice@example.com", "subject"] (A19).
func loadAdmins(r *reader, text string, cfg *Config) {
	v, ok := r.parse(text)
	if !ok {
		return
	}
	if _, ok := v.([]any); !ok {
		r.errorf("", "must be a JSON array of email addresses or subjects, not %s", kind(v))
		return
	}
	cfg.Admins = r.texts("", v)
}

// adminWarnings says where the list of administrators can surprise.
func adminWarnings(cfg Config) []string {
	if len(cfg.Admins) == 0 {
		return nil
	}
	issuers := map[string]bool{}
	for _, is := range cfg.OIDC.Issuers {
		issuers[is.Issuer] = true
	}
	if len(issuers) == 0 {
		return []string{EnvAdmins + ` has no effect without ` + EnvOIDCConfig +
			`: a key becomes an administrator with "admin": true in ` + EnvAPIKeys}
	}
	if len(issuers) == 1 {
		return nil
	}
	var warnings []string
	for i, a := range cfg.Admins {
		if !strings.Contains(a, "@") {
			warnings = append(warnings, fmt.Sprintf("%s: [%d] is a subject and %d issuers are configured: "+
				"whoever has this subject at any of them is an administrator", EnvAdmins, i, len(issuers)))
		}
	}
	return warnings
}
