package flightsql

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"
)

// hashSQL names the shape of a statement: the same for statements that differ only in literals, white space, comments
// and the case of unquoted words. It is 16 hexadecimal digits.
func hashSQL(sql string) string {
	sum := sha256.Sum256([]byte(shape(sql)))
	return hex.EncodeToString(sum[:8])
}

// shape joins the tokens of sql by single spaces: numbers and string literals as ?, unquoted words in lower case,
// comments left out. Text that ends within a quote or comment is only squeezed.
func shape(sql string) string {
	var out strings.Builder
	out.Grow(len(sql))
	token := func(text string) {
		if out.Len() > 0 {
			out.WriteByte(' ')
		}
		out.WriteString(text)
	}
	for rest := sql; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		n := size
		switch {
		case unicode.IsSpace(r):
		case strings.HasPrefix(rest, "--"):
			if n = strings.IndexByte(rest, '\n'); n < 0 {
				n = len(rest)
			}
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				return squeeze(sql)
			}
			n = end + 4
		case r == '\'', r == '"':
			if n = quoted(rest, byte(r)); n < 0 {
				return squeeze(sql)
			}
			if r == '"' {
				token(rest[:n])
			} else {
				token("?")
			}
		case r >= '0' && r <= '9', r == '.' && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9':
			n = number(rest)
			token("?")
		case r == '_' || unicode.IsLetter(r):
			n = strings.IndexFunc(rest, func(r rune) bool {
				return r != '_' && r != '$' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
			})
			if n < 0 {
				n = len(rest)
			}
			token(strings.ToLower(rest[:n]))
		default:
			if len(rest) > 1 {
				switch rest[:2] {
				case "<=", ">=", "<>", "!=", "||", "::", "->", "=>":
					n = 2
				}
			}
			token(rest[:n])
		}
		rest = rest[n:]
	}
	return out.String()
}

// quoted returns the length of the quoted text at the start of s, a doubled quote being part of it; -1 when it does not
// end.
func quoted(s string, quote byte) int {
	for i := 1; i < len(s); i++ {
		if s[i] != quote {
			continue
		}
		if i+1 < len(s) && s[i+1] == quote {
			i++
			continue
		}
		return i + 1
	}
	return -1
}

// number returns the length of the number at the start of s: digits, a point, an exponent.
func number(s string) int {
	i := 0
	digits := func() {
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
	}
	digits()
	if i < len(s) && s[i] == '.' {
		i++
		digits()
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		before := i
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if start := i; start == len(s) || s[start] < '0' || s[start] > '9' {
			return before
		}
		digits()
	}
	return i
}

// squeeze makes every run of white space one space.
func squeeze(sql string) string { return strings.Join(strings.Fields(sql), " ") }
