package apikey

import (
	"context"
	"time"

	"github.com/micromegas-go/micromegas/auth"
)

const (
	// soon is how long before its end a key is warned about (B27).
	soon = 14 * 24 * time.Hour
	// remindEvery is how often.
	remindEvery = 24 * time.Hour
)

// Run warns of keys that expire soon or have expired, at once and every day, until ctx ends.
func (p *Provider) Run(ctx context.Context) error {
	tick := time.NewTicker(remindEvery)
	defer tick.Stop()
	for {
		p.remind(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (p *Provider) remind(ctx context.Context) {
	now := p.now()
	for _, e := range p.entries {
		switch left := e.expires.Sub(now); {
		case e.expires.IsZero() || left > soon:
		case left <= 0:
			p.log.WarnContext(ctx, "auth key has expired and is refused", "key_name", auth.Printable(e.name), "expired_at", e.expires)
		default:
			p.log.WarnContext(ctx, "auth key expires soon", "key_name", auth.Printable(e.name), "expires_at", e.expires, "days_left", int(left/(24*time.Hour)))
		}
	}
}

// AddStats adds what is known about the keys to s (B37).
func (p *Provider) AddStats(s *auth.Stats) {
	now := p.now()
	for _, e := range p.entries {
		switch {
		case e.expires.IsZero():
		case !now.Before(e.expires):
			s.KeysExpired++
		case s.NextKeyExpiry.IsZero() || e.expires.Before(s.NextKeyExpiry):
			s.NextKeyExpiry = e.expires
		}
	}
}
