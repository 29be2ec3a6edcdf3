package oidc

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/internal/fault"
)

const (
	// shortestLife is the least life of a key set whatever Cache-Control says, so that max-age=0 costs no request per token.
	shortestLife = 30 * time.Second
	// staleWait is how long a request waits for a new key set while an old one could serve.
	staleWait = time.Second
	// A failed fetch is not repeated before firstBackoff; the time doubles up to mostBackoff (B10).
	firstBackoff = time.Second
	mostBackoff  = time.Minute
)

// issuer is one identity provider: its key set and how it is kept fresh.
type issuer struct {
	name       string
	entries    []auth.Issuer // at least one; they share what concerns keys
	life       time.Duration // of a key set
	maxStale   time.Duration
	minRefresh time.Duration
	client     *http.Client
	now        func() time.Time
	log        *slog.Logger

	introspector *introspector // nil when the issuer is not asked about tokens

	from  uint64        // the first generation of the provider that it belongs to
	until atomic.Uint64 // the first one that it does not belong to any more; 0 while there is none

	fetches, fetchErrors atomic.Uint64

	mu        sync.Mutex
	set       *keySet   // nil before the first success
	used      bool      // since set was fetched
	running   *fetch    // nil when none is in flight
	forced    time.Time // the last refresh for an unknown key
	failures  int       // since the last success
	lastErr   error     // of the last fetch; nil after a success
	retry     time.Time // no fetch before, after a failure
	closed    bool
	warned    time.Time          // of a token without its groups
	cancelRun context.CancelFunc // of running
	wg        sync.WaitGroup
}

// fetch is one in flight.
type fetch struct {
	done chan struct{} // closed when the issuer's fields hold the result
}

// fileLife is how long a key set from a file is used before the file is looked at again: that costs nothing.
const fileLife = 10 * time.Second

// newIssuer returns the issuer that entries, at least one, are about.
func newIssuer(entries []auth.Issuer, cfg auth.OIDC, o Options) *issuer {
	is := &issuer{
		name:       entries[0].Issuer,
		entries:    entries,
		life:       cfg.KeyRefresh,
		maxStale:   cfg.KeyMaxStale,
		minRefresh: cfg.KeyMinRefresh,
		client:     newClient(entries[0].RootCAs, false),
		now:        o.Now,
		log:        o.Log.With("issuer", entries[0].Issuer),
	}
	if entries[0].KeysFile != "" {
		is.life, is.minRefresh = min(is.life, fileLife), min(is.minRefresh, time.Second)
	}
	if in := entries[0].Introspection; in != nil {
		is.introspector = newIntrospector(*in, is)
	}
	return is
}

// belongsTo reports whether the provider of a generation has this issuer: one of the same name may have taken its place.
func (is *issuer) belongsTo(generation uint64) bool {
	until := is.until.Load()
	return is.from <= generation && (until == 0 || generation < until)
}

// keys returns a key set that may be used now. fresh says that it was fetched for this call.
func (is *issuer) keys(ctx context.Context) (set *keySet, fresh bool, err error) {
	is.mu.Lock()
	now := is.now()
	is.used = true
	set = is.set
	if set != nil && now.Before(set.expires) {
		is.mu.Unlock()
		return set, false, nil
	}
	stale := is.stale(now)
	if now.Before(is.retry) || is.closed {
		err := is.unavailableLocked(now)
		is.mu.Unlock()
		if stale {
			return set, false, nil
		}
		return nil, false, err
	}
	f := is.startLocked()
	is.mu.Unlock()

	var patience <-chan time.Time
	if stale {
		timer := time.NewTimer(staleWait)
		defer timer.Stop()
		patience = timer.C
	}
	select {
	case <-ctx.Done():
		return nil, false, ctx.Err()
	case <-patience:
		return set, false, nil
	case <-f.done:
	}

	is.mu.Lock()
	defer is.mu.Unlock()
	now = is.now()
	if is.lastErr == nil {
		return is.set, true, nil
	}
	if is.stale(now) {
		return is.set, false, nil
	}
	return nil, false, is.unavailableLocked(now)
}

// stale reports whether there is an expired key set that may still serve (B9). Needs is.mu.
func (is *issuer) stale(now time.Time) bool {
	return is.set != nil && now.Before(is.set.expires.Add(is.maxStale))
}

