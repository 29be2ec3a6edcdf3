package auth

import (
	"context"
	"crypto/subtle"
	"net/netip"
	"sync/atomic"
)

// Verified is an identity a [Provider] vouches for. What it holds about the credential is immutable; what the caller may
// do is worked out for each [Policy], and remembered for the latest, so that a change takes effect on the next request
// (B21) and costs nothing on the others.
type Verified struct {
	id       Identity
	networks []netip.Prefix // where the credential may come from; nil means anywhere
	bound    string         // the certificate that must come with it; empty means none
	latest   atomic.Pointer[admission]
}

// admission is an identity under a policy, and the counter of its uses.
type admission struct {
	policy *Policy
	id     Identity
	uses   *counter
}

// NewVerified returns id as verified. id.Roles and id.Admin are what the credential itself carries; without roles it gets
// what the policy gives to callers like it.
func NewVerified(id Identity) *Verified { return &Verified{id: id} }

// Within restricts the credential to callers whose address is in one of networks; a caller of unknown address is in none
// (B27). No networks means anywhere. Call it before the value is shared.
func (v *Verified) Within(networks []netip.Prefix) *Verified {
	v.networks = networks
	return v
}

// BoundTo restricts the credential to connections of the client certificate with a [Thumbprint] (RFC 8705, B31). Empty means
// any connection. Call it before the value is shared.
func (v *Verified) BoundTo(thumbprint string) *Verified {
	v.bound = thumbprint
	return v
}

// usable returns nil if the credential may be used where ctx comes from.
func (v *Verified) usable(ctx context.Context) error {
	if v.networks != nil && !v.allows(ClientAddr(ctx)) {
		return &Refusal{Err: ErrNetwork}
	}
	if v.bound != "" {
		cert := PeerCertificate(ctx)
		if cert == nil || subtle.ConstantTimeCompare([]byte(Thumbprint(cert)), []byte(v.bound)) != 1 {
			return &Refusal{Err: ErrBound}
		}
	}
	return nil
}

// Identity returns the identity as the credential alone gives it, without any [Policy].
func (v *Verified) Identity() *Identity { return &v.id }

// under returns the identity with the rights that p gives it now.
func (v *Verified) under(p *Policy, t *tally) *admission {
	if a := v.latest.Load(); a != nil && a.policy == p {
		return a
	}
	a := &admission{policy: p, id: v.id, uses: t.accepted(v.id.Method, v.id.Issuer)}
	a.id.Roles = p.roles(&v.id)
	a.id.Admin = a.id.Roles.Has(RoleAdmin)
	v.latest.Store(a)
	return a
}

// allows reports whether the credential may be used from addr.
func (v *Verified) allows(addr netip.Addr) bool {
	for _, n := range v.networks {
		if n.Contains(addr) {
			return true
		}
	}
	return len(v.networks) == 0
}
