package oidc

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/micromegas-go/micromegas/auth/internal/strictjson"
)

// Bounds on a key set (B2, B11). Larger RSA keys make each verification expensive.
const (
	maxKeys    = 100
	minRSABits = 2048
	maxRSABits = 8192
)

// keySet is the signing keys of an issuer at one time. Immutable.
type keySet struct {
	keys       []key
	algorithms []string // accepted from this issuer
	meta       *metadata
	fetched    time.Time
	expires    time.Time
	generation uint64 // counts the sets of an issuer
}

// key is a public key for signatures.
type key struct {
	id        string
	algorithm string // from the key set; empty means any that fits
	public    any    // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
}

// named returns the keys with id, which may be several; all of them when id is empty.
func (s *keySet) named(id string) []key {
	if id == "" {
		return s.keys
	}
	var named []key
	for _, k := range s.keys {
		if k.id == id {
			named = append(named, k)
		}
	}
	return named
}

// fits reports whether k can verify alg: the key decides, never the header alone (RFC 8725 section 3.1).
func (k key) fits(alg string) bool {
	if k.algorithm != "" && k.algorithm != alg {
		return false
	}
	switch pub := k.public.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(alg, "RS") || strings.HasPrefix(alg, "PS")
	case *ecdsa.PublicKey:
		// RFC 7518 section 3.4: each algorithm has its curve.
		switch alg {
		case "ES256":
			return pub.Curve == elliptic.P256()
		case "ES384":
			return pub.Curve == elliptic.P384()
		case "ES512":
			return pub.Curve == elliptic.P521()
		}
	case ed25519.PublicKey:
		return alg == "EdDSA"
	}
	return false
}

// parseKeySet reads a JSON Web Key Set (RFC 7517). Keys that cannot serve are skipped, with a reason each: they do not
// spoil the set (B3).
func parseKeySet(body []byte) (keys []key, skipped []string, err error) {
	o, err := strictjson.Object(body, maxDepth)
	if err != nil {
		return nil, nil, fmt.Errorf("key set: %w", err)
	}
	list, ok := o["keys"].([]any)
	if !ok {
		return nil, nil, errors.New(`key set: no array "keys"`)
	}
	if len(list) > maxKeys {
		return nil, nil, fmt.Errorf("key set: %d keys, more than %d", len(list), maxKeys)
	}
	for i, e := range list {
		k, err := parseKey(e)
		if err != nil {
			skipped = append(skipped, fmt.Sprintf("keys[%d]: %v", i, err))
			continue
		}
		keys = append(keys, k)
	}
	return keys, skipped, nil
}

// publicMembers are the members of a JWK that make its public key. Certificates (x5c) are left out: nothing of them is
// used, and an unusual one must not cost us the key.
var publicMembers = []string{"kty", "n", "e", "crv", "x", "y"}

func parseKey(v any) (key, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return key{}, errors.New("not an object")
	}
	var k key
	if k.id, ok = text(m, "kid"); !ok {
		return key{}, errors.New("kid is not a string")
	}
	if k.algorithm, ok = text(m, "alg"); !ok {
		return key{}, errors.New("alg is not a string")
	}
	// RFC 7517 section 4.2.
	if use, present := m["use"]; present && use != "sig" {
		return key{}, errors.New("not for signatures (use)")
	}
	// RFC 7517 section 4.3.
	if ops, present := m["key_ops"]; present {
		if list, ok := ops.([]any); !ok || !slices.Contains(list, any("verify")) {
			return key{}, errors.New("not for verifying (key_ops)")
		}
	}
	if kty, _ := m["kty"].(string); kty != "RSA" && kty != "EC" && kty != "OKP" {
		return key{}, errors.New("not a kind of public key we know (kty)")
	}
	public := map[string]any{}
	for _, name := range publicMembers {
		if v, ok := m[name]; ok {
			public[name] = v
		}
	}
	data, err := json.Marshal(public)
	if err != nil {
		return key{}, err
	}
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(data); err != nil {
		return key{}, err
	}
	k.public = jwk.Key
	switch pub := k.public.(type) {
	case *rsa.PublicKey:
		if bits := pub.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return key{}, fmt.Errorf("RSA key of %d bits", bits)
		}
	case *ecdsa.PublicKey, ed25519.PublicKey:
	default:
		return key{}, errors.New("not a public key we know")
	}
	return k, nil
}

// text returns the optional string called name; false if it is there and is no string.
func text(m map[string]any, name string) (string, bool) {
	v, present := m[name]
	s, ok := v.(string)
	return s, ok || !present
}