// refresh fetches a key set newer than seen because seen lacks a token's key, at most once in minRefresh (B8). It returns
// seen when it is too early, and an error when the issuer is out of reach.
func (is *issuer) refresh(ctx context.Context, seen *keySet) (*keySet, error) {
	is.mu.Lock()
	now := is.now()
	if is.set != seen {
		defer is.mu.Unlock()
		return is.set, nil // somebody else did
	}
	f := is.running
	if f == nil {
		if now.Before(is.retry) || is.closed {
			defer is.mu.Unlock()
			return nil, is.unavailableLocked(now)
		}
		if !is.forced.IsZero() && now.Sub(is.forced) < is.minRefresh {
			defer is.mu.Unlock()
			return seen, nil
		}
		is.forced = now
		f = is.startLocked()
	}
	is.mu.Unlock()

	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-f.done:
	}
	is.mu.Lock()
	defer is.mu.Unlock()
	if is.lastErr != nil {
		return nil, is.unavailableLocked(is.now())
	}
	return is.set, nil
}

// renew fetches ahead of need when the key set is in use and four fifths of its life are over.
func (is *issuer) renew() {
	is.mu.Lock()
	defer is.mu.Unlock()
	now := is.now()
	if is.set == nil || !is.used || is.closed || is.running != nil || now.Before(is.retry) {
		return
	}
	if now.Sub(is.set.fetched) < is.set.expires.Sub(is.set.fetched)*4/5 {
		return
	}
	is.startLocked()
}

// startLocked returns the fetch in flight, after starting it if there was none (A63).
func (is *issuer) startLocked() *fetch {
	if is.running != nil {
		return is.running
	}
	f := &fetch{done: make(chan struct{})}
	is.running = f
	// The fetch outlives the request that needs it first: others wait for it too.
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	is.cancelRun = cancel
	is.wg.Go(func() {
		defer close(f.done)
		defer cancel()
		set, maxAge, err := is.fetch(ctx)
		is.finish(set, maxAge, err)
	})
	return f
}

// finish records the result of a fetch; maxAge is how long it may be kept, negative when the issuer did not say.
func (is *issuer) finish(set *keySet, maxAge time.Duration, err error) {
	is.mu.Lock()
	defer is.mu.Unlock()
	is.running, is.cancelRun = nil, nil
	now := is.now()
	is.lastErr = err
	is.fetches.Add(1)
	if err != nil {
		is.fetchErrors.Add(1)
		is.failures++
		is.retry = now.Add(backoff(is.failures))
		if !errors.Is(err, context.Canceled) {
			is.log.Warn("auth keys of the issuer cannot be fetched",
				"err", auth.Printable(err.Error()), "failures", is.failures, "stale_keys_serve", is.stale(now))
		}
		return
	}
	if is.failures > 0 {
		is.log.Info("auth keys of the issuer can be fetched again", "failures", is.failures)
	}
	is.failures, is.retry = 0, time.Time{}
	set.fetched = now
	set.expires = now.Add(is.lifeOf(maxAge))
	if is.set != nil {
		set.generation = is.set.generation + 1
	}
	is.set, is.used = set, false
}

// backoff is how long to wait after a number of failures, with jitter: replicas must not come back together (B10).
func backoff(failures int) time.Duration {
	wait := min(firstBackoff<<min(failures-1, 10), mostBackoff)
	return wait*4/5 + rand.N(wait/5+1) //nolint:gosec // G404: jitter is no secret
}

// lifeOf shortens the configured life of a key set to what Cache-Control says, never lengthens it (B9).
func (is *issuer) lifeOf(maxAge time.Duration) time.Duration {
	if maxAge < 0 {
		return is.life
	}
	return min(is.life, max(maxAge, shortestLife))
}

// unavailableLocked is the answer while the issuer is out of reach.
func (is *issuer) unavailableLocked(now time.Time) error {
	cause := is.lastErr
	if is.closed {
		cause = ErrClosed
	}
	return &fault.Error{
		Kind:       fault.Unavailable,
		Msg:        "the keys of an issuer cannot be fetched",
		Err:        cause,
		RetryAfter: max(is.retry.Sub(now), time.Second),
	}
}

// current returns the generation of the key set.
func (is *issuer) current() uint64 {
	is.mu.Lock()
	defer is.mu.Unlock()
	if is.set == nil {
		return 0
	}
	return is.set.generation
}

// age returns how long ago set was fetched.
func (is *issuer) age(set *keySet) time.Duration { return is.now().Sub(set.fetched) }

func (is *issuer) close() {
	is.mu.Lock()
	is.closed = true
	if is.cancelRun != nil {
		is.cancelRun()
	}
	is.mu.Unlock()
	is.wg.Wait()
	is.client.CloseIdleConnections()
	if is.introspector != nil {
		is.introspector.client.CloseIdleConnections()
	}
}
