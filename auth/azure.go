package auth

import (
	"net/url"
	"slices"
	"strings"
)

// azureHosts issue tokens of Microsoft Entra ID (Azure AD), v2.0 and v1.0, in its clouds.
var azureHosts = []string{
	"login.microsoftonline.com", "sts.windows.net", "login.microsoftonline.us", "login.partner.microsoftonline.cn",
}

// azureConsumers is the tenant of personal Microsoft accounts, where everybody is.
const azureConsumers = "9188040d-6c67-4c5b-b112-36a304b66dad"

// azureTenant reports whether issuer is a concrete tenant of Azure. Its administrators control the names in its tokens,
// which carry no email_verified; see "trust_email".
func azureTenant(issuer string) bool {
	u, err := url.Parse(issuer)
	if err != nil || u.Scheme != "https" || !slices.Contains(azureHosts, u.Host) {
		return false
	}
	tenant, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	return guid(tenant) && !strings.EqualFold(tenant, azureConsumers)
}

// guid reports whether s looks like 8-4-4-4-12 hexadecimal digits.
func guid(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i] | 0x20 // lower case for letters, unchanged for digits and '-'
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if s[i] != '-' {
				return false
			}
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f':
		default:
			return false
		}
	}
	return true
}
