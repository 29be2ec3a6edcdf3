package auth

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Defaults and bounds of introspection, in seconds.
const (
	defaultIntrospectionTTL = 30
	mostIntrospectionTTL    = 3600
)

// claim returns the optional claim called name: a name, a dotted path or a JSON pointer.
func (o *object) claim(name string) string {
	s := o.text(name)
	if strings.HasPrefix(s, "/") && strings.Contains(strings.NewReplacer("~0", "", "~1", "").Replace(s), "~") {
		o.r.errorf(o.at(name), "must be a JSON pointer, in which ~ is written ~0 and / is written ~1 (RFC 6901)")
	}
	return s
}

// loadRoles reads the roles that an issuer's callers get: {"reader": ["*"], "admin": ["group:ops"]} (B19).
func loadRoles(r *reader, o *object) []RoleRule {
	v, ok := o.take("roles")
	if !ok {
		return nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		r.errorf(o.at("roles"), "must be an object of role → array of selectors, not %s", kind(v))
		return nil
	}
	rules := []RoleRule{} // not nil: an empty object gives nothing
	for _, name := range slices.Sorted(maps.Keys(m)) {
		path := o.at("roles") + "." + Printable(name)
		role, ok := ParseRole(name)
		if !ok {
			r.errorf(path, "is no role; use %s", strings.Join(RoleNames(), ", "))
			continue
		}
		for i, text := range r.texts(path, m[name]) {
			selector, err := ParseSelector(text)
			if err != nil {
				r.errorf(fmt.Sprintf("%s[%d]", path, i), "%w", err)
				continue
			}
			if role == RoleAdmin && selector.kind == "*" {
				r.warnf(path, "makes every caller of this issuer an administrator")
			}
			rules = append(rules, RoleRule{Role: role, Selector: selector})
		}
	}
	return rules
}

// loadIntrospection reads how to ask the issuer about tokens (B17).
func loadIntrospection(r *reader, o *object, allowHTTP bool) *Introspection {
	v, ok := o.take("introspection")
	if !ok {
		return nil
	}
	in, ok := r.object(o.at("introspection"), v)
	if !ok {
		return nil
	}
	i := &Introspection{
		Endpoint:         in.text("endpoint"),
		ClientID:         in.required("client_id", "the id of this server at the issuer"),
		ClientSecret:     Secret(in.text("client_secret")),
		ClientSecretFile: in.text("client_secret_file"),
		AuthMethod:       in.text("auth_method"),
		CacheTTL:         time.Duration(in.number("cache_ttl_secs", defaultIntrospectionTTL, mostIntrospectionTTL)) * time.Second,
	}
	switch mode := in.text("mode"); mode {
	case "", "opaque":
	case "always":
		i.Always = true
	default:
		r.errorf(in.at("mode"), `must be "opaque", which asks about tokens that are no JWTs, or "always"`)
	}
	if i.AuthMethod != "" && i.AuthMethod != "client_secret_basic" && i.AuthMethod != "client_secret_post" {
		r.errorf(in.at("auth_method"), `must be "client_secret_basic" or "client_secret_post"`)
	}
	if i.Endpoint != "" {
		checkURL(r, in.at("endpoint"), i.Endpoint, allowHTTP)
	}
	switch {
	case i.ClientSecret != "" && i.ClientSecretFile != "":
		r.errorf(in.path, `has both "client_secret" and "client_secret_file"; remove one`)
	case i.ClientSecret == "" && i.ClientSecretFile == "":
		r.errorf(in.at("client_secret_file"), "is missing; set it to a file with the secret of the client")
	case i.ClientSecretFile != "":
		if _, err := ReadConfigFile(i.ClientSecretFile); err != nil {
			r.errorf(in.at("client_secret_file"), "cannot be read: %w", err)
		}
	}
	in.done()
	return i
}
