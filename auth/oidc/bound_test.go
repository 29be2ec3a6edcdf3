package oidc

import (
	"crypto/x509"
	"errors"
	"testing"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/authtest"
)

// TestB31BoundTokens: a token that names a certificate needs the connection of that certificate, each time.
func TestB31BoundTokens(t *testing.T) {
	w := newWorld(t, nil)
	chain := auth.NewChain(nil, w.Provider)
	mine, theirs := &x509.Certificate{Raw: []byte("mine")}, &x509.Certificate{Raw: []byte("theirs")}
	bound := "Bearer " + string(w.sign(t, authtest.Claims{"cnf": map[string]any{"x5t#S256": auth.Thumbprint(mine)}}))
	plain := "Bearer " + string(w.sign(t, nil))
	for range 2 { // the second time it is remembered
		for name, tc := range map[string]struct {
			token string
			cert  *x509.Certificate
			ok    bool
		}{
			"B31 its certificate":           {bound, mine, true},
			"B31 another certificate":       {bound, theirs, false},
			"B31 no certificate":            {bound, nil, false},
			"B31 not bound, no certificate": {plain, nil, true},
			"B31 not bound, a certificate":  {plain, theirs, true},
		} {
			_, err := chain.Authenticate(auth.WithPeerCertificate(t.Context(), tc.cert), []string{tc.token})
			if (err == nil) != tc.ok || err != nil && !errors.Is(err, auth.ErrBound) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestB32BoundToWhatWeCannotCheck refuses stolen goods.
func TestB32BoundToWhatWeCannotCheck(t *testing.T) {
	w := newWorld(t, nil)
	for name, cnf := range map[string]any{
		"B32 DPoP":                 map[string]any{"jkt": "x"},
		"B32 DPoP and certificate": map[string]any{"jkt": "x", "x5t#S256": "y"},
		"B32 a key's name":         map[string]any{"kid": "x"},
		"B32 nothing":              map[string]any{},
		"B32 null":                 nil,
		"B32 a string":             "x",
		"B31 empty thumbprint":     map[string]any{"x5t#S256": ""},
		"B31 thumbprint, a number": map[string]any{"x5t#S256": 7},
	} {
		t.Run(name, func(t *testing.T) {
			w.mustRefuse(t, w.sign(t, authtest.Claims{"cnf": cnf}), auth.ErrBound)
		})
	}
}
