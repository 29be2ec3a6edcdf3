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
	if !printable(token) {
		return "", ErrMalformed
	}
	return Secret(token), nil
}

// printable reports whether every byte of s is printable ASCII or a blank: 0x20 to 0x7e. A token has hundreds of bytes and
// this is asked on every request, so it takes eight at a time.
func printable(s string) bool {
	var wrong uint64
	for ; len(s) >= 32; s = s[32:] {
		w := s[:32]
		wrong |= unprintable(w[0:8]) | unprintable(w[8:16]) | unprintable(w[16:24]) | unprintable(w[24:32])
	}
	for ; len(s) >= 8; s = s[8:] {
		wrong |= unprintable(s)
	}
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return wrong&0x8080808080808080 == 0
}

// unprintable returns a number with the top bit of some byte set if and only if one of the first eight bytes of s is not
// printable: the bit is set by a byte from 0x80, by 0x7f plus one, and by less than 0x20 minus 0x20. Carries and borrows
// between bytes arise only from a byte that is wrong itself.
func unprintable(s string) uint64 {
	const ones = 0x0101010101010101
	x := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	return x | (x + ones) | (x - 0x20*ones)
}
