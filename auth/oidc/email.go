package oidc

import (
	"slices"
	"strings"

	"github.com/micromegas-go/micromegas/auth"
)

// emailClaims is where an email is looked for, in this order (A52).
var emailClaims = []string{
	"verified_primary_email", "email", "https://micromegas.io/email", "preferred_username", "upn", "unique_name",
}

// readEmail returns the caller's email, and whether it may decide anything (B15): the token says that the issuer verified
// it, or the configuration vouches for the issuer's addresses.
func readEmail(c map[string]any, entry *auth.Issuer) (email string, verified bool) {
	claims := emailClaims
	if entry.EmailClaims != nil {
		claims = entry.EmailClaims
	}
	var from string
	for _, name := range claims {
		if email = oneText(claim(c, name)); email != "" {
			from = name
			break
		}
	}
	if email == "" {
		return "", false
	}
	if from == "verified_primary_email" {
		return email, true
	}
	statement, stated := c["email_verified"]
	if stated && statement != true && statement != "true" {
		return email, false // never counts, whatever the configuration says
	}
	// email_verified speaks about the claim email alone (OpenID Connect Core section 5.1).
	if stated && from == "email" {
		return email, true
	}
	if entry.TrustEmail {
		return email, true
	}
	// Names that users choose themselves count only if the configuration lists them.
	if from != "email" && !slices.Contains(entry.EmailClaims, from) {
		return email, false
	}
	_, domain, _ := strings.Cut(email, "@")
	return email, !stated && slices.ContainsFunc(entry.EmailDomains, func(d string) bool { return strings.EqualFold(d, domain) })
}

// oneText returns v if it is a string, or the string that is its only element; else "" (A53).
func oneText(v any) string {
	if list, ok := v.([]any); ok && len(list) == 1 {
		v = list[0]
	}
	s, _ := v.(string)
	return s
}
