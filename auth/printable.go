package auth

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxPrinted is the length in bytes at which a name from outside is cut in a log line.
const maxPrinted = 256

// Printable returns s fit for a log line or a terminal: control, format and bidirectional characters and broken UTF-8
// become U+FFFD, and it is cut at 256 bytes (B20). Names may be any other Unicode.
func Printable(s string) string {
	cut := false
	if len(s) > maxPrinted {
		n := maxPrinted
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s, cut = s[:n], true
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if cut {
		s += "…"
	}
	return s
}
