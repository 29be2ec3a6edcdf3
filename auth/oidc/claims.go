package oidc

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/micromegas-go/micromegas/auth"
)

// checkClaims applies the rules of the claims to a token whose signature holds, and returns whom it identifies.
// entries are the configuration entries of its issuer; the first whose audience matches lends its rules.
func checkClaims(t *token, entries []auth.Issuer, cfg auth.OIDC, now time.Time) (auth.Identity, error) {
	c := t.claims

	// OpenID Connect Core section 3.1.3.7 no. 2. The issuer was looked up by this value, so it is equal byte for byte.
	if t.issuer != entries[0].Issuer {
		return auth.Identity{}, ErrIssuer
	}
	// No. 3: aud holds an audience of ours.
	received, ok := audiences(c["aud"])
	if !ok {
		return auth.Identity{}, ErrAudience
	}
	entry, audience, ok := matchAudience(entries, received)
	if !ok {
		return auth.Identity{}, &auth.Refusal{Err: ErrAudience, Detail: audienceDetail(entries, received)}
	}
	// No. 5: who may use a token that has several audiences (B7).
	if azp, ok := c["azp"]; ok && len(received) > 1 && entry.AuthorizedParties != nil {
		if s, isText := azp.(string); !isText || !slices.Contains(entry.AuthorizedParties, s) {
			return auth.Identity{}, ErrParty
		}
	}
	// No. 9, RFC 7519 section 4.1.4: exp is required. There is no leeway unless it is configured. An issuer that is asked
	// need not say (RFC 7662 section 2.2): that it calls the token active is enough for as long as the answer is good.
	exp, ok := numericDate(c["exp"])
	if _, present := c["exp"]; !ok && (present || !t.introspected) {
		return auth.Identity{}, ErrExpiry
	}
	if ok && !now.Before(exp.Add(cfg.ExpiryLeeway)) {
		return auth.Identity{}, &auth.Refusal{Err: ErrExpired, Detail: "at " + exp.UTC().Format(time.RFC3339)}
	}
	// RFC 7519 section 4.1.5.
	if v, ok := c["nbf"]; ok {
		nbf, ok := numericDate(v)
		if !ok {
			return auth.Identity{}, ErrTime
		}
		if nbf.After(now.Add(cfg.ClockSkew)) {
			return auth.Identity{}, ErrNotYetValid
		}
	}
	// RFC 7519 section 4.1.6; refusing the future is ours (B5).
	iat, issued := time.Time{}, false
	if v, ok := c["iat"]; ok {
		if iat, issued = numericDate(v); !issued {
			return auth.Identity{}, ErrTime
		}
		if iat.After(now.Add(cfg.ClockSkew)) {
			return auth.Identity{}, ErrIssuedLater
		}
	}
	if entry.MaxTokenAge > 0 && (!issued || now.Sub(iat) > entry.MaxTokenAge+cfg.ClockSkew) {
		return auth.Identity{}, ErrTooOld
	}
	// OpenID Connect Core section 2, RFC 9068 section 2.2: sub is required.
	subject := subjectOf(c, entry)
	if subject == "" {
		return auth.Identity{}, ErrSubject
	}
	// Keycloak names the purpose in the payload (B4).
	if typ, _ := c["typ"].(string); strings.EqualFold(typ, "Refresh") || strings.EqualFold(typ, "Offline") || strings.EqualFold(typ, "Logout") {
		return auth.Identity{}, ErrType
	}
	// RFC 9068 section 2.2.
	if t.header.access && (!isText(c["client_id"]) || !issued || !isText(c["jti"])) {
		return auth.Identity{}, ErrAccessToken
	}
	if len(entry.TokenTypes) > 0 && !slices.Contains(entry.TokenTypes, tokenType(t)) {
		return auth.Identity{}, ErrTokenType
	}
	for name, accepted := range entry.RequiredClaims {
		if !anyOf(claim(c, name), accepted) {
			return auth.Identity{}, &auth.Refusal{Err: ErrRequiredClaim, Detail: name}
		}
	}

	if _, ok := confirmation(c); !ok {
		return auth.Identity{}, auth.ErrBound
	}

	email, verified := readEmail(c, entry)
	return auth.Identity{
		Subject:       subject,
		Email:         email,
		EmailVerified: verified,
		Name:          oneText(claim(c, orElse(entry.NameClaim, "name"))),
		Groups:        groups(c, entry),
		Issuer:        entry.Issuer,
		Audience:      audience,
		Expiry:        exp,
		Method:        auth.MethodOIDC,
	}, nil
}

