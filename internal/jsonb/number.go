package jsonb

import (
	"encoding/binary"
	"fmt"
	"math"
)

// number decodes the bytes of a number to an int64, a uint64 or a float64.
func number(b []byte) (any, error) {
	if len(b) == 0 {
		return nil, errTruncated
	}
	tag, digits := b[0], b[1:]
	switch {
	case tag == tagZero && len(digits) == 0:
		return uint64(0), nil
	case tag == tagNaN && len(digits) == 0:
		return math.NaN(), nil
	case tag == tagInf && len(digits) == 0:
		return math.Inf(1), nil
	case tag == tagNegInf && len(digits) == 0:
		return math.Inf(-1), nil
	case tag == tagSigned || tag == tagUnsigned:
		return integer(tag == tagSigned, digits)
	case tag == tagFloat && len(digits) == 8:
		return math.Float64frombits(binary.BigEndian.Uint64(digits)), nil
	}
	return nil, fmt.Errorf("jsonb: unknown number %#02x of %d bytes", tag, len(digits))
}

func integer(signed bool, digits []byte) (any, error) {
	var v uint64
	switch len(digits) {
	case 1, 2, 4, 8:
	default:
		return nil, fmt.Errorf("jsonb: an integer of %d bytes", len(digits))
	}
	for _, d := range digits {
		v = v<<8 | uint64(d)
	}
	if !signed {
		return v, nil
	}
	unused := 64 - 8*len(digits)
	return int64(v<<unused) >> unused, nil
}
