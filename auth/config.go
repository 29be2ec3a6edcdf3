package auth

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// The variables that configure authentication.
const (
	EnvOIDCConfig = "MICROMEGAS_OIDC_CONFIG"
	EnvAdmins     = "MICROMEGAS_ADMINS"
	EnvAPIKeys    = "MICROMEGAS_API_KEYS"
)

// ErrNoMethod says that authentication is on and nothing could be accepted (A3).
var ErrNoMethod = errors.New("no method of authentication is configured")

// Config is what the variables say. The zero value accepts nobody.
type Config struct {
	APIKeys []APIKey
	OIDC    OIDC
	Admins  []string // email addresses or subjects
}

// APIKey is one entry of MICROMEGAS_API_KEYS.
type APIKey struct {
	Name        string // for logs and audit; several keys may share one
	Key         Secret
	Admin       bool // the key is an administrator
	MayDelegate bool // the key may name the user it asks for
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
type Issuer struct {
	Issuer            string   // compared exactly with `iss`
	Audiences         []string // any of them must be in `aud`
	Algorithms        []string // allow list; nil means what the issuer announces, cut to what we support
	TokenTypes        []string // "id", "access"; nil means both
	AuthorizedParties []string // accepted `azp` of tokens for several audiences; nil means any
	RequiredClaims    map[string][]string
	EmailClaims       []string // where to look for the email, in order; nil means the usual places (A52)
	EmailDomains      []string // addresses of these domains count although the token says nothing about verification
	TrustEmail        bool     // addresses count although the token says nothing about verification
	AllowHTTP         bool     // fetch keys over http from other machines: for tests on closed networks only
	RootCAs           []byte   // PEM; certificates accepted in addition to the system's
	KeysURL           string   // where the key set is, instead of what discovery says
	MaxTokenAge       time.Duration
}

// LoadConfig reads the configuration of authentication. It reports every mistake at once, joined, each with its variable,
// path and fix, and never a value (A13). Warnings are for the log. A blank variable counts as unset (A15).
func LoadConfig(getenv func(string) string) (cfg Config, warnings []string, err error) {
	var errs []error
	read := func(name string, load func(*reader, string, *Config)) {
		text := getenv(name)
		if strings.TrimSpace(text) == "" {
			return
		}
		r := &reader{variable: name}
		load(r, text, &cfg)
		warnings = append(warnings, r.warnings...)
		errs = append(errs, r.errs...)
	}
	read(EnvAPIKeys, loadAPIKeys)
	read(EnvOIDCConfig, loadOIDC)
	read(EnvAdmins, loadAdmins)
	warnings = append(warnings, adminWarnings(cfg)...)

	if len(errs) == 0 && len(cfg.APIKeys) == 0 && len(cfg.OIDC.Issuers) == 0 {
		errs = append(errs, fmt.Errorf("%w; set %s or %s, or start with --disable-auth to accept everybody",
			ErrNoMethod, EnvAPIKeys, EnvOIDCConfig))
	}
	if err := errors.Join(errs...); err != nil {
		return Config{}, warnings, err
	}
	return cfg, warnings, nil
}
