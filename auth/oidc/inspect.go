package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/internal/fault"
)

// Inspection is what a server finds when it asks an issuer for its keys.
type Inspection struct {
	Discovery    error          // why the keys are nowhere to be found; nil also when the configuration says where they are
	KeysURL      string         // empty when they are in a file
	KeySet       error          // why there are no keys; nil also when Discovery is not
	Keys         []PublishedKey // that could be read
	Skipped      []string       // keys that cannot serve, with the reason each
	Algorithms   []string       // accepted from this issuer
	Asked        bool           // whether the issuer was asked about a made-up token, because introspection is configured
	Endpoint     string         // of introspection, as far as it is known
	Introspected error          // why it did not answer
}

// PublishedKey is a key of an issuer.
type PublishedKey struct {
	ID        string
	Kind      string   // "RSA 2048", "EC P-256" or "Ed25519"
	Algorithm string   // that it is published for; may be empty
	Accepts   []string // the accepted algorithms that it can verify; none: it is of no use
}

// InspectOptions are what an inspection adds to what servers do.
type InspectOptions struct {
	Now  func() time.Time                          // nil means time.Now
	Wrap func(http.RoundTripper) http.RoundTripper // sees each request to the issuer; nil changes nothing
}

// Inspect asks the issuer that entries, at least one, are about as a server does when its first token arrives, and reports
// each step. With introspection it also asks about a token that no issuer has made.
func Inspect(ctx context.Context, entries []auth.Issuer, cfg auth.OIDC, o InspectOptions) Inspection {
	if o.Now == nil {
		o.Now = time.Now
	}
	is := newIssuer(entries, cfg, Options{Now: o.Now, Log: slog.New(slog.DiscardHandler)})
	defer is.close()
	if o.Wrap != nil {
		is.client.Transport = o.Wrap(is.client.Transport)
		if is.introspector != nil {
			is.introspector.client.Transport = o.Wrap(is.introspector.client.Transport)
		}
	}
	var found Inspection
	found.keys(ctx, is)
	if is.introspector != nil && found.Discovery == nil {
		found.ask(ctx, is)
	}
	return found
}

func (found *Inspection) keys(ctx context.Context, is *issuer) {
	meta, err := is.discover(ctx)
	if err != nil {
		found.Discovery = err
		return
	}
	found.KeysURL = meta.keysURL
	found.Algorithms = is.algorithms(meta)
	set, skipped, maxAge, err := is.fetchKeys(ctx, meta)
	if err != nil {
		found.KeySet = err
		return
	}
	found.Skipped = skipped
	for _, k := range set.keys {
		found.Keys = append(found.Keys, k.published(set.algorithms))
	}
	is.finish(set, maxAge, nil) // the question about a token needs what discovery said
}

func (k key) published(algorithms []string) PublishedKey {
	p := PublishedKey{ID: k.id, Algorithm: k.algorithm}
	switch pub := k.public.(type) {
	case *rsa.PublicKey:
		p.Kind = fmt.Sprintf("RSA %d", pub.N.BitLen())
	case *ecdsa.PublicKey:
		p.Kind = "EC " + pub.Curve.Params().Name
	case ed25519.PublicKey:
		p.Kind = "Ed25519"
	}
	for _, a := range algorithms {
		if k.fits(a) {
			p.Accepts = append(p.Accepts, a)
		}
	}
	return p
}

func (found *Inspection) ask(ctx context.Context, is *issuer) {
	in := is.introspector
	found.Asked = true
	if found.KeySet != nil && in.cfg.Endpoint == "" {
		found.Introspected = found.KeySet
		return
	}
	found.Endpoint, _, _ = in.where(ctx) // ask fails for the same reason
	switch _, err := in.ask(ctx, "made-up-"+rand.Text()); {
	case errors.Is(err, ErrInactive): // as it should be
	case err == nil:
		found.Introspected = errors.New("the issuer calls a made-up token active")
	case fault.KindOf(err) == fault.Unavailable && errors.Unwrap(err) != nil:
		found.Introspected = errors.Unwrap(err)
	default:
		found.Introspected = err
	}
}
