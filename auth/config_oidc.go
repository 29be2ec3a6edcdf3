package auth

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Defaults of MICROMEGAS_OIDC_CONFIG, in seconds where they are times.
const (
	defaultKeyRefresh        = 3600
	defaultKeyMaxStale       = 86400
	defaultKeyMinRefresh     = 30
	defaultTokenCacheSize    = 1000
	defaultTokenCacheTTL     = 300
	defaultNegativeCacheSize = 1000
	defaultNegativeCacheTTL  = 10
	defaultClockSkew         = 60
)

// Upper bounds: beyond them a number is a mistake, or overflows.
const (
	mostSeconds   = 10 * 365 * 24 * 3600
	mostEntries   = 10_000_000
	mostClockSkew = 300 // B5
)

// Algorithms lists the signature algorithms we support (B1). There is no way to add a symmetric one or none.
func Algorithms() []string {
	return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
}

// loadOIDC reads MICROMEGAS_OIDC_CONFIG.
func loadOIDC(r *reader, text string, cfg *Config) {
	v, ok := r.parse(text)
	if !ok {
		return
	}
	o, ok := r.object("", v)
	if !ok {
		return
	}
	seconds := func(name string, fallback, most int64) time.Duration {
		return time.Duration(o.number(name, fallback, most)) * time.Second
	}
	c := &cfg.OIDC
	c.KeyRefresh = max(seconds("jwks_refresh_interval_secs", defaultKeyRefresh, mostSeconds), time.Second) // A16
	c.KeyMaxStale = seconds("jwks_max_stale_secs", defaultKeyMaxStale, mostSeconds)
	c.KeyMinRefresh = seconds("jwks_min_refresh_interval_secs", defaultKeyMinRefresh, mostSeconds)
	c.TokenCacheSize = int(o.number("token_cache_size", defaultTokenCacheSize, mostEntries))
	c.TokenCacheTTL = seconds("token_cache_ttl_secs", defaultTokenCacheTTL, mostSeconds)
	c.NegativeCacheSize = int(o.number("negative_cache_size", defaultNegativeCacheSize, mostEntries))
	c.NegativeCacheTTL = seconds("negative_cache_ttl_secs", defaultNegativeCacheTTL, mostSeconds)
	c.ClockSkew = seconds("clock_skew_leeway_secs", defaultClockSkew, mostClockSkew)
	c.ExpiryLeeway = seconds("expiry_leeway_secs", 0, mostClockSkew)

	entries, ok := o.take("issuers")
	list, isArray := entries.([]any)
	switch {
	case !ok:
		r.errorf("issuers", "is missing; list at least one {\"issuer\", \"audience\"}")
	case !isArray:
		r.errorf("issuers", "must be an array, not %s", kind(entries))
	case len(list) == 0:
		r.errorf("issuers", "is empty; list at least one {\"issuer\", \"audience\"}, or unset the variable")
	}
	for i, e := range list {
		if o, ok := r.object(fmt.Sprintf("issuers[%d]", i), e); ok {
			c.Issuers = append(c.Issuers, loadIssuer(r, o, cfg))
		}
	}
	o.done()
	checkAgreement(r, c.Issuers)
	warnIntrospection(r, c.Issuers)
}

