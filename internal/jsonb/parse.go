package jsonb

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Parse returns the document that text spells. It takes more than RFC 8259: no text at all, which is null; text in single
// quotes and keys without quotes; null, true, false, NaN and Infinity in any case of letters; numbers with a plus sign,
// zeros in front, nothing on one side of the point, or hexadecimal digits; array elements left out, which are null; a
// comma behind the last member of an object; \u{XXXX} beside \uXXXX. A key twice in one object is an error.
//
// Integers of 64 bits stay integers, as unsigned from zero up; other numbers become binary64.
func Parse(text []byte) ([]byte, error) {
	p := parser{text: text}
	v, err := p.document()
	if err != nil {
		return nil, fmt.Errorf("jsonb: at byte %d: %w", p.pos, err)
	}
	return Append(nil, v)
}

var (
	errEnd       = errors.New("the text ends too early")
	errValue     = errors.New("a value is expected")
	errKey       = errors.New("a key is expected")
	errSeparator = errors.New("a comma or the closing bracket is expected")
	errColon     = errors.New("a colon is expected")
	errTrailing  = errors.New("there is text behind the value")
	errNumber    = errors.New("this is not a number")
	errEscape    = errors.New("unknown escape sequence")
	errDuplicate = errors.New("the key occurs twice")
)

type parser struct {
	text  []byte
	pos   int
	depth int
}

func (p *parser) document() (any, error) {
	var v any
	if p.skipSpace(); p.pos < len(p.text) {
		var err error
		if v, err = p.value(); err != nil {
			return nil, err
		}
	}
	if p.skipSpace(); p.pos < len(p.text) {
		return nil, errTrailing
	}
	return v, nil
}

// peek returns the next byte; 0, which no JSON text has outside of strings, at the end.
func (p *parser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *parser) take(c byte) bool {
	if p.peek() != c {
		return false
	}
	p.pos++
	return true
}

