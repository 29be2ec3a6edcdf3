package static

import (
	"fmt"
	"strings"
)

// mistake is what is wrong with a file, for whoever supplies it.
type mistake struct {
	file string
	line int // from 1; 0 when it is about the file as a whole
	msg  string
	fix  string
}

// Error names the place, what is wrong and what to do.
func (m *mistake) Error() string {
	var b strings.Builder
	b.WriteString(printable(m.file))
	if m.line > 0 {
		fmt.Fprintf(&b, ", line %d", m.line)
	}
	b.WriteString(": " + m.msg)
	if m.fix != "" {
		b.WriteString("; " + m.fix)
	}
	return b.String()
}

// printable is a piece of a file for a message: short, and without what could forge lines of a log.
func printable(text string) string {
	const most = 64
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}
