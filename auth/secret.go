package auth

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted stands where a secret would be printed.
const redacted = "[secret]"

// Secret is a key or a token. It cannot be printed, logged or marshalled by accident; string(s) is the way to its bytes.
type Secret string

// Format writes a placeholder whatever the verb: %v, %s, %q, %x, %d, %#v.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler, and so guards JSON.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
