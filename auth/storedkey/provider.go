package storedkey

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/internal/digest"
	"github.com/micromegas-go/micromegas/internal/fault"
)

const (
	// PollEvery is how often changes are asked for.
	PollEvery = 2 * time.Second
	// ChangesWithin is when a change has reached every process whose database answers (B28).
	ChangesWithin = 5 * time.Second

	// pollOverdue is when a request asks for changes itself, because Run is not running.
	pollOverdue = 2 * PollEvery
	pollTimeout = 2 * time.Second

	// mostLookUps at a time are the share of the database's connections that unknown keys may take.
	mostLookUps = 4
	// lookUpTimeout is how long a request waits for its turn, and then for the database.
	lookUpTimeout = 2 * time.Second

	// usePrecision is how exact the recorded time of use is within this process; what is written once a minute need not
	// be exact, and requests of one key should not fight over a cache line.
	usePrecision = time.Second
)

// Why a key is refused; callers of the servers never see which.
var (
	ErrUnknown     = errors.New("no such stored API key")
	ErrMistyped    = errors.New("stored API key has a wrong checksum") // B29
	ErrRevoked     = errors.New("stored API key is revoked")           // B28
	ErrExpired     = errors.New("stored API key has expired")          // B27
	ErrNotYetValid = errors.New("stored API key is not valid yet")     // B27
	ErrNoRoles     = errors.New("stored API key has no role that this program knows")
)

// Options are what programs and tests may change. The zero value works.
type Options struct {
	Keys     int              // most keys remembered; 0 means 10,000
	Refused  int              // most refused texts remembered; 0 means 10,000
	MaxStale time.Duration    // how long remembered keys serve while the database is out of reach; 0 means 10 minutes
	Now      func() time.Time // nil means time.Now
	Log      *slog.Logger     // nil discards
}

func (o Options) withDefaults() Options {
	if o.Keys <= 0 {
		o.Keys = 10_000
	}
	if o.Refused <= 0 {
		o.Refused = 10_000
	}
	if o.MaxStale <= 0 {
		o.MaxStale = 10 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Provider is an [auth.Provider] over a [Store].
type Provider struct {
	store    Store
	opts     Options
	digester *digest.Digester
	slots    chan struct{} // look-ups under way

	tried  atomic.Int64 // when the last poll began, in ns since 1970; 0 before the first
	polled atomic.Int64 // when the last poll that succeeded began
	count  counters

	polling sync.Mutex // held by the one who polls
	outage  bool       // whether the last poll failed

	writing sync.Mutex // held by the one who writes uses

	mu       sync.RWMutex
	revision int64 // up to which changes were seen; -1 before the first poll
	imported bool  // a text of any form may be a key
	accepted map[digest.Sum]*entry
	sums     map[uuid.UUID]digest.Sum // of accepted
	refused  map[digest.Sum]error
	unsaved  map[uuid.UUID]int64 // uses of keys that were forgotten before they were written
}

// entry is a key that was found and is not revoked.
type entry struct {
	key      Key
	verified *auth.Verified
	used     atomic.Int64 // in ns since 1970; 0 means not in this process
	written  int64        // the use that was written last; guarded by Provider.writing
}

// New returns a provider that has asked nothing yet.
func New(store Store, o Options) *Provider {
	o = o.withDefaults()
	return &Provider{
		store:    store,
		opts:     o,
		digester: digest.New(),
		slots:    make(chan struct{}, mostLookUps),
		revision: -1,
		accepted: make(map[digest.Sum]*entry),
		sums:     make(map[uuid.UUID]digest.Sum),
		refused:  make(map[digest.Sum]error),
		unsaved:  make(map[uuid.UUID]int64),
	}
}

// Method returns [auth.MethodAPIKey].
func (p *Provider) Method() auth.Method { return auth.MethodAPIKey }

// Authenticate accepts token if it is the text of a stored key that is not revoked and whose time it is.
func (p *Provider) Authenticate(ctx context.Context, token auth.Secret) (*auth.Verified, error) {
	if token == "" || len(token) > mostImported {
		return nil, ErrUnknown
	}
	now := p.opts.Now().UnixNano()
	if now-p.tried.Load() > int64(pollOverdue) && p.polling.TryLock() {
		p.pollLocked(ctx)
		p.polling.Unlock()
	}
	sum := p.digester.Sum(string(token))
	if v, err, known := p.remembered(sum, now); known {
		return v, err
	}
	switch formOf(string(token)) {
	case broken:
		return nil, ErrMistyped
	case foreign:
		if len(token) < leastImported || p.noneImported(now) {
			return nil, ErrUnknown
		}
	case minted:
	}
	return p.lookUp(ctx, token, sum)
}

// remembered answers from the caches.
func (p *Provider) remembered(sum digest.Sum, now int64) (v *auth.Verified, err error, known bool) {
	p.mu.RLock()
	e := p.accepted[sum]
	if e == nil {
		err = p.refused[sum]
	}
	p.mu.RUnlock()
	age := now - p.polled.Load()
	switch {
	case e != nil && age <= int64(p.opts.MaxStale):
		v, err := e.inTime(now)
		return v, err, true
	case err != nil && age < int64(ChangesWithin):
		if errors.Is(err, ErrRevoked) {
			p.count.revoked.Add(1)
		}
		return nil, err, true
	}
	return nil, nil, false
}

func (p *Provider) noneImported(now int64) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return !p.imported && p.revision >= 0 && now-p.polled.Load() <= int64(p.opts.MaxStale)
}

// inTime returns e's identity while the key is valid, and notes the use.
func (e *entry) inTime(now int64) (*auth.Verified, error) {
	if !e.key.NotBefore.IsZero() && now < e.key.NotBefore.UnixNano() {
		return nil, &auth.Refusal{Err: ErrNotYetValid, Detail: e.key.Name}
	}
	if !e.key.Expires.IsZero() && now >= e.key.Expires.UnixNano() {
		return nil, &auth.Refusal{Err: ErrExpired, Detail: e.key.Name}
	}
	if now-e.used.Load() >= int64(usePrecision) {
		e.used.Store(now)
	}
	return e.verified, nil
}

// lookUp asks the store.
func (p *Provider) lookUp(ctx context.Context, token auth.Secret, sum digest.Sum) (*auth.Verified, error) {
	limited, cancel := context.WithTimeout(ctx, lookUpTimeout)
	defer cancel()
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-limited.Done():
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p.count.lookUpErrors.Add(1)
		return nil, unavailable("too many unknown API keys are being looked up", nil)
	}
	now := p.opts.Now().UnixNano()
	if v, err, known := p.remembered(sum, now); known { // another request has found it meanwhile
		return v, err
	}
	p.count.lookUps.Add(1)
	k, revision, err := p.store.KeyByHash(limited, HashOf(token))
	switch {
	case err == nil:
	case errors.Is(err, ErrNotFound):
		return nil, p.refuse(sum, revision, ErrUnknown)
	case ctx.Err() != nil:
		return nil, err
	default:
		p.count.lookUpErrors.Add(1)
		return nil, unavailable("stored API keys are out of reach", err)
	}
	switch {
	case !k.Revoked.IsZero():
		p.count.revoked.Add(1)
		return nil, p.refuse(sum, revision, &auth.Refusal{Err: ErrRevoked, Detail: k.Name})
	case k.Roles == 0: // of a newer program: no roles must not come to mean all of the usual ones
		return nil, p.refuse(sum, revision, &auth.Refusal{Err: ErrNoRoles, Detail: k.Name})
	}
	return p.accept(sum, revision, k).inTime(now)
}

