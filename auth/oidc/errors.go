package oidc

import (
	"errors"

	"github.com/micromegas-go/micromegas/auth"
)

// Why a token is refused; each is the rule it breaks. Callers of the servers never see which.
var (
	ErrTooLong       = errors.New("token is longer than 16 KiB")                         // B12
	ErrNotJWT        = errors.New("not a JWT")                                           // A41
	ErrGoogleAccess  = errors.New("a Google access token is opaque; send the ID token")  // A145
	ErrEncrypted     = errors.New("encrypted tokens (JWE) are not supported")            // B6
	ErrEncoding      = errors.New("a part is not canonical base64url")                   // A41, A47
	ErrHeader        = errors.New("header is not an acceptable JSON object")             // A41, B6
	ErrPayload       = errors.New("payload is not an acceptable JSON object")            // A41, B6
	ErrUnsigned      = errors.New("token is not signed")                                 // A46
	ErrSymmetric     = errors.New("symmetric signature")                                 // A46
	ErrAlgorithm     = errors.New("signature algorithm is not accepted")                 // B1
	ErrCritical      = errors.New("header has critical extensions")                      // B6
	ErrNested        = errors.New("nested JWT")                                          // B6
	ErrType          = errors.New("this type of token is no login")                      // B4
	ErrIssuer        = errors.New("issuer is not configured")                            // A42, A48
	ErrUnknownKey    = errors.New("issuer has no such signing key")                      // A44, B8
	ErrSignature     = errors.New("signature does not verify")                           // A47
	ErrAudience      = errors.New("audience is not accepted")                            // A49
	ErrExpired       = errors.New("token has expired")                                   // A50
	ErrExpiry        = errors.New("exp is missing or not a usable number")               // A50, B5
	ErrNotYetValid   = errors.New("token is not valid yet")                              // B5
	ErrIssuedLater   = errors.New("token was issued in the future")                      // B5
	ErrTime          = errors.New("nbf or iat is not a usable number")                   // B5
	ErrTooOld        = errors.New("token is older than the issuer's max_token_age_secs") // B5
	ErrSubject       = errors.New("sub is missing or empty")                             // A51
	ErrParty         = errors.New("authorized party is not accepted")                    // B7
	ErrTokenType     = errors.New("this kind of token is not accepted from this issuer") // B4
	ErrAccessToken   = errors.New("access token lacks client_id, iat or jti")            // B4, RFC 9068 section 2.2
	ErrRequiredClaim = errors.New("a required claim is missing or has another value")    // B18
	ErrInactive      = errors.New("issuer says that the token is not active")            // B17
	ErrMismatch      = errors.New("introspection speaks of another token")               // B17
	ErrClosed        = errors.New("the server is shutting down")
)

// temporary lists refusals that time or a new key set can turn into an acceptance: they are never remembered (B13).
var temporary = []error{ErrUnknownKey, ErrNotYetValid, ErrIssuedLater}

func permanent(err error) bool {
	for _, t := range temporary {
		if errors.Is(err, t) {
			return false
		}
	}
	_, ok := errors.AsType[*auth.Refusal](err)
	return ok
}
