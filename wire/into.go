package wire

import (
	"fmt"
	"math"
	"time"

	"github.com/micromegas-go/micromegas/telemetry"
)

// The into methods make the read function of a [cborField].

func (r *cborReader) intoText(dst *string) func() error {
	return func() (err error) { *dst, err = r.text(); return err }
}

func (r *cborReader) intoInt64(dst *int64) func() error {
	return func() (err error) { *dst, err = r.int64(); return err }
}

func (r *cborReader) intoInt32(dst *int32) func() error {
	return func() error {
		v, err := r.int64()
		if err == nil && (v < math.MinInt32 || v > math.MaxInt32) {
			err = fmt.Errorf("is %d, which does not fit a signed 32-bit integer", v)
		}
		*dst = int32(v)
		return err
	}
}

func (r *cborReader) intoUint32(dst *uint32) func() error {
	return func() (err error) { *dst, err = r.uint32(); return err }
}

func (r *cborReader) intoBool(dst *bool) func() error {
	return func() (err error) { *dst, err = r.bool(); return err }
}

func (r *cborReader) intoBytes(dst *[]byte) func() error {
	return func() (err error) { *dst, err = r.bytes(); return err }
}

// intoID reads a text and hands it to parse.
func (r *cborReader) intoID(parse func(string) error) func() error {
	return func() error {
		s, err := r.text()
		if err != nil {
			return err
		}
		return parse(s)
	}
}

// intoTime reads a time and cuts it to microseconds.
func (r *cborReader) intoTime(dst *telemetry.Time) func() error {
	return func() error {
		s, err := r.text()
		if err != nil {
			return err
		}
		*dst, err = parseTime(s)
		return err
	}
}

// The instants that telemetry.Time can hold, in whole seconds.
const (
	minSeconds = math.MinInt64/1_000_000_000 + 1
	maxSeconds = math.MaxInt64/1_000_000_000 - 1
)

// parseTime reads RFC 3339 with any offset and any number of fraction digits. A space or a lower-case t may stand for
// the T (RFC 3339 section 5.6).
func parseTime(s string) (telemetry.Time, error) {
	const sep = len("2006-01-02")
	text := []byte(s)
	if len(text) > sep && (text[sep] == ' ' || text[sep] == 't') {
		text[sep] = 'T'
	}
	if n := len(text); n > 0 && text[n-1] == 'z' {
		text[n-1] = 'Z'
	}
	var t time.Time
	// UnmarshalText is stricter than time.Parse: it takes RFC 3339 and nothing else.
	if err := t.UnmarshalText(text); err != nil {
		return 0, fmt.Errorf("%.64q is not an RFC 3339 time with an offset, such as 2006-01-02T15:04:05.999999Z", s)
	}
	if sec := t.Unix(); sec < minSeconds || sec > maxSeconds {
		return 0, fmt.Errorf("%.64q lies outside of the years 1678 to 2261", s)
	}
	return telemetry.TimeOf(t).Micros(), nil
}