func unavailable(what string, cause error) error {
	return &fault.Error{Kind: fault.Unavailable, Msg: what, Err: cause, RetryAfter: PollEvery}
}

// accept remembers a key that was found in the snapshot of a revision.
func (p *Provider) accept(sum digest.Sum, revision int64, k Key) *entry {
	e := &entry{key: k, verified: auth.NewVerified(auth.Identity{
		Subject:     k.Name,
		Issuer:      auth.IssuerAPIKey,
		Expiry:      k.Expires,
		Method:      auth.MethodAPIKey,
		Roles:       k.Roles,
		Admin:       k.Roles&auth.RoleAdmin != 0,
		MayDelegate: k.MayDelegate,
	}).Within(k.Networks)}
	p.mu.Lock()
	defer p.mu.Unlock()
	if revision < p.revision {
		// A change was seen since, perhaps of this key. It is good for this request, which began before; its use is
		// written with those of keys that were forgotten.
		p.unsaved[k.ID] = max(p.unsaved[k.ID], p.opts.Now().UnixNano())
		return e
	}
	if known := p.accepted[sum]; known != nil {
		return known
	}
	if len(p.accepted) >= p.opts.Keys {
		for other, old := range p.accepted {
			p.forgetLocked(other, old)
			break
		}
	}
	p.accepted[sum], p.sums[k.ID] = e, sum
	return e
}

// refuse remembers that a text is no key, and returns reason.
func (p *Provider) refuse(sum digest.Sum, revision int64, reason error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if revision < p.revision {
		return reason
	}
	if len(p.refused) >= p.opts.Refused {
		clear(p.refused)
	}
	p.refused[sum] = reason
	return reason
}

func (p *Provider) forgetLocked(sum digest.Sum, e *entry) {
	delete(p.accepted, sum)
	delete(p.sums, e.key.ID)
	if used := e.used.Load(); used != 0 {
		p.unsaved[e.key.ID] = max(p.unsaved[e.key.ID], used)
	}
}
