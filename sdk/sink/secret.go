package sink

import (
	"fmt"
	"io"
	"log/slog"
)

// secret is a key or a token. It cannot be printed, logged or marshalled by accident; string(s) is the way to its bytes.
type secret string

const redacted = "[secret]"

// Format writes a placeholder whatever the verb.
func (secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements [slog.LogValuer].
func (secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler, and so guards JSON.
func (secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