// skipSpace skips white space, also such that was escaped once too often: a backslash and n, r or t.
func (p *parser) skipSpace() {
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case isSpace(c):
			p.pos++
		case c == '\\' && p.pos+1 < len(p.text) && strings.IndexByte("nrt", p.text[p.pos+1]) >= 0:
			p.pos += 2
		default:
			return
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' }

func (p *parser) value() (any, error) {
	switch c := p.peek(); {
	case c == '{' || c == '[':
		if p.depth++; p.depth > maxDepth {
			return nil, errDepth
		}
		defer func() { p.depth-- }()
		p.pos++
		if c == '{' {
			return p.object()
		}
		return p.array()
	case c == '"' || c == '\'':
		p.pos++
		return p.quoted(c)
	case isDigit(c) || c == '-' || c == '+' || c == '.':
		return p.number()
	}
	for _, word := range []struct {
		text  string
		value any
	}{{"null", nil}, {"true", true}, {"false", false}, {"nan", math.NaN()}, {"infinity", math.Inf(1)}} {
		if p.word(word.text) {
			return word.value, nil
		}
	}
	if p.pos >= len(p.text) {
		return nil, errEnd
	}
	return nil, errValue
}

// word takes the word in any case of letters. What follows it is the caller's business, who expects punctuation.
func (p *parser) word(word string) bool {
	if end := p.pos + len(word); end <= len(p.text) && EqualFold(p.text[p.pos:end], word) {
		p.pos = end
		return true
	}
	return false
}

func (p *parser) array() (any, error) {
	list := []any{}
	if p.skipSpace(); p.take(']') {
		return list, nil
	}
	for {
		var v any
		if c := p.peek(); c != ',' && c != ']' {
			var err error
			if v, err = p.value(); err != nil {
				return nil, err
			}
			p.skipSpace()
		}
		list = append(list, v)
		switch {
		case p.take(']'):
			return list, nil
		case !p.take(','):
			return nil, errSeparator
		}
		p.skipSpace()
	}
}

func (p *parser) object() (any, error) {
	object := map[string]any{}
	for {
		if p.skipSpace(); p.take('}') {
			return object, nil
		}
		key, err := p.key()
		if err != nil {
			return nil, err
		}
		if _, twice := object[key]; twice {
			return nil, errDuplicate
		}
		if p.skipSpace(); !p.take(':') {
			return nil, errColon
		}
		p.skipSpace()
		if object[key], err = p.value(); err != nil {
			return nil, err
		}
		if p.skipSpace(); !p.take(',') && p.peek() != '}' {
			return nil, errSeparator
		}
	}
}

// key reads a key in quotes, or a name of letters, digits, _, $ and whatever is not ASCII.
func (p *parser) key() (string, error) {
	if c := p.peek(); c == '"' || c == '\'' {
		p.pos++
		return p.quoted(c)
	}
	begin := p.pos
	for c := p.peek(); isLetter(c) || isDigit(c) || c == '_' || c == '$' || c >= utf8.RuneSelf; c = p.peek() {
		p.pos++
	}
	name := p.text[begin:p.pos]
	if len(name) == 0 || isDigit(name[0]) || !utf8.Valid(name) {
		return "", errKey
	}
	return string(name), nil
}

func isLetter(c byte) bool { return lower(c) >= 'a' && lower(c) <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// quoted reads the rest of a text to the quote that ends it.
func (p *parser) quoted(quote byte) (string, error) {
	begin := p.pos
	escaped := false
	for p.pos < len(p.text) && p.text[p.pos] != quote {
		if p.text[p.pos] == '\\' {
			escaped = true
			p.pos++
		}
		p.pos++
	}
	if p.pos >= len(p.text) {
		return "", errEnd
	}
	raw := p.text[begin:p.pos]
	p.pos++
	if !utf8.Valid(raw) {
		return "", errUTF8
	}
	if !escaped {
		return string(raw), nil
	}
	return unescape(string(raw))
}

// unescape replaces the escape sequences of RFC 8259 section 7. Half of a surrogate pair, which is no character, stays
// as it is written.
func unescape(s string) (string, error) {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 || i+1 == len(s) {
			b.WriteString(s)
			return b.String(), nil
		}
		b.WriteString(s[:i])
		c := s[i+1]
		s = s[i+2:]
		switch {
		case strings.IndexByte(`\"/'`, c) >= 0:
			b.WriteByte(c)
		case strings.IndexByte("bfnrt", c) >= 0:
			b.WriteByte("\b\f\n\r\t"[strings.IndexByte("bfnrt", c)])
		case c == 'u':
			r, rest, ok := unicodeEscape(s)
			if !ok {
				return "", errEscape
			}
			if low, after, ok := lowSurrogate(rest); ok && r >= 0xd800 && r < 0xdc00 {
				r, rest = 0x10000+(r-0xd800)<<10+(low-0xdc00), after
			}
			if r >= 0xd800 && r < 0xe000 {
				fmt.Fprintf(&b, `\u%04X`, r)
			} else {
				b.WriteRune(r)
			}
			s = rest
		default:
			return "", errEscape
		}
	}
}

// unicodeEscape reads the digits behind \u, in braces or not.
func unicodeEscape(s string) (r rune, rest string, ok bool) {
	var digits string
	if strings.HasPrefix(s, "{") {
		if digits, rest, ok = strings.Cut(s[1:], "}"); !ok || len(digits) == 0 || len(digits) > 6 {
			return 0, "", false
		}
	} else {
		if len(s) < 4 {
			return 0, "", false
		}
		digits, rest = s[:4], s[4:]
	}
	v, err := strconv.ParseUint(digits, 16, 32)
	return rune(v), rest, err == nil && v <= utf8.MaxRune
}

func lowSurrogate(s string) (r rune, rest string, ok bool) {
	after, ok := strings.CutPrefix(s, `\u`)
	if !ok {
		return 0, "", false
	}
	r, rest, ok = unicodeEscape(after)
	return r, rest, ok && r >= 0xdc00 && r < 0xe000
}

func (p *parser) number() (any, error) {
	negative := p.peek() == '-'
	if negative || p.peek() == '+' {
		p.pos++
	}
	switch {
	case p.word("infinity"):
		if negative {
			return math.Inf(-1), nil
		}
		return math.Inf(1), nil
	case p.word("nan"):
		return math.NaN(), nil
	case p.word("0x"):
		return p.hexadecimal(negative)
	}
	begin := p.pos
	digits := p.digits(isDigit)
	float := p.take('.')
	if float {
		digits += p.digits(isDigit)
	}
	if digits == 0 {
		return nil, errNumber
	}
	if lower(p.peek()) == 'e' {
		float = true
		p.pos++
		if c := p.peek(); c == '+' || c == '-' {
			p.pos++
		}
		if p.digits(isDigit) == 0 {
			return nil, errNumber
		}
	}
	text := string(p.text[begin:p.pos])
	if !float {
		if u, err := strconv.ParseUint(text, 10, 64); err == nil {
			return integerOrFloat(u, negative), nil
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // out of range is an infinity, as elsewhere
		return nil, errNumber
	}
	if negative {
		f = -f
	}
	return f, nil
}

// hexadecimal reads the digits behind 0x, which may have a point among them.
func (p *parser) hexadecimal(negative bool) (any, error) {
	begin := p.pos
	if p.digits(isHexDigit) == 0 {
		return nil, errNumber
	}
	whole := string(p.text[begin:p.pos])
	if p.peek() != '.' {
		if u, err := strconv.ParseUint(whole, 16, 64); err == nil {
			return integerOrFloat(u, negative), nil
		}
	} else {
		p.pos++
		p.digits(isHexDigit)
	}
	f, err := strconv.ParseFloat("0x"+string(p.text[begin:p.pos])+"p0", 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return nil, errNumber
	}
	if negative {
		f = -f
	}
	return f, nil
}

func isHexDigit(c byte) bool { return isDigit(c) || lower(c) >= 'a' && lower(c) <= 'f' }

func (p *parser) digits(is func(byte) bool) (n int) {
	for is(p.peek()) {
		p.pos++
		n++
	}
	return n
}

func integerOrFloat(u uint64, negative bool) any {
	switch {
	case !negative:
		return u
	case u <= 1<<63:
		return -int64(u) // of 2^63 it is the smallest integer by wrapping around
	}
	return -float64(u)
}
