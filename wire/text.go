package wire

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// The codecs of a string on the wire.
const (
	codecAnsi = 0 // read as UTF-8
	codecWide = 1 // UTF-16, little endian
	codecUTF8 = 2
)

var errShort = errors.New("the record is too short")

// cursor walks the bytes of a dynamic record.
type cursor struct {
	s string
	// short is set once something was read behind the end; everything read then is zero.
	short bool
}

func (c *cursor) take(n uint32) string {
	if uint64(n) > uint64(len(c.s)) {
		c.short, c.s = true, ""
		return ""
	}
	t := c.s[:n]
	c.s = c.s[n:]
	return t
}

func (c *cursor) u8() uint8 {
	if t := c.take(1); t != "" {
		return t[0]
	}
	return 0
}

func (c *cursor) u32() uint32 {
	if t := c.take(4); t != "" {
		return le32(t, 0)
	}
	return 0
}

func (c *cursor) u64() uint64 {
	if t := c.take(8); t != "" {
		return le64(t, 0)
	}
	return 0
}

// text reads a string: codec, length in bytes, bytes.
func (c *cursor) text() (string, error) {
	codec := c.u8()
	raw := c.take(c.u32())
	if c.short {
		return "", errShort
	}
	switch codec {
	case codecAnsi, codecUTF8:
		return lossyUTF8(raw), nil
	case codecWide:
		return lossyUTF16(raw)
	}
	return "", fmt.Errorf("unknown string codec %d", codec)
}

// lossyUTF8 returns s with every maximal subpart of an ill-formed sequence replaced by one U+FFFD, which is what
// existing readers do (Unicode 15 section 3.9, "U+FFFD Substitution of Maximal Subparts"; WHATWG Encoding, "UTF-8
// decoder"). strings.ToValidUTF8 replaces a whole run by one, and a range loop every single byte.
func lossyUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 8)
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			b.WriteRune(utf8.RuneError)
			n = subpart(s)
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// subpart is the length of the maximal subpart at the start of s, which is ill-formed there. It follows table 3-7 of
// the Unicode standard: the second byte of a sequence has a narrower range after some first bytes.
func subpart(s string) int {
	lo, hi := byte(0x80), byte(0xbf)
	var want int // continuation bytes after the first
	switch c := s[0]; {
	case c >= 0xc2 && c <= 0xdf:
		want = 1
	case c == 0xe0:
		want, lo = 2, 0xa0
	case c == 0xed:
		want, hi = 2, 0x9f
	case c >= 0xe1 && c <= 0xef:
		want = 2
	case c == 0xf0:
		want, lo = 3, 0x90
	case c == 0xf4:
		want, hi = 3, 0x8f
	case c >= 0xf1 && c <= 0xf3:
		want = 3
	}
	n := 1
	for n <= want && n < len(s) && s[n] >= lo && s[n] <= hi {
		lo, hi = 0x80, 0xbf
		n++
	}
	return n
}

// lossyUTF16 decodes little-endian UTF-16; unpaired surrogates become U+FFFD.
func lossyUTF16(s string) (string, error) {
	if len(s)%2 != 0 {
		return "", fmt.Errorf("UTF-16 text of %d bytes", len(s))
	}
	var b strings.Builder
	b.Grow(len(s)/2 + 8)
	for len(s) > 0 {
		r := rune(s[0]) | rune(s[1])<<8
		s = s[2:]
		if utf16.IsSurrogate(r) {
			r2 := rune(-1)
			if len(s) > 0 {
				r2 = rune(s[0]) | rune(s[1])<<8
			}
			if r = utf16.DecodeRune(r, r2); r != utf8.RuneError {
				s = s[2:]
			}
		}
		b.WriteRune(r)
	}
	return b.String(), nil
}
