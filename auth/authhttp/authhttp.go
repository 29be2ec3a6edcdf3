// Package authhttp puts an [auth.Chain] in front of HTTP routes.
package authhttp

import (
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

// Middleware lets requests through that chain accepts, with the caller's [auth.Identity] in their context.
//
// It decides before anything of the body is read (A30). What it lets through has lost the Authorization header, since
// handlers have no use for a credential, and the headers of [auth.IdentityHeaders]. Successes are logged at debug,
// refusals as warnings. Routes that are public stay outside of it.
func Middleware(chain *auth.Chain, log *slog.Logger) func(http.Handler) http.Handler {
	journal := auth.NewJournal(log, slog.LevelDebug, nil)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx := r.Context()
			for _, name := range auth.IdentityHeaders() {
				r.Header.Del(name)
			}
			operation := r.Method + " " + r.URL.Path
			id, err := chain.Authenticate(ctx, r.Header["Authorization"])
			if err != nil {
				journal.Refused(ctx, err, operation, r.RemoteAddr)
				Refuse(w, err)
				return
			}
			journal.Accepted(ctx, id, operation, r.RemoteAddr)
			r = r.WithContext(auth.With(ctx, id))
			r.Header.Del("Authorization")
			next.ServeHTTP(w, r)
		})
	}
}

// Refuse answers a request that err, an error of [auth.Chain.Authenticate] or [auth.RequireAdmin], ended (A73, A74).
// Nothing of err but its public message is sent.
func Refuse(w http.ResponseWriter, err error) {
	status, text := http.StatusInternalServerError, "internal error"
	switch fault.KindOf(err) {
	case fault.Unauthenticated:
		status, text = http.StatusUnauthorized, "Invalid token"
		w.Header().Set("WWW-Authenticate", challenge(err))
	case fault.PermissionDenied:
		status, text = http.StatusForbidden, fault.Of(err).Public()
	case fault.Unavailable, fault.Canceled:
		status, text = http.StatusServiceUnavailable, fault.Of(err).Public()
		w.Header().Set("Retry-After", retryAfter(fault.Of(err).RetryAfter))
	case fault.Exhausted:
		status, text = http.StatusTooManyRequests, fault.Of(err).Public()
		w.Header().Set("Retry-After", retryAfter(fault.Of(err).RetryAfter))
	case fault.Internal, fault.Invalid, fault.NotFound, fault.TooLarge, fault.Unimplemented:
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
