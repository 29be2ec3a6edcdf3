package auth

import "context"

// Provider is one way to recognise a caller.
type Provider interface {
	// Method names the way.
	Method() Method

	// Authenticate returns the identity that token proves. The result is shared and immutable.
	//
	// A token that is not accepted is an error; its reason, usually a [*Refusal], is for the log. An error of kind
	// fault.Unavailable says that the provider could not decide (A57), one that wraps ctx.Err() that the caller left.
	// Every other error means "not mine or not valid". Safe for concurrent use.
	Authenticate(ctx context.Context, token Secret) (*Verified, error)
}

// Refusal is why a credential was refused, for the log alone (A75). Its values were read from an unverified token: they
// are what the caller claims.
type Refusal struct { //nolint:errname // a refusal is what it is, also where nothing has failed
	Err    error  // the rule that was broken: a sentinel with a constant text
	Issuer string // the token's `iss`, if readable
	KeyID  string // the token's `kid`, if readable
	Detail string // what was expected, for the log
	Known  bool   // Issuer is a configured one
}

// Error returns the rule's text. It holds no value of the token (A78).
func (r *Refusal) Error() string { return r.Err.Error() }

// Unwrap returns the rule.
func (r *Refusal) Unwrap() error { return r.Err }
