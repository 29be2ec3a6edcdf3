package oidc

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/micromegas-go/micromegas/auth/internal/strictjson"
)

// token is a parsed, unverified token.
type token struct {
	raw       string
	signed    string // header and payload as received
	signature []byte
	header    header
	claims    map[string]any
	issuer    string // claims["iss"], to choose a configured issuer

	introspected bool // the claims are the issuer's own answer, not read from a token
}

// canonical is base64url without padding and without bits that decode to nothing: one signature, one spelling (A47).
var canonical = base64.RawURLEncoding.Strict()

// parse reads a token of three parts and applies the rules of its header. It returns what it could read also with an
// error, for the log.
func parse(raw string) (*token, error) {
	t := &token{raw: raw}
	parts := strings.SplitN(raw, ".", 3)
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		// The decoder of the standard library skips line breaks.
		if decoded[i], err = canonical.DecodeString(part); err != nil || len(decoded[i]) == 0 || strings.ContainsAny(part, "\r\n") {
			if i == 2 && part == "" {
				break // alg none: say so below
			}
			return t, ErrEncoding
		}
	}
	members, err := strictjson.Object(decoded[0], maxDepth)
	if err != nil {
		return t, fmt.Errorf("%w: %w", ErrHeader, err)
	}
	if t.header, err = readHeader(members); err != nil {
		return t, err
	}
	if len(decoded[2]) == 0 {
		return t, ErrUnsigned
	}
	if t.claims, err = strictjson.Object(decoded[1], maxDepth); err != nil {
		return t, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	t.signed, t.signature = raw[:len(raw)-len(parts[2])-1], decoded[2]
	t.issuer, _ = t.claims["iss"].(string)
	return t, nil
}
