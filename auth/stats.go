package auth

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// Stats is a snapshot of what a [Chain] has done since the process started, for metrics (B37).
type Stats struct {
	Decisions []Decision // sorted
	Limited   uint64     // refusals answered with "too many" (B25)

	TokensCached    uint64 // tokens accepted without a validation of their own
	TokensValidated uint64 // tokens validated in full, whatever the result
	TokenEntries    int    // validated tokens remembered
	RefusalEntries  int    // refused tokens remembered

	Issuers []IssuerStats // in order of configuration

	KeysExpired   int       // configured API keys whose time is over
	NextKeyExpiry time.Time // of the configured API keys that are still valid; zero if none expires

	Reload ReloadStats
}

// Decision counts one kind of decision. Reason is empty for acceptances; Issuer is empty where it is not a configured one.
type Decision struct {
	Method Method
	Issuer string
	Reason string
	Count  uint64
}

// IssuerStats is the state of one issuer.
type IssuerStats struct {
	Issuer              string
	Keys                int           // usable signing keys; 0 before the first fetch
	KeyAge              time.Duration // since the key set was fetched; 0 before the first fetch
	Fetches             uint64        // of metadata and keys
	FetchErrors         uint64
	Introspections      uint64 // questions about tokens
	IntrospectionErrors uint64 // of them, those without an answer
}

// ReloadStats says which configuration is in use (B34).
type ReloadStats struct {
	Hash   string    // of the files in use, short; empty when nothing can be reloaded
	Since  time.Time // when it came into use
	Errors uint64    // configurations that were not taken since the start
}

// reporter is a provider that has something for [Stats].
type reporter interface{ AddStats(*Stats) }

// Stats returns a snapshot of the counters.
func (c *Chain) Stats() Stats {
	var s Stats
	c.tally.add(&s)
	setup := c.setup.Load()
	if setup == nil {
		return s
	}
	for _, p := range setup.Providers {
		if r, ok := p.(reporter); ok {
			r.AddStats(&s)
		}
	}
	for _, d := range s.Decisions {
		if d.Method == MethodOIDC && d.Reason == "" {
			s.TokensCached += d.Count
		}
	}
	s.TokensCached -= min(s.TokensCached, s.TokensValidated)
	if r := c.reload.Load(); r != nil {
		s.Reload = *r
	}
	return s
}

// SetReload records which configuration is in use, for [Chain.Stats].
func (c *Chain) SetReload(r ReloadStats) { c.reload.Store(&r) }

// logStats writes one line at debug (B37).
func (c *Chain) logStats(ctx context.Context, log *slog.Logger) {
	if log == nil || !log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	s := c.Stats()
	var accepted, refused, fetchErrors uint64
	for _, d := range s.Decisions {
		if d.Reason == "" {
			accepted += d.Count
		} else {
			refused += d.Count
		}
	}
	oldest := time.Duration(0)
	for _, is := range s.Issuers {
		fetchErrors += is.FetchErrors
		oldest = max(oldest, is.KeyAge)
	}
	log.DebugContext(ctx, "auth counters",
		"accepted", accepted, "refused", refused, "limited", s.Limited,
		"tokens_cached", s.TokensCached, "tokens_validated", s.TokensValidated, "token_entries", s.TokenEntries,
		"key_set_age_s", int64(oldest.Seconds()), "fetch_errors", fetchErrors, "keys_expired", s.KeysExpired)
}

// tally counts decisions.
type tally struct {
	limited atomic.Uint64

	mu       sync.Mutex
	uses     map[decision]*counter // acceptances
	refusals map[decision]uint64
}

type decision struct {
	method         Method
	issuer, reason string
}

// mostDecisions bounds the table of refusals; the reasons are our sentinels, so there are a few dozen.
const mostDecisions = 1000

// accepted returns the counter of acceptances by method and issuer, both of our configuration.
func (t *tally) accepted(m Method, issuer string) *counter {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := decision{method: m, issuer: issuer}
	c := t.uses[d]
	if c == nil {
		if t.uses == nil {
			t.uses = make(map[decision]*counter)
		}
		c = &counter{}
		t.uses[d] = c
	}
	return c
}

// refused counts a refusal by the method that had the last word.
func (t *tally) refused(m Method, err error) {
	d := decision{method: m, reason: sentinel(err)}
	if r, ok := errors.AsType[*Refusal](err); ok && r.Known {
		d.issuer = r.Issuer
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refusals == nil {
		t.refusals = make(map[decision]uint64)
	}
	if _, ok := t.refusals[d]; !ok && len(t.refusals) >= mostDecisions {
		d = decision{reason: "other"}
	}
	t.refusals[d]++
}

func (t *tally) add(s *Stats) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for d, c := range t.uses {
		s.Decisions = append(s.Decisions, Decision{Method: d.method, Issuer: d.issuer, Count: c.sum()})
	}
	for d, n := range t.refusals {
		s.Decisions = append(s.Decisions, Decision{Method: d.method, Issuer: d.issuer, Reason: d.reason, Count: n})
	}
	slices.SortFunc(s.Decisions, func(a, b Decision) int {
		return cmp.Or(cmp.Compare(a.Method, b.Method), cmp.Compare(a.Issuer, b.Issuer), cmp.Compare(a.Reason, b.Reason))
	})
	s.Limited = t.limited.Load()
}

// sentinel returns the constant text at the root of err: the rule that was broken. What wraps it may hold positions or
// addresses, of which there are any number.
func sentinel(err error) string {
	if fault.KindOf(err) == fault.Unavailable {
		return "unavailable"
	}
	for {
		switch e := err.(type) { //nolint:errorlint // this is the walk that errors.As would do
		case interface{ Unwrap() []error }:
			if list := e.Unwrap(); len(list) > 0 {
				err = list[0]
				continue
			}
		case interface{ Unwrap() error }:
			if inner := e.Unwrap(); inner != nil {
				err = inner
				continue
			}
		}
		return err.Error()
	}
}

// counter is a counter that many cores can add to at once.
type counter struct {
	stripes [8]struct {
		n atomic.Uint64
		_ [56]byte // a cache line each
	}
}

func (c *counter) add() { c.stripes[rand.Uint32()%uint32(len(c.stripes))].n.Add(1) } //nolint:gosec // chooses a stripe

func (c *counter) sum() (n uint64) {
	for i := range c.stripes {
		n += c.stripes[i].n.Load()
	}
	return n
}
