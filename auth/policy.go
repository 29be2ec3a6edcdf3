package auth

import (
	"slices"
	"strings"
)

// Policy says what callers may do. It is asked on every request, so that a change takes effect at once (B21). It is
// immutable. The zero value and nil know no administrators and let everybody who is authenticated read and write.
type Policy struct {
	subjects map[string]struct{}      // administrators by subject, whatever the issuer
	emails   map[string]struct{}      // administrators by verified email, see foldEmail
	bound    map[string][]AdminRule   // administrators by issuer
	issuers  map[string][]issuerRoles // nil: no issuer restricts its callers
}

// issuerRoles are the roles of callers whose token is for one of audiences.
type issuerRoles struct {
	audiences []string
	rules     []RoleRule // nil gives RoleDefault
}

// NewPolicy returns the policy of MICROMEGAS_ADMINS: each string is an email or a subject. Subjects are compared exactly,
// emails but for the case of their domain (A17, A18, B16).
func NewPolicy(admins []string) *Policy {
	p := &Policy{subjects: make(map[string]struct{}, len(admins)), emails: make(map[string]struct{})}
	for _, a := range admins {
		p.subjects[a] = struct{}{}
		if strings.Contains(a, "@") {
			p.emails[foldEmail(a)] = struct{}{}
		}
	}
	return p
}

// PolicyOf returns the policy of a configuration: its administrators and the roles of its issuers. It gives nothing to
// tokens of an issuer that is not configured.
func PolicyOf(cfg Config) *Policy {
	p := NewPolicy(cfg.Admins)
	p.bound = make(map[string][]AdminRule)
	for _, rule := range cfg.AdminRules {
		p.bound[rule.Issuer] = append(p.bound[rule.Issuer], rule)
	}
	p.issuers = make(map[string][]issuerRoles)
	for _, is := range cfg.OIDC.Issuers {
		p.issuers[is.Issuer] = append(p.issuers[is.Issuer], issuerRoles{audiences: is.Audiences, rules: is.Roles})
	}
	return p
}

// roles returns what id may do. Of a provider's identity, Roles and Admin are what the credential carries.
func (p *Policy) roles(id *Identity) Role {
	r := id.Roles
	if id.Admin {
		r |= RoleAdmin
	}
	switch {
	case id.Method == MethodOIDC:
		r |= p.issuerRoles(id)
		if p.admin(id) {
			r |= RoleAdmin
		}
	case id.Roles == 0: // a key that nothing restricts
		r |= RoleDefault
	}
	return r
}

// issuerRoles returns what the configuration of id's issuer gives it.
func (p *Policy) issuerRoles(id *Identity) Role {
	if p == nil || p.issuers == nil {
		return RoleDefault
	}
	for _, entry := range p.issuers[id.Issuer] {
		if !slices.Contains(entry.audiences, id.Audience) {
			continue
		}
		if entry.rules == nil {
			return RoleDefault
		}
		var r Role
		for _, rule := range entry.rules {
			if rule.matches(id) {
				r |= rule.Role
			}
		}
		return r
	}
	return 0
}

// admin reports whether the policy makes id, which came from a token, an administrator. A key gains nothing from its name
// (A20): names are chosen by whoever writes the configuration of keys.
func (p *Policy) admin(id *Identity) bool {
	if p == nil {
		return false
	}
	if _, ok := p.subjects[id.Subject]; ok {
		return true
	}
	if slices.ContainsFunc(p.bound[id.Issuer], func(rule AdminRule) bool { return rule.matches(id) }) {
		return true
	}
	// An email that its owner may have typed in freely decides nothing (B15).
	if len(p.emails) == 0 || !id.EmailVerified || id.Email == "" {
		return false
	}
	_, ok := p.emails[foldEmail(id.Email)]
	return ok
}

// foldEmail returns email with its domain in lower case: what is left of the last '@' is up to the mail system, and to
// some of them case matters (RFC 5321 section 2.4).
func foldEmail(email string) string {
	at := strings.LastIndexByte(email, '@')
	if at < 0 {
		return email
	}
	return email[:at] + strings.ToLower(email[at:])
}

func sameEmail(a, b string) bool { return foldEmail(a) == foldEmail(b) }
