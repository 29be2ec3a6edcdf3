package oidc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/micromegas-go/micromegas/auth"
)

// AddStats adds what is known about tokens and issuers to s (B37).
func (p *Provider) AddStats(s *auth.Stats) {
	s.TokensValidated += p.validated.Load()
	s.TokenEntries += p.accepted.len()
	s.RefusalEntries += p.refused.len()
	for _, is := range p.order {
		st := auth.IssuerStats{Issuer: is.name, Fetches: is.fetches.Load(), FetchErrors: is.fetchErrors.Load()}
		is.mu.Lock()
		if is.set != nil {
			st.Keys, st.KeyAge = len(is.set.keys), is.now().Sub(is.set.fetched)
		}
		is.mu.Unlock()
		if in := is.introspector; in != nil {
			st.Introspections, st.IntrospectionErrors = in.questions.Load(), in.errors.Load()
		}
		s.Issuers = append(s.Issuers, st)
	}
}

// Degraded lists the issuers whose keys cannot be fetched (B9). The causes are in the log.
func (p *Provider) Degraded() []string {
	var lines []string
	for _, is := range p.order {
		if line := is.degraded(); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

func (is *issuer) degraded() string {
	is.mu.Lock()
	defer is.mu.Unlock()
	if is.lastErr == nil || errors.Is(is.lastErr, context.Canceled) {
		return ""
	}
	if is.set == nil {
		return fmt.Sprintf("keys of issuer %s cannot be fetched: its tokens are not accepted", is.name)
	}
	now := is.now()
	age := now.Sub(is.set.fetched).Round(time.Second)
	if now.Before(is.set.expires) || is.stale(now) {
		return fmt.Sprintf("keys of issuer %s cannot be fetched: those in use are %v old", is.name, age)
	}
	return fmt.Sprintf("keys of issuer %s cannot be fetched: the last ones are %v old, its tokens are not accepted", is.name, age)
}
