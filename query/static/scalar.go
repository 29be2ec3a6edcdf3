package static

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	wholeText = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`) // 007 is no number: it would not be written so
	floatText = regexp.MustCompile(`^-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$`)
	dateText  = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
	timeText  = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[-+][0-9]{2}:?[0-9]{2})?$`)
)

// exact is up to where every whole number is a float.
const exact = 1 << 53

// cellKind is what a field of a CSV file can be.
func cellKind(cell string) kind {
	switch c := cell[0]; {
	case c == 't' || c == 'T' || c == 'f' || c == 'F':
		if strings.EqualFold(cell, "true") || strings.EqualFold(cell, "false") {
			return kindBool
		}
	case c == '-' || c == '.' || c >= '0' && c <= '9':
		if k := numberKind(cell); k != kindText {
			return k
		}
		if _, ok := parseDate(cell); ok {
			return kindDate
		}
		if _, ok := parseTime(cell); ok {
			return kindTime
		}
	}
	return kindText
}

// numberKind is what a number as it is written can be.
func numberKind(text string) kind {
	if wholeText.MatchString(text) {
		switch n, err := strconv.ParseInt(text, 10, 64); {
		case text == "-0":
			return kindFloat
		case err != nil:
			return kindText
		case n < -exact || n > exact:
			return kindWide
		}
		return kindInt
	}
	if !floatText.MatchString(text) || leadingZero(text) {
		return kindText
	}
	if f, err := strconv.ParseFloat(text, 64); err != nil || math.IsInf(f, 0) {
		return kindText
	}
	return kindFloat
}

// leadingZero reports whether a number begins with a zero that it does not need.
func leadingZero(text string) bool {
	text = strings.TrimPrefix(text, "-")
	return len(text) > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9'
}

// parseDate reads a date as days since 1970.
func parseDate(text string) (days int32, ok bool) {
	if !dateText.MatchString(text) {
		return 0, false
	}
	t, err := time.Parse(time.DateOnly, text)
	return int32(t.Unix() / (24 * 60 * 60)), err == nil
}

// The first and the last second that nanoseconds of 64 bits can tell whole.
var (
	firstTime = time.Unix(math.MinInt64/1_000_000_000+1, 0)
	lastTime  = time.Unix(math.MaxInt64/1_000_000_000-1, 0)
)

// parseTime reads a time as nanoseconds since 1970. Without a zone it is one of UTC.
func parseTime(text string) (ns int64, ok bool) {
	if !timeText.MatchString(text) {
		return 0, false
	}
	form := "2006-01-02T15:04:05"
	if text[10] == ' ' {
		form = time.DateTime
	}
	switch rest := strings.TrimLeft(text[19:], ".0123456789"); len(rest) {
	case 1, 6:
		form += "Z07:00"
	case 5:
		form += "Z0700"
	}
	t, err := time.Parse(form, text)
	if err != nil || t.Before(firstTime) || t.After(lastTime) {
		return 0, false
	}
	return t.UnixNano(), true
}
