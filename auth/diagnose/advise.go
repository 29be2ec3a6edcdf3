package diagnose

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/oidc"
)

// azureGraph is the audience of tokens for Microsoft Graph, whose signature only Graph can verify.
const azureGraph = "00000003-0000-0000-c000-000000000000"

// value says what makes a rule hold, where that helps.
func (d *doctor) value(r rule, v view, id *auth.Identity) string {
	switch r.id {
	case "algorithm":
		return v.algorithm()
	case "issuer":
		return auth.Printable(v.issuer())
	case "kid":
		return auth.Printable(textOf(v.header["kid"]))
	case "audience":
		if id != nil {
			return auth.Printable(id.Audience)
		}
		return auth.Printable(strings.Join(v.audiences(), ", "))
	case "expiry":
		if exp := v.date("exp"); !exp.IsZero() {
			return d.when(exp)
		}
	case "key", "stored key":
		if id != nil {
			return fmt.Sprintf("named %q", auth.Printable(id.Subject))
		}
	case "key expiry":
		if id != nil && !id.Expiry.IsZero() {
			return d.when(id.Expiry)
		}
	}
	return ""
}

// advise says what breaking a rule means, and what to do about it.
func (d *doctor) advise(r rule, v view, err error) (what, fix string) {
	what = reasonOf(err)
	switch r.id {
	case "authorization":
		return what, "the credential has a character outside printable ASCII, perhaps a line break in its middle: copy it again, in one line"
	case "form", "readable":
		return what, d.adviseForm(v, err)
	case "critical", "nested":
		return what, "have the issuer make plain signed tokens, without extensions"
	case "length":
		return what, "have the issuer put fewer groups or claims into the token"
	case "encoding", "header", "payload":
		return what, "the text was cut or changed on its way, or is no token at all: copy it again, whole, without quotes"
	case "signed", "asymmetric":
		return what, "have the issuer sign with RS256 or ES256; in Auth0 set the API's signing algorithm to RS256"
	case "algorithm", "algorithms", "announced":
		return fmt.Sprintf("%s: %q", what, auth.Printable(v.algorithm())), `have the issuer sign with another one; if "algorithms" of the issuer is configured, add this one when it is supported: ` +
			strings.Join(auth.Algorithms(), ", ")
	case "type":
		return fmt.Sprintf("%s: typ is %q", what, auth.Printable(textOf(v.header["typ"]))), "send the ID token or the access token"
	case "purpose":
		return what, "this is a refresh or logout token: send the ID token or the access token"
	case "issuer":
		return d.adviseIssuer(v, what)
	case "keys":
		return d.adviseKeys(err)
	case "kid":
		return fmt.Sprintf("%s: kid %q", what, auth.Printable(textOf(v.header["kid"]))), d.adviseKey(v)
	case "signature":
		return what, d.adviseKey(v)
	case "audience":
		return what, d.adviseAudience(v)
	case "party":
		return fmt.Sprintf("%s: azp is %q", what, auth.Printable(textOf(v.claims["azp"]))), `add the client to "authorized_parties" of the issuer, if it may use this service`
	case "expiry":
		if errors.Is(err, oidc.ErrExpired) {
			return "expired " + d.when(v.date("exp")), "log in again (micromegas_logout, then any command); for service accounts check that the client refreshes before exp; " +
				"if it is new, compare the clocks"
		}
		return what, "have the issuer set exp: tokens without an end are not accepted"
	case "begun":
		return what, "compare the clocks of this machine and of the issuer; clock_skew_leeway_secs (now " + d.cfg.OIDC.ClockSkew.String() + ") bridges small differences"
	case "age":
		return what, "log in again, or raise max_token_age_secs of the issuer"
	case "subject":
		return what, `name the claim that identifies callers as "subject_claim" of the issuer`
	case "access token":
		return what, "have the issuer make it as RFC 9068 says, or without typ at+jwt"
	case "token type":
		return what, `send the other kind, or add this one to "token_types" of the issuer`
	case "required":
		return what, "have the issuer add the claim, or give the caller the value that required_claims wants"
	case "binding":
		return what, "the token is bound to a key of the client (DPoP or another way that is not supported): get one that is not"
	case "active":
		return what, "it was revoked, has expired, or is of another issuer: log in again; introspection above tells whether the issuer knows our client"
	case "address":
		return d.adviseAddress(what)
	case "certificate":
		return what, "use it over a TLS connection with the client certificate that it was issued to; here there is none, so this cannot be tried"
	case "key", "stored key":
		return what, d.adviseKeyUnknown()
	case "key expiry":
		return what, "give its users a new one: micromegas keys create, or another entry in " + auth.EnvAPIKeys
	case "key begun":
		return what, "wait, or change not_before"
	case "checksum":
		return what, "a character is missing or changed: copy the key again"
	case "catalog":
		return what, "check the database; keys that were used in the last minutes go on working"
	case "revoked":
		return what, "make a new one: micromegas keys create"
	case "roles":
		return what, "make a new one with a role"
	}
	return what, ""
}

