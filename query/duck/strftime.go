package duck

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The formats of to_char, date_format and to_timestamp are those of the Rust crate chrono: strftime's, with %f for
// nanoseconds and %.3f, %3f for a fraction of so many digits.

// compound formats stand for others.
var compoundFormats = map[byte]string{
	'F': "%Y-%m-%d", 'T': "%H:%M:%S", 'R': "%H:%M", 'D': "%m/%d/%y", 'x': "%m/%d/%y", 'X': "%H:%M:%S",
	'r': "%I:%M:%S %p", 'c': "%a %b %e %H:%M:%S %Y", 'h': "%b", 'v': "%e-%b-%Y", '+': "%Y-%m-%dT%H:%M:%S%.f%:z",
}

// maxFormat bounds a format, so that compound ones cannot make much of little.
const maxFormat = 1024

// appendTime writes t in the format.
func appendTime(b []byte, t time.Time, format string) ([]byte, error) {
	if len(format) > maxFormat {
		return nil, fmt.Errorf("a format of a time may have %d bytes", maxFormat)
	}
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b = append(b, format[i])
			continue
		}
		i++
		pad := byte('0')
		if i < len(format) && strings.IndexByte("-_0", format[i]) >= 0 {
			pad = format[i]
			i++
		}
		if i >= len(format) {
			return nil, errFormat("%")
		}
		if spec, digits, dot := fraction(format[i:]); spec > 0 {
			b = appendFraction(b, t.Nanosecond(), digits, dot)
			i += spec - 1
			continue
		}
		if strings.HasPrefix(format[i:], ":z") {
			b = t.AppendFormat(b, "-07:00")
			i++
			continue
		}
		if inner, ok := compoundFormats[format[i]]; ok {
			b, _ = appendTime(b, t, inner)
			continue
		}
		var err error
		if b, err = appendField(b, t, format[i], pad); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func errFormat(what string) error { return fmt.Errorf("the format of a time cannot contain %s", what) }

// fraction recognises f, .f, 3f, .3f and so on, and returns how long that is.
func fraction(format string) (length, digits int, dot bool) {
	n := 0
	if strings.HasPrefix(format, ".") {
		dot, n = true, 1
	}
	if n < len(format) && (format[n] == '3' || format[n] == '6' || format[n] == '9') {
		digits = int(format[n] - '0')
		n++
	}
	if n < len(format) && format[n] == 'f' {
		return n + 1, digits, dot
	}
	return 0, 0, false
}

// appendFraction writes digits of a second; 0 digits mean all nine, or behind a point as many as are needed by three.
func appendFraction(b []byte, ns, digits int, dot bool) []byte {
	if dot && digits == 0 {
		switch {
		case ns == 0:
			return b
		case ns%1e6 == 0:
			digits = 3
		case ns%1e3 == 0:
			digits = 6
		}
	}
	if digits == 0 {
		digits = 9
	}
	if dot {
		b = append(b, '.')
	}
	return append(b, fmt.Sprintf("%09d", ns)[:digits]...)
}

