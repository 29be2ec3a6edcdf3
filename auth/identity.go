package auth

import (
	"context"
	"time"
)

// Method is how a caller proved who it is.
type Method string

// The methods.
const (
	MethodNone   Method = "none"    // --disable-auth: nobody was asked
	MethodAPIKey Method = "api_key" // a configured or stored key
	MethodOIDC   Method = "oidc"    // a token of a configured issuer
)

// IssuerAPIKey is the Issuer of an identity that came from an API key (A38).
const IssuerAPIKey = "api_key"

// Identity is who makes a request. It is shared between requests: never modify one.
type Identity struct {
	Subject       string    // `sub`, or the key's name
	Email         string    // may be empty; for decisions only when EmailVerified
	EmailVerified bool      // the token says so, or the issuer's configuration vouches for it
	Name          string    // for display, may be empty
	Groups        []string  // of the token; may be empty
	Issuer        string    // `iss`, or [IssuerAPIKey]
	Audience      string    // the configured audience that matched; empty for keys
	Expiry        time.Time // of the credential; zero means never
	Method        Method
	Roles         Role // what the caller may do; of a provider's identity: what the credential itself carries
	Admin         bool // may use administrator-only operations; the same as RoleAdmin in Roles
	MayDelegate   bool // may say on whose behalf it asks, see [Attribute]
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
