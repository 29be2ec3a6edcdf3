package authtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // registers the hash
	_ "crypto/sha512" // registers the hash
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"
)

// Claims are a token's payload.
type Claims map[string]any

// SignOption changes how a token is made.
type SignOption func(*signing)

type signing struct {
	key        *Key
	algorithm  string
	header     map[string]any
	rawHeader  string
	rawPayload string
	secret     []byte
	unsigned   bool
}

// With signs with k, published or not.
func With(k *Key) SignOption { return func(s *signing) { s.key = k } }

// Algorithm signs with alg, and says so in the header.
func Algorithm(alg string) SignOption { return func(s *signing) { s.algorithm = alg } }

// Header sets a header field; [Omit] removes one.
func Header(name string, value any) SignOption {
	return func(s *signing) { s.header[name] = value }
}

// RawHeader replaces the header with text, which need not be JSON.
func RawHeader(text string) SignOption { return func(s *signing) { s.rawHeader = text } }

// RawPayload replaces the payload with text, which need not be JSON.
func RawPayload(text string) SignOption { return func(s *signing) { s.rawPayload = text } }

// Secret signs with HMAC under secret, whatever the header says.
func Secret(secret []byte) SignOption { return func(s *signing) { s.secret = secret } }

// Unsigned leaves the signature empty.
func Unsigned() SignOption { return func(s *signing) { s.unsigned = true } }

// Sign returns a token with claims. What is missing of iss, aud, sub, iat and exp gets a good value; [Omit] leaves it out.
// Without options the issuer's current key signs.
func (i *Issuer) Sign(tb testing.TB, claims Claims, options ...SignOption) string {
	tb.Helper()
	token, err := i.sign(claims, options...)
	if err != nil {
		tb.Fatalf("authtest: sign: %v", err)
	}
	return token
}

func (i *Issuer) sign(claims Claims, options ...SignOption) (string, error) {
	now := i.Clock.Now()
	payload := map[string]any{
		"iss": i.URL(), "aud": i.Audience, "sub": "alice",
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	merge(payload, claims)

	s := signing{key: i.Key(), header: map[string]any{}}
	for _, o := range options {
		o(&s)
	}
	if s.algorithm == "" {
		s.algorithm = s.key.Algorithm
	}
	header := map[string]any{"alg": s.algorithm, "typ": "JWT", "kid": s.key.ID}
	if s.key.ID == "" {
		delete(header, "kid")
	}
	merge(header, s.header)

	head, err := part(header, s.rawHeader)
	if err != nil {
		return "", err
	}
	body, err := part(payload, s.rawPayload)
	if err != nil {
		return "", err
	}
	input := head + "." + body
	if s.unsigned {
		return input + ".", nil
	}
	signature, err := s.sign([]byte(input))
	if err != nil {
		return "", err
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

func part(v any, raw string) (string, error) {
	data := []byte(raw)
	if raw == "" {
		var err error
		if data, err = json.Marshal(v); err != nil {
			return "", err
		}
	}
	return base64.RawURLEncoding.EncodeToString(data), nil
}

func (s *signing) sign(input []byte) ([]byte, error) {
	hash := crypto.SHA256
	switch s.algorithm[max(0, len(s.algorithm)-3):] {
	case "384":
		hash = crypto.SHA384
	case "512":
		hash = crypto.SHA512
	}
	if s.secret != nil {
		mac := hmac.New(hash.New, s.secret)
		_, _ = mac.Write(input) // a hash never fails
		return mac.Sum(nil), nil
	}
	h := hash.New()
	_, _ = h.Write(input) // a hash never fails
	sum := h.Sum(nil)
	switch k := s.key.private.(type) {
	case *rsa.PrivateKey:
		if s.algorithm[0] == 'P' {
			return rsa.SignPSS(rand.Reader, k, hash, sum, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
		return rsa.SignPKCS1v15(rand.Reader, k, hash, sum)
	case *ecdsa.PrivateKey:
		r, v, err := ecdsa.Sign(rand.Reader, k, sum)
		if err != nil {
			return nil, err
		}
		size := (k.Curve.Params().BitSize + 7) / 8
		out := make([]byte, 2*size)
		r.FillBytes(out[:size])
		v.FillBytes(out[size:])
		return out, nil
	default: // Ed25519 signs the message itself
		return k.Sign(rand.Reader, input, crypto.Hash(0))
	}
}
