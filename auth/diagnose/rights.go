package diagnose

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/internal/fault"
)

// mostAdmins bounds the entries that are tried one by one.
const mostAdmins = 1000

// decide asks each server's door, and says why.
func (d *doctor) decide(ctx context.Context, t *Token, chain *auth.Chain, id *auth.Identity) {
	if id != nil {
		t.Identity = &Identity{
			Subject: auth.Printable(id.Subject), Email: auth.Printable(id.Email), EmailVerified: id.EmailVerified, Issuer: auth.Printable(id.Issuer),
			Audience: auth.Printable(id.Audience), Method: string(id.Method), Roles: id.Roles.String(), Admin: id.Admin,
		}
		if d.policyHasGroups() {
			for _, g := range id.Groups {
				t.Identity.Groups = append(t.Identity.Groups, auth.Printable(g))
			}
		}
	}
	for _, door := range []struct {
		server, operation string
		role              auth.Role
	}{
		{"ingestion", "sending telemetry", auth.RoleWriter},
		{"analytics", "querying", auth.RoleReader},
		{"administrator", "what only administrators may do", auth.RoleAdmin},
		{"key manager", "administering stored keys", auth.RoleKeyManager},
	} {
		_, err := d.admit(ctx, chain, door.role, door.operation)
		answer := Decision{Server: door.server, Allowed: err == nil, Answer: "may: " + door.operation}
		switch {
		case err != nil:
			answer.Answer = d.answer(err)
		case door.role == auth.RoleAdmin:
			answer.Why = d.whyAdmin(ctx, chain, id)
		}
		if f := fault.Of(err); f != nil && f.Kind == fault.PermissionDenied && id != nil {
			answer.Why, answer.Fix = d.whyNot(door.role, id)
		}
		t.Decisions = append(t.Decisions, answer)
	}
	if t.Accepted && !slices.ContainsFunc(t.Decisions, func(a Decision) bool { return a.Allowed }) {
		t.Status, t.Failed, t.Reason = Problem, "role", "the credential is good, and its owner may do nothing"
	}
}

// answer is what the two transports send.
func (d *doctor) answer(err error) string {
	f := fault.Of(err)
	switch {
	case undecided(err) && d.Offline:
		return "not known (--offline)"
	case undecided(err):
		return "503 / UNAVAILABLE, authentication is temporarily unavailable"
	case f == nil:
		return "refused"
	case f.Kind == fault.PermissionDenied:
		return "403 / PERMISSION_DENIED, " + f.Msg
	case f.Kind == fault.Unauthenticated:
		return "401 / UNAUTHENTICATED, " + f.Msg
	}
	return f.Msg
}

func (d *doctor) policyHasGroups() bool {
	return slices.ContainsFunc(d.cfg.AdminRules, func(r auth.AdminRule) bool { return r.Group != "" }) ||
		slices.ContainsFunc(d.cfg.OIDC.Issuers, func(is auth.Issuer) bool { return len(is.Roles) > 0 })
}

