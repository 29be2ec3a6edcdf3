package auth

// Policy says who is an administrator. It is asked on every request, so that a change takes effect at once (B21).
// The zero value and nil know no administrators.
type Policy struct {
	admins map[string]struct{}
}

// NewPolicy returns the policy of MICROMEGAS_ADMINS: each string is an email or a subject, compared exactly (A17, A18).
func NewPolicy(admins []string) *Policy {
	p := &Policy{admins: make(map[string]struct{}, len(admins))}
	for _, a := range admins {
		p.admins[a] = struct{}{}
	}
	return p
}

// admin reports whether the policy makes id an administrator.
func (p *Policy) admin(id *Identity) bool {
	if p == nil || len(p.admins) == 0 {
		return false
	}
	// A key gains nothing from its name (A20): names are chosen by whoever writes the configuration of keys.
	if id.Method != MethodOIDC {
		return false
	}
	if _, ok := p.admins[id.Subject]; ok {
		return true
	}
	// An email that its owner may have typed in freely decides nothing (B15).
	if !id.EmailVerified || id.Email == "" {
		return false
	}
	_, ok := p.admins[id.Email]
	return ok
}
