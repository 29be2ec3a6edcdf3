package query

import "strings"

// Bare returns a statement without comments, and with one space where there is any between two tokens; what stands between quotes
// stays. A text that is no statement, as one whose quotes do not close, comes back as it is.
func Bare(sql string) string {
	tokens, err := tokenise(sql)
	if err != nil {
		return sql
	}
	var b strings.Builder
	b.Grow(len(sql))
	space := false
	for _, t := range tokens {
		if t.kind == tokenSpace || t.kind == tokenComment {
			space = true
			continue
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		b.WriteString(sql[t.pos:t.end])
	}
	return b.String()
}
