// Package apikey recognises the keys of MICROMEGAS_API_KEYS.
//
// No key is kept. Each is stored as the HMAC-SHA-256, under a random key of this process, of its SHA-256, and looked up by
// it (B24): the time of a look-up depends on the number of bytes presented, not on how many of them are right, and a copy
// of the table is worth nothing without the process it came from. The inner hash is what a configuration may hold in the
// place of a key (B27).
//
// # Short ways
//
// Every token comes by here, so what is no key must be cheap. A bearer whose length no configured key has is refused at once;
// lengths are no secret. Where a key is known by its hash alone its length is unknown: then every bearer is looked at that
// is no JWT, so a key that looks like one (A34) has to be configured in clear.
//
// A key that was accepted is remembered under a short keyed digest (see package digest), as validated tokens are, because
// hashing the 684 characters that the documented recipe makes costs several times as much; so are the last few thousand
// bearers that were looked at and not accepted.
package apikey

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"hash"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/internal/digest"
)

// Why a key is refused; callers of the servers never see which.
var (
	ErrUnknown     = errors.New("no such API key")
	ErrExpired     = errors.New("API key has expired")      // B27
	ErrNotYetValid = errors.New("API key is not valid yet") // B27
)

// mostUnknown bounds the refused keys that are remembered.
const mostUnknown = 4096

// Options are what tests and programs may change.
type Options struct {
	Now func() time.Time // nil means time.Now
	Log *slog.Logger     // for keys that expire soon; nil discards
}

// Provider is an [auth.Provider].
type Provider struct {
	entries []*entry // in order of configuration
	lengths []bool   // by length in bytes: whether a key has it
	hashed  bool     // some key is known by its hash alone, so that any length may be one
	keys    map[[sha256.Size]byte]*entry
	hashes  sync.Pool // of *hasher
	now     func() time.Time
	log     *slog.Logger

	digester *digest.Digester
	mu       sync.RWMutex
	accepted map[digest.Sum]*entry   // at most one for each key
	unknown  map[digest.Sum]struct{} // at most mostUnknown
}

type entry struct {
	name      string
	hash      [sha256.Size]byte
	verified  *auth.Verified
	notBefore time.Time
	expires   time.Time // zero means never
}

// hasher is the memory of one look-up.
type hasher struct {
	mac hash.Hash // HMAC-SHA-256 under this process's key
	in  []byte
	sum [sha256.Size]byte
}

// New returns a provider that accepts keys; it keeps none of them. [auth.LoadConfig] has checked that they differ.
func New(keys []auth.APIKey) *Provider { return NewWith(keys, Options{}) }

// NewWith is [New] with options.
func NewWith(keys []auth.APIKey, o Options) *Provider {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // crypto/rand.Read never fails: it ends the program instead
	p := &Provider{
		keys:     make(map[[sha256.Size]byte]*entry, len(keys)),
		now:      o.Now,
		log:      o.Log,
		digester: digest.New(),
		accepted: make(map[digest.Sum]*entry),
		unknown:  make(map[digest.Sum]struct{}),
	}
	p.hashes.New = func() any { return &hasher{mac: hmac.New(sha256.New, secret[:])} }
	for _, k := range keys {
		p.add(k)
	}
	return p
}

func (p *Provider) add(k auth.APIKey) {
	e := &entry{name: k.Name, notBefore: k.NotBefore, expires: k.ExpiresAt}
	switch {
	case k.Key != "":
		e.hash = p.hash(k.Key)
		if n := len(k.Key); n >= len(p.lengths) {
			p.lengths = append(p.lengths, make([]bool, n+1-len(p.lengths))...)
		}
		p.lengths[len(k.Key)] = true
	case k.Hash != "":
		inner, err := hex.DecodeString(k.Hash)
		if err != nil || len(inner) != sha256.Size {
			return // the configuration has checked it
		}
		e.hash = p.outer([sha256.Size]byte(inner))
		p.hashed = true
	default:
		return // an empty bearer must never match (A24)
	}
	e.verified = auth.NewVerified(auth.Identity{
		Subject:     k.Name,
		Issuer:      auth.IssuerAPIKey,
		Expiry:      k.ExpiresAt,
		Method:      auth.MethodAPIKey,
		Roles:       k.Roles,
		Admin:       k.Admin,
		MayDelegate: k.MayDelegate,
	}).Within(k.Networks)
	p.keys[e.hash] = e
	p.entries = append(p.entries, e)
}