func loadIssuer(r *reader, o *object, cfg *Config) Issuer {
	is := Issuer{
		Issuer:            o.required("issuer", "the issuer's URL exactly as it stands in the tokens' iss"),
		Audiences:         o.texts("audiences"),
		Algorithms:        o.texts("algorithms"),
		TokenTypes:        o.texts("token_types"),
		AuthorizedParties: o.texts("authorized_parties"),
		RequiredClaims:    loadRequiredClaims(r, o),
		SubjectClaim:      o.claim("subject_claim"),
		NameClaim:         o.claim("name_claim"),
		GroupsClaim:       o.claim("groups_claim"),
		EmailClaims:       o.texts("email_claims"),
		EmailDomains:      o.texts("email_domains"),
		MaxTokenAge:       time.Duration(o.number("max_token_age_secs", 0, mostSeconds)) * time.Second,
		Roles:             loadRoles(r, o),
		AllowHTTP:         o.flag("allow_http", false),
		RootCAs:           loadRootCAs(r, o, cfg),
		KeysURL:           o.text("jwks_uri"),
		KeysFile:          o.text("jwks_file"),
		BearerTokenFile:   o.text("bearer_token_file"),
	}
	is.Introspection = loadIntrospection(r, o, is.AllowHTTP)
	is.TrustEmail = o.flag("trust_email", azureTenant(is.Issuer))
	if _, ok := o.members["audience"]; ok || len(is.Audiences) == 0 {
		audience := o.required("audience", "the client id or API id that the tokens are issued for")
		is.Audiences = append([]string{audience}, is.Audiences...)
	}
	if _, ok := o.take("when"); ok {
		r.errorf(o.at("when"), "is not supported by this version: expressions come later; "+
			"say what is accepted with required_claims, authorized_parties and roles, and remove it")
	}
	o.done()
	checkIssuer(r, o, is)
	warnIssuer(r, o, is)
	return is
}

// checkIssuer reports values that cannot work.
func checkIssuer(r *reader, o *object, is Issuer) {
	if is.Issuer != "" {
		checkURL(r, o.at("issuer"), is.Issuer, is.AllowHTTP || is.KeysFile != "")
	}
	if is.KeysURL != "" {
		checkURL(r, o.at("jwks_uri"), is.KeysURL, is.AllowHTTP)
	}
	if is.KeysFile != "" {
		if is.KeysURL != "" {
			r.errorf(o.path, `has both "jwks_uri" and "jwks_file"; remove one`)
		}
		if _, err := ReadConfigFile(is.KeysFile); err != nil {
			r.errorf(o.at("jwks_file"), "cannot be read: %w", err)
		}
	}
	if is.BearerTokenFile != "" {
		if _, err := ReadConfigFile(is.BearerTokenFile); err != nil {
			r.errorf(o.at("bearer_token_file"), "cannot be read: %w", err)
		}
	}
	for i, a := range is.Algorithms {
		if !slices.Contains(Algorithms(), a) {
			r.errorf(fmt.Sprintf("%s[%d]", o.at("algorithms"), i), "is not supported; use %s", strings.Join(Algorithms(), ", "))
		}
	}
	for i, t := range is.TokenTypes {
		if t != "id" && t != "access" {
			r.errorf(fmt.Sprintf("%s[%d]", o.at("token_types"), i), `must be "id" or "access"`)
		}
	}
	for i, d := range is.EmailDomains {
		if strings.ContainsAny(d, "@* ") {
			r.errorf(fmt.Sprintf("%s[%d]", o.at("email_domains"), i), "must be a domain such as example.com, without @ and wildcards")
		}
	}
}

// warnIssuer says what loads and yet is probably not meant.
func warnIssuer(r *reader, o *object, is Issuer) {
	if len(is.AuthorizedParties) == 0 && len(is.RequiredClaims) == 0 {
		for _, a := range is.Audiences {
			if slices.Contains([]string{"account", "api://default", "00000003-0000-0000-c000-000000000000"}, a) {
				r.warnf(o.path, "accepts an audience that many clients of the issuer share; "+
					"narrow it with authorized_parties or required_claims") // B7
			}
		}
	}
	if u, err := url.Parse(is.Issuer); err == nil && slices.Contains(azureHosts, u.Host) {
		if tenant, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/"); slices.Contains([]string{"common", "organizations", "consumers"}, tenant) {
			r.warnf(o.at("issuer"), "names no concrete tenant; Azure writes the tenant's id into iss, so no token will match")
		}
	}
	if slices.Contains([]string{"email", "preferred_username", "upn", "unique_name", "name", "nickname"}, is.SubjectClaim) {
		r.warnf(o.at("subject_claim"), "is a claim that users of several issuers choose themselves; "+
			"make sure that they cannot, or one can take the rights of another")
	}
	if is.Roles != nil && !slices.ContainsFunc(is.Roles, func(rule RoleRule) bool { return rule.Role&RoleDefault != 0 }) {
		r.warnf(o.at("roles"), `gives nobody "reader" or "writer": callers who are no administrators can do nothing`) // B19
	}
	if is.AllowHTTP {
		r.warnf(o.at("allow_http"), "lets anybody on the network between replace the issuer's keys; use it on closed test networks only")
	}
}