// whyAdmin names the entries that make id an administrator: each is tried alone, with the servers' own policy.
func (d *doctor) whyAdmin(ctx context.Context, chain *auth.Chain, id *auth.Identity) string {
	switch {
	case id.Method == auth.MethodNone:
		return "authentication is off"
	case id.Method != auth.MethodOIDC:
		return "the key has the role admin"
	}
	setup := chain.Setup()
	alone := func(cfg auth.Config) bool {
		cfg.OIDC = d.cfg.OIDC
		cfg.OIDC.Issuers = slices.Clone(cfg.OIDC.Issuers)
		for i := range cfg.OIDC.Issuers {
			cfg.OIDC.Issuers[i].Roles = nil
		}
		setup.Policy = auth.PolicyOf(cfg)
		_, err := d.admit(ctx, auth.NewChainOf(setup), auth.RoleAdmin, "")
		return err == nil
	}
	var why []string
	for i, a := range d.cfg.Admins[:min(len(d.cfg.Admins), mostAdmins)] {
		if alone(auth.Config{Admins: []string{a}}) {
			why = append(why, fmt.Sprintf("%q of %s", auth.Printable(d.cfg.Admins[i]), auth.EnvAdmins))
		}
	}
	for _, rule := range d.cfg.AdminRules[:min(len(d.cfg.AdminRules), mostAdmins)] {
		if alone(auth.Config{AdminRules: []auth.AdminRule{rule}}) {
			why = append(why, fmt.Sprintf("the rule for %q at %s of %s", auth.Printable(rule.Subject+rule.Email+rule.Group), auth.Printable(rule.Issuer), auth.EnvAdmins))
		}
	}
	for _, rule := range d.roleRules(id) {
		if rule.Role == auth.RoleAdmin && rule.Selector.Matches(id) {
			why = append(why, fmt.Sprintf("%q of the issuer's roles.admin", auth.Printable(rule.Selector.String())))
		}
	}
	return strings.Join(why, ", ")
}

// roleRules are those of the entry that accepted id's token.
func (d *doctor) roleRules(id *auth.Identity) []auth.RoleRule {
	for _, e := range d.entries(id.Issuer) {
		if slices.Contains(e.Audiences, id.Audience) {
			return e.Roles
		}
	}
	return nil
}

// whyNot says why id lacks a role.
func (d *doctor) whyNot(role auth.Role, id *auth.Identity) (why, fix string) {
	if id.Method == auth.MethodAPIKey {
		fix = "use another key, or give this one the role"
		if role == auth.RoleAdmin {
			fix = `"admin": true in its entry of ` + auth.EnvAPIKeys + ", or its name in " + auth.EnvAllowKeyAdmin + "; a stored key needs to be made with --role admin"
		}
		return "the key has the roles " + id.Roles.String(), fix
	}
	if role != auth.RoleAdmin {
		for _, rule := range d.roleRules(id) {
			if rule.Role == role {
				return fmt.Sprintf("no selector of the issuer's roles.%s matches", role), d.unverified(id, "add one that does")
			}
		}
		return fmt.Sprintf("the issuer's roles give %s to nobody", role), "add it to roles of the issuer, or make the caller an administrator"
	}
	for _, a := range d.cfg.Admins {
		switch {
		case strings.EqualFold(a, id.Email) && !id.EmailVerified:
			return fmt.Sprintf("%q is in %s, but the token does not say that the address is verified", auth.Printable(a), auth.EnvAdmins), d.unverified(id, "")
		case strings.EqualFold(strings.TrimSpace(a), id.Email), strings.EqualFold(strings.TrimSpace(a), id.Subject):
			return fmt.Sprintf("%q in %s differs by case or blanks", auth.Printable(a), auth.EnvAdmins), fmt.Sprintf("write it exactly as in the token: %q", auth.Printable(orElse(id.Email, id.Subject)))
		}
	}
	if len(d.cfg.Admins)+len(d.cfg.AdminRules) == 0 {
		return auth.EnvAdmins + " is not set", "list the email or the subject there"
	}
	fix = fmt.Sprintf("add %q", auth.Printable(id.Subject))
	if id.Email != "" {
		fix = fmt.Sprintf("add %q or %q", auth.Printable(id.Email), auth.Printable(id.Subject))
	}
	if id.Email == "" {
		fix += "; the token has no email, so entries with one cannot match: send the ID token, or have the issuer add it"
	}
	return fmt.Sprintf("no entry of %s matches", auth.EnvAdmins), d.unverified(id, fix)
}

// unverified adds what makes an address count.
func (d *doctor) unverified(id *auth.Identity, fix string) string {
	if id.Email == "" || id.EmailVerified {
		return fix
	}
	if fix != "" {
		fix += "; "
	}
	return fix + `the address counts when the token has "email_verified": true, or when the issuer's entry has "email_domains" or "trust_email": true; the subject counts always`
}
