package auth

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// shortKey is the length below which a key gets a warning: 16 characters of base64 are 96 bits.
const shortKey = 16

// HashKey returns what "sha256" of an entry of MICROMEGAS_API_KEYS has to be for key, so that the configuration holds no
// secret (B27): the SHA-256 of its bytes in hexadecimal. That is safe for random keys alone; a password could be guessed.
// A key that looks like a JWT is accepted in clear only, see package apikey.
func HashKey(key Secret) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// loadAPIKeys reads MICROMEGAS_API_KEYS: [{"name": …, "key" or "sha256": …, …}].
func loadAPIKeys(r *reader, text string, cfg *Config) {
	v, ok := r.parse(text)
	if !ok {
		return
	}
	list, ok := v.([]any)
	if !ok {
		r.errorf("", `must be a JSON array of {"name", "key"}, not %s`, kind(v))
		return
	}
	seen := map[string]int{} // by hash
	for i, e := range list {
		o, ok := r.object(fmt.Sprintf("[%d]", i), e)
		if !ok {
			continue
		}
		k := loadAPIKey(r, o)
		hash := k.Hash
		if k.Key != "" {
			hash = HashKey(k.Key)
		}
		if first, twice := seen[hash]; twice && hash != "" {
			r.errorf(o.at("key"), "is the same as that of [%d]; every entry needs a key of its own", first)
			continue
		}
		seen[hash] = i
		cfg.APIKeys = append(cfg.APIKeys, k)
	}
}

func loadAPIKey(r *reader, o *object) APIKey {
	k := APIKey{
		Name:        o.required("name", "a name for logs"),
		Admin:       o.flag("admin", false),
		MayDelegate: o.flag("may_delegate", true), // compatibility (B22)
		NotBefore:   o.time("not_before"),
		ExpiresAt:   o.time("expires_at"),
		Networks:    o.networks("allowed_cidrs"),
		Roles:       o.roles("roles"),
	}
	if k.Roles.Has(RoleAdmin) {
		k.Admin = true
	}
	if _, ok := o.members["sha256"]; ok {
		if _, both := o.members["key"]; both {
			r.errorf(o.path, `has both "key" and "sha256"; remove one`)
			o.taken["key"] = true
		}
		k.Hash = strings.ToLower(o.required("sha256", "the SHA-256 of the key, 64 hexadecimal digits"))
		if raw, err := hex.DecodeString(k.Hash); k.Hash != "" && (err != nil || len(raw) != sha256.Size) {
			r.errorf(o.at("sha256"), "must be 64 hexadecimal digits, the SHA-256 of the key")
		}
	} else {
		k.Key = Secret(o.required("key", "the secret that the client sends"))
		checkKey(r, o.at("key"), string(k.Key))
	}
	if !k.NotBefore.IsZero() && !k.ExpiresAt.IsZero() && !k.NotBefore.Before(k.ExpiresAt) {
		r.errorf(o.at("expires_at"), "is not after not_before: the key would never be accepted")
	}
	o.done("audience") // it would restrict the key; see [object.done]
	return k
}

// loadAllowKeyAdmin reads MICROMEGAS_ALLOW_KEY_ADMIN: the name of a key, for installations without an identity provider
// (B19). It is read after the keys. Stored keys cannot be named: whoever mints them chooses their names.
func loadAllowKeyAdmin(r *reader, text string, cfg *Config) {
	name, found := strings.TrimSpace(text), false
	for i := range cfg.APIKeys {
		if cfg.APIKeys[i].Name == name {
			cfg.APIKeys[i].Admin, found = true, true
		}
	}
	if !found {
		r.errorf("", "names no key of %s; write the name of one, or unset the variable", EnvAPIKeys)
	}
}

// time returns the optional time called name (RFC 3339).
func (o *object) time(name string) time.Time {
	s := o.text(name)
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		o.r.errorf(o.at(name), "must be a time such as 2027-01-31T00:00:00Z (RFC 3339)")
	}
	return t
}

// networks returns the optional array of networks called name; nil when absent.
func (o *object) networks(name string) []netip.Prefix {
	texts := o.texts(name)
	if texts == nil {
		return nil
	}
	if _, isList := o.members[name].([]any); isList && len(texts) == 0 {
		o.r.errorf(o.at(name), "is empty; list at least one network, or remove it to allow every address")
	}
	networks := make([]netip.Prefix, 0, len(texts))
	for i, s := range texts {
		n, ok := ParseNetwork(s)
		if !ok {
			o.r.errorf(fmt.Sprintf("%s[%d]", o.at(name), i), notNetwork)
			continue
		}
		networks = append(networks, n)
	}
	return networks
}

// roles returns the optional array of roles called name; 0 when absent.
func (o *object) roles(name string) Role {
	texts := o.texts(name)
	if texts == nil {
		return 0
	}
	if len(texts) == 0 {
		o.r.errorf(o.at(name), "is empty or wrong; list roles, or remove it")
	}
	var roles Role
	for i, s := range texts {
		role, ok := ParseRole(s)
		if !ok {
			o.r.errorf(fmt.Sprintf("%s[%d]", o.at(name), i), "must be one of %s", strings.Join(RoleNames(), ", "))
		}
		roles |= role
	}
	return roles
}

// checkKey reports what keeps key from being sent as a bearer token (A24).
func checkKey(r *reader, path, key string) {
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			r.errorf(path, "has a character outside printable ASCII, or a blank, at position %d; such a key cannot be sent in a header", i)
			return
		}
	}
	if key != "" && len(key) < shortKey {
		r.warnf(path, "has only %d characters; keys of %d and more random ones cannot be guessed", len(key), shortKey)
	}
}
