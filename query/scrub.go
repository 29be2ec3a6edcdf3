package query

import (
	"regexp"
	"strings"
)

var (
	singleQuoted = regexp.MustCompile(`(?s)'.*'`)
	doubleQuoted = regexp.MustCompile(`(?s)".*"`)
	backQuoted   = regexp.MustCompile("(?s)`.*`")
	// unquoted are the ends of messages about regular expressions and digits: what is wrong, without quotes.
	unquoted = regexp.MustCompile(`(?s)((?:missing [)\]]|unexpected \)|invalid escape sequence|no argument for repetition operator|` +
		`bad repetition operator|invalid perl operator|invalid character class(?: range)?|invalid repetition size|` +
		`(?:invalid|duplicate) (?:named )?(?:capture )?group(?: name)?|(?:hex|binary) digit|blob conversion of string "[^"]*"): )(.*)$`)
	numeral = regexp.MustCompile(`(^|[^\w.])(-?\d[\w.+-]*)`)
)

// scrub leaves values out of the message of an error that came up while rows were computed, unless the statement itself
// holds them. The engine may evaluate an expression on rows before the condition that hides them from the caller.
func scrub(message, sql string) string {
	hide := func(quoted string) string {
		if inner := quoted[1 : len(quoted)-1]; strings.Contains(sql, inner) {
			return quoted
		}
		return quoted[:1] + "…" + quoted[:1]
	}
	message = doubleQuoted.ReplaceAllStringFunc(message, hide)
	message = singleQuoted.ReplaceAllStringFunc(message, hide)
	message = backQuoted.ReplaceAllStringFunc(message, hide)
	message, _, _ = strings.Cut(message, "\n") // strptime shows the text in a line of its own
	if m := unquoted.FindStringSubmatch(message); m != nil && !strings.Contains(sql, m[2]) {
		message = strings.TrimSuffix(message, m[2]) + "…"
	}
	return numeral.ReplaceAllStringFunc(message, func(found string) string {
		m := numeral.FindStringSubmatch(found)
		if strings.Contains(sql, strings.TrimRight(m[2], "+-.")) {
			return found
		}
		return m[1] + "…"
	})
}
