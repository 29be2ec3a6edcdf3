package diagnose

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/oidc"
)

// errNotReached says that nothing can be said about the rules that follow.
var errNotReached = errors.New("not reached")

// mostRetries is the number of rules that can be passed over.
const mostRetries = 8

// retrial tries a token again under a configuration, or at a time, in which a rule that it broke holds, to see what the
// rules behind say. What comes of it is shown, and decides nothing.
type retrial struct {
	d     *doctor
	v     view
	cfg   auth.OIDC
	now   func() time.Time
	tries int
}

func (d *doctor) retry(v view) *retrial {
	r := &retrial{d: d, v: v, cfg: d.cfg.OIDC, now: d.Now}
	r.cfg.Issuers = slices.Clone(r.cfg.Issuers)
	if d.Offline {
		r.cfg.Issuers = offline(r.cfg.Issuers)
	}
	return r
}

// after returns what a token is refused for when broken is passed over: nil for nothing, errNotReached if it can't be.
func (r *retrial) after(ctx context.Context, broken error) error {
	if r.tries++; r.tries > mostRetries || ctx.Err() != nil || !r.allow(broken) {
		return errNotReached
	}
	p := oidc.New(r.cfg, oidc.Options{Now: r.now})
	defer func() { _ = p.Close() }() // ends what it has under way
	_, err := p.Authenticate(ctx, r.d.Token)
	return err
}

// allow changes the configuration, or the clock, so that the rule holds.
func (r *retrial) allow(broken error) bool {
	change := func(f func(*auth.Issuer)) bool {
		for i := range r.cfg.Issuers {
			if e := &r.cfg.Issuers[i]; e.Issuer == r.v.issuer() || r.v.claims == nil {
				f(e)
			}
		}
		return true
	}
	at := func(t time.Time) bool {
		r.now = func() time.Time { return t }
		return !t.IsZero()
	}
	switch {
	case errors.Is(broken, oidc.ErrAudience):
		received := r.v.audiences()
		return len(received) > 0 && change(func(e *auth.Issuer) { e.Audiences = slices.Concat(e.Audiences, received) })
	case errors.Is(broken, oidc.ErrParty):
		return change(func(e *auth.Issuer) { e.AuthorizedParties = nil })
	case errors.Is(broken, oidc.ErrExpired):
		exp := r.v.date("exp")
		return !exp.IsZero() && at(exp.Add(-time.Second))
	case errors.Is(broken, oidc.ErrNotYetValid), errors.Is(broken, oidc.ErrIssuedLater):
		begin := r.v.date("nbf")
		if iat := r.v.date("iat"); iat.After(begin) {
			begin = iat
		}
		return at(begin)
	case errors.Is(broken, oidc.ErrTooOld):
		return change(func(e *auth.Issuer) { e.MaxTokenAge = 0 })
	case errors.Is(broken, oidc.ErrTokenType):
		return change(func(e *auth.Issuer) { e.TokenTypes = nil })
	case errors.Is(broken, oidc.ErrRequiredClaim):
		refusal, ok := errors.AsType[*auth.Refusal](broken)
		return ok && change(func(e *auth.Issuer) {
			e.RequiredClaims = maps.Clone(e.RequiredClaims)
			delete(e.RequiredClaims, refusal.Detail)
		})
	}
	return false
}