// confirmation returns the thumbprint of the certificate that a token is bound to, empty if it is bound to none (RFC 8705
// section 3.1). It returns false when the token is bound to something we cannot check, such as the key of a DPoP proof
// (RFC 9449 section 6): presented as a plain bearer it may have been stolen (B32).
func confirmation(c map[string]any) (thumbprint string, ok bool) {
	cnf, bound := c["cnf"]
	if !bound {
		return "", true
	}
	members, _ := cnf.(map[string]any)
	thumbprint, _ = members["x5t#S256"].(string)
	return thumbprint, thumbprint != "" && len(members) == 1
}

// audiences returns aud, which is a string or an array of strings (RFC 7519 section 4.1.3).
func audiences(v any) ([]string, bool) {
	switch v := v.(type) {
	case string:
		return []string{v}, true
	case []any:
		list := make([]string, 0, len(v))
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, false
			}
			list = append(list, s)
		}
		return list, true
	}
	return nil, false
}

// matchAudience returns the first entry that accepts one of received, and that audience.
func matchAudience(entries []auth.Issuer, received []string) (*auth.Issuer, string, bool) {
	for i := range entries {
		for _, a := range entries[i].Audiences {
			if slices.Contains(received, a) {
				return &entries[i], a, true
			}
		}
	}
	return nil, "", false
}

// audienceDetail lets an operator see a mismatch in the log.
func audienceDetail(entries []auth.Issuer, received []string) string {
	var configured []string
	for _, e := range entries {
		configured = append(configured, e.Audiences...)
	}
	return fmt.Sprintf("configured %q, received %q", configured, received)
}

// lastDate is the end of the year 9999 in Unix seconds.
const lastDate = 253402300799

// numericDate reads a NumericDate (RFC 7519 section 2): seconds since 1970, possibly with a fraction.
func numericDate(v any) (time.Time, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return time.Time{}, false
	}
	f, err := strconv.ParseFloat(n.String(), 64)
	if err != nil || math.IsNaN(f) || f < 0 || f > lastDate {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(f)
	return time.Unix(int64(whole), int64(fraction*1e9)), true
}

// tokenType says which kind of token t is. Where the token does not say, a scope makes it an access token: ID tokens
// have none.
func tokenType(t *token) string {
	typ, _ := t.claims["typ"].(string)       // Keycloak
	use, _ := t.claims["token_use"].(string) // Amazon Cognito
	_, scope := t.claims["scope"]
	_, scp := t.claims["scp"] // Azure, Okta
	switch {
	case t.introspected, t.header.access, typ == "Bearer", use == "access":
		return "access"
	case typ == "ID", use == "id":
		return "id"
	case scope, scp:
		return "access"
	}
	return "id"
}

func isText(v any) bool {
	s, ok := v.(string)
	return ok && s != ""
}

// anyOf reports whether v, a string, a boolean or an array, is or holds one of accepted.
func anyOf(v any, accepted []string) bool {
	switch v := v.(type) {
	case string:
		return slices.Contains(accepted, v)
	case bool:
		return slices.Contains(accepted, strconv.FormatBool(v))
	case []any:
		return slices.ContainsFunc(v, func(e any) bool {
			s, ok := e.(string)
			return ok && slices.Contains(accepted, s)
		})
	}
	return false
}
