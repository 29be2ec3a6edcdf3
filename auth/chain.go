package auth

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// statsEvery is how often [Chain.Run] logs the counters.
const statsEvery = time.Minute

// Chain asks its providers in order. Create one with [NewChain], [NewChainOf] or [Disabled]. Safe for concurrent use.
type Chain struct {
	setup    atomic.Pointer[Setup] // nil when authentication is off
	swapped  chan struct{}         // wakes Run after Swap
	limiter  limiter
	tally    tally
	reload   atomic.Pointer[ReloadStats]
	disabled *disabled // nil when authentication is on
}

// Setup is what a [Chain] works with. It is replaced as a whole and never changed.
type Setup struct {
	Providers []Provider // asked in this order (A32)
	Policy    *Policy    // nil knows no administrators
	Proxies   Proxies    // whose forwarding headers count
	Limits    Limits     // on failures; the zero value sets none

	Now func() time.Time // nil means time.Now
	Log *slog.Logger     // for counters at debug; nil discards
}

// NewChain returns a chain that asks providers in the order given; the first success decides (A32).
// A nil policy knows no administrators.
func NewChain(policy *Policy, providers ...Provider) *Chain {
	return NewChainOf(Setup{Policy: policy, Providers: providers})
}

// NewChainOf returns a chain that works with s.
func NewChainOf(s Setup) *Chain {
	c := &Chain{swapped: make(chan struct{}, 1)}
	c.Swap(s)
	return c
}

// SetPolicy replaces the policy; the next request sees it.
func (c *Chain) SetPolicy(p *Policy) {
	for {
		old := c.setup.Load()
		s := *old
		s.Policy = p
		if c.setup.CompareAndSwap(old, &s) {
			return
		}
	}
}

// Swap replaces everything at once; the next request sees it. Requests under way end with what they began with. The caller
// closes the providers that are not in use any more. A chain that is [Disabled] stays so.
func (c *Chain) Swap(s Setup) {
	if c.disabled != nil {
		return
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	s.Providers = slices.Clone(s.Providers)
	c.setup.Store(&s)
	select {
	case c.swapped <- struct{}{}:
	default: // Run has not looked since the last one, and will see this one
	}
}

// Setup returns what the chain works with now; the zero value when authentication is off.
func (c *Chain) Setup() Setup {
	if c.disabled != nil {
		return Setup{}
	}
	s := *c.setup.Load()
	s.Providers = slices.Clone(s.Providers)
	return s
}

// Authenticate returns the identity proved by the values of the Authorization header. The caller's address is
// [ClientAddr] of ctx.
//
// The error is a *fault.Error: Unauthenticated whatever the defect, with the reason in its chain for the log;
// Unavailable if a provider could not decide and none accepted; Exhausted if there were too many failures from the
// caller's address; Canceled if the caller left.
func (c *Chain) Authenticate(ctx context.Context, header []string) (*Identity, error) {
	if c.disabled != nil {
		return &anyone, nil
	}
	token, err := Bearer(header)
	if err != nil {
		return nil, c.refused(ctx, c.setup.Load(), "", err)
	}
	return c.AuthenticateToken(ctx, token)
}

// AuthenticateToken is [Chain.Authenticate] for a credential that did not travel in an Authorization header.
func (c *Chain) AuthenticateToken(ctx context.Context, token Secret) (*Identity, error) {
	if c.disabled != nil {
		return &anyone, nil
	}
	s := c.setup.Load()
	var refused, outage error
	var method Method
	for _, p := range s.Providers {
		v, err := p.Authenticate(ctx, token)
		if err == nil && (v.networks != nil || v.bound != "") {
			err = v.usable(ctx)
		}
		if err == nil {
			a := v.under(s.Policy, &c.tally)
			a.uses.add()
			return &a.id, nil
		}
		if ctx.Err() != nil {
			return nil, fault.Wrap(fault.Canceled, "the request was canceled", err)
		}
		method = p.Method()
		if fault.KindOf(err) == fault.Unavailable {
			outage = join(outage, err)
		} else {
			refused = join(refused, err)
		}
	}
	if outage != nil {
		c.tally.refused(method, outage)
		return nil, unavailable(outage)
	}
	if refused == nil {
		refused = errNoProvider
	}
	return nil, c.refused(ctx, s, method, refused)
}

// errNoProvider is what an empty chain answers; authenv never builds one (A3).
var errNoProvider = errors.New("no method of authentication is configured")

// What a credential is refused for that is good in itself.
var (
	ErrNetwork = errors.New("credential may not be used from this address")                   // B27
	ErrBound   = errors.New("credential is bound to a key that the caller has not presented") // B31, B32
)

// refused counts a refusal, and returns the answer to it.
func (c *Chain) refused(ctx context.Context, s *Setup, m Method, reason error) error {
	last := reason
	if j, ok := reason.(interface{ Unwrap() []error }); ok { // what join made
		list := j.Unwrap()
		last = list[len(list)-1]
	}
	c.tally.refused(m, last)
	if s.Limits.FailuresPerSecond <= 0 || errors.Is(reason, ErrNoCredential) { // a missing one is no guess
		return invalidToken(reason)
	}
	wait, ok := c.limiter.fail(limitedAddr(ctx), s.Limits, s.Now())
	if ok {
		return invalidToken(reason)
	}
	c.tally.limited.Add(1)
	return &fault.Error{Kind: fault.Exhausted, Msg: "too many failed attempts to authenticate", Fix: "try again later", Err: reason, RetryAfter: wait}
}

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
	providers := c.Setup().Providers
	methods := make([]Method, 0, len(providers))
	for _, p := range providers {
		methods = append(methods, p.Method())
	}
	return methods
}

