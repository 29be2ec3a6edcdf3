package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"errors"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const audience = "https://lake.example/zitadel"

// client is what distinguishes the clients: the audience of their tokens and how long these live.
type client struct {
	Secret   string        `json:"secret"`
	Audience string        `json:"audience"`
	ttl      time.Duration // below zero makes tokens that have expired
}

func clients() map[string]client {
	return map[string]client{
		"service":   {rand.Text(), audience, time.Hour},
		"expired":   {rand.Text(), audience, -time.Minute},
		"elsewhere": {rand.Text(), "https://elsewhere.example/api", time.Hour},
	}
}

// store is the example's storage with clients of its own, tokens that are JWTs, and keys that change.
type store struct {
	*storage.Storage

	clients map[string]client

	mu  sync.Mutex
	key key
}

var _ op.ClientCredentialsStorage = (*store)(nil)

var errClient = errors.New("wrong client or secret")

// ClientCredentials implements [op.ClientCredentialsStorage].
func (s *store) ClientCredentials(ctx context.Context, id, secret string) (op.Client, error) {
	c, ok := s.clients[id]
	if !ok || subtle.ConstantTimeCompare([]byte(secret), []byte(c.Secret)) != 1 {
		return nil, errClient
	}
	example, err := s.Storage.ClientCredentials(ctx, "sid1", "verysecret")
	return jwtClient{example, id}, err
}

// ClientCredentialsTokenRequest implements [op.ClientCredentialsStorage].
func (s *store) ClientCredentialsTokenRequest(_ context.Context, id string, scopes []string) (op.TokenRequest, error) {
	return &oidc.JWTTokenRequest{Subject: id, Audience: []string{s.clients[id].Audience}, Scopes: scopes}, nil
}

// CreateAccessToken implements [op.Storage].
func (s *store) CreateAccessToken(ctx context.Context, request op.TokenRequest) (string, time.Time, error) {
	id, _, err := s.Storage.CreateAccessToken(ctx, request)
	return id, time.Now().Add(s.clients[request.GetSubject()].ttl), err
}

// SigningKey implements [op.Storage].
func (s *store) SigningKey(context.Context) (op.SigningKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return signingKey{s.key}, nil
}

// KeySet implements [op.Storage].
func (s *store) KeySet(context.Context) ([]op.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return []op.Key{s.key}, nil
}

func (s *store) rotate() error {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key = key{rand.Text(), private}
	return nil
}

// jwtClient is a client of the example under another name, whose access tokens are JWTs.
type jwtClient struct {
	op.Client
	id string
}

func (c jwtClient) GetID() string                     { return c.id }
func (jwtClient) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }

// key implements [op.Key] with the public half.
type key struct {
	id      string
	private *rsa.PrivateKey
}

func (k key) ID() string                       { return k.id }
func (key) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (key) Use() string                        { return "sig" }
func (k key) Key() any                         { return &k.private.PublicKey }

// signingKey implements [op.SigningKey].
type signingKey struct{ key }

func (signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k signingKey) Key() any                                  { return k.private }
