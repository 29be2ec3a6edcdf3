package sdk

import (
	"fmt"
	"log/slog"
	"strconv"
	"time"
)

// appendAttr appends an attribute as inline properties to text, which has n of them. It goes by value so that buffers
// stay on the stack. Groups become prefixes. As slog demands, values are resolved, groups without a name are dissolved,
// and empty attributes and groups are left out.
func appendAttr(text []byte, n int, prefix string, a slog.Attr) ([]byte, int) {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" && len(v.Group()) > 0 {
			prefix += a.Key + "."
		}
		for _, b := range v.Group() {
			text, n = appendAttr(text, n, prefix, b)
		}
		return text, n
	}
	if a.Key == "" && v.Kind() == slog.KindAny && v.Any() == nil {
		return text, n
	}
	const lengths = 8
	at := len(text)
	text = append(text, 0, 0, 0, 0, 0, 0, 0, 0)
	text = append(text, prefix...)
	text = append(text, a.Key...)
	name := cutAt(text[at+lengths:])
	text = appendValue(text[:at+lengths+name], v)
	value := cutAt(text[at+lengths+name:])
	text = text[:at+lengths+name+value]
	putLengths(text[at:], name, value)
	return text, n + 1
}

func appendValue(dst []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindString:
		return append(dst, v.String()...)
	case slog.KindInt64:
		return strconv.AppendInt(dst, v.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(dst, v.Uint64(), 10)
	case slog.KindFloat64:
		return strconv.AppendFloat(dst, v.Float64(), 'g', -1, 64)
	case slog.KindBool:
		return strconv.AppendBool(dst, v.Bool())
	case slog.KindDuration:
		return append(dst, v.Duration().String()...)
	case slog.KindTime:
		return v.Time().AppendFormat(dst, time.RFC3339Nano)
	default:
		switch x := v.Any().(type) {
		case []byte:
			return append(dst, x...)
		case error:
			return append(dst, safely(x.Error)...)
		case fmt.Stringer:
			return append(dst, safely(x.String)...)
		default:
			return fmt.Appendf(dst, "%+v", x)
		}
	}
}

// safely calls a method of the program's, which must not be able to end it from within a log call: commonly it is one of
// a nil pointer.
func safely(method func() string) (s string) {
	defer func() {
		if e := recover(); e != nil {
			s = fmt.Sprintf("!PANIC: %v", e)
		}
	}()
	return method()
}
