package auth

import (
	"errors"
	"strings"
)

// What [Bearer] refuses.
var (
	ErrNoCredential = errors.New("no bearer token")
	ErrMalformed    = errors.New("malformed authorization header")
)

// scheme is matched without regard to case (RFC 9110 section 11.1, A28).
const scheme = "bearer"

// Bearer returns the token in the values of the Authorization header or of the gRPC metadata key `authorization`.
//
// No value or another scheme is [ErrNoCredential]; several values, an empty token, or bytes that are not printable ASCII
// are [ErrMalformed] (A29). The token is everything after the scheme and its spaces (A27).
func Bearer(values []string) (Secret, error) {
	switch len(values) {
	case 0:
		return "", ErrNoCredential
	case 1:
	default:
		return "", ErrMalformed // which of them would count depends on who reads
	}
	v := values[0]
	if len(v) < len(scheme) || !strings.EqualFold(v[:len(scheme)], scheme) {
		return "", ErrNoCredential
	}
	rest := v[len(scheme):]
	token := strings.TrimLeft(rest, " ")
	if token == "" {
		return "", ErrMalformed
	}
	if len(token) == len(rest) {
		return "", ErrNoCredential // "BearerX": another scheme
	}
	for i := 0; i < len(token); i++ {
		if token[i] < 0x20 || token[i] > 0x7e {
			return "", ErrMalformed
		}
	}
	return Secret(token), nil
}
