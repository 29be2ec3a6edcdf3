package oidc

import (
	"strconv"
	"strings"
	"time"

	"github.com/micromegas-go/micromegas/auth"
)

// claim returns the claim that path names: a claim of exactly that name if there is one, since names may hold dots and
// slashes ("https://example.com/groups"); else what a JSON pointer (RFC 6901) or a dotted path leads to. nil when there is
// none.
func claim(c map[string]any, path string) any {
	if v, ok := c[path]; ok {
		return v
	}
	separator, unescape := ".", strings.NewReplacer()
	if strings.HasPrefix(path, "/") {
		path, separator, unescape = path[1:], "/", pointer
	} else if !strings.Contains(path, ".") {
		return nil
	}
	var at any = c
	for name := range strings.SplitSeq(path, separator) {
		name = unescape.Replace(name)
		switch v := at.(type) {
		case map[string]any:
			next, ok := v[name]
			if !ok {
				return nil
			}
			at = next
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			at = v[i]
		default:
			return nil
		}
	}
	return at
}

// pointer undoes the escapes of a JSON pointer; each part of the text is replaced once, as RFC 6901 section 4 wants.
var pointer = strings.NewReplacer("~1", "/", "~0", "~")

func orElse(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// subjectOf returns whom the token is about; "" is refused.
func subjectOf(c map[string]any, entry *auth.Issuer) string {
	s, _ := claim(c, orElse(entry.SubjectClaim, "sub")).(string)
	return s
}

// groups returns the caller's groups: a string or the strings of an array, nil when there are none (B14).
func groups(c map[string]any, entry *auth.Issuer) []string {
	v := claim(c, orElse(entry.GroupsClaim, "groups"))
	if s, ok := v.(string); ok && s != "" {
		return []string{s}
	}
	return texts(v)
}

// groupsUnknown reports whether the token says that it has no room for the groups: Azure then names where to ask for them
// (_claim_names), or that there are some (hasgroups). We do not ask.
func groupsUnknown(c map[string]any) bool {
	if has, ok := c["hasgroups"]; ok && (has == true || has == "true") {
		return true
	}
	names, _ := c["_claim_names"].(map[string]any)
	_, ok := names["groups"]
	return ok
}

// groupsWarningEvery is the least time between two warnings about tokens without groups.
const groupsWarningEvery = time.Minute

// warnGroups says that the groups of a caller are unknown, so that rules for groups do not count.
func (is *issuer) warnGroups() {
	is.mu.Lock()
	now := is.now()
	quiet := !is.warned.IsZero() && now.Sub(is.warned) < groupsWarningEvery
	if !quiet {
		is.warned = now
	}
	is.mu.Unlock()
	if !quiet {
		is.log.Warn("auth groups unknown: the token leaves them out because there are too many; rules for groups do not count for its owner")
	}
}
