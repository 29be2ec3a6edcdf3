package auth

import (
	"context"
	"strings"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// Role is a role or a set of roles: what a caller may do (B19). The zero value is none.
type Role uint8

// The roles.
const (
	RoleReader     Role = 1 << iota // may query
	RoleWriter                      // may send telemetry
	RoleKeyManager                  // may mint and revoke stored keys
	RoleAdmin                       // may do everything, administrator-only operations included
)

// RoleDefault is what a caller may do whom nothing in the configuration restricts: read and write.
const RoleDefault = RoleReader | RoleWriter

// roleNames are the names of the roles in configuration and logs, in the order of their bits.
var roleNames = [...]string{"reader", "writer", "key-manager", "admin"}

// ParseRole returns the role called name.
func ParseRole(name string) (Role, bool) {
	for i, n := range roleNames {
		if n == name {
			return 1 << i, true
		}
	}
	return 0, false
}

// RoleNames lists what [ParseRole] knows.
func RoleNames() []string { return roleNames[:] }

// Has reports whether r holds every role of wanted. An administrator has all of them.
func (r Role) Has(wanted Role) bool { return r&RoleAdmin != 0 || r&wanted == wanted }

// String returns the names, joined by '+'.
func (r Role) String() string {
	var names []string
	for i, n := range roleNames {
		if r&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, "+")
}

// Require returns nil if the caller in ctx has role, else a fault.PermissionDenied that names operation. A context
// without identity is refused: nothing opens implicitly (A68).
//
// The ingestion door requires [RoleWriter], the analytics door [RoleReader]; see [Chain.Admit].
func Require(ctx context.Context, role Role, operation string) error {
	id, _ := From(ctx)
	return id.require(role, operation)
}

// RequireAdmin returns nil if the caller in ctx is an administrator, else a fault.PermissionDenied that names operation
// (A67).
func RequireAdmin(ctx context.Context, operation string) error {
	return Require(ctx, RoleAdmin, operation)
}

func (id *Identity) require(role Role, operation string) error {
	switch {
	case id != nil && (id.Admin || id.Roles.Has(role)):
		return nil
	case role == RoleAdmin:
		return &fault.Error{
			Kind: fault.PermissionDenied,
			Msg:  operation + " needs an administrator",
			Fix:  id.howToBecomeAdmin(),
		}
	}
	return &fault.Error{
		Kind: fault.PermissionDenied,
		Msg:  operation + " needs the role " + role.String(),
		Fix:  "ask for the role in the configuration of your issuer or key",
	}
}

func (id *Identity) howToBecomeAdmin() string {
	if id != nil && id.Method == MethodAPIKey {
		return `a key is one only with "admin": true in ` + EnvAPIKeys + " or when " + EnvAllowKeyAdmin +
			" names it; people are listed by email or subject in " + EnvAdmins
	}
	return "ask for your email or subject to be added to " + EnvAdmins
}
