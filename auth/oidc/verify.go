package oidc

import (
	"context"
	"slices"
	"time"
)

// settled is the age at which a key set may be out of date although it holds the token's kid: an issuer may reuse one.
const settled = time.Minute

// verify checks t's signature. It returns the key set used; nil when no keys could be had, and then the error says why.
func (p *Provider) verify(ctx context.Context, is *issuer, t *token) (*keySet, error) {
	set, fresh, err := is.keys(ctx)
	if err != nil {
		return nil, err
	}
	err = p.verifyWith(set, t)
	if err == nil || fresh || err == ErrAlgorithm { //nolint:errorlint // verifyWith returns bare sentinels
		return set, err
	}
	// B8: the issuer may have changed its keys.
	if err == ErrSignature && is.age(set) < settled { //nolint:errorlint // as above
		return set, err
	}
	newer, unavailable := is.refresh(ctx, set)
	if unavailable != nil {
		return nil, unavailable
	}
	if newer == set {
		return set, err // too early for another fetch
	}
	return newer, p.verifyWith(newer, t)
}

// verifyWith checks t's signature with the keys of set.
func (p *Provider) verifyWith(set *keySet, t *token) error {
	named := set.named(t.header.keyID)
	if len(named) == 0 {
		return ErrUnknownKey
	}
	alg := t.header.algorithm
	if !slices.Contains(set.algorithms, alg) {
		return ErrAlgorithm
	}
	sig := newSignature(t)
	tried := 0
	for _, k := range named {
		if !k.fits(alg) {
			continue
		}
		if tried++; tried > maxKeysTried {
			break
		}
		p.verifications.Add(1)
		if sig.by(k.public) {
			return nil
		}
	}
	return ErrSignature
}
