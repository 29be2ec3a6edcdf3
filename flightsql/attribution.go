package flightsql

import (
	"context"
	"log/slog"

	"github.com/micromegas-go/micromegas/auth"
)

// subject returns whose credential came with the call: issuer and subject, as one alone does not name anybody. It is
// empty on a server without authentication.
func subject(ctx context.Context) string {
	if id, ok := auth.From(ctx); ok {
		return id.Issuer + "\n" + id.Subject
	}
	return ""
}

// attribute returns who the query is recorded for; claiming to be somebody else is refused.
func attribute(ctx context.Context) (auth.Attribution, error) {
	id, _ := auth.From(ctx)
	return auth.Attribute(id, header(ctx, auth.HeaderUserID), header(ctx, auth.HeaderUserEmail), header(ctx, auth.HeaderUserName))
}

// userAttrs are the audit record's words for a.
func userAttrs(a auth.Attribution) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("user", auth.Printable(a.UserID)),
		slog.String("email", auth.Printable(a.UserEmail)),
		slog.Bool("service_account", a.ServiceAccount != ""),
	}
	if a.UserName != "" {
		attrs = append(attrs, slog.String("name", auth.Printable(a.UserName)))
	}
	if a.ServiceAccount != "" {
		attrs = append(attrs, slog.String("service_account_name", auth.Printable(a.ServiceAccount)))
	}
	return attrs
}

// clientIP returns the address of the caller, found by the door under the rule for proxies; "unknown" when they
// contradict each other.
func clientIP(ctx context.Context) string {
	if addr := auth.ClientAddr(ctx); addr.IsValid() {
		return addr.String()
	}
	return "unknown"
}

// callerAttrs are the audit record's words for how the caller proved who it is. The subject is there where the query is
// recorded for somebody else.
func callerAttrs(ctx context.Context) []slog.Attr {
	id, ok := auth.From(ctx)
	if !ok {
		return nil
	}
	return []slog.Attr{
		slog.String("auth_method", string(id.Method)),
		slog.String("auth_subject", auth.Printable(id.Subject)),
		slog.String("issuer", auth.Printable(id.Issuer)),
		slog.Bool("admin", id.Admin),
	}
}
