package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// clean makes s storable as text on both databases: PostgreSQL refuses NUL and what is not UTF-8.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// toJSON encodes a map or list of strings; nil becomes the empty one.
func toJSON[T map[string]string | []string](v T) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	text := strings.TrimSuffix(b.String(), "\n")
	if text == "null" {
		if _, ok := any(v).([]string); ok {
			return "[]", nil
		}
		return "{}", nil
	}
	return text, nil
}

// fromJSON reads a column that toJSON wrote.
func fromJSON(text string, v any) error {
	if text == "{}" || text == "[]" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), v); err != nil {
		return fmt.Errorf("column is not JSON: %w", err)
	}
	return nil
}

// bytesOf returns b for a column that is not null.
func bytesOf(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
