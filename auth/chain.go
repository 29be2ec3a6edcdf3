package auth

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// Chain asks its providers in order. Create one with [NewChain] or [Disabled]. Safe for concurrent use.
type Chain struct {
	providers []Provider
	policy    atomic.Pointer[Policy]
	disabled  *disabled // nil when authentication is on
}

// NewChain returns a chain that asks providers in the order given; the first success decides (A32).
// A nil policy knows no administrators.
func NewChain(policy *Policy, providers ...Provider) *Chain {
	c := &Chain{providers: providers}
	c.policy.Store(policy)
	return c
}

// SetPolicy replaces the policy; the next request sees it.
func (c *Chain) SetPolicy(p *Policy) { c.policy.Store(p) }

// Authenticate returns the identity proved by the values of the Authorization header.
//
// The error is a *fault.Error: Unauthenticated whatever the defect, with the reason in its chain for the log;
// Unavailable if a provider could not decide and none accepted; Canceled if the caller left.
func (c *Chain) Authenticate(ctx context.Context, header []string) (*Identity, error) {
	if c.disabled != nil {
		return &anyone, nil
	}
	token, err := Bearer(header)
	if err != nil {
		return nil, invalidToken(err)
	}
	return c.AuthenticateToken(ctx, token)
}

// AuthenticateToken is [Chain.Authenticate] for a credential that did not travel in an Authorization header.
func (c *Chain) AuthenticateToken(ctx context.Context, token Secret) (*Identity, error) {
	if c.disabled != nil {
		return &anyone, nil
	}
	var refused, outage error
	for _, p := range c.providers {
		v, err := p.Authenticate(ctx, token)
		if err == nil {
			return v.under(c.policy.Load()), nil
		}
		if ctx.Err() != nil {
			return nil, fault.Wrap(fault.Canceled, "the request was canceled", err)
		}
		if fault.KindOf(err) == fault.Unavailable {
			outage = join(outage, err)
		} else {
			refused = join(refused, err)
		}
	}
	if outage != nil {
		return nil, unavailable(outage)
	}
	if refused == nil {
		refused = errNoProvider
	}
	return nil, invalidToken(refused)
}

// errNoProvider is what an empty chain answers; authenv never builds one (A3).
var errNoProvider = errors.New("no method of authentication is configured")

// join is errors.Join that costs nothing for the first error: most tokens are refused by the keys first.
func join(a, b error) error {
	if a == nil {
		return b
	}
	return errors.Join(a, b)
}

// invalidToken is the one answer to every defect of a credential (A75).
func invalidToken(reason error) *fault.Error {
	return &fault.Error{Kind: fault.Unauthenticated, Msg: "invalid token", Err: reason}
}

func unavailable(cause error) *fault.Error {
	e := &fault.Error{Kind: fault.Unavailable, Msg: "authentication is temporarily unavailable", Fix: "try again", Err: cause}
	if f := fault.Of(cause); f != nil {
		e.RetryAfter = f.RetryAfter
	}
	return e
}

// Disabled reports whether authentication is switched off.
func (c *Chain) Disabled() bool { return c.disabled != nil }

// Methods lists what is configured, in order.
func (c *Chain) Methods() []Method {
	methods := make([]Method, 0, len(c.providers))
	for _, p := range c.providers {
		methods = append(methods, p.Method())
	}
	return methods
}

// Run does what can be done ahead of requests, such as renewing key sets, until ctx ends. Optional: without it the same
// work is done when a request needs it. It returns nil when ctx ends.
func (c *Chain) Run(ctx context.Context) error {
	if c.disabled != nil {
		return c.disabled.run(ctx)
	}
	done := make(chan error, len(c.providers))
	n := 0
	for _, p := range c.providers {
		if r, ok := p.(interface{ Run(context.Context) error }); ok {
			n++
			go func() { done <- r.Run(ctx) }()
		}
	}
	var errs []error
	for range n {
		errs = append(errs, <-done)
	}
	<-ctx.Done()
	return errors.Join(errs...)
}

// Close ends what the providers still have under way and waits for it. May be called twice.
func (c *Chain) Close() error {
	var errs []error
	for _, p := range c.providers {
		if cl, ok := p.(io.Closer); ok {
			errs = append(errs, cl.Close())
		}
	}
	return errors.Join(errs...)
}
