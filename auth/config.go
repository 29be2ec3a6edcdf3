package auth

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// The variables that configure authentication. The first three may instead name a file, see [EnvFile].
const (
	EnvOIDCConfig = "MICROMEGAS_OIDC_CONFIG"
	EnvAdmins     = "MICROMEGAS_ADMINS"
	EnvAPIKeys    = "MICROMEGAS_API_KEYS"

	EnvAllowKeyAdmin  = "MICROMEGAS_ALLOW_KEY_ADMIN"   // the name of the API key that is an administrator (B19)
	EnvTrustedProxies = "MICROMEGAS_TRUSTED_PROXIES"   // networks whose forwarding headers count, separated by commas (B26)
	EnvFailureRate    = "MICROMEGAS_AUTH_FAILURE_RATE" // failures per second and client address; 0 means no limit (B25)
	EnvFailureBurst   = "MICROMEGAS_AUTH_FAILURE_BURST"
)

// EnvFile returns the variable that names a file with the value of variable (B33).
func EnvFile(variable string) string { return variable + "_FILE" }

// ErrNoMethod says that authentication is on and nothing could be accepted (A3).
var ErrNoMethod = errors.New("no method of authentication is configured")

// Config is what the variables say. The zero value accepts nobody.
type Config struct {
	APIKeys    []APIKey
	OIDC       OIDC
	Admins     []string    // email addresses or subjects
	AdminRules []AdminRule // administrators bound to an issuer
	Proxies    Proxies
	Limits     Limits

	Files []string // what was read and may change: see package authenv on reloading
}

// APIKey is one entry of MICROMEGAS_API_KEYS.
type APIKey struct {
	Name        string // for logs and audit; several keys may share one
	Key         Secret // empty when Hash is there instead
	Hash        string // what [HashKey] gives for the key; empty when Key is there
	Admin       bool   // the key is an administrator
	MayDelegate bool   // the key may name the user it asks for
	Roles       Role   // what the key may do; 0 means read and write
	NotBefore   time.Time
	ExpiresAt   time.Time      // zero means never
	Networks    []netip.Prefix // where the key may come from; nil means anywhere
}

// OIDC is MICROMEGAS_OIDC_CONFIG. No issuers means that OpenID Connect is not configured.
type OIDC struct {
	Issuers []Issuer

	KeyRefresh    time.Duration // life of a fetched key set
	KeyMaxStale   time.Duration // how long an expired key set may serve while the issuer is out of reach; 0 means not
	KeyMinRefresh time.Duration // at most one refresh for unknown keys in this time

	TokenCacheSize    int           // validated tokens; 0 turns the cache off
	TokenCacheTTL     time.Duration // 0 turns the cache off
	NegativeCacheSize int           // refused tokens; 0 turns the cache off
	NegativeCacheTTL  time.Duration // 0 turns the cache off

	ClockSkew    time.Duration // how far nbf and iat may lie in the future
	ExpiryLeeway time.Duration // how long a token is accepted after exp
}

// Issuer is one entry of issuers. Several entries may name one issuer: each adds accepted audiences (A10).
//
// Claims are named by themselves, by a dotted path ("realm_access.roles") or by a JSON pointer ("/realm_access/roles",
// RFC 6901).
type Issuer struct {
	Issuer            string   // compared exactly with `iss`
	Audiences         []string // any of them must be in `aud`
	Algorithms        []string // allow list; nil means what the issuer announces, cut to what we support
	TokenTypes        []string // "id", "access"; nil means both
	AuthorizedParties []string // accepted `azp` of tokens for several audiences; nil means any
	RequiredClaims    map[string][]string
	SubjectClaim      string        // empty means sub
	NameClaim         string        // empty means name
	GroupsClaim       string        // empty means groups
	EmailClaims       []string      // where to look for the email, in order; nil means the usual places (A52)
	EmailDomains      []string      // addresses of these domains count although the token says nothing about verification
	TrustEmail        bool          // addresses count although the token says nothing about verification
	MaxTokenAge       time.Duration // since iat; 0 means no limit
	Roles             []RoleRule    // what callers may do; nil means read and write

	// How keys are had. Entries of one issuer agree about these.
	AllowHTTP       bool   // fetch keys over http from other machines: for tests on closed networks only
	RootCAs         []byte // PEM; certificates accepted in addition to the system's
	KeysURL         string // where the key set is, instead of what discovery says
	KeysFile        string // a file with the key set: the issuer is never asked
	BearerTokenFile string // a file with the token that the issuer wants to see before it shows its keys; read each time
	Introspection   *Introspection
}

// Introspection says how to ask an issuer about tokens (RFC 7662, B17).
type Introspection struct {
	Endpoint         string // empty means what discovery says
	ClientID         string
	ClientSecret     Secret
	ClientSecretFile string        // read for each question, in the place of ClientSecret
	AuthMethod       string        // client_secret_basic or client_secret_post; empty means what discovery says, else basic
	Always           bool          // ask about JWTs too, so that a revoked one ends at once
	CacheTTL         time.Duration // how long an answer is good for
}

// LoadConfig reads the configuration of authentication. It reports every mistake at once, joined, each with its variable,
// path and fix, and never a value (A13). Warnings are for the log. A blank variable counts as unset (A15).
//
// When the only mistake is [ErrNoMethod] the configuration is returned too, for programs that have another method.
func LoadConfig(getenv func(string) string) (cfg Config, warnings []string, err error) {
	l := loader{getenv: getenv}
	l.json(EnvAPIKeys, loadAPIKeys)
	l.json(EnvOIDCConfig, loadOIDC)
	l.json(EnvAdmins, loadAdmins)
	l.text(EnvAllowKeyAdmin, loadAllowKeyAdmin)
	l.text(EnvTrustedProxies, loadProxies)
	l.limits()
	l.warnings = append(l.warnings, adminWarnings(l.cfg)...)

	if err := errors.Join(l.errs...); err != nil {
		return Config{}, l.warnings, err
	}
	if len(l.cfg.APIKeys) == 0 && len(l.cfg.OIDC.Issuers) == 0 {
		return l.cfg, l.warnings, fmt.Errorf("%w; set %s or %s, or start with --disable-auth to accept everybody",
			ErrNoMethod, EnvAPIKeys, EnvOIDCConfig)
	}
	return l.cfg, l.warnings, nil
}