// Method returns [auth.MethodAPIKey].
func (p *Provider) Method() auth.Method { return auth.MethodAPIKey }

// Authenticate accepts token if it equals a configured key byte for byte (A36) whose time it is (B27).
func (p *Provider) Authenticate(_ context.Context, token auth.Secret) (*auth.Verified, error) {
	if !p.possible(string(token)) {
		return nil, ErrUnknown
	}
	sum := p.digester.Sum(string(token))
	p.mu.RLock()
	e := p.accepted[sum]
	unknown := false
	if e == nil {
		_, unknown = p.unknown[sum]
	}
	p.mu.RUnlock()
	switch {
	case e != nil:
		return p.inTime(e)
	case unknown:
		return nil, ErrUnknown
	}

	h := p.hash(token)
	e = p.keys[h]
	// The map has compared already, in a time that depends on the values; they are keyed hashes, of which nobody outside
	// can choose or predict a byte. The comparison that decides does not depend on them.
	if e == nil || subtle.ConstantTimeCompare(e.hash[:], h[:]) != 1 {
		p.rememberUnknown(sum)
		return nil, ErrUnknown
	}
	p.mu.Lock()
	p.accepted[sum] = e
	p.mu.Unlock()
	return p.inTime(e)
}

// possible reports whether token may be a key, as far as its form tells.
func (p *Provider) possible(token string) bool {
	if len(token) < len(p.lengths) && p.lengths[len(token)] {
		return true
	}
	return p.hashed && token != "" && !looksLikeJWT(token)
}

// looksLikeJWT reports whether token has three parts, the first of which begins as every JSON object in base64url does.
func looksLikeJWT(token string) bool {
	return strings.HasPrefix(token, "eyJ") && strings.Count(token, ".") == 2
}

func (p *Provider) rememberUnknown(sum digest.Sum) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.unknown) >= mostUnknown {
		clear(p.unknown)
	}
	p.unknown[sum] = struct{}{}
}

// inTime returns e's identity while the key is valid.
func (p *Provider) inTime(e *entry) (*auth.Verified, error) {
	if e.notBefore.IsZero() && e.expires.IsZero() {
		return e.verified, nil
	}
	now := p.now()
	if now.Before(e.notBefore) {
		return nil, &auth.Refusal{Err: ErrNotYetValid, Detail: e.name}
	}
	if !e.expires.IsZero() && !now.Before(e.expires) {
		return nil, &auth.Refusal{Err: ErrExpired, Detail: e.name}
	}
	return e.verified, nil
}

// hash returns the keyed hash under which a key is stored.
func (p *Provider) hash(key auth.Secret) [sha256.Size]byte {
	h := p.hashes.Get().(*hasher)
	defer p.hashes.Put(h)
	h.in = append(h.in[:0], key...)
	inner := sha256.Sum256(h.in)
	clear(h.in)
	return h.outer(inner)
}

func (p *Provider) outer(inner [sha256.Size]byte) [sha256.Size]byte {
	h := p.hashes.Get().(*hasher)
	defer p.hashes.Put(h)
	return h.outer(inner)
}

func (h *hasher) outer(inner [sha256.Size]byte) [sha256.Size]byte {
	h.mac.Reset()
	h.sum = inner
	_, _ = h.mac.Write(h.sum[:]) // a hash never fails
	h.mac.Sum(h.sum[:0])
	return h.sum
}
