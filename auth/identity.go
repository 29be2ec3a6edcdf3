package auth

import (
	"context"
	"time"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// Method is how a caller proved who it is.
type Method string

// The methods.
const (
	MethodNone   Method = "none"    // --disable-auth: nobody was asked
	MethodAPIKey Method = "api_key" // a configured key
	MethodOIDC   Method = "oidc"    // a signed token of a configured issuer
)

// IssuerAPIKey is the Issuer of an identity that came from an API key (A38).
const IssuerAPIKey = "api_key"

// Identity is who makes a request. It is shared between requests: never modify one.
type Identity struct {
	Subject       string    // `sub`, or the key's name
	Email         string    // may be empty; for decisions only when EmailVerified
	EmailVerified bool      // the token says so, or the issuer's configuration vouches for it
	Issuer        string    // `iss`, or [IssuerAPIKey]
	Audience      string    // the configured audience that matched; empty for keys
	Expiry        time.Time // of the credential; zero means never
	Method        Method
	Admin         bool // may use administrator-only operations
	MayDelegate   bool // may say on whose behalf it asks, see [Attribute]
}

// Verified is an identity a [Provider] vouches for, in both of its forms, so that granting or withdrawing
// administrator rights needs no memory on the request path.
type Verified struct {
	plain, admin Identity
}

// NewVerified returns id as verified. id.Admin means that the credential itself carries the right.
func NewVerified(id Identity) *Verified {
	v := &Verified{plain: id, admin: id}
	v.admin.Admin = true
	return v
}

// Identity returns the identity as the credential alone gives it, without any [Policy].
func (v *Verified) Identity() *Identity { return &v.plain }

// under returns the identity with the rights that p gives it now.
func (v *Verified) under(p *Policy) *Identity {
	if v.plain.Admin || p.admin(&v.plain) {
		return &v.admin
	}
	return &v.plain
}

type contextKey struct{}

// With returns a context that carries id.
func With(ctx context.Context, id *Identity) context.Context {
	return context.WithValue(ctx, contextKey{}, id)
}

// From returns the identity that [With] put into ctx, and whether there is one.
func From(ctx context.Context) (*Identity, bool) {
	id, ok := ctx.Value(contextKey{}).(*Identity)
	return id, ok && id != nil
}

// RequireAdmin returns nil if the caller in ctx is an administrator, else a fault.PermissionDenied that names operation
// (A67). A context without identity is refused: nothing opens implicitly (A68).
func RequireAdmin(ctx context.Context, operation string) error {
	if id, ok := From(ctx); ok && id.Admin {
		return nil
	}
	return &fault.Error{
		Kind: fault.PermissionDenied,
		Msg:  operation + " needs an administrator",
		Fix:  "ask for your email or subject to be added to " + EnvAdmins,
	}
}
