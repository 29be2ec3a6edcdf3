package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha256" // registers the hash
	_ "crypto/sha512" // registers the hash
	"math/big"
)

// signature is what a token's signature is checked with. The hash is computed once, however many keys are tried.
type signature struct {
	algorithm string
	input     []byte // the bytes that are signed, exactly as received (RFC 7515 section 5.2)
	bytes     []byte
	hash      crypto.Hash // 0 for EdDSA, which signs the input itself
	sum       []byte
}

// hashOf returns the hash of an algorithm (RFC 7518 section 3.1); 0 for EdDSA.
func hashOf(algorithm string) crypto.Hash {
	switch algorithm {
	case "RS256", "PS256", "ES256":
		return crypto.SHA256
	case "RS384", "PS384", "ES384":
		return crypto.SHA384
	case "RS512", "PS512", "ES512":
		return crypto.SHA512
	}
	return 0
}

func newSignature(t *token) *signature {
	s := &signature{algorithm: t.header.algorithm, input: []byte(t.signed), bytes: t.signature, hash: hashOf(t.header.algorithm)}
	if s.hash != 0 {
		h := s.hash.New()
		_, _ = h.Write(s.input) // a hash never fails
		s.sum = h.Sum(nil)
	}
	return s
}

// by reports whether key, which fits the algorithm, made the signature.
func (s *signature) by(key any) bool {
	switch pub := key.(type) {
	case *rsa.PublicKey:
		if s.algorithm[0] == 'P' {
			// RFC 7518 section 3.5: the salt is as long as the hash.
			return rsa.VerifyPSS(pub, s.hash, s.sum, s.bytes, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return rsa.VerifyPKCS1v15(pub, s.hash, s.sum, s.bytes) == nil
	case *ecdsa.PublicKey:
		// RFC 7518 section 3.4: both numbers in full length, so that a signature has one spelling.
		size := (pub.Curve.Params().BitSize + 7) / 8
		if len(s.bytes) != 2*size {
			return false
		}
		r, v := new(big.Int).SetBytes(s.bytes[:size]), new(big.Int).SetBytes(s.bytes[size:])
		return ecdsa.Verify(pub, s.sum, r, v)
	case ed25519.PublicKey:
		return ed25519.Verify(pub, s.input, s.bytes)
	}
	return false
}
