package auth

import (
	"fmt"
	"strings"
)

// loadAdmins reads MICROMEGAS_ADMINS (A19, B16): email addresses, subjects, and {"issuer", "subject" or "email" or "group"}.
func loadAdmins(r *reader, text string, cfg *Config) {
	v, ok := r.parse(text)
	if !ok {
		return
	}
	list, ok := v.([]any)
	if !ok {
		r.errorf("", "must be a JSON array of email addresses or subjects, not %s", kind(v))
		return
	}
	for i, e := range list {
		path := fmt.Sprintf("[%d]", i)
		switch e := e.(type) {
		case map[string]any:
			o, _ := r.object(path, e) // it is one
			loadAdminRule(r, o, cfg)
		case string:
			if e != "" {
				cfg.Admins = append(cfg.Admins, e)
				continue
			}
			r.errorf(path, "must be a non-empty string, not %s", kind(e))
		default:
			r.errorf(path, `must be a non-empty string, not %s; or an object {"issuer", "subject" or "email" or "group"}`, kind(e))
		}
	}
}

func loadAdminRule(r *reader, o *object, cfg *Config) {
	mistakes := len(r.errs)
	rule := AdminRule{
		Issuer:  o.required("issuer", "the issuer that names the administrator, as in "+EnvOIDCConfig),
		Subject: o.text("subject"),
		Email:   o.text("email"),
		Group:   o.text("group"),
	}
	given := 0
	for _, name := range []string{"subject", "email", "group"} {
		if _, ok := o.members[name]; ok {
			given++
		}
	}
	// What is ignored here would have restricted who is an administrator; see [object.done].
	o.doneStrict(`"issuer" and one of "subject", "email", "group"`)
	if given != 1 {
		r.errorf(o.path, `must have exactly one of "subject", "email" and "group"`)
	}
	if len(r.errs) == mistakes {
		cfg.AdminRules = append(cfg.AdminRules, rule)
	}
}

// adminWarnings says where the list of administrators can surprise.
func adminWarnings(cfg Config) []string {
	if len(cfg.Admins)+len(cfg.AdminRules) == 0 {
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
	var warnings []string
	for _, rule := range cfg.AdminRules {
		if !issuers[rule.Issuer] {
			warnings = append(warnings, fmt.Sprintf("%s: a rule is for the issuer %s, which is not configured: it makes nobody an administrator",
				EnvAdmins, Printable(rule.Issuer)))
		}
	}
	if len(issuers) == 1 {
		return warnings
	}
	for i, a := range cfg.Admins {
		if !strings.Contains(a, "@") {
			warnings = append(warnings, fmt.Sprintf("%s: [%d] is a subject and %d issuers are configured: "+
				`whoever has this subject at any of them is an administrator; write {"issuer": …, "subject": …} instead`, EnvAdmins, i, len(issuers)))
		}
	}
	return warnings
}
