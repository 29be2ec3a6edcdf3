package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// What is refused. Errors hold a position and never a part of the input.
var (
	ErrSyntax    = errors.New("not valid JSON")
	ErrLineBreak = errors.New("raw line break inside a string")
	ErrUTF8      = errors.New("not valid UTF-8")
	ErrDuplicate = errors.New("duplicate member name")
	ErrDepth     = errors.New("nested too deeply")
	ErrNotObject = errors.New("not a JSON object")
)

// Object reads one JSON object nested at most depth deep; the object itself is depth 1.
func Object(data []byte, depth int) (map[string]any, error) {
	v, err := Value(data, depth)
	if err != nil {
		return nil, err
	}
	o, ok := v.(map[string]any)
	if !ok {
		return nil, ErrNotObject
	}
	return o, nil
}

// Value reads one JSON value: map[string]any, []any, string, json.Number, bool or nil.
func Value(data []byte, depth int) (any, error) {
	if !utf8.Valid(data) {
		return nil, ErrUTF8
	}
	if err := checkDepth(data, depth); err != nil {
		return nil, err
	}
	if err := checkSyntax(data); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return value(dec, data)
}

// checkSyntax says what is not JSON, and where. The decoder below would find it too; its offsets are relative.
func checkSyntax(data []byte) error {
	var raw json.RawMessage
	err := json.Unmarshal(data, &raw)
	if err == nil {
		return nil
	}
	s, ok := errors.AsType[*json.SyntaxError](err)
	if !ok {
		return ErrSyntax
	}
	at := max(s.Offset-1, 0) // Offset counts the bytes read
	switch {
	case strings.HasPrefix(s.Error(), "unexpected end"):
		return fmt.Errorf("%w: it ends too early (%s)", ErrSyntax, position(data, int64(len(data))))
	case strings.HasSuffix(s.Error(), "after top-level value"):
		return fmt.Errorf("%w: something follows the value (%s)", ErrSyntax, position(data, at))
	case strings.HasSuffix(s.Error(), "in string literal") && (data[at] == '\n' || data[at] == '\r'):
		return fmt.Errorf("%w: %w (%s)", ErrSyntax, ErrLineBreak, position(data, at))
	}
	return fmt.Errorf("%w (%s)", ErrSyntax, position(data, at))
}

// checkDepth bounds the nesting before anything recurses.
func checkDepth(data []byte, most int) error {
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > most {
				return fmt.Errorf("%w (%s)", ErrDepth, position(data, int64(i)))
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

func value(dec *json.Decoder, data []byte) (any, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSyntax, err)
	}
	switch tok {
	case json.Delim('{'):
		return object(dec, data)
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			v, err := value(dec, data)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, end(dec)
	}
	return tok, nil
}

func object(dec *json.Decoder, data []byte) (any, error) {
	o := map[string]any{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSyntax, err)
		}
		name, _ := tok.(string) // the syntax is right
		if _, twice := o[name]; twice {
			return nil, fmt.Errorf("%w (%s)", ErrDuplicate, position(data, dec.InputOffset()))
		}
		if o[name], err = value(dec, data); err != nil {
			return nil, err
		}
	}
	return o, end(dec)
}

// end reads the closing delimiter.
func end(dec *json.Decoder) error {
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("%w: %w", ErrSyntax, err)
	}
	return nil
}

// position names the byte at offset as editors do.
func position(data []byte, offset int64) string {
	before := data[:min(offset, int64(len(data)))]
	lineStart := bytes.LastIndexByte(before, '\n') + 1
	return fmt.Sprintf("line %d, column %d", bytes.Count(before, []byte{'\n'})+1, len(before)-lineStart+1)
}
