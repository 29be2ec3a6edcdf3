package flightsql

import (
	"context"
	"log/slog"
	"net"
	"strings"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

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

// clientIP returns the address of the caller as far as it is known: the last one that a proxy appended, else the peer.
// Without a proxy in front the header is the caller's own word: good for a record, not for a decision.
func clientIP(ctx context.Context) string {
	if lines := metadata.ValueFromIncomingContext(ctx, "x-forwarded-for"); len(lines) > 0 {
		last := lines[len(lines)-1]
		if ip := strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:]); ip != "" {
			return auth.Printable(ip)
		}
	}
	if ip := header(ctx, "x-real-ip"); ip != "" {
		return auth.Printable(ip)
	}
	if p, ok := peer.FromContext(ctx); ok && p.Addr != nil {
		if host, _, err := net.SplitHostPort(p.Addr.String()); err == nil {
			return host
		}
	}
	return "unknown"
}
