package wire

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The bounds of what a body may contain. They keep the memory of a decoded body within a small multiple of its length.
const (
	maxDepth      = 32        // containers inside each other, in values that are skipped
	maxProperties = 1 << 16   // entries of a property map
	maxTags       = 1 << 12   // tags of a stream
	maxByteString = 100 << 20 // bytes of a byte string; the size that a request body may have
)

// The major types of CBOR, RFC 8949 section 3.1.
const (
	majorUint   = 0
	majorNegInt = 1
	majorBytes  = 2
	majorText   = 3
	majorArray  = 4
	majorMap    = 5
	majorTag    = 6
	majorSimple = 7
)

const (
	cborNull  = 0xf6
	cborBreak = 0xff
	// selfDescribed is the tag that says "this is CBOR", RFC 8949 section 3.4.6.
	selfDescribed = 55799
)

var errMalformed = errors.New("not well-formed CBOR")

var errTruncated = errors.New("the body ends in the middle of a value")

// cborReader walks one CBOR value from front to back. It is written by hand rather than with a library so that a
// payload of many megabytes is neither copied nor visited element by element through reflection, and so that every
// error can say which key of the body it is about; tests hold it against github.com/fxamacker/cbor.
type cborReader struct {
	b []byte
}

// cborHead is the first item of a value: its major type and argument (RFC 8949 section 3).
type cborHead struct {
	major      byte
	indefinite bool
	arg        uint64
}

// newCBORReader returns a reader of body, behind any self-description tag.
func newCBORReader(body []byte) (*cborReader, error) {
	if len(body) == 0 {
		return nil, errors.New("the body is empty")
	}
	r := &cborReader{b: body}
	for {
		rest := r.b
		h, err := r.head()
		if err != nil {
			return nil, err
		}
		if h.major != majorTag || h.arg != selfDescribed {
			r.b = rest
			return r, nil
		}
	}
}

func (r *cborReader) head() (cborHead, error) {
	if len(r.b) == 0 {
		return cborHead{}, errTruncated
	}
	h := cborHead{major: r.b[0] >> 5}
	info := r.b[0] & 0x1f
	r.b = r.b[1:]
	switch {
	case info < 24:
		h.arg = uint64(info)
	case info < 28:
		n := 1 << (info - 24)
		if len(r.b) < n {
			return cborHead{}, errTruncated
		}
		for _, c := range r.b[:n] {
			h.arg = h.arg<<8 | uint64(c)
		}
		r.b = r.b[n:]
		if h.major == majorSimple && n == 1 && h.arg < 32 {
			return cborHead{}, errMalformed // RFC 8949 section 3.3
		}
	case info == 31 && h.major >= majorBytes && h.major <= majorMap:
		h.indefinite = true
	default:
		return cborHead{}, errMalformed
	}
	return h, nil
}

// done reports whether a container that began with h has no further item after n of them, and consumes its end.
func (r *cborReader) done(h cborHead, n uint64) (bool, error) {
	if !h.indefinite {
		return n == h.arg, nil
	}
	if len(r.b) == 0 {
		return false, errTruncated
	}
	if r.b[0] == cborBreak {
		r.b = r.b[1:]
		return true, nil
	}
	return false, nil
}

// null consumes a null and reports whether there was one.
func (r *cborReader) null() bool {
	if len(r.b) > 0 && r.b[0] == cborNull {
		r.b = r.b[1:]
		return true
	}
	return false
}

// want reads a head that must have the major type m.
func (r *cborReader) want(m byte) (cborHead, error) {
	rest := r.b
	h, err := r.head()
	if err != nil {
		return h, err
	}
	if h.major != m {
		return h, fmt.Errorf("is %s, want %s", kindName(rest[0]), majorName(m))
	}
	return h, nil
}

func majorName(m byte) string {
	return [...]string{"an integer", "an integer", "a byte string", "text", "an array", "a map", "a tag", "a simple value"}[m]
}

