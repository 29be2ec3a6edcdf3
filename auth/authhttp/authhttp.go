// Package authhttp puts an [auth.Chain] in front of HTTP routes.
package authhttp

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/internal/fault"
)

// realm is the protection space named to callers (RFC 9110 section 11.5).
const realm = "micromegas"

// Options of [New]. The zero value lets everybody in who is authenticated.
type Options struct {
	Role     auth.Role    // what callers need
	Metadata bool         // the server answers [MetadataPath] with [Door.Metadata], and refusals point there
	Log      *slog.Logger // nil discards
}

// Door is a chain in front of routes, with the journal of its decisions.
type Door struct {
	chain   *auth.Chain
	opts    Options
	journal *auth.Journal
}

// New returns a door of chain.
func New(chain *auth.Chain, o Options) *Door {
	return &Door{chain: chain, opts: o, journal: auth.NewJournal(o.Log, slog.LevelDebug, nil)}
}

// Middleware is the Protect of a door that asks for no role.
func Middleware(chain *auth.Chain, log *slog.Logger) func(http.Handler) http.Handler {
	return New(chain, Options{Log: log}).Protect
}

// Protect lets requests through that the chain accepts, with the caller's [auth.Identity] and address in their context.
//
// It decides before anything of the body is read (A30). What it lets through has lost the Authorization header, since
// handlers have no use for a credential, and the headers of [auth.IdentityHeaders]. Successes are logged at debug,
// refusals as warnings. Routes that are public stay outside of it.
func (d *Door) Protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range auth.IdentityHeaders() {
			r.Header.Del(name)
		}
		operation := r.Method + " " + r.URL.Path
		ctx, err := d.chain.Admit(withCertificate(r), auth.Call{
			Authorization: r.Header["Authorization"],
			Peer:          r.RemoteAddr,
			Header:        r.Header.Values,
			Operation:     operation,
			Role:          d.opts.Role,
		})
		if err != nil {
			d.journal.Refused(ctx, err, operation, r.RemoteAddr)
			if fault.KindOf(err) == fault.Unauthenticated {
				w.Header().Set("WWW-Authenticate", challenge(err)+d.pointer(r))
			}
			Refuse(w, err)
			return
		}
		id, _ := auth.From(ctx)
		d.journal.Accepted(ctx, id, operation, r.RemoteAddr)
		r = r.WithContext(ctx)
		r.Header.Del("Authorization")
		next.ServeHTTP(w, r)
	})
}

// withCertificate returns the request's context with the certificate that TLS has verified, if there is one.
func withCertificate(r *http.Request) context.Context {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return r.Context()
	}
	return auth.WithPeerCertificate(r.Context(), r.TLS.VerifiedChains[0][0])
}

// Refuse answers a request that err, an error of [auth.Chain.Admit] or [auth.RequireAdmin], ended (A73, A74). Nothing of
// err but its public message is sent. A WWW-Authenticate header that is there already stays.
func Refuse(w http.ResponseWriter, err error) {
	status, text := http.StatusInternalServerError, "internal error"
	switch fault.KindOf(err) {
	case fault.Unauthenticated:
		status, text = http.StatusUnauthorized, "Invalid token"
		if w.Header().Get("WWW-Authenticate") == "" {
			w.Header().Set("WWW-Authenticate", challenge(err))
		}
	case fault.PermissionDenied:
		status, text = http.StatusForbidden, fault.Of(err).Public()
	case fault.Unavailable, fault.Canceled:
		status, text = http.StatusServiceUnavailable, fault.Of(err).Public()
		w.Header().Set("Retry-After", retryAfter(fault.Of(err).RetryAfter))
	case fault.Exhausted:
		status, text = http.StatusTooManyRequests, fault.Of(err).Public()
		w.Header().Set("Retry-After", retryAfter(fault.Of(err).RetryAfter))
	case fault.Internal, fault.Invalid, fault.NotFound, fault.TooLarge, fault.Unimplemented, fault.Exists:
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // the caller may have left
}

// challenge is the WWW-Authenticate value: without error when no bearer token was presented (RFC 6750 section 3.1).
func challenge(err error) string {
	if errors.Is(err, auth.ErrNoCredential) {
		return `Bearer realm="` + realm + `"`
	}
	return `Bearer realm="` + realm + `", error="invalid_token"`
}

// retryAfter is d in whole seconds, at least one.
func retryAfter(d time.Duration) string {
	return strconv.Itoa(max(1, int(math.Ceil(d.Seconds()))))
}
