package oidc

import (
	"slices"
	"strings"

	"github.com/micromegas-go/micromegas/auth"
)

// header is what we use of a token's header. What could name or hold a key (jwk, jku, x5u, x5c) is not among it and is
// never looked at (B3).
type header struct {
	algorithm string
	keyID     string // empty when absent
	access    bool   // typ says that it is an access token (RFC 9068)
}

// readHeader applies the rules of the header, before the payload is read and without any network traffic.
func readHeader(members map[string]any) (header, error) {
	var h header
	h.keyID, _ = members["kid"].(string)
	h.algorithm, _ = members["alg"].(string)

	// RFC 7515 section 4.1.11: a critical extension that is not understood refuses the token; we understand none.
	if _, ok := members["crit"]; ok {
		return h, ErrCritical
	}
	// RFC 7797 section 7: JWTs do not use b64; b64=false would change what the signature covers.
	if _, ok := members["b64"]; ok {
		return h, ErrCritical
	}
	// RFC 7516 section 4.1.2: only JWEs have enc.
	if _, ok := members["enc"]; ok {
		return h, ErrEncrypted
	}
	// RFC 7519 section 5.2: the payload is another token.
	if cty, ok := members["cty"]; ok {
		if s, isText := cty.(string); !isText || strings.EqualFold(s, "JWT") || strings.EqualFold(s, "application/jwt") {
			return h, ErrNested
		}
	}
	// RFC 8725 section 3.2 and RFC 7518 section 3.6.
	if strings.EqualFold(h.algorithm, "none") {
		return h, ErrUnsigned
	}
	// RFC 8725 section 2.1: a public key must never serve as a shared secret.
	if len(h.algorithm) >= 2 && strings.EqualFold(h.algorithm[:2], "HS") {
		return h, ErrSymmetric
	}
	// RFC 8725 section 3.1.
	if !slices.Contains(auth.Algorithms(), h.algorithm) {
		return h, ErrAlgorithm
	}
	// RFC 7515 section 4.1.4: kid is a string.
	if kid, ok := members["kid"]; ok {
		if _, isText := kid.(string); !isText {
			return h, ErrHeader
		}
	}
	// RFC 8725 section 3.11: an explicit type other than ours was made for another purpose (logout, DPoP, events).
	if typ, ok := members["typ"]; ok {
		s, isText := typ.(string)
		switch {
		case !isText:
			return h, ErrType
		case strings.EqualFold(s, "JWT"):
		case strings.EqualFold(s, "at+jwt"), strings.EqualFold(s, "application/at+jwt"):
			h.access = true
		default:
			return h, ErrType
		}
	}
	return h, nil
}
