package keyadmin

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/internal/server/requestid"
	"github.com/micromegas-go/micromegas/telemetry"
)

// onlyAudience is the audience that all data has, until there are others.
const onlyAudience = "public"

// Record is a key as the routes show it, for JSON. Members without omitempty are those that clients count on.
type Record struct {
	KeyID       string     `json:"key_id"`
	Name        string     `json:"name"`
	Roles       []string   `json:"roles"`
	CreatedAt   time.Time  `json:"created_at"`
	CreatedBy   string     `json:"created_by"`
	NotBefore   *time.Time `json:"not_before"`
	ExpiresAt   *time.Time `json:"expires_at"`
	LastUsedAt  *time.Time `json:"last_used_at"`
	RevokedAt   *time.Time `json:"revoked_at"`
	RevokedBy   *string    `json:"revoked_by"`
	AllowedCIDR []string   `json:"allowed_cidrs"`
	MayDelegate bool       `json:"may_delegate"`
	Audience    string     `json:"audience,omitempty"`
	Imported    *bool      `json:"imported,omitempty"` // in the answer to an import: whether the key is new
	Key         string     `json:"key,omitempty"`      // in the answer to its creation
}

func (f family) answer(k catalog.Key) Record {
	a := View(k)
	if f.role == ingestion.role {
		a.Audience = onlyAudience
	}
	return a
}

// View returns k as the routes show it.
func View(k catalog.Key) Record {
	a := Record{
		KeyID: k.ID.String(), Name: k.Name, Roles: k.Roles, CreatedAt: k.Created.Std(), CreatedBy: k.CreatedBy,
		NotBefore: optional(k.NotBefore), ExpiresAt: optional(k.Expires), LastUsedAt: optional(k.LastUsed), RevokedAt: optional(k.Revoked),
		AllowedCIDR: []string{}, MayDelegate: k.MayDelegate,
	}
	if k.Revoked != 0 {
		a.RevokedBy = &k.RevokedBy
	}
	for _, n := range k.Networks {
		a.AllowedCIDR = append(a.AllowedCIDR, n.String())
	}
	return a
}

func optional(t telemetry.Time) *time.Time {
	if t == 0 {
		return nil
	}
	s := t.Std()
	return &s
}

func answer(w http.ResponseWriter, status int, v any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller may have left
}

// refusal turns what the door says to those whom it does not let in, a status with a text, into our form.
type refusal struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements [http.ResponseWriter]; the status waits for the text.
func (r *refusal) WriteHeader(status int) { r.status = status }

// Write implements [http.ResponseWriter].
func (r *refusal) Write(text []byte) (int, error) {
	code := map[int]string{
		http.StatusUnauthorized: "UNAUTHENTICATED", http.StatusForbidden: "FORBIDDEN",
		http.StatusTooManyRequests: "TOO_MANY_FAILURES", http.StatusServiceUnavailable: "UNAVAILABLE",
	}[r.status]
	if code == "" {
		code = "DATABASE_ERROR"
	}
	answer(r.ResponseWriter, r.status, errorAnswer{code, strings.TrimSpace(string(text))})
	return len(text), nil
}

type errorAnswer struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// refuse answers a request that failed and logs why.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status, code, msg := public(err)
	switch status {
	case http.StatusInternalServerError:
		msg += requestid.From(r.Context())
		h.log.ErrorContext(r.Context(), "request about API keys failed", "method", r.Method, "path", r.URL.Path, "err", err)
	case http.StatusForbidden:
		h.log.WarnContext(r.Context(), "request about API keys refused", "method", r.Method, "path", r.URL.Path, "err", err)
	case http.StatusServiceUnavailable:
		h.log.WarnContext(r.Context(), "request about API keys refused, the client may retry", "path", r.URL.Path, "err", err)
	}
	if e := fault.Of(err); e != nil && (e.Kind == fault.Unavailable || e.Kind == fault.Exhausted) {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(e.RetryAfter.Seconds())))))
	}
	answer(w, status, errorAnswer{code, msg})
}

// public returns what the caller learns of an error.
func public(err error) (status int, code, msg string) {
	e := fault.Of(err)
	if e == nil {
		return http.StatusInternalServerError, "DATABASE_ERROR", "internal error; the server's log has the reason under request id "
	}
	switch e.Kind {
	case fault.Invalid:
		return http.StatusBadRequest, "BAD_REQUEST", e.Public()
	case fault.Unauthenticated:
		return http.StatusUnauthorized, "UNAUTHENTICATED", "Invalid token"
	case fault.PermissionDenied:
		return http.StatusForbidden, "FORBIDDEN", e.Public()
	case fault.NotFound:
		return http.StatusNotFound, "NOT_FOUND", e.Public()
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge, "BODY_TOO_LARGE", e.Public()
	case fault.Exhausted:
		return http.StatusTooManyRequests, "TOO_MANY_FAILURES", e.Public()
	case fault.Unavailable, fault.Canceled:
		return http.StatusServiceUnavailable, "UNAVAILABLE", e.Public()
	case fault.Exists:
		return http.StatusConflict, "EXISTS", e.Public()
	case fault.Internal, fault.Unimplemented:
	}
	return http.StatusInternalServerError, "DATABASE_ERROR", "internal error; the server's log has the reason under request id "
}
