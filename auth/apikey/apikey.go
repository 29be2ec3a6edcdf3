// Package apikey recognises the keys of MICROMEGAS_API_KEYS.
//
// No key is kept. Each is stored as its HMAC-SHA-256 under a random key of this process, and looked up by it (B24):
// the time of a look-up depends on the number of bytes presented, not on how many of them are right, and a copy of the
// table is worth nothing without the process it came from. A presented key whose length no configured key has is
// refused at once; lengths are no secret.
//
// A key that was accepted is remembered under a short keyed digest (see package digest), as validated tokens are, because
// the HMAC of the 684 characters that the documented recipe makes costs several times as much.
package apikey

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"hash"
	"sync"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/internal/digest"
)

// ErrUnknown says that no configured key equals the one presented.
var ErrUnknown = errors.New("no such API key")

// Provider is an [auth.Provider].
type Provider struct {
	lengths []bool // by length in bytes: whether a key has it
	keys    map[[sha256.Size]byte]*entry
	hashes  sync.Pool // of hash.Hash: HMAC-SHA-256 under this process's key

	digester *digest.Digester
	mu       sync.RWMutex
	accepted map[digest.Sum]*entry // at most one for each key
}

type entry struct {
	hash     [sha256.Size]byte
	verified *auth.Verified
}

// New returns a provider that accepts keys; it keeps none of them. [auth.LoadConfig] has checked that they differ.
func New(keys []auth.APIKey) *Provider {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // crypto/rand.Read never fails: it ends the program instead
	p := &Provider{
		keys:     make(map[[sha256.Size]byte]*entry, len(keys)),
		digester: digest.New(),
		accepted: make(map[digest.Sum]*entry),
	}
	p.hashes.New = func() any { return hmac.New(sha256.New, secret[:]) }
	for _, k := range keys {
		if k.Key == "" {
			continue // an empty bearer must never match (A24)
		}
		e := &entry{hash: p.hash(k.Key), verified: auth.NewVerified(auth.Identity{
			Subject:     k.Name,
			Issuer:      auth.IssuerAPIKey,
			Method:      auth.MethodAPIKey,
			Admin:       k.Admin,
			MayDelegate: k.MayDelegate,
		})}
		p.keys[e.hash] = e
		if n := len(k.Key); n >= len(p.lengths) {
			p.lengths = append(p.lengths, make([]bool, n+1-len(p.lengths))...)
		}
		p.lengths[len(k.Key)] = true
	}
	return p
}

// Method returns [auth.MethodAPIKey].
func (p *Provider) Method() auth.Method { return auth.MethodAPIKey }

// Authenticate accepts token if it equals a configured key byte for byte (A36).
func (p *Provider) Authenticate(_ context.Context, token auth.Secret) (*auth.Verified, error) {
	if len(token) >= len(p.lengths) || !p.lengths[len(token)] {
		return nil, ErrUnknown
	}
	sum := p.digester.Sum(string(token))
	p.mu.RLock()
	e := p.accepted[sum]
	p.mu.RUnlock()
	if e != nil {
		return e.verified, nil
	}

	h := p.hash(token)
	e = p.keys[h]
	// The map has compared already, in a time that depends on the values; they are keyed hashes, of which nobody outside
	// can choose or predict a byte. The comparison that decides does not depend on them.
	if e == nil || subtle.ConstantTimeCompare(e.hash[:], h[:]) != 1 {
		return nil, ErrUnknown
	}
	p.mu.Lock()
	p.accepted[sum] = e
	p.mu.Unlock()
	return e.verified, nil
}

// hash returns the keyed hash under which a key is stored.
func (p *Provider) hash(key auth.Secret) (sum [sha256.Size]byte) {
	h := p.hashes.Get().(hash.Hash)
	defer p.hashes.Put(h)
	h.Reset()
	_, _ = h.Write([]byte(key)) // a hash never fails
	h.Sum(sum[:0])
	return sum
}
