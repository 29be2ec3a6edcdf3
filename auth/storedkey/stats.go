package storedkey

import (
	"sync/atomic"
	"time"

	"github.com/micromegas-go/micromegas/auth"
)

type counters struct {
	lookUps, lookUpErrors, polls, pollErrors, revoked atomic.Uint64
}

// Stats is a snapshot of what a [Provider] has done, for metrics (B28, B37).
type Stats struct {
	Keys         int // remembered
	Refused      int // texts remembered as no keys
	Revision     int64
	Polled       time.Time // when the last poll that succeeded began; zero before
	LookUps      uint64
	LookUpErrors uint64
	Polls        uint64
	PollErrors   uint64
	Revoked      uint64 // refusals of keys that are revoked
}

// Stats returns a snapshot of the counters.
func (p *Provider) Stats() Stats {
	p.mu.RLock()
	defer p.mu.RUnlock()
	s := Stats{
		Keys: len(p.accepted), Refused: len(p.refused), Revision: p.revision,
		LookUps: p.count.lookUps.Load(), LookUpErrors: p.count.lookUpErrors.Load(),
		Polls: p.count.polls.Load(), PollErrors: p.count.pollErrors.Load(), Revoked: p.count.revoked.Load(),
	}
	if at := p.polled.Load(); at != 0 {
		s.Polled = time.Unix(0, at)
	}
	return s
}

// AddStats adds what is known about the keys in use to s (B37).
func (p *Provider) AddStats(s *auth.Stats) {
	now := p.opts.Now()
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, e := range p.accepted {
		switch end := e.key.Expires; {
		case end.IsZero():
		case !now.Before(end):
			s.KeysExpired++
		case s.NextKeyExpiry.IsZero() || end.Before(s.NextKeyExpiry):
			s.NextKeyExpiry = end
		}
	}
}

// Degraded tells when the database has not answered for longer than [ChangesWithin] (B9's lines of readiness).
func (p *Provider) Degraded() []string {
	tried, polled := p.tried.Load(), p.polled.Load()
	switch {
	case tried == 0 || p.opts.Now().UnixNano()-polled <= int64(ChangesWithin):
		return nil
	case polled == 0:
		return []string{"stored API keys: no answer from the catalog yet"}
	}
	return []string{"stored API keys: no answer from the catalog since " + time.Unix(0, polled).UTC().Format(time.RFC3339)}
}
