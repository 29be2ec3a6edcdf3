package server

import (
	"context"
	"io"
	"log/slog"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/internal/server/requestid"
)

// newLogger returns the program's logger. Lines that are logged with a request's context carry its id and who made it.
func newLogger(w io.Writer, c LogConfig) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.Level}
	if c.JSON {
		return slog.New(contextHandler{slog.NewJSONHandler(w, o)})
	}
	return slog.New(contextHandler{slog.NewTextHandler(w, o)})
}

// contextHandler adds what the context knows about the request.
type contextHandler struct{ slog.Handler }

// Handle implements slog.Handler.
func (h contextHandler) Handle(ctx context.Context, r slog.Record) error {
	if id := requestid.From(ctx); id != "" {
		r.AddAttrs(slog.String("request_id", id))
	}
	if id, ok := auth.From(ctx); ok {
		add(&r, "subject", id.Subject)
		add(&r, "email", id.Email)
	}
	return h.Handler.Handle(ctx, r)
}

// add adds what r does not say already; audit records say whom they are about themselves.
func add(r *slog.Record, key, value string) {
	said := value == ""
	r.Attrs(func(a slog.Attr) bool {
		said = said || a.Key == key
		return !said
	})
	if !said {
		r.AddAttrs(slog.String(key, auth.Printable(value)))
	}
}

// WithAttrs implements slog.Handler.
func (h contextHandler) WithAttrs(a []slog.Attr) slog.Handler {
	return contextHandler{h.Handler.WithAttrs(a)}
}

// WithGroup implements slog.Handler.
func (h contextHandler) WithGroup(name string) slog.Handler {
	return contextHandler{h.Handler.WithGroup(name)}
}
