package duck

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// DuckDB's memory limit does not cover the texts that an expression makes, and an expression on a chunk of rows cannot be
// interrupted. So the functions that make much of little are ours and have bounds: of one value, and of all values of
// a chunk of up to 2048 rows. Statements that call repeat, lpad or rpad are rewritten to these.
const (
	maxText      = 16 << 20
	maxTextChunk = 64 << 20
)

func textScalars() []scalar {
	textCount := []sqlType{typeText, typeInt64}
	textCountText := []sqlType{typeText, typeInt64, typeText}
	return []scalar{
		{name: "bounded_repeat", args: textCount, result: typeText, run: bounded("repeat", repeatText)},
		{name: "bounded_lpad", args: textCount, result: typeText, run: bounded("lpad", lpad)},
		{name: "bounded_lpad", args: textCountText, result: typeText, run: bounded("lpad", lpad)},
		{name: "bounded_rpad", args: textCount, result: typeText, run: bounded("rpad", rpad)},
		{name: "bounded_rpad", args: textCountText, result: typeText, run: bounded("rpad", rpad)},
	}
}

// maker makes a text of n from s and fill, or reports how many bytes it would have when that is more than maxText.
type maker func(s []byte, n int64, fill []byte) (made []byte, size int64)

func bounded(name string, f maker) func([]column, *output, int) error {
	return func(in []column, out *output, rows int) error {
		var total int64
		for i := range rows {
			if skipNull(in, out, i) {
				continue
			}
			fill := []byte(" ")
			if len(in) > 2 {
				fill = in[2].bytes(i)
			}
			made, size := f(in[0].bytes(i), in[1].int64(i), fill)
			if total += size; size > maxText || total > maxTextChunk {
				return fmt.Errorf("%s: the texts become too long; a text may have %d bytes", name, maxText)
			}
			out.setBytes(i, made)
		}
		return nil
	}
}

func repeatText(s []byte, n int64, _ []byte) ([]byte, int64) {
	if n <= 0 || len(s) == 0 {
		return nil, 0
	}
	if n > maxText/int64(len(s)) {
		return nil, maxText + 1
	}
	return bytes.Repeat(s, int(n)), n * int64(len(s))
}

func lpad(s []byte, n int64, fill []byte) ([]byte, int64) {
	s, padding, size := pad(s, n, fill)
	return append(padding, s...), size
}

func rpad(s []byte, n int64, fill []byte) ([]byte, int64) {
	s, padding, size := pad(s, n, fill)
	return append(bytes.Clone(s), padding...), size
}

// pad cuts s to n characters, or returns what is missing of them.
func pad(s []byte, n int64, fill []byte) (cut, padding []byte, size int64) {
	if n <= 0 {
		return nil, nil, 0
	}
	have := int64(utf8.RuneCount(s))
	if have >= n || len(fill) == 0 {
		end := 0
		for range min(n, have) {
			_, width := utf8.DecodeRune(s[end:])
			end += width
		}
		return s[:end], nil, int64(end)
	}
	if n > maxText/utf8.UTFMax {
		return nil, nil, maxText + 1
	}
	for rest := fill; have < n; have++ {
		if len(rest) == 0 {
			rest = fill
		}
		_, width := utf8.DecodeRune(rest)
		padding = append(padding, rest[:width]...)
		rest = rest[width:]
	}
	return s, padding, int64(len(s) + len(padding))
}
