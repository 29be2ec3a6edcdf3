package sink

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// EnvAPIKey holds the API key of the ingestion server.
const EnvAPIKey = "MICROMEGAS_INGESTION_API_KEY"

// APIKeyDecorator puts an API key on each request.
type APIKeyDecorator struct{ key secret }

// NewAPIKeyDecorator returns a decorator with a key.
func NewAPIKeyDecorator(key string) (*APIKeyDecorator, error) {
	key = strings.TrimSpace(key)
	if key == "" {
		return nil, errors.New("the API key is empty")
	}
	if !headerText(key) {
		return nil, errors.New("the API key has characters that a header cannot hold")
	}
	return &APIKeyDecorator{key: secret(key)}, nil
}

// APIKeyDecoratorFromEnv returns a decorator with the key in MICROMEGAS_INGESTION_API_KEY.
func APIKeyDecoratorFromEnv(getenv func(string) string) (*APIKeyDecorator, error) {
	key := strings.TrimSpace(getenv(EnvAPIKey))
	if key == "" {
		return nil, fmt.Errorf("%s is not set; set it to a key of the ingestion server", EnvAPIKey)
	}
	d, err := NewAPIKeyDecorator(key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", EnvAPIKey, err)
	}
	return d, nil
}

// Decorate implements [Decorator].
func (d *APIKeyDecorator) Decorate(r *http.Request) error {
	r.Header.Set("Authorization", "Bearer "+string(d.key))
	return nil
}

// Format keeps the key out of whatever is printed. (A field's own Format is not asked when the struct is printed.)
func (d *APIKeyDecorator) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "API key "+redacted) }

// headerText reports whether s can stand in a header: printable ASCII without spaces.
func headerText(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
