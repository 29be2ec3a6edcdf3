package main

import (
	"context"
	"log/slog"
	"slices"

	"github.com/micromegas-go/micromegas/wire"
)

// logHandler records log lines, their attributes as properties, and passes those that next wants on to it.
type logHandler struct {
	recorder *recorder
	next     slog.Handler
	attrs    wire.Properties
	prefix   string // of groups
}

// Enabled implements slog.Handler: every level is recorded.
func (h logHandler) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (h logHandler) Handle(ctx context.Context, r slog.Record) error {
	p := slices.Clip(h.attrs) // so that appending copies
	r.Attrs(func(a slog.Attr) bool {
		p = append(p, h.property(a))
		return true
	})
	h.recorder.log(levelOf(r.Level), r.Message, p)
	if h.next.Enabled(ctx, r.Level) {
		return h.next.Handle(ctx, r)
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.attrs = slices.Clip(h.attrs)
	for _, a := range attrs {
		h.attrs = append(h.attrs, h.property(a))
	}
	h.next = h.next.WithAttrs(attrs)
	return h
}

// WithGroup implements slog.Handler.
func (h logHandler) WithGroup(name string) slog.Handler {
	h.prefix += name + "."
	h.next = h.next.WithGroup(name)
	return h
}

func (h logHandler) property(a slog.Attr) wire.Property {
	return wire.Property{Name: h.prefix + a.Key, Value: a.Value.Resolve().String()}
}

func levelOf(l slog.Level) int32 {
	switch {
	case l >= slog.LevelError:
		return wire.LevelError
	case l >= slog.LevelWarn:
		return wire.LevelWarn
	case l >= slog.LevelInfo:
		return wire.LevelInfo
	case l >= slog.LevelDebug:
		return wire.LevelDebug
	default:
		return wire.LevelTrace
	}
}
