package diagnose

import (
	"context"
	"errors"
	"slices"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/apikey"
	"github.com/micromegas-go/micromegas/auth/oidc"
	"github.com/micromegas-go/micromegas/auth/storedkey"
	"github.com/micromegas-go/micromegas/internal/fault"
)

// rule is a step of a decision. Tables of rules are in the order in which the servers apply them, so that a refusal
// tells which rules held: those before the one it names. A test breaks them in pairs to see that the order is right.
type rule struct {
	id       string
	title    string
	origin   string // the requirement
	refusals []error
	outage   bool // it fails when somebody is out of reach

	// here tells apart rules that share a refusal; nil means always.
	here func(d *doctor, v view) bool
}

// breaks reports whether err is a refusal by r.
func (r rule) breaks(d *doctor, v view, err error) bool {
	named := r.outage && undecided(err) || slices.ContainsFunc(r.refusals, func(e error) bool { return errors.Is(err, e) })
	return named && (r.here == nil || r.here(d, v))
}

// undecided reports whether err says nothing about the credential: somebody is out of reach.
func undecided(err error) bool {
	return fault.KindOf(err) == fault.Unavailable || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// signedRules are those for tokens of three parts.
func signedRules() []rule {
	head := []rule{
		{id: "length", title: "not longer than 16 KiB", origin: "B12", refusals: []error{oidc.ErrTooLong}},
		{
			id: "form", title: "has the form of a signed token: three parts", origin: "A41, A145, B6",
			refusals: []error{oidc.ErrNotJWT, oidc.ErrGoogleAccess, oidc.ErrEncrypted}, here: func(_ *doctor, v view) bool { return v.form != formSigned },
		},
		{id: "encoding", title: "its parts are base64url", origin: "A41, A47", refusals: []error{oidc.ErrEncoding}},
		{id: "header", title: "its header is a JSON object", origin: "A41, B6", refusals: []error{oidc.ErrHeader}},
		{id: "critical", title: "nothing critical in the header that is not understood", origin: "B6", refusals: []error{oidc.ErrCritical}},
		{id: "readable", title: "not encrypted", origin: "B6", refusals: []error{oidc.ErrEncrypted}},
		{id: "nested", title: "no token within a token", origin: "B6", refusals: []error{oidc.ErrNested}},
		{id: "signed", title: "signed", origin: "A46", refusals: []error{oidc.ErrUnsigned}},
		{id: "asymmetric", title: "signed with a private key, not with a shared secret", origin: "A46", refusals: []error{oidc.ErrSymmetric}},
		{
			id: "algorithm", title: "the algorithm is one that we know", origin: "B1", refusals: []error{oidc.ErrAlgorithm},
			here: func(_ *doctor, v view) bool { return !slices.Contains(auth.Algorithms(), v.algorithm()) },
		},
		{id: "type", title: "made to log in with (typ)", origin: "B4", refusals: []error{oidc.ErrType}, here: func(_ *doctor, v view) bool { return v.headerType() }},
		{id: "payload", title: "its payload is a JSON object", origin: "A41, B6", refusals: []error{oidc.ErrPayload}},
		{id: "issuer", title: "from a configured issuer (iss)", origin: "A42, A48", refusals: []error{oidc.ErrIssuer}},
		{
			id: "algorithms", title: `the algorithm is among the issuer's configured "algorithms"`, origin: "B1", refusals: []error{oidc.ErrAlgorithm},
			here: func(d *doctor, v view) bool {
				e := d.entries(v.issuer())
				return len(e) > 0 && e[0].Algorithms != nil && !slices.Contains(e[0].Algorithms, v.algorithm())
			},
		},
		{
			id: "keys", title: "the keys of the issuer are there", origin: "A57", outage: true,
			here: func(d *doctor, v view) bool { return !d.alwaysAsks(v.issuer()) || len(d.degraded) > 0 },
		},
		{id: "kid", title: "the issuer has the key that the token names (kid)", origin: "A44, B8", refusals: []error{oidc.ErrUnknownKey}},
		{id: "announced", title: "the algorithm is one that the issuer announces", origin: "B1", refusals: []error{oidc.ErrAlgorithm}},
		{id: "signature", title: "the signature is the issuer's", origin: "A47", refusals: []error{oidc.ErrSignature}},
	}
	return append(head, claimRules()...)
}

// claimRules are those about what a token, or an issuer that was asked about one, says.
func claimRules() []rule {
	return []rule{
		{id: "audience", title: "meant for us (aud)", origin: "A49", refusals: []error{oidc.ErrAudience}},
		{id: "party", title: "used by an accepted client (azp)", origin: "B7", refusals: []error{oidc.ErrParty}},
		{id: "expiry", title: "not expired (exp)", origin: "A50", refusals: []error{oidc.ErrExpiry, oidc.ErrExpired}},
		{id: "begun", title: "already valid (nbf, iat)", origin: "B5", refusals: []error{oidc.ErrTime, oidc.ErrNotYetValid, oidc.ErrIssuedLater}},
		{id: "age", title: "young enough (max_token_age_secs)", origin: "B5", refusals: []error{oidc.ErrTooOld}},
		{id: "subject", title: "says whom it is about (sub)", origin: "A51", refusals: []error{oidc.ErrSubject}},
		{id: "purpose", title: "neither a refresh nor a logout token", origin: "B4", refusals: []error{oidc.ErrType}},
		{id: "access token", title: "complete, if it is an access token", origin: "B4", refusals: []error{oidc.ErrAccessToken}},
		{id: "token type", title: "of a kind that is accepted (token_types)", origin: "B4", refusals: []error{oidc.ErrTokenType}},
		{id: "required", title: "has the required claims (required_claims)", origin: "B18", refusals: []error{oidc.ErrRequiredClaim}},
		{id: "binding", title: "not bound to a key that we cannot check (cnf)", origin: "B32", refusals: []error{auth.ErrBound}},
	}
}

// activeRule is the last one for signed tokens of issuers that are asked about every token.
func activeRule() rule {
	return rule{
		id: "active", title: "the issuer calls it active (introspection)", origin: "B17", outage: true,
		refusals: []error{oidc.ErrInactive, oidc.ErrMismatch, oidc.ErrIssuer, oidc.ErrType},
	}
}

// opaqueRules are those for tokens that issuers are asked about.
func opaqueRules() []rule {
	head := []rule{
		{id: "length", title: "not longer than 16 KiB", origin: "B12", refusals: []error{oidc.ErrTooLong}},
		{id: "form", title: "may be shown to an issuer", origin: "A145, B17", refusals: []error{oidc.ErrNotJWT, oidc.ErrGoogleAccess, oidc.ErrEncrypted}},
		{
			id: "active", title: "an issuer knows it and calls it active (introspection)", origin: "B17", outage: true,
			refusals: []error{oidc.ErrInactive, oidc.ErrIssuer},
		},
	}
	return append(head, claimRules()...)
}

// configuredKeyRules are those of MICROMEGAS_API_KEYS.
func configuredKeyRules() []rule {
	return []rule{
		{id: "key", title: "is a key of " + auth.EnvAPIKeys, origin: "A36", refusals: []error{apikey.ErrUnknown}},
		{id: "key begun", title: "the key is already valid", origin: "B27", refusals: []error{apikey.ErrNotYetValid}},
		{id: "key expiry", title: "the key has not expired", origin: "B27", refusals: []error{apikey.ErrExpired}},
	}
}

// storedKeyRules are those of keys in the catalog.
func storedKeyRules() []rule {
	return []rule{
		{id: "checksum", title: "the checksum of the key is right", origin: "B29", refusals: []error{storedkey.ErrMistyped}},
		{id: "catalog", title: "the catalog can be asked", origin: "A57", outage: true},
		{id: "stored key", title: "is a key of the catalog", origin: "B28", refusals: []error{storedkey.ErrUnknown}},
		{id: "revoked", title: "the key is not revoked", origin: "B28", refusals: []error{storedkey.ErrRevoked}},
		{id: "roles", title: "the key has a role", origin: "B19", refusals: []error{storedkey.ErrNoRoles}},
		{id: "key begun", title: "the key is already valid", origin: "B27", refusals: []error{storedkey.ErrNotYetValid}},
		{id: "key expiry", title: "the key has not expired", origin: "B27", refusals: []error{storedkey.ErrExpired}},
	}
}

// placeRules are those of the chain, about where a good credential comes from.
func placeRules() []rule {
	return []rule{
		{id: "address", title: "comes from an allowed network (allowed_cidrs)", origin: "B27", refusals: []error{auth.ErrNetwork}},
		{id: "certificate", title: "comes with the client certificate that it is bound to", origin: "B31", refusals: []error{auth.ErrBound}},
	}
}
