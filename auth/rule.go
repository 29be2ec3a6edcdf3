package auth

import (
	"fmt"
	"slices"
	"strings"
)

// AdminRule is an administrator bound to an issuer (B16): an entry of MICROMEGAS_ADMINS that is an object. Exactly one of
// Subject, Email and Group is set.
type AdminRule struct {
	Issuer  string
	Subject string
	Email   string // counts only when verified
	Group   string
}

// matches reports whether id, of the rule's issuer, is meant.
func (r AdminRule) matches(id *Identity) bool {
	switch {
	case r.Subject != "":
		return id.Subject == r.Subject
	case r.Email != "":
		return id.EmailVerified && id.Email != "" && sameEmail(id.Email, r.Email)
	case r.Group != "":
		return slices.Contains(id.Groups, r.Group)
	}
	return false
}

// RoleRule gives a role to callers of an issuer (B19).
type RoleRule struct {
	Role     Role
	Selector Selector
}

func (r RoleRule) matches(id *Identity) bool { return r.Selector.matches(id) }

// Selector names callers: "*" every authenticated one, "user:<email>" the owner of a verified email, "subject:<sub>",
// "group:<group>" a group of the token.
type Selector struct {
	kind  string // "*", "user", "subject" or "group"
	value string
}

// ParseSelector reads a selector.
func ParseSelector(text string) (Selector, error) {
	if text == "*" {
		return Selector{kind: "*"}, nil
	}
	kind, value, _ := strings.Cut(text, ":")
	if value == "" || !slices.Contains([]string{"user", "subject", "group"}, kind) {
		return Selector{}, fmt.Errorf(`must be "*", "user:<email>", "subject:<sub>" or "group:<group>"`)
	}
	return Selector{kind: kind, value: value}, nil
}

// String returns the selector as [ParseSelector] reads it.
func (s Selector) String() string {
	if s.kind == "*" {
		return s.kind
	}
	return s.kind + ":" + s.value
}

// Matches reports whether id is one of the callers.
func (s Selector) Matches(id *Identity) bool { return id != nil && s.matches(id) }

func (s Selector) matches(id *Identity) bool {
	switch s.kind {
	case "*":
		return true
	case "user":
		return id.EmailVerified && id.Email != "" && sameEmail(id.Email, s.value)
	case "subject":
		return id.Subject == s.value
	case "group":
		return slices.Contains(id.Groups, s.value)
	}
	return false
}