func loadRequiredClaims(r *reader, o *object) map[string][]string {
	v, ok := o.take("required_claims")
	if !ok {
		return nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		r.errorf(o.at("required_claims"), "must be an object of claim → array of accepted strings, not %s", kind(v))
		return nil
	}
	claims := make(map[string][]string, len(m))
	for name, accepted := range m {
		if s, ok := accepted.(string); ok && s != "" {
			claims[name] = []string{s}
			continue
		}
		claims[name] = r.texts(o.at("required_claims")+"."+Printable(name), accepted)
	}
	return claims
}

// loadRootCAs reads the PEM file that ca_file names.
func loadRootCAs(r *reader, o *object, cfg *Config) []byte {
	path := o.text("ca_file")
	if path == "" {
		return nil
	}
	cfg.Files = append(cfg.Files, path)
	pem, err := ReadConfigFile(path)
	if err != nil {
		r.errorf(o.at("ca_file"), "cannot be read: %w", err)
		return nil
	}
	if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		r.errorf(o.at("ca_file"), "holds no PEM certificate")
		return nil
	}
	return pem
}

// checkURL reports why text cannot be the address of an issuer or of its keys (A13, B11).
func checkURL(r *reader, path, text string, allowHTTP bool) {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Host == "", u.Scheme != "https" && u.Scheme != "http":
		r.errorf(path, "must be an absolute http or https URL")
	case u.User != nil, u.RawQuery != "", u.ForceQuery, u.Fragment != "":
		r.errorf(path, "must have neither user, query nor fragment")
	case u.Scheme == "http" && !allowHTTP && !LoopbackHost(u.Hostname()):
		r.errorf(path, "must be an https URL: over http anybody on the way can replace the keys; "+
			`on a closed test network "allow_http": true permits it`)
	}
}

// warnIntrospection says that an opaque token names no issuer.
func warnIntrospection(r *reader, issuers []Issuer) {
	ask := map[string]bool{}
	for _, is := range issuers {
		if is.Introspection != nil {
			ask[is.Issuer] = true
		}
	}
	if len(ask) > 1 {
		r.warnf("issuers", "has introspection for %d issuers: an opaque token is shown to one after the other until one knows it", len(ask))
	}
}

// LoopbackHost reports whether host, a name or an IP address, is this machine.
func LoopbackHost(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// checkAgreement reports entries of one issuer that contradict each other about its keys: there is one key set.
func checkAgreement(r *reader, issuers []Issuer) {
	first := map[string]int{}
	for i, is := range issuers {
		j, ok := first[is.Issuer]
		if !ok || is.Issuer == "" {
			first[is.Issuer] = i
			continue
		}
		a := issuers[j]
		for _, c := range []struct {
			name string
			same bool
		}{
			{"algorithms", slices.Equal(a.Algorithms, is.Algorithms)},
			{"allow_http", a.AllowHTTP == is.AllowHTTP},
			{"ca_file", bytes.Equal(a.RootCAs, is.RootCAs)},
			{"jwks_uri", a.KeysURL == is.KeysURL},
			{"jwks_file", a.KeysFile == is.KeysFile},
			{"bearer_token_file", a.BearerTokenFile == is.BearerTokenFile},
			{"introspection", reflect.DeepEqual(a.Introspection, is.Introspection)},
		} {
			if !c.same {
				r.errorf(fmt.Sprintf("issuers[%d].%s", i, c.name), "differs from that of issuers[%d], which names the same issuer; make them equal", j)
			}
		}
	}
}
