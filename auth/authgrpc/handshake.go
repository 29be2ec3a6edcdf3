package authgrpc

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/micromegas-go/micromegas/auth"
)

// HandshakeMethod is the call with which Flight clients that know names and passwords log in (B39).
const HandshakeMethod = "/arrow.flight.protocol.FlightService/Handshake"

const bearer = "Bearer "

// A Presenter takes the credential of a handshake: the password, which is a key or a token, whatever the user name. It
// decides and writes the journal as for every call. The context has the caller's identity; the error is a status.
type Presenter func(ctx context.Context, password auth.Secret) (context.Context, error)

type handshakeKey struct{}

// handshakeState is what a handshake began with.
type handshakeState struct {
	present  Presenter
	password auth.Secret // of the header; empty when it has none
	basic    bool        // the header had basic credentials
}

// handshake lets a handshake in whose credential is a name with a password, or not there yet.
func (d *Door) handshake(ctx context.Context, credential []string) context.Context {
	h := handshakeState{present: func(ctx context.Context, password auth.Secret) (context.Context, error) {
		var values []string // none at all when there is no password: a client certificate may do
		if password != "" {
			values = []string{bearer + string(password)}
		}
		return d.decide(ctx, values, HandshakeMethod)
	}}
	switch {
	case len(credential) == 0:
	case len(credential) == 1:
		h.password, h.basic = basicPassword(credential[0])
		if h.basic && h.password != "" {
			break
		}
		fallthrough
	default: // another scheme, nothing that can be read, or several: refused as everywhere
		h.basic = true
		h.present = func(ctx context.Context, _ auth.Secret) (context.Context, error) {
			return d.decide(ctx, credential, HandshakeMethod)
		}
	}
	return context.WithValue(ctx, handshakeKey{}, h)
}

// Handshake returns how a handshake goes on that the door let in without a decision, ok is false when it has decided
// already, or when there is no door. With basic credentials in the header password is theirs; without, the first message
// has to have them.
func Handshake(ctx context.Context) (present Presenter, password auth.Secret, inHeader, ok bool) {
	h, ok := ctx.Value(handshakeKey{}).(handshakeState)
	return h.present, h.password, h.basic, ok
}

// isBearer reports whether the credential is one that needs no handshake.
func isBearer(credential []string) bool {
	return len(credential) == 1 && len(credential[0]) >= len(bearer)-1 && strings.EqualFold(credential[0][:len(bearer)-1], bearer[:len(bearer)-1])
}

// basicPassword returns the password of basic credentials (RFC 7617). Clients write base64 with and without padding.
func basicPassword(value string) (auth.Secret, bool) {
	const scheme = "basic "
	if len(value) < len(scheme) || !strings.EqualFold(value[:len(scheme)], scheme) {
		return "", false
	}
	text, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.Trim(value[len(scheme):], " "), "="))
	if err != nil {
		return "", false
	}
	_, password, ok := strings.Cut(string(text), ":")
	return auth.Secret(password), ok
}
