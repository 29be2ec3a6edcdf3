package diagnose

import (
	"net/url"
	"slices"
	"strings"

	"github.com/micromegas-go/micromegas/auth"
)

// vendor is who makes an issuer, as far as its address tells.
type vendor int

const (
	other vendor = iota
	google
	azureV1
	azureV2
	auth0
	oktaOrg
	oktaCustom
	keycloak
)

// vendorOf guesses from an issuer's address.
func vendorOf(issuer string) vendor {
	u, err := url.Parse(issuer)
	if err != nil {
		return other
	}
	host := strings.ToLower(u.Hostname())
	under := func(domains ...string) bool {
		return slices.ContainsFunc(domains, func(d string) bool { return strings.HasSuffix(host, "."+d) })
	}
	switch {
	case host == "accounts.google.com":
		return google
	case host == "sts.windows.net":
		return azureV1
	case strings.HasPrefix(host, "login.microsoftonline.") || host == "login.partner.microsoftonline.cn":
		if strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/v2.0") {
			return azureV2
		}
		return azureV1
	case under("auth0.com"):
		return auth0
	case under("okta.com", "oktapreview.com", "okta-emea.com"):
		if strings.HasPrefix(u.Path, "/oauth2/") {
			return oktaCustom
		}
		return oktaOrg
	case strings.Contains(u.Path, "/realms/"):
		return keycloak
	}
	return other
}

// adviceOn says what is known about the makers of issuers (A142–A153).
func adviceOn(issuer string, entries []auth.Issuer) []Check {
	var s Section
	audience := func(is func(string) bool) (string, bool) {
		for _, e := range entries {
			if i := slices.IndexFunc(e.Audiences, is); i >= 0 {
				return e.Audiences[i], true
			}
		}
		return "", false
	}
	is := func(want string) func(string) bool { return func(a string) bool { return a == want } }
	api := func(a string) bool { return strings.HasPrefix(a, "api://") }
	switch vendorOf(issuer) {
	case google:
		if issuer != "https://accounts.google.com" {
			s.add(Problem, "Google", `write "https://accounts.google.com"`, "Google's tokens have exactly this iss, without a slash at the end")
		}
		if a, ok := audience(func(a string) bool { return !strings.HasSuffix(a, ".apps.googleusercontent.com") }); ok {
			s.add(Warning, "Google", "set audience to the client id, ….apps.googleusercontent.com", "%q is no Google client id", auth.Printable(a))
		}
		s.add(Note, "Google", "", "only ID tokens are accepted: access tokens (ya29.…) are opaque; clients need MICROMEGAS_OIDC_CLIENT_SECRET, also with PKCE")
	case azureV2:
		if a, ok := audience(api); ok {
			s.add(Warning, "Entra ID", `add an entry with the application's id (a GUID) as audience; for tokens of v1.0 also one with the issuer https://sts.windows.net/{tenant}/`,
				"%q is never the audience of this issuer's tokens: v2.0 access tokens have the GUID; api://… is in those of v1.0, whose issuer is another", auth.Printable(a))
		} else {
			s.add(Note, "Entra ID", "", "only v2.0 tokens have this issuer; an API's access tokens are v2.0 when its registration has accessTokenAcceptedVersion 2")
		}
	case azureV1:
		if !strings.HasPrefix(issuer, "https://sts.windows.net/") {
			s.add(Problem, "Entra ID", "append /v2.0; for tokens of v1.0 write https://sts.windows.net/{tenant}/", "no token has this iss: those of v2.0 end with /v2.0, those of v1.0 come from sts.windows.net")
			break
		}
		if !strings.HasSuffix(issuer, "/") {
			s.add(Problem, "Entra ID", "append a slash: https://sts.windows.net/{tenant}/", "v1.0 tokens have a slash at the end of iss")
		}
		s.add(Note, "Entra ID", "", "only v1.0 access tokens have this issuer, with audience api://… or a GUID; ID tokens of v2.0 need an entry with https://login.microsoftonline.com/{tenant}/v2.0")
	case auth0:
		if !strings.HasSuffix(issuer, "/") {
			s.add(Problem, "Auth0", "append a slash: "+auth.Printable(issuer)+"/", "Auth0's issuers end with a slash")
		}
		s.add(Note, "Auth0", "", "access tokens are JWTs only when the client asks for an audience; without, they are opaque or encrypted and are refused. "+
			"Their email needs an action that sets https://micromegas.io/email")
	case oktaOrg:
		if a, ok := audience(api); ok {
			s.add(Warning, "Okta", "for access tokens configure a custom server: "+auth.Printable(strings.TrimRight(issuer, "/"))+"/oauth2/default",
				"%q is an audience of custom authorization servers, and this is the org server", auth.Printable(a))
		}
		s.add(Note, "Okta", "", "the org server: only ID tokens (audience = client id) are for us, its access tokens are for Okta alone")
	case oktaCustom:
		s.add(Note, "Okta", "", "a custom server: access tokens have its audience (often api://default), ID tokens the client id; to accept both make an entry for each")
	case keycloak:
		if a, ok := audience(is("account")); ok {
			s.add(Warning, "Keycloak", "add an audience mapper to the client scope, and configure its value",
				"%q is in the access tokens of every client of the realm that has the default scopes", a)
		}
		s.add(Note, "Keycloak", "", "ID tokens have the client id as audience, access tokens only what audience mappers add; the issuer is the realm's address as browsers see it")
	case other:
	}
	return s.Checks
}
