package auth

import "fmt"

// shortKey is the length below which a key gets a warning: 16 characters of base64 are 96 bits.
const shortKey = 16

// loadAPIKeys reads MICROMEGAS_API_KEYS: [{"name": …, "key": …, "admin": …, "may_delegate": …}].
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
	seen := map[Secret]int{}
	for i, e := range list {
		o, ok := r.object(fmt.Sprintf("[%d]", i), e)
		if !ok {
			continue
		}
		k := APIKey{
			Name:        o.required("name", "a name for logs"),
			Key:         Secret(o.required("key", "the secret that the client sends")),
			Admin:       o.flag("admin", false),
			MayDelegate: o.flag("may_delegate", true), // compatibility (B22)
		}
		// These would restrict the key; see [object.done].
		o.done("expires_at", "not_before", "roles", "audience", "allowed_cidrs", "sha256")
		if first, twice := seen[k.Key]; twice && k.Key != "" {
			r.errorf(o.at("key"), "is the same as that of [%d]; every entry needs a key of its own", first)
			continue
		}
		seen[k.Key] = i
		checkKey(r, o.at("key"), string(k.Key))
		cfg.APIKeys = append(cfg.APIKeys, k)
	}
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