func kindName(first byte) string {
	switch first {
	case 0xf4, 0xf5:
		return "a boolean"
	case cborNull:
		return "null"
	case 0xf9, 0xfa, 0xfb:
		return "a float"
	}
	return majorName(first >> 5)
}

func (r *cborReader) int64() (int64, error) {
	rest := r.b
	h, err := r.head()
	if err != nil {
		return 0, err
	}
	switch {
	case h.major > majorNegInt:
		return 0, fmt.Errorf("is %s, want an integer", kindName(rest[0]))
	case h.arg > 1<<63-1:
		return 0, errors.New("does not fit a signed 64-bit integer")
	case h.major == majorNegInt:
		return -1 - int64(h.arg), nil
	}
	return int64(h.arg), nil
}

func (r *cborReader) uint32() (uint32, error) {
	v, err := r.int64()
	if err != nil {
		return 0, err
	}
	if v < 0 || v > 1<<32-1 {
		return 0, fmt.Errorf("is %d, want 0 to 2^32-1", v)
	}
	return uint32(v), nil
}

func (r *cborReader) bool() (bool, error) {
	if len(r.b) == 0 {
		return false, errTruncated
	}
	c := r.b[0]
	if c != 0xf4 && c != 0xf5 {
		return false, fmt.Errorf("is %s, want a boolean", kindName(c))
	}
	r.b = r.b[1:]
	return c == 0xf5, nil
}

// take consumes n bytes.
func (r *cborReader) take(n uint64) ([]byte, error) {
	if n > uint64(len(r.b)) {
		return nil, errTruncated
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b, nil
}

// chunks returns the content of a byte string or text that began with h; of definite length it aliases the body.
func (r *cborReader) chunks(h cborHead) ([]byte, error) {
	if !h.indefinite {
		return r.take(h.arg)
	}
	var all []byte
	for {
		if end, err := r.done(h, 0); err != nil || end {
			return all, err
		}
		c, err := r.head()
		if err != nil {
			return nil, err
		}
		if c.major != h.major || c.indefinite {
			return nil, errMalformed
		}
		b, err := r.take(c.arg)
		if err != nil {
			return nil, err
		}
		all = append(all, b...)
	}
}

// text reads a text. A NUL is refused because the catalog's databases cannot hold one.
func (r *cborReader) text() (string, error) {
	h, err := r.want(majorText)
	if err != nil {
		return "", err
	}
	b, err := r.chunks(h)
	if err != nil {
		return "", err
	}
	s := string(b)
	if !utf8.ValidString(s) {
		return "", errors.New("is not valid UTF-8")
	}
	if strings.IndexByte(s, 0) >= 0 {
		return "", errors.New("contains a NUL character")
	}
	return s, nil
}

// bytes reads a byte string, or an array of integers 0 to 255, which older clients send instead. The result may alias
// the body.
func (r *cborReader) bytes() ([]byte, error) {
	if len(r.b) == 0 {
		return nil, errTruncated
	}
	first := r.b[0]
	h, err := r.head()
	if err != nil {
		return nil, err
	}
	switch h.major {
	case majorBytes:
		b, err := r.chunks(h)
		if err != nil {
			return nil, err
		}
		if len(b) > maxByteString {
			return nil, fmt.Errorf("has %d bytes, at most %d are accepted", len(b), maxByteString)
		}
		return b, nil
	case majorArray:
		return r.byteArray(h)
	}
	return nil, fmt.Errorf("is %s, want a byte string", kindName(first))
}

func (r *cborReader) byteArray(h cborHead) ([]byte, error) {
	if h.arg > maxByteString {
		return nil, fmt.Errorf("has %d elements, at most %d are accepted", h.arg, maxByteString)
	}
	if h.arg > uint64(len(r.b)) {
		return nil, errTruncated
	}
	out := make([]byte, 0, h.arg)
	for {
		if end, err := r.done(h, uint64(len(out))); err != nil || end {
			return out, err
		}
		if len(out) == maxByteString {
			return nil, fmt.Errorf("has more than %d elements", maxByteString)
		}
		// The two encodings that clients use for 0 to 255, without the detour through a general head.
		if len(r.b) > 0 && r.b[0] < 24 {
			out = append(out, r.b[0])
			r.b = r.b[1:]
			continue
		}
		v, err := r.int64()
		if err != nil {
			return nil, fmt.Errorf("element %d %w", len(out), err)
		}
		if v < 0 || v > 255 {
			return nil, fmt.Errorf("element %d is %d, want 0 to 255", len(out), v)
		}
		out = append(out, byte(v))
	}
}

// array calls f once for each element, of which there may be at most limit.
func (r *cborReader) array(limit int, f func() error) error {
	h, err := r.want(majorArray)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		if end, err := r.done(h, uint64(n)); err != nil || end {
			return err
		}
		if n == limit {
			return fmt.Errorf("has more than %d elements", limit)
		}
		if err := f(); err != nil {
			return fmt.Errorf("[%d]: %w", n, err)
		}
	}
}

