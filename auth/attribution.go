package auth

import (
	"net/url"
	"unicode/utf8"

	"github.com/micromegas-go/micromegas/internal/fault"
)

// Headers in which a client says on whose behalf it asks (A72).
const (
	HeaderUserID    = "x-user-id"
	HeaderUserEmail = "x-user-email"
	HeaderUserName  = "x-user-name"
)

// Attribution is who a query is recorded for. It is for the audit alone and never widens access.
type Attribution struct {
	UserID         string
	UserEmail      string
	UserName       string // display only
	ServiceAccount string // the key that asked on the user's behalf
}

const (
	unknownUser         = "unknown"
	serviceAccountEmail = "service-account"
)

// Attribute combines who the caller is with whom it claims to ask for; the claims are the three headers as received,
// empty when absent, possibly percent-encoded.
//
// An OIDC caller, and a key that may not delegate, can only name itself: anything else is a fault.PermissionDenied that
// names the header. A key that may delegate, and anybody on a server without authentication, is believed.
func Attribute(id *Identity, userID, userEmail, userName string) (Attribution, error) {
	userID, userEmail, userName = decode(userID), decode(userEmail), decode(userName)
	if id == nil || id.Method == MethodNone {
		return Attribution{
			UserID:    orElse(userID, unknownUser),
			UserEmail: orElse(userEmail, unknownUser),
			UserName:  userName,
		}, nil
	}
	if id.MayDelegate {
		a := Attribution{
			UserID:    orElse(userID, id.Subject),
			UserEmail: orElse(userEmail, serviceAccountEmail),
			UserName:  userName,
		}
		if userID != "" || userEmail != "" {
			a.ServiceAccount = id.Subject
		}
		return a, nil
	}
	if userID != "" && userID != id.Subject {
		return Attribution{}, notYou(HeaderUserID)
	}
	if userEmail != "" && id.Email != "" && userEmail != id.Email {
		return Attribution{}, notYou(HeaderUserEmail)
	}
	if id.Method == MethodAPIKey {
		return Attribution{UserID: id.Subject, UserEmail: serviceAccountEmail, UserName: userName}, nil
	}
	return Attribution{UserID: id.Subject, UserEmail: id.Email, UserName: userName}, nil
}

func notYou(header string) error {
	return &fault.Error{
		Kind: fault.PermissionDenied,
		Msg:  header + " names another user than the credential",
		Fix:  "leave it out, or use an API key that may delegate",
	}
}

// decode undoes percent-encoding where that gives UTF-8.
func decode(s string) string {
	if d, err := url.PathUnescape(s); err == nil && utf8.ValidString(d) {
		return d
	}
	return s
}

func orElse(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
