package flightsql

import "unicode/utf8"

// like reports whether text matches a SQL pattern: % stands for any text, _ for one character, a backslash takes the
// next character as it is. The time is at most the product of the lengths.
func like(pattern, text string) bool {
	// After a %, retry is the pattern behind it and from the first place in text that was not yet tried for it.
	retry, from, seen := "", "", false
	for {
		literal, size := "", 0
		if pattern != "" {
			_, size = utf8.DecodeRuneInString(pattern)
			literal = pattern[:size]
			if literal == `\` && len(pattern) > 1 {
				_, n := utf8.DecodeRuneInString(pattern[1:])
				literal, size = pattern[1:1+n], 1+n
			}
		}
		switch {
		case pattern != "" && pattern[0] == '%':
			pattern = pattern[1:]
			retry, from, seen = pattern, text, true
			continue
		case pattern == "" && text == "":
			return true
		case pattern != "" && text != "":
			_, n := utf8.DecodeRuneInString(text)
			if pattern[0] == '_' || literal == text[:n] {
				pattern, text = pattern[size:], text[n:]
				continue
			}
		}
		if !seen || from == "" {
			return false
		}
		_, n := utf8.DecodeRuneInString(from)
		from = from[n:]
		pattern, text = retry, from
	}
}