func (d *doctor) adviseForm(v view, err error) string {
	switch {
	case errors.Is(err, oidc.ErrGoogleAccess):
		return "send the ID token, which the Python client and the tools do by themselves"
	case errors.Is(err, oidc.ErrEncrypted):
		if vendorOf(v.issuer()) == auth0 {
			return "Auth0 encrypts the access token when the client asks for no audience: ask for the API's identifier as audience, or send the ID token"
		}
		return "have the issuer make signed tokens; with Auth0 ask for an audience"
	}
	has := func(who vendor) bool {
		return slices.ContainsFunc(d.issuerNames(), func(name string) bool { return vendorOf(name) == who })
	}
	fix := "if it should be a key: it is none of the configured or stored ones. If it should be a token: it is opaque; send the ID token, or configure introspection of the issuer"
	if has(auth0) {
		fix += "; Auth0 makes opaque access tokens when the client asks for no audience (MICROMEGAS_OIDC_AUDIENCE)"
	}
	if has(oktaOrg) {
		fix += "; Okta's org server makes access tokens for Okta alone"
	}
	return fix
}

func (d *doctor) adviseIssuer(v view, what string) (string, string) {
	iss := v.issuer()
	what = fmt.Sprintf("%s: iss is %q, configured: %s", what, auth.Printable(iss), orElse(quoted(d.issuerNames()), "none"))
	if iss == "" {
		return what, "the token names no issuer: it is of another kind"
	}
	for _, name := range d.issuerNames() {
		if sameButSpelling(name, iss) {
			return what, fmt.Sprintf("they differ by a slash at the end or by case: write issuer exactly as %q in %s", auth.Printable(iss), auth.EnvOIDCConfig)
		}
		if a, b := vendorOf(name), vendorOf(iss); a == azureV2 && b == azureV1 || a == azureV1 && b == azureV2 {
			return what, "Entra ID has made a token of the other version: set accessTokenAcceptedVersion of the API's registration to 2 for v2.0, " +
				"or add an entry with this issuer and the token's audience"
		}
		if a, b := vendorOf(name), vendorOf(iss); a == oktaCustom && b == oktaOrg || a == oktaOrg && b == oktaCustom {
			return what, "Okta's org server and its custom servers are different issuers: use the same one in client and server"
		}
	}
	return what, fmt.Sprintf("if this issuer may log callers in, add {\"issuer\": %q, \"audience\": …} to %s", auth.Printable(iss), auth.EnvOIDCConfig)
}

func (d *doctor) adviseKeys(err error) (what, fix string) {
	if d.Offline {
		return "not asked (--offline): the signature and all behind it stay unknown", "run again without --offline"
	}
	cause := err
	for errors.Unwrap(cause) != nil && undecided(cause) {
		cause = errors.Unwrap(cause)
	}
	return "the keys of the issuer cannot be fetched: " + auth.Printable(cause.Error()), "see the issuer above; servers answer 503 / UNAVAILABLE and try again by themselves"
}

func (d *doctor) adviseKey(v view) string {
	switch vendorOf(v.issuer()) {
	case azureV1, azureV2:
		if slices.Contains(v.audiences(), azureGraph) || v.header["nonce"] != nil {
			return "this token is for Microsoft Graph, which alone can verify it: ask for the scope of your own API (api://…/.default), or send the ID token"
		}
	case oktaOrg:
		return "access tokens of Okta's org server are for Okta alone: send the ID token, or use a custom server (/oauth2/default)"
	default:
	}
	return "the issuer has changed its keys (log in again), the token was changed on its way, or somebody else made it and wrote this issuer into it"
}

func (d *doctor) adviseAudience(v view) string {
	received := v.audiences()
	fix := fmt.Sprintf("if tokens for it may be used here, add an entry with this audience to %s: ID tokens have the client id, access tokens the id of the API", auth.EnvOIDCConfig)
	isAPI := func(a string) bool { return strings.HasPrefix(a, "api://") }
	switch vendorOf(v.issuer()) {
	case azureV1, azureV2:
		if slices.Contains(received, azureGraph) {
			return "this token is for Microsoft Graph: ask for the scope of your own API (api://…/.default), or send the ID token"
		}
		if slices.ContainsFunc(d.entries(v.issuer()), func(e auth.Issuer) bool { return slices.ContainsFunc(e.Audiences, isAPI) }) && !slices.ContainsFunc(received, isAPI) {
			return "v2.0 tokens of Entra ID have the application's GUID as audience, not api://…: add an entry with the GUID"
		}
	case keycloak:
		if slices.Contains(received, "account") {
			return "Keycloak writes only \"account\" without an audience mapper: add one to the client scope, with the configured audience"
		}
	default:
	}
	return fix
}

func (d *doctor) adviseAddress(what string) (string, string) {
	if !d.Client.IsValid() {
		return what + ": the key may come from some networks only, and the address of the caller is not known here", "say where it comes from with --client"
	}
	return fmt.Sprintf("%s: %v", what, d.Client), "add the network to allowed_cidrs of the key; behind a proxy check " + auth.EnvTrustedProxies
}

func (d *doctor) adviseKeyUnknown() string {
	looked := "neither configured nor in the catalog"
	if d.Store == nil {
		looked = "not configured, and the stored keys were not looked at"
	}
	fix := "it is " + looked + ": check that it is whole (no blank, quote or line break), and that the servers run with the same variables and catalog as this command"
	if slices.ContainsFunc(d.cfg.APIKeys, func(k auth.APIKey) bool { return k.Hash != "" }) {
		fix += `; an entry with "sha256" needs what micromegas keys hash prints for the key`
	}
	return fix
}