// Degraded lists what does not work as it should although requests may still be answered, one line each, for the detail
// of a readiness probe (B9); empty when all is well. It holds names of issuers and no causes.
func (c *Chain) Degraded() []string {
	var lines []string
	for _, p := range c.Setup().Providers {
		if d, ok := p.(interface{ Degraded() []string }); ok {
			lines = append(lines, d.Degraded()...)
		}
	}
	return lines
}

// runner is a provider with work of its own.
type runner interface {
	Run(ctx context.Context) error
}

// Run does what can be done ahead of requests, such as renewing key sets, until ctx ends. Optional: without it the same
// work is done when a request needs it. It returns nil when ctx ends.
func (c *Chain) Run(ctx context.Context) error {
	if c.disabled != nil {
		return c.disabled.run(ctx)
	}
	tick := time.NewTicker(statsEvery)
	defer tick.Stop()
	r := runners{ends: make(map[runner]context.CancelFunc)}
	for {
		s := c.setup.Load()
		r.follow(ctx, s.Providers)
		select {
		case <-ctx.Done():
			r.wg.Wait()
			return errors.Join(r.errs...)
		case <-c.swapped:
		case <-tick.C:
			c.logStats(ctx, s.Log)
		}
	}
}

// runners are the providers whose Run is under way.
type runners struct {
	ends map[runner]context.CancelFunc
	wg   sync.WaitGroup

	mu   sync.Mutex
	errs []error
}

// follow ends the Run of providers that are gone and starts that of new ones.
func (r *runners) follow(ctx context.Context, providers []Provider) {
	wanted := make(map[runner]bool)
	for _, p := range providers {
		if w, ok := p.(runner); ok {
			wanted[w] = true
		}
	}
	for w, end := range r.ends {
		if !wanted[w] {
			end()
			delete(r.ends, w)
		}
	}
	for w := range wanted {
		if r.ends[w] != nil {
			continue
		}
		child, end := context.WithCancel(ctx)
		r.ends[w] = end
		r.wg.Go(func() {
			defer end()
			if err := w.Run(child); err != nil {
				r.mu.Lock()
				r.errs = append(r.errs, err)
				r.mu.Unlock()
			}
		})
	}
}

// Close ends what the providers still have under way and waits for it. May be called twice.
func (c *Chain) Close() error {
	var errs []error
	for _, p := range c.Setup().Providers {
		if cl, ok := p.(io.Closer); ok {
			errs = append(errs, cl.Close())
		}
	}
	return errors.Join(errs...)
}