func appendField(b []byte, t time.Time, field, pad byte) ([]byte, error) {
	number := func(n, width int, fill byte) []byte {
		switch pad {
		case '-':
			width = 0
		case '_':
			fill = ' '
		}
		text := strconv.Itoa(n)
		for len(text) < width {
			text = string(fill) + text
		}
		return append(b, text...)
	}
	isoYear, isoWeek := t.ISOWeek()
	switch field {
	case 'Y':
		return number(t.Year(), 4, '0'), nil
	case 'C':
		return number(t.Year()/100, 2, '0'), nil
	case 'y':
		return number(t.Year()%100, 2, '0'), nil
	case 'G':
		return number(isoYear, 4, '0'), nil
	case 'm':
		return number(int(t.Month()), 2, '0'), nil
	case 'd':
		return number(t.Day(), 2, '0'), nil
	case 'e':
		return number(t.Day(), 2, ' '), nil
	case 'H':
		return number(t.Hour(), 2, '0'), nil
	case 'k':
		return number(t.Hour(), 2, ' '), nil
	case 'I':
		return number((t.Hour()+11)%12+1, 2, '0'), nil
	case 'l':
		return number((t.Hour()+11)%12+1, 2, ' '), nil
	case 'M':
		return number(t.Minute(), 2, '0'), nil
	case 'S':
		return number(t.Second(), 2, '0'), nil
	case 'j':
		return number(t.YearDay(), 3, '0'), nil
	case 'u':
		return number((int(t.Weekday())+6)%7+1, 1, '0'), nil
	case 'w':
		return number(int(t.Weekday()), 1, '0'), nil
	case 'V':
		return number(isoWeek, 2, '0'), nil
	case 'U':
		return number((t.YearDay()+6-int(t.Weekday()))/7, 2, '0'), nil
	case 'W':
		return number((t.YearDay()+6-(int(t.Weekday())+6)%7)/7, 2, '0'), nil
	case 's':
		return strconv.AppendInt(b, t.Unix(), 10), nil
	}
	if layout, ok := fieldLayouts[field]; ok {
		return t.AppendFormat(b, layout), nil
	}
	switch field {
	case '%':
		return append(b, '%'), nil
	case 'n':
		return append(b, '\n'), nil
	case 't':
		return append(b, '\t'), nil
	}
	return nil, errFormat("%" + strings.ToValidUTF8(string(field), "?"))
}

var fieldLayouts = map[byte]string{
	'B': "January", 'b': "Jan", 'A': "Monday", 'a': "Mon", 'p': "PM", 'P': "pm", 'z': "-0700", 'Z': "UTC",
}

// readLayouts are the fields that texts can be read by.
var readLayouts = map[byte]string{
	'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'e': "_2", 'H': "15", 'I': "03", 'M': "04", 'S': "05", 'j': "002",
	'B': "January", 'b': "Jan", 'A': "Monday", 'a': "Mon", 'p': "PM", 'P': "pm", 'z': "-0700",
}

// readTime reads a text that was written in the format.
func readTime(text, format string) (time.Time, error) {
	if len(format) > maxFormat {
		return time.Time{}, fmt.Errorf("a format of a time may have %d bytes", maxFormat)
	}
	if format == "%s" {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if _, ok := product(seconds, 1e9); err != nil || !ok {
			return time.Time{}, errTimeText
		}
		return time.Unix(seconds, 0).UTC(), nil
	}
	for _, compound := range []byte("+FTRDxXrch") {
		format = strings.ReplaceAll(format, "%"+string(compound), compoundFormats[compound])
	}
	var layout strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			layout.WriteByte(format[i])
			continue
		}
		if i++; i < len(format) && strings.IndexByte("-_0", format[i]) >= 0 {
			i++
		}
		if i >= len(format) {
			return time.Time{}, errFormat("%")
		}
		if spec, _, dot := fraction(format[i:]); spec > 0 {
			// Go reads a fraction behind the seconds without being told.
			if !dot && !strings.HasSuffix(layout.String(), ".") {
				return time.Time{}, errFormat("%f without a point in front of it")
			}
			kept := strings.TrimSuffix(layout.String(), ".")
			layout.Reset()
			layout.WriteString(kept)
			i += spec - 1
			continue
		}
		if strings.HasPrefix(format[i:], ":z") {
			layout.WriteString("-07:00")
			i++
			continue
		}
		field, ok := readLayouts[format[i]]
		if !ok {
			return time.Time{}, errFormat("%" + strings.ToValidUTF8(string(format[i]), "?") + " for reading")
		}
		layout.WriteString(field)
	}
	t, err := time.Parse(layout.String(), text)
	if err != nil || t.Year() < 1678 || t.Year() > 2261 {
		return time.Time{}, fmt.Errorf("a text is not a time in the format %q", format)
	}
	return t, nil
}
