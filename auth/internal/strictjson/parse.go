package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
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
	p := parser{data: data, depth: depth}
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	if p.blanks(); p.at < len(data) {
		return nil, p.fail(fmt.Errorf("%w: something follows the value", ErrSyntax))
	}
	return v, nil
}

// parser reads a value from left to right. It is several times as fast as encoding/json read token by token, and every
// new token of every caller is parsed before anything is known about it.
type parser struct {
	data  []byte
	at    int
	depth int // levels that may still be opened
}

// fail says where err is.
func (p *parser) fail(err error) error {
	return fmt.Errorf("%w (%s)", err, position(p.data, p.at))
}

// unexpected is the answer to what the grammar has no place for.
func (p *parser) unexpected() error {
	if p.at >= len(p.data) {
		return p.fail(fmt.Errorf("%w: it ends too early", ErrSyntax))
	}
	return p.fail(ErrSyntax)
}

func (p *parser) blanks() {
	for p.at < len(p.data) {
		switch p.data[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// next skips blanks and returns the byte after them, 0 at the end: no byte of the grammar is 0.
func (p *parser) next() byte {
	p.blanks()
	if p.at >= len(p.data) {
		return 0
	}
	return p.data[p.at]
}

func (p *parser) value() (any, error) {
	switch c := p.next(); {
	case c == '{':
		return p.nested(p.object)
	case c == '[':
		return p.nested(p.array)
	case c == '"':
		return p.text()
	case c == 't':
		return true, p.literal("true")
	case c == 'f':
		return false, p.literal("false")
	case c == 'n':
		return nil, p.literal("null")
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	}
	return nil, p.unexpected()
}

// nested reads what begins with a bracket.
func (p *parser) nested(read func() (any, error)) (any, error) {
	if p.depth == 0 {
		return nil, p.fail(ErrDepth)
	}
	p.depth--
	p.at++
	v, err := read()
	p.depth++
	return v, err
}

func (p *parser) object() (any, error) {
	o := map[string]any{}
	if p.next() == '}' {
		p.at++
		return o, nil
	}
	for {
		if p.next() != '"' {
			return nil, p.unexpected()
		}
		name, err := p.text()
		if err != nil {
			return nil, err
		}
		if _, twice := o[name]; twice {
			return nil, p.fail(ErrDuplicate)
		}
		if p.next() != ':' {
			return nil, p.unexpected()
		}
		p.at++
		if o[name], err = p.value(); err != nil {
			return nil, err
		}
		switch p.next() {
		case ',':
			p.at++
		case '}':
			p.at++
			return o, nil
		default:
			return nil, p.unexpected()
		}
	}
}

func (p *parser) array() (any, error) {
	list := []any{}
	if p.next() == ']' {
		p.at++
		return list, nil
	}
	for {
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		switch p.next() {
		case ',':
			p.at++
		case ']':
			p.at++
			return list, nil
		default:
			return nil, p.unexpected()
		}
	}
}

func (p *parser) literal(word string) error {
	if !bytes.HasPrefix(p.data[p.at:], []byte(word)) {
		return p.fail(ErrSyntax)
	}
	p.at += len(word)
	return nil
}

// text reads a string. One with escapes is left to encoding/json.
func (p *parser) text() (string, error) {
	begin := p.at
	escaped := false
	for p.at++; p.at < len(p.data); p.at++ {
		switch c := p.data[p.at]; {
		case c == '"':
			p.at++
			if !escaped {
				return string(p.data[begin+1 : p.at-1]), nil
			}
			var s string
			if err := json.Unmarshal(p.data[begin:p.at], &s); err != nil {
				p.at = begin
				return "", p.fail(fmt.Errorf("%w: bad escape in the string", ErrSyntax))
			}
			return s, nil
		case c == '\\':
			escaped = true
			p.at++ // whatever it is, it does not end the string
		case c == '\n' || c == '\r':
			return "", p.fail(fmt.Errorf("%w: %w", ErrSyntax, ErrLineBreak))
		case c < 0x20:
			return "", p.fail(ErrSyntax)
		}
	}
	p.at = len(p.data)
	return "", p.unexpected()
}

// number reads a number: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
func (p *parser) number() (any, error) {
	begin := p.at
	p.one("-")
	if !p.one("0") && !p.digits() {
		return nil, p.unexpected()
	}
	if p.one(".") && !p.digits() {
		return nil, p.unexpected()
	}
	if p.one("eE") {
		p.one("+-")
		if !p.digits() {
			return nil, p.unexpected()
		}
	}
	return json.Number(p.data[begin:p.at]), nil
}

// one skips one byte of set and reports whether it was there.
func (p *parser) one(set string) bool {
	if p.at < len(p.data) && bytes.IndexByte([]byte(set), p.data[p.at]) >= 0 {
		p.at++
		return true
	}
	return false
}

// digits skips digits and reports whether there was one.
func (p *parser) digits() bool {
	begin := p.at
	for p.at < len(p.data) && p.data[p.at] >= '0' && p.data[p.at] <= '9' {
		p.at++
	}
	return p.at > begin
}

// position names the byte at offset as editors do.
func position(data []byte, offset int) string {
	before := data[:min(offset, len(data))]
	lineStart := bytes.LastIndexByte(before, '\n') + 1
	return fmt.Sprintf("line %d, column %d", bytes.Count(before, []byte{'\n'})+1, len(before)-lineStart+1)
}
