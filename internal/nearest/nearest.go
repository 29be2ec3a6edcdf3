// Package nearest finds the name that a misspelled one was meant to be.
package nearest

import (
	"iter"
	"strings"
)

// Name returns the name that text is a slip of the pen away from, regardless of case: one wrong, missing, surplus or
// swapped character in three. Among equally near ones the first counts. It is "" when none is near.
func Name(text string, names iter.Seq[string]) string {
	const longest = 64 // nobody means a name that is longer; distance takes the product of lengths
	if len(text) > longest {
		return ""
	}
	text = strings.ToLower(text)
	found, least := "", max(1, len(text)/3)+1
	for name := range names {
		if d := distance(text, strings.ToLower(name), least); d < least {
			found, least = name, d
		}
	}
	return found
}

// distance counts the changes that make b of a: characters inserted, deleted, replaced, and neighbours swapped (Damerau
// and Levenshtein, each place changed once at most). Distances from enough on need not be exact.
func distance(a, b string, enough int) int {
	if len(a)-len(b) >= enough || len(b)-len(a) >= enough {
		return enough
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range len(b) {
			replaced := last[j]
			if a[i] != b[j] {
				replaced++
			}
			row[j+1] = min(replaced, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
