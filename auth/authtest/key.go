package authtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"maps"
	"sync"
)

// Key is a signing key of an issuer.
type Key struct {
	ID        string         // kid; may be changed before the key is published
	Algorithm string         // what it signs with by default
	Members   map[string]any // added to its JWK, or put in the place of what is there; [Omit] removes

	private crypto.Signer
}

// Omit in the place of a claim, a header field or a key's member leaves it out.
var Omit = omit{}

type omit struct{}

// made holds the private keys made so far: RSA keys take long to make, and nothing in tests depends on their being new.
var made = struct {
	sync.Mutex
	keys map[string]crypto.Signer
}{keys: map[string]crypto.Signer{}}

// NewKey returns a key for alg with kid id. Keys with equal alg and n are the same key pair within a process.
func NewKey(alg, id string, n int) *Key {
	kind := alg
	switch alg {
	case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512":
		kind = "RSA2048"
	}
	made.Lock()
	defer made.Unlock()
	name := fmt.Sprintf("%s/%d", kind, n)
	if made.keys[name] == nil {
		made.keys[name] = generate(kind)
	}
	return &Key{ID: id, Algorithm: alg, private: made.keys[name]}
}

// NewRSAKey returns an RS256 key of a size of your choice.
func NewRSAKey(id string, bits int) *Key {
	made.Lock()
	defer made.Unlock()
	name := fmt.Sprintf("RSA%d", bits)
	if made.keys[name] == nil {
		k, err := rsa.GenerateKey(rand.Reader, bits)
		must(err)
		made.keys[name] = k
	}
	return &Key{ID: id, Algorithm: "RS256", private: made.keys[name]}
}

func generate(kind string) crypto.Signer {
	var k crypto.Signer
	var err error
	switch kind {
	case "RSA2048":
		k, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		k, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		k, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ES512":
		k, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "EdDSA":
		_, k, err = ed25519.GenerateKey(rand.Reader)
	default:
		panic("authtest: no key for " + kind)
	}
	must(err)
	return k
}

func must(err error) {
	if err != nil {
		panic("authtest: " + err.Error())
	}
}

// JWK returns the public key as a JSON Web Key.
func (k *Key) JWK() map[string]any {
	b64 := base64.RawURLEncoding.EncodeToString
	m := map[string]any{"kid": k.ID, "alg": k.Algorithm, "use": "sig"}
	switch pub := k.private.Public().(type) {
	case *rsa.PublicKey:
		m["kty"], m["n"], m["e"] = "RSA", b64(pub.N.Bytes()), "AQAB"
	case *ecdsa.PublicKey:
		size := (pub.Curve.Params().BitSize + 7) / 8
		point, err := pub.Bytes() // 4, x, y
		must(err)
		m["kty"], m["crv"] = "EC", pub.Curve.Params().Name
		m["x"], m["y"] = b64(point[1:1+size]), b64(point[1+size:])
	case ed25519.PublicKey:
		m["kty"], m["crv"], m["x"] = "OKP", "Ed25519", b64(pub)
	}
	merge(m, k.Members)
	return m
}

// Public returns the public key.
func (k *Key) Public() crypto.PublicKey { return k.private.Public() }

// merge puts changes into m; [Omit] removes.
func merge(m, changes map[string]any) {
	maps.Copy(m, changes)
	for name, v := range m {
		if v == Omit {
			delete(m, name)
		}
	}
}