// textMap reads a map of text to text. Duplicate keys are refused.
func (r *cborReader) textMap() (map[string]string, error) {
	h, err := r.want(majorMap)
	if err != nil {
		return nil, err
	}
	m := map[string]string{}
	for n := 0; ; n++ {
		if end, err := r.done(h, uint64(n)); err != nil || end {
			return m, err
		}
		if n == maxProperties {
			return nil, fmt.Errorf("has more than %d entries", maxProperties)
		}
		k, err := r.text()
		if err != nil {
			return nil, fmt.Errorf("key %w", err)
		}
		v, err := r.text()
		if err != nil {
			return nil, fmt.Errorf("value of %.64q %w", k, err)
		}
		if _, dup := m[k]; dup {
			return nil, fmt.Errorf("key %.64q occurs twice", k)
		}
		m[k] = v
	}
}

// cborField is a key that a map must have, and what reads its value.
type cborField struct {
	key  string
	read func() error
}

// object reads a map that must have all of fields. Other keys are skipped.
func (r *cborReader) object(fields []cborField) error {
	h, err := r.want(majorMap)
	if err != nil {
		return err
	}
	var seen uint64 // bit i: fields[i] was there
	for n := uint64(0); ; n++ {
		end, err := r.done(h, n)
		if err != nil {
			return err
		}
		if end {
			break
		}
		k, err := r.text()
		if err != nil {
			return fmt.Errorf("a map key %w", err)
		}
		i := 0
		for i < len(fields) && fields[i].key != k {
			i++
		}
		if i == len(fields) {
			if err := r.skip(0); err != nil {
				return fmt.Errorf("%.64q: %w", k, err)
			}
			continue
		}
		if seen&(1<<i) != 0 {
			return fmt.Errorf("key %q occurs twice", k)
		}
		seen |= 1 << i
		if err := fields[i].read(); err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
	}
	var missing []string
	for i, f := range fields {
		if seen&(1<<i) == 0 {
			missing = append(missing, f.key)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("missing %s", strings.Join(missing, ", "))
	}
	return nil
}

// skip passes over one value of any kind.
func (r *cborReader) skip(depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("nests deeper than %d levels", maxDepth)
	}
	h, err := r.head()
	if err != nil {
		return err
	}
	switch h.major {
	case majorBytes, majorText:
		if h.indefinite {
			_, err = r.chunks(h)
		} else {
			_, err = r.take(h.arg)
		}
		return err
	case majorTag:
		return r.skip(depth + 1)
	case majorArray, majorMap:
		for n := uint64(0); ; n++ {
			if end, err := r.done(h, n); err != nil || end {
				return err
			}
			if err := r.skip(depth + 1); err != nil {
				return err
			}
			if h.major == majorMap {
				if err := r.skip(depth + 1); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
